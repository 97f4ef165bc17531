/** ffmpeg as a player's decoder: what comes in as FLV tags goes out as pixels and samples. */

import { Ffmpeg } from './ffmpeg.js'
import { AUDIO, flvHeader, flvTag, VIDEO } from './flv.js'
import { GRID } from '../../lib/probe.js'
import { RATE } from './probe.js'

const INPUT = [
  ...['-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0', '-fflags', 'nobuffer', '-flags', 'low_delay'],
  ...['-f', 'flv', '-i', 'pipe:0'],
]
const PICTURES = [
  ...['-map', '0:v:0', '-vsync', 'passthrough', '-vf', `scale=${GRID.width}:${GRID.height}:flags=area`],
  ...['-pix_fmt', 'rgb24', '-flush_packets', '1', '-f', 'rawvideo', 'pipe:3'],
]
const SOUND = ['-map', '0:a:0', '-ac', '1', '-ar', `${RATE}`, '-flush_packets', '1', '-f', 's16le', 'pipe:1']

/** The decoder of one stream. */
export class Decoder {
  #begun = performance.now()

  /**
   * @param {string} what whose it is
   * @param {import('./recording.js').Recording} primer of any kind: ffmpeg settles at the start which streams there are, so that
   * both are there from the start; its picture and its moment of silence are not passed on
   * @param {{ ears: import('./probe.js').Ears, eyes: import('./probe.js').Eyes, onSound: () => void, onPicture: () => void }} to
   */
  constructor(what, primer, { ears, eyes, onSound, onPicture }) {
    this.ffmpeg = new Ffmpeg(what, ['-loglevel', 'warning', ...INPUT, ...PICTURES, ...SOUND], { stdio: ['pipe', 'pipe', 'pipe'] })
    const { stdio } = this.ffmpeg.process
    ears.plug(stdio[1], { skip: 0, onPiece: onSound })
    eyes.plug(/** @type {import('node:stream').Readable} */ (stdio[3]), { skip: 1, onPiece: onPicture })
    const { stdin } = this.ffmpeg.process
    stdin.write(flvHeader({ video: true }))
    const first = /** @type {[number, Buffer][]} */ ([
      [AUDIO, primer.audioHeader],
      [AUDIO, primer.silence],
      [VIDEO, primer.videoHeader],
      [VIDEO, primer.frames[0]],
    ])
    for (const [kind, body] of first) stdin.write(flvTag(kind, 0, body))
  }

  get pid() {
    return this.ffmpeg.pid
  }

  /** @param {'audio' | 'video'} kind @param {Buffer} body of an FLV tag */
  take(kind, body) {
    // By the time of its coming: what another publisher goes on with has a clock of its own.
    const ms = Math.round(performance.now() - this.#begun) + 1
    this.ffmpeg.process.stdin.write(flvTag(kind === 'audio' ? AUDIO : VIDEO, ms, body))
  }

  /** @returns {Promise<void>} */
  end() {
    return this.ffmpeg.kill()
  }
}
