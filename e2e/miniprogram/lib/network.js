/**
 * A phone's network. Everything that leaves it goes through forwarders of its own on 127.0.0.1, one for each place it goes
 * to, so that a test can cut it off or let it fall silent: sockets, requests and media alike.
 */

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Transform } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { allDone, LEAVING_MS, within } from './shared.js'

/** Resets a connection. One that is ending already is only closed: Node would keep its handle for ever. */
const reset = (socket) => void (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy())

/** Pieces that a slow way lets pass in a second. */
const PIECES = 20

/** Lets so many bytes a second pass, as the network has it at that moment. */
class Slow extends Transform {
  constructor(network) {
    super({ highWaterMark: 1 })
    this.network = network
  }

  async _transform(bytes, _encoding, done) {
    while (bytes.length) {
      const piece = Math.max(1, Math.round(Math.min(bytes.length, this.network.upload / PIECES)))
      this.push(bytes.subarray(0, piece))
      bytes = bytes.subarray(piece)
      if (this.network.upload !== Infinity) await delay((piece / this.network.upload) * 1000)
    }
    done()
  }
}

/** A way to one place. */
class Forwarder {
  /** @type {Set<[import('node:net').Socket, import('node:net').Socket]>} */ #pairs = new Set()
  /** Connections that the place itself refused, of all that were tried. */
  refused = 0

  constructor(server, { host, port }, network) {
    this.server = server
    this.port = server.address().port
    server.on('connection', (near) => {
      near.on('error', () => {})
      if (network.down || network.isBlocked(port)) return reset(near)
      const far = connect({ host, port })
      const pair = /** @type {[import('node:net').Socket, import('node:net').Socket]} */ ([near, far])
      this.#pairs.add(pair)
      let reached = false
      far.once('connect', () => (reached = true))
      far.on('error', () => {
        if (!reached) this.refused++
      })
      const end = () => {
        near.destroy()
        far.destroy()
        this.#pairs.delete(pair)
      }
      for (const socket of pair) socket.setNoDelay(true).on('close', end)
      far.on('error', () => reset(near))
      if (network.slow) near.pipe(new Slow(network)).pipe(far)
      else near.pipe(far)
      far.pipe(near)
      if (network.silent) this.#hold(pair)
    })
  }

  static async open(place, network) {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await within(LEAVING_MS, 'a TCP port', once(server, 'listening'))
    return new Forwarder(server, place, network)
  }

  get busy() {
    return this.#pairs.size
  }

  reset() {
    for (const [near, far] of this.#pairs) {
      reset(near)
      reset(far)
    }
  }

  hold() {
    for (const pair of this.#pairs) this.#hold(pair)
  }

  #hold([near, far]) {
    near.unpipe(far)
    far.unpipe(near)
    near.pause()
    far.pause()
  }

  /** What is sent from now on passes as fast as the network lets it. */
  slow(network) {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far)
      near.pipe(new Slow(network)).pipe(far)
    }
  }

  release() {
    for (const [near, far] of this.#pairs) {
      near.pipe(far)
      far.pipe(near)
    }
  }

  async close() {
    this.reset()
    await within(LEAVING_MS, 'a forwarder to close', new Promise((resolve) => this.server.close(resolve)))
  }
}

/** The network of one phone. */
export class Network {
  /** @type {Map<string, Promise<Forwarder>>} */ #forwarders = new Map()
  /** @type {Set<number>} ports to which no way leads now */ #blocked = new Set()
  down = false
  silent = false
  /** It has been made slow, in bytes a second for each connection that the phone has. */
  slow = false
  upload = Infinity
  type = 'wifi'

  /** @param {(state: { isConnected: boolean, networkType: string }) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange
  }

  /** @param {string} host @param {number} port @returns {Promise<Forwarder>} */
  forwarder(host, port) {
    const place = `${host}:${port}`
    if (!this.#forwarders.has(place)) this.#forwarders.set(place, Forwarder.open({ host: host.replace(/^\[|\]$/g, ''), port }, this))
    return this.#forwarders.get(place)
  }

  /**
   * What Node's `http` and `ws` need to go through a forwarder, under the name of where they go.
   *
   * @param {URL} url
   * @returns {Promise<{ createConnection: (options: any) => import('node:net').Socket }>}
   */
  async route(url) {
    const secure = /^(https|wss):$/.test(url.protocol)
    const { port } = await this.forwarder(url.hostname, Number(url.port) || (secure ? 443 : 80))
    const to = { host: '127.0.0.1', port }
    return { createConnection: () => (secure ? connectTls({ ...to, servername: url.hostname }) : connect(to)) }
  }

  /**
   * The radio is gone: every connection is reset and none can be made until {@link heal}.
   *
   * @param {{ noticed?: boolean }} [options] `noticed`: the phone's system knows, and tells the app
   */
  async cut({ noticed = true } = {}) {
    this.down = true
    for (const forwarder of await this.#all()) forwarder.reset()
    if (noticed) this.#say('none')
  }

  /** Connections stay, but nothing passes in either direction until {@link heal}; nobody is told. */
  async silence() {
    this.silent = true
    for (const forwarder of await this.#all()) forwarder.hold()
  }

  /** What the phone sends passes so slowly on each connection, what it is sent does not. @param {number} bytes a second; Infinity for as fast as ever */
  async choke(bytes) {
    this.upload = bytes
    if (this.slow) return
    this.slow = true
    for (const forwarder of await this.#all()) forwarder.slow(this)
  }

  /** @param {string} [type] the network that it comes back as */
  async heal(type = 'wifi') {
    if (this.silent) for (const forwarder of await this.#all()) forwarder.release()
    this.down = false
    this.silent = false
    if (this.type !== type) this.#say(type)
  }

  /** As a network does that lets only some services pass: connections to a port are reset, and none can be made. @param {number} port */
  async block(port) {
    this.#blocked.add(port)
    for (const [place, forwarder] of this.#forwarders) if (place.endsWith(`:${port}`)) (await forwarder).reset()
  }

  /** @param {number} port */
  unblock(port) {
    this.#blocked.delete(port)
  }

  /** @param {number} port */
  isBlocked(port) {
    return this.#blocked.has(port)
  }

  /** From one network to another: every connection is reset, new ones can be made at once. */
  async change(type = '4g') {
    for (const forwarder of await this.#all()) forwarder.reset()
    this.#say(type)
  }

  #say(type) {
    this.type = type
    this.onChange({ isConnected: type !== 'none', networkType: type })
  }

  #all() {
    return Promise.all(this.#forwarders.values())
  }

  async close() {
    await allDone((await this.#all()).map((forwarder) => forwarder.close()))
  }
}
