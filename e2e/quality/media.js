/**
 * What the cameras and microphones of the quality runs give: a picture that costs what a real one does, and a sound that
 * is never silent, so that a missing piece of it is always counted.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wav } from '../lib/wav.js'

export const WIDTH = 640
export const HEIGHT = 480
export const FRAMES_PER_SECOND = 20
/** The film repeats without a cut after so many pictures. */
const FRAMES = 80
/** Pixels that the scene sways to each side, as from a hand. Much more is taken for a cut: the encoder makes key frames. */
const SWAY = 6
/** Spread of the camera's noise in steps of luma. Higher: the picture needs more bits. */
const GRAIN = 4

const SAMPLES_PER_SECOND = 48_000
const SECONDS = 4
/** The voice: syllables a second, and how far its pitch goes up and down in Hz. */
const SYLLABLES = 4
const PITCH = { middle: 150, swing: 30 }
const HARMONICS = 20

const folder = mkdtempSync(join(tmpdir(), 'tring-quality-media-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Numbers from 0 to 1 that are the same in each run. */
function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** A scene as wide as the picture that closes at its sides: shades of several sizes, and edges. */
function scene() {
  const next = random(1)
  const waves = Array.from({ length: 14 }, (_, n) => ({
    across: (2 * Math.PI * Math.round(1 + next() * (n + 2) * 2)) / WIDTH,
    down: (next() - 0.5) * (n + 1) * 0.02,
    shift: next() * 7,
    height: 50 / (n + 2),
  }))
  const luma = new Float32Array(WIDTH * HEIGHT)
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      let shade = 120
      for (const { across, down, shift, height } of waves) shade += height * Math.sin(across * x + down * y + shift)
      if (((x >> 5) + (y >> 5)) % 7 === 0) shade += 45 // edges, as of things in a room
      luma[y * WIDTH + x] = shade
    }
  }
  return luma
}

/** A film of 640×480 at 20 pictures a second. @returns {string} the path of a Y4M file */
export function film() {
  const path = join(folder, 'film.y4m')
  const luma = scene()
  const next = random(2)
  const grain = Float32Array.from({ length: 65_536 }, () => (next() + next() + next() - 1.5) * 2 * GRAIN)
  const parts = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`)]
  for (let n = 0; n < FRAMES; n++) {
    const picture = Buffer.alloc(WIDTH * HEIGHT)
    // A head that moves against the scene.
    const head = { x: WIDTH / 2 + 40 * Math.sin((2 * Math.PI * n) / FRAMES), y: HEIGHT / 2 + 20 * Math.cos((2 * Math.PI * n) / FRAMES) }
    const sway = WIDTH + Math.round(SWAY * Math.sin((2 * Math.PI * n) / FRAMES))
    for (let y = 0; y < HEIGHT; y++) {
      let g = Math.floor(next() * 65_536)
      for (let x = 0; x < WIDTH; x++) {
        const inside = ((x - head.x) / 110) ** 2 + ((y - head.y) / 150) ** 2 < 1
        const shade = inside ? 170 + 25 * Math.sin((x - head.x) / 9) * Math.sin((y - head.y) / 13) : luma[y * WIDTH + ((x + sway) % WIDTH)]
        picture[y * WIDTH + x] = Math.max(16, Math.min(235, shade + grain[g++ & 65_535]))
      }
    }
    const blue = Buffer.alloc((WIDTH * HEIGHT) / 4, 120)
    const red = Buffer.alloc((WIDTH * HEIGHT) / 4, 140)
    parts.push(Buffer.from('FRAME\n'), picture, blue, red)
  }
  writeFileSync(path, Buffer.concat(parts))
  return path
}

/** A voice without a pause, as far as a formula is one. @returns {string} the path of a WAV file */
export function voice() {
  const path = join(folder, 'voice.wav')
  let phase = 0
  const sample = (n) => {
    const t = n / SAMPLES_PER_SECOND
    phase += (2 * Math.PI * (PITCH.middle + PITCH.swing * Math.sin(2 * Math.PI * 0.75 * t))) / SAMPLES_PER_SECOND
    // Two formants that wander, as vowels do.
    const first = 500 + 250 * Math.sin(2 * Math.PI * 1.5 * t)
    const second = 1500 + 500 * Math.sin(2 * Math.PI * 2.25 * t)
    let sum = 0
    for (let h = 1; h <= HARMONICS; h++) {
      const hz = PITCH.middle * h
      sum += (1 / (1 + ((hz - first) / 150) ** 2) + 0.5 / (1 + ((hz - second) / 200) ** 2)) * Math.sin(h * phase)
    }
    const loudness = 0.65 + 0.35 * Math.sin(2 * Math.PI * SYLLABLES * t)
    return Math.tanh(sum * 0.4) * loudness * 0.5
  }
  writeFileSync(path, wav(SAMPLES_PER_SECOND, SAMPLES_PER_SECOND * SECONDS, sample))
  return path
}
