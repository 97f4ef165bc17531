/**
 * Runs in every page of a quality run, after e2e/lib/in-page.js: writes down what arrives and when. All times are
 * milliseconds since 1970 of the machine's one clock.
 */
;(() => {
  if (window.__quality) return

  /** Time between two looks at the browser's measurements. It renews them every 50 ms. */
  const EVERY_MS = 50
  /** A block of sound with a root mean square above this is heard; full scale is 1. */
  const QUIET = 0.003
  const FINISHED = new Set(['closed', 'failed'])

  const now = () => performance.timeOrigin + performance.now()

  const samples = []
  /** When each picture was shown. */
  let frames = []
  /** What came first on the newest connection, and when. */
  let first = {}
  /** Each opening of a device. */
  let devices = []
  let connections = 0
  let current

  const screen = document.createElement('video')
  screen.muted = true
  screen.width = 160
  const shown = (at) => {
    frames.push(performance.timeOrigin + at)
    screen.requestVideoFrameCallback(shown)
  }
  screen.requestVideoFrameCallback(shown)
  function show(track) {
    if (!screen.isConnected) document.body.append(screen)
    screen.srcObject = new MediaStream([track])
    screen.play().catch(() => {})
  }

  /** The moment of the first thing in a track that counts. Sound comes only as far as the page's own player asks for it. */
  async function watch(track, counts, name) {
    const mine = first
    const reader = new MediaStreamTrackProcessor({ track: track.clone() }).readable.getReader()
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      const hit = counts(value)
      value.close()
      if (!hit) continue
      mine[name] ??= now()
      reader.cancel().catch(() => {})
      return
    }
  }

  function loud(data) {
    const block = new Float32Array(data.numberOfFrames)
    data.copyTo(block, { planeIndex: 0, format: 'f32-planar' })
    return Math.sqrt(block.reduce((sum, x) => sum + x * x, 0) / block.length) > QUIET
  }

  const Before = window.RTCPeerConnection
  window.RTCPeerConnection = class RTCPeerConnection extends Before {
    constructor(...args) {
      super(...args)
      current = { pc: this, id: ++connections }
      this.addEventListener('track', ({ track }) => {
        if (track.kind === 'video') show(track)
        // Nothing waits for them. What goes wrong in one is an error that nobody caught in the page, and noted as such.
        if (track.kind === 'video') void watch(track, () => true, 'picture')
        else void watch(track, loud, 'sound')
      })
    }
  }

  if (navigator.mediaDevices) {
    const before = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const request = { kind: constraints.video ? 'video' : 'audio', asked: now() }
      devices.push(request)
      const stream = await before(constraints)
      request.given = now()
      return stream
    }
  }

  async function sample() {
    if (!current || FINISHED.has(current.pc.connectionState)) return
    const { pc, id } = current
    const s = { connection: id, audio: {}, video: {}, sent: {} }
    for (const row of (await pc.getStats()).values()) {
      if (row.type === 'inbound-rtp') {
        const into = s[row.kind]
        into.packets = row.packetsReceived
        into.lost = row.packetsLost
        into.repaired = row.retransmittedPacketsReceived ?? 0
        into.discarded = row.packetsDiscarded ?? 0
        into.bytes = row.bytesReceived
        s.at = row.timestamp
        if (row.kind === 'audio') {
          into.samples = row.totalSamplesReceived ?? 0
          into.concealed = row.concealedSamples ?? 0
          into.silent = row.silentConcealedSamples ?? 0
          into.fec = row.fecPacketsReceived ?? 0
          // Counted in packets of 20 ms: the first of those that came since the last look.
          if (row.packetsReceived && row.lastPacketReceivedTimestamp) {
            first.packet ??= row.lastPacketReceivedTimestamp - (row.packetsReceived - 1) * 20
          }
        } else {
          into.frames = row.framesDecoded ?? 0
          into.frozen = row.totalFreezesDuration ?? 0
          into.width = row.frameWidth ?? 0
          into.height = row.frameHeight ?? 0
          into.nacks = row.nackCount ?? 0
          into.plis = row.pliCount ?? 0
          into.keyFrames = row.keyFramesDecoded ?? 0
        }
      } else if (row.type === 'outbound-rtp' && row.kind === 'video') {
        s.sent = {
          bytes: row.bytesSent,
          repaired: row.retransmittedPacketsSent ?? 0,
          target: row.targetBitrate ?? 0,
          keyFrames: row.keyFramesEncoded ?? 0,
          frames: row.framesEncoded ?? 0,
          limit: row.qualityLimitationReason,
        }
      }
    }
    if (s.at !== undefined) samples.push(s)
  }
  async function samplesForEver() {
    for (;;) {
      await sample().catch(() => {}) // a connection that was closed meanwhile
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }
  void samplesForEver() // as long as the page is open

  window.__quality = {
    now,
    /** What was written down since the last time. */
    take() {
      const taken = { samples: samples.splice(0), frames }
      frames = []
      return taken
    },
    /** A call begins: nothing has come yet. */
    begin() {
      first = {}
      devices = []
    },
    first: () => ({ ...first, devices }),
  }
})()
