/** The relay and the proxy: what they count passed, what they cut is cut, what they lose is lost. */

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { until, within } from '../lib/deadline.js'
import { Proxy } from '../lib/proxy.js'
import { Relay } from '../lib/relay.js'
import { after, afterEach, before, beforeEach, describe, it } from '../lib/test.js'

/** Long enough for a byte that must not come, in milliseconds. */
const SILENCE_MS = 200
/** The same machine answers sooner than this. */
const SOON_MS = 5000

const next = (emitter, event) => within(SOON_MS, event, once(emitter, event))

describe('the UDP relay', () => {
  let echo
  let client
  /** @type {Relay} */ let relay
  beforeEach(async () => {
    echo = createSocket('udp4').on('message', (d, from) => echo.send(d, from.port, from.address))
    echo.bind(0, '127.0.0.1')
    await next(echo, 'listening')
    relay = await Relay.start(/** @type {import('node:net').AddressInfo} */ (echo.address()).port)
    client = createSocket('udp4')
  })
  afterEach(async () => {
    client?.close()
    echo?.close()
    await relay?.close()
  })
  const send = (...bytes) => client.send(Buffer.from(bytes), relay.port, '127.0.0.1')

  it('carries both ways, tells kinds apart, and counts nothing where nothing passes', async () => {
    const kinds = { stun: [0, 1], dtls: [22, 254], rtp: [0x80, 96], rtcp: [0x80, 200], other: [70, 0] }
    for (const first of Object.values(kinds)) {
      send(...first, 0, 0)
      await next(client, 'message')
    }
    const one = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 1]))
    assert.deepEqual(relay.count(), { up: one, down: one, total: 10 })
    await delay(2)
    const from = Date.now()
    await delay(SILENCE_MS)
    assert.equal(relay.count(from).total, 0)
  })

  it('loses the share that it is told to, and none any more after', async () => {
    let got = 0
    client.on('message', () => got++)
    const pass = async (count, expected) => {
      got = 0
      const sent = (relay.count().up.rtp ?? 0) + count
      for (let n = 0; n < count; n++) send(0x80, 96, n)
      await until('the relay has them all', () => relay.count().up.rtp === sent, { ms: SOON_MS })
      await until('what is not lost is back', () => got >= expected, { ms: SOON_MS, last: () => got })
      await delay(SILENCE_MS)
      assert.equal(got, expected)
    }
    await pass(40, 40)
    relay.lose(1)
    await pass(40, 0)
    relay.lose(0.5)
    await pass(64, 16) // half of each direction
    relay.lose(0)
    await pass(40, 40)
  })
})

describe('the TCP proxy', () => {
  let echo
  /** @type {Proxy} */ let proxy
  before(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
    await next(echo, 'listening')
    proxy = await Proxy.start(/** @type {import('node:net').AddressInfo} */ (echo.address()).port)
  })
  after(async () => {
    echo?.close()
    await proxy?.close()
  })
  const open = async () => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
    await next(socket, 'connect')
    return socket
  }

  it('resets what is open and refuses what is new while it is cut', async () => {
    const socket = await open()
    socket.write('a')
    await next(socket, 'data')
    const failed = within(SOON_MS, 'the reset', new Promise((resolve) => socket.once('error', resolve)))
    proxy.cut()
    assert.equal((await failed).code, 'ECONNRESET')
    const late = await open()
    await next(late, 'close')
    proxy.heal()
    const again = await open()
    again.write('b')
    assert.equal(String((await next(again, 'data'))[0]), 'b')
    again.destroy()
  })

  it('holds what is sent while it is frozen, and gives it in order after', async () => {
    const socket = await open()
    proxy.freeze()
    let got = ''
    socket.on('data', (data) => (got += data))
    socket.write('held ')
    await delay(SILENCE_MS)
    assert.equal(got, '')
    proxy.heal()
    socket.write('back')
    await until('all has come', () => got === 'held back', { ms: SOON_MS, last: () => got })
    socket.destroy()
  })
})
