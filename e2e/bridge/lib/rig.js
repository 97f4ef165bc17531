/** A phone with the guide's page and a browser, on one server. */

import { Device } from '../../lib/device.js'
import { allDone } from '../../lib/deadline.js'
import { Phone as BrowserPhone } from '../../lib/phone.js'
import { Rig as PhoneRig } from '../../miniprogram/lib/rig.js'
import { onBrowser, onPhone } from './sides.js'

/** Who has what: the same people as everywhere, each with a tone and a colour. */
export const PHONE = 'alice'
export const BROWSER = 'bob'

/** Everything that one test file needs. */
export class Rig {
  /** @type {BrowserPhone[]} */ #pages = []
  /** @type {PhoneRig} */ phones
  /** @type {Device} */ device

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

  /** A browser's page that is signed in, with the element's own call screen. @param {Partial<Parameters<typeof BrowserPhone.open>[2]> & { device?: Device }} [options] */
  async browser({ device = this.device, ...options } = {}) {
    const page = await BrowserPhone.open(device, this.server, { surface: 'element', ...options })
    this.#pages.push(page)
    return page
  }

  /** Both. @returns {Promise<[Awaited<ReturnType<Rig['phone']>>, BrowserPhone]>} */
  pair() {
    return Promise.all([this.phone(), this.browser()])
  }

  /** Both, behind the same verbs. @returns {Promise<[import('./sides.js').Side, import('./sides.js').Side]>} */
  async sides() {
    const [phone, browser] = await this.pair()
    return [onPhone(phone), onBrowser(browser)]
  }

  /** Ends the phones and pages of one test. */
  async clear() {
    await allDone([...this.#pages.splice(0).map((page) => page.close()), this.phones.clear()])
  }

  /** Ends everything, whatever of it fails. */
  async stop() {
    try {
      await allDone(this.#pages.splice(0).map((page) => page.close()))
    } finally {
      await allDone([this.device?.stop(), this.phones.stop()])
    }
  }
}
