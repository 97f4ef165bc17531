/**
 * A long call in a short time: the phone's clock is about to need more than 24 bits, runs fast, and is hours old; the
 * delay of neither direction grows. `E2E_LONG=1` watches two minutes instead of half of one.
 */

import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { AUDIO, VIDEO } from '../../miniprogram/lib/flv.js'
import { film, FLASHING, PERIOD_S, summary, watched } from '../lib/flash.js'
import { Line, phoneWithoutTags } from '../lib/line.js'
import { Rig } from '../lib/rig.js'
import { connect, onBrowser, onPhone } from '../lib/sides.js'

const WATCHED_S = process.env.E2E_LONG ? 120 : 30

/** FLV and RTMP have 24 bits for milliseconds and eight more elsewhere: that many seconds after the call's beginning. */
const WRAPS_AFTER_S = 8
const FIRST_S = 2 ** 24 / 1000 - WRAPS_AFTER_S
/** The phone's clock counts so much more than ours: 200 ppm. */
const FAST = 1.0002

/** A delay that has grown by less has not grown: at a player, and behind a browser's jitter buffers, which breathe under load. */
const GROWN_MS = { toPhone: 100, toBrowser: 250 }
/** A delay is judged by its least in so long. */
const WINDOW_MS = 4000
/** Sound and picture are this near to each other at the end, in milliseconds. */
const IN_STEP_MS = 40
/** What is left of flashes and beeps where a few may be lost on a busy machine. */
const MOST = 0.8

/** How much the least of a delay has grown from the first whole window to the last. @param {[at: number, delay: number][]} delays */
function growth(delays) {
  const [first] = delays[0]
  const windows = []
  for (const [at, ms] of delays) {
    const n = Math.floor((at - first) / WINDOW_MS)
    windows[n] = Math.min(windows[n] ?? Infinity, ms)
  }
  // A call's beginning is not its middle, and the last window may be cut short.
  const whole = windows.slice(1, -1)
  return { grown: Math.round(whole.at(-1) - whole[0]), windows: whole.map((ms) => Math.round(ms - whole[0])) }
}

describe('a long call', () => {
  /** @type {Rig} */ let rig
  /** @type {Line | undefined} */ let line
  before(async () => void (rig = await Rig.start()))
  afterEach(async () => {
    await line?.close()
    await rig.clear()
  })
  after(() => rig?.stop())

  it(
    'goes on past 24 bits of milliseconds, and no delay grows',
    async () => {
      const recording = await film(WATCHED_S + 10)
      const [phone, browser] = await Promise.all([phoneWithoutTags(rig), rig.browser({ view: FLASHING })])
      await connect(onPhone(phone), onBrowser(browser), 2)
      line = await Line.of(phone, rig.server)
      line.publish(['-re', '-itsscale', `${FAST}`, '-i', recording], ['-c', 'copy', '-output_ts_offset', `${FIRST_S}`])
      /** @type {Record<number, [number, number][]>} */ const late = { [AUDIO]: [], [VIDEO]: [] }
      const [, seen] = await Promise.all([
        line.record(WATCHED_S * 1000, ({ kind, ms }) => late[kind]?.push([performance.now(), performance.now() - ms])),
        watched(browser.page, WATCHED_S * 1000),
      ])
      const toPhone = { sound: growth(late[AUDIO]), picture: growth(late[VIDEO]) }
      // They leave once a second of ours, whatever the phone's clock says; which one it is, the nearest whole second says.
      const since = (list) => list.map((at) => [at, at - list[0] - Math.round((at - list[0]) / (PERIOD_S * 1000)) * PERIOD_S * 1000])
      const toBrowser = { sound: growth(since(seen.beeps)), picture: growth(since(seen.flashes)) }
      const apart = seen.promised.slice(-4).map(([, ms]) => ms)
      console.log(JSON.stringify({ toPhone, toBrowser, apart: summary(apart), lateMs: Math.round(seen.lateMs) }))
      for (const found of [seen.beeps, seen.flashes]) assert.ok(found.length > MOST * (WATCHED_S - WRAPS_AFTER_S), `${found.length} in ${WATCHED_S} s`)
      for (const [where, { sound, picture }] of Object.entries({ toPhone, toBrowser })) {
        assert.ok(sound.grown < GROWN_MS[where], `sound, ${where}: ${sound.windows} ms`)
        assert.ok(picture.grown < GROWN_MS[where], `pictures, ${where}: ${picture.windows} ms`)
      }
      assert.ok(Math.abs(summary(apart).median) <= IN_STEP_MS, `${apart} ms apart at the end`)
    },
    { timeout: (WATCHED_S + 60) * 1000 },
  )
})
