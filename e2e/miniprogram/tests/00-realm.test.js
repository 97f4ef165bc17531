/** The realm: what an app finds in it, and what not. */

import assert from 'node:assert/strict'
import { after, before, describe, it, until } from '../lib/shared.js'
import { ABSENT } from '../lib/realm.js'
import { Rig, stubApp } from './stub/rig.js'

describe('a phone’s realm', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig.stop())

  it('has neither a browser nor Node in it', async () => {
    const { realm } = await rig.phone('alice')
    for (const name of ABSENT) assert.equal(realm.evaluate(`typeof ${name}`), 'undefined', name)
    assert.equal(realm.evaluate(`typeof globalThis`), 'undefined')
    await rig.clear()
  })

  it('makes no code from texts, and nothing of Node can be reached through what it is given', async () => {
    const phone = await rig.phone('alice')
    const { realm } = phone
    const refused = /Code generation from strings disallowed/
    assert.throws(() => realm.evaluate(`eval('1')`), refused)
    assert.throws(() => realm.evaluate(`new Function('return 1')`), refused)
    assert.throws(() => realm.evaluate(`setTimeout.constructor('return 1')`), refused)
    const { wx } = phone.program.globals
    const given = [wx.connectSocket, wx.getSystemInfoSync, wx.getSystemInfoSync(), wx.createInnerAudioContext().play, wx.env]
    for (const value of [...given, realm.evaluate('console.log'), phone.page.setData]) {
      assert.ok(value instanceof realm.evaluate('Object'), String(value))
      assert.throws(() => value.constructor.constructor('return process')(), refused)
    }
    await rig.clear()
  })

  it('has no more than ECMAScript 2015, unless told', async () => {
    const later = [
      ...['Object.entries', 'Object.values', 'Object.getOwnPropertyDescriptors', 'Object.fromEntries', '[].includes', '[].flat', '[].at'],
      ...[`''.padStart`, `''.trimEnd`, `''.matchAll`, `''.replaceAll`, 'Promise.prototype.finally', 'Promise.allSettled', 'Symbol.asyncIterator'],
    ]
    const old = await rig.phone('alice')
    for (const name of later) assert.equal(old.realm.evaluate(`typeof ${name}`), 'undefined', name)
    for (const name of ['BigInt', 'SharedArrayBuffer', 'Atomics', 'WeakRef', 'Intl']) assert.equal(old.realm.evaluate(`typeof ${name}`), 'undefined', name)
    for (const name of ['Object.assign', '[].find', '[].fill', `''.includes`, `''.repeat`, 'Promise.all', 'Symbol.iterator', 'Map', 'Reflect.ownKeys']) {
      assert.notEqual(old.realm.evaluate(`typeof ${name}`), 'undefined', name)
    }
    assert.equal(old.realm.evaluate(`[...new Set([1, 1])].length + typeof Symbol('a') + (Object(Symbol()) instanceof Symbol)`), '1symboltrue')
    const young = await rig.phone('bob', { builtins: 'node' })
    for (const name of later) assert.equal(young.realm.evaluate(`typeof ${name}`), name.startsWith('Symbol') ? 'symbol' : 'function', name)
    await rig.clear()
  })

  it('has the time of day of its phone, which its person may set; timers do not follow it', async () => {
    const phone = await rig.phone('alice')
    const { realm } = phone
    const ways = [
      'Date.now()',
      'new Date().getTime()',
      '+new Date',
      'new (new Date().constructor)().getTime()',
      'Date.parse(Date())',
      'Reflect.construct(Date, []).getTime()',
    ]
    const hours = (expression) => Math.round((realm.evaluate(expression) - Date.now()) / 3_600_000) + 0
    for (const way of ways) assert.equal(hours(way), 0, way)
    phone.setClock(-7 * 3_600_000)
    for (const way of ways) assert.equal(hours(way), -7, way)
    phone.setClock(10 * 3_600_000)
    for (const way of ways) assert.equal(hours(way), 3, way)
    assert.equal(realm.evaluate('new Date(2020, 1, 29) instanceof Date && Date.UTC(1970, 0, 2) + new Date(5).getTime()'), 86_400_005)
    realm.evaluate(`setTimeout(function () { console.log('in time') }, 10)`)
    await phone.logged('in time')
    const other = await rig.phone('bob')
    assert.ok(Math.abs(other.realm.evaluate('Date.now()') - Date.now()) < 3_600_000)
    await rig.clear()
  })

  it('has a framework that compares with its own built-ins', async () => {
    const phone = await rig.phone('alice')
    const { config } = phone.page.TRTCCalling.data
    assert.ok(config instanceof phone.realm.evaluate('Object'))
    assert.equal(config.userID, 'alice')
    await rig.clear()
  })

  it('tells what went wrong, wherever it was thrown', async () => {
    const js = `Page({
      onLoad: function () { setTimeout(function () { throw new Error('in a timer') }, 1); Promise.reject(new Error('in a promise')) },
      tap: function () { throw new Error('in a handler') },
      onShow: function () { wx.getStorage({ key: 'none', fail: function () { throw new Error('in a callback') } }) },
      onReady: function () { (async function () { throw new Error('in an async function') })() },
    })`
    const app = stubApp({ pages: { 'pages/bad/bad': { js, wxml: '<view id="bad" bindtap="tap">bad</view>' } } })
    const phone = await rig.phone('alice', { app, entry: 'pages/bad/bad' })
    await phone.tap('#bad')
    const expected = ['in a callback', 'in a handler', 'in a promise', 'in a timer', 'in an async function']
    await until('all are told', () => phone.errors.length >= expected.length)
    assert.deepEqual(phone.errors.map(({ message }) => message).sort(), expected)
    await assert.rejects(() => rig.clear(), /in a promise/)
  })

  it('tells of a wx that is not there, and of one that the phone has not', async () => {
    const js = `Page({
      onLoad: function () { console.log(typeof wx.getDeviceInfo, typeof wx.login, 'getWindowInfo' in wx, 'login' in wx) },
      pay: function () { wx.requestPayment({}) },
    })`
    const app = stubApp({ pages: { 'pages/new/new': { js, wxml: '<view picture-in-picture-mode="push">a</view>' } } })
    const phone = await rig.phone('alice', { app, entry: 'pages/new/new' })
    assert.deepEqual(phone.lines(), ['undefined function false true'])
    assert.deepEqual([...phone.missing], ['view[pictureInPictureMode]', 'wx.getDeviceInfo', 'wx.getWindowInfo'])
    await phone.do('pay')
    assert.equal(phone.errors.splice(0)[0].message, 'the simulated phone has no wx.requestPayment yet')
    await rig.clear()
  })
})
