/** What is heard and seen at the other end of a call between mini-programs: by tone, by colour, by silence. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { sign } from '../../lib/sign.js'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, builtApp, call, connect, over, Rig, ring, still } from '../lib/rig.js'

/** As WeChat's are: 28 characters, with what is allowed in them. */
const OPENID = 'oGZUI0egBJY1zhBYw2KhdUfwVJJE'

/** A wrong event, or a sign-in that nobody asked for, would have come by now, in milliseconds. */
const WATCHED_MS = 1500

describe('media between mini-programs', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  const pair = (options = {}) => Promise.all([rig.phone('alice', options), rig.phone('bob', options)])

  it('carry a voice call, and no picture', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 1)
    await bothWays(alice, bob, 1)
    for (const phone of [alice, bob]) {
      await phone.seesNobody()
      assert.ok(!phone.codes('live-player').includes(2003), 'no frame has come')
      assert.ok(!phone.permissions.asked.includes('scope.camera'), 'nobody was asked for a camera')
      assert.equal(phone.pusher.attributes.enableCamera, false)
      assert.equal(phone.pusher.attributes.mode, 'RTC')
      assert.equal(phone.players[0].attributes.mode, 'RTC')
    }
    assert.deepEqual(await Promise.all([alice.hears(), bob.hears()]), ['bob', 'alice'])
    await over(bob, alice)
  })

  it('carry a video call that the other side began', async () => {
    const [alice, bob] = await pair()
    await connect(bob, alice, 2)
    await bothWays(bob, alice, 2)
    assert.deepEqual(await Promise.all([alice.hears(), bob.hears(), alice.sees(), bob.sees()]), ['bob', 'alice', 'bob', 'alice'])
    await over(alice, bob)
    await over2()

    /** The same two again, at once: nothing of the first call is in the way. */
    async function over2() {
      for (const phone of [alice, bob]) phone.eventLog.forget()
      await connect(alice, bob, 1)
      await bothWays(alice, bob, 1)
      await over(alice, bob)
    }
  })

  it('switch to voice by the key on the screen and back: each camera by its own user, over the connections that are there', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    const before = [still(alice.pusher), still(bob.pusher)]
    for (const phone of [alice, bob]) phone.eventLog.forget()
    await alice.tap('#voice')
    await Promise.all([alice.seesNobody(), bob.seesNobody()])
    await Promise.all([alice.hears('bob'), bob.hears('alice')])
    for (const phone of [alice, bob]) {
      assert.equal(phone.pusher.attributes.enableCamera, false)
      assert.equal(phone.screen.find('#voice').length + phone.screen.find('#camera').length, 0)
      const { type, userID, oldCallType, newCallType, message } = await phone.eventLog.event('CALL_MODE')
      assert.deepEqual({ type, userID, oldCallType, newCallType }, { type: 1, userID: 'alice', oldCallType: 2, newCallType: 1 })
      assert.equal(JSON.parse(JSON.parse(message.payload.data).data).platform, 'MiniApp')
    }
    await bob.run((page) => page.TRTCCalling.switchVideoCall().then(() => {}))
    await alice.sees('bob')
    await bob.seesNobody()
    assert.equal(alice.pusher.attributes.enableCamera, false, "bob's wish opens no camera of alice")
    await alice.tap('#camera')
    await bothWays(alice, bob, 2)
    assert.deepEqual([still(alice.pusher), still(bob.pusher)], before)
    await over(bob, alice)
  })

  it('become a video call that was a voice call: who wants it is asked for the camera, and nobody else', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 1)
    await bothWays(alice, bob, 1)
    await alice.run((page) => page.TRTCCalling.switchVideoCall().then(() => {}))
    await bob.sees('alice')
    assert.deepEqual(
      [alice, bob].map((phone) => phone.permissions.asked.includes('scope.camera')),
      [true, false],
    )
    assert.equal(bob.pusher.attributes.enableCamera, false)
    await over(alice, bob)
  })

  it('show nothing and send nothing before the answer', async () => {
    const [alice, bob] = await pair()
    await ring(alice, bob, { type: 2 })
    await until('the caller sees herself', () => alice.pusher?.attributes.enableCamera)
    assert.equal(alice.pusher.running, false)
    assert.equal(bob.pusher, undefined)
    assert.equal(alice.pusher.connections, 0)
    const tag = alice.pusher
    await bob.tap('#accept')
    await bothWays(alice, bob, 2)
    assert.equal(alice.pusher, tag, 'the tag that showed her is the one that sends')
    await over(alice, bob)
  })

  it('are silent while the microphone is muted, on the same connections', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 1)
    await bothWays(alice, bob, 1)
    const before = [still(alice.pusher), still(bob.players[0])]
    await alice.tap('#mic')
    await bob.reads('对方已静音')
    await bob.hearsNobody()
    assert.equal(await alice.hears(), 'bob')
    await alice.tap('#mic')
    await bob.hears('alice')
    assert.deepEqual([still(alice.pusher), still(bob.players[0])], before)
    await alice.run((page) => page.TRTCCalling.setMicMute(true).then(() => {}))
    await bob.hearsNobody()
    await alice.run((page) => page.TRTCCalling.setMicMute(false).then(() => {}))
    await bob.hears('alice')
    assert.deepEqual([still(alice.pusher), still(bob.players[0])], before)
    await over(alice, bob)
  })

  it('show nobody while the camera is off, with the same tags', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    const tags = [alice.pusher, bob.players[0]]
    const before = tags.map(still)
    await alice.tap('#camera')
    await bob.reads('对方已关闭摄像头')
    await bob.seesNobody()
    assert.equal(await bob.hears(), 'alice', 'her voice goes on')
    assert.deepEqual(
      bob.screen.find('.away').map(({ id }) => id),
      [bob.players[0].element.id],
      'no old picture is left standing',
    )
    await alice.tap('#camera')
    await bob.sees('alice')
    assert.equal(await bob.hears(), 'alice')
    await alice.run((page) => page.TRTCCalling.closeCamera().then(() => {}))
    await bob.seesNobody()
    await alice.run((page) => page.TRTCCalling.openCamera().then(() => {}))
    await bob.sees('alice')
    assert.deepEqual([alice.pusher, bob.players[0]], tags)
    assert.deepEqual(tags.map(still), before)
    await over(bob, alice)
  })

  it('play as FLV over HTTP where config.js says so', async () => {
    const app = builtApp(rig.server, { player: 'flv' })
    const alice = await rig.phone('alice')
    const bob = await rig.phone('bob', { app })
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    assert.match(bob.players[0].attributes.src, /^http:\/\/127\.0\.0\.1:\d+\//)
    assert.match(alice.players[0].attributes.src, /^rtmp:\/\//)
    assert.deepEqual(await Promise.all([alice.hears(), bob.hears()]), ['bob', 'alice'])
    await over(alice, bob)
    const voice = await rig.phone('carol', { app })
    alice.eventLog.forget()
    await connect(alice, voice, 1)
    await bothWays(alice, voice, 1)
    await over(voice, alice)
  })

  it('take an openid of 28 characters for a name', async () => {
    assert.equal(OPENID.length, 28)
    const alice = await rig.phone('alice', { userID: OPENID, to: 'bob' })
    const bob = await rig.phone('bob', { to: OPENID })
    await bob.do('call')
    await alice.eventLog.event('INVITED')
    await bob.reads(OPENID)
    await alice.tap('#accept')
    assert.equal((await bob.eventLog.event('USER_ENTER')).userID, OPENID)
    await bothWays(alice, bob, 2)
    await over(alice, bob)
  })

  it('tell how loud each side is, where the tags do', async () => {
    const [alice, bob] = [await rig.phone('alice', { SDKVersion: '2.12.0' }), await rig.phone('bob')]
    await connect(alice, bob, 1)
    await bothWays(alice, bob, 1)
    /** The newest that she was told of somebody. */
    const volume = (userID) => alice.eventLog.events.filter(({ event, data }) => event === 'USER_VOICE_VOLUME' && data.userID === userID).at(-1)?.data.volume
    await until('she is told of both', () => volume('alice') > 0 && volume('bob') > 0, { last: () => [volume('alice'), volume('bob')] })
    assert.ok(volume('alice') <= 100 && volume('bob') <= 100)
    await Promise.all([alice.tap('#mic'), bob.tap('#mic')])
    await until('she is told that both are silent', () => volume('alice') === 0 && volume('bob') === 0, { last: () => [volume('alice'), volume('bob')] })
    assert.ok(!bob.eventLog.events.some(({ event }) => event === 'USER_VOICE_VOLUME'), 'the tags of 2.10.0 say nothing')
    await over(alice, bob)
  })

  it('never show a UserSig, nor a ticket in the console', async () => {
    const [alice, bob] = await pair()
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    const { userSig } = alice.peek('page.data.trtcConfig')
    assert.ok(userSig.length > 50)
    for (const tag of [alice.pusher.attributes.url, alice.players[0].attributes.src]) {
      assert.ok(!tag.includes(userSig), 'an address holds no UserSig')
      const ticket = /[?&][^=]+=([^&]+)/.exec(tag)?.[1]
      assert.ok(ticket, tag)
      for (const line of [...alice.lines(), rig.server.log]) assert.ok(!line.includes(ticket), 'no log holds a ticket')
    }
    assert.ok(!alice.connects.some((url) => url.includes(userSig)))
    await over(alice, bob)
  })
})

describe('the same user on two phones', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  it('rings on both, and who answers first talks', async () => {
    const alice = await rig.phone('alice')
    const bob = await rig.phone('bob')
    const second = await rig.phone('carol', { userID: 'bob' })
    await call(alice, 'bob')
    await Promise.all([bob, second].map((phone) => phone.eventLog.event('INVITED')))
    await until('both ring', () => bob.rings && second.rings)
    await second.tap('#accept')
    await bob.eventLog.event('CALLING_CANCEL')
    await bob.reads('已在其他设备上处理')
    await until('it is quiet', () => !bob.rings)
    // The second phone has carol's microphone: it is she who is heard.
    await Promise.all([alice.hears('carol'), second.hears('alice')])
    assert.equal(bob.pusher, undefined)
    assert.deepEqual(bob.eventLog.names(), ['INVITED', 'CALLING_CANCEL'])
    await over(alice, second)
  })

  /** Bob, signed in with an app of its own that wants single login. */
  async function single(name) {
    const app = JSON.parse(await rig.server.command('app', 'create', name, '--single-login', '--json'))
    const credentials = sign({ sdkAppID: app.sdkAppID, key: app.secretKey, userID: 'bob' })
    const first = await rig.phone('bob', { credentials, login: false })
    // The running server notices a new app within seconds.
    await until('the server knows the app', () =>
      first.run((page) =>
        page.TRTCCalling.login().then(
          () => true,
          (error) => error.code !== 'app_unknown',
        ),
      ),
    )
    first.eventLog.events.forEach((each) => (each.expected = true))
    first.eventLog.forget()
    return { first, credentials }
  }

  it('signs the first out where the app wants single login', async () => {
    const { first, credentials } = await single('single')
    const before = first.connects.length
    const second = await rig.phone('carol', { userID: 'bob', credentials })
    await first.eventLog.event('KICKED_OUT')
    await first.reads('账号已在其他设备登录')
    assert.deepEqual(first.eventLog.names(), ['KICKED_OUT'])
    assert.equal(second.eventLog.names().includes('KICKED_OUT'), false)
    // It does not come back by itself and kick the other in turn.
    await until('its socket is closed', () => first.sockets.size === 0)
    assert.equal(first.connects.length, before)
    assert.equal(second.sockets.size, 1)
    // Who calls on it all the same is told why that cannot be.
    const why = await first.run((page, give) =>
      page.TRTCCalling.call(give({ userID: 'alice', type: 1 })).then(
        () => '',
        ({ message }) => message,
      ),
    )
    assert.match(why, /signed in on another device/)
    await first.eventLog.event('ERROR')
  })

  it('tells a first one that was away so when it is back: it stays out, and the second stays in', async () => {
    const { first, credentials } = await single('away')
    await first.hide({ freezeAfter: 0 })
    // Nothing reaches it: what it hears, it hears from the server after it has come back.
    await first.network.cut()
    const second = await rig.phone('carol', { userID: 'bob', credentials })
    await first.network.heal()
    await first.show()
    await first.eventLog.event('KICKED_OUT')
    await delay(WATCHED_MS)
    assert.deepEqual(first.eventLog.names(), ['KICKED_OUT'])
    assert.deepEqual(second.eventLog.names(), [])
    assert.deepEqual([first.sockets.size, second.sockets.size], [0, 1])
  })
})
