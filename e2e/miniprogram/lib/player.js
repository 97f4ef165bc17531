/** `<live-player>`: fetches a stream by RTMP or as FLV over HTTP; ffmpeg decodes it, and the senses say who it is. */

import { get } from 'node:http'
import { connect } from 'node:net'
import { reach } from './address.js'
import { Decoder } from './decoder.js'
import { AUDIO, FlvReader, VIDEO } from './flv.js'
import { RtmpPlayer } from './rtmp.js'
import { Ears, Eyes } from './probe.js'
import { recordingOf } from './recording.js'

/** As often is a broken stream tried again. */
const TRIES = 3

/** How often `audiovolumenotify` comes. */
const VOLUME_MS = 500

/** A stream that has been silent for so long is lost. */
const SILENT_MS = 10_000

/** @param {import('./address.js').Way} from @param {import('./rtmp.js').Playback} playback */
function open(from, playback) {
  if (from.scheme === 'http') return overHttp(from, playback)
  return new RtmpPlayer(connect(from.forwarder.port, '127.0.0.1'), from, playback)
}

/** The same over HTTP. */
function overHttp({ forwarder, path, host }, { onShaken, onPlaying, onMedia, onEnd }) {
  const reader = new FlvReader()
  const asked = get({ host: '127.0.0.1', port: forwarder.port, path, headers: { host } })
  asked.on('error', () => onEnd('closed'))
  asked.on('response', (answer) => {
    onShaken()
    if (answer.statusCode !== 200) return onEnd('refused')
    onPlaying()
    answer.on('data', (bytes) => {
      for (const { kind, body } of reader.read(bytes)) if (kind === AUDIO || kind === VIDEO) onMedia(kind === AUDIO ? 'audio' : 'video', body)
    })
    // An end of such a stream is told to nobody.
    answer.on('error', () => {}).on('close', () => onEnd('closed'))
  })
  return { close: () => asked.destroy() }
}

/** The tag's device. */
export class Player {
  /** @type {Decoder | undefined} */ #decoder
  /** @type {{ close: () => void } | undefined} */ #source
  /** @type {NodeJS.Timeout | undefined} */ #timer
  #tries = 0
  #attempt = 0
  /** Muted by the context. */
  #muted = false
  /** Why it waits, if it does. @type {Set<string>} */ #paused = new Set()
  running = false
  /** Connections that were made so far. */
  connections = 0
  /** What servers have said of the stream, oldest first. @type {string[]} */ statuses = []
  ears = new Ears()
  eyes = new Eyes()
  attributes = {}

  /** @param {import('./media.js').Media} media @param {any} element */
  constructor(media, element) {
    this.media = media
    this.element = element
  }

  get pid() {
    return this.#decoder?.pid
  }

  /** Would the user hear what arrives? */
  get audible() {
    const { muted, muteAudio } = this.attributes
    return this.running && !muted && !muteAudio && !this.#muted && !this.#paused.size
  }

  /** Would the user see what arrives? */
  get visible() {
    return this.running && !this.attributes.muteVideo && !this.#paused.size && this.media.phone.screen.shows(this.element)
  }

  update(attributes) {
    const before = this.attributes
    this.attributes = attributes
    const elsewhere = before.src !== attributes.src
    if (elsewhere && this.running) this.stop()
    if (attributes.autoplay && attributes.src && !this.running && (elsewhere || !before.autoplay)) this.play()
  }

  play() {
    if (this.running || !this.attributes.src) return
    this.running = true
    this.#tries = 0
    this.#paused.clear()
    this.#connect()
  }

  stop() {
    this.running = false
    this.#drop()
  }

  mute() {
    this.#muted = !this.#muted
  }

  /** @param {string} [why] */
  pause(why = 'the app') {
    this.#paused.add(why)
  }

  /** @param {string} [why] */
  resume(why = 'the app') {
    this.#paused.delete(why)
  }

  #say(code) {
    this.media.state(this.element, code)
  }

  #drop() {
    this.#attempt++
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = undefined
    const decoder = this.#decoder
    this.#decoder = undefined
    if (decoder) this.media.pending('the end of a decoder', decoder.end())
  }

  #connect() {
    this.#drop()
    this.media.pending('the connection of a live-player', this.#open(this.#attempt))
  }

  /** @param {number} attempt its number: nothing is done for one that another has replaced */
  async #open(attempt) {
    const { phone } = this.media
    const [from, primer] = await Promise.all([reach(phone.network, this.attributes.src), recordingOf(phone.person)])
    if (attempt !== this.#attempt) return
    if (!from) return this.#failed(3001)
    const refusedBefore = from.forwarder.refused
    this.connections++
    const said = new Set()
    const once = (code) => {
      if (attempt !== this.#attempt || said.has(code)) return
      said.add(code)
      this.#say(code)
    }
    const decoder = new Decoder(`${phone.person.name}'s live-player`, primer, {
      ears: this.ears,
      eyes: this.eyes,
      onSound: () => once(2004),
      onPicture: () => {
        once(2003)
        once(2004)
      },
    })
    this.#decoder = decoder
    let reached = false
    this.#volumes(attempt)
    const later = (ms, why) => {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => end(why), ms)
    }
    const end = (why) => {
      if (attempt !== this.#attempt) return
      if (why === 'over') return this.#over()
      const connected = reached || from.forwarder.refused === refusedBefore
      this.#failed(said.has(2002) ? 3005 : connected ? 3003 : 3002)
    }
    later(SILENT_MS, 'silent')
    this.#source = open(from, {
      onShaken: () => {
        reached = true
        once(2001)
      },
      onPlaying: () => once(2002),
      onMedia: (kind, body) => {
        if (attempt !== this.#attempt) return
        this.#tries = 0
        later(SILENT_MS, 'silent')
        decoder.take(kind, body)
      },
      onStatus: (code) => this.statuses.push(code),
      onEnd: end,
    })
  }

  /** `audiovolumenotify`, as long as it goes on. */
  #volumes(attempt) {
    setTimeout(() => {
      if (attempt !== this.#attempt) return
      const [newest] = this.ears.since(this.ears.count - 1)
      this.media.tellVolume(this.element, () => Math.round((newest?.rms ?? 0) * 100))
      this.#volumes(attempt)
    }, VOLUME_MS)
  }

  /** The server has said that the stream is over. */
  #over() {
    this.stop()
    this.#say(2006)
  }

  #failed(code) {
    this.#drop()
    if (!this.running) return
    if (code !== 3005) this.#say(code)
    if (this.#tries++ < TRIES) {
      this.#say(2103)
      this.#timer = setTimeout(() => this.#connect(), this.media.phone.options.retryMs)
      return
    }
    this.running = false
    this.#say(-2301)
  }

  close() {
    this.stop()
  }
}
