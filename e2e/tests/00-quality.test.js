/** The arithmetic of the quality runs (e2e/quality), on records whose figures are known. */

import assert from 'node:assert/strict'
import { chosen } from '../quality/cases.js'
import { figures, joined, middleAndMost, recovery } from '../quality/figures.js'
import { page } from '../quality/table.js'
import { describe, it } from '../lib/test.js'

/** Time between two samples and between two pictures of these records, ms. */
const EVERY = 50
const RATE = 48

/**
 * A record of some seconds from 0 on: `bad(ms)` says that nothing arrives then and that sound is made up.
 *
 * @param {number} seconds
 * @param {(ms: number) => boolean} bad
 */
function record(seconds, bad = () => false) {
  const samples = []
  const frames = []
  let [sound, concealed, pictures, frozen, gap] = [0, 0, 0, 0, 0]
  for (let at = 0; at <= seconds * 1000; at += EVERY) {
    if (at) sound += EVERY * RATE
    if (bad(at)) {
      concealed += EVERY * RATE
      gap += EVERY
    } else {
      if (gap > 150) frozen += (gap + EVERY) / 1000
      gap = 0
      pictures++
      frames.push(at)
    }
    const audio = { packets: 0, lost: 0, samples: sound, concealed, silent: 0, bytes: 0, repaired: 0 }
    const video = {
      packets: 10 * pictures,
      lost: 0,
      frames: pictures,
      frozen,
      nacks: 0,
      plis: 0,
      keyFrames: 1,
      bytes: 1000 * pictures,
      repaired: 0,
      width: 640,
      height: 480,
    }
    samples.push({ at, connection: 1, audio, video, sent: { bytes: 0, target: 600_000 } })
  }
  return { samples: joined(samples), frames }
}

const about = (actual, expected, spread = 0.06) => assert.ok(Math.abs(actual - expected) <= spread, `${actual} is about ${expected}`)

describe('figures of a record', () => {
  it('a good call has no concealment, no freeze, and its pictures', () => {
    const f = figures(record(10), 2000, 8000)
    assert.deepEqual([f.concealed, f.silent, f.frozen, f.size, f.targetKbps], [0, 0, 0, '640×480', 600])
    about(f.fps, 20)
    about(f.longest, 0.05)
    about(f.kbps, 160)
  })

  it('two seconds of ten without anything are a fifth, frozen, and one gap', () => {
    const f = figures(
      record(14, (ms) => ms >= 5000 && ms < 7000),
      2000,
      12_000,
    )
    about(f.concealed, 20, 0.6)
    about(f.frozen, 2)
    about(f.longest, 2)
    about(f.fps, 16, 0.2)
  })

  it('a freeze that lasts at the end counts as far as it has come', () => {
    const f = figures(
      record(10, (ms) => ms >= 6000),
      2000,
      8000,
    )
    about(f.frozen, 2)
  })

  it('silence that was made up is apart', () => {
    const r = record(10, (ms) => ms >= 5000 && ms < 6000)
    for (const s of r.samples) s.audio.silent = s.audio.concealed / 2
    const f = figures(r, 2000, 8000)
    about(f.concealed, 100 / 12, 0.5)
    about(f.silent, 100 / 12, 0.5)
  })

  it('counters go on over a connection that is replaced', () => {
    const r = record(10).samples
    const [a, b] = [r.slice(0, 100), structuredClone(r.slice(0, 100))]
    b.forEach((s) => {
      s.connection = 2
      s.at += 5000
    })
    const all = joined([...a, ...b])
    assert.equal(all.at(-1).video.frames, 2 * a.at(-1).video.frames)
    assert.ok(all.every((s, n) => n === 0 || s.audio.samples >= all[n - 1].audio.samples))
  })

  it('a freeze that ended with its connection is in the pictures', () => {
    const r = record(12, (ms) => ms >= 5000 && ms < 8000)
    for (const s of r.samples) {
      if (s.at >= 7900) s.connection = 2
      s.video.frozen = 0
    }
    about(figures(r, 3000, 10_000).frozen, 3)
  })

  it('a page that wrote nothing down is an error, not a row of zeros', () => {
    assert.throws(() => figures({ samples: [], frames: [] }, 0, 1000), /nothing was written down/)
  })
})

describe('recovery', () => {
  it('is at once in a good call, and after what was bad in another', () => {
    assert.equal(recovery(record(10), 5000, 20, 10_000), 0)
    const slow = record(12, (ms) => ms > 5000 && ms <= 7000)
    about(recovery(slow, 5000, 20, 12_000), 2, 0.15)
  })

  it('is unknown while the second after is not over, and when it never comes', () => {
    assert.equal(recovery(record(5), 4500, 20, 5000), undefined)
    assert.equal(
      recovery(
        record(20, (ms) => ms > 5000 && ms % 500 === 0),
        5000,
        20,
        20_000,
      ),
      undefined,
    )
  })
})

describe('the page', () => {
  it('has a row of each condition with its figures, and judges the bars without the microphone', () => {
    const { cases } = chosen(['loss5', '300k'])
    const f = figures(record(10), 2000, 8000)
    const run = cases.map(({ id }) => ({ id, down: f, up: { ...f, concealed: 3.14 }, recovered: 0.4 }))
    const side = (packet) => ({ packet, sound: 300, picture: 350, microphone: 90, camera: 120 })
    const accept = [{ roundTrip: 100, calls: [{ caller: side(260), callee: side(280) }] }]
    const machine = { date: '2030-01-02', processor: 'P', cores: 2, gib: 8, kernel: 'k', load: 0, build: 'release build', minutes: 1.2, chromium: '1' }
    const lines = page({ machine, runs: [run, run], accept, calls: 1 }, cases).split('\n')
    const row = lines.find((l) => l.startsWith('| loss 5 %, 20 s'))
    assert.match(row, /\| 0\.0 \| 0\.0 \| 0\.1 \| 20\.0 \| 640×480 \| 160 \| 0\.4 s \| 3\.1 \/ 0\.0 \/ 20\.0 \/ 640×480; > 20 s \| 0\.3–0\.6/)
    assert.equal(row.split('|').length, lines.find((l) => l.startsWith("| receiver's link")).split('|').length)
    const bars = lines.filter((l) => l.startsWith('| 100 ms'))
    assert.match(bars[0], /280 \/ 280 \| ≤ 180: \*\*missed\*\* \| 300 \/ 300 \| ≤ 350: met/)
    assert.match(bars[1], /260 \/ 260 \| ≤ 180: met/)
  })

  it('an unknown condition is named with those that there are', () => {
    assert.throws(() => chosen(['loss7']), /there is no loss7: --only takes loss0, .*accept/)
  })

  it('middle and most', () => {
    assert.deepEqual(middleAndMost([3, 1, 2, 10]), { middle: 2.5, most: 10 })
    assert.equal(middleAndMost([]), undefined)
  })
})
