/**
 * The RTMP client of `<live-player>`: plays one stream. ffmpeg's own can't be used here, since it settles at the start
 * which streams there are, while a phone takes up a picture that begins in the middle of a call.
 */

import { randomBytes } from 'node:crypto'
import { decode, encode } from './amf.js'

const HANDSHAKE = 1536
const [CHUNK_SIZE, ABORT, ACK, CONTROL, WINDOW, BANDWIDTH, AUDIO, VIDEO, COMMAND3, DATA, COMMAND, TOGETHER] = [1, 2, 3, 4, 5, 6, 8, 9, 17, 18, 20, 22]
const [BUFFER_LENGTH, PING, PONG] = [3, 6, 7]
/** What the player says that it buffers, in milliseconds. */
const BUFFERED_MS = 200
/** Live only, as librtmp asks for it. */
const LIVE = -1000
const MESSAGE_MOST = 8 << 20

const u32 = (...numbers) => {
  const bytes = Buffer.alloc(numbers.length * 4)
  numbers.forEach((n, i) => bytes.writeUInt32BE(n >>> 0, i * 4))
  return bytes
}

/**
 * @typedef {object} Playback
 * @property {() => void} onShaken the handshake is done
 * @property {() => void} onPlaying the server sends the stream from now on
 * @property {(kind: 'audio' | 'video', body: Buffer) => void} onMedia the body of an FLV tag
 * @property {(code: string) => void} onStatus every status of the server
 * @property {(why: 'over' | 'refused' | 'closed') => void} onEnd once; `over`: the server has ended the stream
 */

/** One connection that plays one stream. */
export class RtmpPlayer {
  #bytes = Buffer.alloc(0)
  #shaken = false
  #over = false
  #chunk = 128
  #received = 0
  #acknowledged = 0
  #window = 2_500_000
  /** By chunk stream. @type {Map<number, any>} */ #streams = new Map()

  /**
   * @param {import('node:net').Socket} socket that connects
   * @param {{ app: string, tcUrl: string, name: string }} what
   * @param {Playback} playback
   */
  constructor(socket, what, playback) {
    this.socket = socket
    this.what = what
    this.playback = playback
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => this.#end('closed'))
    socket.on('data', (bytes) => {
      try {
        this.#read(bytes)
      } catch {
        this.#end('closed') // what comes is no RTMP
      }
    })
    socket.write(Buffer.concat([Buffer.from([3]), u32(0, 0), randomBytes(HANDSHAKE - 8)]))
  }

  #end(why) {
    if (this.#over) return
    this.#over = true
    this.socket.destroy()
    this.playback.onEnd(why)
  }

  /** Without a word. */
  close() {
    this.#over = true
    this.socket.destroy()
  }

  #read(bytes) {
    this.#received += bytes.length
    this.#bytes = this.#bytes.length ? Buffer.concat([this.#bytes, bytes]) : bytes
    if (!this.#shaken) {
      if (this.#bytes.length < 1 + 2 * HANDSHAKE) return
      this.#shaken = true
      this.socket.write(this.#bytes.subarray(1, 1 + HANDSHAKE))
      this.#bytes = this.#bytes.subarray(1 + 2 * HANDSHAKE)
      this.playback.onShaken()
      const { app, tcUrl } = this.what
      this.#command(0, 'connect', 1, {
        app,
        flashVer: 'LNX 9,0,124,2',
        tcUrl,
        fpad: false,
        capabilities: 15,
        audioCodecs: 4071,
        videoCodecs: 252,
        videoFunction: 1,
      })
    }
    while (!this.#over && this.#readChunk());
    if (this.#received - this.#acknowledged >= this.#window / 2) {
      this.#acknowledged = this.#received
      this.#send(2, ACK, 0, u32(this.#received))
    }
  }

  /** @returns {boolean} false when more bytes are needed */
  #readChunk() {
    const bytes = this.#bytes
    if (bytes.length < 3) return false
    const format = bytes[0] >> 6
    let id = bytes[0] & 63
    let at = 1
    if (id === 0) id = 64 + bytes[at++]
    else if (id === 1) {
      id = 64 + bytes[at] + bytes[at + 1] * 256
      at += 2
    }
    const known = this.#streams.get(id)
    if (!known && format !== 0) throw new Error('a chunk without a beginning')
    const head = { ...known }
    const size = [11, 7, 3, 0][format]
    if (bytes.length < at + size) return false
    let time = format < 3 ? bytes.readUIntBE(at, 3) : head.extended ? 0xffffff : 0
    if (format < 2) {
      head.length = bytes.readUIntBE(at + 3, 3)
      head.type = bytes[at + 6]
    }
    if (format === 0) head.stream = bytes.readUInt32LE(at + 7)
    at += size
    if (format < 3) head.extended = time === 0xffffff
    if (head.extended) {
      if (bytes.length < at + 4) return false
      at += 4
    }
    head.parts ??= []
    head.have ??= 0
    if (head.length > MESSAGE_MOST) throw new Error('a message is too large')
    const part = Math.min(this.#chunk, head.length - head.have)
    if (bytes.length < at + part) return false
    head.parts = [...head.parts, bytes.subarray(at, at + part)]
    head.have += part
    this.#bytes = bytes.subarray(at + part)
    const whole = head.have === head.length
    this.#streams.set(id, whole ? { ...head, parts: [], have: 0 } : head)
    if (whole) this.#message(head.type, Buffer.concat(head.parts))
    return true
  }

  #message(type, body) {
    switch (type) {
      case CHUNK_SIZE:
        this.#chunk = Math.max(1, body.readUInt32BE() & 0x7fffffff)
        break
      case ABORT: {
        const known = this.#streams.get(body.readUInt32BE())
        if (known) Object.assign(known, { parts: [], have: 0 })
        break
      }
      case WINDOW:
        this.#window = body.readUInt32BE()
        break
      case BANDWIDTH:
        this.#send(2, WINDOW, 0, body.subarray(0, 4))
        break
      case CONTROL:
        if (body.readUInt16BE() === PING) this.#send(2, CONTROL, 0, Buffer.concat([Buffer.from([0, PONG]), body.subarray(2)]))
        break
      case AUDIO:
      case VIDEO:
        if (body.length) this.playback.onMedia(type === AUDIO ? 'audio' : 'video', body)
        break
      case TOGETHER:
        for (let at = 0; at + 11 <= body.length; ) {
          const size = body.readUIntBE(at + 1, 3)
          this.#message(body[at], body.subarray(at + 11, at + 11 + size))
          at += 11 + size + 4
        }
        break
      case COMMAND:
        this.#onCommand(decode(body))
        break
      case COMMAND3:
        this.#onCommand(decode(body.subarray(1)))
        break
      case DATA:
        break
    }
  }

  /** @param {any[]} values name, number, an object that nobody needs, and what was given */
  #onCommand([name, number, , given]) {
    if (name === '_error') return this.#refused(given?.code)
    if (name === '_result' && number === 1) {
      this.#send(2, CONTROL, 0, Buffer.concat([Buffer.from([0, BUFFER_LENGTH]), u32(0, BUFFERED_MS)]))
      this.#command(0, 'createStream', 2, null)
    } else if (name === '_result' && number === 2) {
      this.#command(given, 'play', 3, null, this.what.name, LIVE)
      this.#send(2, CONTROL, 0, Buffer.concat([Buffer.from([0, BUFFER_LENGTH]), u32(given, BUFFERED_MS)]))
    } else if (name === 'onStatus') {
      this.playback.onStatus(given?.code)
      if (given?.level === 'error') return this.#refused(given.code, true)
      if (given?.code === 'NetStream.Play.Start') this.playback.onPlaying()
      // `UnpublishNotify` only says that nobody sends at the moment.
      if (/^NetStream\.Play\.(Stop|Complete)$/.test(given?.code)) this.#end('over')
    } else if (name === 'close') this.#end('refused')
  }

  #refused(code, reported = false) {
    if (!reported) this.playback.onStatus(code)
    this.#end('refused')
  }

  #command(stream, ...values) {
    this.#send(3, COMMAND, stream, encode(...values))
  }

  /** A message in chunks of 128 bytes. */
  #send(id, type, stream, body) {
    if (this.socket.destroyed) return
    const head = Buffer.alloc(12)
    head[0] = id
    head.writeUIntBE(body.length, 4, 3)
    head[7] = type
    head.writeUInt32LE(stream, 8)
    const parts = [head]
    for (let at = 0; at < body.length; at += 128) {
      if (at > 0) parts.push(Buffer.from([0xc0 | id]))
      parts.push(body.subarray(at, at + 128))
    }
    this.socket.write(Buffer.concat(parts))
  }
}
