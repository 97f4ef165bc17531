/**
 * Lip-sync by flash and beep: once a second the picture is white for a moment, and the sound beeps from the same moment on.
 * How far apart they are at the other end is the error; above 0 the beep comes after its flash.
 *
 * How exact that is: FLV counts whole milliseconds, beeps are found in pieces of 2.5 ms, an AAC encoder smears a beep's
 * start over a few milliseconds, and the ends' own instruments (see there) are said with them. A film's own distance
 * (`of`, judged in the same way) is subtracted.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { make } from '../../miniprogram/lib/ffmpeg.js'
import { flashingDevices, watchFlashes } from './flash-in-page.js'
import { scratch } from './line.js'

/** From one flash to the next, and how long it and its beep are, in seconds. */
export const PERIOD_S = 1
const FLASH_S = 0.12
const TONE_HZ = 1000
const FRAMES_PER_SECOND = 30

/** Samples in a piece that is judged: 2.5 ms. */
const PIECE = 120
/** Power of such a piece, in decibels of full scale, from which on it is the beep, whose own is about -9. */
const LOUD_DB = -20
/** Mean luma from which on a picture is the flash. */
const WHITE = 128
/** A new flash or beep comes no sooner after the one before, in milliseconds. */
const APART_MS = (PERIOD_S * 1000) / 2

const RENDER_MS = 60_000

/** Its camera and its microphone are these: a view of {@link import('../../lib/device.js').Device.open}. */
export const FLASHING = {
  onPage: (raw) => raw.addInitScript(flashingDevices, { periodS: PERIOD_S, flashS: FLASH_S, hz: TONE_HZ, fps: FRAMES_PER_SECOND }),
}

/**
 * What a browser's page has for so long.
 *
 * @param {import('../../lib/device.js').Page} page
 * @param {number} ms
 * @returns {ReturnType<typeof watchFlashes>}
 */
export async function watched(page, ms) {
  // Longer than one script may take.
  await page.evaluate(`void (window.flashes = (${watchFlashes})(${JSON.stringify({ ms, white: WHITE, loud: 10 ** (LOUD_DB / 20), apartMs: APART_MS })}))`)
  await delay(ms)
  return page.evaluate(() => window.flashes)
}

/**
 * What a phone's encoder would make of it: H.264 baseline with key frames every 2 s, AAC of 48 kHz, mono.
 *
 * @param {number} seconds
 * @returns {Promise<string>} a file of FLV
 */
export async function film(seconds) {
  const path = scratch('flv')
  const on = `lt(mod(t\\,${PERIOD_S})\\,${FLASH_S})`
  await make(
    'a film of flashes',
    [
      ...['-f', 'lavfi', '-i', `color=black:s=320x240:r=${FRAMES_PER_SECOND},drawbox=enable='${on}':color=white:t=fill`],
      ...['-f', 'lavfi', '-i', `aevalsrc='0.5*sin(2*PI*${TONE_HZ}*t)*${on}':s=48000`, '-t', `${seconds}`],
      ...['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'ultrafast', '-tune', 'zerolatency', '-bf', '0', '-g', '60', '-pix_fmt', 'yuv420p'],
      ...['-c:a', 'aac', '-b:a', '64k', '-ac', '1', '-flvflags', 'no_duration_filesize', path],
    ],
    undefined,
    RENDER_MS,
  )
  return path
}

/** Where something begins, of `[ms, is]` in their order. */
function beginnings(pieces) {
  const found = []
  let before = true // what is on at the start has begun before
  for (const [ms, is] of pieces) {
    if (is && !before && ms - (found.at(-1) ?? -Infinity) > APART_MS) found.push(ms)
    before = is
  }
  return found
}

/** The measured values of one stream of a file, as `[ms, value]`. */
async function measure(file, stream, filter, key) {
  const printed = await make(
    `${filter} of a recording`,
    ['-copyts', '-i', file, '-map', stream, `-${stream[2]}f`, filter, '-f', 'null', '-'],
    undefined,
    RENDER_MS,
  )
  const text = printed.toString()
  return [...text.matchAll(new RegExp(`pts_time:(-?[\\d.]+)\\s+${key}=(-?[\\d.]+|-?inf|-?nan)`, 'g'))].map(([, s, value]) => [
    Number(s) * 1000,
    Number(value.replace('inf', 'Infinity')),
  ])
}

/**
 * Where flashes and beeps begin in a file, by its own times.
 *
 * @param {string} file
 * @returns {Promise<{ flashes: number[], beeps: number[], pictures: number, firstPicture: number, firstSound: number }>} milliseconds
 */
export async function flashesOf(file) {
  const luma = await measure(file, '0:v', 'scale=32:24,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-', 'lavfi.signalstats.YAVG')
  const power = await measure(
    file,
    '0:a',
    `asetnsamples=${PIECE}:p=0,astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-`,
    'lavfi.astats.Overall.RMS_level',
  )
  const flashes = beginnings(luma.map(([ms, y]) => [ms, y > WHITE]))
  const beeps = beginnings(power.map(([ms, db]) => [ms, db > LOUD_DB]))
  return { flashes, beeps, pictures: luma.length, firstPicture: luma[0]?.[0], firstSound: power[0]?.[0] }
}

/**
 * How far each beep is from its flash, in milliseconds.
 *
 * @param {{ flashes: number[], beeps: number[] }} found
 * @param {number} [own] what is so at the source
 * @returns {number[]}
 */
export function distances({ flashes, beeps }, own = 0) {
  const pairs = flashes.map((flash) => [flash, beeps.reduce((best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best), Infinity)])
  return pairs.filter(([flash, beep]) => Math.abs(beep - flash) < APART_MS).map(([flash, beep]) => beep - flash - own)
}

/** @param {number[]} numbers @returns {{ count: number, median: number, worst: number }} `worst`: the furthest from 0 */
export function summary(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const worst = numbers.reduce((far, each) => (Math.abs(each) > Math.abs(far) ? each : far), 0)
  return { count: numbers.length, median: Math.round(sorted[sorted.length >> 1] * 10) / 10, worst: Math.round(worst * 10) / 10 }
}
