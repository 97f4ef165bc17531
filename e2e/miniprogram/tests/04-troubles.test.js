/** What goes wrong on phones: networks, pockets, refusals, pages that go. Calls survive it, or end once on each side. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { exactly, noEvents, nothingMore, sentence } from '../../lib/expect-events.js'
import { noFfmpegLeft } from '../lib/ffmpeg.js'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, builtApp, call, cleared, connect, gone, over, Rig, ring, still } from '../lib/rig.js'

/** How long a network is away. */
const AWAY_MS = 2000
/** Pause of a real tag between two of its tries, about. */
const PHONE_RETRY_MS = 3000
/** How long a talk waits for somebody whose network is gone, in seconds; far more than {@link AWAY_MS}. */
const GRACE_S = 12

describe('troubles of phones', () => {
  /** @type {Rig} */ let rig
  /** An app with another value of one attribute: its page hangs up in the background; and with a page without a call. */ let hangingUp
  before(async () => {
    rig = await Rig.start({ settings: { calls: { talk_grace_s: GRACE_S } } })
    hangingUp = builtApp(rig.server, { backgroundMute: false, pages: { 'pages/empty/empty': { wxml: '<text>empty</text>' } } })
  })
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  const pair = (a = {}, b = {}) => Promise.all([rig.phone('alice', a), rig.phone('bob', b)])
  /** They talk. @param {1 | 2} type */
  async function talking(type, a, b) {
    const phones = await pair(a, b)
    await connect(...phones, type)
    await bothWays(...phones, type)
    for (const phone of phones) phone.eventLog.forget()
    return phones
  }

  describe('the network', () => {
    it('is away for two seconds while it rings: it rings on, and is answered', async () => {
      const [alice, bob] = await pair()
      await ring(alice, bob)
      await bob.network.cut()
      await delay(AWAY_MS)
      await bob.network.heal()
      await bob.tap('#accept')
      await Promise.all([alice.eventLog.event('USER_ENTER'), bob.eventLog.event('USER_ENTER')])
      await bothWays(alice, bob, 1)
      assert.equal(bob.eventLog.names().filter((event) => event === 'INVITED').length, 1)
      await over(alice, bob)
    })

    it('is away for two seconds at the caller while it rings', async () => {
      const [alice, bob] = await pair()
      await ring(alice, bob)
      await alice.network.cut({ noticed: false })
      await bob.tap('#accept')
      await delay(AWAY_MS)
      await alice.network.heal()
      await Promise.all([alice.eventLog.event('USER_ENTER'), bob.eventLog.event('USER_ENTER')])
      await bothWays(alice, bob, 1)
      await over(bob, alice)
    })

    it('is away for two seconds while they talk: they go on, and no page is told', async () => {
      // As patient as a phone: its tags do not give up meanwhile.
      const [alice, bob] = await talking(2, {}, { retryMs: PHONE_RETRY_MS })
      const player = still(alice.players[0])
      const connects = bob.connects.length
      await bob.network.cut()
      await bob.reads('恢复')
      await delay(AWAY_MS)
      await bob.network.heal()
      await bothWays(alice, bob, 2)
      assert.ok(bob.connects.length > connects)
      assert.deepEqual(still(alice.players[0]), player, 'the other side did not connect anew')
      await noEvents(alice, bob)
      await over(alice, bob)
    })

    it('becomes another one while they talk', async () => {
      const [alice, bob] = await talking(1)
      await bob.network.change('4g')
      await bothWays(alice, bob, 1)
      await noEvents(alice, bob)
      await over(alice, bob)
    })

    it('is back only when the other has hung up: the end is told then, once', async () => {
      const [alice, bob] = await talking(1)
      await bob.network.cut()
      await alice.tap('#hangup')
      await alice.eventLog.event('CALL_END')
      await bob.network.heal()
      await gone(bob)
      await exactly([bob.eventLog, ['USER_LEAVE', 'CALL_END']])
    })
  })

  describe('RTMP', () => {
    it('is cut under a pusher: the other keeps its connection, and nobody is told', async () => {
      const [alice, bob] = await talking(2)
      const player = still(bob.players[0])
      const [from, { pid, connections }] = [alice.codes('live-pusher').length, still(alice.pusher)]
      process.kill(pid)
      await alice.code('live-pusher', 1102, { from })
      await alice.code('live-pusher', 1002, { from })
      await bothWays(alice, bob, 2)
      assert.equal(alice.pusher.connections, connections + 1)
      assert.notEqual(alice.pusher.pid, pid)
      assert.deepEqual(still(bob.players[0]), player)
      await noEvents(alice, bob)
      await over(alice, bob)
    })

    it('is dead until both tags have given up: they begin anew', async () => {
      const [alice, bob] = await talking(2, { retryMs: 50 })
      const tags = [alice.pusher, alice.players[0]]
      const from = [alice.codes('live-pusher').length, alice.codes('live-player').length]
      await alice.network.block(rig.rtmpPort)
      await alice.code('live-pusher', -1307, { from: from[0] })
      await alice.code('live-player', -2301, { from: from[1] })
      await alice.reads('网络中断，正在重新连接')
      alice.network.unblock(rig.rtmpPort)
      await bothWays(alice, bob, 2)
      assert.deepEqual([alice.pusher, alice.players[0]], tags, 'the same tags')
      await until('nothing is said any more', () => !alice.texts().some((text) => text.includes('重新连接')))
      // Once, whatever else was tried: the old component told it too.
      await exactly([alice.eventLog, [['ERROR', { code: -1307, message: sentence }]]], [bob.eventLog, []])
      await over(bob, alice)
    })
  })

  describe('the background', () => {
    it('freezes a phone that rings: it rings on when it is back, and is answered', async () => {
      const [alice, bob] = await pair()
      await ring(alice, bob)
      await bob.hide({ freezeAfter: 500 })
      await until('it is frozen', () => bob.frozen)
      await delay(AWAY_MS)
      await bob.show()
      await until('it rings on', () => bob.rings)
      await bob.tap('#accept')
      await bothWays(alice, bob, 1)
      assert.equal(bob.eventLog.names().filter((event) => event === 'INVITED').length, 1)
      await over(alice, bob)
    })

    it('freezes a phone before it is called: it rings when it is back', async () => {
      const [alice, bob] = await pair()
      await bob.hide({ freezeAfter: 0 })
      assert.equal(bob.frozen, true)
      await call(alice, 'bob')
      await delay(500)
      assert.equal(bob.rings, false)
      await bob.show()
      await bob.eventLog.event('INVITED')
      await until('it rings', () => bob.rings)
      await bob.tap('#accept')
      await bothWays(alice, bob, 1)
      await over(alice, bob)
    })

    it('freezes a phone that rings, and the caller gives up: the end is told when it is back', async () => {
      const [alice, bob] = await pair()
      await ring(alice, bob)
      bob.eventLog.forget()
      await bob.hide({ freezeAfter: 0 })
      await alice.tap('#hangup')
      await alice.eventLog.event('CALL_END')
      await bob.show()
      await exactly([bob.eventLog, ['CALLING_CANCEL']])
      assert.equal(bob.rings, false)
    })

    it('keeps the voice with backgroundMute true, and the picture comes back', async () => {
      const [alice, bob] = await talking(2)
      const tags = [still(bob.pusher), still(alice.players[0])]
      await bob.hide({ freezeAfter: Infinity })
      await alice.seesNobody()
      await alice.reads('对方已关闭摄像头')
      await alice.hears('bob')
      await bob.show()
      await bothWays(alice, bob, 2)
      assert.deepEqual([still(bob.pusher), still(alice.players[0])], tags)
      assert.deepEqual(alice.eventLog.names(), ['USER_VIDEO_AVAILABLE', 'USER_VIDEO_AVAILABLE'])
      assert.deepEqual(bob.eventLog.names(), [])
      await over(alice, bob)
    })

    it('hangs up with backgroundMute false: one end on each side', async () => {
      const [alice, bob] = await talking(2, {}, { app: hangingUp })
      await bob.hide({ freezeAfter: Infinity })
      await exactly([alice.eventLog, ['USER_LEAVE', 'CALL_END']], [bob.eventLog, ['HANG_UP', 'CALL_END']])
      await bob.show()
      await gone(alice, bob)
    })

    it('hangs up with backgroundMute false although the phone is frozen soon after', async () => {
      const [alice, bob] = await talking(1, {}, { app: hangingUp })
      await bob.hide({ freezeAfter: 200 })
      await exactly([alice.eventLog, ['USER_LEAVE', 'CALL_END']])
      await bob.show()
      await exactly([bob.eventLog, ['HANG_UP', 'CALL_END']])
      await gone(alice, bob)
    })

    it('is not another page of the app: with backgroundMute false too, a call goes on', async () => {
      const [alice, bob] = await talking(1, {}, { app: hangingUp })
      await bob.run(() => bob.pages.push('pages/empty/empty', {}))
      await bob.reads('empty')
      await noEvents(alice, bob)
      await alice.hears('bob')
      await bob.back()
      await bothWays(alice, bob, 1)
      await over(alice, bob)
    })

    it('suspends the pusher (5000): it pushes again when the app is back', async () => {
      const [alice, bob] = await talking(1)
      const from = bob.codes('live-pusher').length
      await bob.hide({ freezeAfter: Infinity, media: 'stop' })
      await bob.code('live-pusher', 5000, { from })
      await until('alice hears nothing of bob', async () => (await alice.listen({ ms: 500 })).who !== 'bob')
      await bob.show()
      await bob.code('live-pusher', 1002, { from })
      await bothWays(alice, bob, 1)
      await noEvents(alice, bob)
      await over(alice, bob)
    })

    it('freezes a phone that talks for longer than its session is kept quiet: it is back and talks on', async () => {
      const [alice, bob] = await talking(1)
      await bob.hide({ freezeAfter: 0, media: 'audio' })
      await delay(2 * AWAY_MS)
      assert.equal(await alice.hears(), 'bob', 'native media goes on')
      await bob.show()
      await bothWays(alice, bob, 1)
      await noEvents(alice, bob)
      await over(alice, bob)
    })

    it('hangs up when the user closes the floating window (5001)', async () => {
      const [alice, bob] = await talking(1)
      await bob.hide({ freezeAfter: Infinity, media: 'closed' })
      await exactly([alice.eventLog, ['USER_LEAVE', 'CALL_END']], [bob.eventLog, ['HANG_UP', 'CALL_END']])
      await bob.show()
      await gone(alice, bob)
    })
  })

  describe('permissions', () => {
    it('refused for the microphone: explained, allowed in the settings, heard', async () => {
      const [alice, bob] = await pair()
      bob.permissions.answer = 'deny'
      await ring(alice, bob)
      await bob.tap('#accept')
      await bob.reads('麦克风权限授权')
      const { code } = await bob.eventLog.event('ERROR')
      assert.equal(code, -1302)
      assert.equal(bob.pusher, undefined, 'nothing is sent without a microphone')
      // The call is there all the same: he hears her.
      await bob.hears('alice')
      bob.permissions.settings = { 'scope.record': true }
      const { content } = await bob.answerModal(true)
      assert.match(content, /允许使用麦克风/)
      await alice.hears('bob')
      await over(alice, bob)
    })

    it('refused for the microphone, and left at that', async () => {
      const [alice, bob] = await pair()
      bob.permissions.answer = 'deny'
      await ring(alice, bob)
      await bob.tap('#accept')
      await bob.answerModal(false)
      await bob.hears('alice')
      await alice.reads('对方已静音')
      await nothingMore(alice, bob)
      assert.equal(bob.eventLog.names().filter((event) => event === 'ERROR').length, 1, 'it is told once')
      await bob.eventLog.event('ERROR')
      await over(bob, alice)
    })

    it('refused for the camera: a video call without a picture of one', async () => {
      const [alice, bob] = await pair()
      bob.permissions.said.set('scope.record', true)
      bob.permissions.said.set('scope.camera', false)
      await ring(alice, bob, { type: 2 })
      await bob.tap('#accept')
      await bob.reads('摄像头权限授权')
      assert.equal((await bob.eventLog.event('ERROR')).code, -1301)
      await bob.answerModal(false)
      await Promise.all([bob.sees('alice'), bob.hears('alice'), alice.hears('bob')])
      await alice.seesNobody()
      await alice.reads('对方已关闭摄像头')
      await over(alice, bob)
    })
  })

  describe('the page', () => {
    it('is unloaded in mid-call: the other is told once, and nothing is left', async () => {
      const [alice, bob] = await talking(2, {}, { app: hangingUp })
      await bob.goTo('pages/empty/empty')
      await exactly([alice.eventLog, ['USER_LEAVE', 'CALL_END']])
      await until('bob has no media', () => !bob.pusher && !bob.players.length)
      await gone(alice)
      await noFfmpegLeft()
      await until('bob is signed out', () => bob.sockets.size === 0)
      assert.equal(bob.texts()[0], 'empty')
      assert.equal(bob.rings, false)
      assert.equal(bob.keepsScreenOn, false)
    })

    it('is unloaded while it rings: refused', async () => {
      const [alice, bob] = await pair({}, { app: hangingUp })
      await ring(alice, bob)
      alice.eventLog.forget()
      await bob.goTo('pages/empty/empty')
      await exactly([alice.eventLog, ['REJECT']])
      assert.equal(bob.rings, false)
    })

    it('is killed with the app in mid-call: the other is told in time', async () => {
      const [alice, bob] = await talking(1)
      await bob.kill()
      await alice.eventLog.event('USER_LEAVE', (GRACE_S + 10) * 1000)
      await gone(alice)
      assert.deepEqual(alice.eventLog.names(), ['USER_LEAVE', 'CALL_END'])
    })

    it('hangs up in each of its handlers: each call ends once on each side', async () => {
      const again = (phone) =>
        phone.run((page) => {
          for (const event of Object.values(phone.realm.take(page.TRTCCalling.EVENT))) {
            if (event !== 'HANG_UP' && event !== 'INVITED' && event !== 'USER_ACCEPT' && !/VOLUME|NETWORK/.test(event))
              page.TRTCCalling.on(event, () => void page.TRTCCalling.hangup())
          }
        })
      const [alice, bob] = await pair()
      await Promise.all([again(alice), again(bob)])
      await ring(alice, bob)
      await bob.tap('#accept')
      for (const phone of [alice, bob]) await phone.eventLog.event('CALL_END')
      await nothingMore(alice, bob)
      const ends = (phone) => phone.eventLog.names().filter((event) => event === 'CALL_END').length
      assert.deepEqual([ends(alice), ends(bob)], [1, 1])
      const count = alice.eventLog.events.length
      await delay(500)
      assert.equal(alice.eventLog.events.length, count, 'nothing goes round and round')
      for (const phone of [alice, bob]) await cleared(phone)
    })
  })

  describe('what a phone lacks', () => {
    it('is explained in the developer tools, where the tags do not exist', async () => {
      const [alice, bob] = await pair({ platform: 'devtools' })
      await connect(bob, alice, 2)
      await alice.reads('开发者工具不支持 live-pusher 和 live-player，请使用真机预览或调试')
      assert.equal(alice.pusher, undefined)
      assert.equal(alice.players.length, 0)
      await alice.tap('#hangup')
      await bob.eventLog.event('CALL_END')
    })

    for (const [what, options, names] of /** @type {[string, object, RegExp][]} */ ([
      ['base library', { SDKVersion: '2.9.5' }, /基础库 2\.9\.5 版本过低.*基础库 2\.10\.0/],
      ['WeChat', { wechat: '7.0.7', platform: 'android' }, /微信 7\.0\.7.*微信 7\.0\.8/],
    ])) {
      it(`is named: an old ${what}`, async () => {
        const phone = await rig.phone('alice', { ...options, login: false })
        const { content } = await phone.answerModal(true)
        assert.match(content, names)
        const refused = await phone.run((page) =>
          page.TRTCCalling.login().then(
            () => ({}),
            ({ code, message }) => ({ code, message }),
          ),
        )
        assert.equal(refused.code, 'unsupported')
        assert.match(refused.message, names)
        assert.equal((await phone.eventLog.event('ERROR')).message, refused.message)
        assert.equal(phone.overlay.modal, undefined, 'it is shown once')
        assert.deepEqual(phone.connects, [])
        for (const each of phone.eventLog.events) each.expected = true
      })
    }
  })
})
