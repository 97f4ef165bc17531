/**
 * A UDP relay between the browsers and the server's media port: what is on the wire is counted from outside, without
 * the help of either end. The server advertises the relay's address as its own.
 */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** @typedef {'stun' | 'dtls' | 'audio' | 'video' | 'rtcp' | 'rtp'} Kind */

/** RFC 7983: the first byte says what a datagram is; RFC 5761: payload types 64–95 in the second are RTCP. */
function kindOf(datagram) {
  const [first, second] = datagram
  if (first < 4) return 'stun'
  if (first >= 20 && first < 64) return 'dtls'
  if (first >= 128 && first < 192) {
    const type = second & 0x7f
    return type >= 64 && type < 96 ? 'rtcp' : 'rtp'
  }
  return 'other'
}

/** @returns {Promise<number>} a UDP port of 127.0.0.1 that is free now */
export async function freeUdpPort() {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise((resolve) => socket.close(resolve))
  return port
}

/** The relay. */
export class Relay {
  /** @type {Map<number, { upstream: import('node:dgram').Socket, up: object[], down: object[] }>} by the client's port */
  #clients = new Map()
  #closed = false

  constructor(socket, serverPort) {
    this.socket = socket
    this.serverPort = serverPort
    this.port = socket.address().port
    socket.on('message', (datagram, from) => {
      const client = this.#client(from.port)
      client.up.push({ kind: kindOf(datagram), at: Date.now() })
      client.upstream.send(datagram, serverPort, '127.0.0.1')
    })
    socket.on('error', () => {})
  }

  /** @param {number} serverPort the server's own media port */
  static async start(serverPort) {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Relay(socket, serverPort)
  }

  #client(port) {
    let client = this.#clients.get(port)
    if (client) return client
    // One socket a client, as a NAT has it: the server tells clients apart by address.
    const upstream = createSocket('udp4')
    client = { upstream, up: [], down: [] }
    this.#clients.set(port, client)
    upstream.on('message', (datagram) => {
      client.down.push({ kind: kindOf(datagram), at: Date.now() })
      if (!this.#closed) this.socket.send(datagram, port, '127.0.0.1')
    })
    upstream.on('error', () => {})
    return client
  }

  /**
   * What has passed since a moment.
   *
   * @param {number} [since] milliseconds since the epoch
   * @returns {{ up: Record<string, number>, down: Record<string, number>, total: number }} datagrams by kind; `up` is
   * from the browsers, `down` from the server
   */
  count(since = 0) {
    const result = { up: {}, down: {}, total: 0 }
    for (const client of this.#clients.values()) {
      for (const way of ['up', 'down']) {
        for (const { kind, at } of client[way]) {
          if (at < since) continue
          result[way][kind] = (result[way][kind] ?? 0) + 1
          result.total++
        }
      }
    }
    return result
  }

  async close() {
    this.#closed = true
    for (const { upstream } of this.#clients.values()) upstream.close()
    await new Promise((resolve) => this.socket.close(resolve))
  }
}
