/** A device whose browser is Firefox, driven by WebDriver BiDi: one process with one person's camera and microphone. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bidi } from './bidi.js'
import { LEAVING_MS, PATIENCE_MS, within } from './deadline.js'
import { IN_PAGE, Page } from './device.js'
import { ended, started } from './ending.js'
import { paintCamera } from './painted-camera.js'
import { PEOPLE } from './people.js'

/** Bytes of the browser's output that are kept for a failing start. */
const SAID_KEPT = 4000

/** Settings of every profile. Nothing here changes how a call is made or what is sent in it. */
const PREFERENCES = {
  // Devices without hardware and without a question: Firefox's own fake ones, of which the microphone has a tone.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.block-webaudio': false,
  // A sound card that Firefox plays to in its own tests: without any, its mixer never starts.
  'media.cubeb.force_mock_context': true,
  // An answer of JSON is a page like any other.
  'devtools.jsonview.enabled': false,
  // Nothing is fetched: Firefox has no H.264 for calls until it has downloaded a plug-in.
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-manager.url': '',
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
}

/** The Firefox to run. @returns {string} */
function executable() {
  const folders = (process.env.PATH ?? '').split(':')
  const onPath = ['firefox-esr', 'firefox'].flatMap((name) => folders.map((folder) => join(folder, name)))
  const found = [process.env.FIREFOX, ...onPath].find((path) => path && existsSync(path))
  if (!found) throw new Error('no Firefox found: install it (apt-get install firefox-esr), or name it in $FIREFOX')
  return found
}

/** One browser process. In the place of a {@link import('./device.js').Device}. */
export class FirefoxDevice {
  /** @type {import('node:child_process').ChildProcess | undefined} */ #process
  /** @type {Bidi | undefined} */ #bidi
  #folder = mkdtempSync(join(tmpdir(), 'tring-e2e-firefox-'))
  /** The browser's, as `140.3.0`. */
  version = ''

  /** @param {import('./people.js').Person} person */
  constructor(person) {
    this.person = person
  }

  /** @param {string} name whose camera and microphone it has @returns {Promise<FirefoxDevice>} */
  static async start(name) {
    const device = new FirefoxDevice(PEOPLE[name])
    started(device, `${name}'s Firefox`, () => device.kill())
    try {
      await device.#start()
    } catch (/** @type {any} */ error) {
      await device.stop().catch(() => {})
      throw error
    }
    return device
  }

  async #start() {
    const preferences = { ...PREFERENCES, 'media.navigator.audio.fake_frequency': this.person.hz }
    const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`)
    writeFileSync(join(this.#folder, 'user.js'), lines.join('\n'))
    const args = ['--headless', '--no-remote', '--profile', this.#folder, '--remote-debugging-port', '0']
    // A group of its own: what it started ends with it.
    this.#process = spawn(executable(), args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const url = await within(PATIENCE_MS, 'Firefox to listen', listening(this.#process))
    const { bidi, version } = await Bidi.connect(url, ['script.message', 'log.entryAdded'])
    this.#bidi = bidi
    this.version = version
  }

  /**
   * A fresh page, with nothing of an earlier one.
   *
   * @param {string} url
   * @param {{ viewport?: { width: number, height: number }, onEvent?: (event: any) => void }} [options] `onEvent` hears what
   * scripts of the page give to `__e2e.tell`
   * @returns {Promise<Page>}
   */
  async open(url, { viewport = { width: 900, height: 700 }, onEvent } = {}) {
    const bidi = /** @type {Bidi} */ (this.#bidi)
    const make = async () => {
      const { userContext } = await bidi.send('browser.createUserContext', {})
      const { context } = await bidi.send('browsingContext.create', { type: 'tab', userContext })
      await bidi.send('browsingContext.setViewport', { context, viewport })
      const tab = new Tab(bidi, context, userContext, onEvent)
      await bidi.send('script.addPreloadScript', {
        functionDeclaration: `(tell) => { window.__e2eTell = tell; (${paintCamera})(${JSON.stringify(this.person.rgb)}); ${IN_PAGE} }`,
        arguments: [{ type: 'channel', value: { channel: context } }],
        contexts: [context],
      })
      const page = new Page(tab, tab, tab)
      await bidi.send('browsingContext.navigate', { context, url, wait: 'complete' })
      return page
    }
    return within(PATIENCE_MS, 'a page of Firefox', make())
  }

  /** Ends the browser as a crash does. */
  kill() {
    this.#bidi?.close()
    const pid = this.#process?.pid
    try {
      if (pid) process.kill(-pid, 'SIGKILL')
    } catch (/** @type {any} */ error) {
      if (error.code !== 'ESRCH') throw error
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  async stop() {
    try {
      const child = this.#process
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      this.#bidi?.send('browser.close', {}).catch(() => {})
      if (!this.#bidi) child.kill('SIGTERM')
      await within(LEAVING_MS, `${this.person.name}'s Firefox to end`, gone)
    } finally {
      this.kill()
      ended(this)
    }
  }
}

/** The address at which a browser that was just started can be driven. @param {import('node:child_process').ChildProcess} child @returns {Promise<string>} */
function listening(child) {
  return new Promise((resolve, reject) => {
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        said = (said + text).slice(-SAID_KEPT)
        const found = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(said)
        if (found?.[1]) resolve(found[1])
      })
    }
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`Firefox ended with ${code} instead of listening:\n${said}`)))
  })
}

/** What {@link Page} asks of a browser, answered over BiDi: it is Playwright's page, context and session at once. */
class Tab {
  #bidi
  #context
  #userContext
  #closed = false
  /** @type {{ pageerror: ((error: any) => void)[], console: ((message: any) => void)[] }} */ #heard = { pageerror: [], console: [] }

  /** @param {Bidi} bidi @param {string} context @param {string} userContext @param {((event: any) => void) | undefined} onEvent */
  constructor(bidi, context, userContext, onEvent) {
    this.#bidi = bidi
    this.#context = context
    this.#userContext = userContext
    bidi.on((method, params) => {
      if (method === 'script.message' && params.channel === context) onEvent?.(JSON.parse(params.data.value))
      if (method !== 'log.entryAdded' || params.source.context !== context) return
      if (params.type === 'javascript' && params.level === 'error') this.#heard.pageerror.forEach((hear) => hear(params.text))
      else this.#heard.console.forEach((hear) => hear({ type: () => params.level, text: () => params.text }))
    })
  }

  mouse = {
    /** @param {number} x @param {number} y */
    click: (x, y) =>
      this.#act('pointer', [
        { type: 'pointerMove', x: Math.round(x), y: Math.round(y) },
        { type: 'pointerDown', button: 0 },
        { type: 'pointerUp', button: 0 },
      ]),
  }

  /** @param {'pageerror' | 'console'} event @param {(told: any) => void} hear */
  on(event, hear) {
    this.#heard[event].push(hear)
  }

  /** Each command has a deadline of its own. */
  setDefaultTimeout() {}

  isClosed() {
    return this.#closed
  }

  async close() {
    this.#closed = true
    try {
      await this.#bidi.send('browser.removeUserContext', { userContext: this.#userContext })
    } catch (error) {
      // Its last tab took it along.
      if (!/no such user context/.test(String(error))) throw error
    }
  }

  /** Runs a script, as {@link Page.evaluate} asks Chromium for it. @param {'Runtime.evaluate'} _method @param {{ expression: string }} options */
  async send(_method, { expression }) {
    const { result, exceptionDetails } = await this.#bidi.send('script.evaluate', {
      // What is not JSON has no form that both browsers give.
      expression: `(${expression}).then((outcome) => JSON.stringify(outcome))`,
      target: { context: this.#context },
      awaitPromise: true,
      userActivation: false,
    })
    return { result: { value: result && JSON.parse(result.value) }, exceptionDetails }
  }

  /** @param {string} type @param {object[]} actions */
  #act(type, actions) {
    return this.#bidi.send('input.performActions', { context: this.#context, actions: [{ type, id: type, actions }] })
  }
}
