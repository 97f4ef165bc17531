/** A network that changes in mid-call is followed within seconds, and one that only rests costs nothing. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Lab } from '../lib/lab.js'
import { connect, Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly } from '../lib/expect-events.js'

/** 40 ms from a person to the server and back. */
const LINK = { up: 'delay=20ms', down: 'delay=20ms' }
/** Addresses that no host has at first. */
const NEW_ADDRESSES = ['10.9.0.77', '10.9.0.78', '10.9.0.79']
/** The longest time without sound: less than 3 s on a machine that has nothing else to do. A browser left to itself needs
 * ten. */
const BACK_MS = 6000
const BLACKOUT_MS = 3000
/** Longer than anything waits before it takes silence for death. */
const QUIET_MS = 10_000

/** Runs in a page: from now on `soundGap()` is the longest time in which no packet of sound came, in milliseconds. */
function watchSound() {
  let [last, longest, known] = [performance.now(), 0, '']
  setInterval(async () => {
    const { packets } = (await window.__e2e.counts().catch(() => undefined))?.in.audio ?? {}
    const state = `${window.__e2e.connections().length}: ${packets}`
    if (!packets || state === known) return
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    known = state
  }, 50)
  window.soundGap = () => Math.round(Math.max(longest, performance.now() - last))
}

describe('a network that changes in mid-call', () => {
  /** @type {Lab} */ let lab
  /** @type {Rig} */ let rig
  before(async () => {
    lab = await Lab.start({ hosts: { alice: LINK, bob: LINK, server: {} } })
    rig = await Rig.start(['alice', 'bob'], { lab })
  })
  afterEach(async () => {
    await lab.set('bob', LINK)
    await rig.clear()
  })
  after(async () => {
    try {
      await rig?.stop()
    } finally {
      await lab?.stop()
    }
  })

  async function talk(type) {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'class'), rig.phone('bob', 'class')])
    await connect(alice, bob, type)
    await hear(alice, bob)
    return { alice, bob }
  }
  const hear = (alice, bob) => Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
  /** How many transports each page has made so far. */
  const transports = (...phones) => Promise.all(phones.map(({ page }) => page.evaluate(() => window.__e2e.connections().length)))
  const onlyConnected = (alice, bob, type) => exactly([alice, answers('bob', type)], [bob, ['INVITED', ...enters('alice', type)]])

  /** Bob's network changes so, and both hear each other again on one more transport of his, in the same session. */
  async function roams(type, change, ms) {
    const { alice, bob } = await talk(type)
    await Promise.all([alice, bob].map(({ page }) => page.evaluate(watchSound)))
    await delay(2000)
    await change()
    // What the receiver still makes up is no sign of life.
    await delay(1000)
    await hear(alice, bob)
    const gaps = await Promise.all([alice, bob].map(({ page }) => page.evaluate(() => window.soundGap())))
    console.log(`    without sound: alice ${gaps[0]} ms, bob ${gaps[1]} ms`)
    assert.ok(Math.max(...gaps) < ms, `no sound for ${gaps} ms`)
    assert.deepEqual(await transports(alice, bob), [1, 2])
    const { logins, resumed } = await bob.page.session()
    assert.deepEqual({ logins, resumed }, { logins: 1, resumed: 1 }, 'another socket, in the same session')
    await onlyConnected(alice, bob, type)
  }

  for (const [n, [type, name]] of [
    [1, 'voice'],
    [2, 'video'],
  ].entries()) {
    it(`${name}, another address: both hear each other again within seconds, and no event comes of it`, () =>
      roams(type, () => lab.readdress('bob', NEW_ADDRESSES[n]), BACK_MS))
  }

  it(`is away for ${BLACKOUT_MS / 1000} s, and back with another address: the same, from then on`, async () => {
    const change = async () => {
      await lab.set('bob', { up: 'down', down: 'down' })
      await delay(BLACKOUT_MS)
      await lab.readdress('bob', NEW_ADDRESSES[2])
      await lab.set('bob', LINK)
    }
    await roams(1, change, BLACKOUT_MS + BACK_MS)
  })

  it(`is away for ${BLACKOUT_MS / 1000} s: the same transports carry both again`, async () => {
    const { alice, bob } = await talk(2)
    await lab.set('bob', { up: 'down', down: 'down' })
    await delay(BLACKOUT_MS)
    await lab.set('bob', LINK)
    await hear(alice, bob)
    await delay(QUIET_MS)
    assert.deepEqual(await transports(alice, bob), [1, 1])
    await onlyConnected(alice, bob, 2)
  })

  it('does not: a call in which both are muted and dark stays as it is', async () => {
    const { alice, bob } = await talk(2)
    for (const phone of [alice, bob]) {
      await phone.do('closeCamera')
      await phone.do('setMicMute', true)
    }
    await delay(QUIET_MS)
    assert.deepEqual(await transports(alice, bob), [1, 1])
    for (const { page } of [alice, bob]) assert.equal((await page.session()).sockets, 1)
    await bob.do('setMicMute', false)
    await alice.page.hears('bob')
  })
})
