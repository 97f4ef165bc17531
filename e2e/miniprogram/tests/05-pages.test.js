/**
 * Pages besides the guide's: the call screen's small picture and its languages, two tags at once, a sub-package, the npm
 * form, a page that was written for TUICalling.
 */

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { exactly } from '../../lib/expect-events.js'
import { COMPONENT } from '../../lib/paths.js'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, builtApp, connect, FURTHER, gone, guide, over, Rig, ring, still } from '../lib/rig.js'
import { EventLog } from '../lib/event-log.js'

/** Which of the two pictures fills the screen. */
const big = (phone) => phone.screen.find('.big').map(({ is }) => is)
const small = (phone) => phone.screen.find('.small').map(({ is }) => is)

describe('the call screen', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  it('swaps the two pictures by a tap on the small one, and the same tags go on', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    const before = [still(alice.pusher), still(alice.players[0])]
    assert.deepEqual([big(alice), small(alice)], [['live-player'], ['live-pusher']])
    await alice.tap('#swap')
    assert.deepEqual([big(alice), small(alice)], [['live-pusher'], ['live-player']])
    await bothWays(alice, bob, 2)
    await alice.tap('#swap')
    assert.deepEqual([big(alice), small(alice)], [['live-player'], ['live-pusher']])
    assert.deepEqual([still(alice.pusher), still(alice.players[0])], before)
    assert.deepEqual(big(bob), ['live-player'], 'the other side sees nothing of it')
    // With one picture alone there is nothing to swap.
    await bob.tap('#camera')
    await until('the small picture is gone', () => !alice.screen.find('#swap').length)
    assert.deepEqual(big(alice), ['live-pusher'])
    await over(alice, bob)
  })

  it('is silent for the caller while it rings, as it always was: no sound of waiting', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    await ring(alice, bob)
    await alice.reads('对方正在响铃')
    assert.equal(alice.rings, false)
    assert.equal(alice.vibrations.length, 0)
    await alice.tap('#hangup')
    await bob.eventLog.event('CALLING_CANCEL')
  })
})

describe('the call screen in another language', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  it('is English where WeChat is not Chinese, from the first ring to the end', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice', { language: 'en' }), rig.phone('bob', { language: 'en' })])
    await ring(alice, bob, { type: 2 })
    for (const [phone, words] of /** @type {const} */ ([
      [alice, ['Ringing', 'Cancel']],
      [bob, ['Answer', 'Decline']],
    ]))
      for (const word of words) await phone.reads(word)
    const CHINESE = /[\u4e00-\u9fff]/
    const chinese = (phone) => phone.texts().filter((text) => CHINESE.test(text))
    assert.deepEqual([chinese(alice), chinese(bob)], [[], []])
    await bob.tap('#accept')
    await bothWays(alice, bob, 2)
    assert.deepEqual([chinese(alice), chinese(bob)], [[], []])
    await alice.tap('#hangup')
    assert.doesNotMatch(await bob.reads(/ · 00:00:\d\d$/), CHINESE)
  })
})

describe('two tags at once', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start()
    const twice = guide.wxml + guide.wxml.replace('TRTCCalling-component', 'other')
    const both = `Page({ data: { trtcConfig: {} }, onLoad: function () { this.TRTCCalling = this.selectComponent('#TRTCCalling-component'); this.other = this.selectComponent('#other') } })`
    rig.app = builtApp(rig.server, { pages: { 'pages/further/further': FURTHER, 'pages/twice/twice': { ...FURTHER, wxml: twice, js: both } } })
  })
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  /** What one tag's handlers were told is the same as the other's. */
  const same = (a, b) => assert.deepEqual(b.names(), a.names())

  it('are one phone: on two pages, one call, shown in front; each page is told each event once', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    await bob.visit('pages/further/further')
    const further = await EventLog.by(bob)
    await ring(alice, bob, { type: 2 })
    assert.equal(bob.sounds.filter(({ playing }) => playing).length, 1, 'one ringtone')
    await bob.tap('#accept')
    await alice.eventLog.event('USER_ENTER')
    await bothWays(alice, bob, 2)
    assert.equal(bob.media.pushers.length, 1)
    assert.equal(bob.players.length, 1)
    // Back on the page below, the call goes on there.
    const [alicePlayer] = alice.players
    await bob.back()
    await until('there is one pusher again', () => bob.media.pushers.length === 1 && bob.screen.within(bob.pages.top, bob.pusher.element))
    await bothWays(alice, bob, 2)
    assert.equal(bob.players.length, 1)
    assert.equal(alice.players[0], alicePlayer)
    await bob.tap('#hangup')
    await exactly(
      [bob.eventLog, ['INVITED', 'USER_ENTER', 'USER_AUDIO_AVAILABLE', 'USER_VIDEO_AVAILABLE', 'HANG_UP', 'CALL_END']],
      [alice.eventLog, ['USER_ACCEPT', 'USER_ENTER', 'USER_AUDIO_AVAILABLE', 'USER_VIDEO_AVAILABLE', 'USER_LEAVE', 'CALL_END']],
    )
    // Its page was gone before the end.
    assert.deepEqual(further.names(), ['INVITED', 'USER_ENTER', 'USER_AUDIO_AVAILABLE', 'USER_VIDEO_AVAILABLE'])
    assert.equal(bob.connects.length, 1, 'one session')
  })

  it('are told one end each where both pages are there at the end', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    await connect(alice, bob, 1)
    await bothWays(alice, bob, 1)
    await bob.visit('pages/further/further')
    const further = await EventLog.by(bob)
    await until('the page in front has the pusher', () => bob.media.pushers.length === 1 && bob.screen.within(bob.pages.top, bob.pusher.element))
    await bothWays(alice, bob, 1)
    await alice.tap('#hangup')
    await exactly([further, ['USER_LEAVE', 'CALL_END']])
    assert.deepEqual(bob.eventLog.names().slice(-2), ['USER_LEAVE', 'CALL_END'])
    await until('no media is left', () => !bob.pusher && !bob.players.length)
    await bob.back()
    assert.equal(bob.screen.find('#hangup').length, 0)
  })

  it('on one page: one of them shows the call', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    await bob.visit('pages/twice/twice')
    const first = await EventLog.by(bob)
    await ring(alice, bob, { type: 2 })
    assert.equal(bob.screen.find('#accept').length, 1)
    await bob.tap('#accept')
    await bothWays(alice, bob, 2)
    assert.equal(bob.media.pushers.length, 1)
    assert.equal(bob.players.length, 1)
    await bob.tap('#hangup')
    await gone(alice, bob)
    assert.equal(first.names().filter((event) => event === 'CALL_END').length, 1)
    same(first, bob.eventLog)
  })
})

describe('the component elsewhere', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  /** Alice on another app calls Bob on the guide's, by video, and is called by him. */
  async function works(options) {
    const [alice, bob] = await Promise.all([rig.phone('alice', options), rig.phone('bob')])
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    await over(alice, bob)
    await ring(bob, alice)
    const { src } = alice.sounds.at(-1)
    await alice.tap('#reject')
    await bob.eventLog.event('REJECT')
    return { alice, src }
  }

  it('works in a sub-package, with its ringtone, and nothing of it in the main package', async () => {
    const app = builtApp(rig.server)
    const page = 'calls/pages/index/index'
    mkdirSync(dirname(dirname(join(app.folder, page))), { recursive: true })
    renameSync(join(app.folder, 'pages/index'), join(app.folder, 'calls/pages/index'))
    renameSync(join(app.folder, 'components'), join(app.folder, 'calls/components'))
    writeFileSync(join(app.folder, 'app.json'), JSON.stringify({ pages: ['home'], subpackages: [{ root: 'calls', pages: ['pages/index/index'] }] }))
    for (const [ending, text] of [
      ['js', 'Page({})'],
      ['wxml', '<text>home</text>'],
    ])
      writeFileSync(join(app.folder, `home.${ending}`), text)
    const { src } = await works({ app, entry: page })
    assert.equal(src, '/calls/components/TRTCCalling/static/ring.mp3')
  })

  it('works as a package of npm, as the developer tools build it, with its server set in app.js', async () => {
    const about = JSON.parse(readFileSync(join(COMPONENT, '../../package.json'), 'utf8'))
    const js = `require('${about.name}/config').server = '${rig.server.url}'; App({})`
    const app = builtApp(rig.server, { app: js })
    rmSync(join(app.folder, 'components'), { recursive: true })
    cpSync(join(COMPONENT, '../..', about.miniprogram), join(app.folder, 'miniprogram_npm', about.name), { recursive: true })
    writeFileSync(join(app.folder, 'pages/index/index.json'), guide.json.replace('../../components/TRTCCalling/TRTCCalling', `${about.name}/TRTCCalling`))
    const { src } = await works({ app })
    assert.equal(src, `/miniprogram_npm/${about.name}/static/ring.mp3`)
  })

  it('tells CALL_END after every call where config.js says so', async () => {
    const app = builtApp(rig.server, { strictCallEnd: true })
    const [alice, bob] = await Promise.all([rig.phone('alice', { app }), rig.phone('bob', { app })])
    await ring(alice, bob)
    await bob.tap('#reject')
    await exactly([alice.eventLog, ['REJECT', 'CALL_END']], [bob.eventLog, ['INVITED', 'CALL_END']])
    for (const phone of [alice, bob]) phone.eventLog.forget()
    await ring(alice, bob)
    await alice.tap('#hangup')
    await exactly([alice.eventLog, ['CALL_END', 'HANG_UP']], [bob.eventLog, ['INVITED', 'CALLING_CANCEL', 'CALL_END']])
  })

  it('works on a page that was written for TUICalling', async () => {
    const wxml = `<TUICalling id="TUICalling-component" config="{{trtcConfig}}" bind:sendMessage="onRecord"></TUICalling>`
    const js = `Page({
      records: [],
      onLoad: function () { this.TUICalling = this.TRTCCalling = this.selectComponent('#TUICalling-component'); this.ready = this.TUICalling.init() },
      onRecord: function (event) { this.records.push(event.detail.message) },
      onUnload: function () { this.TUICalling.destroyed() },
    })`
    const json = `{ "usingComponents": { "TUICalling": "../../components/TRTCCalling/TRTCCalling" } }`
    const app = builtApp(rig.server, { pages: { 'pages/tui/tui': { wxml, js, json }, 'pages/empty/empty': {} } })
    const alice = await rig.phone('alice', { app, entry: 'pages/tui/tui', login: false })
    const bob = await rig.phone('bob')
    await alice.run((page) => page.ready.then(() => {}))
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    await bob.tap('#hangup')
    const end = await alice.eventLog.event('CALL_END')
    assert.equal(typeof end.callEnd, 'number')
    assert.deepEqual(
      alice.eventLog.names().filter((event) => event === 'USER_ACCEPT'),
      ['USER_ACCEPT'],
    )
    const records = await until('the page has its records', () => (alice.peek('page.records').length > 1 ? alice.peek('page.records') : undefined))
    assert.equal(records.length, 2)
    assert.equal(records[1].payload.data, end.message.payload.data)
    const lineOf = (record) => alice.run((page, give) => page.TUICalling.extractCallingInfoFromMessage(give(record)))
    assert.equal(await lineOf(records[0]), '发起通话')
    assert.match(await lineOf(records[1]), /^结束通话，通话时长：\d\d:\d\d:\d\d$/)
    await alice.goTo('pages/empty/empty')
    await until('she is signed out', () => alice.sockets.size === 0)
  })
})
