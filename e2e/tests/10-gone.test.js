/** Tabs that are closed, browsers that crash, media networks that are cut: the other side learns of it, in bounded time. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Device } from '../lib/device.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly } from '../lib/expect-events.js'

/** How long a device may be without its socket, in seconds; and the longest from there to the other page, in milliseconds. */
const GRACE_S = 3
const SLACK_MS = 3000

/** Long enough that both browsers give their path up: seconds without an answer, and then their own wait. */
const CUT_MS = 9000

describe('somebody who is gone', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    const settings = { calls: { ring_grace_s: GRACE_S, talk_grace_s: GRACE_S } }
    rig = await Rig.start(['alice', 'bob'], { server: { settings } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  const pair = (surface) => Promise.all([rig.phone('alice', surface), rig.phone('bob', surface)])

  for (const surface of SURFACES) {
    it(`${surface}: a tab that is closed in a call: the other is told one end, at once`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 1)
      await alice.page.hears('bob')
      await bob.page.close()
      const { callEnd, inviteID } = await alice.event('CALL_END')
      // The page has said so: whoever is only missed for the grace is lost.
      assert.deepEqual(await rig.server.outcome(inviteID), { reason: 'Hangup', talkedS: callEnd })
      await exactly([alice, [...answers('bob'), ['USER_LEAVE', { userID: 'bob' }], 'CALL_END']])
      await alice.page.tracks([])
    })

    it(`${surface}: the caller's tab is closed while it rings: it rings no more, at once`, async () => {
      const [alice, bob] = await pair(surface)
      await ring(alice, bob)
      await alice.page.close()
      const { inviteID } = await bob.event('CALLING_CANCEL')
      assert.equal((await rig.server.outcome(inviteID)).reason, 'Cancel')
      await exactly([bob, ['INVITED', 'CALLING_CANCEL']])
    })
  }

  it('a browser that crashes in a call: the other is told one end, in bounded time', async () => {
    rig.devices.carol = await Device.start('carol')
    try {
      const [alice, carol] = [await rig.phone('alice', 'class'), await rig.phone('carol', 'element')]
      await connect(carol, alice, 2)
      await alice.page.sees('carol')
      rig.devices.carol.kill()
      const { inviteID } = await alice.event('CALL_END', undefined, GRACE_S * 1000 + SLACK_MS)
      assert.equal((await rig.server.outcome(inviteID)).reason, 'Lost')
      await exactly([alice, ['INVITED', ...enters('carol', 2), ['USER_LEAVE', { userID: 'carol' }], 'CALL_END']])
      await alice.page.tracks([])
    } finally {
      const { carol } = rig.devices
      delete rig.devices.carol
      await carol.stop()
    }
  })
})

describe('a media network that is cut', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'], { server: { relay: true } })
  })
  afterEach(async () => {
    rig.server.relay.lose(0)
    await rig.clear()
  })
  after(() => rig?.stop())

  it('for some seconds: both are heard and seen again, and no event comes of it', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'class'), rig.phone('bob', 'element')])
    await connect(alice, bob, 2)
    await Promise.all([alice.page.hears('bob'), bob.page.sees('alice')])
    rig.server.relay.lose(1)
    await delay(CUT_MS)
    rig.server.relay.lose(0)
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
    for (const { page } of [alice, bob]) {
      const paths = await page.evaluate(() => window.__e2e.connections().length)
      assert.ok(paths > 1, 'the first path was given up')
    }
    await exactly([alice, answers('bob', 2)], [bob, ['INVITED', ...enters('alice', 2)]])
    await bob.hangup()
    const [a, b] = await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    assert.ok(a.callEnd >= CUT_MS / 1000, `the call has gone on meanwhile: ${a.callEnd} s`)
    assert.equal(a.callEnd, b.callEnd)
  })
})
