/** Voice and video in one call: a switch to voice closes both cameras, a switch to video opens only the asker's. */

import assert from 'node:assert/strict'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { any, answers, enters, exactly, refused } from '../lib/expect-events.js'
import { picture } from '../lib/payloads.js'

const record = any('a message', (value) => typeof value?.payload?.data === 'string')

/** The event of a switch, by the name that this surface has. @param {import('../lib/phone.js').Phone} phone @param {string} userID @param {1 | 2} type @returns {import('../lib/expect-events.js').Row} */
const switched = (phone, userID, type) => [
  phone.surface === 'class' ? 'CALL_TYPE_CHANGED' : 'CALL_MODE',
  { inviteID: any('a text', Boolean), userID, type, oldCallType: 3 - type, newCallType: type, message: record },
]

describe('voice and video in one call', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'])
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  const pair = (surface) => Promise.all([rig.phone('alice', surface), rig.phone('bob', surface)])
  const negotiations = (...phones) => Promise.all(phones.map(async ({ page }) => (await page.counts()).negotiations))

  for (const surface of SURFACES) {
    const shown = surface === 'element'

    it(`${surface}: to voice and back: no picture, no light, then each camera by its own user; nothing is negotiated`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 2)
      await Promise.all([alice.page.sees('bob', { shown }), bob.page.sees('alice', { shown })])
      const before = await negotiations(alice, bob)

      await alice.do('switchAudioCall')
      await Promise.all([alice.page.tracks(['audio']), bob.page.tracks(['audio'])])
      await Promise.all([alice.page.seesNobody(), bob.page.seesNobody()])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      const toVoice = [...answers('bob', 2), switched(alice, 'alice', 1), picture('bob', false)]
      await exactly([alice, toVoice], [bob, ['INVITED', ...enters('alice', 2), switched(bob, 'alice', 1), picture('alice', false)]])
      await refused(bob, 'call_options', () => bob.do('openCamera'))
      alice.forget()

      await bob.do('switchVideoCall')
      await alice.page.sees('bob', { shown })
      await bob.page.seesNobody()
      assert.deepEqual(await alice.page.openTracks(), ['audio'], "bob's wish opens no camera of alice")
      await alice.do('openCamera')
      await bob.page.sees('alice', { shown })
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      await exactly([alice, [switched(alice, 'bob', 2), picture('bob', true)]], [bob, [switched(bob, 'bob', 2), picture('alice', true)]])
      assert.deepEqual(await negotiations(alice, bob), before)
      await bob.hangup()
      await alice.event('CALL_END')
    })

    it(`${surface}: a voice call becomes a video call`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 1)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      const before = await negotiations(alice, bob)
      await alice.do('switchVideoCall')
      await bob.page.sees('alice', { shown })
      await exactly(
        [alice, [...answers('bob'), switched(alice, 'alice', 2)]],
        [bob, ['INVITED', ...enters('alice'), switched(bob, 'alice', 2), picture('alice', true)]],
      )
      assert.deepEqual(await bob.page.openTracks(), ['audio'])
      assert.deepEqual(await negotiations(alice, bob), before)
    })

    it(`${surface}: both switch to voice at the same moment: one switch is told, to both`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 2)
      await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
      await Promise.all([alice.do('switchAudioCall'), bob.do('switchAudioCall')])
      const [mode] = switched(alice, 'alice', 1)
      const [{ userID: first }, { userID: same }] = await Promise.all([alice.event(mode), bob.event(mode)])
      assert.equal(first, same)
      await exactly(
        [alice, [...answers('bob', 2), switched(alice, first, 1), picture('bob', false)]],
        [bob, ['INVITED', ...enters('alice', 2), switched(bob, first, 1), picture('alice', false)]],
      )
    })

    it(`${surface}: nothing is switched without a call, nor before both talk`, async () => {
      const [alice, bob] = await pair(surface)
      await refused(alice, 'no_call', () => alice.do('switchAudioCall'))
      await ring(alice, bob, { type: 2 })
      await refused(alice, 'switch_refused', () => alice.do('switchAudioCall'))
    })
  }

  it('class: the names of the old web SDK do the same', async () => {
    const [alice, bob] = await pair('class')
    await connect(alice, bob, 2)
    await alice.do('switchToAudioCall')
    await bob.event('CALL_TYPE_CHANGED', ({ newCallType }) => newCallType === 1)
    await bob.do('switchToVideoCall')
    await alice.event('CALL_TYPE_CHANGED', ({ oldCallType, newCallType }) => oldCallType === 1 && newCallType === 2)
  })

  it('element: a key on the screen of a video call, and none on that of a voice call', async () => {
    const [alice, bob] = await pair('element')
    await connect(alice, bob, 2)
    await alice.page.sees('bob', { shown: true })
    const names = (phone) => phone.page.evaluate(() => window.__e2e.findAll('.key').filter(window.__e2e.visible).map(window.__e2e.nameOf))
    assert.ok((await names(bob)).includes('Switch to voice'))
    await alice.page.click('.key.voice')
    for (const phone of [alice, bob]) {
      await phone.event('CALL_MODE')
      await phone.page.tracks(['audio'])
      assert.deepEqual(await names(phone), ['Mute', 'Hang up', 'Devices'])
    }
    await bob.do('switchVideoCall')
    await alice.page.sees('bob', { shown: true })
    assert.ok((await names(alice)).includes('Camera on'))
    await alice.page.click('.key.cam')
    await bob.page.sees('alice', { shown: true })
  })
})
