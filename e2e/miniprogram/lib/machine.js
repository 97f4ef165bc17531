/**
 * The machine that a phone is: an app in a realm of its own, its network, its media, and how it starts, goes to the
 * background, comes back and ends. Several live in one process. What a person does with it, `phone.js` has.
 */

import { Code } from './code.js'
import { Framework } from './framework.js'
import { EventLoop, Timers } from './event-loop.js'
import { GUIDE_PAGE } from './guide.js'
import { PATIENCE_MS, PEOPLE, within } from './shared.js'
import { Media } from './media.js'
import { Network } from './network.js'
import { Pages } from './pages.js'
import { Realm } from './realm.js'
import { Screen } from './screen.js'
import { recordingOf } from './recording.js'
import { makeWx } from './wx.js'
import { Overlay } from './wx/ui.js'
import { Permissions } from './wx/settings.js'

/** WeChat suspends an app's JavaScript so long after it went to the background. */
const SUSPENDED_AFTER_MS = 5000

/**
 * @typedef {object} PhoneOptions
 * @property {import('./guide.js').App} app
 * @property {object} [data] what the developer has written into the data of the page that is opened
 * @property {string} [entry] the page that is opened; default the guide's
 * @property {Record<string, string>} [query] of that page
 * @property {'ios' | 'android' | 'devtools'} [platform] default ios
 * @property {string} [SDKVersion] what the phone says its base library is; it stays 2.10.0. Default 2.10.0
 * @property {string} [wechat] default 7.0.9
 * @property {string} [language] of WeChat; default zh_CN
 * @property {string} [appId]
 * @property {number} [ahead] what its clock shows more than this machine's, ms. Default 0
 * @property {object} [later] members of `wx` that came after 2.10.0, and that this phone has. Default none
 * @property {'es2015' | 'node'} [builtins] how much of ECMAScript's library there is; default es2015
 * @property {number} [retryMs] pause before a broken stream is tried again; a phone's is about 3000. Default 1000
 * @property {number} [pageMs] how long the way to another page takes. Default 0
 * @property {Map<string, string>} [storage] what an earlier phone of the person kept
 */

/** @typedef {{ where: string, message: string, stack: string, error: unknown }} Fault */

/** The machine. */
export class Machine {
  /** What has gone wrong in the app and nobody caught. A test that ends with one has failed. @type {Fault[]} */ errors = []
  /** What only a developer's console would say. @type {string[]} */ warnings = []
  /** What the app asked for that base library 2.10.0 does not have. @type {Set<string>} */ missing = new Set()
  /** The console. @type {{ level: string, text: string }[]} */ logs = []
  foreground = true
  /** What its clock shows more than this machine's, ms. */
  #ahead
  #freezing
  #closed = false
  permissions = new Permissions()
  overlay = new Overlay()
  /** @type {Set<any>} */ sockets = new Set()
  /** Addresses of all sockets that were asked for. @type {string[]} */ connects = []
  /** @type {Set<{ stop: (why: string) => void }>} */ requests = new Set()
  /** @type {import('./wx/audio.js').Sound[]} */ sounds = []
  /** @type {('short' | 'long')[]} */ vibrations = []
  keepsScreenOn = false
  /** What the navigation bar says. */ title = ''
  /** Listeners of `wx.onX`. @type {Record<string, import('./wx/listeners.js').Listeners>} */ events

  /** @param {string} name @param {PhoneOptions} options */
  constructor(name, options) {
    this.person = PEOPLE[name]
    /** @type {Required<PhoneOptions>} */
    this.options = {
      ...{ data: {}, entry: GUIDE_PAGE, query: {}, platform: 'ios', SDKVersion: '2.10.0', wechat: '7.0.9', language: 'zh_CN', appId: 'wx0000000000000000' },
      ...{ ahead: 0, later: {}, builtins: /** @type {const} */ ('es2015'), retryMs: 1000, pageMs: 0, storage: new Map() },
      ...options,
    }
    this.#ahead = this.options.ahead
    this.storage = this.options.storage
    this.referer = `https://servicewechat.com/${this.options.appId}/devtools/page-frame.html`
    this.eventLoop = new EventLoop((where, error) => this.fault(where, error))
    this.timers = new Timers(this.eventLoop)
    this.network = new Network((state) => void this.events.NetworkStatusChange.fire(state))
    const phone = /** @type {import('./phone.js').Phone} */ (/** @type {Machine} */ (this))
    this.media = new Media(phone)
    this.pages = new Pages(phone)
    this.screen = new Screen(phone)
    this.realm = new Realm({
      name,
      timers: this.timers,
      ahead: () => this.#ahead,
      builtins: this.options.builtins,
      onLog: (level, text) => {
        this.logs.push({ level, text })
        if (process.env.E2E_CONSOLE) console.log(`[${name} ${level}] ${text}`)
      },
      onError: (where, error) => this.fault(where, error),
    })
    this.framework = new Framework(this.realm, {
      onError: (where, error) => this.fault(where, error),
      onWarning: (text) => this.warnings.push(text),
      onMissing: (what) => this.misses(what),
      onAttached: (component) => this.pages.attached(component),
      onDetached: (component) => this.pages.detached(component),
      onMedia: (tag, event, element) => this.media.happened(tag, event, element),
    })
  }

  /**
   * Switches a phone on and opens the app.
   *
   * @template {typeof Machine} Kind
   * @this {Kind}
   * @param {string} name whose camera and microphone it has
   * @param {PhoneOptions} options
   * @returns {Promise<InstanceType<Kind>>}
   */
  static async open(name, options) {
    const phone = /** @type {InstanceType<Kind>} */ (new this(name, options))
    try {
      await Promise.all([within(PATIENCE_MS, 'the app to start', phone.#launch()), recordingOf(phone.person)])
    } catch (error) {
      await phone.#end()
      throw error
    }
    return phone
  }

  async #launch() {
    const { entry, query } = this.options
    const globals = {
      wx: makeWx(/** @type {import('./phone.js').Phone} */ (/** @type {Machine} */ (this))),
      App: (definition) => this.#registers(definition),
      getApp: () => this.app,
      getCurrentPages: () => this.pages.stack.map(({ caller }) => caller),
    }
    this.program = new Code({ folder: this.options.app.folder, realm: this.realm, framework: this.framework, globals, entry, data: this.options.data })
    this.realm.prune()
    await this.eventLoop.task('the start of the app', () => {
      this.program.load()
      this.pages.push(entry, query)
    })
    await this.settled()
  }

  /** `App()`: the app is launched and shown before it returns, and is what `getApp()` gives afterwards. The first one counts. */
  #registers(definition) {
    if (this.app) return
    const { entry: path, query } = this.options
    for (const event of ['onLaunch', 'onShow']) {
      this.guard(event, () => definition[event]?.(this.realm.give({ path, query, scene: 1001 })))
    }
    this.app = definition
  }

  /** Waits for the tasks that wait now, and those that come of them at once. */
  async settled() {
    for (let n = 0; n < 3; n++) await this.eventLoop.task('a breath', () => {})
  }

  /** Waits until the app was told what servers have sent so far. */
  async fence() {
    await Promise.all([...this.sockets].map((socket) => socket.fence()))
    await this.settled()
  }

  /** Notes what went wrong. */
  fault(where, error) {
    this.errors.push({ where, message: String(error?.message ?? error), stack: String(error?.stack ?? error), error })
  }

  /** Runs something of the app's; what it throws is noted. */
  guard(where, run) {
    try {
      return run()
    } catch (error) {
      this.fault(where, error)
      return undefined
    }
  }

  /** @param {string} what */
  misses(what) {
    this.missing.add(what)
  }

  selectorQuery() {
    return this.pages.top?.caller.createSelectorQuery()
  }

  /**
   * Leaves the app for another: it goes to the background.
   *
   * @param {object} [options]
   * @param {number} [options.freezeAfter] when its JavaScript is suspended, in ms; `Infinity`: never. Default 5000
   * @param {'auto' | 'audio' | 'stop' | 'closed' | 'all'} [options.media] what becomes of the call's media: `audio`: the
   * camera stops and sound goes on; `stop`: pushing stops with 5000; `closed`: with 5001; `all`: nothing changes;
   * `auto` (default): `audio` if pusher and player are both in RTC mode, else `stop`
   */
  async hide({ freezeAfter = SUSPENDED_AFTER_MS, media = 'auto' } = {}) {
    if (!this.foreground) return
    this.foreground = false
    for (const sound of this.sounds) sound.interrupt()
    await this.eventLoop.task('the way to the background', () => {
      this.pages.appHide()
      this.guard('onHide', () => this.app?.onHide?.())
    })
    await this.events.AppHide.fire()
    this.media.hide(media)
    await this.settled()
    if (freezeAfter <= 0) this.#freeze()
    else if (freezeAfter < Infinity) this.#freezing = setTimeout(() => this.#freeze(), freezeAfter)
  }

  #freeze() {
    this.eventLoop.freeze()
    for (const job of this.requests) job.stop('interrupted')
  }

  /** True while its JavaScript is suspended. */
  get frozen() {
    return this.eventLoop.frozen
  }

  /** Comes back to the app. What it missed is told first. */
  async show() {
    if (this.foreground) return
    clearTimeout(this.#freezing)
    this.foreground = true
    this.eventLoop.thaw()
    this.media.show()
    const how = { path: this.pages.top?.path, query: this.pages.top?.query, scene: 1001 }
    await this.eventLoop.task('the way to the front', () => {
      this.guard('onShow', () => this.app?.onShow?.(this.realm.give(how)))
    })
    await this.events.AppShow.fire(how)
    await this.eventLoop.task('the page is shown', () => this.pages.appShow())
    await this.settled()
  }

  /** Somebody puts the clock forward, or back. No timer follows it. @param {number} ms */
  setClock(ms) {
    this.#ahead += ms
  }

  /** A call of the phone network comes in, or ends. @param {'Begin' | 'End'} what */
  async interruption(what) {
    await this.events[`AudioInterruption${what}`].fire()
  }

  /** Ends the app: pages are unloaded, sockets and media end. Throws if anything of it has failed that no test expected. */
  async close() {
    if (this.#closed) return
    clearTimeout(this.#freezing)
    this.eventLoop.thaw()
    await within(
      PATIENCE_MS,
      'the app to end',
      this.eventLoop.task('the end of the app', () => this.pages.end()),
    )
    await this.settled()
    await this.#end()
    if (this.errors.length) {
      const list = this.errors.map(({ where, stack }) => `${where}: ${stack}`).join('\n')
      throw new Error(`${this.person.name}'s app has failed: ${list}`)
    }
  }

  /** Ends the phone as if its battery had gone: nobody is told. */
  async kill() {
    await this.#end()
  }

  async #end() {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#freezing)
    this.eventLoop.close()
    this.timers.clearAll()
    for (const socket of this.sockets) socket.kill()
    for (const job of this.requests) job.stop('interrupted')
    await this.media.close()
    await this.network.close()
    this.realm.close()
  }
}
