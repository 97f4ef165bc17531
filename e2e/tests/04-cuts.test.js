/** Sockets that are cut or go silent, while it rings and while they talk: nothing lost, nothing doubled, sound goes on. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { PATIENCE_MS } from '../lib/device.js'
import { connect, Rig } from '../lib/rig.js'

/** How long a socket is away, in milliseconds. */
const AWAY_MS = 2000

describe('a socket that is away for 2 s', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'])
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  /** Two phones, each behind a proxy of its own. */
  async function pair() {
    const [near, far] = [await rig.proxy(), await rig.proxy()]
    const alice = Object.assign(await rig.phone('alice', 'class', { url: near.url }), { proxy: near })
    const bob = Object.assign(await rig.phone('bob', 'class', { url: far.url }), { proxy: far })
    return { alice, bob }
  }

  /** Cuts a phone's socket for the time, runs `meanwhile`, and waits until the phone is back. */
  async function away(phone, how, meanwhile = async () => {}) {
    const { proxy } = phone
    proxy[how]()
    const back = delay(AWAY_MS)
    await meanwhile()
    await back
    const before = proxy.accepted
    proxy.heal()
    if (how === 'cut') await until(() => proxy.accepted > before, `${phone.userID} connects again`)
  }

  const names = async (...phones) => (await Promise.all(phones.map((p) => p.settled()))).map((told) => told.map((t) => t.event))

  for (const how of ['cut', 'freeze']) {
    it(`(${how}) of the callee while it rings: it still rings, is answered, and both are heard`, async () => {
      const { alice, bob } = await pair()
      await alice.call({ userID: 'bob', type: 1 })
      await bob.event('INVITED')
      await away(bob, how)
      await bob.accept()
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      assert.deepEqual(await names(alice, bob), [['USER_ENTER'], ['INVITED', 'USER_ENTER']])
    })

    it(`(${how}) of both while they talk: sound goes on during it, and no event comes of it`, async () => {
      const { alice, bob } = await pair()
      await connect(alice, bob, 1)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      await Promise.all([
        away(alice, how, async () => assert.equal((await alice.page.listen()).who, 'bob')),
        away(bob, how, async () => assert.equal((await bob.page.listen()).who, 'alice')),
      ])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      assert.deepEqual(await names(alice, bob), [['USER_ENTER'], ['INVITED', 'USER_ENTER']])
      await alice.hangup()
      assert.deepEqual(await names(alice, bob), [
        ['USER_ENTER', 'HANG_UP', 'CALL_END'],
        ['INVITED', 'USER_ENTER', 'USER_LEAVE', 'CALL_END'],
      ])
    })
  }

  it('answers once what was answered while it was away', async () => {
    const { alice, bob } = await pair()
    await alice.call({ userID: 'bob', type: 1 })
    await bob.event('INVITED')
    const accepted = []
    await away(bob, 'cut', async () => void accepted.push(bob.accept()))
    await accepted[0]
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    assert.deepEqual(await names(alice, bob), [['USER_ENTER'], ['INVITED', 'USER_ENTER']])
  })

  it('of the caller does not keep the callee from answering: the caller is told once when it is back', async () => {
    const { alice, bob } = await pair()
    await alice.call({ userID: 'bob', type: 1 })
    await bob.event('INVITED')
    await away(alice, 'cut', () => bob.accept())
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    assert.deepEqual(await names(alice, bob), [['USER_ENTER'], ['INVITED', 'USER_ENTER']])
  })

  it('learns once that the call was cancelled', async () => {
    const { alice, bob } = await pair()
    await alice.call({ userID: 'bob', type: 1 })
    await bob.event('INVITED')
    await away(bob, 'cut', () => alice.hangup())
    await bob.event('CALLING_CANCEL')
    assert.deepEqual(await names(alice, bob), [['CALL_END', 'HANG_UP'], ['INVITED', 'CALLING_CANCEL']])
  })

  it('gets an invitation of that time once', async () => {
    const { alice, bob } = await pair()
    await away(bob, 'cut', () => alice.call({ userID: 'bob', type: 1 }))
    await bob.event('INVITED')
    await bob.accept()
    await bob.page.hears('alice')
    assert.deepEqual(await names(alice, bob), [['USER_ENTER'], ['INVITED', 'USER_ENTER']])
  })

  it('learns once that the other has hung up, with the same duration', async () => {
    const { alice, bob } = await pair()
    await connect(alice, bob, 1)
    await bob.page.hears('alice')
    await away(bob, 'cut', () => alice.hangup())
    const [a, b] = await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    assert.equal(a.callEnd, b.callEnd)
    assert.deepEqual(await names(alice, bob), [
      ['USER_ENTER', 'HANG_UP', 'CALL_END'],
      ['INVITED', 'USER_ENTER', 'USER_LEAVE', 'CALL_END'],
    ])
  })

  it('has its own hang-up carried out, and is told one end', async () => {
    const { alice, bob } = await pair()
    await connect(alice, bob, 1)
    await bob.page.hears('alice')
    await away(bob, 'cut', async () => void bob.hangup())
    await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    assert.deepEqual(await names(alice, bob), [
      ['USER_ENTER', 'USER_LEAVE', 'CALL_END'],
      ['INVITED', 'USER_ENTER', 'HANG_UP', 'CALL_END'],
    ])
    assert.deepEqual(await bob.page.openTracks(), [])
  })

  it('mutes for the others when it is back, what was muted while it was away', async () => {
    const { alice, bob } = await pair()
    await connect(alice, bob, 1)
    await bob.page.hears('alice')
    await away(alice, 'cut', async () => {
      alice.do('setMicMute', true)
      await bob.page.hearsNobody() // at once: the track is off at its source
    })
    await bob.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === false)
  })
})

async function until(happened, what) {
  const end = Date.now() + PATIENCE_MS
  while (!happened()) {
    if (Date.now() > end) throw new Error(`waited ${PATIENCE_MS} ms until ${what}`)
    await delay(50)
  }
}
