/** Calls between two browser processes: who is heard and seen, mute, camera, and the silence after the end. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { framesStop } from '../lib/pictures.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly } from '../lib/expect-events.js'
import { picture, voice } from '../lib/payloads.js'

/** After the end of a call, the wire may carry its last packets for this long. */
const LAST_PACKETS_MS = 1000
/** Then it is watched for this long: five keep-alives of any kind would fall into it. */
const WATCHED_MS = 2500

describe('a call between two browsers', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'], { server: { relay: true } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  const pair = (surface, other = surface) => Promise.all([rig.phone('alice', surface), rig.phone('bob', other)])

  for (const surface of SURFACES) {
    const shown = surface === 'element'

    it(`by voice, through the ${surface}: each hears the other, and no picture is sent`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 1)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      for (const phone of [alice, bob]) {
        const { in: incoming, out } = await phone.page.counts()
        // Nothing but padding: Chromium measures its network once with packets of it, as soon as one of sound is 200 bytes
        // long, which one is that repeats the one before it.
        const { bytes, frames } = out.video
        assert.deepEqual({ bytes, frames }, { bytes: 0, frames: 0 }, `${phone.userID} sends no picture in a voice call`)
        assert.equal(incoming.video.frames, 0)
        assert.deepEqual(await phone.page.openTracks(), ['audio'], 'no camera is open in a voice call')
      }
    })

    it(`by video, through the ${surface}, called by bob: each sees and hears the other`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(bob, alice, 2)
      await Promise.all([alice.page.sees('bob', { shown }), bob.page.sees('alice', { shown })])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      const { codecs } = await alice.page.counts()
      assert.ok(codecs.includes('video/H264'), `H.264 is first in every answer: ${codecs}`)
    })

    it(`through the ${surface}: tone, silence when muted, tone again, without a negotiation`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 1)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      const before = await negotiations(alice, bob)

      await alice.do('setMicMute', true)
      await bob.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === false)
      await bob.page.hearsNobody()
      await alice.page.hears('bob') // the other way goes on

      await alice.do('setMicMute', false)
      await bob.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === true)
      await bob.page.hears('alice')
      assert.deepEqual(await negotiations(alice, bob), before)
      await exactly(
        [alice, answers('bob')],
        [bob, ['INVITED', ...enters('alice'), voice('alice', false), voice('alice', true)]], // mute is not leaving
      )
    })

    it(`through the ${surface}: no frame while the camera is off, frames again when it is on, without a negotiation`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 2)
      await Promise.all([alice.page.sees('bob', { shown }), bob.page.sees('alice', { shown })])
      const before = await negotiations(alice, bob)

      await alice.do('closeCamera')
      await bob.event('USER_VIDEO_AVAILABLE', (data) => data.isVideoAvailable === false)
      await alice.page.tracks(['audio']) // its light is off too
      const still = await framesStop(bob)
      await bob.page.seesNobody()
      assert.equal((await bob.page.counts()).in.video.frames, still, 'no new frame is decoded')
      await Promise.all([alice.page.sees('bob', { shown }), bob.page.hears('alice')])

      await alice.do('openCamera')
      await bob.event('USER_VIDEO_AVAILABLE', (data) => data.isVideoAvailable === true)
      await bob.page.sees('alice', { shown })
      assert.deepEqual(await negotiations(alice, bob), before)
      await exactly([alice, answers('bob', 2)], [bob, ['INVITED', ...enters('alice', 2), picture('alice', false), picture('alice', true)]])
    })
  }

  it('is encrypted by DTLS 1.2 and AES-256-GCM', async () => {
    const [alice, bob] = await pair('class')
    await connect(alice, bob, 1)
    await alice.page.hears('bob')
    for (const phone of [alice, bob]) {
      const { dtls, srtp, tls } = await phone.page.counts()
      assert.deepEqual({ dtls, srtp, tls }, { dtls: 'connected', srtp: 'SRTP_AEAD_AES_256_GCM', tls: 'FEFD' })
    }
  })

  for (const [ender, surface] of [
    ['alice', 'class'],
    ['bob', 'element'],
  ]) {
    it(`through the ${surface}: no packet on the wire and no device open 1 s after ${ender} has hung up`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 2)
      await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
      const talking = rig.server.relay.count(Date.now() - 500)
      assert.ok(talking.up.rtp > 0 && talking.down.rtp > 0, `the relay sees what passes: ${JSON.stringify(talking)}`)

      await (ender === 'alice' ? alice : bob).hangup()
      await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
      await delay(LAST_PACKETS_MS)
      const from = Date.now()
      await delay(WATCHED_MS)
      assert.deepEqual(rig.server.relay.count(from), { up: {}, down: {}, total: 0 })
      for (const phone of [alice, bob]) {
        assert.deepEqual(await phone.page.openTracks(), [], `${phone.userID}'s devices are closed`)
        const states = (await phone.page.evaluate(() => window.__e2e.connections())).map((c) => c.state)
        assert.deepEqual([...new Set(states)], ['closed'])
      }
    })
  }

  it('can be followed by another, the other way round', async () => {
    const [alice, bob] = await pair('class')
    await connect(alice, bob, 2)
    await bob.page.sees('alice')
    await alice.hangup()
    await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    await connect(bob, alice, 2)
    await Promise.all([alice.page.sees('bob'), bob.page.hears('alice')])
  })

  it('tells both sides the same duration, which is the one on record', async () => {
    const [alice, bob] = await pair('class', 'element')
    const began = Date.now()
    await connect(alice, bob, 1)
    const talking = Date.now()
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await delay(Math.max(0, 1000 - (Date.now() - talking))) // or it may be none
    const ending = Date.now()
    await bob.hangup()
    const [a, b] = await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    const seconds = await rig.server.talked(a.inviteID)
    assert.deepEqual([a.callEnd, a.call_end, b.callEnd, b.call_end], Array(4).fill(seconds))
    assert.ok(seconds >= Math.floor((ending - talking) / 1000), `${seconds} s`)
    assert.ok(seconds <= (Date.now() - began) / 1000, `${seconds} s`)
  })
})

async function negotiations(...phones) {
  return Promise.all(phones.map((phone) => phone.page.evaluate(() => window.__e2e.connections().map((c) => c.negotiations))))
}
