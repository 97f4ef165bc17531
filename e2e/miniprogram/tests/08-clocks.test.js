/** The time of day of a phone is set in the middle of things: no timer on a screen, no duration and no time-out follows it. */

import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, connect, gone, over, Rig, ring } from '../lib/rig.js'

/** What a clock is put by, in milliseconds. */
const BACK = -120_000
const FORWARD = 600_000
/** When it is set, and how long it goes on, in seconds of a call. */
const SET_AT_S = 3
const LOOKED_AFTER_S = 4
/** Two timers that began within one second of each other differ by so much at most, in seconds. */
const APART_S = 1
/** A timer on a phone's screen is right again within this, after its app was suspended: the phone's next timer but one of its own. */
const HEALED_MS = 15_000

/** What phones have to measure with. */
const measuring = (now) => ({ getPerformance: () => ({ now }) })
const PHONES = [
  ['of base library 2.10.0', {}],
  ['that can measure', { later: measuring(() => performance.now() * 1000) }],
  ['that can measure, in another unit than others', { later: measuring(() => performance.now()) }],
  ['whose performance object does not measure', { later: measuring(undefined) }],
]

describe('a clock that is set', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  /** What a phone's timer shows, in seconds; nothing if it shows none. */
  function timer(phone) {
    const [, hours, minutes, seconds] = /^(\d\d):(\d\d):(\d\d)$/m.exec(phone.texts().join('\n')) ?? []
    return seconds === undefined ? undefined : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  }
  const shows = (phone, seconds) => until(`${phone.userID}'s timer shows ${seconds} s`, () => timer(phone) >= seconds, { last: () => phone.texts() })

  /** Alice and Bob, with such phones, talk, and both see a timer. */
  async function talking(options) {
    const phones = await Promise.all([rig.phone('alice', options), rig.phone('bob', options)])
    await connect(...phones)
    await bothWays(...phones, 1)
    for (const phone of phones) phone.eventLog.forget()
    return phones
  }
  /** How long they have talked, as a page is told it. */
  const duration = (phone) => phone.eventLog.sequence.find(({ event }) => event === 'CALL_END').data.callEnd
  const near = (one, other, apart) => assert.ok(Math.abs(one - other) <= apart, `${one} s and ${other} s`)

  for (const [what, options] of PHONES) {
    it(`on phones ${what}, on one back, on the other forward: both timers go on, and are what the server says in the end`, async () => {
      const [alice, bob] = await talking(options)
      await shows(alice, SET_AT_S)
      alice.setClock(BACK)
      bob.setClock(FORWARD)
      for (const phone of [alice, bob]) await shows(phone, SET_AT_S + LOOKED_AFTER_S)
      const shown = timer(bob)
      near(timer(alice), shown, APART_S)
      await over(bob, alice)
      near(shown, duration(bob), 2 * APART_S)
      assert.equal(duration(alice), duration(bob))
    })
  }

  it('and the network goes away before the call is hung up: the duration is what the other side is told', async () => {
    const [alice, bob] = await talking()
    alice.setClock(FORWARD)
    await alice.network.cut()
    await alice.tap('#hangup')
    await gone(alice)
    await bob.tap('#hangup')
    await gone(bob)
    near(duration(alice), duration(bob), 2 * APART_S)
    await alice.network.heal()
  })

  it('while the server is asked for a sign of life: a socket that dies silently afterwards is noticed as ever', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    /** A hint: whoever comes back to the app has its connection looked at. */
    const comesBack = async () => {
      await alice.hide({ freezeAfter: Infinity })
      await alice.show()
    }
    await alice.network.silence()
    await comesBack()
    alice.setClock(FORWARD)
    await alice.network.heal()
    // What comes now comes after the answer.
    await ring(bob, alice)
    await bob.tap('#hangup')
    await alice.eventLog.event('CALLING_CANCEL')
    const { length } = alice.connects
    assert.equal(length, 1, 'it was answered in time')
    await alice.network.silence()
    await comesBack()
    await until('she looks for another socket', () => alice.connects.length > length, { last: () => alice.connects })
    await alice.network.heal()
    await ring(bob, alice)
    await bob.tap('#hangup')
    await alice.eventLog.event('CALLING_CANCEL')
  })

  it('is not all that stops a timer: an app that was suspended has the right time again after a while', async () => {
    const [alice, bob] = await talking()
    await shows(bob, SET_AT_S)
    await alice.hide({ freezeAfter: 0 })
    await shows(bob, SET_AT_S + LOOKED_AFTER_S)
    await alice.show()
    await until('their timers agree', () => Math.abs(timer(alice) - timer(bob)) <= APART_S, { ms: HEALED_MS, last: () => [timer(alice), timer(bob)] })
    await over(bob, alice)
  })
})
