/** A server, some devices and the phones on them, ended together. */

import { Device } from './device.js'
import { Phone } from './phone.js'
import { Proxy } from './proxy.js'
import { Server } from './server.js'

/** @typedef {import('./phone.js').Surface} Surface */

/** Everything that one test file needs. */
export class Rig {
  /** @type {Record<string, Device>} */ devices = {}
  #phones = []
  #proxies = []

  /**
   * @param {string[]} people one browser process each
   * @param {{ server?: import('./server.js').ServerOptions, device?: import('./device.js').DeviceOptions }} [options]
   */
  static async start(people, { server, device } = {}) {
    const rig = new Rig()
    rig.server = await Server.start(server)
    try {
      for (const name of people) rig.devices[name] = await Device.start(name, device)
    } catch (error) {
      await rig.stop()
      throw error
    }
    return rig
  }

  /** A signed-in phone on a person's device. @returns {Promise<Phone>} */
  async phone(device, surface, options = {}) {
    const phone = await Phone.open(this.devices[device], this.server, { surface, ...options })
    this.#phones.push(phone)
    return phone
  }

  /** A proxy in front of the server. */
  async proxy() {
    const proxy = await Proxy.start(this.server.port)
    this.#proxies.push(proxy)
    return proxy
  }

  /** Ends the phones and proxies of one test. Throws if a script of a page failed. */
  async clear() {
    const faults = []
    const closing = this.#phones.splice(0).map((phone) => phone.close().catch((error) => faults.push(error)))
    await Promise.all(closing)
    for (const proxy of this.#proxies.splice(0)) await proxy.close()
    if (!this.server.running) throw new Error(`the server has ended:\n${this.server.log}`)
    if (/panicked at/.test(this.server.log)) throw new Error(`the server panicked:\n${this.server.log}`)
    if (faults.length) throw faults[0]
  }

  async stop() {
    for (const device of Object.values(this.devices)) await device.stop()
    await this.server?.stop()
  }
}

/** A calls B and B answers. */
export async function connect(a, b, type = 1) {
  await a.call({ userID: b.userID, type })
  await b.event('INVITED')
  await b.accept()
  await Promise.all([a.event('USER_ENTER'), b.event('USER_ENTER')])
}
