/** Which test files there are, and in which order and company they run. */

import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @param {string} path */
const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** How many of {@link IN_SECONDS} run at once. Higher: sooner. Lower: further from their bounds. */
const JOBS_IN_SECONDS = 2

/** Folders of each suite. */
export const SUITES = {
  browser: ['tests'],
  bridge: ['bridge/tests'],
  miniprogram: ['miniprogram/tests', 'miniprogram/simulate/tests'],
}

/**
 * Files whose bounds are some seconds, and more than twice what a calm machine needs. They wait nearly all their time: some
 * of them run side by side, but nothing else does then.
 */
const IN_SECONDS = [
  'bridge/03-media',
  'bridge/04-cuts',
  'browser/16-roaming',
  'bridge/07-bad-input',
  'miniprogram/08-clocks',
  'browser/13-lab',
  'bridge/09-weak',
]
/** Files that run in the laboratory, which needs network namespaces. */
const IN_LABORATORY = ['browser/13-lab', 'browser/15-weak', 'browser/16-roaming', 'browser/18-loss', 'browser/19-first-page']
/** Files with a Firefox, which not every machine has. */
const IN_FIREFOX = ['browser/20-firefox']
/** Files that measure milliseconds, or how soon a screen says what a link does: nothing runs beside one. */
const ALONE = ['browser/10-gone', 'browser/15-weak', 'browser/18-loss', 'bridge/05-in-step', 'bridge/06-long', 'miniprogram/11-late-join']

/**
 * The longest of the others, so that none of them begins when the rest is about to end. A file that is not here comes after
 * them.
 */
const LONGEST_FIRST = [
  'miniprogram/04-troubles',
  'browser/04-cuts',
  'browser/06-bad-input',
  'browser/09-hardware',
  'miniprogram/03-media',
  'browser/01-calls',
  'browser/12-switch',
  'browser/07-demo',
  'browser/05-devices',
  'browser/03-events',
  'bridge/02-events',
  'miniprogram/05-pages',
  'bridge/08-background',
  'miniprogram/00-media',
  'browser/20-firefox',
  'browser/17-vendor-page',
  'browser/14-https',
]

/** @type {[string, string][]} a suite, and the whole path of a folder of it */
const FOLDERS = Object.entries(SUITES).flatMap(([suite, paths]) => paths.map((path) => /** @type {[string, string]} */ ([suite, here(path)])))

/** Whole paths of all test files. @param {string[]} suites */
export function allFiles(suites) {
  return FOLDERS.filter(([suite]) => suites.includes(suite)).flatMap(([, folder]) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.test.js'))
      .sort()
      .map((name) => `${folder}/${name}`),
  )
}

/** A file's suite and name, such as `bridge/01-calls`. @param {string} file */
export function label(file) {
  const [suite] = FOLDERS.find(([, folder]) => folder === dirname(resolve(file))) ?? [dirname(file)]
  return `${suite}/${basename(file, '.test.js')}`
}

// A file that was renamed must not fall out of its group unnoticed.
const known = new Set(allFiles(Object.keys(SUITES)).map(label))
for (const name of [...IN_SECONDS, ...IN_LABORATORY, ...IN_FIREFOX, ...ALONE, ...LONGEST_FIRST]) {
  if (!known.has(name)) throw new Error(`schedule.js names ${name}, and there is no such file`)
}

// Nor must a file that needs the laboratory or Firefox: where there is none it could only fail.
for (const file of allFiles(Object.keys(SUITES))) {
  const text = readFileSync(file, 'utf8')
  for (const [needs, what, named] of /** @type {const} */ ([
    [/from '[^']*\/(lab|weak-hint)\.js'/.test(text), 'the laboratory', IN_LABORATORY],
    [/from '[^']*\/firefox\.js'/.test(text), 'Firefox', IN_FIREFOX],
  ])) {
    if (needs !== named.includes(label(file))) throw new Error(`${label(file)} ${needs ? 'needs' : 'does not need'} ${what}: see schedule.js`)
  }
}

/**
 * Test files in groups that run one after the other, each with how many of its files may run at once.
 *
 * @param {string[]} files
 * @param {number} jobs how many of those may that do not measure time
 * @returns {{ jobs: number, files: string[] }[]}
 */
export function groups(files, jobs) {
  const measuring = [...IN_SECONDS, ...ALONE]
  /** @param {string[]} labels in the order in which their files shall begin */
  const named = (labels) => labels.flatMap((name) => files.filter((file) => label(file) === name))
  const others = files.filter((file) => !measuring.includes(label(file)) && !LONGEST_FIRST.includes(label(file)))
  return [
    { jobs, files: [...named(LONGEST_FIRST), ...others] },
    { jobs: Math.min(jobs, JOBS_IN_SECONDS), files: named(IN_SECONDS) },
    { jobs: 1, files: named(ALONE) },
  ]
}

/** Does it run in the laboratory? @param {string} file */
export const needsLaboratory = (file) => IN_LABORATORY.includes(label(file))

/** Is a Firefox in it? @param {string} file */
export const needsFirefox = (file) => IN_FIREFOX.includes(label(file))
