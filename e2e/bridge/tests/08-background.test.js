/** A phone in a pocket while it talks to a browser: its voice goes on, or it hangs up, as its page says. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { exactly } from '../../lib/expect-events.js'
import { builtApp, cleared } from '../../miniprogram/lib/rig.js'
import { PHONE, Rig } from '../lib/rig.js'
import { talking } from '../lib/talk.js'

/** How long it is in there. */
const AWAY_MS = 2000

describe("a phone's", () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  it('app goes into the background with backgroundMute true: its voice goes on, and its picture comes back', async () => {
    const { phone, p, b, both } = await talking(rig)
    const before = [await p.same(), await b.same()]
    await phone.hide({ freezeAfter: Infinity })
    await b.seesNobody()
    await b.hears(PHONE)
    await phone.show()
    await both()
    assert.deepEqual([await p.same(), await b.same()], before)
    await exactly([p.eventLog, []], [b.eventLog, ['USER_VIDEO_AVAILABLE', 'USER_VIDEO_AVAILABLE']])
  })

  it('app is frozen in the background: its voice goes on, and it talks on when it is back', async () => {
    const { phone, p, b, both } = await talking(rig)
    await phone.hide({ freezeAfter: 0, media: 'audio' })
    await delay(AWAY_MS)
    await b.hears(PHONE)
    await phone.show()
    await both()
    assert.deepEqual(p.eventLog.names(), [])
  })

  it('app goes into the background, and its pusher is suspended: it pushes again when it is back', async () => {
    const { phone, p, both } = await talking(rig)
    const from = phone.codes('live-pusher').length
    await phone.hide({ freezeAfter: Infinity, media: 'stop' })
    await phone.code('live-pusher', 5000, { from })
    await delay(AWAY_MS)
    await phone.show()
    await both()
    assert.deepEqual(p.eventLog.names(), [])
  })

  it('app goes into the background with backgroundMute false: it hangs up, one end on each side', async () => {
    const app = builtApp(rig.server, { backgroundMute: false })
    const { phone, p, b } = await talking(rig, { phone: { app } })
    await phone.hide({ freezeAfter: Infinity })
    await exactly([p.eventLog, ['HANG_UP', 'CALL_END']], [b.eventLog, ['USER_LEAVE', 'CALL_END']])
    await phone.show()
    await cleared(phone)
  })
})
