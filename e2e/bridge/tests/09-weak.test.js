/** A phone's slow network is judged by the server, and a browser reads whose it is. */

import assert from 'node:assert/strict'
import { until } from '../../lib/deadline.js'
import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { Rig } from '../lib/rig.js'
import { talking } from '../lib/talk.js'

/** What a phone with a picture sends takes several times this, in bytes a second. */
const TOO_SLOW = 8_000
/** A slow link is seen by what comes late; a second of it is not believed. */
const WITHIN_MS = 10_000
/** What waits on the link comes first. */
const GONE_WITHIN_MS = 30_000

const PEER = ['对方当前网络不佳', "The other side's network is weak"]

describe('a phone whose link is too slow for what it sends', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  it('has a weak network on the screen of the browser it talks with, until it is fast enough', async () => {
    const { phone, browser } = await talking(rig)
    const reads = async () => {
      const pills = () => /** @type {HTMLElement} */ (document.querySelector('trtc-calling').shadowRoot.querySelector('.pills')).innerText
      const text = await browser.page.evaluate(pills)
      return PEER.some((t) => text.includes(t))
    }
    assert.equal(await reads(), false)
    await phone.network.choke(TOO_SLOW)
    const since = Date.now()
    await until('the browser reads that the network of the other side is weak', reads, { ms: WITHIN_MS })
    console.log(`      said after ${((Date.now() - since) / 1000).toFixed(1)} s`)
    await phone.network.choke(Infinity)
    await until('it is gone', async () => !(await reads()), { ms: GONE_WITHIN_MS })
  })
})
