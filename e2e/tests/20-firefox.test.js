/** Calls between Firefox and Chromium: each hears the other's tone and sees the other's picture, whoever calls. */

import assert from 'node:assert/strict'
import { FirefoxDevice } from '../lib/firefox.js'
import { answers, enters, exactly } from '../lib/expect-events.js'
import { voice } from '../lib/payloads.js'
import { framesStop, sends } from '../lib/pictures.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

describe('a call between Firefox and Chromium', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    // Firefox sends nothing to a loopback address.
    rig = await Rig.start(['bob'], { server: { loopback: false } })
    rig.devices.alice = /** @type {any} */ (await FirefoxDevice.start('alice'))
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  /** Alice has Firefox, Bob Chromium. */
  const pair = (surface) => Promise.all([rig.phone('alice', surface), rig.phone('bob', surface)])

  for (const surface of SURFACES) {
    const shown = surface === 'element'

    it(`by voice, through the ${surface}, called by Firefox: each hears the other`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 1)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      assert.deepEqual(await alice.page.openTracks(), ['audio'], 'no camera is open in a voice call')
    })

    for (const caller of ['Firefox', 'Chromium']) {
      it(`by video, through the ${surface}, called by ${caller}: each sees and hears the other, in VP8`, async () => {
        const [alice, bob] = await pair(surface)
        await (caller === 'Firefox' ? connect(alice, bob, 2) : connect(bob, alice, 2))
        await Promise.all([alice.page.sees('bob', { shown }), bob.page.sees('alice', { shown })])
        await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
        for (const phone of [alice, bob]) assert.equal(await sends(phone), 'video/VP8', phone.userID)
        await alice.hangup()
        await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
        await Promise.all([alice.page.tracks([]), bob.page.tracks([])])
      })
    }
  }

  it('Firefox muted is silent and heard again, while it hears on; the same the other way', async () => {
    const [alice, bob] = await pair('class')
    await connect(bob, alice, 1)
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    for (const [one, other] of [
      [alice, bob],
      [bob, alice],
    ]) {
      await one.do('setMicMute', true)
      await other.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === false)
      await other.page.hearsNobody()
      await one.page.hears(other.userID)
      await one.do('setMicMute', false)
      await other.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === true)
      await other.page.hears(one.userID)
    }
    const toggled = (name) => [voice(name, false), voice(name, true)]
    await exactly([bob, [...answers('alice'), ...toggled('alice')]], [alice, ['INVITED', ...enters('bob'), ...toggled('bob')]])
  })

  it("no frame of Firefox's while its camera is off, frames again when it is on", async () => {
    const [alice, bob] = await pair('class')
    await connect(alice, bob, 2)
    await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
    await alice.do('closeCamera')
    await bob.event('USER_VIDEO_AVAILABLE', (data) => data.isVideoAvailable === false)
    await alice.page.tracks(['audio'])
    await framesStop(bob)
    await bob.page.seesNobody()
    await alice.page.sees('bob')
    await alice.do('openCamera')
    await bob.event('USER_VIDEO_AVAILABLE', (data) => data.isVideoAvailable === true)
    await bob.page.sees('alice')
  })

  /**
   * Who is the server of the DTLS handshake chooses the SRTP profile, and each browser likes another one best. Our server
   * leaves that to a browser that offers to be it alone.
   */
  for (const [chooser, profile] of /** @type {const} */ ([
    ['alice', 'SRTP_AEAD_AES_128_GCM'],
    ['bob', 'SRTP_AES128_CM_HMAC_SHA1_80'],
  ])) {
    it(`${chooser === 'alice' ? 'Firefox' : 'Chromium'} in ${profile} and the other in AES-256-GCM see and hear each other`, async () => {
      const phones = await pair('class')
      const [alice, bob] = phones
      for (const phone of phones) if (phone.userID === chooser) await phone.page.evaluate(offerToBeServer)
      await connect(alice, bob, 2)
      await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      for (const phone of phones) {
        const { srtp } = await phone.page.counts()
        assert.equal(srtp, phone.userID === chooser ? profile : 'SRTP_AEAD_AES_256_GCM', phone.userID)
      }
    })
  }
})

/** Runs in the page: from now on its offers say that the browser will be the server of the DTLS handshake (RFC 8842 §5). */
function offerToBeServer() {
  let holder = RTCPeerConnection.prototype
  while (!Object.hasOwn(holder, 'localDescription')) holder = Object.getPrototypeOf(holder)
  const { get } = /** @type {{ get: () => RTCSessionDescription | null }} */ (Object.getOwnPropertyDescriptor(holder, 'localDescription'))
  Object.defineProperty(holder, 'localDescription', {
    configurable: true,
    get() {
      const own = get.call(this)
      if (own?.type !== 'offer') return own
      return { type: own.type, sdp: own.sdp.replaceAll('a=setup:actpass', 'a=setup:passive') }
    },
  })
}
