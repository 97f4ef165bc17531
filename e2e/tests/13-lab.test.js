/** A call between two browsers across networks that delay and lose, go away for a while, and change in mid-call. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Lab } from '../lib/lab.js'
import { connect, Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

/** 50 ms from a person to the server and back, and one packet in twenty lost each way. */
const LINK = { up: 'delay=25ms loss=5%', down: 'delay=25ms loss=5%' }
/** How long a network is away: longer than any buffer of sound and picture. */
const BLACKOUT_MS = 3000
/** An address that no host has at first. */
const NEW_ADDRESS = '10.9.0.77'
/** A link that loses each fifth packet each way, and how long it is listened through: some 500 packets of sound. */
const LOSSY = { up: 'delay=25ms loss=20%', down: 'delay=25ms loss=20%' }
const LISTENED_MS = 10_000

describe('calls across networks that delay and lose', () => {
  /** @type {Lab} */ let lab
  /** @type {Rig} */ let rig
  before(async () => {
    lab = await Lab.start({ hosts: { alice: LINK, bob: LINK, server: {} } })
    rig = await Rig.start(['alice', 'bob'], { lab })
  })
  afterEach(() => rig.clear())
  after(async () => {
    try {
      await rig?.stop()
    } finally {
      await lab?.stop()
    }
  })

  it('at 5 % loss each sees and hears the other, again after a blackout of 3 s, and again from a new address', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'class'), rig.phone('bob', 'class')])
    const meet = () => Promise.all([alice.page.hears('bob'), bob.page.hears('alice'), alice.page.sees('bob'), bob.page.sees('alice')])
    await connect(alice, bob, 2)
    await meet()
    const before = (await lab.stats()).hosts
    for (const name of ['alice', 'bob']) {
      const { up, down } = before[name]
      assert.ok(up.lost > 0 && down.lost > 0, `${name}'s network loses: ${JSON.stringify({ up, down })}`)
      assert.ok(down.longest_us >= 25_000, `${name}'s network delays: ${JSON.stringify(down)}`)
    }

    await lab.set('bob', { up: 'down', down: 'down' })
    await delay(BLACKOUT_MS / 2)
    await alice.page.hearsNobody()
    await delay(BLACKOUT_MS / 2)
    await lab.set('bob', LINK)
    await meet()
    const { up, down } = (await lab.stats()).hosts.bob
    assert.ok(up.cut > 0 && down.cut > 0, 'the blackout cut what was sent both ways')

    await lab.readdress('bob', NEW_ADDRESS)
    await meet()
  })

  it('at 20 % most of the sound that is lost comes back with the next packet, both ways', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'class'), rig.phone('bob', 'class')])
    await lab.set('alice', { up: 'delay=25ms', down: 'delay=25ms' })
    await lab.set('bob', LOSSY)
    await connect(alice, bob, 1)
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    const sound = async () => (await Promise.all([alice, bob].map((phone) => phone.page.counts()))).map((c) => c.sound)
    const before = await sound()
    await delay(LISTENED_MS)
    const after = await sound()
    for (const [n, name] of ['alice', 'bob'].entries()) {
      const of = (key) => after[n][key] - before[n][key]
      const lost = of('lost') / (of('lost') + of('packets'))
      const concealed = of('concealed') / of('samples')
      const figures = `${name}: ${(100 * lost).toFixed(1)} % of the packets were lost, ${(100 * concealed).toFixed(1)} % of the sound was made up`
      assert.ok(lost > 0.1, figures)
      assert.ok(concealed < lost / 2, figures)
    }
  })
})
