/**
 * Runs test files, each in a process of its own, one after the other: `node run.js [FILE…]`. It always ends by itself:
 * a file that hangs is ended and named, and nothing that it started stays behind.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The longest that one file may take, and all of them, in milliseconds. */
const FILE_MS = 4 * 60_000
const ALL_MS = 20 * 60_000
/** How long a file's process may take to end what it started. */
const LEAVING_MS = 10_000

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const named = process.argv.slice(2)
const files = named.length ? named : readdirSync(here('tests')).filter((f) => f.endsWith('.test.js')).sort().map((f) => here(`tests/${f}`))

/** The process of the present file, and the way to end it. */
let current
/** The signal that ends the run. */
let stopped
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopped ??= signal
    current?.end()
  })
}

/** @returns {Promise<string | undefined>} why it failed */
async function run(file, ms) {
  const options = ['--test-force-exit', `--test-reporter=${here('lib/progress.js')}`, '--test-reporter-destination=stdout']
  // A group of its own: what is left of it can be ended as one.
  const child = spawn(process.execPath, [...options, file], { stdio: ['ignore', 'inherit', 'inherit'], detached: true })
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
  current = { end }
  const [code, signal] = await once(child, 'exit')
  current = undefined
  timers.forEach(clearTimeout)
  killGroup(child.pid)
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
for (const file of files) {
  const left = ALL_MS - (Date.now() - began)
  const since = Date.now()
  console.log(`\n${basename(file)}`)
  const why = left > 0 ? await run(file, Math.min(FILE_MS, left)) : 'was not run: the time was up'
  console.log(`${basename(file)} ${why ?? 'passed'} (${Math.round((Date.now() - since) / 1000)} s)`)
  if (why) failed.push(`${basename(file)} ${why}`)
  else passed++
  if (stopped) break
}
const time = Math.round((Date.now() - began) / 1000)
if (stopped) failed.push(`the run was stopped by ${stopped}`)
console.log(`\n${passed} of ${files.length} files passed in ${Math.floor(time / 60)} min ${time % 60} s`)
for (const line of failed) console.log(`  ${line}`)
process.exitCode = stopped ? 143 : failed.length ? 1 : 0
