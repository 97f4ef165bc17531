/**
 * What cameras and microphones give, encoded as a phone's own encoder would: H.264 baseline without B-frames, one key
 * frame every 3 s, and AAC at 48 kHz, mono. It is recorded once for each person and then played round and round, so that
 * a phone that talks costs next to nothing.
 */

import { make } from './ffmpeg.js'
import { AUDIO, FlvReader, VIDEO } from './flv.js'

export const WIDTH = 360
export const HEIGHT = 640
export const FRAMES_PER_SECOND = 15
/** Frames from one key frame to the next: 3 s. */
const GROUP = 45
const BAR = 28
/** A picture that is all one colour is no load for anybody: a phone's frames are some kilobytes. */
const NOISE = 10
const VIDEO_KBIT = 450

const RATE = 48_000
export const AAC_SAMPLES = 1024
/** Sound and pause in milliseconds: a tone that never stops is taken for noise, and removed by browsers. */
const BURST_MS = 300
const PAUSE_MS = 100
const FADE_MS = 8
/** AAC frames until the sound is where it was: 1.6 s, four bursts, whole periods of every tone. */
const ROUND = 75
/** An encoder's first frames hold less than the sound. */
const RUN_UP = 10

/** How long a recording may take. */
const RECORD_MS = 30_000

/**
 * @typedef {object} Recording of one person's camera and microphone: bodies of FLV tags
 * @property {Buffer} videoHeader
 * @property {Buffer[]} frames the first is a key frame
 * @property {Buffer} audioHeader
 * @property {Buffer[]} sound
 * @property {Buffer} silence
 */

/** @type {Map<string, Promise<Recording>>} */
const recordings = new Map()

/** What a person's camera and microphone give; recorded when it is first asked for. @param {import('../../lib/people.js').Person} person @returns {Promise<Recording>} */
export function recordingOf(person) {
  if (!recordings.has(person.name)) recordings.set(person.name, record(person))
  return recordings.get(person.name)
}

async function record(person) {
  const [video, audio, quiet] = await Promise.all([
    make(`${person.name}'s camera to be recorded`, VIDEO_ARGUMENTS, pictures(person), RECORD_MS),
    make(`${person.name}'s microphone to be recorded`, AUDIO_ARGUMENTS, samples(person.hz), RECORD_MS),
    make('silence to be recorded', AUDIO_ARGUMENTS, Buffer.alloc(AAC_SAMPLES * 2 * RUN_UP), RECORD_MS),
  ])
  const frames = tagsOf(video, VIDEO)
  const sound = tagsOf(audio, AUDIO)
  if (frames.length !== GROUP + 1) throw new Error(`${frames.length - 1} frames were recorded, not ${GROUP}`)
  const [videoHeader, ...rest] = frames
  const [audioHeader, ...blocks] = sound
  return { videoHeader, frames: rest, audioHeader, sound: blocks.slice(RUN_UP, RUN_UP + ROUND), silence: tagsOf(quiet, AUDIO).at(-2) }
}

const FLV = ['-f', 'flv', '-flvflags', 'no_sequence_end+no_metadata+no_duration_filesize', 'pipe:1']

const VIDEO_ARGUMENTS = [
  ...['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', `${FRAMES_PER_SECOND}`, '-i', 'pipe:0'],
  ...['-vf', `noise=alls=${NOISE}:allf=t`, '-c:v', 'libx264', '-profile:v', 'baseline', '-level', '3.0', '-preset', 'ultrafast'],
  ...['-tune', 'zerolatency', '-bf', '0', '-g', `${GROUP}`, '-keyint_min', `${GROUP}`, '-sc_threshold', '0'],
  ...['-b:v', `${VIDEO_KBIT}k`, '-maxrate', `${VIDEO_KBIT}k`, '-bufsize', `${VIDEO_KBIT}k`, '-threads', '1', ...FLV],
]

const AUDIO_ARGUMENTS = [...['-f', 's16le', '-ar', `${RATE}`, '-ac', '1', '-i', 'pipe:0', '-c:a', 'aac', '-b:a', '48k', ...FLV]]

/** The bodies of the tags of one kind, in their order. */
const tagsOf = (file, kind) =>
  new FlvReader()
    .read(file)
    .filter((tag) => tag.kind === kind)
    .map(({ body }) => body)

/** One colour, and a white bar that moves to the right: raw frames. @param {import('../../lib/people.js').Person} person */
function pictures({ rgb }) {
  const [y, u, v] = toYuv(rgb)
  const parts = []
  for (let n = 0; n < GROUP; n++) {
    const left = Math.floor((n / GROUP) * (WIDTH - BAR)) & ~1
    const luma = Buffer.alloc(WIDTH * HEIGHT, y)
    const blue = Buffer.alloc((WIDTH * HEIGHT) / 4, u)
    const red = Buffer.alloc((WIDTH * HEIGHT) / 4, v)
    for (let row = 0; row < HEIGHT; row++) {
      luma.fill(235, row * WIDTH + left, row * WIDTH + left + BAR)
      if (row % 2) continue
      const from = (row * WIDTH) / 4 + (left >> 1)
      blue.fill(128, from, from + BAR / 2)
      red.fill(128, from, from + BAR / 2)
    }
    parts.push(luma, blue, red)
  }
  return Buffer.concat(parts)
}

/** Bursts of one tone: 16-bit samples. @param {number} hz */
function samples(hz) {
  const count = AAC_SAMPLES * (RUN_UP + ROUND + RUN_UP)
  const data = Buffer.alloc(count * 2)
  for (let n = 0; n < count; n++) {
    const at = ((n * 1000) / RATE) % (BURST_MS + PAUSE_MS)
    const edge = Math.min(at, BURST_MS - at)
    const loudness = edge <= 0 ? 0 : Math.min(1, edge / FADE_MS)
    data.writeInt16LE(Math.round(0.4 * loudness * Math.sin((2 * Math.PI * hz * n) / RATE) * 32767), n * 2)
  }
  return data
}

/** ITU-R BT.601, limited range. */
function toYuv([r, g, b]) {
  return [
    Math.round(16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256),
    Math.round(128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256),
    Math.round(128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256),
  ]
}
