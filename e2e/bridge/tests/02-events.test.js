/**
 * What a phone's page and a browser's are told of each other, as one table that is run both ways round: for each flow, who
 * is told which event, in which order and with which payload: the guide's ten and those besides. One event too many fails.
 */

import assert from 'node:assert/strict'
import { until } from '../../lib/deadline.js'
import {
  busy,
  cancelled,
  ended,
  endedByOwnCancel,
  endedUnanswered,
  hungUp,
  invited,
  leave,
  picture,
  ready,
  rejected,
  sameDuration,
  unanswered,
  voice,
} from '../../lib/payloads.js'
import { after, before, describe, it } from '../../lib/test.js'
import { answers, enters, exactly } from '../../lib/expect-events.js'
import { LINES } from '../../miniprogram/lib/event-log.js'
import { Rig } from '../lib/rig.js'
import { connect, onPhone, ring } from '../lib/sides.js'

/** The shortest ring that a caller may ask for, in seconds. */
const SHORT_RING = 5

/** @typedef {import('../lib/sides.js').Side} Side */
/**
 * What each is told is given by who they are: the caller's name, the callee's, and the third's, who is on a phone.
 *
 * @type {{ flow: string, run: (caller: Side, callee: Side, third: Side) => Promise<any>,
 *   caller: (a: string, b: string, c: string) => any[], callee: (a: string, b: string, c: string) => any[], third?: (a: string, b: string) => any[] }[]}
 */
const TABLE = [
  .../** @type {const} */ ([1, 2]).flatMap((type) => {
    const kind = type === 1 ? 'voice' : 'video'
    return [
      {
        flow: `${kind}, the caller hangs up`,
        run: async (a, b) => {
          await connect(a, b, type)
          await a.hangup()
        },
        caller: (a, b) => [...answers(b, type), hungUp, ended(a)],
        callee: (a, b) => [invited(a, b, type), ...enters(a, type), leave(a), ended(a)],
      },
      {
        flow: `${kind}, the callee hangs up`,
        run: async (a, b) => {
          await connect(a, b, type)
          await b.hangup()
        },
        caller: (a, b) => [...answers(b, type), leave(b), ended(b)],
        callee: (a, b) => [invited(a, b, type), ...enters(a, type), hungUp, ended(b)],
      },
      {
        flow: `${kind}, refused by its key or reject()`,
        run: async (a, b) => {
          await ring(a, b, { type })
          await b.reject()
        },
        caller: (a, b) => [rejected(b)],
        callee: (a, b) => [invited(a, b, type)],
      },
      {
        flow: `${kind}, cancelled by the caller`,
        run: async (a, b) => {
          await ring(a, b, { type })
          await a.hangup()
        },
        caller: () => [endedByOwnCancel, hungUp],
        callee: (a, b) => [invited(a, b, type), cancelled(a)],
      },
    ]
  }),
  {
    flow: 'refused by hangup() while it rings',
    run: async (a, b) => {
      await ring(a, b)
      await b.does('hangup')
    },
    caller: (a, b) => [rejected(b)],
    callee: (a, b) => [invited(a, b, 1), hungUp],
  },
  {
    flow: 'busy: the callee talks to somebody else',
    run: async (a, b, c) => {
      await connect(c, b)
      await a.call(b.userID)
      await a.event('LINE_BUSY')
      await c.hangup()
    },
    caller: (a, b) => [busy(b)],
    callee: (a, b, c) => [invited(c, b, 1), ...enters(c), leave(c), ended(c)],
    third: (b, c) => [...answers(b), hungUp, ended(c)],
  },
  {
    flow: 'busy: the callee rings for somebody else',
    run: async (a, b, c) => {
      await ring(c, b)
      await a.call(b.userID)
      await a.event('LINE_BUSY')
      await b.reject()
    },
    caller: (a, b) => [busy(b)],
    callee: (a, b, c) => [invited(c, b, 1)],
    third: (b) => [rejected(b)],
  },
  {
    flow: 'rang and was not answered',
    run: async (a, b) => {
      await ring(a, b, { timeout: SHORT_RING })
      await Promise.all([a.event('CALL_END'), b.event('CALL_END')])
    },
    caller: (a, b) => [unanswered('CALLING_TIMEOUT', a, b), endedUnanswered(a)],
    callee: (a, b) => [invited(a, b, 1), unanswered('CALLING_TIMEOUT', a, b), endedUnanswered(a)],
  },
  {
    flow: 'the callee is not there',
    run: async (a, b) => {
      await b.does('logout')
      await a.call(b.userID, { timeout: SHORT_RING })
      await a.event('CALL_END')
      await b.does('login')
    },
    caller: (a, b) => [unanswered('NO_RESP', a, b), endedUnanswered(a)],
    callee: () => [ready],
  },
  {
    flow: 'the callee signs out while it rings',
    run: async (a, b) => {
      await ring(a, b)
      await b.does('logout')
      await a.event('REJECT')
      await b.does('login')
    },
    caller: (a, b) => [rejected(b)],
    callee: (a, b) => [invited(a, b, 1), ready],
  },
  {
    flow: 'the caller signs out while it rings',
    run: async (a, b) => {
      await ring(a, b)
      await a.does('logout')
      await b.event('CALLING_CANCEL')
      await a.does('login')
    },
    caller: () => [endedByOwnCancel, hungUp, ready],
    callee: (a, b) => [invited(a, b, 1), cancelled(a)],
  },
  {
    flow: 'the caller signs out while they talk',
    run: async (a, b) => {
      await connect(a, b)
      await a.does('logout')
      await b.event('CALL_END')
      await a.does('login')
    },
    caller: (a, b) => [...answers(b), hungUp, ended(a), ready],
    callee: (a, b) => [invited(a, b, 1), ...enters(a), leave(a), ended(a)],
  },
  {
    flow: 'the callee calls back while it rings: one call, connected',
    run: async (a, b) => {
      await ring(a, b)
      await b.call(a.userID)
      await Promise.all([a.event('USER_ENTER'), b.event('USER_ENTER')])
      await a.hangup()
    },
    caller: (a, b) => [...answers(b), hungUp, ended(a)],
    callee: (a, b) => [invited(a, b, 1), ...enters(a), leave(a), ended(a)],
  },
  {
    flow: 'muted, and the camera off and on, in a call',
    run: async (a, b) => {
      /** So often has B been told of this. */
      const times = (event, count) => until(`${event} is told`, () => b.eventLog.names().filter((e) => e === event).length === count)
      await connect(a, b, 2)
      await a.does('setMicMute', true)
      await times('USER_AUDIO_AVAILABLE', 2)
      await a.does('setMicMute', false)
      await times('USER_AUDIO_AVAILABLE', 3)
      await a.does('closeCamera')
      await times('USER_VIDEO_AVAILABLE', 2)
      await a.does('openCamera')
      await times('USER_VIDEO_AVAILABLE', 3)
      await a.hangup()
    },
    caller: (a, b) => [...answers(b, 2), hungUp, ended(a)],
    callee: (a, b) => [invited(a, b, 2), ...enters(a, 2), voice(a, false), voice(a, true), picture(a, false), picture(a, true), leave(a), ended(a)],
  },
]

describe("the guide's events between a phone and a browser", () => {
  /** @type {Rig} */ let rig
  /** @type {Side[] | undefined} shared by the rows while they succeed: each row ends where it began */ let sides
  /** What each kind was told in some row. */
  const named = { phone: new Set(), browser: new Set() }
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())

  /** One row. After a failure the next one has new phones. */
  const row = (name, run) =>
    it(name, async () => {
      sides ??= [...(await rig.sides()), onPhone(await rig.phones.phone('carol'))]
      const [phone, browser, third] = sides
      for (const { eventLog } of sides) eventLog.forget()
      try {
        await run(phone, browser, third)
        for (const { eventLog } of sides) eventLog.forget()
      } catch (error) {
        sides = undefined
        await rig.clear().catch(() => {})
        throw error
      }
    })

  for (const { flow, run, caller, callee, third = () => [] } of TABLE) {
    for (const way of ['the phone calls', 'the browser calls']) {
      row(`${flow} (${way})`, async (phone, browser, c) => {
        const [a, b] = way === 'the phone calls' ? [phone, browser] : [browser, phone]
        await run(a, b, c)
        const [x, y, z] = [a, b, c].map(({ userID }) => userID)
        await exactly([a.eventLog, caller(x, y, z)], [b.eventLog, callee(x, y, z)], [c.eventLog, third(y, z)])
        for (const { kind, eventLog } of [a, b]) for (const event of eventLog.names()) named[kind].add(event)
        phone.eventLog.sameAsGuide()
        await sameDuration(
          rig.server,
          [a, b, c].map(({ eventLog }) => eventLog),
        )
      })
    }
  }

  it("has each of the guide's ten at least once at each side", () => {
    assert.equal(Object.keys(LINES).length, 10)
    for (const kind of Object.keys(named)) for (const event of Object.keys(LINES)) assert.ok(named[kind].has(event), `${event} at the ${kind}`)
  })
})
