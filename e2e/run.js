/**
 * Runs test files, each in a process of its own, and always ends by itself: a file that hangs is ended and named, and
 * nothing that it started stays behind. `node run.js [--jobs=N] [--suite=NAME] [FILE…]`; without files all of them.
 *
 * Files wait more than they work, so that several run side by side; those that measure time run when nothing else does
 * (`schedule.js`). The end says once more why files failed: of a long log often only the end
 * is kept.
 */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { allFiles, groups, label, needsFirefox, needsLaboratory, SUITES } from './schedule.js'

/** Files that run at once where `--jobs` does not say. Higher: processors that would wait work. Lower: less waits for them. */
const JOBS = 4
/** The longest that one file may take, and all of them, in milliseconds. */
const FILE_MS = 5 * 60_000
const ALL_MS = 40 * 60_000
/** How long a file's process may take to end what it started. */
const LEAVING_MS = 10_000
/** Lines about a failed file that are said again at the end. Higher: more of its reasons. Lower: more files have room in the
 * tail of a log. */
const SAID_AGAIN = 40
/** Kernel clock ticks in a second, in which `/proc` counts. */
const TICKS = 100

/** @param {string} path */
const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const { jobs, files } = read(process.argv.slice(2))
const width = Math.max(...files.map((file) => label(file).length))

/** @param {string[]} given */
function read(given) {
  const files = given.filter((arg) => !arg.startsWith('--'))
  let [jobs, suites] = [JOBS, Object.keys(SUITES)]
  for (const option of given.filter((arg) => arg.startsWith('--'))) {
    const [, name, value] = /^--(jobs|suite)=(\w+)$/.exec(option) ?? []
    if (name === 'jobs' && Number(value) >= 1) jobs = Number(value)
    else if (name === 'suite' && suites.includes(value)) suites = [value]
    else throw new Error(`usage: node run.js [--jobs=N] [--suite=${Object.keys(SUITES).join('|')}] [FILE…], not ${option}`)
  }
  return { jobs, files: files.length ? files : allFiles(suites) }
}

/** The ways to end the processes that run. @type {Set<() => void>} */
const current = new Set()
/** The signal that ends the run. @type {string | undefined} */
let stopped
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopped ??= signal
    for (const end of current) end()
  })
}

/** Seconds that children which have ended, and theirs, have computed; not a number where there is no `/proc`. */
function computedS() {
  try {
    const [, fields = ''] = /\) (.*)/.exec(readFileSync('/proc/self/stat', 'utf8')) ?? []
    const [user, system] = fields.split(' ').slice(13, 15).map(Number)
    return ((user ?? NaN) + (system ?? NaN)) / TICKS
  } catch {
    return NaN
  }
}

/** What {@link computedS} said last. */
let counted = computedS()

/** What an ended file is remembered by. @typedef {{ why?: string, lines: string[], cpuS: number }} Outcome */

/** @param {string} file @param {number} ms @returns {Promise<Outcome>} */
async function run(file, ms) {
  const how = ['--test-force-exit', `--test-reporter=${here('lib/progress.js')}`, '--test-reporter-destination=stdout']
  // A group of its own: what is left of it can be ended as one.
  const child = spawn(process.execPath, [...how, file], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const name = label(file).padEnd(width)
  /** @type {string[]} */ const lines = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      // Of several at a time, each line says whose it is.
      console.log(jobs > 1 ? `${name} ${line}` : line)
    })
  }
  /** @type {NodeJS.Timeout[]} */ const timers = []
  const end = () => {
    child.kill('SIGTERM')
    timers.push(setTimeout(() => killGroup(child.pid), LEAVING_MS))
  }
  let late = false
  timers.push(
    setTimeout(() => {
      late = true
      end()
    }, ms),
  )
  current.add(end)
  const closed = once(child, 'close')
  const [code, signal] = await once(child, 'exit')
  // Node has just waited for it: what it and its children have computed was added.
  const [before, now] = [counted, (counted = computedS())]
  const cpuS = now - before
  current.delete(end)
  timers.forEach(clearTimeout)
  killGroup(child.pid)
  await closed // its last lines are written
  const why = late ? `was ended after ${ms / 1000} s: it hung` : code === 0 ? undefined : `ended with ${signal ?? code}`
  return { why, lines, cpuS }
}

/** @param {number | undefined} pid */
function killGroup(pid) {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
  }
}

/**
 * Of a failed file's lines those that say why: each test that failed, with its error; its last ones if it came to no word.
 *
 * @param {string[]} lines
 */
function reasons(lines) {
  /** @type {string[][]} */ const failures = []
  let failing = false
  for (const line of lines) {
    const begins = /^\s*[▸✔✖]/.test(line)
    if (begins) failing = line.trimStart().startsWith('✖')
    if (failing && begins) failures.push([])
    if (failing) failures.at(-1)?.push(line)
  }
  // Where a hook fails, so do all its tests: one reason is enough.
  const own = failures.filter((failure) => !failure.some((line) => line.includes('did not finish before its parent')))
  return failures.length ? (own.length ? own : failures).flat().slice(0, SAID_AGAIN) : lines.slice(-SAID_AGAIN)
}

const began = Date.now()
/** @type {{ file: string, why: string, lines: string[] }[]} */
const failed = []
let passed = 0

/** Runs files until none is left. @param {string[]} waiting */
async function work(waiting) {
  for (let file; !stopped && (file = waiting.shift()); ) {
    const left = ALL_MS - (Date.now() - began)
    const since = Date.now()
    console.log(`\n${label(file)}`)
    const { why, lines, cpuS } = left > 0 ? await run(file, Math.min(FILE_MS, left)) : { why: 'was not run: the time was up', lines: [], cpuS: 0 }
    const time = `${Math.round((Date.now() - since) / 1000)} s${Number.isNaN(cpuS) ? '' : `, ${Math.round(cpuS)} s of them computed`}`
    console.log(`${label(file)} ${why ?? 'passed'} (${time})`)
    if (why) failed.push({ file, why, lines })
    else passed++
  }
}

/** What some files need, the program that says whether it is there, and what is said of the files without it. */
const NEEDS = [
  { needs: needsLaboratory, program: '../scripts/namespaces', without: 'network namespaces are not allowed here' },
  { needs: needsFirefox, program: '../scripts/firefox', without: 'no Firefox is installed' },
]
/** Files that are left out, with the reason. CI runs everything. @type {Map<string, string>} */
const leftOut = new Map()
for (const { needs, program, without } of process.env.CI === 'true' ? [] : NEEDS) {
  const those = files.filter(needs)
  if (!those.length || spawnSync(here(program), { stdio: 'ignore' }).status === 0) continue
  for (const file of those) leftOut.set(file, without)
}
const chosen = files.filter((file) => !leftOut.has(file))

for (const group of groups(chosen, jobs)) {
  const waiting = [...group.files]
  await Promise.all(Array.from({ length: group.jobs }, () => work(waiting)))
}

const time = Math.round((Date.now() - began) / 1000)
for (const { file, why, lines } of failed) {
  console.log(`\n${label(file)} ${why}`)
  for (const line of reasons(lines)) console.log(`  ${line}`)
}
console.log(`\n${passed} of ${chosen.length} files passed in ${Math.floor(time / 60)} min ${time % 60} s`)
for (const { file, why } of failed) console.log(`  ${label(file)} ${why}`)
for (const [file, why] of leftOut) console.log(`  ${label(file)} was left out: ${why}`)
if (stopped) console.log(`  the run was stopped by ${stopped}`)
process.exitCode = stopped ? 143 : failed.length ? 1 : 0
