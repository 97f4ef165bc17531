/** The real binary, started on free ports with an empty data folder. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freeUdpPort, Relay } from './relay.js'

const run = promisify(execFile)

const BINARY = process.env.TRING_BIN ?? fileURLToPath(new URL('../../target/debug/tring', import.meta.url))

/** How long a start or a stop may take, in milliseconds. */
const START_WITHIN_MS = 20_000
const STOP_WITHIN_MS = 8_000

/** Bytes of the server's log that are kept for a failing test. */
const LOG_KEPT = 20_000

/**
 * @typedef {object} ServerOptions
 * @property {boolean} [demo] default true
 * @property {boolean} [relay] media passes through a {@link Relay} that counts it; default false
 * @property {boolean} [loopback] media listens on 127.0.0.1 only; else on the machine's other addresses; default true
 * @property {Record<string, Record<string, unknown>>} [settings] sections of the configuration file
 */

/** Tests call more often than people do. */
const LIMITS = { calls_per_minute: 6000, calls_burst: 1000 }

const toToml = (value) => (Array.isArray(value) ? `[${value.map(toToml).join(', ')}]` : JSON.stringify(value))

/** An address of this machine that is no loopback, or undefined. @returns {string | undefined} */
export function outsideAddress() {
  return Object.values(networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal)?.address
}

/** A running server. */
export class Server {
  log = ''
  /** @type {Relay | undefined} */ relay

  constructor(folder) {
    this.folder = folder
  }

  /** @param {ServerOptions} [options] */
  static async start({ demo = true, relay = false, loopback = true, settings = {} } = {}) {
    if (!existsSync(BINARY)) throw new Error('the binary is missing: run `cargo build -p tring` first')
    const server = new Server(mkdtempSync(join(tmpdir(), 'tring-e2e-')))
    const media = { bind: loopback ? '127.0.0.1' : '0.0.0.0', udp_port: 0, workers: 2, ...settings.media }
    if (relay) {
      media.workers = 1
      media.udp_port = await freeUdpPort()
      server.relay = await Relay.start(media.udp_port)
      media.advertise = [`127.0.0.1:${server.relay.port}`]
    }
    const lines = [`listen = "127.0.0.1:0"`, `data = ${JSON.stringify(join(server.folder, 'data'))}`, `demo = ${demo}`]
    for (const [section, entries] of Object.entries({ ...settings, media, limits: { ...LIMITS, ...settings.limits } })) {
      lines.push(`[${section}]`)
      for (const [key, value] of Object.entries(entries)) lines.push(`${key} = ${toToml(value)}`)
    }
    server.config = join(server.folder, 'tring.toml')
    writeFileSync(server.config, lines.join('\n'))
    server.process = spawn(BINARY, ['serve', '--config', server.config], {
      env: { ...process.env, RUST_LOG: process.env.RUST_LOG ?? 'info' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    process.once('exit', server.#onExit)
    await server.#greeting()
    if (demo) server.app = (await (await fetch(`${server.url}/demo/config.json`)).json()).sdkAppID
    return server
  }

  #onExit = () => {
    this.process?.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #greeting() {
    const { process: child } = this
    const port = await new Promise((resolve, reject) => {
      let text = ''
      const fail = (why) => reject(new Error(`the server ${why}.\n${text}\n${this.log}`))
      const timer = setTimeout(() => fail('did not say that it runs'), START_WITHIN_MS)
      child.stderr.setEncoding('utf8').on('data', (chunk) => {
        this.log = (this.log + chunk).slice(-LOG_KEPT)
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
    this.url = `http://127.0.0.1:${port}`
  }

  /**
   * A UserSig of the demo app's open signer.
   *
   * @param {string} userID
   * @returns {Promise<{ sdkAppID: number, userID: string, userSig: string }>}
   */
  async sign(userID) {
    const response = await fetch(`${this.url}/demo/usersig`, { method: 'POST', body: JSON.stringify({ userID }) })
    if (!response.ok) throw new Error(`the demo signer said ${response.status}: ${await response.text()}`)
    return response.json()
  }

  /** The command line of the same binary on the same data folder. @param {...string} args */
  async command(...args) {
    const { stdout } = await run(BINARY, [...args, '--data', join(this.folder, 'data')])
    return stdout
  }

  /** True while the process lives. */
  get running() {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  async stop() {
    if (this.running) {
      const exited = once(this.process, 'exit')
      this.process.kill('SIGTERM')
      const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_WITHIN_MS)
      await exited
      clearTimeout(timer)
    }
    await this.relay?.close()
    process.removeListener('exit', this.#onExit)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
