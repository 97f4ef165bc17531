/**
 * A phone: a page of ours around the SDK, by its class or by its element, that writes down every event. A test drives it
 * as an app would.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { PATIENCE_MS } from './device.js'

/** The guide's ten events. Each surface has others besides; tables are about these. */
export const TEN = [
  'INVITED', 'HANG_UP', 'REJECT', 'USER_LEAVE', 'NO_RESP', 'CALLING_TIMEOUT', 'LINE_BUSY', 'CALLING_CANCEL',
  'USER_ENTER', 'CALL_END',
]

/** Without an event for this long, nothing more is expected to come, in milliseconds. */
const QUIET_MS = 600

/** @typedef {'class' | 'element'} Surface */
/** @typedef {{ event: string, data: any, shape: 'bare' | 'wrapped' }} Told */

export const SURFACES = /** @type {Surface[]} */ (['class', 'element'])

/** A signed-in page. */
export class Phone {
  /** @type {Told[]} everything that handlers were given, in its order */
  events = []
  #read = new Map()
  #wake = () => {}

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
      onPage: (raw) => raw.exposeFunction('__told', (told) => phone.#take(told)),
    })
    phone = new Phone(page, surface, userID)
    await page.evaluate(makePhone, { surface, server: url, ...signed })
    if (login) await phone.login()
    return phone
  }

  #take(told) {
    this.events.push(told)
    this.#wake()
  }

  /** Runs a method of the SDK. A refusal comes back as an error with its code. */
  async do(method, ...args) {
    const outcome = await this.page.evaluate(
      async ({ method, args }) => {
        try {
          const value = await window.phone[method](...args)
          return { value: JSON.parse(JSON.stringify(value ?? null)) }
        } catch (error) {
          return { error: { code: error.code, message: error.message } }
        }
      },
      { method, args },
    )
    if (outcome.error) throw Object.assign(new Error(outcome.error.message), outcome.error)
    return outcome.value
  }

  login() {
    return this.do('login')
  }
  logout() {
    return this.do('logout')
  }
  /** @param {{ userID: any, type: any, timeout?: number }} options */
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
   * @returns {Promise<any>} its payload
   */
  async event(name, fits = () => true) {
    const end = Date.now() + PATIENCE_MS
    for (;;) {
      const from = this.#read.get(name) ?? 0
      const at = this.events.findIndex((told, n) => n >= from && told.event === name && fits(told.data))
      if (at >= 0) {
        this.#read.set(name, at + 1)
        return this.events[at].data
      }
      const left = end - Date.now()
      if (left <= 0) {
        throw new Error(`${this.userID} (${this.surface}) waited for ${name} and was told ${JSON.stringify(this.told())}`)
      }
      await this.#change(left)
    }
  }

  #change(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Names of the guide's events so far. */
  told() {
    return this.events.map((told) => told.event).filter((name) => TEN.includes(name))
  }

  /** The guide's events so far, when no other has come for a while: for tables, where one too many is wrong. */
  async settled() {
    for (let seen = -1; seen !== this.events.length; ) {
      seen = this.events.length
      await delay(QUIET_MS)
    }
    return this.events.filter((told) => TEN.includes(told.event))
  }

  /** Forgets what was told so far. */
  forget() {
    this.events = []
    this.#read.clear()
  }

  /** Ends the page. Throws if a script of it failed. */
  async close() {
    const { faults } = this.page
    // As the guide's page does when it is left. A page that is only closed keeps its session for the grace.
    await this.logout()
    await this.page.close()
    if (faults.length) throw new Error(`a script of ${this.userID}'s page failed: ${faults.join('\n')}`)
  }
}

/** Runs in the page. */
async function makePhone({ surface, server, sdkAppID, userID, userSig }) {
  document.documentElement.lang = 'en'
  document.body.replaceChildren()
  const plain = (data) => (data === undefined ? undefined : JSON.parse(JSON.stringify(data)))
  if (surface === 'class') {
    const { TRTCCalling } = await import(`${server}/sdk/web/index.js`)
    const calling = new TRTCCalling({ SDKAppID: sdkAppID, server })
    const names = new Map(Object.entries(TRTCCalling.EVENT).map(([event, value]) => [value, event === 'CALLING_END' ? 'CALL_END' : event]))
    for (const [value, event] of names) {
      calling.on(value, (...given) => window.__told({ event, value, data: plain(given[0]), shape: 'bare', count: given.length }))
    }
    window.calling = calling
    window.phone = new Proxy(calling, {
      get: (target, name) =>
        name === 'login' ? () => target.login({ userID, userSig }) : (...args) => target[name](...args),
    })
    return
  }
  await import(`${server}/sdk/web/define.js`)
  const element = document.createElement('trtc-calling')
  element.id = 'TRTCCalling-component'
  element.setAttribute('server', server)
  document.body.append(element)
  element.config = { sdkAppID, userID, userSig, type: 1 }
  for (const [event, value] of Object.entries(element.EVENT)) {
    element.on(value, (given) =>
      window.__told({ event, value: given.eventCode, data: plain(given.data), shape: 'wrapped' }),
    )
  }
  window.calling = element
  window.phone = new Proxy(element, { get: (target, name) => (...args) => target[name](...args) })
}
