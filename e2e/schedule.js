/** Which test files there are, and in which order and company they run. */

import { readdirSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @param {string} path */
const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** Folders of each suite. */
export const SUITES = {
  browser: ['tests'],
  bridge: ['bridge/tests'],
  miniprogram: ['miniprogram/tests', 'miniprogram/simulate/tests'],
}

/** Those that measure time or loss, which a busy neighbour would change. Their bounds are those of a calm machine. */
const MEASURING = [
  'browser/13-lab', 'browser/15-weak', 'browser/16-roaming',
  'bridge/05-in-step', 'bridge/06-long', 'bridge/09-weak',
  'miniprogram/08-clocks',
]

/** Seconds that the longest files take, so that none of them begins when the others are about to end. */
const LONG = {
  'bridge/03-media': 138, 'bridge/04-cuts': 122, 'miniprogram/04-troubles': 104, 'browser/04-cuts': 97, 'browser/06-bad-input': 87,
  'miniprogram/03-media': 78, 'browser/09-hardware': 74, 'browser/01-calls': 59, 'browser/03-events': 57, 'bridge/07-bad-input': 57,
  'bridge/02-events': 50, 'browser/05-devices': 49, 'browser/07-demo': 49, 'browser/12-switch': 49, 'miniprogram/05-pages': 41,
}

/** @type {[string, string][]} a suite, and the whole path of a folder of it */
const FOLDERS = Object.entries(SUITES).flatMap(([suite, paths]) => paths.map((path) => /** @type {[string, string]} */ ([suite, here(path)])))

/** Whole paths of all test files. @param {string[]} suites */
export function allFiles(suites) {
  return FOLDERS.filter(([suite]) => suites.includes(suite)).flatMap(([, folder]) =>
    readdirSync(folder).filter((name) => name.endsWith('.test.js')).sort().map((name) => `${folder}/${name}`),
  )
}

/** A file's suite and name, such as `bridge/01-calls`. @param {string} file */
export function label(file) {
  const [suite] = FOLDERS.find(([, folder]) => folder === dirname(resolve(file))) ?? [dirname(file)]
  return `${suite}/${basename(file, '.test.js')}`
}

/** @param {string} file */
export const measuresTime = (file) => MEASURING.includes(label(file))

/** Higher: begins earlier. @param {string} file */
export const weight = (file) => LONG[/** @type {keyof typeof LONG} */ (label(file))] ?? 0
