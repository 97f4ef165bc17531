/**
 * What pages are told, as one table: for each flow, who is told which event, in which order and with which payload: the
 * guide's ten and those besides. One event too many fails. Every row runs on the class and on the element.
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
} from '../lib/payloads.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { after, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly } from '../lib/expect-events.js'

/** The shortest ring that a caller may ask for, in seconds. */
const SHORT_RING = 5

// --- the table ---

/** @typedef {import('../lib/phone.js').Phone} Phone */
/** @type {{ flow: string, run: (a: Phone, b: Phone, c: Phone) => Promise<void>, alice: any[], bob: any[], carol?: any[] }[]} */
const TABLE = [
  {
    flow: 'answered by voice, the caller hangs up',
    run: async (alice, bob) => {
      await connect(alice, bob, 1)
      await alice.hangup()
    },
    alice: [...answers('bob'), hungUp, ended('alice')],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'answered by video, the callee hangs up',
    run: async (alice, bob) => {
      await connect(alice, bob, 2)
      await bob.hangup()
    },
    alice: [...answers('bob', 2), leave('bob'), ended('bob')],
    bob: [invited('alice', 'bob', 2), ...enters('alice', 2), hungUp, ended('bob')],
  },
  {
    flow: 'refused by reject()',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await bob.reject()
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 1)],
  },
  {
    flow: 'refused by hangup() while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await bob.hangup()
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 1), hungUp],
  },
  {
    flow: 'cancelled by the caller',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await alice.hangup()
    },
    alice: [endedByOwnCancel, hungUp],
    bob: [invited('alice', 'bob', 1), cancelled('alice')],
  },
  {
    flow: 'busy: the callee talks to somebody else',
    run: async (alice, bob, carol) => {
      await connect(carol, bob, 1)
      await alice.call({ userID: 'bob', type: 1 })
      await alice.event('LINE_BUSY')
      await carol.hangup()
    },
    alice: [busy('bob')],
    bob: [invited('carol', 'bob', 1), ...enters('carol'), leave('carol'), ended('carol')],
    carol: [...answers('bob'), hungUp, ended('carol')],
  },
  {
    flow: 'busy: the callee rings for somebody else',
    run: async (alice, bob, carol) => {
      await ring(carol, bob)
      await alice.call({ userID: 'bob', type: 1 })
      await alice.event('LINE_BUSY')
      await bob.reject()
    },
    alice: [busy('bob')],
    bob: [invited('carol', 'bob', 1)],
    carol: [rejected('bob')],
  },
  {
    flow: 'not answered: one callee is there, another is not',
    run: async (alice, bob, carol) => {
      await carol.call({ userID: 'nobody-of-this-name', type: 1, timeout: SHORT_RING })
      await ring(alice, bob, { timeout: SHORT_RING })
    },
    alice: [unanswered('CALLING_TIMEOUT', 'alice', 'bob'), endedUnanswered('alice')],
    bob: [invited('alice', 'bob', 1), unanswered('CALLING_TIMEOUT', 'alice', 'bob'), endedUnanswered('alice')],
    carol: [unanswered('NO_RESP', 'carol', 'nobody-of-this-name'), endedUnanswered('carol')],
  },
  {
    flow: 'the callee signs out while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await bob.logout()
      await alice.event('REJECT')
      await bob.do('login')
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 1), ready],
  },
  {
    flow: 'the caller signs out while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await alice.logout()
      await bob.event('CALLING_CANCEL')
      await alice.do('login')
    },
    alice: [endedByOwnCancel, hungUp, ready],
    bob: [invited('alice', 'bob', 1), cancelled('alice')],
  },
  {
    flow: 'the caller signs out while they talk',
    run: async (alice, bob) => {
      await connect(alice, bob, 1)
      await alice.logout()
      await bob.event('CALL_END')
      await alice.do('login')
    },
    alice: [...answers('bob'), hungUp, ended('alice'), ready],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'the callee calls back while it rings: one call, connected',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await bob.call({ userID: 'alice', type: 1 })
      await Promise.all([alice.event('USER_ENTER'), bob.event('USER_ENTER')])
      await alice.hangup()
    },
    alice: [...answers('bob'), hungUp, ended('alice')],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'pages that hang up again in every handler: after a talk',
    run: async (alice, bob) => {
      await Promise.all([hangsUpAgain(alice), hangsUpAgain(bob)])
      await connect(alice, bob, 1)
      await alice.hangup()
    },
    alice: [...answers('bob'), hungUp, ended('alice'), hungUp],
    bob: [invited('alice', 'bob', 1), ...enters('alice'), leave('alice'), ended('alice'), hungUp],
  },
  {
    flow: 'pages that hang up again in every handler: nobody was there',
    run: async (alice) => {
      await hangsUpAgain(alice)
      await alice.call({ userID: 'nobody-of-this-name', type: 1, timeout: SHORT_RING })
    },
    alice: [unanswered('NO_RESP', 'alice', 'nobody-of-this-name'), endedUnanswered('alice'), hungUp, hungUp],
    bob: [],
  },
  {
    flow: 'pages that hang up again in every handler: busy',
    run: async (alice, bob, carol) => {
      await hangsUpAgain(alice)
      await ring(carol, bob)
      await alice.call({ userID: 'bob', type: 1 })
      await alice.event('HANG_UP')
      await bob.reject()
    },
    alice: [busy('bob'), hungUp],
    bob: [invited('carol', 'bob', 1)],
    carol: [rejected('bob')],
  },
  {
    flow: 'hangup() without a call',
    run: async (alice) => {
      await alice.hangup()
      await alice.hangup()
    },
    alice: [hungUp, hungUp],
    bob: [],
  },
]

/** As the guide's pages do; until {@link hangsUpNoMore}. */
function hangsUpAgain(phone) {
  return phone.page.evaluate(() => {
    const { CALL_END, NO_RESP, LINE_BUSY } = window.calling.EVENT
    window.again = () => void window.calling.hangup()
    for (const event of [CALL_END, NO_RESP, LINE_BUSY]) window.calling.on(event, window.again)
  })
}

function hangsUpNoMore(phone) {
  return phone.page.evaluate(() => {
    if (!window.again) return
    const { CALL_END, NO_RESP, LINE_BUSY } = window.calling.EVENT
    for (const event of [CALL_END, NO_RESP, LINE_BUSY]) window.calling.off(event, window.again)
    delete window.again
  })
}

// --- running it ---

describe("the guide's events", () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'])
  })
  after(() => rig?.stop())

  for (const surface of SURFACES) {
    describe(`through the ${surface}`, () => {
      /** @type {Phone[] | undefined} shared by the rows while they succeed: each row ends where it began */ let phones
      after(() => rig.clear())

      /** One row. After a failure the next one has new phones. */
      const row = (name, run) =>
        it(name, async () => {
          phones ??= await Promise.all([rig.phone('alice', surface), rig.phone('bob', surface), rig.phone('alice', surface, { userID: 'carol' })])
          try {
            await run(...phones)
            for (const phone of phones) phone.forget()
          } catch (error) {
            phones = undefined
            await rig.clear().catch(() => {})
            throw error
          }
        })

      for (const { flow, run, ...expected } of TABLE) {
        row(flow, async (...all) => {
          await run(all[0], all[1], all[2])
          await exactly(...all.map((phone) => /** @type {[Phone, any[]]} */ ([phone, expected[phone.userID] ?? []])))
          await sameDuration(rig.server, all)
          await Promise.all(all.map(hangsUpNoMore))
        })
      }

      row('one event more than was said is seen, though it was still on its way', async (alice, bob) => {
        await exactly([alice, []], [bob, []])
        const calling = alice.call({ userID: 'bob', type: 1 })
        await assert.rejects(exactly([alice, []], [bob, []]), /what bob .* was told/)
        await calling
        await bob.reject()
        await alice.event('REJECT')
      })

      row('a call of no second, ended inside a handler', async (alice, bob) => {
        let elapsed = Infinity
        // Where the machine stood still meanwhile, the call was longer than none, and the next one may do.
        for (let tries = 3; tries > 0 && elapsed >= 1000; tries--) {
          await bob.page.evaluate(() => {
            const { USER_ENTER } = window.calling.EVENT
            const end = () => {
              window.calling.off(USER_ENTER, end)
              window.calling.hangup()
            }
            window.calling.on(USER_ENTER, end)
          })
          for (const phone of [alice, bob]) phone.forget()
          await ring(alice, bob)
          const began = Date.now()
          await bob.accept()
          const { callEnd } = await alice.event('CALL_END')
          elapsed = Date.now() - began
          assert.ok(callEnd <= elapsed / 1000, `a call of ${elapsed} ms is no ${callEnd} s`)
          await bob.event('CALL_END')
          await exactly([alice, [...answers('bob'), leave('bob'), ended('bob')]])
          // It hung up inside USER_ENTER: whether it still hears what comes with that is nobody's business.
          const list = bob.names().filter((name) => name !== 'USER_AUDIO_AVAILABLE')
          assert.deepEqual(list, ['INVITED', 'USER_ENTER', 'HANG_UP', 'CALL_END'])
          await sameDuration(rig.server, [alice, bob])
        }
      })

      row('two calls at the same moment become one', async (alice, bob) => {
        await Promise.all([alice.call({ userID: 'bob', type: 1 }), bob.call({ userID: 'alice', type: 1 })])
        await Promise.all([alice.event('USER_AUDIO_AVAILABLE'), bob.event('USER_AUDIO_AVAILABLE')])
        await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
        await alice.hangup()
        await bob.event('CALL_END')
        // Whose call came first is chance: the answer is told to that one, and the other may have rung before.
        const [first, second] = alice.names().includes('USER_ACCEPT') ? [alice, bob] : [bob, alice]
        const after = (phone) => (phone === alice ? [hungUp, ended('alice')] : [leave('alice'), ended('alice')])
        const rang = second.names().includes('INVITED') ? [invited(first.userID, second.userID, 1)] : []
        await exactly([first, [...answers(second.userID), ...after(first)]], [second, [...rang, ...enters(first.userID), ...after(second)]])
        await sameDuration(rig.server, [alice, bob])
      })
    })
  }
})
