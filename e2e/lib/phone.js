/**
 * A phone: a page of ours around the SDK, by its class or by its element, that writes down every event. A test drives it
 * as an app would.
 */

import { PATIENCE_MS } from './deadline.js'
import { ALARMS, AMBIENT } from './expect-events.js'

/** @typedef {'class' | 'element'} Surface */
/** @typedef {{ event: string, value: string, data: any, shape: 'bare' | 'wrapped', count: number, expected?: boolean, taken?: boolean }} ReceivedEvent */

export const SURFACES = /** @type {Surface[]} */ (['class', 'element'])

/** A signed-in page. */
export class Phone {
  /** @type {ReceivedEvent[]} everything that handlers were given, in its order */
  events = []
  #read = new Map()
  /** @type {Set<() => void>} */ #wake = new Set()

  constructor(page, surface, userID) {
    this.page = page
    this.surface = surface
    this.userID = userID
  }

  /**
   * @param {import('./device.js').Device} device
   * @param {import('./server.js').Server} server
   * @param {object} options
   * @param {Surface} options.surface
   * @param {string} [options.userID] default: the device's person
   * @param {string} [options.url] where the page and its socket go, if not to the server itself
   * @param {any} [options.credentials] instead of the demo signer's
   * @param {boolean} [options.login] default true
   * @param {object} [options.view] for {@link import('./device.js').Device.open}
   */
  static async open(device, server, { surface, userID = device.person.name, url = server.url, credentials, login = true, view }) {
    const signed = credentials ?? (await server.sign(userID))
    let phone
    // Any page of the server's own origin will do; one made up by the test would have no network and be kept from it.
    const page = await device.open(`${url}/healthz`, {
      ...view,
      onEvent: (event) => phone.#take(event),
    })
    phone = new Phone(page, surface, userID)
    try {
      await page.evaluate(makePhone, { surface, server: url, ...signed })
      if (login) await phone.login()
    } catch (/** @type {any} */ error) {
      await page.close()
      throw error
    }
    return phone
  }

  #take(event) {
    this.events.push(event)
    for (const wake of this.#wake) wake()
    this.#wake.clear()
  }

  /** Runs a method of the SDK. A refusal comes back as an error with its code. */
  async do(method, ...args) {
    const outcome = await this.page.evaluate(
      async ({ method, args }) => {
        try {
          const value = await window.phone[method](...args)
          return { value: JSON.parse(JSON.stringify(value ?? null)) }
        } catch (/** @type {any} */ error) {
          return { error: { code: error.code, message: error.message } }
        }
      },
      { method, args },
    )
    if (outcome.error) throw Object.assign(new Error(outcome.error.message), outcome.error)
    return outcome.value
  }

  /** Signs in, and takes the one SDK_READY that comes of it. */
  async login() {
    await this.do('login')
    await this.event('SDK_READY')
    this.events.find(({ event, taken }) => event === 'SDK_READY' && !taken).taken = true
  }
  logout() {
    return this.do('logout')
  }
  /** @param {{ userID: any, type: any, timeout?: number, userData?: string }} options */
  call(options) {
    return this.do('call', options)
  }
  accept() {
    return this.do('accept')
  }
  reject() {
    return this.do('reject')
  }
  hangup() {
    return this.do('hangup')
  }

  /**
   * The next event of this name that was not waited for yet.
   *
   * @param {string} name
   * @param {(data: any) => boolean} [fits]
   * @param {number} [ms]
   * @returns {Promise<any>} its payload
   */
  async event(name, fits = () => true, ms = PATIENCE_MS) {
    const end = Date.now() + ms
    for (;;) {
      const from = this.#read.get(name) ?? 0
      const at = this.events.findIndex((told, n) => n >= from && told.event === name && fits(told.data))
      if (at >= 0) {
        this.#read.set(name, at + 1)
        this.events[at].expected = true
        return this.events[at].data
      }
      const left = end - Date.now()
      if (left <= 0) {
        throw new Error(`${this.userID} (${this.surface}) waited ${ms} ms for ${name} and was told ${JSON.stringify(this.names())}`)
      }
      await this.change(left)
    }
  }

  /** Waits for the next event of any name, but no longer. @param {number} ms */
  change(ms) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#wake.delete(wake)
        resolve()
      }, ms)
      this.#wake.add(wake)
    })
  }

  /** Waits until the page was told what the server has sent so far. */
  async fence() {
    if (!this.page.raw.isClosed()) await this.page.evaluate(() => window.__e2e.fence())
  }

  /** Every event so far, in order, but for those that come by themselves and by {@link login}. @returns {ReceivedEvent[]} */
  get sequence() {
    return this.events.filter(({ event, taken }) => !taken && !AMBIENT.includes(event))
  }

  /** Names of {@link sequence}. */
  names() {
    return this.sequence.map(({ event }) => event)
  }

  /** Forgets what was told so far. Throws if an error was among it that nobody expected. */
  forget() {
    const alarms = this.events.filter(({ event, expected }) => ALARMS.includes(event) && !expected)
    this.events = []
    this.#read.clear()
    if (alarms.length) {
      const list = alarms.map(({ event, data }) => `${event} ${JSON.stringify(data)}`).join(', ')
      throw new Error(`${this.userID} (${this.surface}) was told what no test expected: ${list}`)
    }
  }

  /** Ends the page. Throws if a script of it failed, or if it was told of an error that nobody expected. */
  async close() {
    const { faults } = this.page
    try {
      // As the guide's page does when it is left. A page that is only closed keeps its session for the grace.
      if (!this.page.raw.isClosed()) await this.logout()
      this.forget()
    } finally {
      await this.page.close()
    }
    if (faults.length) throw new Error(`a script of ${this.userID}'s page failed: ${faults.join('\n')}`)
  }
}

/** Runs in the page. */
async function makePhone({ surface, server, sdkAppID, userID, userSig }) {
  document.documentElement.lang = 'en'
  document.body.replaceChildren()
  if (surface === 'class') {
    const { TRTCCalling } = await import(`${server}/sdk/web/index.js`)
    const calling = new TRTCCalling({ SDKAppID: sdkAppID, server })
    const names = new Map(Object.entries(TRTCCalling.EVENT).map(([event, value]) => [value, event === 'CALLING_END' ? 'CALL_END' : event]))
    for (const [value, event] of names) {
      calling.on(value, (...given) => window.__e2e.tell({ event, value, data: given[0], shape: 'bare', count: given.length }))
    }
    window.calling = calling
    window.phone = new Proxy(calling, {
      get: (target, name) => (name === 'login' ? () => target.login({ userID, userSig }) : (...args) => target[name](...args)),
    })
    return
  }
  await import(`${server}/sdk/web/define.js`)
  /** @type {any} */ const element = document.createElement('trtc-calling')
  element.id = 'TRTCCalling-component'
  element.setAttribute('server', server)
  document.body.append(element)
  element.config = { sdkAppID, userID, userSig, type: 1 }
  for (const [event, value] of Object.entries(element.EVENT)) {
    element.on(value, (...given) => window.__e2e.tell({ event, value: given[0].eventCode, data: given[0].data, shape: 'wrapped', count: given.length }))
  }
  window.calling = element
  window.phone = new Proxy(element, {
    get:
      (target, name) =>
      (...args) =>
        target[name](...args),
  })
}
