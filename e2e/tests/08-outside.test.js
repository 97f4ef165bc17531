/**
 * As users' browsers are: no loopback address is allowed for media, and no page plays before it was touched. The server
 * is reached at another address of this machine.
 */

import assert from 'node:assert/strict'
import { until } from '../lib/deadline.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { outsideAddress } from '../lib/server.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

describe('in browsers as users have them', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    assert.ok(outsideAddress(), 'this machine has no address besides loopback: connect it to a network for this test')
    const device = { loopback: false, autoplay: false, prompts: /** @type {const} */ ('deny') }
    rig = await Rig.start(['alice', 'bob'], { server: { loopback: false }, device })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  /** What the person has allowed before. */
  const allowed = { view: { permissions: ['microphone', 'camera'] } }
  /** Whoever calls has touched the page. */
  const touch = (phone) => phone.page.raw.mouse.click(400, 300)
  /** Hints that sound is blocked. */
  const hints = (phone) => phone.page.evaluate(() => window.__e2e.findAll('button.pill').length)

  for (const [type, what] of /** @type {const} */ ([
    [1, 'voice'],
    [2, 'video'],
  ])) {
    it(`a ${what} call connects over no loopback address; the callee answers by a click, and both are heard`, async () => {
      const [alice, bob] = await Promise.all([rig.phone('alice', type === 1 ? 'class' : 'element', allowed), rig.phone('bob', 'element', allowed)])
      await touch(alice)
      await ring(alice, bob, { type })
      await bob.page.click('.key.answer')
      await Promise.all([alice.event('USER_ENTER'), bob.event('USER_ENTER')])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      if (type === 2) await Promise.all([alice.page.sees('bob', { shown: true }), bob.page.sees('alice', { shown: true })])
      assert.equal(await hints(bob), 0)
      for (const phone of [alice, bob]) {
        const remote = await phone.page.evaluate(async () => {
          const stats = await window.__e2e.live().getStats()
          const transport = [...stats.values()].find((row) => row.type === 'transport')
          return stats.get(stats.get(transport.selectedCandidatePairId).remoteCandidateId).address
        })
        assert.ok(!/^(127\.|::1)/.test(remote), `media goes to ${remote}`)
      }
      await bob.page.click('.key.end')
      await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    })
  }

  it('a page that was never touched and may not record is silent, says so, and plays after one touch', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'element', allowed), rig.phone('bob', 'element')])
    await touch(alice)
    await connect(alice, bob) // bob's page answers by its own
    for (const code of [60005, 'playback_blocked']) await bob.event('ERROR', (data) => data.code === code)
    await until('the screen says that sound waits for a touch', async () => (await hints(bob)) === 1)
    assert.equal((await bob.page.listen()).played, false)
    await bob.page.click('button.pill')
    await bob.page.hears('alice')
    await until('the hint is gone', async () => (await hints(bob)) === 0)
  })
})
