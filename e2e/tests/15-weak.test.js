/** A weak network is said on both screens within seconds, with whose it is, and taken back when it is good again. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../lib/deadline.js'
import { Lab } from '../lib/lab.js'
import { connect, Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

/** 40 ms from a person to the server and back. */
const GOOD = 'delay=20ms'
const LOSSY = 'delay=20ms loss=10%'
/**
 * The hint is due within 5 s of 10 % loss. The rest is for the way from the server's word to a look at the screen of a
 * busy machine.
 */
const WITHIN_MS = 5000 + 1500
/** A network that is good again is believed after some good seconds. */
const GONE_WITHIN_MS = 15_000
/** Seconds in which a little loss must not be said. */
const CALM_MS = 8000
/** Loss is an average: some 400 packets a second make it steady, so that a call of a second is long enough before. */
const SETTLED_MS = 3000

const OWN = ['您当前网络不佳', 'Your network is weak']
const PEER = ['对方当前网络不佳', "The other side's network is weak"]

describe('the weak-network hint', () => {
  /** @type {Lab} */ let lab
  /** @type {Rig} */ let rig
  before(async () => {
    const link = { up: GOOD, down: GOOD }
    lab = await Lab.start({ hosts: { alice: link, bob: link, server: {} } })
    rig = await Rig.start(['alice', 'bob'], { lab })
  })
  afterEach(async () => {
    await lab.set('bob', { up: GOOD, down: GOOD })
    await rig.clear()
  })
  after(async () => {
    try {
      await rig?.stop()
    } finally {
      await lab?.stop()
    }
  })

  /** The notices on a person's call screen, as far as they are visible. */
  const screen = (phone) => phone.page.evaluate(() => document.querySelector('trtc-calling').shadowRoot.querySelector('.pills').innerText)
  const reads = async (phone, texts) => {
    const text = await screen(phone)
    return texts.some((t) => text.includes(t))
  }

  async function talk(type) {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'element'), rig.phone('bob', 'element')])
    await connect(alice, bob, type)
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await delay(SETTLED_MS)
    assert.ok(!(await reads(bob, [...OWN, ...PEER])) && !(await reads(alice, [...OWN, ...PEER])), 'nothing is said of a good network')
    return { alice, bob }
  }

  /** Bob's network becomes so; both are told in time whose it is, and when it is good again. */
  async function hint(type, link) {
    const { alice, bob } = await talk(type)
    await lab.set('bob', { up: GOOD, down: GOOD, ...link })
    const both = async () => (await reads(bob, OWN)) && (await reads(alice, PEER))
    await until('both read whose network is weak', both, { ms: WITHIN_MS })
    assert.ok(!(await reads(bob, PEER)) && !(await reads(alice, OWN)), 'and not the other one')
    await lab.set('bob', { up: GOOD, down: GOOD })
    const neither = async () => !(await reads(bob, [...OWN, ...PEER])) && !(await reads(alice, [...OWN, ...PEER]))
    await until('it is gone on both screens', neither, { ms: GONE_WITHIN_MS })
  }

  for (const [type, name] of [[2, 'a video call'], [1, 'a voice call']]) {
    it(`${name}: 10 % of what comes is lost`, () => hint(type, { down: LOSSY }))
    it(`${name}: 10 % of what is sent is lost`, () => hint(type, { up: LOSSY }))
  }

  it('a round trip of a second', () => hint(2, { up: 'delay=500ms', down: 'delay=500ms' }))

  it('says nothing of 2 % loss', async () => {
    const { alice, bob } = await talk(2)
    await lab.set('bob', { up: 'delay=20ms loss=2%', down: 'delay=20ms loss=2%' })
    const end = Date.now() + CALM_MS
    while (Date.now() < end) {
      assert.ok(!(await reads(bob, [...OWN, ...PEER])) && !(await reads(alice, [...OWN, ...PEER])), 'nothing is said')
      await delay(500)
    }
    const { up, down } = (await lab.stats()).hosts.bob
    assert.ok(up.lost > 0 && down.lost > 0, 'though some was lost')
  })
})
