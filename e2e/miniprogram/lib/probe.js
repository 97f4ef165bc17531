/** The judge: whose tone and whose colour is it that was decoded? It sees samples and pixels and nothing else. */

import { PALETTE, until } from './shared.js'

/** What a picture is reduced to. */
export const GRID = { width: 32, height: 24 }
/** Samples a second of what is listened to. */
export const RATE = 16_000

const BLOCK_MS = 50
const BLOCK = (RATE * BLOCK_MS) / 1000
/** Root mean square below which it is silence; full scale is 1. */
const QUIET = 0.003
/** Share of a block's power that one tone must have. */
const PURE = 0.7
/** What was heard and seen longer ago is forgotten, in blocks or frames. */
const KEPT = 2000

/** Power of one frequency as a share of all (Goertzel). */
function share(block, hz) {
  const k = 2 * Math.cos((2 * Math.PI * hz) / RATE)
  let [a, b, total] = [0, 0, 0]
  for (const x of block) {
    const c = x + k * a - b
    b = a
    a = c
    total += x * x
  }
  return total ? (2 * (a * a + b * b - k * a * b)) / (block.length * total) : 0
}

/** What arrives, cut into pieces of one size. */
class Sense {
  /** @type {any[]} what was perceived, oldest first */ #found = []
  #count = 0

  constructor(size) {
    this.size = size
  }

  /**
   * Reads what a new ffmpeg decodes.
   *
   * @param {import('node:stream').Readable} pipe
   * @param {{ skip: number, onPiece: () => void }} options `skip`: so many pieces are not what came
   */
  plug(pipe, { skip, onPiece }) {
    let rest = Buffer.alloc(0)
    pipe.on('data', (chunk) => {
      rest = rest.length ? Buffer.concat([rest, chunk]) : chunk
      while (rest.length >= this.size) {
        const piece = rest.subarray(0, this.size)
        rest = rest.subarray(this.size)
        if (skip-- > 0) continue
        this.#found.push(this.perceive(piece))
        this.#count++
        onPiece()
      }
      if (this.#found.length > KEPT) this.#found.splice(0, this.#found.length - KEPT)
    })
  }

  /** How many pieces there were so far. */
  get count() {
    return this.#count
  }

  /** Those after the first so many. */
  since(count) {
    const news = this.#count - count
    return news > 0 ? this.#found.slice(-news) : []
  }
}

/** Hears. */
export class Ears extends Sense {
  constructor() {
    super(BLOCK * 2)
  }

  perceive(bytes) {
    const block = Float32Array.from({ length: BLOCK }, (_, n) => bytes.readInt16LE(n * 2) / 32768)
    const rms = Math.sqrt(block.reduce((sum, x) => sum + x * x, 0) / BLOCK)
    if (rms <= QUIET) return { rms }
    const best = PALETTE.map(({ name, hz }) => ({ name, power: share(block, hz) })).sort((x, y) => y.power - x.power)[0]
    return { rms, who: best.power > PURE ? best.name : 'unclear' }
  }

  /**
   * Whose tone is it? Listens for `ms`, or until `enough` blocks were loud.
   *
   * @returns who is heard (`nobody` only if samples came and all were silence, nothing if none came, `unclear` if it is
   * nobody's tone or several people's), the share of loud blocks, and how much sound was judged
   */
  async listen({ ms, enough = Infinity }) {
    const from = this.count
    await during(ms, () => this.since(from).filter(({ who }) => who).length >= enough)
    const blocks = this.since(from)
    const loud = blocks.filter(({ who }) => who)
    // A block beside silence holds the start or the end of a burst, and only a part of it is the tone.
    const whole = blocks.filter(({ who }, n) => who && blocks[n - 1]?.who && blocks[n + 1]?.who)
    const judged = whole.length ? whole : loud
    const { name, count } = most(judged.map(({ who }) => who))
    const who = !blocks.length ? undefined : loud.length <= 1 ? 'nobody' : count / judged.length > 0.7 ? name : 'unclear'
    const peak = Math.max(0, ...blocks.map(({ rms }) => rms))
    return { who, loud: blocks.length ? loud.length / blocks.length : 0, peak, heardMs: blocks.length * BLOCK_MS }
  }
}

/** Sees. */
export class Eyes extends Sense {
  constructor() {
    super(GRID.width * GRID.height * 3)
  }

  /** The person whose colour fills most of a picture, and where the white bar stands. */
  perceive(pixels) {
    const votes = []
    let [bar, white] = [0, 0]
    for (let i = 0; i < pixels.length; i += 3) {
      const [r, g, b] = pixels.subarray(i, i + 3)
      if (Math.min(r, g, b) > 170) {
        white++
        bar += (i / 3) % GRID.width
        continue
      }
      let best
      let distance = 80 // farther than this from every colour: nobody's
      for (const { name, rgb } of PALETTE) {
        const d = Math.hypot(r - rgb[0], g - rgb[1], b - rgb[2])
        if (d < distance) [best, distance] = [name, d]
      }
      votes.push(best)
    }
    const { name, count } = most(votes)
    return { who: count / (GRID.width * GRID.height) > 0.6 ? name : undefined, bar: white ? bar / white : undefined }
  }

  /**
   * Whose picture is it? Looks for `ms`, or until `enough` frames were there.
   *
   * @returns who fills the picture (`nobody` without frames, `unclear` if it is nobody's colour or changes), how many
   * frames there were, and whether the picture moves
   */
  async look({ ms, enough = Infinity }) {
    const from = this.count
    await during(ms, () => this.count - from >= enough)
    const frames = this.since(from)
    const names = new Set(frames.map(({ who }) => who))
    const bars = new Set(frames.map(({ bar }) => bar).filter((bar) => bar !== undefined).map(Math.round))
    const who = !frames.length ? 'nobody' : names.size === 1 ? ([...names][0] ?? 'unclear') : 'unclear'
    return { who, frames: frames.length, moving: bars.size > 1 }
  }
}

/** The commonest of a list. */
function most(list) {
  const counts = new Map()
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1)
  const [name, count = 0] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? []
  return { name, count }
}

/** Waits for a time, or until it is enough. */
async function during(ms, enough) {
  await until('it is enough', enough, { ms, every: 20 }).catch(() => {})
}
