/** Phones with the stub, its exchange and, if wanted, a relay: for the tests of the phones themselves. */

import { fileURLToPath } from 'node:url'
import { writeApp } from '../../lib/guide.js'
import { allDone } from '../../lib/shared.js'
import { Phone } from '../../lib/phone.js'
import { ffmpegsRunning } from '../../lib/ffmpeg.js'
import { Exchange } from './exchange.js'
import { Rtmp } from './rtmp.js'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

export const GUIDE = here('../../guide/trtccalling-guide.zh.md')
export const STUB = here('./TRTCCalling')

/** An app with the guide's page, the stub, and more. @param {Partial<Parameters<typeof writeApp>[0]>} [more] */
export const stubApp = (more) => writeApp({ guide: GUIDE, component: STUB, ...more })

/** What a test needs. */
export class Rig {
  /** @type {Phone[]} */ #phones = []
  /** @type {Rtmp | undefined} */ relay
  /** @type {Exchange} */ exchange
  /** @type {import('../../lib/guide.js').App} */ app

  /** @param {{ relay?: boolean }} [options] */
  static async start({ relay = false } = {}) {
    const rig = new Rig()
    rig.exchange = await Exchange.start()
    if (relay) rig.relay = await Rtmp.start()
    rig.app = stubApp()
    return rig
  }

  /**
   * A phone on which the page is open.
   *
   * @param {string} name
   * @param {Partial<import('../../lib/machine.js').PhoneOptions> & { media?: string, to?: string }} [options] `to`: whom its
   * page calls; `media`: where media goes
   */
  async phone(name, { media = this.relay?.url ?? 'rtmp://127.0.0.1:9/live/', to = name === 'alice' ? 'bob' : 'alice', data, ...options } = {}) {
    const stub = JSON.stringify({ socket: this.exchange.url, media })
    const trtcConfig = { sdkAppID: 1, userID: name, userSig: 'unused', type: 1 }
    const phone = await Phone.open(name, {
      app: this.app,
      storage: new Map([['stub', stub]]),
      data: { trtcConfig, userId: to, ...data },
      ...options,
    })
    this.#phones.push(phone)
    return phone
  }

  /** Ends the phones of one test. Throws what was wrong with any of them. */
  async clear() {
    await allDone(this.#phones.splice(0).map((phone) => phone.close()))
    if (ffmpegsRunning().length) throw new Error(`ffmpeg ${ffmpegsRunning()} was left running`)
  }

  async stop() {
    try {
      await this.clear()
    } finally {
      await allDone([this.exchange.stop(), this.relay?.stop()])
    }
  }
}
