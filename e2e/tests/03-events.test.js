/**
 * The guide's ten events as one table: for each flow, who is told what, in which order and with which payload. One event
 * too many fails. Every row runs on the class and on the element.
 */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig } from '../lib/rig.js'

/** The shortest ring that a caller may ask for, in seconds. */
const SHORT_RING = 5

// --- payloads ---

const any = (what, fits) => Object.assign(() => {}, { what, fits })
const text = any('a text', (value) => typeof value === 'string' && value.length > 0)
const number = any('a number above 0', (value) => typeof value === 'number' && value > 0)
const record = any('a message', (value) => typeof value?.payload?.data === 'string' && Boolean(JSON.parse(value.payload.data)))

const invited = (sponsor, invitee, callType) => ['INVITED', {
  sponsor, inviteeList: [invitee], userIDList: [invitee], isFromGroup: false, inviteID: text,
  inviteData: { version: number, callType, roomID: number, callEnd: 0 },
}]
const enter = (userID) => ['USER_ENTER', { userID }]
const leave = (userID) => ['USER_LEAVE', { userID }]
const hungUp = ['HANG_UP', undefined]
const rejected = (who) => ['REJECT', { inviteID: text, invitee: who, userID: who, reason: 'reject' }]
const busy = (who) => ['LINE_BUSY', { inviteID: text, invitee: who, userID: who, reason: 'line busy' }]
const cancelled = (by) => ['CALLING_CANCEL', { inviteID: text, userID: by }]
const unanswered = (event, sponsor, who) => [event, {
  groupID: '', inviteID: text, sponsor, timeoutUserList: [who], userIDList: [who],
}]
const ended = (by) => ['CALL_END', { userID: by, call_end: any('seconds', Number.isInteger), callEnd: any('seconds', Number.isInteger) }]
const endedAfter = (by, seconds) => ['CALL_END', { userID: by, call_end: seconds, callEnd: seconds }]
const endedUnanswered = (sponsor) => ['CALL_END', { inviteID: text, sponsor, call_end: 0, callEnd: 0 }]
const endedByOwnCancel = ['CALL_END', { message: record, call_end: 0, callEnd: 0 }]

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
    alice: [enter('bob'), hungUp, ended('alice')],
    bob: [invited('alice', 'bob', 1), enter('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'answered by video, the callee hangs up',
    run: async (alice, bob) => {
      await connect(alice, bob, 2)
      await bob.hangup()
    },
    alice: [enter('bob'), leave('bob'), ended('bob')],
    bob: [invited('alice', 'bob', 2), enter('alice'), hungUp, ended('bob')],
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
    bob: [invited('carol', 'bob', 1), enter('carol'), leave('carol'), ended('carol')],
    carol: [enter('bob'), hungUp, ended('carol')],
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
    flow: 'rang and was not answered',
    run: async (alice, bob) => {
      await ring(alice, bob, { timeout: SHORT_RING })
      await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    },
    alice: [unanswered('CALLING_TIMEOUT', 'alice', 'bob'), endedUnanswered('alice')],
    bob: [invited('alice', 'bob', 1), unanswered('CALLING_TIMEOUT', 'alice', 'bob'), endedUnanswered('alice')],
  },
  {
    flow: 'the callee is not there',
    run: async (alice) => {
      await alice.call({ userID: 'nobody-of-this-name', type: 1, timeout: SHORT_RING })
      await alice.event('CALL_END')
    },
    alice: [unanswered('NO_RESP', 'alice', 'nobody-of-this-name'), endedUnanswered('alice')],
    bob: [],
  },
  {
    flow: 'the callee signs out while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await bob.logout()
      await alice.event('REJECT')
      await bob.login()
    },
    alice: [rejected('bob')],
    bob: [invited('alice', 'bob', 1)],
  },
  {
    flow: 'the caller signs out while it rings',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await alice.logout()
      await bob.event('CALLING_CANCEL')
      await alice.login()
    },
    alice: [endedByOwnCancel, hungUp],
    bob: [invited('alice', 'bob', 1), cancelled('alice')],
  },
  {
    flow: 'the caller signs out while they talk',
    run: async (alice, bob) => {
      await connect(alice, bob, 1)
      await alice.logout()
      await bob.event('CALL_END')
      await alice.login()
    },
    alice: [enter('bob'), hungUp, ended('alice')],
    bob: [invited('alice', 'bob', 1), enter('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'the callee calls back while it rings: one call, connected',
    run: async (alice, bob) => {
      await ring(alice, bob)
      await bob.call({ userID: 'alice', type: 1 })
      await Promise.all([alice.event('USER_ENTER'), bob.event('USER_ENTER')])
      await alice.hangup()
    },
    alice: [enter('bob'), hungUp, ended('alice')],
    bob: [invited('alice', 'bob', 1), enter('alice'), leave('alice'), ended('alice')],
  },
  {
    flow: 'a call of no second, ended inside a handler',
    run: async (alice, bob) => {
      await bob.page.evaluate(() => {
        const { USER_ENTER } = window.calling.EVENT
        const end = () => {
          window.calling.off(USER_ENTER, end)
          window.calling.hangup()
        }
        window.calling.on(USER_ENTER, end)
      })
      await connect(alice, bob, 1)
      await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    },
    alice: [enter('bob'), leave('bob'), endedAfter('bob', 0)],
    bob: [invited('alice', 'bob', 1), enter('alice'), hungUp, endedAfter('bob', 0)],
  },
  {
    flow: 'pages that hang up again in every handler make no loop and no second end',
    run: async (alice, bob) => {
      for (const phone of [alice, bob]) {
        await phone.page.evaluate(() => {
          const { CALL_END, NO_RESP, LINE_BUSY } = window.calling.EVENT
          window.again = () => void window.calling.hangup()
          for (const event of [CALL_END, NO_RESP, LINE_BUSY]) window.calling.on(event, window.again)
        })
      }
      await connect(alice, bob, 1)
      await alice.hangup()
      await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
      for (const phone of [alice, bob]) {
        await phone.page.evaluate(() => {
          const { CALL_END, NO_RESP, LINE_BUSY } = window.calling.EVENT
          for (const event of [CALL_END, NO_RESP, LINE_BUSY]) window.calling.off(event, window.again)
        })
      }
    },
    alice: [enter('bob'), hungUp, ended('alice'), hungUp],
    bob: [invited('alice', 'bob', 1), enter('alice'), leave('alice'), ended('alice'), hungUp],
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

async function ring(from, to, options = {}) {
  await from.call({ userID: to.userID, type: 1, ...options })
  await to.event('INVITED')
}

// --- running it ---

for (const surface of SURFACES) {
  describe(`the guide's events, through the ${surface}`, () => {
    /** @type {Rig} */ let rig
    /** @type {Phone[]} */ let phones
    before(async () => {
      rig = await Rig.start(['alice', 'bob'])
      phones = await Promise.all([
        rig.phone('alice', surface),
        rig.phone('bob', surface),
        rig.phone('alice', surface, { userID: 'carol' }),
      ])
    })
    after(async () => {
      await rig?.clear()
      await rig?.stop()
    })

    for (const { flow, run, ...expected } of TABLE) {
      it(flow, async () => {
        for (const phone of phones) phone.forget()
        await run(...phones)
        const told = await Promise.all(phones.map((phone) => phone.settled()))
        phones.forEach((phone, n) => compare(phone.userID, told[n], expected[phone.userID] ?? [], surface))
      })
    }

    it('two calls at the same moment become one', async () => {
      const [alice, bob] = phones
      for (const phone of phones) phone.forget()
      await Promise.all([alice.call({ userID: 'bob', type: 1 }), bob.call({ userID: 'alice', type: 1 })])
      await Promise.all([alice.event('USER_ENTER'), bob.event('USER_ENTER')])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      await alice.hangup()
      const [a, b] = await Promise.all([alice.settled(), bob.settled()])
      // Whose invitation came first is chance; that it may have been seen is all that differs.
      const names = (told) => told.map((t) => t.event).filter((name) => name !== 'INVITED')
      assert.deepEqual(names(a), ['USER_ENTER', 'HANG_UP', 'CALL_END'])
      assert.deepEqual(names(b), ['USER_ENTER', 'USER_LEAVE', 'CALL_END'])
    })
  })
}

/** Names and payloads, one by one; what is not named in a payload may be there besides. */
function compare(who, told, rows, surface) {
  assert.deepEqual(told.map((t) => t.event), rows.map(([event]) => event), `what ${who} was told`)
  told.forEach(({ event, value, data, shape, count }, n) => {
    const where = `${who}, event ${n + 1}, ${event}`
    if (surface === 'element') assert.equal(value, event, `${where}: eventCode`)
    else assert.equal(count, 1, `${where}: one bare argument`)
    assert.equal(shape, surface === 'element' ? 'wrapped' : 'bare')
    const payload = rows[n][1]
    if (payload === undefined) {
      // The class has no event without a payload.
      assert.deepEqual(data ?? {}, {}, where)
    } else {
      within(data, payload, where)
    }
  })
}

function within(found, expected, where) {
  if (typeof expected === 'function') {
    assert.ok(expected.fits(found), `${where} is ${JSON.stringify(found)}, expected ${expected.what}`)
  } else if (typeof expected === 'object' && expected !== null && !Array.isArray(expected)) {
    assert.ok(typeof found === 'object' && found !== null, `${where} is ${JSON.stringify(found)}`)
    for (const [key, value] of Object.entries(expected)) within(found[key], value, `${where}.${key}`)
  } else {
    assert.deepEqual(found, expected, where)
  }
}
