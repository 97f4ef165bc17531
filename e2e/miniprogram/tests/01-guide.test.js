/** The guide's page with the built component against the real server: two phones talk, with nothing changed but values. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readGuide, readJson } from '../lib/guide.js'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { builtApp, GUIDE, Rig } from '../lib/rig.js'

/** The guide's own values, which a reader has not filled in yet. */
const PLACEHOLDERS = { trtcConfig: { sdkAppID: 0, userID: 0, userSig: '', type: 1 } }

describe("the guide's page", () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  it('is on the disk as the guide has it, byte for byte', () => {
    const guide = readGuide(GUIDE)
    const file = (ending) => readFileSync(join(rig.app.folder, `pages/index/index.${ending}`), 'utf8')
    assert.equal(file('json'), guide.json)
    assert.equal(file('wxml'), guide.wxml)
    assert.equal(file('js'), guide.pages.join('\n'))
    const { TRTCCalling } = readJson(guide.json).usingComponents
    assert.ok(readFileSync(join(rig.app.folder, 'pages/index', `${TRTCCalling}.js`)), 'the component is where the guide looks for it')
    assert.equal(readFileSync(GUIDE, 'utf8').split('```').length, 9, 'four blocks, and no other')
  })

  for (const builtins of /** @type {const} */ (['es2015', 'node'])) {
    it(`calls by video, talks, and hangs up (built-ins: ${builtins})`, async () => {
      const [alice, bob] = await Promise.all([rig.phone('alice', { builtins }), rig.phone('bob', { builtins })])
      assert.deepEqual(alice.texts(), ['// index.wxml'], 'nothing is shown without a call')
      await alice.do('call')
      await bob.logged('收到邀请')
      await bob.reads('alice')
      assert.equal(bob.rings, true)
      assert.ok(bob.vibrations.length > 0)
      assert.equal(bob.pusher, undefined, 'nothing is sent before the answer')
      await alice.reads('bob')
      await bob.tap('text=接听')
      await Promise.all([alice.logged('用户进入房间'), bob.logged('用户进入房间')])
      assert.equal(bob.rings, false)
      await Promise.all([alice.sees('bob'), bob.sees('alice'), alice.hears('bob'), bob.hears('alice')])
      await Promise.all([alice.reads(/^00:00:\d\d$/), bob.reads(/^00:00:\d\d$/)])
      await alice.tap('text=挂断')
      await Promise.all([alice.logged('挂断'), bob.logged('用户离开房间')])
      await Promise.all([alice.logged('通话结束'), bob.logged('通话结束')])
      const said = (phone) => phone.lines().filter((line) => !line.startsWith('['))
      assert.deepEqual(said(alice), ['用户进入房间', '挂断', '通话结束'])
      assert.deepEqual(said(bob), ['收到邀请', '用户进入房间', '用户离开房间', '通话结束'])
      for (const phone of [alice, bob]) {
        await until('its media is gone', () => !phone.pusher && !phone.players.length)
        assert.deepEqual([...phone.missing], [], 'what base library 2.10.0 does not have')
        assert.deepEqual(phone.errors, [])
      }
    })
  }

  it('is refused, and answered the next time, the other way round', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    await bob.do('call')
    await alice.logged('收到邀请')
    await alice.tap('text=拒绝')
    await bob.logged('对方拒绝')
    await bob.reads('对方已拒绝')
    await bob.do('call')
    await alice.logged('收到邀请')
    await alice.tap('text=接听')
    await Promise.all([alice.sees('bob'), bob.sees('alice'), alice.hears('bob'), bob.hears('alice')])
    await alice.tap('text=挂断')
    await bob.logged('通话结束')
  })

  it('signs out when it is unloaded', async () => {
    const app = builtApp(rig.server, { pages: { 'pages/empty/empty': {} } })
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob', { app })])
    assert.equal(bob.sockets.size, 1)
    await bob.goTo('pages/empty/empty')
    await until('bob has no socket', () => bob.sockets.size === 0)
    // For the server he is away: nobody is reached.
    await alice.run((page, give) => page.TRTCCalling.call(give({ userID: 'bob', type: 1, timeout: 5 })).then(() => {}))
    await alice.logged('对方无应答')
    assert.ok(!bob.lines().includes('收到邀请'))
  })

  it("survives with the guide's placeholders, and says what is wrong", async () => {
    const phone = await rig.phone('alice', { data: PLACEHOLDERS, login: false })
    const refused = await phone.run((page) =>
      page.TRTCCalling.login().then(
        () => 'signed in',
        (error) => `${error.code}: ${error.message}`,
      ),
    )
    assert.match(refused, /^config_invalid: SDKAppID is 0: set it to the number/)
    await phone.do('call')
    await until('the call is refused', () => phone.eventLog.names().length >= 2)
    assert.deepEqual(new Set(phone.eventLog.names()), new Set(['ERROR']))
    for (const { data } of phone.eventLog.sequence) assert.ok(data.message.length > 20, data.message)
    for (const each of phone.eventLog.events) each.expected = true
    // A developer who reads the console reads it there.
    assert.ok(
      phone.lines().some((line) => line.includes('SDKAppID is 0')),
      phone.lines().join('\n'),
    )
    assert.deepEqual(phone.connects, [], 'no server is asked')
    assert.equal(await phone.run((page) => typeof page.call), 'function')
    await phone.close()
    assert.deepEqual(phone.errors, [])
  })

  it('is refused with its placeholder userID: 0 alone, by login() and then by call()', async () => {
    const { sdkAppID, userSig } = await rig.server.sign('alice')
    const phone = await rig.phone('alice', { data: { trtcConfig: { sdkAppID, userID: 0, userSig, type: 1 } }, login: false })
    const why = (method, ...args) =>
      phone.run((page, give) =>
        page.TRTCCalling[method](...args.map(give)).then(
          () => 'done',
          ({ code, message }) => `${code}: ${message}`,
        ),
      )
    assert.match(await why('login'), /^config_invalid: userID is 0: set it to the user's name/)
    assert.match(await why('call', { userID: 'bob', type: 1 }), /^config_invalid: userID is 0/)
    for (const { data } of phone.eventLog.sequence) assert.match(data.message, /userID is 0/)
    assert.deepEqual(phone.connects, [])
    for (const each of phone.eventLog.events) each.expected = true
  })

  it('is told by login(), and by call() after it, what the server has against its UserSig', async () => {
    const signed = await rig.server.sign('alice')
    const phone = await rig.phone('alice', { credentials: { ...signed, userID: 'mallory' }, login: false })
    for (const act of ['login', 'call']) {
      const code = await phone.run((page, give) =>
        page.TRTCCalling[act](give({ userID: 'bob', type: 1 })).then(
          () => 'done',
          (error) => error.code,
        ),
      )
      assert.equal(code, 'sig_wrong_user', act)
    }
    for (const { event, data } of phone.eventLog.sequence) assert.deepEqual([event, data.code], ['ERROR', 'sig_wrong_user'])
    for (const each of phone.eventLog.events) each.expected = true
    assert.deepEqual(phone.errors, [], 'the page has waited for no promise, and none is left over')
  })

  it('is given by each method what the old component gave', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    const gives = (phone, method, ...args) => phone.run((page, give) => page.TRTCCalling[method](...args.map(give)))
    assert.deepEqual(
      await bob.run((page, give) =>
        page.TRTCCalling.getTim()
          .getUserProfile(give({ userIDList: ['alice', ''] }))
          .then(({ data }) => data),
      ),
      [{ userID: 'alice', nick: 'alice', avatar: '' }],
    )
    assert.equal(await gives(bob, 'reject'), '未收到邀请，无法拒绝')
    assert.equal(await gives(bob, 'hangup'), null)
    assert.equal(await gives(bob, 'off', 'INVITED', null), undefined)
    const textOf = (phone, message) => gives(phone, 'extractCallingInfoFromMessage', message)
    for (const [answer, text] of [
      ['reject', '拒绝通话'],
      ['accept', '已接听'],
    ]) {
      await alice.do('call')
      await bob.eventLog.event('INVITED')
      const message = await gives(bob, answer)
      assert.equal(typeof message.payload.data, 'string')
      assert.equal(message.from, 'bob')
      assert.equal(await textOf(bob, message), text)
      if (answer === 'reject') await alice.eventLog.event('REJECT')
    }
    await alice.eventLog.event('USER_ENTER')
    assert.equal(await gives(alice, 'hangup'), null)
    const { message } = await alice.eventLog.event('CALL_END')
    assert.match(await textOf(alice, message), /^结束通话，通话时长：\d\d:\d\d:\d\d$/)
    assert.equal(await textOf(alice, { type: 'TIMTextElem', payload: { text: 'hello' } }), '')
    const body = await gives(alice, 'handleNewMessage', { call_type: 2 }, { cmd: 'videoCall', roomID: 7, message: '' })
    assert.deepEqual(body, {
      version: 4,
      businessID: 'av_call',
      platform: 'MiniApp',
      extraInfo: '',
      call_type: 2,
      data: { cmd: 'videoCall', room_id: 7, message: '' },
    })
    for (const [method, why] of [
      ['groupCall', 'not_available'],
      ['switchAudioCall', 'no_call'],
      ['switchVideoCall', 'no_call'],
    ]) {
      const refused = await alice.run((page) =>
        page.TRTCCalling[method]().then(
          () => 'done',
          ({ code }) => code,
        ),
      )
      assert.equal(refused, why, method)
      assert.equal((await alice.eventLog.event('ERROR')).code, why)
    }
  })

  it('is told when nobody is named: the guide leaves userId open', async () => {
    const phone = await rig.phone('alice', { data: { userId: undefined } })
    await phone.do('call')
    const { code, message } = await phone.eventLog.event('ERROR')
    assert.equal(code, 'config_invalid')
    assert.match(message, /userID/)
  })
})
