/**
 * Runs test files, each in a process of its own, one after the other: `node run.js [--jobs=N] [FILE…]`, or so many at a
 * time, where they wait more than they work. It always ends by itself: a file that hangs is ended and named, and nothing
 * that it started stays behind.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The longest that one file may take, and all of them, in milliseconds. */
const FILE_MS = 4 * 60_000
const ALL_MS = 20 * 60_000
/** How long a file's process may take to end what it started. */
const LEAVING_MS = 10_000
/** Columns of a file's name beside its lines. */
const WIDTH = 12

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const options = process.argv.slice(2).filter((arg) => arg.startsWith('--'))
const named = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const jobs = Number(/^--jobs=(\d+)$/.exec(options.join())?.[1] ?? (options.length ? NaN : 1))
if (!(jobs >= 1)) throw new Error(`usage: node run.js [--jobs=N] [FILE…], not ${options.join(' ')}`)
const files = named.length ? named : readdirSync(here('tests')).filter((f) => f.endsWith('.test.js')).sort().map((f) => here(`tests/${f}`))

/** The ways to end the processes that run. @type {Set<() => void>} */
const current = new Set()
/** The signal that ends the run. */
let stopped
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopped ??= signal
    for (const end of current) end()
  })
}

/** @returns {Promise<string | undefined>} why it failed */
async function run(file, ms) {
  const how = ['--test-force-exit', `--test-reporter=${here('lib/progress.js')}`, '--test-reporter-destination=stdout']
  // Of several at a time, each line says whose it is.
  const output = jobs > 1 ? 'pipe' : 'inherit'
  // A group of its own: what is left of it can be ended as one.
  const child = spawn(process.execPath, [...how, file], { stdio: ['ignore', output, output], detached: true })
  const label = basename(file).replace(/\.test\.js$/, '').padEnd(WIDTH)
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => console.log(`${label} ${line}`))
  }
  const timers = []
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
  current.delete(end)
  timers.forEach(clearTimeout)
  killGroup(child.pid)
  await closed // its last lines are written
  if (late) return `was ended after ${ms / 1000} s: it hung`
  return code === 0 ? undefined : `ended with ${signal ?? code}`
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

const began = Date.now()
const failed = []
let passed = 0
const waiting = [...files]
async function work() {
  for (let file; !stopped && (file = waiting.shift()); ) {
    const left = ALL_MS - (Date.now() - began)
    const since = Date.now()
    console.log(`\n${basename(file)}`)
    const why = left > 0 ? await run(file, Math.min(FILE_MS, left)) : 'was not run: the time was up'
    console.log(`${basename(file)} ${why ?? 'passed'} (${Math.round((Date.now() - since) / 1000)} s)`)
    if (why) failed.push(`${basename(file)} ${why}`)
    else passed++
  }
}
await Promise.all(Array.from({ length: jobs }, work))
const time = Math.round((Date.now() - began) / 1000)
if (stopped) failed.push(`the run was stopped by ${stopped}`)
console.log(`\n${passed} of ${files.length} files passed in ${Math.floor(time / 60)} min ${time % 60} s`)
for (const line of failed) console.log(`  ${line}`)
process.exitCode = stopped ? 143 : failed.length ? 1 : 0
