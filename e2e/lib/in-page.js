/**
 * Runs in every page before its own scripts: watches what the page does with devices, connections, sockets and players,
 * and analyses what arrives. It changes nothing of what the page sees.
 *
 * Analysis reads decoded frames and samples from the *receivers* of the page's connections, so it is independent of how
 * the SDK under test shows them. Whether it shows them, that is, whether a person would hear and see, the players say.
 */

// A page has no modules of ours: `device.js` puts the text of `probe.js` before this one.
import { BLOCK_MS, blockOf, frameOf, GRID, pictureOf, soundOf } from './probe.js'

/** Samples of a block where sound is tapped at a mixer: a power of two. */
const TAP_SAMPLES = 2048

/** Begins to watch. What it gives is `window.__e2e`. */
export function watchPage() {
  /** @type {{ pc: RTCPeerConnection, negotiations: number }[]} */
  const connections = []
  /** @type {{ constraints: MediaStreamConstraints, tracks?: MediaStreamTrack[], error?: string }[]} */
  const deviceRequests = []
  /** Sound and picture elements that the page plays streams with. @type {Set<HTMLMediaElement>} */
  const players = new Set()
  /** What its sockets have done: sign-ins, and sessions that the server resumed. */
  const session = { sockets: 0, open: 0, logins: 0, resumed: 0 }
  /** @type {Set<WebSocket>} */ const openSockets = new Set()

  const Native = window.RTCPeerConnection
  window.RTCPeerConnection = class RTCPeerConnection extends Native {
    /** @param {ConstructorParameters<typeof Native>} args */
    constructor(...args) {
      super(...args)
      connections.push({ pc: this, negotiations: 0 })
    }
    setLocalDescription(...args) {
      const own = connections.find((c) => c.pc === this)
      if (own) own.negotiations++
      return super.setLocalDescription(...args)
    }
  }

  if (navigator.mediaDevices) {
    const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const request = { constraints: structuredClone(constraints) }
      deviceRequests.push(request)
      try {
        const stream = await native(constraints)
        // The page may stop the tracks and drop the stream; these are the same track objects.
        request.tracks = stream.getTracks()
        return stream
      } catch (/** @type {any} */ error) {
        request.error = error.name
        throw error
      }
    }
  }

  const NativeSocket = window.WebSocket
  window.WebSocket = class WebSocket extends NativeSocket {
    /** @param {ConstructorParameters<typeof NativeSocket>} args */
    constructor(...args) {
      super(...args)
      session.sockets++
      this.addEventListener('open', () => session.open++)
      this.addEventListener('close', () => session.open--)
      this.addEventListener('open', () => openSockets.add(this))
      this.addEventListener('close', () => openSockets.delete(this))
      this.addEventListener('message', ({ data }) => {
        const { ok } = JSON.parse(data)
        if (ok?.ticket === undefined) return
        if (ok.resumed) session.resumed++
        else session.logins++
      })
    }
  }

  /** Id of a sign-in, or of one before it: the client never uses it again, and ignores the answer. */
  const SPENT_ID = 1

  /**
   * Pings the server on every open socket, and waits for the answers. The server answers in order: what it had sent before
   * has reached the page then.
   */
  async function fence() {
    const answered = (socket) =>
      new Promise((resolve) => {
        const heard = ({ data }) => {
          if (JSON.parse(data).re !== SPENT_ID) return
          socket.removeEventListener('message', heard)
          resolve()
        }
        socket.addEventListener('message', heard)
        socket.addEventListener('close', resolve)
        socket.send(JSON.stringify({ id: SPENT_ID, type: 'ping', ack: 0 }))
      })
    await Promise.all([...openSockets].map(answered))
  }

  const OWN = Symbol('a player of the analysis')
  const source = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'srcObject')
  Object.defineProperty(HTMLMediaElement.prototype, 'srcObject', {
    ...source,
    set(stream) {
      if (!this[OWN]) players.add(this)
      source.set.call(this, stream)
    },
  })

  /** A connection that is not closed, by its age among them; the newest without a number. */
  const live = (at = -1) =>
    connections
      .map((c) => c.pc)
      .filter((pc) => pc.connectionState !== 'closed')
      .at(at)

  /** The track of a connection that receives. A test that looks where nothing can arrive is wrong. */
  function receiverTrack(kind, at) {
    const track = live(at)
      ?.getReceivers()
      .map((r) => r.track)
      .find((t) => t.kind === kind && t.readyState === 'live')
    if (!track) throw new Error(`nothing can arrive here: there is no live ${kind} receiver`)
    return track
  }

  const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms, { done: true, late: true }))

  /** The players that play this track to the user: switched on, loud enough, and on the page if it is a picture. */
  function playersOf(track) {
    return [...players].filter((p) => {
      const plays = /** @type {MediaStream | null} */ (p.srcObject)?.getTracks().some((t) => t.id === track.id && t.readyState === 'live')
      if (!plays || p.paused || p.ended) return false
      if (track.kind === 'audio') return !p.muted && p.volume > 0
      return visible(p)
    })
  }

  /**
   * Runs `observe` and says whether the user had it too: one player played the track before and after, and its clock
   * has moved.
   */
  async function withPlayer(track, observe) {
    const before = new Map(playersOf(track).map((p) => [p, p.currentTime]))
    const observed = await observe()
    const played = playersOf(track).some((p) => before.has(p) && p.currentTime > before.get(p))
    return { ...observed, played }
  }

  /**
   * Reads frames or sample blocks of a track for some time.
   *
   * @param {MediaStreamTrack} track
   * @param {number} ms
   * @param {(data: any) => boolean | void} take called with each; true ends the reading
   */
  async function read(track, ms, take) {
    const copy = track.clone()
    // A remote sound is only pulled from the network while something plays it.
    const player = /** @type {HTMLMediaElement} */ (document.createElement(copy.kind))
    player[OWN] = true
    player.muted = true
    player.srcObject = new MediaStream([copy])
    player.play().catch(() => {})
    const pieces = 'MediaStreamTrackProcessor' in window ? processed(copy) : tapped(copy, player)
    const end = after(ms)
    try {
      for (;;) {
        const { value, done } = await Promise.race([pieces.read(), end])
        if (done) return
        const enough = take(value)
        value.close()
        if (enough) return
      }
    } finally {
      pieces.cancel()
      player.srcObject = null
      copy.stop()
    }
  }

  /** Frames or sample blocks of a track, as Chromium gives them to pages. @param {MediaStreamTrack} track */
  function processed(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader()
    return { read: () => reader.read(), cancel: () => void reader.cancel().catch(() => {}) }
  }

  /**
   * The same in a browser that does not: what a player paints, and what the browser's mixer is given.
   *
   * @param {MediaStreamTrack} track
   * @param {HTMLMediaElement} player plays it
   */
  function tapped(track, player) {
    if (player instanceof HTMLVideoElement) {
      return {
        read: () =>
          new Promise((resolve) => {
            player.requestVideoFrameCallback((_, { mediaTime }) =>
              resolve({ done: false, value: new VideoFrame(player, { timestamp: Math.round(mediaTime * 1e6) }) }),
            )
          }),
        cancel: () => {},
      }
    }
    const mixer = new AudioContext()
    const tap = mixer.createScriptProcessor(TAP_SAMPLES, 1, 1)
    /** @type {AudioData[]} */ const blocks = []
    let wake = () => {}
    tap.onaudioprocess = ({ inputBuffer }) => {
      const { sampleRate, length: numberOfFrames } = inputBuffer
      const data = inputBuffer.getChannelData(0).slice()
      blocks.push(new AudioData({ format: 'f32-planar', sampleRate, numberOfFrames, numberOfChannels: 1, timestamp: 0, data }))
      wake()
    }
    mixer
      .createMediaStreamSource(new MediaStream([track]))
      .connect(tap)
      .connect(mixer.destination)
    return {
      read: async () => {
        if (!blocks.length) await new Promise((resolve) => (wake = () => resolve(undefined)))
        return { done: false, value: blocks.shift() }
      },
      cancel: () => void mixer.close(),
    }
  }

  const canvas = new OffscreenCanvas(GRID.width, GRID.height)
  const pen = canvas.getContext('2d', { willReadFrequently: true })

  /** The person whose colour fills most of a picture, and where the white bar stands. */
  function nameColour(source, palette) {
    pen.clearRect(0, 0, GRID.width, GRID.height)
    pen.drawImage(source, 0, 0, GRID.width, GRID.height)
    return frameOf(pen.getImageData(0, 0, GRID.width, GRID.height).data, 4, palette)
  }

  /** Whose picture is it? Reads until `frames` frames were decoded or `ms` has passed. `size` is that of the last one. */
  async function look(track, { palette, ms, frames = Infinity }) {
    const seen = []
    let size = ''
    await read(track, ms, (frame) => {
      size = `${frame.displayWidth}x${frame.displayHeight}`
      return seen.push(nameColour(frame, palette)) >= frames
    })
    return { ...pictureOf(seen), size }
  }

  /** Whose tone is it? Listens for `ms`, or until `enough` blocks were loud. */
  async function listen(track, { palette, ms, enough = Infinity }) {
    const blocks = []
    let loud = 0
    let block = []
    await read(track, ms, (data) => {
      const samples = new Float32Array(data.numberOfFrames)
      data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' })
      const length = Math.round((data.sampleRate * BLOCK_MS) / 1000)
      for (const sample of samples) {
        block.push(sample)
        if (block.length < length) continue
        blocks.push(blockOf(block, data.sampleRate, palette))
        if (blocks.at(-1).who) loud++
        block = []
      }
      return loud >= enough
    })
    const { who = 'nobody', ...rest } = soundOf(blocks)
    return { who, ...rest }
  }

  /** Packets, frames and state of a connection, by `getStats`. */
  async function counts(at) {
    const pc = live(at)
    if (!pc) throw new Error('nothing to count: there is no live connection')
    const none = { packets: 0, frames: 0 }
    const result = { in: { audio: { ...none }, video: { ...none } }, out: { audio: { ...none }, video: { ...none } } }
    for (const row of (await pc.getStats()).values()) {
      if (row.type === 'inbound-rtp') {
        result.in[row.kind].packets += row.packetsReceived
        if (row.kind === 'audio') {
          result.sound = { packets: row.packetsReceived, lost: row.packetsLost, samples: row.totalSamplesReceived, concealed: row.concealedSamples }
        }
        result.in[row.kind].frames += row.framesDecoded ?? 0
      }
      if (row.type === 'outbound-rtp') {
        result.out[row.kind].packets += row.packetsSent
        result.out[row.kind].bytes = (result.out[row.kind].bytes ?? 0) + row.bytesSent
        result.out[row.kind].frames += row.framesEncoded ?? 0
        if (row.frameWidth) result.size = `${row.frameWidth}x${row.frameHeight}`
      }
      if (row.type === 'transport') {
        result.dtls = row.dtlsState
        result.srtp = row.srtpCipher
        result.tls = row.tlsVersion
      }
      if (row.type === 'codec') (result.codecs ??= []).push(row.mimeType)
    }
    const own = connections.find((c) => c.pc === pc)
    return { ...result, state: pc.connectionState, negotiations: own.negotiations }
  }

  /** Everything that matches, in shadow roots too. @param {string} selector @param {ParentNode} [root] @returns {any[]} */
  function findAll(selector, root = document) {
    const inside = [...root.querySelectorAll('*')].flatMap((e) => (e.shadowRoot ? findAll(selector, e.shadowRoot) : []))
    return [...root.querySelectorAll(selector), ...inside]
  }

  /** Only what a person can see. */
  const visible = (element) => {
    const { width, height } = element.getBoundingClientRect()
    return width * height > 0 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  }

  /** What a click at this place reaches. */
  function hitAt(x, y) {
    let hit = document.elementFromPoint(x, y)
    for (;;) {
      const deeper = hit?.shadowRoot?.elementFromPoint(x, y)
      if (!deeper || deeper === hit) return hit
      hit = deeper
    }
  }

  function middleOf(element) {
    const { left, top, width, height } = element.getBoundingClientRect()
    return { x: left + width / 2, y: top + height / 2 }
  }

  /** Something else lies over its middle, or that is out of the window. */
  function isCovered(element) {
    const { x, y } = middleOf(element)
    const hit = hitAt(x, y)
    return !hit || !element.contains(hit)
  }

  /** The middle of the first match that a click would reach, brought into the window; or nothing. */
  function whereToClick(selector, within = 'html') {
    const root = document.querySelector(within)
    for (const element of root ? findAll(selector, root).filter(visible) : []) {
      element.scrollIntoView({ block: 'nearest', behavior: 'instant' })
      if (!isCovered(element)) return middleOf(element)
    }
  }

  /** What a screen reader calls it. */
  const nameOf = (element) => (element.getAttribute('aria-label') || element.innerText || element.title || '').trim()

  return {
    tell: (what) => window.__e2eTell(JSON.stringify(what)),
    findAll,
    visible,
    isCovered,
    nameOf,
    whereToClick,
    live,
    counts,
    nameColour,
    lookAt: look,
    listenTo: listen,
    /** @param {{ at?: number } & Parameters<typeof look>[1]} options */
    look: ({ at, ...options }) => {
      const track = receiverTrack('video', at)
      return withPlayer(track, () => look(track, options))
    },
    /** @param {{ at?: number } & Parameters<typeof listen>[1]} options */
    listen: ({ at, ...options }) => {
      const track = receiverTrack('audio', at)
      return withPlayer(track, () => listen(track, options))
    },
    session: () => ({ ...session }),
    fence,
    connections: () => connections.map(({ pc, negotiations }) => ({ state: pc.connectionState, negotiations })),
    deviceRequests: () =>
      deviceRequests.map(({ constraints, error, tracks }) => ({
        constraints,
        audio: Boolean(constraints.audio),
        video: Boolean(constraints.video),
        error,
        tracks: (tracks ?? []).map((t) => ({ kind: t.kind, state: t.readyState, enabled: t.enabled, ...t.getSettings() })),
      })),
  }
}

if (!window.__e2e) window.__e2e = watchPage()
