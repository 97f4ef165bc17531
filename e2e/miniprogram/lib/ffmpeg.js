/** Every ffmpeg that is started, and the end of each: none outlives the phone that it works for. */

import { spawn } from 'node:child_process'
import { ended, LEAVING_MS, started, until, within } from './shared.js'

/** Lines of an ffmpeg's log that are kept for a failing test. */
const LOG_KEPT = 60

/** @type {Set<Ffmpeg>} */
const running = new Set()

/** @returns {number[]} process ids of all that run: none when every phone is closed */
export const ffmpegsRunning = () => [...running].map(({ pid }) => pid)

/** Waits until none runs. */
export const noFfmpegLeft = () => until('no ffmpeg is left', () => !running.size, { last: ffmpegsRunning })

/** One ffmpeg. */
export class Ffmpeg {
  /** @type {string[]} */ log = []

  /**
   * @param {string} what whose it is
   * @param {string[]} args
   * @param {object} [options]
   * @param {('pipe' | 'ignore')[]} [options.stdio] stdin, stdout and more; stderr is read here
   * @param {(line: string) => void} [options.onLine] of its log
   * @param {(code: number | null) => void} [options.onExit]
   */
  constructor(what, args, { stdio: [input = 'ignore', output = 'ignore', ...more] = [], onLine, onExit } = {}) {
    const quiet = ['-hide_banner', '-nostats', '-threads', '1', '-filter_threads', '1']
    this.process = spawn('ffmpeg', [...quiet, ...args], { stdio: [input, output, 'pipe', ...more] })
    this.pid = this.process.pid
    running.add(this)
    started(this, what, () => this.process.kill('SIGKILL'))
    // A pipe breaks when it ends; that it ended is told by its exit.
    for (const pipe of this.process.stdio) pipe?.on('error', () => {})
    let rest = ''
    this.process.stderr.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split(/[\r\n]+/)
      rest = lines.pop()
      for (const line of lines) {
        this.log.push(line)
        onLine?.(line)
      }
      if (this.log.length > LOG_KEPT) this.log.splice(0, this.log.length - LOG_KEPT)
    })
    this.exited = new Promise((resolve) => {
      const over = (code) => {
        if (!running.delete(this)) return
        ended(this)
        resolve(code)
        onExit?.(code)
      }
      this.process.once('error', () => over(-1))
      this.process.once('close', over)
    })
  }

  /** Ends it at once, and waits until it is gone. */
  async kill() {
    this.process.kill('SIGKILL')
    for (const pipe of this.process.stdio) pipe?.destroy()
    await within(LEAVING_MS, `ffmpeg ${this.pid} to end`, this.exited)
  }
}

/** Runs one to its end and gives what it wrote. @param {string} what @param {string[]} args @param {Buffer | undefined} input @param {number} ms */
export async function make(what, args, input, ms) {
  const ffmpeg = new Ffmpeg(what, ['-loglevel', 'error', ...args], { stdio: [input ? 'pipe' : 'ignore', 'pipe'] })
  const parts = []
  ffmpeg.process.stdout.on('data', (part) => parts.push(part))
  ffmpeg.process.stdin?.end(input)
  try {
    const code = await within(ms, what, ffmpeg.exited)
    if (code !== 0) throw new Error(`${what}: ffmpeg ended with ${code}: ${ffmpeg.log.join('\n')}`)
  } finally {
    await ffmpeg.kill()
  }
  return Buffer.concat(parts)
}
