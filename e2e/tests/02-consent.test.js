/** No media before consent: the transport may connect while it rings, and carries nothing. */

import assert from 'node:assert/strict'
import { until } from '../lib/deadline.js'
import { SURFACES } from '../lib/phone.js'
import { Rig, ring } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly, refused } from '../lib/expect-events.js'

/** Packets that a caller has sent when the gate counts as tried: half a second of sound. */
const SENT = 25

describe('before the callee has accepted', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'], { server: { relay: true } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  async function ringing(surface = 'class') {
    const since = Date.now()
    const [alice, bob] = await Promise.all([rig.phone('alice', surface), rig.phone('bob', surface)])
    await ring(alice, bob, { type: 2 })
    await Promise.all([alice.page.connection(), bob.page.connection()])
    return { alice, bob, since }
  }

  for (const surface of SURFACES) {
    it(`${surface}: both transports connect, the callee opens no device, and what the caller sends goes nowhere`, async () => {
      const { alice, bob, since } = await ringing(surface)
      await sent(alice)
      assert.deepEqual(await bob.page.deviceRequests(), [], 'getUserMedia is not called while it rings')
      for (const phone of [alice, bob]) {
        const { in: incoming } = await phone.page.counts()
        assert.deepEqual([incoming.audio.packets, incoming.video.packets], [0, 0], `${phone.userID} receives nothing`)
      }
      const { up, down } = rig.server.relay.count(since)
      assert.ok(up.rtp >= SENT)
      assert.equal(down.rtp ?? 0, 0, 'the server forwards nothing')

      await bob.accept()
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      const made = (await bob.page.evaluate(() => window.__e2e.connections())).length
      assert.equal(made, 1, 'accept opens the gate of the transport that was there')
    })
  }

  it('a callee that sends all the same is heard by nobody', async () => {
    const { alice, bob, since } = await ringing()
    await bob.page.evaluate(async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
      for (const { sender, receiver } of window.__e2e.live().getTransceivers()) {
        await sender.replaceTrack(stream.getTracks().find((t) => t.kind === receiver.track.kind))
      }
    })
    await sent(bob)
    await sent(alice)
    assert.equal(rig.server.relay.count(since).down.rtp ?? 0, 0)
    const heard = await alice.page.listen()
    assert.equal(heard.who, 'nobody')
    assert.ok(heard.heardMs > 0, 'the caller could hear')
  })

  it('calling back by voice while invited by video makes a voice call: no camera opens there, and the other is closed', async () => {
    const { alice, bob } = await ringing()
    await alice.page.tracks(['audio', 'video'])
    await bob.call({ userID: 'alice', type: 1 })
    await Promise.all([alice.event('USER_ENTER'), bob.event('USER_ENTER')])
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await alice.page.tracks(['audio'])
    const requests = await bob.page.deviceRequests()
    assert.deepEqual(
      requests.filter((r) => r.video),
      [],
      'bob asked for voice',
    )
    await Promise.all([alice.page.seesNobody(), bob.page.seesNobody()])
    await exactly([alice, answers('bob')], [bob, ['INVITED', ...enters('alice')]])
  })

  it('nothing flows after the caller has cancelled', async () => {
    const { alice, bob, since } = await ringing()
    await sent(alice)
    await alice.hangup()
    await bob.event('CALLING_CANCEL')
    await refused(bob, 'no_call', () => bob.accept())
    assert.deepEqual(await bob.page.openTracks(), [])
    assert.equal(rig.server.relay.count(since).down.rtp ?? 0, 0)
  })
})

/** Waits until a phone has sent some sound since now. */
async function sent(phone) {
  const packets = async () => (await phone.page.counts()).out.audio.packets
  const from = await packets()
  await until(`${phone.userID} sends while it rings`, async () => (await packets()) - from >= SENT)
}
