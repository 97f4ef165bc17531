/** A talk in the laboratory, and what its screens say when one's network becomes weak. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from './deadline.js'
import { Lab } from './lab.js'
import { connect, Rig } from './rig.js'
import { after, afterEach, before, describe } from './test.js'

/** @typedef {{ up?: import('./lab.js').Shape, down?: import('./lab.js').Shape }} Link how bob's is; what is left out is good */

/** 40 ms from a person to the server and back. */
const GOOD = 'delay=20ms'
export const LOSSY = 'delay=20ms loss=10%'
/** The hint is due within 5 s of the change. The rest is for a look at the screen of a busy machine. */
const WITHIN_MS = 5000 + 1500
/** A network that is good again is believed after some good seconds. */
const GONE_WITHIN_MS = 15_000
/** Time in which a little loss must not be said. */
const CALM_MS = 8000
/** Sound and picture stall for as long; a call outlives it. */
const BLACKOUT_MS = 5000
/** Loss is an average: some 400 packets a second make it steady, so that a call of a second is long enough before. */
const SETTLED_MS = 3000

const OWN = ['您当前网络不佳', 'Your network is weak']
const PEER = ['对方当前网络不佳', "The other side's network is weak"]
/** What a page says by itself while nothing arrives at all: it cannot be told whose network it is. */
const AWAY = ['网络中断', 'Network lost', '与服务器的连接中断', 'Connection to the server lost']

/**
 * A suite in which two people talk through the laboratory and one's network becomes weak.
 *
 * @param {(how: {
 *   hint: (type: 1 | 2, link: Link) => Promise<void>,
 *   calm: (loss: string) => Promise<void>,
 *   blackout: (link: Link) => Promise<void>,
 * }) => void} tests what is to be shown: that a link is said on both screens in time, and taken back; that so much loss is
 * not said; that a link on which nothing passes is said
 */
export function describeHint(tests) {
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
    const screen = (phone) =>
      phone.page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('trtc-calling').shadowRoot.querySelector('.pills')).innerText)
    const reads = async (phone, texts) => {
      const text = await screen(phone)
      return texts.some((t) => text.includes(t))
    }

    /** Nothing is said of anybody's network. */
    const quiet = async (...phones) => {
      for (const phone of phones) if (await reads(phone, [...OWN, ...PEER, ...AWAY])) return false
      return true
    }

    async function talk(type) {
      const [alice, bob] = await Promise.all([rig.phone('alice', 'element'), rig.phone('bob', 'element')])
      await connect(alice, bob, type)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      await delay(SETTLED_MS)
      assert.ok(await quiet(alice, bob), 'nothing is said of a good network')
      return { alice, bob }
    }

    /** Bob's network changes; each reads in time what is due on the own screen. For the log, when. */
    async function change(link, due) {
      await lab.set('bob', { up: GOOD, down: GOOD, ...link })
      const since = Date.now()
      const seen = async ([phone, texts]) => {
        await until(`${phone.userID} reads whose network is weak`, () => reads(phone, texts), { ms: WITHIN_MS })
        return `${((Date.now() - since) / 1000).toFixed(1)} s at ${phone.userID}`
      }
      console.log(`      said after ${(await Promise.all(due.map(seen))).join(', ')}`)
      return since
    }

    async function recover(alice, bob) {
      await lab.set('bob', { up: GOOD, down: GOOD })
      const since = Date.now()
      await until('nothing is said on both screens', () => quiet(alice, bob), { ms: GONE_WITHIN_MS })
      console.log(`      gone after ${((Date.now() - since) / 1000).toFixed(1)} s`)
    }

    /** Bob's network becomes so; both are told in time whose it is, and when it is good again. */
    async function hint(type, link) {
      const { alice, bob } = await talk(type)
      await change(link, [
        [bob, OWN],
        [alice, PEER],
      ])
      assert.ok(!(await reads(bob, PEER)) && !(await reads(alice, OWN)), 'and not the other one')
      await recover(alice, bob)
    }

    /** Bob's network loses so much, and nothing is said of it. */
    async function calm(loss) {
      const { alice, bob } = await talk(2)
      const link = `delay=20ms loss=${loss}`
      await lab.set('bob', { up: link, down: link })
      const end = Date.now() + CALM_MS
      while (Date.now() < end) {
        assert.ok(await quiet(alice, bob), 'nothing is said')
        await delay(500)
      }
      const { up, down } = (await lab.stats()).hosts.bob
      assert.ok(up.lost > 0 && down.lost > 0, 'though some was lost')
    }

    /** So much that bob's page cannot be told of it: it says by itself that nothing arrives. */
    async function blackout(link) {
      const { alice, bob } = await talk(2)
      const since = await change(link, [[alice, PEER]])
      assert.ok(!(await reads(alice, OWN)), 'and not the other one')
      await delay(Math.max(0, since + BLACKOUT_MS - Date.now()))
      await until('bob reads it as well', () => reads(bob, [...OWN, ...AWAY]))
      await recover(alice, bob)
    }

    tests({ hint, calm, blackout })
  })
}
