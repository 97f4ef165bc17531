/** A TCP proxy in front of the server's HTTP port, so that a test can cut or freeze the sockets of one browser. */

import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { LEAVING_MS, within } from './deadline.js'

/** The proxy. Each browser has its own, so that each can be cut alone. */
export class Proxy {
  #pairs = new Set()
  #cut = false
  #frozen = false

  constructor(server, target) {
    this.server = server
    this.url = `http://127.0.0.1:${server.address().port}`
    server.on('connection', (near) => {
      if (this.#cut) return near.destroy()
      const far = connect(target, '127.0.0.1')
      const pair = /** @type {[import('node:net').Socket, import('node:net').Socket]} */ ([near, far])
      this.#pairs.add(pair)
      const end = () => {
        near.destroy()
        far.destroy()
        this.#pairs.delete(pair)
      }
      for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end)
      near.pipe(far)
      far.pipe(near)
      if (this.#frozen) this.#hold(pair)
    })
  }

  /** @param {number} target the server's port on 127.0.0.1 */
  static async start(target) {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await within(LEAVING_MS, 'a TCP port', once(server, 'listening'))
    return new Proxy(server, target)
  }

  /** Resets every connection and refuses new ones until {@link heal}. */
  cut() {
    this.#cut = true
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  /** Holds every byte, as a network that has gone silent does; nobody is told. */
  freeze() {
    this.#frozen = true
    for (const pair of this.#pairs) this.#hold(pair)
  }

  #hold([near, far]) {
    near.unpipe(far)
    far.unpipe(near)
    near.pause()
    far.pause()
  }

  /** Lets connections through again, and what was held by {@link freeze}. */
  heal() {
    this.#cut = false
    if (!this.#frozen) return
    this.#frozen = false
    for (const [near, far] of this.#pairs) {
      near.pipe(far)
      far.pipe(near)
    }
  }

  async close() {
    this.cut()
    await within(LEAVING_MS, 'a proxy to close', new Promise((resolve) => this.server.close(resolve)))
  }
}
