/**
 * What the guide's page is told, as one table: for each flow, who is told which event, in which order and with which
 * payload: the guide's ten and those besides. One event too many fails, and the guide's own lines must be the same.
 */

import assert from 'node:assert/strict'
import {
  busy,
  cancelled,
  ended,
  endedByOwnCancel,
  endedUnanswered,
  hungUp,
  invited,
  leave,
  ready,
  rejected,
  sameDuration,
  unanswered,
} from '../../lib/payloads.js'
import { answers, enters, exactly } from '../../lib/expect-events.js'
import { after, before, describe, it, until } from '../lib/shared.js'
import { call, connect, Rig, ring } from '../lib/rig.js'
import { LINES } from '../lib/event-log.js'

/** The shortest ring that a caller may ask for, in seconds. */
const SHORT_RING = 5

// --- what people do ---

const does = (phone, method, ...args) => phone.run((page, give) => page.TRTCCalling[method](...args.map(give)).then(() => {}))

// --- the table ---

/** @typedef {Awaited<ReturnType<Rig['phone']>>} Phone */
/** @type {{ flow: string, run: (a: Phone, b: Phone, c: Phone) => Promise<void>, alice: any[], bob: any[], carol?: any[] }[]} */
const TABLE = [
  {
    flow: 'answered by voice, the caller hangs up',
    run: async (alice, bob) => {
      await connect(alice, bob, 1)
      await alice.tap('#hangup')
    },
    alice: [...answers('bob'), hungUp, ended('alice')],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'answered by video, the callee hangs up',
    run: async (alice, bob) => {
      await connect(alice, bob, 2)
      await bob.tap('#hangup')
    },
    alice: [...answers('bob', 2), leave('bob'), ended('bob')],
    bob: [invited('alice', 'bob', 2), ...enters('alice', 2), hungUp, ended('bob')],
  },
  {
    flow: 'answered and hung up by the methods, the other way round',
    run: async (alice, bob) => {
      await ring(bob, alice)
      await does(alice, 'accept')
      await bob.eventLog.event('USER_ENTER')
      await does(bob, 'hangup')
    },
    alice: [invited('bob', 'alice', 1), ...enters('bob'), leave('bob'), ended('bob')],
    bob: [...answers('alice'), hungUp, ended('bob')],
  },
  {
    flow: 'refused by its key',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await bob.tap('#reject')
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 1)],
  },
  {
    flow: 'refused by reject()',
    run: async (alice, bob) => {
      await ring(alice, bob, { type: 2 })
      await does(bob, 'reject')
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 2)],
  },
  {
    flow: 'refused by hangup() while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await does(bob, 'hangup')
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 1), hungUp],
  },
  {
    flow: 'cancelled by the caller',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await alice.tap('#hangup')
    },
    alice: [endedByOwnCancel, hungUp],
    bob: [invited('alice', 'bob', 1), cancelled('alice')],
  },
  {
    flow: 'busy: the callee talks to somebody else',
    run: async (alice, bob, carol) => {
      await connect(carol, bob, 1)
      await call(alice, 'bob')
      await alice.eventLog.event('LINE_BUSY')
      await carol.tap('#hangup')
    },
    alice: [busy('bob')],
    bob: [invited('carol', 'bob', 1), ...enters('carol'), leave('carol'), ended('carol')],
    carol: [...answers('bob'), hungUp, ended('carol')],
  },
  {
    flow: 'busy: the callee rings for somebody else',
    run: async (alice, bob, carol) => {
      await ring(carol, bob)
      await call(alice, 'bob')
      await alice.eventLog.event('LINE_BUSY')
      await bob.tap('#reject')
    },
    alice: [busy('bob')],
    bob: [invited('carol', 'bob', 1)],
    carol: [rejected('bob')],
  },
  {
    flow: 'rang and was not answered',
    run: async (alice, bob) => {
      await ring(alice, bob, { timeout: SHORT_RING })
      await Promise.all([alice.eventLog.event('CALL_END'), bob.eventLog.event('CALL_END')])
    },
    alice: [unanswered('CALLING_TIMEOUT', 'alice', 'bob'), endedUnanswered('alice')],
    bob: [invited('alice', 'bob', 1), unanswered('CALLING_TIMEOUT', 'alice', 'bob'), endedUnanswered('alice')],
  },
  {
    flow: 'the callee is not there',
    run: async (alice) => {
      await call(alice, 'nobody-of-this-name', { timeout: SHORT_RING })
      await alice.eventLog.event('CALL_END')
    },
    alice: [unanswered('NO_RESP', 'alice', 'nobody-of-this-name'), endedUnanswered('alice')],
    bob: [],
  },
  {
    flow: 'the callee signs out while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await does(bob, 'logout')
      await alice.eventLog.event('REJECT')
      await does(bob, 'login')
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 1), ready],
  },
  {
    flow: 'the caller signs out while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await does(alice, 'logout')
      await bob.eventLog.event('CALLING_CANCEL')
      await does(alice, 'login')
    },
    alice: [endedByOwnCancel, hungUp, ready],
    bob: [invited('alice', 'bob', 1), cancelled('alice')],
  },
  {
    flow: 'the caller signs out while they talk',
    run: async (alice, bob) => {
      await connect(alice, bob, 1)
      await does(alice, 'logout')
      await bob.eventLog.event('CALL_END')
      await does(alice, 'login')
    },
    alice: [...answers('bob'), hungUp, ended('alice'), ready],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'the callee calls back while it rings: one call, connected',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await call(bob, 'alice')
      await Promise.all([alice.eventLog.event('USER_ENTER'), bob.eventLog.event('USER_ENTER')])
      await alice.tap('#hangup')
    },
    alice: [...answers('bob'), hungUp, ended('alice')],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'muted, and the camera off and on, in a call',
    run: async (alice, bob) => {
      await connect(alice, bob, 2)
      await alice.tap('#mic')
      await bob.reads('对方已静音')
      await alice.tap('#mic')
      await until('bob is told of her voice', () => bob.eventLog.names().filter((event) => event === 'USER_AUDIO_AVAILABLE').length === 3)
      await alice.tap('#camera')
      await bob.reads('对方已关闭摄像头')
      await alice.tap('#camera')
      await until('bob is told of her picture', () => bob.eventLog.names().filter((event) => event === 'USER_VIDEO_AVAILABLE').length === 3)
      await alice.tap('#hangup')
    },
    alice: [...answers('bob', 2), hungUp, ended('alice')],
    bob: [
      invited('alice', 'bob', 2),
      ...enters('alice', 2),
      ['USER_AUDIO_AVAILABLE', { userID: 'alice', isAudioAvailable: false }],
      ['USER_AUDIO_AVAILABLE', { userID: 'alice', isAudioAvailable: true }],
      ['USER_VIDEO_AVAILABLE', { userID: 'alice', isVideoAvailable: false }],
      ['USER_VIDEO_AVAILABLE', { userID: 'alice', isVideoAvailable: true }],
      leave('alice'),
      ended('alice'),
    ],
  },
  {
    flow: 'pages that hang up again in every handler: after a talk',
    run: async (alice, bob) => {
      await Promise.all([hangsUpAgain(alice), hangsUpAgain(bob)])
      await connect(alice, bob, 1)
      await alice.tap('#hangup')
    },
    alice: [...answers('bob'), hungUp, ended('alice'), hungUp],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice'), hungUp],
  },
  {
    flow: 'pages that hang up again in every handler: nobody was there',
    run: async (alice) => {
      await hangsUpAgain(alice)
      await call(alice, 'nobody-of-this-name', { timeout: SHORT_RING })
    },
    alice: [unanswered('NO_RESP', 'alice', 'nobody-of-this-name'), endedUnanswered('alice'), hungUp, hungUp],
    bob: [],
  },
  {
    flow: 'pages that hang up again in every handler: busy',
    run: async (alice, bob, carol) => {
      await hangsUpAgain(alice)
      await ring(carol, bob)
      await call(alice, 'bob')
      await alice.eventLog.event('HANG_UP')
      await bob.tap('#reject')
    },
    alice: [busy('bob'), hungUp],
    bob: [invited('carol', 'bob', 1)],
    carol: [rejected('bob')],
  },
  {
    flow: 'hangup() without a call',
    run: async (alice) => {
      await does(alice, 'hangup')
      await does(alice, 'hangup')
    },
    alice: [hungUp, hungUp],
    bob: [],
  },
]

/** As the guide's pages do, in these of their handlers; until {@link hangsUpNoMore}. */
const AGAIN = ['CALL_END', 'NO_RESP', 'LINE_BUSY']
function hangsUpAgain(phone) {
  return phone.run((page) => {
    page.again = () => void page.TRTCCalling.hangup()
    for (const event of AGAIN) page.TRTCCalling.on(event, page.again)
  })
}

function hangsUpNoMore(phone) {
  return phone.run((page) => {
    if (!page.again) return
    for (const event of AGAIN) page.TRTCCalling.off(event, page.again)
    delete page.again
  })
}

// --- running it ---

describe("the guide's events, on mini-programs", () => {
  /** @type {Rig} */ let rig
  /** @type {Phone[] | undefined} shared by the rows while they succeed: each row ends where it began */ let phones
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())

  /** One row. After a failure the next one has new phones. */
  const row = (name, run) =>
    it(name, async () => {
      phones ??= await Promise.all([rig.phone('alice'), rig.phone('bob'), rig.phone('carol')])
      for (const phone of phones) phone.eventLog.forget()
      try {
        await run(...phones)
        for (const phone of phones) {
          assert.deepEqual(phone.errors, [])
          phone.eventLog.forget()
        }
      } catch (error) {
        phones = undefined
        await rig.clear().catch(() => {})
        throw error
      }
    })

  for (const { flow, run, ...expected } of TABLE) {
    row(flow, async (...all) => {
      await run(all[0], all[1], all[2])
      await exactly(...all.map((phone) => /** @type {[typeof phone.eventLog, any[]]} */ ([phone.eventLog, expected[phone.userID] ?? []])))
      for (const phone of all) phone.eventLog.sameAsGuide()
      await Promise.all(all.map(hangsUpNoMore))
      await sameDuration(
        rig.server,
        all.map(({ eventLog }) => eventLog),
      )
      for (const phone of all) {
        await until(`${phone.userID}'s screen is empty`, () => !phone.screen.find('#hangup').length && !phone.screen.find('#accept').length)
        assert.equal(phone.rings, false, `${phone.userID}'s phone is quiet`)
        assert.equal(phone.pusher, undefined)
      }
    })
  }

  it("has each of the guide's ten at least once", () => {
    const named = new Set(TABLE.flatMap(({ alice, bob, carol = [] }) => [...alice, ...bob, ...carol]).map(([event]) => event))
    for (const event of Object.keys(LINES)) assert.ok(named.has(event), event)
    assert.equal(Object.keys(LINES).length, 10)
  })
})
