/**
 * As users' browsers are: no loopback address is allowed for media. The server is reached at another address of this
 * machine.
 */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { connect, Rig } from '../lib/rig.js'
import { outsideAddress } from '../lib/server.js'

describe('without loopback addresses for media', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    assert.ok(outsideAddress(), 'this machine has no address besides loopback: connect it to a network for this test')
    rig = await Rig.start(['alice', 'bob'], { server: { loopback: false }, device: { loopback: false } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  it('a video call connects, over no loopback address, and each sees and hears the other', async () => {
    const [alice, bob] = [await rig.phone('alice', 'element'), await rig.phone('bob', 'class')]
    await connect(alice, bob, 2)
    await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    for (const phone of [alice, bob]) {
      const remote = await phone.page.evaluate(async () => {
        const stats = await window.__e2e.live().getStats()
        const transport = [...stats.values()].find((row) => row.type === 'transport')
        return stats.get(stats.get(transport.selectedCandidatePairId).remoteCandidateId).address
      })
      assert.ok(!/^(127\.|::1)/.test(remote), `media goes to ${remote}`)
    }
  })
})
