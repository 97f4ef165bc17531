/** The real binary, started on free ports with an empty data folder. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { allDone, LEAVING_MS, PATIENCE_MS, until, within } from './deadline.js'
import { ended, started } from './ending.js'
import { TRING } from './paths.js'
import { freeUdpPort, Relay } from './relay.js'

const run = promisify(execFile)

/** Bytes of the server's log that are kept for a failing test. */
const LOG_KEPT = 20_000

/**
 * @typedef {object} ServerOptions
 * @property {number} [port] of HTTP, at every address of `host`, where all ports are free; default one that is free
 * @property {boolean} [demo] default true
 * @property {boolean} [relay] media passes through a {@link Relay} that counts it; default false
 * @property {boolean} [loopback] media listens on 127.0.0.1 only; else on the machine's other addresses; default true
 * @property {import('./lab.js').Host} [host] where it runs, if not on this machine: listens at the host's addresses
 * @property {boolean} [outside] HTTP and HTTPS are reached at the machine's other addresses too; default false
 * @property {Record<string, Record<string, unknown>>} [settings] sections of the configuration file
 */

/** Tests call more often than people do. */
const LIMITS = { calls_per_minute: 6000, calls_burst: 1000 }

const toToml = (value) => (Array.isArray(value) ? `[${value.map(toToml).join(', ')}]` : JSON.stringify(value))

/** An address of this machine that is no loopback, or undefined. @returns {string | undefined} */
export function outsideAddress() {
  return Object.values(networkInterfaces())
    .flat()
    .find((a) => a.family === 'IPv4' && !a.internal)?.address
}

/** A running server. */
export class Server {
  log = ''
  /** The log around the first panic. @type {string | undefined} */ panic
  /** @type {Relay | undefined} */ relay

  constructor(folder, host) {
    this.folder = folder
    this.host = host
  }

  /** @param {ServerOptions} [options] */
  static async start({ demo = true, relay = false, host, port, loopback = !host, outside = false, settings = {} } = {}) {
    if (!existsSync(TRING)) throw new Error('the binary is missing: run `cargo build -p tring` first')
    const server = new Server(mkdtempSync(join(tmpdir(), 'tring-e2e-')), host)
    started(server, 'a server', () => server.#kill())
    try {
      await server.#start({ demo, relay, loopback, outside, port, settings })
    } catch (error) {
      await server.stop().catch(() => {})
      throw error
    }
    return server
  }

  async #start({ demo, relay, loopback, outside, port, settings }) {
    const media = { bind: loopback ? '127.0.0.1' : '0.0.0.0', udp_port: 0, workers: 2, ...settings.media }
    if (relay) {
      media.workers = 1
      media.udp_port = await freeUdpPort()
      this.relay = await Relay.start(media.udp_port)
      media.advertise = [`127.0.0.1:${this.relay.port}`]
    }
    const anyPort = `${this.#address}:0`
    const listen = port || outside ? `0.0.0.0:${port ?? 0}` : anyPort
    const lines = [`listen = "${listen}"`, `data = ${JSON.stringify(join(this.folder, 'data'))}`, `demo = ${demo}`]
    for (const [section, entries] of Object.entries({ rtmp: { listen: anyPort }, ...settings, media, limits: { ...LIMITS, ...settings.limits } })) {
      lines.push(`[${section}]`)
      for (const [key, value] of Object.entries(entries)) lines.push(`${key} = ${toToml(value)}`)
    }
    this.config = join(this.folder, 'tring.toml')
    writeFileSync(this.config, lines.join('\n'))
    const command = [TRING, 'serve', '--config', this.config]
    const [program, ...args] = this.host?.wrap(...command) ?? command
    this.process = spawn(program, args, {
      env: { ...process.env, TRING_DATA: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    await this.#greeting()
    if (demo) this.app = (await (await this.#fetch('/demo/config.json')).json()).sdkAppID
  }

  get #address() {
    return this.host?.address ?? '127.0.0.1'
  }

  #kill() {
    this.process?.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #fetch(path, options = {}) {
    const url = this.url + path
    const direct = () => fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) })
    const response = await (this.host ? this.host.fetch(url, options) : direct())
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return response
  }

  async #greeting() {
    const { process: child } = this
    const port = await new Promise((resolve, reject) => {
      let text = ''
      const fail = (why) => reject(new Error(`the server ${why}.\n${text}\n${this.log}`))
      const timer = setTimeout(() => fail('did not say that it runs'), PATIENCE_MS)
      child.stderr.setEncoding('utf8').on('data', (chunk) => {
        this.log = (this.log + chunk).slice(-LOG_KEPT)
        if (this.log.includes('panicked at')) this.panic ??= this.log
        if (process.env.E2E_SERVER_LOG) process.stderr.write(chunk)
      })
      child.stdout.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
        const found = /ws:\/\/[^/]*:(\d+)\/v1\/socket[\s\S]*Stop with/.exec(text)
        if (!found) return
        clearTimeout(timer)
        this.greeting = text
        resolve(Number(found[1]))
      })
      child.once('error', (error) => fail(`could not be started: ${error.message}`))
      child.once('exit', (code) => {
        clearTimeout(timer)
        fail(`ended with ${code} instead of starting`)
      })
    })
    this.port = port
    this.url = `http://${this.#address}:${port}`
  }

  /**
   * A UserSig of the demo app's open signer.
   *
   * @param {string} userID
   * @returns {Promise<{ sdkAppID: number, userID: string, userSig: string }>}
   */
  async sign(userID) {
    const response = await this.#fetch('/demo/usersig', { method: 'POST', body: JSON.stringify({ userID }) })
    return response.json()
  }

  /** The command line of the same binary on the same data folder. @param {...string} args */
  async command(...args) {
    const { stdout } = await run(TRING, [...args, '--data', join(this.folder, 'data')], { timeout: PATIENCE_MS })
    return stdout
  }

  /**
   * How a call has ended, as the server has written it down.
   *
   * @param {string} callID
   * @returns {Promise<{ reason: string, talkedS: number }>} the name of an `EndReason`, and how long they talked, in seconds
   */
  async outcome(callID) {
    const line = new RegExp(`call ended.* call=${callID} .*reason=(\\w+) talked_s=(\\d+)`)
    const [, reason, seconds] = await until(`the server writes call ${callID} down`, () => line.exec(this.log))
    return { reason, talkedS: Number(seconds) }
  }

  /** How long a call was, in seconds. @param {string} callID */
  async talked(callID) {
    return (await this.outcome(callID)).talkedS
  }

  /** True while the process lives. */
  get running() {
    return this.process?.exitCode === null && this.process.signalCode === null
  }

  /** Throws what was wrong with it, if it has ended or panicked. */
  assertAlive() {
    if (!this.running) throw new Error(`the server has ended:\n${this.log}`)
    if (this.panic) throw new Error(`the server panicked:\n${this.panic}`)
  }

  async stop() {
    try {
      await allDone([this.#exit(), this.relay?.close()])
    } finally {
      this.#kill()
      ended(this)
    }
  }

  async #exit() {
    if (!this.running) return
    const exited = once(this.process, 'exit')
    this.process.kill('SIGTERM')
    await within(LEAVING_MS, 'the server to stop', exited)
  }
}
