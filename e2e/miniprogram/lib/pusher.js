/**
 * `<live-pusher>`: one person's camera and microphone, sent by ffmpeg's own RTMP client. Frames come from a recording, at
 * their time; ffmpeg only carries them, so that nothing waits for a camera that is off.
 */

import { reach } from './address.js'
import { Ffmpeg } from './ffmpeg.js'
import { AUDIO, flvHeader, flvTag, VIDEO } from './flv.js'
import { AAC_SAMPLES, FRAMES_PER_SECOND, HEIGHT, recordingOf, WIDTH } from './recording.js'

/** As often is a broken connection tried again. */
const TRIES = 3

/** How often `netstatus` comes. */
const STATUS_MS = 2000

/** What `audiovolumenotify` tells of a person's tone. */
const LOUD = 60

/** How often it is looked which frames are due. */
const TICK_MS = 20

const FRAME_MS = 1000 / FRAMES_PER_SECOND
const SOUND_MS = (AAC_SAMPLES * 1000) / 48_000

/** Frames of silence that ffmpeg wants to see before it connects. */
const AHEAD = 8

/** A connection that lasted so long was a good one: a broken one is tried as often again. */
const STEADY_MS = 2000

/** The tag's device. */
export class Pusher {
  /** @type {Ffmpeg | undefined} */ #ffmpeg
  #timers = new Set()
  #tries = 0
  #volume = 1
  #paused = false
  /** The camera is away from the app although it is switched on: the phone is in a pocket. */
  #away = false
  /** Number of the attempt, so that what belongs to an older one is not heard. */
  #attempt = 0
  /** True while it should push. */
  running = false
  /** True while the server takes what is sent. */
  publishing = false
  /** Connections that were made so far. */
  connections = 0
  front = true
  attributes = {}

  /** @param {import('./media.js').Media} media @param {any} element */
  constructor(media, element) {
    this.media = media
    this.element = element
  }

  /** Process id of what sends, if anything does. */
  get pid() {
    return this.#ffmpeg?.pid
  }

  get #camera() {
    return this.attributes.enableCamera && !this.#away && !this.#paused
  }

  get #microphone() {
    const { enableMic, muted } = this.attributes
    return enableMic && !muted && this.#volume > 0
  }

  /** The app has set attributes. */
  update(attributes) {
    const before = this.attributes
    this.attributes = attributes
    this.front = before.devicePosition === attributes.devicePosition ? this.front : attributes.devicePosition !== 'back'
    const elsewhere = before.url !== attributes.url
    if (elsewhere && this.running) this.stop()
    if (attributes.autopush && attributes.url && !this.running && (elsewhere || !before.autopush)) this.start()
    const opened = this.running && attributes.enableCamera && before.enableCamera === false
    if (opened && this.#allowed('scope.camera', -1301, 10001)) {
      this.#say(1003)
      // ffmpeg can't add a picture to what goes on; a phone can.
      if (this.#ffmpeg && !this.#withVideo) this.#connect()
    }
  }

  #withVideo = false

  #allowed(scope, code, errCode) {
    if (this.media.phone.permissions.allows(scope)) return true
    this.#say(code)
    this.media.emit(this.element, 'error', { errCode, errMsg: `${scope} is refused` })
    this.stop()
    return false
  }

  start() {
    if (this.running || !this.attributes.url) return
    this.running = true
    this.#tries = 0
    if (!this.#allowed('scope.record', -1302, 10002)) return
    if (this.attributes.enableCamera) {
      if (!this.#allowed('scope.camera', -1301, 10001)) return
      this.#say(1003)
      this.#say(1007)
    }
    this.#say(1008)
    this.#connect()
  }

  stop() {
    this.running = false
    this.#paused = false
    this.#drop()
  }

  pause() {
    this.#paused = true
  }

  resume() {
    this.#paused = false
  }

  switchCamera() {
    this.front = !this.front
  }

  /** @param {number} volume */
  setVolume(volume) {
    this.#volume = volume
  }

  /** @param {boolean} _on a preview is seen by nobody here */
  preview(_on) {}

  /** The phone goes into a pocket, or comes out of it. @param {'audio' | 'stop' | 'closed' | 'all' | 'back'} policy */
  background(policy) {
    this.#away = policy === 'audio'
    if (policy !== 'stop' && policy !== 'closed') return
    if (!this.running) return
    this.stop()
    this.#say(policy === 'stop' ? 5000 : 5001)
  }

  #say(code) {
    this.media.state(this.element, code)
  }

  #later(ms, fn) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      fn()
    }, ms)
    this.#timers.add(timer)
  }

  /** Ends what there is of a connection. */
  #drop() {
    this.#attempt++
    this.publishing = false
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    const ffmpeg = this.#ffmpeg
    this.#ffmpeg = undefined
    if (ffmpeg) this.media.pending('the end of an encoder', ffmpeg.kill())
  }

  #connect() {
    this.#drop()
    this.media.pending('the connection of a live-pusher', this.#open(this.#attempt))
  }

  /** @param {number} attempt its number: nothing is done for one that another has replaced */
  async #open(attempt) {
    const { phone } = this.media
    const [to, frames] = await Promise.all([reach(phone.network, this.attributes.url), recordingOf(phone.person)])
    if (attempt !== this.#attempt) return
    if (to?.scheme !== 'rtmp') return this.#failed(3001)
    const refusedBefore = to.forwarder.refused
    this.connections++
    this.#withVideo = this.attributes.enableCamera
    const input = ['-probesize', '32', '-analyzeduration', '0', '-fflags', 'nobuffer', '-f', 'flv', '-i', 'pipe:0']
    const output = [
      ...['-c', 'copy', '-max_interleave_delta', '1', '-flush_packets', '1', '-flvflags', 'no_duration_filesize', '-f', 'flv'],
      // ffmpeg by itself takes a slash in the query for one of the path.
      ...['-tcp_nodelay', '1', '-rtmp_app', to.app, '-rtmp_playpath', to.name, '-rtmp_tcurl', to.tcUrl],
      `rtmp://127.0.0.1:${to.forwarder.port}/${to.app}`,
    ]
    let reached = false
    let refused = false
    const ffmpeg = new Ffmpeg(`${phone.person.name}'s live-pusher`, ['-loglevel', 'debug', ...input, ...output], {
      stdio: ['pipe'],
      onLine: (line) => {
        if (attempt !== this.#attempt) return
        if (/Server error|Server rejected/.test(line)) refused = true
        if (!reached && /Proto = rtmp/.test(line)) {
          reached = true
          this.#say(1001)
        }
        if (!this.publishing && /^Output #0/.test(line)) {
          this.publishing = true
          this.#later(STEADY_MS, () => (this.#tries = 0))
          this.#say(1002)
          this.#send(attempt, frames)
          this.#report(attempt)
        }
      },
      onExit: () => {
        if (attempt !== this.#attempt) return
        const connected = reached || to.forwarder.refused === refusedBefore
        this.#failed(refused ? 3004 : this.publishing ? 3005 : connected ? 3003 : 3002)
      },
    })
    this.#ffmpeg = ffmpeg
    // So that it knows what will come; the rest waits until somebody takes it.
    const { stdin } = ffmpeg.process
    stdin.write(flvHeader({ video: this.#withVideo }))
    if (this.#withVideo) stdin.write(flvTag(VIDEO, 0, frames.videoHeader))
    stdin.write(flvTag(AUDIO, 0, frames.audioHeader))
    if (this.#withVideo) stdin.write(flvTag(VIDEO, 0, frames.frames[0]))
    for (let n = 0; n < AHEAD; n++) stdin.write(flvTag(AUDIO, Math.round(n * SOUND_MS), frames.silence))
  }

  #failed(code) {
    this.#drop()
    if (!this.running) return
    this.#say(code)
    if (this.#tries++ < TRIES) {
      this.#say(1102)
      this.#later(this.media.phone.options.retryMs, () => this.#connect())
      return
    }
    this.running = false
    this.#say(-1307)
  }

  /** Sends what is due, from now on. */
  #send(attempt, { frames, sound, silence }) {
    const { stdin } = this.#ffmpeg.process
    const begun = performance.now() - AHEAD * SOUND_MS
    let pictures = 1
    let sounds = AHEAD
    /** Frame of the film that is next: a camera that was switched on begins with a key frame. */
    let next = 1
    const tick = () => {
      if (attempt !== this.#attempt) return
      const now = performance.now() - begun
      // In the order of their time.
      for (;;) {
        const pictureAt = this.#withVideo ? pictures * FRAME_MS : Infinity
        const soundAt = sounds * SOUND_MS
        if (Math.min(pictureAt, soundAt) > now) break
        if (pictureAt <= soundAt) {
          pictures++
          if (!this.#camera) next = 0
          else stdin.write(flvTag(VIDEO, Math.round(pictureAt), frames[next++ % frames.length]))
        } else {
          const body = this.#microphone ? sound[sounds % sound.length] : silence
          if (!this.#paused) stdin.write(flvTag(AUDIO, Math.round(soundAt), body))
          sounds++
        }
      }
      this.#later(TICK_MS, tick)
    }
    tick()
  }

  /** `netstatus`, as long as it goes on. */
  #report(attempt) {
    this.#later(STATUS_MS, () => {
      if (attempt !== this.#attempt) return
      const video = this.#withVideo && this.#camera
      // What is recorded: a volume of 0 changes only what is sent.
      this.media.tellVolume(this.element, () => (this.attributes.enableMic ? LOUD : 0))
      this.media.emit(this.element, 'netstatus', {
        info: {
          ...{ videoBitrate: video ? 450 : 0, audioBitrate: 48, videoFPS: video ? FRAMES_PER_SECOND : 0, videoGOP: 3 },
          ...{ netSpeed: video ? 500 : 50, netJitter: 0, netQualityLevel: this.media.quality, videoWidth: WIDTH, videoHeight: HEIGHT },
        },
      })
      this.#report(attempt)
    })
  }

  close() {
    this.stop()
  }
}
