/**
 * Pages as somebody's own web server has them: at an origin of their own, or at one where the Tring server is too, as
 * behind a reverse proxy.
 */

import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { LEAVING_MS, within } from './deadline.js'
import { ended, started } from './ending.js'

/** A web server on 127.0.0.1. */
export class Pages {
  #server

  constructor(server) {
    this.#server = server
    this.url = `http://127.0.0.1:${server.address().port}`
    started(this, 'the pages', () => this.#end())
  }

  /**
   * @param {Record<string, string>} pages HTML by path
   * @param {number} [beside] port of the server that answers for every other path, WebSockets too
   */
  static async start(pages, beside) {
    const server = createServer((asked, answer) => {
      const html = pages[new URL(asked.url, 'http://127.0.0.1').pathname]
      if (html !== undefined) return answer.setHeader('content-type', 'text/html; charset=utf-8').end(html)
      if (beside === undefined) return answer.writeHead(404).end()
      const { url: path, method, headers } = asked
      const onward = request({ host: '127.0.0.1', port: beside, path, method, headers }, (got) => {
        answer.writeHead(got.statusCode, got.headers)
        got.pipe(answer)
      })
      onward.on('error', () => answer.destroy())
      asked.pipe(onward)
    })
    server.on('upgrade', (asked, near, head) => {
      if (beside === undefined) return near.destroy()
      const far = connect(beside, '127.0.0.1')
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ]) {
        socket.on('error', () => other.destroy()).on('close', () => other.destroy())
      }
      const lines = asked.rawHeaders.flatMap((name, n, all) => (n % 2 ? [] : [`${name}: ${all[n + 1]}`]))
      far.write([`GET ${asked.url} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
      far.write(head)
      near.pipe(far).pipe(near)
    })
    server.listen(0, '127.0.0.1')
    await within(LEAVING_MS, 'a TCP port', once(server, 'listening'))
    return new Pages(server)
  }

  async close() {
    this.#end()
    ended(this)
  }

  #end() {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
