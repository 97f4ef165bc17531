/** `wx.connectSocket` on real sockets. */

import WebSocket from 'ws'
import { reply, Refused } from './reply.js'

/** As many may be open at once. */
const MOST = 5

/** How long a connection may take to be there if the app does not say. */
const CONNECT_MS = 60_000

/** Id of a sign-in, or of one before it: the app's client never uses it again, and ignores the answer. */
const SPENT_ID = 1

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3]

/** One socket, as the app has it. */
class Task {
  #callbacks = { open: [], message: [], close: [], error: [] }
  /** @type {WebSocket | undefined} */ #socket
  /** Nothing of it is told any more once it is. */
  #over = false

  constructor(phone, options) {
    this.phone = phone
    this.url = String(options.url)
    const on = (kind) => (fn) => void (typeof fn === 'function' && this.#callbacks[kind].push(fn))
    this.object = phone.realm.give({
      onOpen: on('open'),
      onMessage: on('message'),
      onClose: on('close'),
      onError: on('error'),
      send: (given) => this.#send(given),
      close: (given) => this.#close(given),
    })
    this.#state(CONNECTING)
  }

  /** Number of the state, for the app to read. */
  #state(state) {
    this.state = state
    this.object.readyState = state
  }

  async connect({ header, protocols, timeout = CONNECT_MS }) {
    const route = await this.phone.network.route(new URL(this.url))
    if (this.state !== CONNECTING) return
    const socket = new WebSocket(this.url, [...(protocols ?? [])], {
      ...route,
      headers: { ...header, Referer: this.phone.referer },
      handshakeTimeout: timeout,
      perMessageDeflate: false,
      allowSynchronousEvents: false,
    })
    this.#socket = socket
    socket.on('open', () => this.#tell('open', { header: {} }, () => this.#state(OPEN)))
    socket.on('message', (data, binary) => this.#tell('message', { data: binary ? data : data.toString() }))
    socket.on('error', (error) => this.#tell('error', { errMsg: `onSocketError:fail ${error.message}` }))
    socket.on('close', (code, reason) => this.#end(code, reason.toString()))
  }

  /** Calls the app's functions in a task: `first` happens just before, so that what the app reads agrees. */
  #tell(kind, result, first) {
    const what = `${kind} of a socket`
    return this.phone.eventLoop.task(
      what,
      () => {
        first?.()
        for (const fn of [...this.#callbacks[kind]]) this.phone.guard(what, () => fn(this.phone.realm.give(result)))
      },
      () => !this.#over,
    )
  }

  #end(code, reason) {
    this.phone.sockets.delete(this)
    void this.#tell('close', { code, reason }, () => this.#state(CLOSED)).then(() => (this.#over = true))
  }

  #send(options) {
    reply(this.phone, 'sendSocketMessage', options, async () => {
      if (this.state !== OPEN) throw new Refused('SocketTask.readyState is not OPEN')
      const { data } = options
      if (typeof data !== 'string' && data?.byteLength === undefined) throw new Refused('data should be String or ArrayBuffer')
      this.#socket.send(typeof data === 'string' ? data : Buffer.from(new Uint8Array(data)))
    })
  }

  #close(options) {
    const { code = 1000, reason = '' } = options ?? {}
    if (this.state < CLOSING) this.#state(CLOSING)
    reply(this.phone, 'closeSocket', options, () => {
      if (this.#socket) this.#socket.close(code, reason)
      else this.#end(code, reason)
    })
  }

  /** Pings the server, and waits for the answer: it answers in order, and what it had sent before waits for its turn in the app. */
  async fence() {
    const socket = this.#socket
    if (socket?.readyState !== WebSocket.OPEN) return
    await new Promise((resolve) => {
      const heard = (data) => {
        if (JSON.parse(data.toString()).re !== SPENT_ID) return
        socket.off('message', heard)
        resolve(undefined)
      }
      socket.on('message', heard)
      socket.once('close', resolve)
      socket.send(JSON.stringify({ id: SPENT_ID, type: 'ping', ack: 0 }))
    })
  }

  /** Without a word, as when the app is ended. */
  kill() {
    this.#over = true
    this.#socket?.on('error', () => {})
    this.#socket?.terminate()
  }
}

/** @param {import('../phone.js').Phone} phone */
export function socket(phone) {
  const { sockets } = phone
  return {
    connectSocket: (options) => {
      const task = new Task(phone, options)
      reply(phone, 'connectSocket', options, async () => {
        if (!/^wss?:\/\//.test(task.url) || !URL.canParse(task.url)) throw new Refused('invalid url')
        if (sockets.size >= MOST) throw new Refused('exceed max task count')
        sockets.add(task)
        phone.connects.push(task.url)
        await task.connect(options)
      })
      return task.object
    },
  }
}
