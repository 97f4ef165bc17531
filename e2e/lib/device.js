/** A device: one Chromium process with one person's camera and microphone. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { allDone, LEAVING_MS, PATIENCE_MS, until, within } from './deadline.js'
import { ended, started } from './ending.js'
import { camera, microphone } from './fake-media.js'
import { PALETTE, PEOPLE } from './people.js'

/** Text of a module without its imports and exports. @param {string} name */
function bare(name) {
  const text = readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8')
  return text.replace(/^export /gm, '').replace(/^import .*$/gm, '')
}

/** What runs in every page before its own scripts. */
export const IN_PAGE = `{ ${bare('./probe.js')}\n${bare('./in-page.js')} }`

/** How long a sound is listened to: several bursts. */
const LISTEN_MS = 1500

/** Blocks of 50 ms with a person's tone that make it theirs. */
const LISTEN_LOUD = 10

/** Silence that counts was read from samples for at least this long; the rest of a listening time may be start-up. */
const SILENCE_MS = 1000

/** Frames that make a picture credible, and how long they may take. */
const LOOK_FRAMES = 8
const LOOK_MS = 3000

/** Without a frame for this long there is no picture: two dozen would fall into it. */
const NO_FRAME_MS = 1500

/** What in-page.js says where nothing can arrive. */
const NO_RECEIVER = 'nothing can arrive here'

/** Longest run of a script in a page: a method of the SDK may wait for the server itself. */
const EVALUATE_MS = 30_000

/**
 * What is plugged in.
 *
 * | name | microphones | cameras |
 * |---|---|---|
 * | person | the person's | the person's |
 * | several cameras | the person's | three of the browser's own, of which the middle one is for depths: no call can send it |
 * | no camera | the person's | none |
 * | nothing | none | none |
 *
 * @typedef {'person' | 'several cameras' | 'no camera' | 'nothing'} Hardware
 */

/** @param {import('./people.js').Person} person @param {Hardware} hardware @param {Files} files @returns {string[]} switches */
function plug(person, hardware, { film, voice }) {
  const fake = '--use-fake-device-for-media-stream'
  const sound = `--use-file-for-fake-audio-capture=${voice ?? microphone(person)}`
  switch (hardware) {
    case 'person':
      return [fake, sound, `--use-file-for-fake-video-capture=${film ?? camera(person)}`]
    case 'several cameras':
      return [`${fake}=device-count=3`, sound]
    case 'no camera':
      return [`${fake}=device-count=0`, sound]
    case 'nothing':
      return []
  }
  throw new Error(`no such hardware: ${hardware}`)
}

/** @typedef {{ film?: string, voice?: string }} Files what the camera and the microphone give, if not the person's own */

/**
 * @typedef {object} DeviceOptions
 * @property {Files} [files]
 * @property {boolean} [loopback] may media use a loopback address (browsers of users may not); default true
 * @property {Hardware} [hardware] default person
 * @property {'grant' | 'deny'} [prompts] how the person answers the browser's question; default grant
 * @property {import('./lab.js').Host} [host] where it runs, if not on this machine; no loopback for media then
 * @property {string} [trusted] an origin without TLS whose pages may use devices all the same
 * @property {string} [home] the user's folder, in which a browser looks for certificates; default that of the tests
 * @property {Record<string, string>} [hosts] addresses of names, as a name server would give them
 * @property {boolean} [autoplay] may pages play before they were touched (browsers of users forbid it); default true
 */

/** @returns {string} the Chromium to run */
function executable() {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  const found = candidates.find((path) => path && existsSync(path))
  if (!found) throw new Error('no Chromium found: install it (apt-get install chromium), or name it in $CHROMIUM')
  return found
}

async function pidOf(browser) {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  return processInfo.find((p) => p.type === 'browser').id
}

/** One browser process. */
export class Device {
  /** @type {import('playwright-core').Browser} */ #browser
  /** @type {number | undefined} */ #pid

  constructor(person, browser) {
    this.person = person
    this.#browser = browser
  }

  /**
   * @param {keyof PEOPLE} name whose camera and microphone it has
   * @param {DeviceOptions} [options]
   */
  static async start(name, options = {}) {
    const { host, trusted, loopback = !host, hardware = 'person', prompts = 'grant', autoplay = true, home, hosts = {}, files = {} } = options
    const person = PEOPLE[name]
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...plug(person, hardware, files),
      prompts === 'grant' ? '--use-fake-ui-for-media-stream' : '--deny-permission-prompts',
    ]
    const rules = Object.entries(hosts).map(([name, address]) => `MAP ${name} ${address}`)
    if (rules.length) args.push(`--host-resolver-rules=${rules.join(', ')}`)
    if (autoplay) args.push('--autoplay-policy=no-user-gesture-required')
    if (loopback) args.push('--allow-loopback-in-peer-connection')
    if (trusted) args.push(`--unsafely-treat-insecure-origin-as-secure=${trusted}`)
    const browser = await chromium.launch({
      executablePath: host?.executable(executable()) ?? executable(),
      headless: true,
      args,
      ...(home ? { env: { ...process.env, HOME: home, XDG_CONFIG_HOME: undefined, XDG_DATA_HOME: undefined } } : {}),
      timeout: PATIENCE_MS,
      // See ending.js.
      handleSIGHUP: false,
      handleSIGINT: false,
      handleSIGTERM: false,
    })
    const device = new Device(person, browser)
    started(device, `${name}'s browser`, () => device.kill())
    try {
      device.#pid = await within(PATIENCE_MS, 'the browser to name its process', pidOf(browser))
    } catch (/** @type {any} */ error) {
      await device.stop().catch(() => {})
      throw error
    }
    return device
  }

  /**
   * A fresh page, with nothing of an earlier one.
   *
   * @param {string} url
   * @param {import('playwright-core').BrowserContextOptions & {
   *   onPage?: (page: import('playwright-core').Page) => Promise<any>,
   *   onEvent?: (event: any) => void,
   * }} [options] `permissions`: what the person has allowed before, asked for the rest; `onPage` prepares the page before it
   * loads; `onEvent` hears what scripts of the page give to `__e2e.tell`
   * @returns {Promise<Page>}
   */
  async open(url, { viewport = { width: 900, height: 700 }, locale = 'en-US', onPage, onEvent, ...more } = {}) {
    const context = await within(PATIENCE_MS, 'a new profile', this.#browser.newContext({ viewport, locale, ...more }))
    await context.addInitScript({ content: IN_PAGE })
    const page = await within(PATIENCE_MS, 'a new page', context.newPage())
    const session = await within(PATIENCE_MS, 'a session of the page', context.newCDPSession(page))
    // The library's own way to call back counts as a touch by the user.
    session.on('Runtime.bindingCalled', ({ payload }) => onEvent?.(JSON.parse(payload)))
    const listening = [session.send('Runtime.enable'), session.send('Runtime.addBinding', { name: '__e2eTell' })]
    await within(PATIENCE_MS, 'the page to be listened to', Promise.all(listening))
    const wrapped = new Page(page, context, session)
    await onPage?.(page)
    await page.goto(url)
    return wrapped
  }

  /** The browser's, as `156.0.1.2`. */
  get version() {
    return this.#browser.version()
  }

  /** Ends the browser as a crash does. */
  kill() {
    if (!this.#pid) return
    try {
      process.kill(-this.#pid, 'SIGKILL')
    } catch (/** @type {any} */ error) {
      if (error.code !== 'ESRCH') throw error
    }
  }

  async stop() {
    try {
      await within(LEAVING_MS, `${this.person.name}'s browser to end`, this.#browser.close())
    } finally {
      this.kill()
      ended(this)
    }
  }
}

/** Closes the pages of one test; gives the errors that nobody caught in them. @param {Page[]} pages */
export async function closePages(pages) {
  const closing = pages.splice(0)
  await allDone(closing.map((page) => page.close()))
  return closing.flatMap((page) => page.faults)
}

/** A page and the means to see what it hears and sees. */
export class Page {
  /** Errors that nobody caught. A test that ends with one has failed. */
  faults = []

  #session

  constructor(page, context, session) {
    this.raw = page
    this.context = context
    this.#session = session
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => this.faults.push(String(error.stack ?? error)))
    page.on('console', (message) => {
      if (process.env.E2E_CONSOLE) console.log(`[console ${message.type()}] ${message.text()}`)
    })
  }

  /**
   * Runs a script in the page, which does not take it for a touch by the user, as with the library's own way.
   *
   * @param {((argument: any) => any) | string} fn
   * @param {any} [argument] as JSON
   */
  async evaluate(fn, argument) {
    const call = typeof fn === 'string' ? fn : `(${fn})(${JSON.stringify(argument) ?? ''})`
    const expression = `(async () => {
      try {
        return { value: await ${call} }
      } catch (/** @type {any} */ error) {
        // Chromium's stacks begin with what went wrong, Firefox's have only places.
        const { stack } = error ?? {}
        return { error: stack?.includes(error.message) ? stack : [error, stack].join('\\n') }
      }
    })()`
    const options = { expression, awaitPromise: true, returnByValue: true, userGesture: false }
    const outcome = this.#session.send('Runtime.evaluate', options)
    const { result, exceptionDetails } = await within(EVALUATE_MS, `the page: ${call.slice(0, 100)}`, outcome)
    const { value, error = exceptionDetails?.text } = result.value ?? {}
    if (error) throw new Error(error)
    return value
  }

  /**
   * Clicks where this is, with the mouse, as a person can: nothing may lie over it.
   *
   * @param {string} selector looked for in open shadow roots too
   * @param {string} [where] only inside this
   */
  async click(selector, where) {
    const find = () => this.evaluate(([s, w]) => window.__e2e.whereToClick(s, w ?? undefined), [selector, where])
    const { x, y } = await until(`${where ?? ''} ${selector} can be clicked`, find)
    await within(PATIENCE_MS, 'a click', this.raw.mouse.click(x, y))
  }

  /** Presses a key where the focus is. */
  async press(key) {
    await within(PATIENCE_MS, `the key ${key}`, this.raw.keyboard.press(key))
  }

  /** Whose picture arrives, and whether a player shows it. */
  look(options = {}) {
    const all = { palette: PALETTE, ms: LOOK_MS, frames: LOOK_FRAMES, ...options }
    return this.evaluate((o) => window.__e2e.look(o), all)
  }

  /** Whose sound arrives, and whether a player lets it be heard. */
  listen(options = {}) {
    return this.evaluate((o) => window.__e2e.listen(o), { palette: PALETTE, ms: LISTEN_MS, ...options })
  }

  /**
   * Waits until this person's moving picture arrives.
   *
   * @param {string} name
   * @param {{ shown?: boolean, at?: number }} [options] `shown`: and is on the screen; `at`: on which connection
   */
  sees(name, { shown = false, at } = {}) {
    const enough = (seen) => seen.who === name && seen.moving && (seen.played || !shown)
    return this.#until(`${name}'s picture`, () => this.look({ at }), enough)
  }

  /**
   * Waits until this person's tone arrives and is played to the user.
   *
   * @param {string} name
   * @param {{ at?: number }} [options] on which connection
   */
  hears(name, { at } = {}) {
    const enough = (heard) => heard.who === name && heard.played
    return this.#until(`${name}'s tone`, () => this.listen({ at, enough: LISTEN_LOUD }), enough)
  }

  /** Waits until a whole listening time was silent: sound arrives, is played, and holds nothing. */
  hearsNobody() {
    const enough = (heard) => heard.who === 'nobody' && heard.heardMs >= SILENCE_MS && heard.played
    return this.#until('silence', () => this.listen(), enough)
  }

  /** Waits until no frame arrives where one could, for a whole time of looking. */
  seesNobody() {
    return this.#until(
      'no picture',
      () => this.look({ ms: NO_FRAME_MS, frames: 1 }),
      (seen) => seen.frames === 0,
    )
  }

  /** Packets, frames, negotiations and state of a live connection. */
  counts(at) {
    return this.evaluate((n) => window.__e2e.counts(n), at)
  }

  /** What `getUserMedia` was asked, and the state of each track that it gave. */
  deviceRequests() {
    return this.evaluate(() => window.__e2e.deviceRequests())
  }

  /** What its sockets have done. @returns {Promise<{ sockets: number, open: number, logins: number, resumed: number }>} */
  session() {
    return this.evaluate(() => window.__e2e.session())
  }

  /** Tracks of cameras and microphones that are still open. */
  async openTracks() {
    const requests = await this.deviceRequests()
    return requests
      .flatMap((r) => r.tracks)
      .filter((t) => t.state === 'live')
      .map((t) => t.kind)
  }

  /** Waits until these are the open tracks. @param {string[]} kinds */
  async tracks(kinds) {
    let last
    const same = async () => (last = (await this.openTracks()).sort()).join() === [...kinds].sort().join()
    await until(`the open devices are [${kinds}]`, same, { last: () => last })
  }

  /** Waits until the transport is in this state. */
  async connection(state = 'connected') {
    let last
    const is = async () => (last = await this.evaluate(() => window.__e2e.live()?.connectionState)) === state
    await until(`the transport is ${state}`, is, { last: () => last })
  }

  /** @param {string} what @param {() => Promise<any>} observe @param {(observed: any) => boolean} enough @returns {Promise<any>} */
  async #until(what, observe, enough) {
    /** @type {any} */ let last
    const look = async () => {
      try {
        return enough((last = await observe()))
      } catch (/** @type {any} */ error) {
        // Between two paths there is none.
        if (!error.message.includes(NO_RECEIVER)) throw error
        last = NO_RECEIVER
      }
    }
    await until(what, look, { last: () => last })
    return last
  }

  /**
   * Closes the tab as a person does, and then the profile, which asks no tab first. A browser gives a page that is closed about
   * a second for its last words: on a machine that is far too busy it is gone without them.
   */
  async close() {
    if (!this.raw.isClosed()) await within(LEAVING_MS, 'a tab to close', this.raw.close())
    await within(LEAVING_MS, 'a page to close', this.context.close())
  }
}
