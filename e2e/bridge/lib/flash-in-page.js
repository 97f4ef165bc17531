/** Flash and beep in a browser's page. These functions run there, and know nothing but their argument. */

/**
 * Runs before the page's scripts: its camera and its microphone are flashes and beeps.
 *
 * One loop writes them, a picture when its time has come and a piece of sound when it is complete, as devices give them, and
 * with the times that devices would put on them: no canvas and no audio clock stand between the two. They leave together to
 * within the 10 ms of a piece of sound.
 *
 * @param {{ periodS: number, flashS: number, hz: number, fps: number }} how
 */
export function flashingDevices({ periodS, flashS, hz, fps }) {
  if (!navigator.mediaDevices) return
  const RATE = 48_000
  const PIECE = 480
  /** @type {{ video: WritableStreamDefaultWriter[], audio: WritableStreamDefaultWriter[] }} */
  const writers = { video: [], audio: [] }
  const canvas = new OffscreenCanvas(320, 240)
  const pen = canvas.getContext('2d')
  const on = (s) => s % periodS < flashS - 1e-6
  let [begun, frames, pieces] = [0, 0, 0]
  const frameMs = () => (frames * 1000) / fps
  const pieceMs = () => ((pieces + 1) * PIECE * 1000) / RATE
  const micros = (ms) => Math.round((begun + ms) * 1000)

  function picture() {
    pen.fillStyle = on(frames / fps) ? 'white' : 'black'
    pen.fillRect(0, 0, canvas.width, canvas.height)
    return new VideoFrame(canvas, { timestamp: micros(frameMs()) })
  }
  function sound() {
    const data = Float32Array.from({ length: PIECE }, (_, n) => {
      const t = (pieces * PIECE + n) / RATE
      return on(t) ? 0.5 * Math.sin(2 * Math.PI * hz * t) : 0
    })
    const what = { format: /** @type {const} */ ('f32-planar'), sampleRate: RATE, numberOfFrames: PIECE, numberOfChannels: 1, data }
    return new AudioData({ ...what, timestamp: micros((pieces * PIECE * 1000) / RATE) })
  }
  function give(kind, make) {
    for (const writer of writers[kind]) writer.write(make()).catch(() => {})
  }
  function write() {
    const now = performance.now() - begun
    while (Math.min(frameMs(), pieceMs()) <= now) {
      if (frameMs() <= pieceMs()) {
        give('video', picture)
        frames++
      } else {
        give('audio', sound)
        pieces++
      }
    }
  }
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    if (!begun) {
      begun = performance.now()
      setInterval(write, 4)
    }
    const tracks = ['video', 'audio']
      .filter((kind) => constraints[kind])
      .map((kind) => {
        const track = new MediaStreamTrackGenerator({ kind })
        writers[kind].push(track.writable.getWriter())
        return track
      })
    return new MediaStream(tracks)
  }
}

/**
 * Where flashes and beeps begin in what arrives, as a person in front of the page has them, in milliseconds of the page.
 *
 * A flash begins when its picture is to be displayed (`expectedDisplayTime`; the screen's 60 Hz put 0 to 17 ms on it). A
 * beep begins when its samples were fetched from the jitter buffer, and later by what the browser knows of its own output's
 * delay (`media-playout`). When they were fetched is known by the times on them, and by how early any of them came: good to
 * 10 ms, the size of what is fetched at once.
 *
 * `promised` is the second witness, without screen and sound card: by the receiver's own statistics, how much further in the
 * sender's time the picture is than the sound of what is played at one moment (`estimatedPlayoutTimestamp`, which is made
 * from the server's sender reports).
 *
 * @param {{ ms: number, white: number, loud: number, apartMs: number }} how
 * @returns {Promise<{ flashes: number[], beeps: number[], promised: [at: number, ms: number][], outputMs: number, pictures: number, since: number, lateMs: number }>}
 * `since`: when there was a picture and a sound; `lateMs`: how late the page's timers come, but for one in twenty: on a
 * machine that is too busy nothing can be measured
 */
export async function watchFlashes({ ms, white, loud, apartMs }) {
  const pc = window.__e2e.live()
  const track = (kind) =>
    pc
      .getReceivers()
      .map((r) => r.track)
      .find((t) => t.kind === kind && t.readyState === 'live')
  const shows = () => window.__e2e.findAll('video').find((v) => v.srcObject?.getTracks().includes(track('video')))
  const until = performance.now() + ms
  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time))
  const begins = (list, state, at, is) => {
    if (is && state.before === false && at - (list.at(-1) ?? -Infinity) > apartMs) list.push(at)
    state.before = is
  }
  const [flashes, heardAt, promised, earliest, lateness] = [[], [], [], [], []]
  let [pictures, firstPicture, firstSound, outputMs] = [0, Infinity, Infinity, 0]

  while (!shows() && performance.now() < until) await pause(20)
  const screen = shows()
  const canvas = new OffscreenCanvas(8, 8)
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  const seen = {}
  const looked = new Promise((resolve) => {
    screen.requestVideoFrameCallback(function look(_now, { expectedDisplayTime }) {
      pictures++
      firstPicture = Math.min(firstPicture, expectedDisplayTime)
      pen.drawImage(screen, 0, 0, 8, 8)
      begins(flashes, seen, expectedDisplayTime, pen.getImageData(4, 4, 1, 1).data[1] > white)
      if (performance.now() > until) resolve()
      else screen.requestVideoFrameCallback(look)
    })
  })

  const copy = track('audio').clone()
  const reader = new MediaStreamTrackProcessor({ track: copy }).readable.getReader()
  const heard = {}
  const listened = (async () => {
    for (;;) {
      const { value, done } = await reader.read()
      const now = performance.now()
      if (done || now > until) break
      const samples = new Float32Array(value.numberOfFrames)
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' })
      const own = value.timestamp / 1000
      earliest.push(now - own)
      // In pieces of 2.5 ms.
      const size = Math.round(value.sampleRate / 400)
      for (let at = 0; at + size <= samples.length; at += size) {
        const rms = Math.sqrt(samples.subarray(at, at + size).reduce((sum, x) => sum + x * x, 0) / size)
        if (rms > loud) firstSound = Math.min(firstSound, now)
        begins(heardAt, heard, own + (at * 1000) / value.sampleRate, rms > loud)
      }
      value.close()
    }
    copy.stop()
  })()

  const asked = (async () => {
    while (performance.now() < until) {
      const rows = [...(await pc.getStats()).values()]
      const played = Object.fromEntries(rows.filter((r) => r.type === 'inbound-rtp').map((r) => [r.kind, r.estimatedPlayoutTimestamp]))
      if (played.audio && played.video) promised.push([performance.now(), played.video - played.audio])
      const out = rows.find((r) => r.type === 'media-playout')
      if (out?.totalSamplesCount) outputMs = (out.totalPlayoutDelay / out.totalSamplesCount) * 1000
      await pause(250)
    }
  })()

  const timed = (async () => {
    for (let due = performance.now() + 10; due < until; due = Math.max(due, performance.now()) + 10) {
      await pause(due - performance.now())
      lateness.push(performance.now() - due)
    }
  })()

  await Promise.race([Promise.all([looked, listened, asked, timed]), pause(ms + 2000)])
  const high = (list, share) => list.sort((a, b) => a - b)[Math.floor(list.length * share)]
  const fetched = high(earliest, 0.05)
  const beeps = heardAt.map((own) => own + fetched + outputMs)
  return { flashes, beeps, promised, outputMs, pictures, since: Math.max(firstPicture, firstSound), lateMs: high(lateness, 0.95) }
}
