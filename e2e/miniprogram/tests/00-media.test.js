/** Calls between two phones over an RTMP relay, judged by what is heard and seen; and what tags tell when it goes wrong. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { AUDIO, flvHeader, flvTag, VIDEO } from '../lib/flv.js'
import { after, afterEach, before, describe, it, PEOPLE, until } from '../lib/shared.js'
import { recordingOf } from '../lib/recording.js'
import { installed } from './stub/rtmp.js'
import { Rig } from './stub/rig.js'

if (!installed) throw new Error('the relay is missing: apt-get install nginx-light libnginx-mod-rtmp')

describe('media of two phones', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start({ relay: true })))
  after(() => rig.stop())
  afterEach(() => rig.clear())

  /** A calls B and B answers. @param {1 | 2} type */
  async function talk(type, options) {
    const phones = [await rig.phone('alice', { retryMs: 200, ...options }), await rig.phone('bob', { retryMs: 200 })]
    const [a, b] = phones
    await until('both are signed in', () => rig.exchange.users.size === 2)
    await a.run((page, give) => page.TRTCCalling.call(give({ userID: 'bob', type })))
    await b.logged('收到邀请')
    assert.equal(b.rings, true)
    await b.tap('#accept')
    assert.equal(b.rings, false)
    return phones
  }
  const still = ({ pusher: { pid, connections } }) => ({ pid, connections })

  it('are heard and seen both ways', async () => {
    const [a, b] = await talk(2)
    await Promise.all([a.hears('bob'), b.hears('alice'), a.sees('bob'), b.sees('alice')])
    assert.deepEqual(await Promise.all([a.hears(), b.hears(), a.sees(), b.sees()]), ['bob', 'alice', 'bob', 'alice'])
    assert.deepEqual(a.codes('live-pusher').sort(), [1001, 1002, 1003, 1007, 1008])
    assert.deepEqual(a.codes('live-player').sort(), [2001, 2002, 2003, 2004])
    assert.ok(a.peek('page.TRTCCalling.seen').includes('player 2004'))

    const before = still(a)
    await a.tap('#microphone')
    await b.hearsNobody()
    assert.equal(await b.hears(), 'nobody')
    await b.sees('alice')
    await a.tap('#microphone')
    await b.hears('alice')
    await a.tap('#camera')
    await b.seesNobody()
    await b.hears('alice')
    await a.tap('#camera')
    await b.sees('alice')
    assert.deepEqual(still(a), before)

    await b.run((page, give) => page.TRTCCalling.setData(give({ deaf: true })))
    const { who, played } = await b.listen()
    assert.deepEqual([who, played, await b.hears()], ['alice', false, undefined])

    await a.tap('#hangup')
    await b.logged('通话结束')
    await until('players are gone', () => !b.players.length && !b.pusher)
    await assert.rejects(() => b.look(), /nothing can arrive here/)
  })

  it('have no picture in a voice call, until a camera is switched on', async () => {
    const [a, b] = await talk(1)
    await Promise.all([a.hears('bob'), b.hears('alice')])
    await b.seesNobody()
    assert.ok(!b.codes('live-player').includes(2003))
    const player = still({ pusher: b.players[0] })
    await a.tap('#camera')
    await b.sees('alice')
    assert.deepEqual(still({ pusher: b.players[0] }), player)
  })

  it('survive a relay that is restarted', async () => {
    const [a, b] = await talk(1)
    await Promise.all([a.hears('bob'), b.hears('alice')])
    const [pushed, played] = [a.codes('live-pusher').length, b.codes('live-player').length]
    await rig.relay.crash()
    await Promise.all([a.code('live-pusher', 1102, { from: pushed }), b.code('live-player', 2103, { from: played })])
    await rig.relay.run()
    await Promise.all([a.code('live-pusher', 1002, { from: pushed }), b.code('live-player', 2004, { from: played })])
    await b.hears('alice')
    assert.equal(a.pusher.connections > 1, true)
  })

  it('are cut off with their network', async () => {
    const [a, b] = await talk(1)
    await Promise.all([a.hears('bob'), b.hears('alice')])
    const pushed = a.codes('live-pusher').length
    await a.network.cut()
    await a.code('live-pusher', 1102, { from: pushed })
    await until('nothing arrives', async () => (await b.listen({ ms: 500 })).heardMs === 0)
    await a.network.heal()
    await a.code('live-pusher', 1002, { from: pushed })
    await b.hears('alice')
  })

  it('go on in a pocket as far as the phone lets them', async () => {
    const [a, b] = await talk(2)
    await Promise.all([a.hears('bob'), b.sees('alice'), b.hears('alice')])
    await a.hide() // both tags are in RTC mode
    await b.seesNobody()
    await b.hears('alice')
    assert.equal(await a.hears(), 'bob')
    assert.equal((await a.look()).played, false)
    await a.show()
    await b.sees('alice')
    const before = a.codes('live-pusher').length
    await a.hide({ media: 'stop' })
    await a.code('live-pusher', 5000, { from: before })
    assert.equal(a.pusher.running, false)
    assert.equal(await a.hears(), undefined)
    await a.show()
    assert.equal(await a.hears('bob'), 'bob')
    assert.equal(a.pusher.running, false)
  })

  it('tell of a server that is not there', async () => {
    const phone = await rig.phone('alice', { media: 'rtmp://127.0.0.1:9/live/', retryMs: 50 })
    await phone.run((page) => page.TRTCCalling.talk())
    await Promise.all([phone.code('live-pusher', -1307), phone.code('live-player', -2301)])
    assert.deepEqual(phone.codes('live-pusher').slice(3), [3002, 1102, 3002, 1102, 3002, 1102, 3002, -1307])
    assert.deepEqual(phone.codes('live-player'), [3002, 2103, 3002, 2103, 3002, 2103, 3002, -2301])
  })

  it('tell of a server that does not let them in', async () => {
    const phone = await rig.phone('alice', { media: rig.relay.url.replace('/live/', '/shut/'), retryMs: 50 })
    await phone.run((page) => page.TRTCCalling.talk())
    await Promise.all([phone.code('live-pusher', -1307), phone.code('live-player', -2301)])
    // This relay begins each time and closes then.
    assert.deepEqual(phone.codes('live-pusher').slice(-6), [3005, 1102, 1001, 1002, 3005, -1307])
    assert.deepEqual(phone.codes('live-player').slice(-3), [2001, 2002, -2301])
  })

  it('tell of a microphone and a camera that are refused', async () => {
    const phone = await rig.phone('alice')
    const seen = () => phone.peek('page.TRTCCalling.seen').filter((line) => /-13|error/.test(line))
    phone.permissions.answer = 'deny'
    await phone.run((page) => page.TRTCCalling.talk())
    await until('it is told', () => seen().length === 2)
    assert.deepEqual(seen(), ['pusher -1302', 'error 10002'])
    assert.equal(phone.pusher.running, false)
    phone.permissions.said.set('scope.record', true)
    await phone.run((page) => page.TRTCCalling.idle())
    await phone.run((page) => page.TRTCCalling.talk())
    await until('it is told', () => seen().length === 4)
    assert.deepEqual(seen().slice(2), ['pusher -1301', 'error 10001'])
  })

  it('play FLV over HTTP too', async () => {
    const { videoHeader, frames, audioHeader, sound } = await recordingOf(PEOPLE.carol)
    const timers = []
    const server = createServer((_, response) => {
      let [ms, n] = [0, 0]
      const tag = (kind, body) => response.write(flvTag(kind, ms, body))
      response.write(flvHeader({ video: true }))
      tag(VIDEO, videoHeader)
      tag(AUDIO, audioHeader)
      timers.push(
        setInterval(() => {
          tag(VIDEO, frames[n % frames.length])
          for (let k = 0; k < 3; k++) tag(AUDIO, sound[(3 * n + k) % sound.length])
          ms += 64
          n++
        }, 64),
      )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const phone = await rig.phone('alice', {
      media: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/live/`,
      retryMs: 50,
    })
    await phone.run((page) => page.TRTCCalling.talk())
    await Promise.all([phone.hears('carol'), phone.sees('carol')])
    assert.deepEqual(phone.codes('live-player').sort(), [2001, 2002, 2003, 2004])
    await phone.code('live-pusher', -1307) // it takes RTMP only
    timers.forEach(clearInterval)
    server.closeAllConnections()
    await phone.code('live-player', 2103)
    await new Promise((resolve) => server.close(resolve))
    await phone.code('live-player', -2301)
  })

  it('end with a phone that is gone at once', async () => {
    const [a, b] = await talk(1)
    await b.hears('alice')
    await a.kill()
    await until('nothing arrives', async () => (await b.listen({ ms: 500 })).heardMs === 0)
  })
})
