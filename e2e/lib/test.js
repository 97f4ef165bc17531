/** `node:test` with a deadline on everything: a test that hangs fails by its name, and the next one runs. */

import * as test from 'node:test'

/** The longest a test may take, in milliseconds, if it does not say otherwise: a call, its media and its end. */
const TEST_MS = 60_000
/** The same for what runs before and after: browsers start and end. */
const HOOK_MS = 60_000

/** @param {string} name @param {() => void} fn */
export const describe = (name, fn) => test.describe(name, fn)

/** @param {string} name @param {() => Promise<any> | void} fn @param {{ timeout?: number }} [options] */
export const it = (name, fn, options) => test.it(name, { timeout: TEST_MS, ...options }, fn)

export const before = (fn) => test.before(fn, { timeout: HOOK_MS })
export const after = (fn) => test.after(fn, { timeout: HOOK_MS })
export const beforeEach = (fn) => test.beforeEach(fn, { timeout: HOOK_MS })
export const afterEach = (fn) => test.afterEach(fn, { timeout: HOOK_MS })
