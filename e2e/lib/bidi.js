/** A WebDriver BiDi connection: commands with their answers, and events (https://w3c.github.io/webdriver-bidi). */

import WebSocket from 'ws'
import { once } from 'node:events'
import { PATIENCE_MS, within } from './deadline.js'

/** One session of a browser. */
export class Bidi {
  #socket
  #next = 1
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void, method: string }>} */
  #waiting = new Map()
  /** @type {((method: string, params: any) => void)[]} */ #listeners = []

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.#socket = socket
    socket.on('message', (text) => this.#take(JSON.parse(String(text))))
    socket.on('close', () => {
      for (const { reject, method } of this.#waiting.values()) reject(new Error(`${method}: the browser has gone`))
      this.#waiting.clear()
    })
  }

  /** @param {string} url of the browser's socket, without a path @param {string[]} events names of events to be told */
  static async connect(url, events) {
    const socket = new WebSocket(`${url}/session`, { perMessageDeflate: false })
    await within(PATIENCE_MS, 'a BiDi connection', once(socket, 'open'))
    const bidi = new Bidi(socket)
    const { capabilities } = await bidi.send('session.new', { capabilities: {} })
    await bidi.send('session.subscribe', { events })
    return { bidi, version: String(capabilities.browserVersion) }
  }

  /** Sends a command; gives its result. @param {string} method @param {object} params */
  send(method, params) {
    const id = this.#next++
    const answered = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }))
    this.#socket.send(JSON.stringify({ id, method, params }))
    return answered
  }

  /** Hears every event from now on. @param {(method: string, params: any) => void} listener */
  on(listener) {
    this.#listeners.push(listener)
  }

  close() {
    this.#socket.terminate()
  }

  #take({ id, method, params, result, error, message }) {
    if (method) return this.#listeners.forEach((listener) => listener(method, params))
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) waiting?.reject(new Error(`${waiting.method}: ${error}: ${message}`))
    else waiting?.resolve(result)
  }
}
