/** No media before consent: the transport may connect while it rings, and carries nothing. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { PATIENCE_MS } from '../lib/device.js'
import { Rig } from '../lib/rig.js'

/** Packets that a caller has sent when the gate counts as tried: half a second of sound. */
const SENT = 25

describe('before the callee has accepted', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'], { server: { relay: true } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  async function ring() {
    const since = Date.now()
    const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('bob', 'class')]
    await alice.call({ userID: 'bob', type: 2 })
    await bob.event('INVITED')
    await Promise.all([alice.page.connection(), bob.page.connection()])
    return { alice, bob, since }
  }

  it('both transports connect, the callee opens no device, and what the caller sends goes nowhere', async () => {
    const { alice, bob, since } = await ring()
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

  it('a callee that sends all the same is heard by nobody', async () => {
    const { alice, bob, since } = await ring()
    await bob.page.evaluate(async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
      for (const { sender, receiver } of window.__e2e.live().getTransceivers()) {
        await sender.replaceTrack(stream.getTracks().find((t) => t.kind === receiver.track.kind))
      }
    })
    await sent(bob)
    await sent(alice)
    assert.equal(rig.server.relay.count(since).down.rtp ?? 0, 0)
    assert.equal((await alice.page.listen()).who, 'nobody')
  })

  it('nothing flows after the caller has cancelled', async () => {
    const { alice, bob, since } = await ring()
    await sent(alice)
    await alice.hangup()
    await bob.event('CALLING_CANCEL')
    await assert.rejects(bob.accept(), (error) => Boolean(error.code && error.message))
    assert.deepEqual(await bob.page.openTracks(), [])
    assert.equal(rig.server.relay.count(since).down.rtp ?? 0, 0)
  })
})

/** Waits until a phone has sent some sound since now. */
async function sent(phone) {
  const from = (await phone.page.counts()).out.audio.packets
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const now = (await phone.page.counts()).out.audio.packets
    if (now - from >= SENT) return
    assert.ok(Date.now() < end, `${phone.userID} sends while it rings: ${now - from} packets`)
  }
}
