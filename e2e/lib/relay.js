/**
 * A UDP relay between the browsers and the server's media port: what is on the wire is counted from outside, without
 * the help of either end, and can be made to lose datagrams. The server advertises the relay's address as its own.
 */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { LEAVING_MS, within } from './deadline.js'

/** @typedef {'stun' | 'dtls' | 'rtcp' | 'rtp' | 'other'} Kind */

/** Ports that no system gives to a program that asks for any: one that is free stays free until it is bound. */
const QUIET_PORTS = { first: 20_000, last: 30_000 }

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

async function bound(port = 0) {
  const socket = createSocket('udp4')
  socket.bind(port, '127.0.0.1')
  await within(LEAVING_MS, 'a UDP port', once(socket, 'listening'))
  return socket
}

/** @returns {Promise<number>} a UDP port of 127.0.0.1 that is free */
export async function freeUdpPort() {
  const { first, last } = QUIET_PORTS
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first))
    try {
      const socket = await bound(port)
      await new Promise((resolve) => socket.close(() => resolve(undefined)))
      return port
    } catch (/** @type {any} */ error) {
      if (error.code !== 'EADDRINUSE') throw error
    }
  }
}

/** The relay. */
export class Relay {
  /** @type {Map<number, { upstream: import('node:dgram').Socket, up: object[], down: object[], debt: { up: number, down: number } }>} by the client's port */
  #clients = new Map()
  #closed = false
  #loss = 0

  constructor(socket, serverPort) {
    this.socket = socket
    this.serverPort = serverPort
    this.port = socket.address().port
    socket.on('message', (datagram, from) => {
      const client = this.#client(from.port)
      client.up.push({ kind: kindOf(datagram), at: Date.now() })
      if (this.#loses(client, 'up')) return
      client.upstream.send(datagram, serverPort, '127.0.0.1')
    })
    socket.on('error', () => {})
  }

  /** @param {number} serverPort the server's own media port */
  static async start(serverPort) {
    return new Relay(await bound(), serverPort)
  }

  /**
   * From now on this share of each client's datagrams is lost, evenly, in both directions.
   *
   * @param {number} share 0 none, 1 all: the wire is cut
   */
  lose(share) {
    this.#loss = share
  }

  #loses({ debt }, way) {
    debt[way] += this.#loss
    if (debt[way] < 1) return false
    debt[way]--
    return true
  }

  #client(port) {
    let client = this.#clients.get(port)
    if (client) return client
    // One socket a client, as a NAT has it: the server tells clients apart by address.
    const upstream = createSocket('udp4')
    client = { upstream, up: [], down: [], debt: { up: 0, down: 0 } }
    this.#clients.set(port, client)
    upstream.on('message', (datagram) => {
      client.down.push({ kind: kindOf(datagram), at: Date.now() })
      if (!this.#closed && !this.#loses(client, 'down')) this.socket.send(datagram, port, '127.0.0.1')
    })
    upstream.on('error', () => {})
    return client
  }

  /**
   * What was sent since a moment.
   *
   * @param {number} [since] milliseconds since the epoch
   * @returns {{ up: Record<Kind, number>, down: Record<Kind, number>, total: number }} datagrams that arrived at the
   * relay, by kind; `up` is from the browsers, `down` from the server
   */
  count(since = 0) {
    const result = { up: /** @type {Record<Kind, number>} */ ({}), down: /** @type {Record<Kind, number>} */ ({}), total: 0 }
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
    await within(LEAVING_MS, 'a relay to close', new Promise((resolve) => this.socket.close(resolve)))
  }
}
