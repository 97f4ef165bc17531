/** The same app opens on the older framework, and its lifetimes come in the same order. */

import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { GUIDE_PAGE, writeApp } from '../../lib/guide.js'
import { describe, it } from '../../lib/shared.js'
import { errors, HostPage } from '../host.js'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const app = writeApp({ guide: here('../../guide/trtccalling-guide.zh.md'), component: here('../../tests/stub/TRTCCalling') })

describe('the second host', () => {
  it('opens the guide’s page', () => {
    const sent = []
    const handlers = {}
    const on = (kind) => (fn) => (handlers[kind] = fn)
    const task = {
      onOpen: on('open'),
      onMessage: on('message'),
      onClose: on('close'),
      send: ({ data }) => void sent.push(JSON.parse(data)),
      close: () => void sent.push('closed'),
    }
    const wx = { connectSocket: () => task, getStorageSync: () => ({ socket: 'ws://nowhere', media: 'rtmp://nowhere/live/' }) }
    const lines = []
    const { log } = console
    console.log = (...args) => lines.push(args.join(' '))
    try {
      const trtcConfig = { sdkAppID: 1, userID: 'alice', userSig: 'unused', type: 1 }
      const host = HostPage.open({ app, path: GUIDE_PAGE, data: { trtcConfig, userId: 'bob' }, wx })
      const { TRTCCalling } = host.page
      assert.deepEqual(TRTCCalling.seen, ['created', 'config alice', 'attached', 'login', 'show', 'ready'])
      handlers.open()
      handlers.message({ data: JSON.stringify({ what: 'invite', from: 'bob', type: 2 }) })
      assert.match(host.text, /bob 邀请你通话 ?接听 ?拒绝/)
      host.page.call()
      host.hide()
      host.close()
      assert.deepEqual(TRTCCalling.seen.slice(-2), ['hide', 'detached'])
      assert.deepEqual(sent, [{ login: 'alice' }, { to: 'bob', what: 'invite', type: 2 }, 'closed'])
      assert.deepEqual(lines, ['收到邀请'])
      assert.deepEqual(errors, [])
    } finally {
      console.log = log
    }
  })
})
