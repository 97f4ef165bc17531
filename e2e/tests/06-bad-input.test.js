/** What users and pages do wrong: each gets one clear error, and everything else goes on. */

import assert from 'node:assert/strict'
import { until } from '../lib/deadline.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { sign } from '../lib/sign.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly, refused } from '../lib/expect-events.js'

/** Not the key of any app. */
const KEY = 'c0ffee'.repeat(11).slice(0, 64)

/** More than a message may have, in bytes. */
const OVERSIZE = 70 * 1024
/** More than the caller's own text may have, in bytes, and no more than a message may. */
const LONG = 2 * 1024

describe('bad input', () => {
  /** @type {Rig} */ let rig
  let key
  before(async () => {
    rig = await Rig.start(['alice', 'bob'])
    key = JSON.parse(await rig.server.command('app', 'show', String(rig.server.app), '--reveal-key', '--json')).secretKey
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  for (const surface of SURFACES) {
    describe(`through the ${surface}`, () => {
      const signedOut = (credentials) => rig.phone('alice', surface, { credentials, login: false })
      const pair = () => Promise.all([rig.phone('alice', surface), rig.phone('bob', surface)])

      /** The session lives: a call goes through, both ways. */
      async function lives(alice, bob) {
        await connect(alice, bob)
        await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      }

      it('a wrong, foreign or expired UserSig, an unknown app', async () => {
        const sdkAppID = rig.server.app
        const good = sign({ sdkAppID, key, userID: 'alice' })
        const day = 24 * 3600
        const old = Math.floor(Date.now() / 1000) - 2 * day
        /** @type {[string, ReturnType<typeof sign>][]} */ const cases = [
          ['sig_malformed', { ...good, userSig: 'no UserSig at all' }],
          ['sig_bad', sign({ sdkAppID, key: KEY, userID: 'alice' })],
          ['sig_wrong_user', { ...good, userSig: sign({ sdkAppID, key, userID: 'bob' }).userSig }],
          ['sig_wrong_app', { ...good, userSig: sign({ sdkAppID: sdkAppID + 1, key, userID: 'alice' }).userSig }],
          ['sig_expired', sign({ sdkAppID, key, userID: 'alice', time: old, expire: day })],
          ['sig_not_yet_valid', sign({ sdkAppID, key, userID: 'alice', time: old + 4 * day })],
          ['app_unknown', sign({ sdkAppID: sdkAppID + 1, key, userID: 'alice' })],
        ]
        await Promise.all(
          cases.map(async ([code, credentials]) => {
            const phone = await signedOut(credentials)
            await refused(phone, code, () => phone.login())
          }),
        )
        // The same page can do it right after all.
        const phone = await signedOut(good)
        await phone.login()
      })

      it('a group call, which is not there yet', async () => {
        const [alice, bob] = await pair()
        await refused(alice, 'not_available', () => alice.do('groupCall', { userIDList: ['bob', 'carol'], type: 1 }))
        await lives(alice, bob)
      })

      it('a userID that is none', async () => {
        await Promise.all(
          [0, '', undefined].map(async (userID) => {
            const phone = await signedOut({ sdkAppID: rig.server.app, userID, userSig: 'x' })
            await refused(phone, 'config_invalid', () => phone.login())
          }),
        )
      })

      it('a userID that is a number becomes its decimal text, with one warning', async () => {
        const credentials = { ...sign({ sdkAppID: rig.server.app, key, userID: '4711' }), userID: 4711 }
        const phone = await signedOut(credentials)
        const warnings = []
        phone.page.raw.on('console', (m) => m.type() === 'warning' && m.text().includes('4711') && warnings.push(m.text()))
        await phone.login()
        const bob = await rig.phone('bob', surface)
        await bob.call({ userID: '4711', type: 1 })
        await phone.event('INVITED')
        assert.equal(warnings.length, 1, warnings.join('\n'))
        await bob.hangup()
      })

      it('calls that cannot be', async () => {
        const [alice, bob] = await pair()
        await refused(alice, 'call_self', () => alice.call({ userID: 'alice', type: 1 }))
        await refused(alice, 'call_options', () => alice.call({ userID: 'bob', type: 3 }))
        await refused(alice, 'call_options', () => alice.call({ userID: 'bob', type: 1, timeout: 1 }))
        for (const userID of [0, '', undefined]) {
          await refused(alice, 'config_invalid', () => alice.call({ userID, type: 1 }))
        }
        await exactly([bob, []])
        await lives(alice, bob)
      })

      it('a call before the login, and a second one during a call', async () => {
        const early = await signedOut(sign({ sdkAppID: rig.server.app, key, userID: 'early' }))
        await refused(early, 'not_logged_in', () => early.call({ userID: 'bob', type: 1 }))
        const [alice, bob] = await pair()
        await connect(alice, bob)
        await refused(alice, 'busy_here', () => alice.call({ userID: 'early', type: 1 }))
        await alice.page.hears('bob')
        await exactly([bob, ['INVITED', ...enters('alice')]])
      })

      it('accept without an invitation, twice, and after a cancel', async () => {
        const [alice, bob] = await pair()
        await refused(bob, 'no_call', () => bob.accept())

        await ring(alice, bob)
        await Promise.all([bob.accept(), bob.accept()])
        await bob.accept()
        await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
        await bob.hangup()
        await exactly([alice, [...answers('bob'), 'USER_LEAVE', 'CALL_END']], [bob, ['INVITED', ...enters('alice'), 'HANG_UP', 'CALL_END']])

        await ring(alice, bob)
        await alice.hangup()
        await bob.event('CALLING_CANCEL')
        await refused(bob, 'no_call', () => bob.accept())
      })

      for (const [what, bytes] of /** @type {const} */ ([
        ['of its own text', LONG],
        ['of a message', OVERSIZE],
      ])) {
        it(`a call with more bytes than the limit ${what}`, async () => {
          const [alice, bob] = await pair()
          await refused(alice, 'too_large', () => alice.call({ userID: 'bob', type: 1, userData: 'x'.repeat(bytes) }))
          const { logins, open } = await alice.page.session()
          assert.deepEqual({ logins, open }, { logins: 1, open: 1 }, 'the session was not lost')
          await exactly([bob, []])
          await lives(alice, bob)
        })
      }

      it('a page that mutes and unmutes in a loop: the last word counts, and the session lives', async () => {
        const [alice, bob] = await pair()
        await lives(alice, bob)
        await alice.page.evaluate(async () => {
          const all = []
          for (let n = 0; n <= 500; n++) all.push(window.calling.setMicMute(n % 2 === 0))
          await Promise.all(all)
        })
        const { isAudioAvailable } = await until('the last word is told', async () => {
          const last = bob.events.filter(({ event }) => event === 'USER_AUDIO_AVAILABLE').at(-1).data
          return last.isAudioAvailable === false && last
        })
        assert.equal(isAudioAvailable, false)
        await bob.page.hearsNobody()
        await alice.do('setMicMute', false)
        await bob.page.hears('alice')
        assert.equal((await alice.page.session()).sockets, 1, 'the socket was not closed for it')
      })
    })
  }
})

describe('a page that calls too often', () => {
  /** Calls at once, and a minute. */
  const FEW = { calls_burst: 3, calls_per_minute: 60 }
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice'], { server: { settings: { limits: FEW } } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  it('is refused by one clear error, and can call again a moment later', async () => {
    const [alice, bob] = [await rig.phone('alice', 'class'), await rig.phone('alice', 'class', { userID: 'bob' })]
    const call = () => alice.call({ userID: 'bob', type: 1 })
    await until(
      'a call is refused',
      async () => {
        alice.forget()
        try {
          await call()
          await alice.hangup()
          return false
        } catch (/** @type {any} */ error) {
          assert.equal(error.code, 'too_many', error.message)
          const { code, message } = await alice.event('ERROR')
          assert.deepEqual([code, message], ['too_many', error.message])
          return true
        }
      },
      { every: 0 },
    )
    await exactly([alice, ['ERROR']])
    await until(
      'the page may call again',
      () =>
        call().then(
          () => true,
          async () => void (await alice.event('ERROR')),
        ),
      { every: 500 },
    )
    await bob.event('INVITED')
  })
})
