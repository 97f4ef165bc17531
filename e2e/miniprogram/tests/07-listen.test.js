/** `TRTCCalling/listen`: calls on any page, and the page that is opened for them and left at their end. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, builtApp, call, FURTHER, guide, Rig } from '../lib/rig.js'

/** How long a busy phone needs to open a page, in milliseconds. */
const SLOW_PAGE_MS = 700
/** A wrong event would have come by now, in milliseconds. */
const WATCHED_MS = 600

describe('calls on any page', () => {
  /** Opens the page of calls by itself, and leaves it when the tag says that the call is over. */
  const OWN = {
    ...FURTHER,
    wxml: guide.wxml.replace('<TRTCCalling', '<TRTCCalling bind:statusChanged="onStatus"'),
    js: `Page({
      data: { trtcConfig: {} },
      seen: [],
      onLoad: function () { this.TRTCCalling = this.selectComponent('#TRTCCalling-component') },
      onStatus: function (event) { getApp().seen.push(event.detail.callStatus); if (event.detail.callStatus === 'idle') wx.navigateBack({}) },
    })`,
  }
  const APP = `const { listen } = require('./components/TRTCCalling/listen')
    App({
      invited: [], statuses: [], errors: [], seen: [], own: false,
      onLaunch: function () {
        this.calls = listen({
          page: '/pages/call/call?from=listen',
          onInvited: ({ data }) => { this.invited.push(data.sponsor); if (this.own) { wx.navigateTo({ url: '/pages/own/own' }); return false } },
          onEvent: ({ eventCode, data }) => { if (eventCode === 'ERROR') this.errors.push(data.code) },
          onStatus: (status) => this.statuses.push(status.callStatus + (status.isSponsor ? ' by me' : '')),
        })
      },
    })`
  const HOME = { wxml: '<text>home</text>' }

  /** @type {Rig} */ let rig
  /** @type {import('../lib/guide.js').App} */ let app
  before(async () => {
    rig = await Rig.start()
    app = builtApp(rig.server, { app: APP, pages: { 'pages/home/home': HOME, 'pages/call/call': FURTHER, 'pages/own/own': OWN } })
  })
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  /** Bob's app listens, on a page without the tag. */
  async function listening({ login = true, pageMs = 0 } = {}) {
    const bob = await rig.open('bob', { app, entry: 'pages/home/home', pageMs })
    const { sdkAppID, userSig } = await rig.server.sign('bob')
    if (login) await bob.run((_, give) => bob.app.calls.login(give({ sdkAppID, userID: 'bob', userSig })).then(() => {}))
    return bob
  }
  const front = (phone) => phone.pages.top.path
  const at = (phone, path) => until(`${phone.userID} is on ${path}`, () => front(phone) === path, { last: () => phone.pages.stack.map((page) => page.path) })

  it('ring, open the page that has the tag, talk, and lead back', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), listening()])
    await call(alice, 'bob', { type: 2 })
    await at(bob, 'pages/call/call')
    await until('it rings', () => bob.rings)
    assert.deepEqual(bob.peek('app.invited'), ['alice'])
    await bob.tap('#accept')
    await bothWays(alice, bob, 2)
    await alice.tap('#hangup')
    await at(bob, 'pages/home/home')
    assert.deepEqual(bob.peek('app.statuses'), ['calling', 'connected', 'idle'])
    assert.equal(bob.sockets.size, 1, 'still signed in')
  })

  it('that are refused on the page lead back from it, whoever has opened it', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), listening()])
    await call(alice, 'bob')
    await at(bob, 'pages/call/call')
    await bob.tap('#reject')
    await alice.eventLog.event('REJECT')
    await at(bob, 'pages/home/home')
    // No event of the guide tells who refuses that the call is over: the tag and the listener do.
    await bob.run(() => void (bob.app.own = true))
    await call(alice, 'bob')
    await at(bob, 'pages/own/own')
    assert.equal(bob.peek('page.TRTCCalling.data.callStatus'), 'calling')
    await bob.tap('#reject')
    await alice.eventLog.event('REJECT')
    await at(bob, 'pages/home/home')
    assert.deepEqual(bob.peek('app.statuses'), ['calling', 'idle', 'calling', 'idle'])
    assert.deepEqual(bob.peek('app.seen'), ['idle'])
    assert.equal(bob.pages.stack.length, 1)
  })

  it('that are taken back before the page is there leave none behind; the next one finds it', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), listening({ pageMs: SLOW_PAGE_MS })])
    await call(alice, 'bob')
    await until('it has come', () => bob.peek('app.invited').length === 1)
    await alice.run((page) => page.TRTCCalling.hangup().then(() => {}))
    await until('it is over', () => bob.peek('app.statuses').at(-1) === 'idle')
    assert.equal(front(bob), 'pages/home/home', 'the page is not there yet')
    await at(bob, 'pages/call/call')
    await at(bob, 'pages/home/home')
    assert.equal(bob.rings, false)
    // Taken back and called again while the page is on its way: one page, which shows the second call.
    await call(alice, 'bob')
    await until('it has come', () => bob.peek('app.invited').length === 2)
    await alice.run((page) => page.TRTCCalling.hangup().then(() => {}))
    await call(alice, 'bob')
    await until('it has come again', () => bob.peek('app.invited').length === 3)
    await at(bob, 'pages/call/call')
    await bob.tap('#reject')
    await at(bob, 'pages/home/home')
    await delay(SLOW_PAGE_MS + WATCHED_MS)
    assert.deepEqual([front(bob), bob.pages.stack.length], ['pages/home/home', 1])
  })

  it('begin without a page too: it opens, says how it stands, and goes', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), listening()])
    await bob.run((_, give) => bob.app.calls.call(give({ userID: 'alice', type: 1 })).then(() => {}))
    await at(bob, 'pages/call/call')
    assert.equal(bob.peek('page.TRTCCalling.data.isSponsor'), true)
    await alice.tap('#reject')
    await at(bob, 'pages/home/home')
    assert.deepEqual(bob.peek('app.statuses'), ['calling by me', 'idle'])
  })

  it('that the server refuses, or that cannot be, open no page that stays', async () => {
    const bob = await listening()
    const refused = (parameters) =>
      bob.run((_, give) =>
        bob.app.calls.call(give(parameters)).then(
          () => 'called',
          ({ code }) => code,
        ),
      )
    assert.equal(await refused({ userID: 'bob', type: 1 }), 'call_self')
    await at(bob, 'pages/home/home')
    assert.equal(await refused({ userID: 0, type: 1 }), 'config_invalid')
    await delay(WATCHED_MS)
    assert.equal(front(bob), 'pages/home/home')
    assert.deepEqual(bob.peek('app.errors'), ['call_self', 'config_invalid'])
    const silent = await listening({ login: false })
    assert.equal(
      await silent.run((_, give) =>
        silent.app.calls.call(give({ userID: 'alice', type: 1 })).then(
          () => 'called',
          ({ code }) => code,
        ),
      ),
      'not_logged_in',
    )
    assert.equal(front(silent), 'pages/home/home')
  })

  it('are told no more once the app has stopped to listen', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), listening()])
    await bob.run(() => bob.app.calls.stop())
    await call(alice, 'bob')
    await until('it rings', () => bob.rings)
    await bob.fence()
    assert.deepEqual([bob.peek('app.invited'), bob.peek('app.statuses'), front(bob)], [[], [], 'pages/home/home'])
    await alice.tap('#hangup')
    await until('it is quiet', () => !bob.rings)
  })
})
