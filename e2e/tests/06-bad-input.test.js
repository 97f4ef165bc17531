/** What users and pages do wrong: each gets one clear error, and everything else goes on. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { Device } from '../lib/device.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig } from '../lib/rig.js'
import { sign } from '../lib/sign.js'

/** A sentence that says what to do is longer than this, in characters. */
const A_SENTENCE = 20

/** Not the key of any app. */
const KEY = 'c0ffee'.repeat(11).slice(0, 64)

/** An action is refused with this code, by its promise and by ERROR, once. */
async function refused(phone, code, act) {
  phone.forget()
  await assert.rejects(act(), (error) => {
    assert.equal(error.code, code, error.message)
    assert.ok(error.message.length > A_SENTENCE, `says what to do: ${error.message}`)
    return true
  })
  assert.deepEqual(await phone.settled(), [], 'none of the guide\'s ten events comes of it')
  const errors = phone.events.filter((told) => told.event === 'ERROR')
  assert.deepEqual(errors.map((told) => told.data.code), [code], 'ERROR is told once')
  assert.ok(errors[0].data.message.length > A_SENTENCE)
}

for (const surface of SURFACES) {
  describe(`bad input, through the ${surface}`, () => {
    /** @type {Rig} */ let rig
    let key
    before(async () => {
      rig = await Rig.start(['alice', 'bob'])
      key = JSON.parse(await rig.server.command('app', 'show', String(rig.server.app), '--reveal-key', '--json')).secretKey
    })
    afterEach(() => rig.clear())
    after(() => rig?.stop())

    const signedOut = (credentials) => rig.phone('alice', surface, { credentials, login: false })

    it('a wrong, foreign or expired UserSig, an unknown app', async () => {
      const sdkAppID = rig.server.app
      const good = sign({ sdkAppID, key, userID: 'alice' })
      const day = 24 * 3600
      const old = Math.floor(Date.now() / 1000) - 2 * day
      const cases = [
        ['sig_malformed', { ...good, userSig: 'no UserSig at all' }],
        ['sig_bad', sign({ sdkAppID, key: KEY, userID: 'alice' })],
        ['sig_wrong_user', { ...good, userSig: sign({ sdkAppID, key, userID: 'bob' }).userSig }],
        ['sig_wrong_app', { ...good, userSig: sign({ sdkAppID: sdkAppID + 1, key, userID: 'alice' }).userSig }],
        ['sig_expired', sign({ sdkAppID, key, userID: 'alice', time: old, expire: day })],
        ['sig_not_yet_valid', sign({ sdkAppID, key, userID: 'alice', time: old + 4 * day })],
        ['app_unknown', sign({ sdkAppID: sdkAppID + 1, key, userID: 'alice' })],
      ]
      for (const [code, credentials] of cases) {
        const phone = await signedOut(credentials)
        await refused(phone, code, () => phone.login())
      }
      // The same page can do it right after all.
      const phone = await signedOut(good)
      await phone.login()
    })

    it('a userID that is none', async () => {
      for (const userID of [0, '', undefined]) {
        const phone = await signedOut({ sdkAppID: rig.server.app, userID, userSig: 'x' })
        await refused(phone, 'config_invalid', () => phone.login())
      }
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
      const alice = await rig.phone('alice', surface)
      await refused(alice, 'call_self', () => alice.call({ userID: 'alice', type: 1 }))
      await refused(alice, 'call_options', () => alice.call({ userID: 'bob', type: 3 }))
      await refused(alice, 'call_options', () => alice.call({ userID: 'bob', type: 1, timeout: 1 }))
      for (const userID of [0, '', undefined]) {
        await refused(alice, 'config_invalid', () => alice.call({ userID, type: 1 }))
      }
      // The next one can.
      const bob = await rig.phone('bob', surface)
      await connect(alice, bob)
      await alice.page.hears('bob')
    })

    it('a call before the login, and a second one during a call', async () => {
      const early = await signedOut(sign({ sdkAppID: rig.server.app, key, userID: 'early' }))
      await refused(early, 'not_logged_in', () => early.call({ userID: 'bob', type: 1 }))
      const [alice, bob] = [await rig.phone('alice', surface), await rig.phone('bob', surface)]
      await connect(alice, bob)
      await refused(alice, 'busy_here', () => alice.call({ userID: 'early', type: 1 }))
      await alice.page.hears('bob')
    })

    it('accept without an invitation, twice, and after a cancel', async () => {
      const [alice, bob] = [await rig.phone('alice', surface), await rig.phone('bob', surface)]
      await refused(bob, 'no_call', () => bob.accept())

      await alice.call({ userID: 'bob', type: 1 })
      await bob.event('INVITED')
      await Promise.all([bob.accept(), bob.accept()])
      await bob.accept()
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      assert.deepEqual(bob.told().filter((name) => name === 'USER_ENTER').length, 1)
      await bob.hangup()
      await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])

      await alice.call({ userID: 'bob', type: 1 })
      await bob.event('INVITED')
      await alice.hangup()
      await bob.event('CALLING_CANCEL')
      await refused(bob, 'no_call', () => bob.accept())
    })
  })
}

describe('devices that are refused or absent', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice'])
  })
  afterEach(async () => {
    await rig.clear()
    await rig.devices.bob?.stop()
    delete rig.devices.bob
  })
  after(() => rig?.stop())

  for (const surface of SURFACES) {
    it(`${surface}: no camera: the video call goes on by voice and says so`, async () => {
      rig.devices.bob = await Device.start('bob', { hardware: 'no camera' })
      const [alice, bob] = [await rig.phone('alice', surface), await rig.phone('bob', surface)]
      await connect(alice, bob, 2)
      const { code, message } = await bob.event('ERROR')
      assert.equal(code, 60004)
      assert.ok(message.length > A_SENTENCE, message)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice'), bob.page.sees('alice')])
      assert.equal((await alice.page.look()).frames, 0)
      await alice.event('USER_VIDEO_AVAILABLE', (data) => data.isVideoAvailable === false)
    })

    it(`${surface}: everything refused: the call goes on, one hears and sees the other and says so`, async () => {
      rig.devices.bob = await Device.start('bob', { prompts: 'deny' })
      const [alice, bob] = [await rig.phone('alice', surface), await rig.phone('bob', surface)]
      await connect(alice, bob, 2)
      const { code, message } = await bob.event('ERROR')
      assert.equal(code, 60005)
      assert.ok(message.length > A_SENTENCE, message)
      await Promise.all([bob.page.hears('alice'), bob.page.sees('alice')])
      await alice.event('USER_AUDIO_AVAILABLE', (data) => data.isAudioAvailable === false)
      await alice.hangup()
      await bob.event('CALL_END')
    })
  }
})
