/** `wx` of the phones: sockets, requests and the rest of what a call component needs, and the network below. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { BASE } from '../lib/wx/base-library.js'
import { Rig, stubApp } from './stub/rig.js'

/** A page that asks `wx` for something and writes down what came. */
const ASK = `Page({
  ask: function (name, options) {
    var o = Object.assign({}, options)
    ;['success', 'fail'].forEach(function (kind) { o[kind] = function (r) { console.log(kind + ' ' + JSON.stringify(r)) } })
    wx[name](o)
  },
  now: function (name, a, b) { return wx[name](a, b) },
  socket: function (url) {
    var task = this.task = wx.connectSocket({ url: url, fail: function (r) { console.log(r.errMsg) } })
    task.onOpen(function () { console.log('open ' + task.readyState) })
    task.onMessage(function (m) { console.log(typeof m.data === 'string' ? m.data : 'bytes ' + Array.from(new Uint8Array(m.data)).join()) })
    task.onError(function (e) { console.log('error') })
    task.onClose(function (e) { console.log('close ' + e.code + ' ' + task.readyState) })
  },
  send: function (data) { this.task.send({ data: data, fail: function (r) { console.log(r.errMsg) } }) },
  bytes: function () { this.task.send({ data: new Uint8Array([1, 2, 3]).buffer }) },
  shut: function () { this.task.close({ code: 3000, reason: 'done' }) },
  watch: function () { wx.onNetworkStatusChange(this.network = function (r) { console.log(r.networkType) }) },
  unwatch: function () { wx.offNetworkStatusChange(this.network) },
  sound: function (src) { var s = this.s = wx.createInnerAudioContext(); s.onError(function (e) { console.log('error ' + e.errCode) }); s.onPlay(function () { console.log('plays ' + s.paused) }); s.loop = true; s.src = src; s.play() },
  quiet: function () { this.s.stop() },
})`

describe('wx', () => {
  /** @type {Rig} */ let rig
  /** @type {import('../lib/phone.js').Phone} */ let phone
  before(async () => void (rig = await Rig.start()))
  after(() => rig.stop())
  afterEach(() => rig.clear())
  const open = async (options) => {
    phone = await rig.phone('alice', { app: stubApp({ pages: { 'pages/ask/ask': { js: ASK } } }), entry: 'pages/ask/ask', ...options })
  }
  const ask = async (name, options) => {
    const count = phone.logs.length
    await phone.do('ask', name, options)
    await until(`${name} answers`, () => phone.logs.length > count)
    const [kind, ...rest] = phone.logs.at(-1).text.split(' ')
    return { kind, ...JSON.parse(rest.join(' ')) }
  }

  it('is base library 2.10.0', async () => {
    await open({ SDKVersion: '2.10.0', platform: 'android' })
    assert.equal(Object.keys(BASE.api).length, 273)
    const can = async (name) => assert.equal(await phone.do('now', 'canIUse', name), true, name)
    const cannot = async (name) => assert.equal(await phone.do('now', 'canIUse', name), false, name)
    for (const name of ['connectSocket', 'request.object.timeout', 'getSystemInfoSync.return.safeArea', 'live-pusher.enable-mic', 'live-player'])
      await can(name)
    for (const name of ['nonsense', 'getDeviceInfo', 'request.object.enableCache', 'live-pusher.filter', 'voip-room']) await cannot(name)
    const { platform, SDKVersion } = await phone.do('now', 'getSystemInfoSync')
    assert.deepEqual([platform, SDKVersion], ['android', '2.10.0'])
  })

  it('is a later one as far as a phone is told', async () => {
    await open({ later: { getPerformance: () => ({ now: () => 7 }) } })
    assert.deepEqual([await phone.do('now', 'canIUse', 'getPerformance'), await phone.do('now', 'canIUse', 'getDeviceInfo')], [true, false])
    assert.equal(phone.program.globals.wx.getPerformance().now(), 7)
    assert.deepEqual(phone.missing, new Set())
    await open()
    assert.equal(await phone.do('now', 'canIUse', 'getPerformance'), false)
    assert.equal(phone.program.globals.wx.getPerformance, undefined)
    assert.deepEqual(phone.missing, new Set(['wx.getPerformance']))
  })

  it('keeps what it is given', async () => {
    await open()
    await phone.do('now', 'setStorageSync', 'a', { b: [1, 'c'] })
    assert.deepEqual(await phone.do('now', 'getStorageSync', 'a'), { b: [1, 'c'] })
    assert.equal(await phone.do('now', 'getStorageSync', 'none'), '')
    assert.equal((await ask('getStorage', { key: 'none' })).errMsg, 'getStorage:fail data not found')
    const { storage } = phone
    await open({ storage })
    assert.deepEqual((await ask('getStorage', { key: 'a' })).data, { b: [1, 'c'] })
  })

  it('asks the person once', async () => {
    await open()
    assert.deepEqual((await ask('getSetting')).authSetting, {})
    phone.permissions.answer = 'deny'
    assert.equal((await ask('authorize', { scope: 'scope.record' })).errMsg, 'authorize:fail auth deny')
    phone.permissions.answer = 'grant'
    assert.equal((await ask('authorize', { scope: 'scope.record' })).kind, 'fail')
    assert.deepEqual(phone.permissions.asked, ['scope.record'])
    phone.permissions.settings = { 'scope.record': true }
    assert.deepEqual((await ask('openSetting')).authSetting, { 'scope.record': true })
    assert.equal((await ask('authorize', { scope: 'scope.record' })).kind, 'success')
  })

  it('shows dialogs and toasts', async () => {
    await open()
    const answer = ask('showModal', { title: 'sure?', confirmText: 'yes' })
    await phone.reads('sure?')
    assert.deepEqual(phone.texts(), ['sure?', '取消', 'yes'])
    await phone.answerModal(false)
    assert.deepEqual(await answer, { kind: 'success', confirm: false, cancel: true, errMsg: 'showModal:ok' })
    await ask('showToast', { title: 'bread', duration: 100 })
    assert.deepEqual(phone.texts(), ['bread'])
    await until('it is gone', () => !phone.texts().length)
    assert.deepEqual(phone.overlay.toasts, ['bread'])
  })

  it('requests over HTTP', async () => {
    await open()
    const base = `http://127.0.0.1:${rig.exchange.port}`
    const posted = await ask('request', { url: `${base}/a?b=1`, method: 'POST', data: { c: 2 } })
    assert.equal(posted.statusCode, 200)
    const referer = 'https://servicewechat.com/wx0000000000000000/devtools/page-frame.html'
    assert.deepEqual(posted.data, { method: 'POST', url: '/a?b=1', referer, host: `127.0.0.1:${rig.exchange.port}`, body: '{"c":2}' })
    assert.equal((await ask('request', { url: `${base}/g`, data: { x: 'ü' } })).data.url, '/g?x=%C3%BC')
    assert.equal((await ask('request', { url: 'http://127.0.0.1:9/' })).kind, 'fail')
  })

  it('has sockets: texts, bytes, states, at most five', async () => {
    await open()
    await phone.do('socket', rig.exchange.url)
    await phone.logged('open 1')
    await phone.do('bytes')
    await phone.logged('bytes 1,2,3')
    await phone.do('shut')
    await phone.logged('close 3000 3')
    await phone.do('send', 'x')
    await phone.logged('sendSocketMessage:fail SocketTask.readyState is not OPEN')
    for (let n = 0; n < 5; n++) {
      await phone.do('socket', rig.exchange.url)
      await phone.logged('open 1')
    }
    await phone.do('socket', rig.exchange.url)
    await phone.logged('connectSocket:fail exceed max task count')
    assert.equal(phone.sockets.size, 5)
  })

  it('loses its network and gets it back', async () => {
    await open()
    await phone.do('watch')
    await phone.do('socket', rig.exchange.url)
    await phone.logged('open 1')
    await phone.network.cut()
    await phone.logged('close 1006 3')
    assert.ok(phone.lines().includes('none'))
    await phone.do('socket', rig.exchange.url)
    await phone.logged('error')
    await phone.logged('close 1006 3')
    await phone.network.heal('4g')
    await phone.logged('4g')
    await phone.do('unwatch')
    await phone.do('socket', rig.exchange.url)
    await phone.logged('open 1')
    await phone.do('send', JSON.stringify({ login: 'x' }))
    await until('it arrives', () => rig.exchange.users.has('x'))
    // A network that falls silent tells nobody.
    await phone.network.silence()
    rig.exchange.users.get('x').send('late')
    await assert.rejects(() => phone.logged('late', 300))
    await phone.network.heal('4g')
    await phone.logged('late')
  })

  it('fails what was asked for when it is suspended', async () => {
    await open()
    await phone.network.silence()
    await phone.do('ask', 'request', { url: `http://127.0.0.1:${rig.exchange.port}/` })
    await phone.hide({ freezeAfter: 0 })
    await phone.network.heal()
    assert.deepEqual(phone.lines(), [])
    await phone.show()
    await phone.logged('fail {"errMsg":"request:fail interrupted"}')
  })

  it('rings with a file of the app, and with no other', async () => {
    await open()
    await phone.do('sound', '/components/TRTCCalling/static/ring.mp3')
    await phone.logged('plays false')
    assert.equal(phone.rings, true)
    assert.deepEqual(
      phone.sounds.map(({ src, loop }) => [src, loop]),
      [['/components/TRTCCalling/static/ring.mp3', true]],
    )
    await phone.do('quiet')
    assert.equal(phone.rings, false)
    await phone.do('sound', '/components/none.mp3')
    await phone.logged('error 10003')
    assert.equal(phone.rings, false)
    await ask('vibrateLong')
    await ask('setKeepScreenOn', { keepScreenOn: true })
    assert.deepEqual([phone.vibrations, phone.keepsScreenOn], [['long'], true])
  })
})
