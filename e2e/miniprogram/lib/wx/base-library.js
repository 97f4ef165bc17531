/** The members of `wx`, as the published typings of base library 2.10.0 have them. */

import { readFileSync } from 'node:fs'

/** @type {{ version: string, api: Record<string, Record<'object' | 'success' | 'return', string[]>> }} */
export const BASE = JSON.parse(readFileSync(new URL('../wx-2.10.0.json', import.meta.url), 'utf8'))
