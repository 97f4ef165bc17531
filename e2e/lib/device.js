/** A device: one Chromium process with one person's camera and microphone. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { camera, microphone } from './fake-media.js'
import { PALETTE, PEOPLE } from './people.js'

const IN_PAGE = fileURLToPath(new URL('./in-page.js', import.meta.url))

/** How long anything that should happen may take, in milliseconds. Slow machines are slow; a hang still ends. */
export const PATIENCE_MS = 20_000

/** How long a sound is listened to: several bursts. */
const LISTEN_MS = 1500

/** Frames that make a picture credible, and how long they may take. */
const LOOK_FRAMES = 8
const LOOK_MS = 3000

/**
 * @typedef {object} DeviceOptions
 * @property {boolean} [loopback] may media use a loopback address (browsers of users may not); default true
 * @property {'fake' | 'no camera'} [hardware] default fake
 * @property {'grant' | 'deny'} [prompts] how the person answers the browser's question; default grant
 */

/** @returns {string} the Chromium to run */
function executable() {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  const found = candidates.find((path) => path && existsSync(path))
  if (!found) throw new Error('no Chromium found: install it (apt-get install chromium), or name it in $CHROMIUM')
  return found
}

/** One browser process. */
export class Device {
  /** @type {import('playwright-core').Browser} */ #browser
  #pages = []
  #prompts

  constructor(person, browser, prompts) {
    this.person = person
    this.#browser = browser
    this.#prompts = prompts
  }

  /**
   * @param {keyof PEOPLE} name whose camera and microphone it has
   * @param {DeviceOptions} [options]
   */
  static async start(name, { loopback = true, hardware = 'fake', prompts = 'grant' } = {}) {
    const person = PEOPLE[name]
    const fake = hardware === 'no camera' ? '=device-count=0' : ''
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      `--use-fake-device-for-media-stream${fake}`,
      `--use-file-for-fake-video-capture=${camera(person)}`,
      `--use-file-for-fake-audio-capture=${microphone(person)}`,
      prompts === 'grant' ? '--use-fake-ui-for-media-stream' : '--deny-permission-prompts',
    ]
    if (loopback) args.push('--allow-loopback-in-peer-connection')
    const browser = await chromium.launch({ executablePath: executable(), headless: true, args })
    return new Device(person, browser, prompts)
  }

  /**
   * A fresh page, with nothing of an earlier one.
   *
   * @param {string} url
   * @param {{ viewport?: { width: number, height: number }, locale?: string, onPage?: (page: any) => Promise<void> }}
   *   [options] `onPage` prepares the page before it loads
   * @returns {Promise<Page>}
   */
  async open(url, { viewport = { width: 900, height: 700 }, locale = 'en-US', onPage, ...more } = {}) {
    const context = await this.#browser.newContext({ viewport, locale, ...more })
    await context.addInitScript({ path: IN_PAGE })
    const page = await context.newPage()
    const wrapped = new Page(page, context)
    await onPage?.(page)
    await page.goto(url)
    this.#pages.push(wrapped)
    return wrapped
  }

  async stop() {
    await this.#browser.close()
  }
}

/** A page and the means to see what it hears and sees. */
export class Page {
  /** Errors that nobody caught. A test that ends with one has failed. */
  faults = []

  constructor(page, context) {
    this.raw = page
    this.context = context
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => this.faults.push(String(error.stack ?? error)))
    page.on('console', (message) => {
      if (process.env.E2E_CONSOLE) console.log(`[console ${message.type()}] ${message.text()}`)
    })
  }

  evaluate(fn, argument) {
    return this.raw.evaluate(fn, argument)
  }

  /** Whose picture arrives. */
  look(options = {}) {
    const all = { palette: PALETTE, ms: LOOK_MS, frames: LOOK_FRAMES, ...options }
    return this.raw.evaluate((o) => window.__e2e.look(o), all)
  }

  /** Whose sound arrives. */
  listen(options = {}) {
    return this.raw.evaluate((o) => window.__e2e.listen(o), { palette: PALETTE, ms: LISTEN_MS, ...options })
  }

  /** Waits until this person's moving picture arrives. */
  sees(name) {
    return this.#until(`${name}'s picture`, () => this.look(), (seen) => seen.who === name && seen.moving)
  }

  /** Waits until this person's tone arrives. */
  hears(name) {
    return this.#until(`${name}'s tone`, () => this.listen(), (heard) => heard.who === name)
  }

  /** Waits until a whole listening time was silent. */
  hearsNobody() {
    return this.#until('silence', () => this.listen(), (heard) => heard.who === 'nobody')
  }

  /** Packets, frames, negotiations and state of the live connection. */
  counts() {
    return this.raw.evaluate(() => window.__e2e.counts())
  }

  /** What `getUserMedia` was asked, and the state of each track that it gave. */
  deviceRequests() {
    return this.raw.evaluate(() => window.__e2e.deviceRequests())
  }

  /** Tracks of cameras and microphones that are still open. */
  async openTracks() {
    const requests = await this.deviceRequests()
    return requests.flatMap((r) => r.tracks).filter((t) => t.state === 'live').map((t) => t.kind)
  }

  /** Waits until the transport is in this state. */
  async connection(state = 'connected') {
    await this.raw.waitForFunction((s) => window.__e2e.live()?.connectionState === s, state, { polling: 50 })
  }

  async #until(what, observe, enough) {
    const end = Date.now() + PATIENCE_MS
    let last
    do {
      last = await observe()
      if (enough(last)) return last
    } while (Date.now() < end)
    throw new Error(`waited ${PATIENCE_MS} ms for ${what}; the last observation was ${JSON.stringify(last)}`)
  }

  async close() {
    await this.context.close()
  }
}
