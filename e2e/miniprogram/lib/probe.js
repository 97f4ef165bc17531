/** What phones perceive: decoded samples and pixels, judged by `../../lib/probe.js`. */

import { BLOCK_MS, blockOf, frameOf, GRID, pictureOf, soundOf } from '../../lib/probe.js'
import { PALETTE, until } from './shared.js'

/** Samples a second of what is listened to. */
export const RATE = 16_000

const BLOCK = (RATE * BLOCK_MS) / 1000
/** What was heard and seen longer ago is forgotten, in blocks or frames. */
const KEPT = 2000

/** What arrives, cut into pieces of one size. @abstract */
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

  /** What a piece holds. @param {Buffer} _piece @returns {any} */
  perceive(_piece) {
    throw new Error('each sense has its own')
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
    return blockOf(
      Float32Array.from({ length: BLOCK }, (_, n) => bytes.readInt16LE(n * 2) / 32768),
      RATE,
      PALETTE,
    )
  }

  /** Whose tone is it? Listens for `ms`, or until `enough` blocks were loud. @param {{ ms: number, enough?: number }} options */
  async listen({ ms, enough = Infinity }) {
    const from = this.count
    await during(ms, () => this.since(from).filter(({ who }) => who).length >= enough)
    return soundOf(this.since(from))
  }
}

/** Sees. */
export class Eyes extends Sense {
  constructor() {
    super(GRID.width * GRID.height * 3)
  }

  perceive(pixels) {
    return frameOf(pixels, 3, PALETTE)
  }

  /** Whose picture is it? Looks for `ms`, or until `enough` frames were there. @param {{ ms: number, enough?: number }} options */
  async look({ ms, enough = Infinity }) {
    const from = this.count
    await during(ms, () => this.count - from >= enough)
    return pictureOf(this.since(from))
  }
}

/** Waits for a time, or until it is enough. */
async function during(ms, enough) {
  await until('it is enough', enough, { ms, every: 20 }).catch(() => {})
}
