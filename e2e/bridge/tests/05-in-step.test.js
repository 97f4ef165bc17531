/**
 * Sound and picture are in step, both ways: flashes and beeps that leave together arrive together, from the third second of a
 * call on. `lib/flash.js` and `lib/flash-in-page.js` say how it is measured, and how exactly.
 */

import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { distances, film, FLASHING, flashesOf, summary, watched } from '../lib/flash.js'
import { Line, phoneWithoutTags } from '../lib/line.js'
import { Rig } from '../lib/rig.js'
import { connect, onBrowser, onPhone } from '../lib/sides.js'

/** The bar, in milliseconds. */
const IN_STEP_MS = 40
/** What a screen of 60 Hz puts on the moment of a single picture in a browser. */
const SCREEN_MS = 17
/** From the beginning of a stream until the bar holds. */
const BEGINS_MS = 3000
/** How long is watched. */
const WATCHED_MS = 14_000
/** Flashes that must have been found of those that were sent then. */
const ENOUGH = 9

/** Where timers come later than this, the machine is too busy to measure, and it is tried again. */
const TOO_LATE_MS = 5
const TRIES = 4

describe('flash and beep', () => {
  /** @type {Rig} */ let rig
  /** @type {{ file: string, own: number }} */ let recording
  /** What was measured, once for both directions. */ let measured
  before(async () => {
    rig = await Rig.start()
    const file = await film(WATCHED_MS / 1000 + 10)
    recording = { file, own: summary(distances(await flashesOf(file))).median }
    for (let n = 0; n < TRIES && !(measured?.lateMs < TOO_LATE_MS); n++) {
      measured = await both()
      await rig.clear()
    }
    console.log(JSON.stringify({ ...measured, own: recording.own }, null, 1).replace(/\n */g, ' '))
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  /** One call from its beginning: both directions at the same time. */
  async function both() {
    const [phone, browser] = await Promise.all([phoneWithoutTags(rig), rig.browser({ view: FLASHING })])
    const delays = monitorEventLoopDelay({ resolution: 10 })
    delays.enable()
    await connect(onPhone(phone), onBrowser(browser), 2)
    const line = await Line.of(phone, rig.server)
    try {
      line.publish(['-re', '-i', recording.file])
      const [file, seen] = await Promise.all([line.record(WATCHED_MS), watched(browser.page, WATCHED_MS)])
      const played = await flashesOf(file)
      /** @param {[at: number, ms: number]} promise */
      const later = ([at]) => at >= seen.since + BEGINS_MS
      const whole = (numbers) => numbers.map((n) => Math.round(n))
      return {
        toPhone: { all: whole(distances(played)), from3s: distances(after3s(played, Math.max(played.firstPicture, played.firstSound))) },
        toBrowser: {
          all: whole(distances(seen, recording.own)),
          from3s: distances(after3s(seen, seen.since), recording.own),
          promised: whole(seen.promised.filter(later).map(([, ms]) => ms)),
          outputMs: Math.round(seen.outputMs),
        },
        lateMs: Math.round(Math.max(seen.lateMs, delays.percentile(95) / 1e6 - 10) * 10) / 10,
      }
    } finally {
      delays.disable()
      await line.close()
    }
  }

  const after3s = ({ flashes, beeps }, since) => ({ flashes: flashes.filter((at) => at >= since + BEGINS_MS), beeps })

  function measurable() {
    assert.ok(measured.lateMs < TOO_LATE_MS, `the machine was too busy to measure, ${TRIES} times: its timers came ${measured.lateMs} ms late`)
  }

  it('of a browser reach a phone in step', () => {
    measurable()
    const { from3s, all } = measured.toPhone
    const { count, median, worst } = summary(from3s)
    assert.ok(count >= ENOUGH, `${count} flashes with their beeps`)
    assert.ok(Math.abs(worst) <= IN_STEP_MS, `median ${median} ms, worst ${worst} ms: ${all}`)
  })

  it('of a phone reach a browser in step', () => {
    measurable()
    const { from3s, all } = measured.toBrowser
    const { count, median, worst } = summary(from3s)
    assert.ok(count >= ENOUGH, `${count} flashes with their beeps`)
    const said = `median ${median} ms, worst ${worst} ms: ${all}`
    assert.ok(Math.abs(median) <= IN_STEP_MS, said)
    assert.ok(Math.abs(worst) <= IN_STEP_MS + SCREEN_MS, said)
  })

  it('of a phone are in step by what the browser makes of the sender reports', () => {
    measurable()
    const { median, worst } = summary(measured.toBrowser.promised)
    assert.ok(Math.abs(worst) <= IN_STEP_MS, `median ${median} ms, worst ${worst} ms: ${measured.toBrowser.promised}`)
  })
})
