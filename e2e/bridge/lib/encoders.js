/** Encoders that phones do not have: one person's colour and tone, as ffmpeg makes them of what a test wants. */

import { readFileSync, writeFileSync } from 'node:fs'
import { PEOPLE } from '../../lib/people.js'
import { make } from '../../miniprogram/lib/ffmpeg.js'
import { flvHeader, FlvReader, flvTag } from '../../miniprogram/lib/flv.js'
import { scratch } from './line.js'

const FRAMES_PER_SECOND = 15
const BAR = 28
const RENDER_MS = 30_000

/** H.264 as a phone has it. */
export const PLAIN = ['-profile:v', 'baseline', '-bf', '0']

/**
 * Inputs and encoders of ffmpeg.
 *
 * @param {keyof PEOPLE} name
 * @param {object} [options]
 * @param {[number, number]} [options.size]
 * @param {string[]} [options.video] settings of its encoder
 * @param {string[]} [options.audio] the same
 * @param {number} [options.pictureS] its pictures stop after so many seconds
 * @returns {[input: string[], output: string[]]}
 */
export function encoder(name, { size: [width, height] = [360, 640], video = PLAIN, audio = ['-ar', '48000', '-ac', '1'], pictureS } = {}) {
  const { rgb, hz } = PEOPLE[name]
  const colour = `0x${rgb.map((part) => part.toString(16).padStart(2, '0')).join('')}`
  const rate = FRAMES_PER_SECOND
  const pictures = `color=${colour}:s=${width}x${height}:r=${rate}[a];color=white:s=${BAR}x${height}:r=${rate}[b];[a][b]overlay=x='mod(t*100\\,${width - BAR})'`
  const sound = `aevalsrc='0.4*sin(2*PI*${hz}*t)*lt(mod(t\\,0.4)\\,0.3)':s=48000`
  return [
    ['-re', '-f', 'lavfi', ...(pictureS ? ['-t', `${pictureS}`] : []), '-i', pictures, '-re', '-f', 'lavfi', '-i', sound],
    [
      ...['-map', '0:v', '-map', '1:a', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', `${2 * rate}`, '-pix_fmt', 'yuv420p'],
      ...[...video, '-c:a', 'aac', '-b:a', '64k', ...audio, '-max_interleave_delta', '1', '-flush_packets', '1'],
    ],
  ]
}

/**
 * A file in which an encoder goes on at another size: with a header of its own, in the same stream.
 *
 * @param {keyof PEOPLE} name
 * @param {[number, number][]} sizes
 * @param {number} seconds of each
 */
export async function resized(name, sizes, seconds) {
  const parts = [flvHeader({ video: true })]
  for (const [n, size] of sizes.entries()) {
    const [input, output] = encoder(name, { size })
    const path = scratch('flv')
    await make(
      `a film of ${size}`,
      [...input.filter((arg) => arg !== '-re'), '-t', `${seconds}`, ...output, '-flvflags', 'no_metadata+no_sequence_end+no_duration_filesize', path],
      undefined,
      RENDER_MS,
    )
    for (const { kind, ms, body } of new FlvReader().read(readFileSync(path))) parts.push(flvTag(kind, ms + n * seconds * 1000, body))
  }
  const path = scratch('flv')
  writeFileSync(path, Buffer.concat(parts))
  return path
}
