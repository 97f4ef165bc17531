/** The relay and the proxy: what they count passed, what they cut is cut. */

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Proxy } from '../lib/proxy.js'
import { Relay } from '../lib/relay.js'

/** Long enough for a byte that must not come, in milliseconds. */
const SILENCE_MS = 200

describe('the UDP relay', () => {
  it('carries both ways, tells kinds apart, and counts nothing where nothing passes', async () => {
    const echo = createSocket('udp4').on('message', (d, from) => echo.send(d, from.port, from.address))
    echo.bind(0, '127.0.0.1')
    await once(echo, 'listening')
    const relay = await Relay.start(echo.address().port)
    const client = createSocket('udp4')
    const kinds = { stun: [0, 1], dtls: [22, 254], rtp: [0x80, 96], rtcp: [0x80, 200], other: [70, 0] }
    for (const first of Object.values(kinds)) {
      client.send(Buffer.from([...first, 0, 0]), relay.port, '127.0.0.1')
      await once(client, 'message')
    }
    const one = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 1]))
    assert.deepEqual(relay.count(), { up: one, down: one, total: 10 })
    await delay(2)
    const from = Date.now()
    await delay(SILENCE_MS)
    assert.equal(relay.count(from).total, 0)
    client.close()
    await relay.close()
    echo.close()
  })
})

describe('the TCP proxy', () => {
  let echo
  /** @type {Proxy} */ let proxy
  before(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
    await once(echo, 'listening')
    proxy = await Proxy.start(echo.address().port)
  })
  after(async () => {
    await proxy.close()
    echo.close()
  })
  const open = async () => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }

  it('resets what is open and refuses what is new while it is cut', async () => {
    const socket = await open()
    socket.write('a')
    await once(socket, 'data')
    proxy.cut()
    const [error] = await once(socket, 'error').catch((e) => [e])
    assert.equal(error.code, 'ECONNRESET')
    const late = await open()
    await once(late, 'close')
    proxy.heal()
    const again = await open()
    again.write('b')
    assert.equal(String((await once(again, 'data'))[0]), 'b')
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
    while (got !== 'held back') await once(socket, 'data')
    socket.destroy()
  })
})
