/** A phone: pages and their lifetimes, what its person can touch and read, the background. */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { Rig, stubApp } from './stub/rig.js'

const LOUD = (name) => `Page({
  onLoad: function (o) { console.log('${name} load', o.a || '') }, onShow: function () { console.log('${name} show') },
  onReady: function () { console.log('${name} ready') }, onHide: function () { console.log('${name} hide') },
  onUnload: function () { console.log('${name} unload') },
  away: function () { wx.navigateTo({ url: '../other/other?a=%41b', success: function (r) { console.log(r.errMsg) }, fail: function (r) { console.log(r.errMsg) } }) },
  lost: function () { wx.navigateTo({ url: '/no/where', fail: function (r) { console.log(r.errMsg) } }) },
  swap: function () { wx.redirectTo({ url: '/pages/first/first' }) }, home: function () { wx.switchTab({ url: '/pages/first/first' }) },
  stack: function () { return getCurrentPages().map(function (p) { return p.route }).join() + ' ' + getApp().globalData },
})`
const PAGES = {
  'pages/first/first': {
    js: LOUD('first'),
    wxml: '<TRTCCalling id="c" />',
    json: '"usingComponents": { "TRTCCalling": "/components/TRTCCalling/TRTCCalling" }',
  },
  'pages/other/other': { js: LOUD('other') },
}
const APP = `App({ globalData: 7, onLaunch: function () { console.log('launch') }, onShow: function () { console.log('app show') }, onHide: function () { console.log('app hide') } })`

/** When a timer is due that is set before a phone is suspended, in milliseconds. Higher: a slower machine has suspended it before.
 * Lower: the test is over sooner. */
const LATE_MS = 500

describe('a phone', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig.stop())
  afterEach(() => rig.clear())

  it('opens the guide’s page in the order of a real one', async () => {
    const phone = await rig.phone('alice')
    assert.deepEqual(phone.peek('page.TRTCCalling.seen'), ['created', 'config alice', 'attached', 'login', 'show', 'ready'])
    await until('she is signed in', () => rig.exchange.users.has('alice'))
    assert.deepEqual(phone.missing, new Set())
    assert.deepEqual(phone.warnings, [])
    assert.deepEqual(phone.texts(), ['// index.wxml'])
    const { TRTCCalling } = phone.page
    await phone.close()
    assert.equal(TRTCCalling.seen.pop(), 'detached')
    await until('she is signed out', () => !rig.exchange.users.has('alice'))
  })

  it('merges two snippets of one page, and the later has its way', async () => {
    const js = `Page({ data: { a: 1, b: 1 }, one: function () { return this.two() } }); Page({ data: { b: 2 }, two: function () { return this.data.a + this.data.b } })`
    const phone = await rig.phone('alice', { app: stubApp({ pages: { 'pages/two/two': { js } } }), entry: 'pages/two/two' })
    assert.equal(await phone.do('one'), 3)
  })

  it('goes from page to page', async () => {
    const phone = await rig.phone('alice', { app: stubApp({ pages: PAGES, app: APP }), entry: 'pages/first/first', query: { a: 'x' } })
    const lines = async (...expected) => {
      await until(expected.at(-1), () => phone.lines().length >= expected.length, { last: () => phone.lines() })
      assert.deepEqual(
        phone.logs.splice(0).map(({ text }) => text),
        expected,
      )
    }
    await lines('launch', 'app show', 'first load x', 'first show', 'first ready')
    await phone.do('away')
    await lines('first hide', 'other load Ab', 'other show', 'other ready', 'navigateTo:ok')
    assert.equal(await phone.do('stack'), 'pages/first/first,pages/other/other 7')
    assert.equal(phone.pages.stack[0].caller.selectComponent('#c').seen.slice(-1)[0], 'hide')
    await phone.back()
    await lines('other unload', 'first show')
    await phone.do('lost')
    await lines('navigateTo:fail page "no/where" is not found')
    await phone.do('away')
    await phone.do('home')
    await lines(
      'first hide',
      'other load Ab',
      'other show',
      'other ready',
      'navigateTo:ok',
      'other unload',
      'first unload',
      'first load ',
      'first show',
      'first ready',
    )
    await phone.goTo('pages/other/other')
    await lines('first unload', 'other load ', 'other show', 'other ready')
    assert.equal(phone.page.selectComponent('#nobody'), null)
  })

  it('shows what is not hidden, and only that can be touched', async () => {
    const wxml = `<view class="{{gone ? 'off' : ''}}"><text id="t" bindtap="hit">one</text></view>
      <view hidden="{{true}}">two</view><view style="display: none">three</view><view class="blind">four</view>
      <button id="b" disabled="{{gone}}" bindtap="hit">five</button><view catchtap="hit" data-n="6" id="v"><text>six</text></view>
      <input id="i" bindinput="typed" /><block wx:for="{{[7, 8]}}" wx:key="*this"><view>{{item}}</view></block>`
    const js = `Page({ data: { gone: false }, hit: function (e) { console.log('hit', e.currentTarget.id, e.target.dataset.n || '', e.currentTarget.dataset.n || '') },
      typed: function (e) { console.log('typed', e.detail.value) }, hide: function () { this.setData({ gone: true }) } })`
    const wxss = '@import "./more.wxss"; .off, .never { display: none; color: red }'
    const app = stubApp({ pages: { 'pages/see/see': { js, wxml, wxss } }, more: { 'pages/see/more': { wxss: '.blind { opacity: 0 }' } } })
    const phone = await rig.phone('alice', { app, entry: 'pages/see/see' })
    assert.deepEqual(phone.texts(), ['one', 'five', 'six', '7', '8'])
    for (const selector of ['#t', 'text=five', 'text=six', '#v']) await phone.tap(selector)
    await phone.type('#i', 'abc')
    assert.deepEqual(phone.lines(), ['hit t  ', 'hit b  ', 'hit v  6', 'hit v 6 6', 'typed abc'])
    await phone.do('hide')
    assert.deepEqual(phone.texts(), ['five', 'six', '7', '8'])
    assert.equal(phone.screen.find('#b').length, 1)
    for (const selector of ['#t', '#b', '.blind']) assert.equal(phone.screen.touchable(selector).length, 0, selector)
  })

  it('finds by tag, alone and with more, and hides by it', async () => {
    const wxml = `<form><view class="row"><input bindinput="typed" /><text>one</text></view><block wx:if="{{true}}"><text class="a">two</text></block></form>
      <view><switch class="a" /><box><text>three</text></box></view><cover-view><text>four</text></cover-view>`
    const box = { js: 'Component({})', wxml: '<view><text>inside</text><slot /></view>', json: '{ "component": true }' }
    const js = `Page({ typed: function (e) { console.log('typed', e.detail.value) } })`
    const wxss = 'cover-view text, form > text.never { display: none }'
    const app = stubApp({ pages: { 'pages/t/t': { js, wxml, wxss, json: '"usingComponents": { "box": "./box" }' } }, more: { 'pages/t/box': box } })
    const phone = await rig.phone('alice', { app, entry: 'pages/t/t' })
    await phone.type('input', 'abc')
    assert.deepEqual(phone.lines(), ['typed abc'])
    const count = (selector) => phone.screen.find(selector).length
    const counts = {
      input: 1,
      text: 5,
      'text.a': 1,
      '.a': 2,
      'view.a': 0,
      'form text': 2,
      'form > text': 1,
      'form > input': 0,
      '.row input': 1,
      'view text': 3,
      'input, switch': 2,
      box: 1,
      nothing: 0,
      'a:b': 0,
      '': 0,
    }
    assert.deepEqual(Object.fromEntries(Object.keys(counts).map((selector) => [selector, count(selector)])), counts)
    assert.deepEqual(phone.texts(), ['one', 'two', 'inside', 'three'])
    assert.deepEqual([phone.screen.touchable('cover-view text').length, phone.screen.touchable('form text').length], [0, 2])
  })

  it('binds a page’s methods to it: handed on, each has the page as its own, and is always the same', async () => {
    const js = `Page({
      data: { n: 3 },
      onLoad: function () { var read = this.read; console.log(read(), read === this.read, this.read.call({ data: { n: 4 } })); setTimeout(this.late, 1); [1].forEach(this.each) },
      read: function () { return this.data.n }, late: function () { console.log('late', this.route) }, each: function (one) { console.log(one + this.data.n) },
    })`
    const phone = await rig.phone('alice', { app: stubApp({ pages: { 'pages/m/m': { js } } }), entry: 'pages/m/m' })
    await phone.logged('late pages/m/m')
    assert.deepEqual(phone.lines(), ['3 true 3', '4', 'late pages/m/m'])
  })

  it('launches the app inside App(), before anything else of it runs', async () => {
    const app = `var o = { globalData: 1, onLaunch: function (how) { this.globalData = how.path; console.log('launch', typeof getApp()) }, onShow: function () { console.log('app show') } }
      console.log('before'); App(o); console.log('after', getApp().globalData); App({ onLaunch: function () { console.log('never') } })`
    const js = `console.log('page’s file', getApp().globalData); Page({ onLoad: function () { console.log('load') } })`
    const phone = await rig.phone('alice', { app: stubApp({ pages: { 'pages/l/l': { js } }, app }), entry: 'pages/l/l' })
    assert.deepEqual(phone.lines(), ['before', 'launch undefined', 'app show', 'after pages/l/l', 'page’s file pages/l/l', 'load'])
  })

  for (const path of ['parts/box', './parts/box', '/parts/box']) {
    it(`has the components of app.json everywhere, counted from the app’s root: ${path}`, async () => {
      const box = { js: `Component({})`, wxml: '<text>box</text>', json: '{ "component": true }' }
      const app = stubApp({ pages: { 'pages/deep/er/g': { wxml: '<box />' } }, more: { 'parts/box': box } })
      const config = join(app.folder, 'app.json')
      writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), usingComponents: { box: path } }))
      const phone = await rig.phone('alice', { app, entry: 'pages/deep/er/g' })
      assert.deepEqual(phone.texts(), ['box'])
    })
  }

  it('is told of the background, and of nothing while it is suspended', async () => {
    const phone = await rig.phone('alice')
    await until('she is signed in', () => rig.exchange.users.has('alice'))
    await phone.hide({ freezeAfter: 0 })
    assert.equal(phone.frozen, true)
    assert.deepEqual(phone.texts(), [])
    await assert.rejects(() => phone.tap('#accept'), /in the background/)
    for (const from of ['bob', 'carol']) rig.exchange.users.get('alice').send(JSON.stringify({ what: 'reject', from }))
    await delay(150)
    assert.deepEqual(phone.lines(), [])
    await phone.show()
    await phone.logged('对方拒绝')
    await phone.logged('对方拒绝')
    assert.deepEqual(phone.peek('page.TRTCCalling.seen').slice(-2), ['hide', 'show'])
  })

  it('holds timers while it is suspended, and only then', async () => {
    const js = `Page({
      start: function () {
        var ticks = 0
        setInterval(function () { console.log('tick ' + ++ticks) }, 20); clearTimeout(setTimeout(function () { console.log('never') }, 30))
      },
      later: function () {
        var never
        setTimeout(function () { console.log('late'); clearTimeout(never) }, ${LATE_MS}); never = setTimeout(function () { console.log('never') }, ${LATE_MS})
      },
    })`
    const phone = await rig.phone('alice', { app: stubApp({ pages: { 'pages/t/t': { js } } }), entry: 'pages/t/t' })
    const more = async (where) => {
      const { length } = phone.lines()
      await until(`it runs ${where}`, () => phone.lines().length > length)
    }
    await phone.do('start')
    await more('in the foreground')
    await phone.hide({ freezeAfter: Infinity })
    await more('in the background')
    await phone.show()
    await phone.do('later')
    await phone.hide({ freezeAfter: 50 })
    await until('it is suspended', () => phone.frozen)
    const before = phone.lines()
    assert.ok(!before.includes('late'), 'it is due while the phone is suspended')
    await delay(LATE_MS + 200)
    assert.deepEqual(phone.lines(), before)
    await phone.show()
    await until('it goes on', () => phone.lines().includes('late') && phone.lines().length > before.length + 2)
    assert.ok(!phone.lines().includes('never'))
  })

  it('has the rest of WXML: scripts, includes, slots, conditions', async () => {
    const wxml = `<wxs src="./w.wxs" module="w" /><include src="./part.wxml" /><box><view slot="s">in {{w.twice(n)}}</view></box>
      <view wx:if="{{n > 5}}">much</view><view wx:elif="{{n > 1}}">some</view><view wx:else>none</view>`
    const box = { js: `Component({ options: { multipleSlots: true } })`, wxml: '<text>box</text><slot name="s" />', json: '{ "component": true }' }
    const page = { js: 'Page({ data: { n: 2 }, more: function () { this.setData({ n: 9 }) } })', wxml, json: '"usingComponents": { "box": "./box" }' }
    const part = { wxml: '<view>part {{n}}</view>' }
    const app = stubApp({
      pages: { 'pages/w/w': { ...page, wxs: 'exports.twice = function (n) { return 2 * n }' } },
      more: { 'pages/w/part': part, 'pages/w/box': box },
    })
    const phone = await rig.phone('alice', { app, entry: 'pages/w/w' })
    assert.deepEqual(phone.texts(), ['part 2', 'box', 'in 4', 'some'])
    await phone.do('more')
    assert.deepEqual(phone.texts(), ['part 9', 'box', 'in 18', 'much'])
  })

  it('warns of setData after the end', async () => {
    const js = `Page({ onUnload: function () { var self = this; setTimeout(function () { self.setData({ a: 1 }) }, 1) } })`
    const phone = await rig.phone('alice', { app: stubApp({ pages: { ...PAGES, 'pages/u/u': { js } } }), entry: 'pages/u/u' })
    await phone.goTo('pages/other/other')
    await until('it is told', () => phone.warnings.length)
    assert.match(phone.warnings[0], /setData of pages\/u\/u after it was detached/)
  })
})
