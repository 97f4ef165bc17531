/** Browsers that do not have the same video codecs: who sends changes to what both have, or both are told why nobody is seen. */

import assert from 'node:assert/strict'
import { until } from '../lib/deadline.js'
import { sends } from '../lib/pictures.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { answers, enters, exactly, sentence } from '../lib/expect-events.js'

/** A browser that has one video codec only, as far as pages can tell. @param {'VP8' | 'H264'} codec */
const only = (codec) => ({
  onPage: (page) =>
    page.addInitScript((wanted) => {
      for (const side of [RTCRtpReceiver, RTCRtpSender]) {
        const all = side.getCapabilities.bind(side)
        side.getCapabilities = (kind) => {
          const has = all(kind)
          const stays = ({ mimeType }) => mimeType === `video/${wanted}` || mimeType === 'video/rtx'
          return kind === 'video' ? { ...has, codecs: has.codecs.filter(stays) } : has
        }
      }
    }, codec),
})

/** A browser whose senders take no codec: they leave it out. */
const withoutSenderCodec = {
  onPage: (page) =>
    page.addInitScript(() => {
      const set = RTCRtpSender.prototype.setParameters
      RTCRtpSender.prototype.setParameters = function (parameters) {
        for (const encoding of parameters.encodings) delete encoding.codec
        return set.call(this, parameters)
      }
    }),
}

const paths = (phone) => phone.page.evaluate(() => window.__e2e.connections())

describe('browsers with different video codecs', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice', 'bob'])
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  /** Alice calls Bob, who signs in once her path stands: it was made when the server knew nothing of his codecs. */
  async function connected({ surface, ...options }, { surface: other, ...others }) {
    const [alice, bob] = await Promise.all([rig.phone('alice', surface, options), rig.phone('bob', other, { ...others, login: false })])
    await alice.call({ userID: 'bob', type: 2 })
    await alice.page.connection()
    await bob.login()
    await bob.event('INVITED')
    await bob.accept()
    return [alice, bob]
  }

  for (const surface of SURFACES) {
    const shown = surface === 'element'

    it(`${surface}: a caller with both codecs changes to VP8 for one without H.264, without a negotiation or an event`, async () => {
      const [alice, bob] = await connected({ surface }, { surface, view: only('VP8') })
      await Promise.all([alice.page.sees('bob', { shown }), bob.page.sees('alice', { shown })])
      assert.deepEqual(await Promise.all([sends(alice), sends(bob)]), ['video/VP8', 'video/VP8'])
      for (const phone of [alice, bob])
        assert.deepEqual(
          (await paths(phone)).map((p) => p.negotiations),
          [1],
          phone.userID,
        )
      await exactly([alice, answers('bob', 2)], [bob, ['INVITED', ...enters('alice', 2)]])
    })

    it(`${surface}: without a common codec both hear each other, and both pages and screens are told why nobody is seen`, async () => {
      const [alice, bob] = await Promise.all([rig.phone('alice', surface, { view: only('H264') }), rig.phone('bob', surface, { view: only('VP8') })])
      await connect(alice, bob, 2)
      await Promise.all([alice.event('ERROR'), bob.event('ERROR')])
      await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
      /** @type {import('../lib/expect-events.js').Row} */ const told = ['ERROR', { code: 'video_codec', message: sentence }]
      await exactly([alice, [...answers('bob', 2), told]], [bob, ['INVITED', ...enters('alice', 2), told]])
      await Promise.all([alice.page.seesNobody(), bob.page.seesNobody()])
      if (!shown) return
      for (const [phone, text] of /** @type {const} */ ([
        [alice, 'The other browser has no H.264'],
        [bob, 'This browser has no H.264'],
      ])) {
        await notice(phone, text)
        await phone.do('closeCamera')
      }
      for (const phone of [alice, bob]) {
        await until(`${phone.userID} reads no reason any more`, async () => !(await notices(phone)).includes('H.264'))
      }
    })
  }

  it('a browser whose sender takes no codec makes one new offer instead', async () => {
    const [alice, bob] = await connected({ surface: 'class', view: withoutSenderCodec }, { surface: 'element', view: only('VP8') })
    await Promise.all([bob.page.sees('alice'), alice.page.sees('bob')])
    assert.equal(await sends(alice), 'video/VP8')
    assert.deepEqual(
      (await paths(alice)).map((p) => p.negotiations),
      [1, 1],
    )
    assert.deepEqual(
      (await paths(bob)).map((p) => p.negotiations),
      [1],
    )
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
    await exactly([alice, answers('bob', 2)], [bob, ['INVITED', ...enters('alice', 2)]])
  })

  it('who calls without H.264 is seen by somebody with both, who sends VP8 from the start', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', 'class', { view: only('VP8') }), rig.phone('bob', 'class')])
    await connect(alice, bob, 2)
    await Promise.all([alice.page.sees('bob'), bob.page.sees('alice')])
    assert.deepEqual(
      (await paths(bob)).map((p) => p.negotiations),
      [1],
    )
    assert.equal(await sends(bob), 'video/VP8')
    await exactly([alice, answers('bob', 2)], [bob, ['INVITED', ...enters('alice', 2)]])
  })
})

const notices = (phone) =>
  phone.page.evaluate(() =>
    window.__e2e
      .findAll('.pills')
      .map((e) => e.innerText)
      .join(),
  )

const notice = (phone, text) => until(`${phone.userID} reads ${text}`, async () => (await notices(phone)).includes(text))
