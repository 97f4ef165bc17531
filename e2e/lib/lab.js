/**
 * The laboratory (e2e/lab): hosts whose links delay, lose, reorder and repeat packets. Browsers, phones and the server
 * run in hosts; the tests outside talk to what they have started by pipes.
 */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { LEAVING_MS, PATIENCE_MS, within } from './deadline.js'
import { ended, started } from './ending.js'
import { TRING_LAB } from './paths.js'

const run = promisify(execFile)

/**
 * What a direction of a link does: fields as in e2e/lab/src/shape.rs, or text such as `delay=25ms loss=5%`. A shape
 * replaces the one before as a whole; `{}` is a perfect line.
 *
 * @typedef {string | { delay_ms?: number, jitter_ms?: number, loss?: number, burst?: number, rate_kbps?: number,
 *   queue_ms?: number, queue_bytes?: number, reorder?: number, reorder_ms?: number, duplicate?: number, down?: boolean,
 *   block_udp?: boolean }} Shape
 */
/** @typedef {{ up?: Shape, down?: Shape, addresses?: string[] }} HostPlan default: a perfect line, one IPv4 and one IPv6 address */

/** In a host: fetches what the first argument says, and prints the answer as JSON. */
const FETCH = `
  const { url, method, body, headers, ms } = JSON.parse(process.argv[1])
  const response = await fetch(url, { method, body, headers, signal: AbortSignal.timeout(ms) })
  console.log(JSON.stringify({ status: response.status, body: await response.text() }))`

/** A host of a laboratory. */
export class Host {
  constructor(lab, name) {
    this.lab = lab
    this.name = name
  }

  /** Its addresses now, the newest last. @returns {string[]} */
  get addresses() {
    return this.lab.info[this.name].addresses
  }

  /** Its IPv4 address. */
  get address() {
    return this.addresses.findLast((address) => !address.includes(':'))
  }

  /**
   * The command line that runs a program here.
   *
   * @param {...string} argv
   * @returns {string[]}
   */
  wrap(...argv) {
    return [...this.lab.info[this.name].enter, ...argv]
  }

  /** A program that runs another one here, for those who start it by its path alone. @param {string} program */
  executable(program) {
    return this.lab.program(`${this.name}-`, this.wrap(program))
  }

  /**
   * As the global one, from here: the hosts' network does not lead to the tests.
   *
   * @param {string} url
   * @param {{ method?: string, body?: string, headers?: Record<string, string> }} [options]
   * @returns {Promise<Response>}
   */
  async fetch(url, { method, body, headers } = {}) {
    const argument = JSON.stringify({ url, method, body, headers, ms: PATIENCE_MS })
    const [program, ...args] = this.wrap(process.execPath, '--input-type=module', '--eval', FETCH, argument)
    const { stdout } = await run(program, args, { timeout: PATIENCE_MS })
    const answer = JSON.parse(stdout)
    return new Response(answer.body, { status: answer.status })
  }
}

/** A running laboratory. */
export class Lab {
  /** What each host needs to be known by. @type {Record<string, { addresses: string[], pid: number, enter: string[] }>} */
  info = {}
  #lines
  #scripts = 0
  #said = ''
  /** Commands are answered one after the other. */
  #turn = Promise.resolve()

  constructor(folder) {
    this.folder = folder
  }

  /** @param {{ hosts: Record<string, HostPlan>, seed?: number }} topology runs of the same seed lose the same packets */
  static async start(topology) {
    if (!existsSync(TRING_LAB)) throw new Error('the laboratory is missing: run `cargo build -p tring-lab` first')
    const lab = new Lab(mkdtempSync(join(tmpdir(), 'tring-lab-')))
    started(lab, 'a laboratory', () => lab.#kill())
    try {
      await lab.#start(topology)
    } catch (error) {
      await lab.stop().catch(() => {})
      throw error
    }
    return lab
  }

  async #start(topology) {
    // A group of its own: an interrupt at the terminal is the tests' to handle.
    this.process = spawn(TRING_LAB, [], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    this.process.stdin.on('error', () => {}) // it has ended, and said why
    this.process.stderr.setEncoding('utf8').on('data', (chunk) => (this.#said += chunk))
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
    this.info = (await this.#ask(topology)).hosts
  }

  #kill() {
    this.process?.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** One line out, one line back. */
  #ask(command) {
    const answer = this.#turn.then(async () => {
      this.process.stdin.write(`${JSON.stringify(command)}\n`)
      const { value, done } = await within(PATIENCE_MS, 'the laboratory to answer', this.#lines.next())
      if (done) throw new Error(`the laboratory has ended: ${this.#said}`)
      const { error, ...rest } = JSON.parse(value)
      if (error) throw new Error(error)
      return rest
    })
    this.#turn = answer.catch(() => {})
    return answer
  }

  /** @param {string} name @returns {Host} */
  host(name) {
    if (!this.info[name]) throw new Error(`there is no host ${name}: the hosts are ${Object.keys(this.info)}`)
    return new Host(this, name)
  }

  /** The command line that runs a program in a host. @param {string} name @param {...string} argv */
  wrap(name, ...argv) {
    return this.host(name).wrap(...argv)
  }

  /** Changes what a host's link does from now on. @param {string} name @param {{ up?: Shape, down?: Shape }} shapes */
  async set(name, { up, down }) {
    await this.#ask({ set: name, up, down })
  }

  /** Gives a host another address in the place of its own. @param {string} name @param {string} address */
  async readdress(name, address) {
    const { addresses } = await this.#ask({ address: name, new: address })
    this.info[name].addresses = addresses
  }

  /**
   * Changes that come by themselves, at milliseconds from now: `{ at_ms, set, up, down }` and `{ at_ms, address, new }`.
   * Addresses that are changed so are not followed in {@link info}.
   */
  async script(steps) {
    await this.#ask({ script: steps })
  }

  /** Counts of each host's link since the start: see e2e/lab/src/link.rs. */
  async stats() {
    return this.#ask({ stats: true })
  }

  /** A file that runs a command with whatever arguments it is given. */
  program(name, argv) {
    const path = join(this.folder, `${name}${++this.#scripts}`)
    const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
    writeFileSync(path, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 })
    return path
  }

  async stop() {
    try {
      if (this.process?.exitCode === null && this.process.signalCode === null) {
        const exited = once(this.process, 'exit')
        this.process.stdin.end()
        await within(LEAVING_MS, 'the laboratory to end', exited)
      }
    } finally {
      this.#kill()
      ended(this)
    }
  }
}
