/** Sockets that are cut or go silent, while it rings and while they talk: nothing lost, nothing doubled, sound goes on. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../lib/deadline.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly } from '../lib/expect-events.js'

/** The shortest heartbeat that can be set, in seconds: a silent socket is given up after it and the wait for its answer. */
const HEARTBEAT_S = 5

/**
 * How a socket is away, and how long, in milliseconds. After the long silence the client must have given the socket up:
 * four seconds without a word, five without an answer.
 */
const WAYS = {
  'cut for 2 s': { how: 'cut', ms: 2000, resumes: true },
  'silent for 2 s': { how: 'freeze', ms: 2000, resumes: false },
  'silent for 11 s': { how: 'freeze', ms: 11_000, resumes: true },
}
const CUT = WAYS['cut for 2 s']

describe('a socket that is away', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'], { server: { settings: { limits: { heartbeat_s: HEARTBEAT_S } } } })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  /** Two phones, each behind a proxy of its own. */
  async function pair() {
    const behind = async (name) => {
      const proxy = await rig.proxy()
      return Object.assign(await rig.phone(name, 'class', { url: proxy.url }), { proxy })
    }
    return Promise.all(['alice', 'bob'].map(behind))
  }

  /** Takes a phone's socket away, runs `meanwhile`, and waits until the phone is back in the same session. */
  async function away(phone, { how, ms, resumes }, meanwhile = async () => {}) {
    const { proxy, page } = phone
    const before = await page.session()
    proxy[how]()
    const back = delay(ms)
    await meanwhile()
    await back
    proxy.heal()
    if (resumes) await until(`${phone.userID} has resumed`, async () => (await page.session()).resumed > before.resumed)
    const now = await page.session()
    assert.deepEqual(
      { logins: now.logins - before.logins, resumed: now.resumed - before.resumed },
      { logins: 0, resumed: resumes ? 1 : 0 },
      `${phone.userID} keeps its session`,
    )
  }

  /** The media paths of phones: how many there were, and how they are. */
  const paths = (...phones) => Promise.all(phones.map(({ page }) => page.evaluate(() => window.__e2e.connections())))

  const answered = answers('bob')
  const met = ['INVITED', ...enters('alice')]

  for (const [way, how] of Object.entries(WAYS)) {
    it(`(${way}) of the callee while it rings: it still rings, is answered, and both are heard`, async () => {
      const [alice, bob] = await pair()
      await ring(alice, bob)
      await away(bob, how)
      await bob.accept()
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      await exactly([alice, answered], [bob, met])
    })

    it(`(${way}) of both while they talk: sound goes on during it, and no event comes of it`, async () => {
      const [alice, bob] = await pair()
      await connect(alice, bob, 1)
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      const before = await paths(alice, bob)
      await Promise.all([away(alice, how, () => alice.page.hears('bob')), away(bob, how, () => bob.page.hears('alice'))])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      assert.deepEqual(await paths(alice, bob), before, 'the media have not noticed')
      await exactly([alice, answered], [bob, met])
      await alice.hangup()
      await exactly([alice, [...answered, 'HANG_UP', 'CALL_END']], [bob, [...met, ['USER_LEAVE', { userID: 'alice' }], 'CALL_END']])
    })
  }

  it('answers once what was answered while it was away', async () => {
    const [alice, bob] = await pair()
    await ring(alice, bob)
    let accepted
    await away(bob, CUT, async () => void (accepted = bob.accept()))
    await accepted
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await exactly([alice, answered], [bob, met])
  })

  it('of the caller does not keep the callee from answering: the caller is told once when it is back', async () => {
    const [alice, bob] = await pair()
    await ring(alice, bob)
    await away(alice, CUT, () => bob.accept())
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await exactly([alice, answered], [bob, met])
  })

  it('learns once that the call was cancelled', async () => {
    const [alice, bob] = await pair()
    await ring(alice, bob)
    await away(bob, CUT, () => alice.hangup())
    await exactly([alice, ['CALL_END', 'HANG_UP']], [bob, ['INVITED', 'CALLING_CANCEL']])
  })

  it('gets an invitation of that time once', async () => {
    const [alice, bob] = await pair()
    await away(bob, CUT, () => alice.call({ userID: 'bob', type: 1 }))
    await bob.event('INVITED')
    await bob.accept()
    await bob.page.hears('alice')
    await exactly([alice, answered], [bob, met])
  })

  it('learns once that the other has hung up, with the same duration', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 1)
    await bob.page.hears('alice')
    await away(bob, CUT, () => alice.hangup())
    const [a, b] = await Promise.all([alice.event('CALL_END'), bob.event('CALL_END')])
    assert.equal(a.callEnd, await rig.server.talked(a.inviteID))
    assert.equal(b.callEnd, a.callEnd)
    await exactly([alice, [...answered, 'HANG_UP', 'CALL_END']], [bob, [...met, 'USER_LEAVE', 'CALL_END']])
  })

  it('has its own hang-up carried out, and is told one end', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 1)
    await bob.page.hears('alice')
    let over
    await away(bob, CUT, async () => void (over = bob.hangup()))
    await over
    await exactly([alice, [...answered, 'USER_LEAVE', 'CALL_END']], [bob, [...met, 'HANG_UP', 'CALL_END']])
    assert.deepEqual(await bob.page.openTracks(), [])
  })

  it('mutes for the others when it is back, what was muted while it was away', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 1)
    await bob.page.hears('alice')
    let muted
    await away(alice, CUT, async () => {
      muted = alice.do('setMicMute', true)
      await bob.page.hearsNobody() // at once: the track is off at its source
    })
    await muted
    await exactly([alice, answered], [bob, [...met, ['USER_AUDIO_AVAILABLE', { userID: 'alice', isAudioAvailable: false }]]])
  })
})
