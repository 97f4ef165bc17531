/** Several devices of one user: they ring together and the first answer wins; or, by the app's rule, the newest stays. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../lib/deadline.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { sign } from '../lib/sign.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly, refused } from '../lib/expect-events.js'

describe('two devices of one user', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    // Bob's second device has carol's camera and microphone: what is heard tells which device talks.
    rig = await Rig.start(['alice', 'bob', 'carol'])
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  async function phones() {
    return Promise.all([rig.phone('alice', 'class'), rig.phone('bob', 'class'), rig.phone('carol', 'class', { userID: 'bob' })])
  }
  const met = ['INVITED', ...enters('alice')]

  for (const [answering, tone] of /** @type {const} */ ([
    [1, 'bob'],
    [2, 'carol'],
  ])) {
    it(`ring together; device ${answering} answers, the other is told and stays closed`, async () => {
      const all = await phones()
      const [alice, winner, other] = [all[0], all[answering], all[3 - answering]]
      await alice.call({ userID: 'bob', type: 1 })
      await Promise.all([winner.event('INVITED'), other.event('INVITED')])
      await winner.accept()
      await other.event('CALLING_CANCEL')
      await Promise.all([alice.page.hears(tone), winner.page.hears('alice')])
      await alice.hangup()
      await exactly([alice, [...answers('bob'), 'HANG_UP', 'CALL_END']], [winner, [...met, 'USER_LEAVE', 'CALL_END']], [other, ['INVITED', 'CALLING_CANCEL']])
      await refused(other, 'no_call', () => other.accept())
      assert.deepEqual(await other.page.deviceRequests(), [])
    })
  }

  it('answer at the same moment: one of them talks', async () => {
    const proxies = [await rig.proxy(), await rig.proxy()]
    const [alice, one, two] = await Promise.all([
      rig.phone('alice', 'class'),
      rig.phone('bob', 'class', { url: proxies[0].url }),
      rig.phone('carol', 'class', { userID: 'bob', url: proxies[1].url }),
    ])
    await alice.call({ userID: 'bob', type: 1 })
    await Promise.all([one.event('INVITED'), two.event('INVITED')])
    // Neither can know of the other.
    for (const proxy of proxies) proxy.freeze()
    const accepting = Promise.allSettled([one.accept(), two.accept()])
    await Promise.all([one.page.tracks(['audio']), two.page.tracks(['audio'])])
    for (const proxy of proxies) proxy.heal()
    const outcomes = await accepting
    const [winner, loser] = outcomes[0].status === 'fulfilled' ? [one, two] : [two, one]
    // The one that lost had said yes: its promise rejects, and it is told why.
    await exactly([alice, answers('bob')], [winner, met], [loser, ['INVITED', 'CALLING_CANCEL', ['ERROR', { code: 'answered_elsewhere' }]]])
    await alice.page.hears(winner === one ? 'bob' : 'carol')
    await loser.page.tracks([]) // what it had opened is closed
  })

  it('one refuses for both', async () => {
    const [alice, one, two] = await phones()
    await alice.call({ userID: 'bob', type: 1 })
    await Promise.all([one.event('INVITED'), two.event('INVITED')])
    await two.reject()
    await exactly([alice, ['REJECT']], [one, ['INVITED', 'CALLING_CANCEL']], [two, ['INVITED']])
  })

  it('one that signs in while it rings, rings too', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'class'), rig.phone('bob', 'class')])
    await ring(alice, bob)
    const late = await rig.phone('carol', 'class', { userID: 'bob' })
    await late.event('INVITED')
    await late.accept()
    await alice.page.hears('carol')
    await exactly([alice, answers('bob')], [bob, ['INVITED', 'CALLING_CANCEL']], [late, met])
  })

  it('a callee who was not there and signs in while the caller waits, can answer', async () => {
    const alice = await rig.phone('alice', 'class')
    await alice.call({ userID: 'bob', type: 1 })
    const bob = await rig.phone('bob', 'element')
    await bob.event('INVITED')
    await bob.accept()
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await exactly([alice, answers('bob')], [bob, met])
  })

  describe('in an app of single login', () => {
    let app
    before(async () => {
      app = JSON.parse(await rig.server.command('app', 'create', 'single', '--single-login', '--json'))
    })
    const credentials = (userID) => sign({ sdkAppID: app.sdkAppID, key: app.secretKey, userID })
    const phone = (device, userID) => rig.phone(device, 'class', { userID, credentials: credentials(userID), login: false })

    /** The running server notices a new app within seconds. */
    async function signIn(...list) {
      for (const one of list) {
        await until('the server knows the new app', async () => {
          try {
            await one.login()
            return true
          } catch (/** @type {any} */ error) {
            if (error.code !== 'app_unknown') throw error
            await one.event('ERROR')
            one.forget()
            return false
          }
        })
      }
    }

    it('the second sign-in kicks the first', async () => {
      const [old, young] = [await phone('bob', 'bob'), await phone('carol', 'bob')]
      await signIn(old)
      await signIn(young)
      await old.event('KICKED_OUT')
      const alice = await phone('alice', 'alice')
      await signIn(alice)
      await ring(alice, young)
      await young.accept()
      await alice.page.hears('carol')
      await exactly([old, ['KICKED_OUT']], [alice, answers('bob')], [young, met])
    })

    it('a sign-in while the first talks ends its call once, for both', async () => {
      const [alice, bob, young] = [await phone('alice', 'alice'), await phone('bob', 'bob'), await phone('carol', 'bob')]
      await signIn(alice, bob)
      await connect(alice, bob, 1)
      await bob.page.hears('alice')
      await signIn(young)
      await exactly([alice, [...answers('bob'), 'USER_LEAVE', 'CALL_END']], [bob, [...met, 'CALL_END', 'KICKED_OUT']], [young, []])
      assert.deepEqual(await bob.page.openTracks(), [])
    })

    it('a sign-in while it rings, rings there', async () => {
      const [alice, bob, young] = [await phone('alice', 'alice'), await phone('bob', 'bob'), await phone('carol', 'bob')]
      await signIn(alice, bob)
      await ring(alice, bob)
      await signIn(young)
      await young.event('INVITED')
      await young.accept()
      await Promise.all([alice.page.hears('carol'), young.page.hears('alice')])
      await exactly([alice, answers('bob')], [bob, ['INVITED', 'CALLING_CANCEL', 'KICKED_OUT']], [young, met])
    })
  })
})

/** The shortest that a session can be kept, and what remembers why it was ended, in seconds. */
const RESUME_S = 5
/** A sign-in that nobody asked for would have come by now, in milliseconds. */
const WATCHED_MS = 3000

describe('a device that was replaced while it was away, for longer than anybody remembers', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    const settings = { limits: { resume_s: RESUME_S, heartbeat_s: 5 }, calls: { ring_grace_s: 2, talk_grace_s: 2 } }
    rig = await Rig.start(['alice', 'bob'], { server: { settings } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  it('stays signed out, and the newer one signed in', async () => {
    const app = JSON.parse(await rig.server.command('app', 'create', 'single', '--single-login', '--json'))
    const credentials = sign({ sdkAppID: app.sdkAppID, key: app.secretKey, userID: 'bob' })
    const proxy = await rig.proxy()
    const old = await rig.phone('bob', 'class', { url: proxy.url, credentials, login: false })
    await until('the server knows the new app', () =>
      old.login().then(
        () => true,
        () => false,
      ),
    )
    for (const told of old.events) told.expected = true
    old.forget()
    proxy.cut()
    const young = await rig.phone('alice', 'class', { userID: 'bob', credentials })
    await delay((RESUME_S + 1) * 1000)
    proxy.heal()
    await old.event('KICKED_OUT', ({ reason }) => reason === 'signed_in_elsewhere')
    const before = await old.page.session()
    await delay(WATCHED_MS)
    await exactly([old, ['KICKED_OUT']], [young, []])
    const [{ logins, sockets }, { open }] = await Promise.all([old.page.session(), young.page.session()])
    assert.deepEqual({ logins, sockets, open }, { logins: 1, sockets: before.sockets, open: 1 })
    // Its user may take the account back.
    await old.login()
    await young.event('KICKED_OUT')
  })
})
