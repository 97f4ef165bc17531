/** A signalling server for the stub: it passes messages from one user to another. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { LEAVING_MS, within } from '../../lib/shared.js'

/** The server. */
export class Exchange {
  /** @type {Map<string, import('ws').WebSocket>} */ users = new Map()
  /** Everything that was said, in its order. @type {any[]} */ said = []
  /** @type {import('node:http').Server} */ http
  /** @type {WebSocketServer} */ sockets
  /** @type {number} */ port
  /** @type {string} */ url

  static async start() {
    const exchange = new Exchange()
    exchange.http = createServer((request, response) => {
      const parts = []
      request.on('data', (part) => parts.push(part))
      request.on('end', () => {
        response.setHeader('content-type', 'application/json')
        const { method, url, headers } = request
        response.end(JSON.stringify({ method, url, referer: headers.referer, host: headers.host, body: Buffer.concat(parts).toString() }))
      })
    })
    exchange.sockets = new WebSocketServer({ server: exchange.http })
    exchange.sockets.on('connection', (socket) => exchange.#serve(socket))
    exchange.http.listen(0, '127.0.0.1')
    await within(LEAVING_MS, 'the exchange', once(exchange.http, 'listening'))
    exchange.port = /** @type {import('node:net').AddressInfo} */ (exchange.http.address()).port
    exchange.url = `ws://127.0.0.1:${exchange.port}/`
    return exchange
  }

  #serve(socket) {
    let user
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.users.get(user) === socket) this.users.delete(user)
    })
    socket.on('message', (data, binary) => {
      if (binary) return socket.send(data)
      const message = JSON.parse(data.toString())
      this.said.push(message)
      if (message.login) this.users.set((user = message.login), socket)
      else this.users.get(message.to)?.send(JSON.stringify({ ...message, from: user }))
    })
  }

  async stop() {
    for (const socket of this.sockets.clients) socket.terminate()
    await within(LEAVING_MS, 'the exchange to close', new Promise((resolve) => this.http.close(resolve)))
  }
}
