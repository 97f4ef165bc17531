/** The built component on the older framework, against the real server: it opens, signs in, calls, and hangs up. */

import assert from 'node:assert/strict'
import { Server } from '../../../lib/server.js'
import { GUIDE_PAGE } from '../../lib/guide.js'
import { after, before, describe, it, until } from '../../lib/shared.js'
import { builtApp } from '../../lib/rig.js'
import WebSocket from '../../node_modules/ws/wrapper.mjs'

/** @type {WebSocket[]} */
const sockets = []

/** `wx.connectSocket` over a real socket. */
function connectSocket({ url }) {
  const socket = new WebSocket(url)
  sockets.push(socket)
  return {
    onOpen: (fn) => void socket.on('open', () => fn({})),
    onMessage: (fn) => void socket.on('message', (data) => fn({ data: String(data) })),
    onClose: (fn) => void socket.on('close', (code) => fn({ code })),
    onError: (fn) => void socket.on('error', (error) => fn({ errMsg: error.message })),
    send: ({ data }) => socket.send(data),
    close: () => socket.close(),
  }
}

describe('the second host, with the built component', () => {
  /** @type {Server} */ let server
  /** @type {() => void} */ let restore
  before(async () => void (server = await Server.start({ settings: { rtmp: { listen: '127.0.0.1:0' } } })))
  after(async () => {
    restore?.()
    await server?.stop()
  })

  it('opens the guide’s page, signs in, calls somebody and hangs up', async () => {
    const trtcConfig = { ...(await server.sign('alice')), type: 1 }
    // What it puts into the global scope comes after what Node needs of it.
    const { errors, HostPage } = await import('../host.js')
    const wx = {
      connectSocket,
      canIUse: () => false,
      getSystemInfoSync: () => ({ platform: 'ios', version: '7.0.9', SDKVersion: '2.10.0', language: 'zh_CN' }),
      authorize: ({ success }) => void setTimeout(() => success({ errMsg: 'authorize:ok' })),
    }
    const control = { start() {}, stop: (o) => o?.complete?.(), setMICVolume() {}, startPreview() {}, play() {}, switchCamera() {} }
    for (const name of ['onNetworkStatusChange', 'onAppHide', 'onAppShow', 'setKeepScreenOn', 'showToast', 'hideKeyboard', 'vibrateLong']) wx[name] = () => {}
    for (const name of ['createLivePusherContext', 'createLivePlayerContext']) wx[name] = () => control
    const lines = []
    const { log } = console
    console.log = (...args) => lines.push(args.join(' '))
    restore = () => (console.log = log)
    const host = HostPage.open({ app: builtApp(server), path: GUIDE_PAGE, data: { trtcConfig, userId: 'bob' }, wx })
    assert.match(host.text, /^\/\/ index\.wxml$/)
    await host.page.TRTCCalling.login()
    host.page.call()
    await until('the screen of a call is there', () => /bob/.test(host.text) && /取消/.test(host.text), { last: () => host.text })
    await until('it says that nobody is there', () => /对方暂不在线/.test(host.text), { last: () => host.text })
    await host.page.TRTCCalling.hangup()
    await until('it is gone', () => host.text === '// index.wxml', { last: () => host.text })
    assert.deepEqual(lines, ['通话结束', '挂断'])
    host.close()
    await until('its socket is closed', () => sockets.every(({ readyState }) => readyState === WebSocket.CLOSED))
    assert.equal(sockets.length, 1)
    assert.deepEqual(errors, [])
  })
})
