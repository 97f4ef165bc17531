/** What a phone and a browser hear and see of each other while devices go off and on, and after the end: by tone and colour. */

import assert from 'node:assert/strict'
import { Device } from '../../lib/device.js'
import { until } from '../../lib/deadline.js'
import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { nothingMore } from '../../lib/expect-events.js'
import { noFfmpegLeft } from '../../miniprogram/lib/ffmpeg.js'
import { gone } from '../../miniprogram/lib/rig.js'
import { BROWSER, Rig } from '../lib/rig.js'
import { bothWays, connect, onBrowser, onPhone } from '../lib/sides.js'

/** From the moment a microphone is on again until it was heard for long enough to be sure, in milliseconds. */
const HEARD_MS = 2500
/** The same for a camera: some frames more. */
const SEEN_MS = 3000

/** Which of the two does it. */
const ACTORS = /** @type {const} */ (['phone', 'browser'])

describe('media between a phone and a browser', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  /** They talk; the first is of the kind named. @param {'phone' | 'browser'} first @param {1 | 2} type */
  async function talking(first, type) {
    const sides = await rig.sides()
    const [a, b] = first === 'phone' ? sides : [sides[1], sides[0]]
    await connect(a, b, type)
    await bothWays(a, b, type)
    return [a, b]
  }

  /** Runs `act`, and then waits for what should come of it, no longer than so many milliseconds. */
  async function soon(what, ms, act, comes) {
    await act()
    const began = performance.now()
    await comes()
    const took = performance.now() - began
    assert.ok(took < ms, `${what} after ${Math.round(took)} ms, not ${ms}`)
  }

  for (const actor of ACTORS) {
    it(`the ${actor} mutes: the other hears silence, not nothing, on the same connections`, async () => {
      const [a, b] = await talking(actor, 1)
      const before = [await a.same(), await b.same()]
      for (let n = 0; n < 2; n++) {
        await a.does('setMicMute', true)
        await b.hearsNobody()
        await a.hears(b.userID)
        await soon(
          `${a.userID} is heard`,
          HEARD_MS,
          () => a.does('setMicMute', false),
          () => b.hears(a.userID),
        )
      }
      await bothWays(a, b)
      assert.deepEqual([await a.same(), await b.same()], before)
    })

    it(`both mute, the ${actor} first, and only one comes back`, async () => {
      const [a, b] = await talking(actor, 1)
      await a.does('setMicMute', true)
      await b.does('setMicMute', true)
      await Promise.all([a.hearsNobody(), b.hearsNobody()])
      await b.does('setMicMute', false)
      await a.hears(b.userID)
      await b.hearsNobody()
    })

    it(`the ${actor} switches its camera off and on: no picture, and then it moves again; the voice goes on`, async () => {
      const [a, b] = await talking(actor, 2)
      const before = [await a.same(), await b.same()]
      for (let n = 0; n < 2; n++) {
        await a.does('closeCamera')
        await b.seesNobody()
        await b.hears(a.userID)
        await a.sees(b.userID)
        await soon(
          `${a.userID} is seen`,
          SEEN_MS,
          () => a.does('openCamera'),
          () => b.sees(a.userID),
        )
      }
      await bothWays(a, b, 2)
      assert.deepEqual([await a.same(), await b.same()], before)
    })

    it(`the ${actor} mutes in a video call: the picture goes on`, async () => {
      const [a, b] = await talking(actor, 2)
      await a.does('setMicMute', true)
      await b.hearsNobody()
      await b.sees(a.userID)
      await a.does('setMicMute', false)
      await bothWays(a, b, 2)
    })

    it(`the ${actor} hangs up: no device is open and nothing is carried on either side`, async () => {
      const [phone, browser] = await rig.pair()
      const [a, b] = actor === 'phone' ? [onPhone(phone), onBrowser(browser)] : [onBrowser(browser), onPhone(phone)]
      await connect(b, a, 2)
      await bothWays(a, b, 2)
      await a.hangup()
      await gone(phone)
      await browser.event('CALL_END')
      await browser.page.tracks([])
      await noFfmpegLeft()
      const paths = () => browser.page.evaluate(() => window.__e2e.connections().map(({ state }) => state))
      await until('its connections are closed', async () => (await paths()).every((state) => state === 'closed'))
    })

    it(`two calls one after the other, the ${actor} first: nothing of the first is in the way`, async () => {
      const [a, b] = await talking(actor, 2)
      await a.hangup()
      await Promise.all([a.event('CALL_END'), b.event('CALL_END')])
      await connect(b, a, 1)
      await bothWays(a, b, 1)
      await a.hangup()
      await Promise.all([a.event('CALL_END'), b.event('CALL_END')])
      await connect(b, a, 2)
      await bothWays(a, b, 2)
    })
  }

  it('a voice call has no picture, and nobody is asked for a camera', async () => {
    const [phone, browser] = await rig.pair()
    const [a, b] = [onPhone(phone), onBrowser(browser)]
    await connect(a, b, 1)
    await bothWays(a, b, 1)
    await a.seesNobody()
    assert.ok(!phone.permissions.asked.includes('scope.camera'))
    assert.deepEqual(await browser.page.openTracks(), ['audio'])
  })

  it('microphone and camera go off and on at once, at both ends', async () => {
    const [a, b] = await talking('phone', 2)
    for (const on of [false, true]) {
      await Promise.all([a, b].flatMap((side) => [side.does('setMicMute', !on), side.does(on ? 'openCamera' : 'closeCamera')]))
      if (!on) await Promise.all([a.hearsNobody(), b.hearsNobody(), a.seesNobody(), b.seesNobody()])
    }
    await bothWays(a, b, 2)
  })
})

describe('a browser without a microphone', () => {
  /** @type {Rig} */ let rig
  /** @type {Device} */ let device
  before(async () => {
    rig = await Rig.start()
    device = await Device.start(BROWSER, { prompts: 'deny' })
  })
  afterEach(() => rig.clear())
  after(async () => {
    await rig?.stop()
    await device?.stop()
  })

  for (const caller of ACTORS) {
    it(`that its user refused, the ${caller} calls: it hears and sees, is seen, and the phone hears silence`, async () => {
      const phone = await rig.phone()
      const browser = await rig.browser({ device, view: { permissions: ['camera'] } })
      const [p, b] = [onPhone(phone), onBrowser(browser)]
      await (caller === 'phone' ? connectWithout(p, b) : connectWithout(b, p))
      assert.equal((await browser.event('ERROR')).code, 60005)
      await b.hears(p.userID)
      await Promise.all([b.sees(p.userID), p.sees(b.userID)])
      await p.hearsNobody()
      await nothingMore(browser, p.eventLog)
      assert.equal(browser.names().filter((event) => event === 'ERROR').length, 1, 'it is told once')
      await p.hangup()
      await browser.event('CALL_END')
    })
  }

  /** Whether its voice is said to be there is not what is shown here. */
  async function connectWithout(a, b) {
    await a.call(b.userID, { type: 2 })
    await b.event('INVITED')
    await b.accept()
    await Promise.all([a.event('USER_ENTER'), b.event('USER_ENTER')])
  }
})
