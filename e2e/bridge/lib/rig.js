/** A phone with the guide's page and a browser, on one server. */

import { Device } from '../../lib/device.js'
import { allDone } from '../../lib/deadline.js'
import { Phone as BrowserPhone } from '../../lib/phone.js'
import { Rig as PhoneRig } from '../../miniprogram/lib/rig.js'

/** Who has what: the same people as everywhere, each with a tone and a colour. */
export const PHONE = 'alice'
export const BROWSER = 'bob'

/** Everything that one test file needs. */
export class Rig {
  /** @type {BrowserPhone[]} */ #pages = []

  /** @param {import('../../lib/server.js').ServerOptions & { device?: import('../../lib/device.js').DeviceOptions }} [options] */
  static async start({ device, ...options } = {}) {
    const rig = new Rig()
    rig.phones = await PhoneRig.start(options)
    try {
      rig.device = await Device.start(BROWSER, device)
    } catch (error) {
      await rig.stop().catch(() => {})
      throw error
    }
    return rig
  }

  get server() {
    return this.phones.server
  }

  /** A mini-program that is signed in. @param {Parameters<PhoneRig['phone']>[1]} [options] */
  phone(options) {
    return this.phones.phone(PHONE, { to: BROWSER, ...options })
  }

  /** A browser's page that is signed in. @param {Partial<Parameters<typeof BrowserPhone.open>[2]>} [options] */
  async browser(options) {
    const page = await BrowserPhone.open(this.device, this.server, { surface: 'class', ...options })
    this.#pages.push(page)
    return page
  }

  /** Both. @returns {Promise<[Awaited<ReturnType<Rig['phone']>>, BrowserPhone]>} */
  pair() {
    return Promise.all([this.phone(), this.browser()])
  }

  /** Ends the phones and pages of one test. */
  async clear() {
    await allDone([...this.#pages.splice(0).map((page) => page.close()), this.phones.clear()])
  }

  /** Ends everything, whatever of it fails. */
  async stop() {
    await allDone([...this.#pages.splice(0).map((page) => page.close()), this.device?.stop(), this.phones.stop()])
  }
}

/** The phone calls the browser, which answers. @param {1 | 2} type */
export async function phoneCalls(phone, browser, type) {
  await phone.run((page, give) => page.TRTCCalling.call(give({ userID: BROWSER, type })).then(() => {}))
  await browser.event('INVITED')
  await browser.accept()
  await Promise.all([phone.told.event('USER_ENTER'), browser.event('USER_ENTER')])
}

/** The browser calls the phone, whose user answers on the screen. @param {1 | 2} type */
export async function browserCalls(browser, phone, type) {
  await browser.call({ userID: PHONE, type })
  await phone.told.event('INVITED')
  await phone.tap('#accept')
  await Promise.all([phone.told.event('USER_ENTER'), browser.event('USER_ENTER')])
}

/** Each hears, and in a video call sees, the other. @param {1 | 2} type */
export async function bothWays(phone, browser, type) {
  await allDone([phone.hears(BROWSER), browser.page.hears(PHONE)])
  if (type === 2) await allDone([phone.sees(BROWSER), browser.page.sees(PHONE)])
}
