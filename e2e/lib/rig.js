/** A server, some devices and the phones on them, ended together. */

import { allDone } from './deadline.js'
import { Device } from './device.js'
import { Phone } from './phone.js'
import { Proxy } from './proxy.js'
import { Server } from './server.js'

/** @typedef {import('./phone.js').Surface} Surface */

/** Everything that one test file needs. */
export class Rig {
  /** @type {Server} */ server
  /** @type {Record<string, Device>} */ devices = {}
  /** @type {Phone[]} */ #phones = []
  /** @type {Proxy[]} */ #proxies = []

  /**
   * @param {string[]} people one browser process each
   * @param {object} [options]
   * @param {import('./server.js').ServerOptions} [options.server]
   * @param {import('./device.js').DeviceOptions} [options.device]
   * @param {import('./lab.js').Lab} [options.lab] where all of it runs: the server in its host `server`, each device in
   * the host of its person's name
   */
  static async start(people, { server, device, lab } = {}) {
    const rig = new Rig()
    try {
      rig.server = await Server.start({ host: lab?.host('server'), ...server })
      const where = (name) => (lab ? { host: lab.host(name), trusted: rig.server.url } : {})
      const start = async (name) => void (rig.devices[name] = await Device.start(name, { ...where(name), ...device }))
      await allDone(people.map(start))
    } catch (error) {
      await rig.stop().catch(() => {})
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

  /** Ends the phones and proxies of one test. Throws what was wrong with any of them, or with the server. */
  async clear() {
    try {
      await allDone(this.#phones.splice(0).map((phone) => phone.close()))
    } finally {
      await allDone(this.#proxies.splice(0).map((proxy) => proxy.close()))
    }
    this.server.assertAlive()
  }

  /** Ends everything, whatever of it fails. */
  async stop() {
    try {
      await this.clear()
    } finally {
      await allDone([...Object.values(this.devices).map((device) => device.stop()), this.server.stop()])
    }
  }
}

/** A calls B and B answers. Both have been told all that comes of it. @param {Phone} a @param {Phone} b @param {1 | 2} [type] */
export async function connect(a, b, type = 1) {
  await ring(a, b, { type })
  await b.accept()
  const last = type === 2 ? 'USER_VIDEO_AVAILABLE' : 'USER_AUDIO_AVAILABLE'
  for (const phone of [a, b]) {
    for (const event of new Set(['USER_ENTER', 'USER_AUDIO_AVAILABLE', last])) await phone.event(event)
  }
}

/** A calls B and B rings. @param {Phone} a @param {Phone} b @param {{ type?: 1 | 2, timeout?: number }} [options] */
export async function ring(a, b, options) {
  await a.call({ userID: b.userID, type: 1, ...options })
  await b.event('INVITED')
}
