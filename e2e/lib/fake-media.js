/** The films and sounds that stand in for cameras and microphones. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wav } from './wav.js'

const WIDTH = 320
const HEIGHT = 240
const FRAMES_PER_SECOND = 15
const FRAMES = 30
const BAR = 16

const SAMPLES_PER_SECOND = 48_000
const SECONDS = 2
/** Sound and pause in milliseconds: a tone that never stops is taken for noise and removed by the browser. */
const BURST_MS = 300
const PAUSE_MS = 100
const FADE_MS = 8

const folder = mkdtempSync(join(tmpdir(), 'tring-e2e-media-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/**
 * A camera: one colour, and a white bar that moves to the right, so that a frozen picture is told from a live one.
 *
 * @param {import('./people.js').Person} person
 * @returns {string} the path of a Y4M file
 */
export function camera({ name, rgb }) {
  const path = join(folder, `${name}.y4m`)
  const [y, u, v] = toYuv(rgb)
  const parts = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`)]
  for (let n = 0; n < FRAMES; n++) {
    const luma = Buffer.alloc(WIDTH * HEIGHT, y)
    const left = Math.floor((n / FRAMES) * (WIDTH - BAR))
    for (let row = 0; row < HEIGHT; row++) luma.fill(235, row * WIDTH + left, row * WIDTH + left + BAR)
    const blue = Buffer.alloc((WIDTH * HEIGHT) / 4, u)
    const red = Buffer.alloc((WIDTH * HEIGHT) / 4, v)
    for (let row = 0; row < HEIGHT / 2; row++) {
      const from = (row * WIDTH) / 2 + (left >> 1)
      blue.fill(128, from, from + BAR / 2)
      red.fill(128, from, from + BAR / 2)
    }
    parts.push(Buffer.from('FRAME\n'), luma, blue, red)
  }
  writeFileSync(path, Buffer.concat(parts))
  return path
}

/**
 * A microphone: bursts of one tone.
 *
 * @param {import('./people.js').Person} person
 * @returns {string} the path of a WAV file
 */
export function microphone({ name, hz }) {
  const path = join(folder, `${name}.wav`)
  const sample = (n) => {
    const at = ((n * 1000) / SAMPLES_PER_SECOND) % (BURST_MS + PAUSE_MS)
    const edge = Math.min(at, BURST_MS - at)
    const loudness = edge <= 0 ? 0 : Math.min(1, edge / FADE_MS)
    return 0.4 * loudness * Math.sin((2 * Math.PI * hz * n) / SAMPLES_PER_SECOND)
  }
  writeFileSync(path, wav(SAMPLES_PER_SECOND, SAMPLES_PER_SECOND * SECONDS, sample))
  return path
}

/** ITU-R BT.601, limited range. */
function toYuv([r, g, b]) {
  return [
    Math.round(16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256),
    Math.round(128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256),
    Math.round(128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256),
  ]
}
