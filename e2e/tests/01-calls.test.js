/** Calls between two browser processes: who is heard and seen, mute, camera, and the silence after the end. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig } from '../lib/rig.js'

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

  for (const surface of SURFACES) {
    it(`by voice, through the ${surface}: each hears the other, and no picture is sent`, async () => {
      const [alice, bob] = [await rig.phone('alice', surface), await rig.phone('bob', surface)]
      await connect(alice, bob, 1)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      for (const phone of [alice, bob]) {
        const { in: incoming, out } = await phone.page.counts()
        assert.equal(out.video.packets, 0, `${phone.userID} sends no picture in a voice call`)
        assert.equal(incoming.video.frames, 0)
        assert.deepEqual((await phone.page.openTracks()), ['audio'], 'no camera is open in a voice call')
      }
    })

    it(`by video, through the ${surface}, called by bob: each sees and hears the other`, async () => {
      const [alice, bob] = [await rig.phone('alice', surface), await rig.phone('bob', surface)]
      await connect(bob, alice, 2)
      await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      const { codecs } = await alice.page.counts()
      assert.ok(codecs.includes('video/H264'), `H.264 is first in every answer: ${codecs}`)
    })
  }

  it('is encrypted by DTLS 1.2 and AES-256-GCM', async () => {
    const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('bob', 'class')]
    await connect(alice, bob, 1)
    await alice.page.hears('bob')
    for (const phone of [alice, bob]) {
      const { dtls, srtp, tls } = await phone.page.counts()
      assert.deepEqual({ dtls, srtp, tls }, { dtls: 'connected', srtp: 'SRTP_AEAD_AES_256_GCM', tls: 'FEFD' })
    }
  })

  it('goes from tone to silence to tone when the microphone is muted and unmuted, without a negotiation', async () => {
    const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('bob', 'class')]
    await connect(alice, bob, 1)
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    const before = await negotiations(alice, bob)

    await alice.do('setMicMute', true)
    const off = await bob.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === false)
    assert.equal(off.userID, 'alice')
    await bob.page.hearsNobody()
    await alice.page.hears('bob') // the other way goes on

    await alice.do('setMicMute', false)
    await bob.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === true)
    await bob.page.hears('alice')
    assert.deepEqual(await negotiations(alice, bob), before)
    assert.deepEqual(alice.told().concat(bob.told()), ['USER_ENTER', 'INVITED', 'USER_ENTER'], 'mute is not leaving')
  })

  it('has no frame while the camera is off and frames again when it is on, without a negotiation', async () => {
    const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('bob', 'class')]
    await connect(alice, bob, 2)
    await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
    const before = await negotiations(alice, bob)

    await alice.do('closeCamera')
    const off = await bob.event('USER_VIDEO_AVAILABLE', (data) => data.isVideoAvailable === false)
    assert.equal(off.userID, 'alice')
    await alice.page.raw.waitForFunction(() =>
      window.__e2e.deviceRequests().every((r) => r.tracks.every((t) => t.kind !== 'video' || t.state === 'ended')),
    )
    const still = await framesStop(bob)
    assert.equal((await bob.page.look()).frames, 0)
    assert.equal((await bob.page.counts()).in.video.frames, still, 'no new frame is decoded')
    await Promise.all([alice.page.sees('bob'), bob.page.hears('alice')])

    await alice.do('openCamera')
    await bob.event('USER_VIDEO_AVAILABLE', (data) => data.isVideoAvailable === true)
    await bob.page.sees('alice')
    assert.deepEqual(await negotiations(alice, bob), before)
    assert.deepEqual(alice.told().concat(bob.told()), ['USER_ENTER', 'INVITED', 'USER_ENTER'])
  })

  for (const ender of ['alice', 'bob']) {
    it(`leaves no packet on the wire and no device open 1 s after ${ender} has hung up`, async () => {
      const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('bob', 'class')]
      await connect(alice, bob, 2)
      await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
      const began = Date.now() - 500
      const talking = rig.server.relay.count(began)
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
    const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('bob', 'class')]
    await connect(alice, bob, 2)
    await bob.page.sees('alice')
    await alice.hangup()
    await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    await connect(bob, alice, 2)
    await Promise.all([alice.page.sees('bob'), bob.page.hears('alice')])
  })

  it('tells both sides the same duration', async () => {
    const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('bob', 'element')]
    await connect(alice, bob, 1)
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await bob.hangup()
    const [a, b] = await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    assert.ok(a.callEnd >= 1, `a listening time has passed: ${a.callEnd}`)
    assert.deepEqual([a.callEnd, a.call_end, b.callEnd, b.call_end], Array(4).fill(a.callEnd))
  })
})

async function negotiations(...phones) {
  return Promise.all(phones.map((phone) => phone.page.evaluate(() => window.__e2e.connections().map((c) => c.negotiations))))
}

/** Waits until no frame has been decoded for a while; gives how many there were. */
async function framesStop(phone) {
  for (let last = -1; ; ) {
    const { in: incoming } = await phone.page.counts()
    if (incoming.video.frames === last) return last
    last = incoming.video.frames
    await delay(500)
  }
}
