/** Several devices of one user: they ring together and the first answer wins; or, by the app's rule, the newest stays. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { connect, Rig } from '../lib/rig.js'
import { sign } from '../lib/sign.js'

describe('two devices of one user', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    // Bob's second device has carol's camera and microphone: what is heard tells which device talks.
    rig = await Rig.start(['alice', 'bob', 'carol'])
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  async function phones() {
    return Promise.all([
      rig.phone('alice', 'class'),
      rig.phone('bob', 'class'),
      rig.phone('carol', 'class', { userID: 'bob' }),
    ])
  }
  const told = async (...list) => (await Promise.all(list.map((p) => p.settled()))).map((t) => t.map((e) => e.event))

  for (const [answering, tone] of [[1, 'bob'], [2, 'carol']]) {
    it(`ring together; device ${answering} answers, the other is told and stays closed`, async () => {
      const all = await phones()
      const [alice, winner, other] = [all[0], all[answering], all[3 - answering]]
      await alice.call({ userID: 'bob', type: 1 })
      await Promise.all([winner.event('INVITED'), other.event('INVITED')])
      await winner.accept()
      await other.event('CALLING_CANCEL')
      await Promise.all([alice.page.hears(tone), winner.page.hears('alice')])
      await assert.rejects(other.accept(), (error) => Boolean(error.code && error.message))
      assert.deepEqual(await other.page.deviceRequests(), [])
      await alice.hangup()
      assert.deepEqual(await told(alice, winner, other), [
        ['USER_ENTER', 'HANG_UP', 'CALL_END'],
        ['INVITED', 'USER_ENTER', 'USER_LEAVE', 'CALL_END'],
        ['INVITED', 'CALLING_CANCEL'],
      ])
    })
  }

  it('answer at the same moment: one of them talks', async () => {
    const [alice, one, two] = await phones()
    await alice.call({ userID: 'bob', type: 1 })
    await Promise.all([one.event('INVITED'), two.event('INVITED')])
    await Promise.allSettled([one.accept(), two.accept()])
    await alice.event('USER_ENTER')
    const sequences = await told(one, two)
    sequences.sort((a, b) => a.at(-1).localeCompare(b.at(-1)))
    assert.deepEqual(sequences, [['INVITED', 'CALLING_CANCEL'], ['INVITED', 'USER_ENTER']])
    assert.equal(alice.told().filter((name) => name === 'USER_ENTER').length, 1)
    const loser = one.told().includes('CALLING_CANCEL') ? one : two
    assert.deepEqual(await loser.page.openTracks(), [], 'the one that lost closes what it had opened')
  })

  it('one refuses for both', async () => {
    const [alice, one, two] = await phones()
    await alice.call({ userID: 'bob', type: 1 })
    await Promise.all([one.event('INVITED'), two.event('INVITED')])
    await two.reject()
    assert.deepEqual(await told(alice, one, two), [['REJECT'], ['INVITED', 'CALLING_CANCEL'], ['INVITED']])
  })

  it('one that signs in while it rings, rings too', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'class'), rig.phone('bob', 'class')])
    await alice.call({ userID: 'bob', type: 1 })
    await bob.event('INVITED')
    const late = await rig.phone('carol', 'class', { userID: 'bob' })
    await late.event('INVITED')
    await late.accept()
    await alice.page.hears('carol')
    assert.deepEqual(await told(bob), [['INVITED', 'CALLING_CANCEL']])
  })

  it('a callee who was not there and signs in while the caller waits, can answer', async () => {
    const alice = await rig.phone('alice', 'class')
    await alice.call({ userID: 'bob', type: 1 })
    const bob = await rig.phone('bob', 'element')
    await bob.event('INVITED')
    await bob.accept()
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
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
        for (;;) {
          try {
            await one.login()
            break
          } catch (error) {
            if (error.code !== 'app_unknown') throw error
          }
        }
      }
    }

    it('the second sign-in kicks the first', async () => {
      const [old, young] = [await phone('bob', 'bob'), await phone('carol', 'bob')]
      await signIn(old)
      await signIn(young)
      await old.event('KICKED_OUT')
      const alice = await phone('alice', 'alice')
      await signIn(alice)
      await alice.call({ userID: 'bob', type: 1 })
      await young.event('INVITED')
      await young.accept()
      await alice.page.hears('carol')
      assert.deepEqual(await told(old), [[]])
    })

    it('a sign-in while the first talks ends its call once, for both', async () => {
      const [alice, bob, young] = [await phone('alice', 'alice'), await phone('bob', 'bob'), await phone('carol', 'bob')]
      await signIn(alice, bob)
      await connect(alice, bob, 1)
      await bob.page.hears('alice')
      await signIn(young)
      await bob.event('KICKED_OUT')
      await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
      assert.deepEqual(await told(alice, bob, young), [
        ['USER_ENTER', 'USER_LEAVE', 'CALL_END'],
        ['INVITED', 'USER_ENTER', 'CALL_END'],
        [],
      ])
      assert.deepEqual(await bob.page.openTracks(), [])
    })

    it('a sign-in while it rings, rings there', async () => {
      const [alice, bob, young] = [await phone('alice', 'alice'), await phone('bob', 'bob'), await phone('carol', 'bob')]
      await signIn(alice, bob)
      await alice.call({ userID: 'bob', type: 1 })
      await bob.event('INVITED')
      await signIn(young)
      await young.event('INVITED')
      await young.accept()
      await Promise.all([alice.page.hears('carol'), young.page.hears('alice')])
    })
  })
})
