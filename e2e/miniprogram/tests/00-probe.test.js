/** The judge can say yes, no, somebody else and nothing at all. */

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it, PEOPLE } from '../lib/shared.js'
import { GRID } from '../../lib/probe.js'
import { Ears, Eyes, RATE } from '../lib/probe.js'

const { alice, bob } = PEOPLE

/** Listens to samples. @param {(n: number) => number} sample @param {number} ms */
async function heard(sample, ms = 1000) {
  const ears = new Ears()
  const pipe = new PassThrough()
  ears.plug(pipe, { skip: 0, onPiece: () => {} })
  const listening = ears.listen({ ms: 100 })
  const bytes = Buffer.alloc((RATE * ms) / 500)
  for (let n = 0; n < bytes.length / 2; n++) bytes.writeInt16LE(Math.round(sample(n) * 32767), n * 2)
  pipe.write(bytes)
  return listening
}
const tone =
  ({ hz }, loudness = 0.4) =>
  (n) =>
    loudness * Math.sin((2 * Math.PI * hz * n) / RATE)

/** Looks at frames. @param {{ rgb: number[], bar: number }[]} frames */
async function seen(frames) {
  const eyes = new Eyes()
  const pipe = new PassThrough()
  eyes.plug(pipe, { skip: 0, onPiece: () => {} })
  const looking = eyes.look({ ms: 100 })
  for (const { rgb, bar } of frames) {
    const pixels = Buffer.alloc(GRID.width * GRID.height * 3)
    for (let i = 0; i < pixels.length; i += 3) pixels.set((i / 3) % GRID.width === bar ? [255, 255, 255] : rgb, i)
    pipe.write(pixels)
  }
  return looking
}

describe('the judge', () => {
  it('hears who it is', async () => {
    for (const person of Object.values(PEOPLE)) assert.equal((await heard(tone(person))).who, person.name)
    const bursts = (n) => (n % 6400 < 4800 ? tone(bob)(n) : 0)
    assert.equal((await heard(bursts)).who, 'bob')
  })

  it('hears nobody only in samples that are silent', async () => {
    const { who, heardMs } = await heard(() => 0)
    assert.deepEqual([who, heardMs], ['nobody', 1000])
    assert.equal((await heard(() => 0.001)).who, 'nobody')
    assert.equal((await heard(() => 0, 0)).who, undefined)
  })

  it('is not taken in by noise, by a stranger or by two at once', async () => {
    assert.equal((await heard(() => Math.random() - 0.5)).who, 'unclear')
    assert.equal((await heard(tone({ hz: 330 }))).who, 'unclear')
    assert.equal((await heard((n) => tone(alice)(n) + tone(bob)(n))).who, 'unclear')
  })

  it('sees who it is, and whether the picture lives', async () => {
    const film = (rgb) => [1, 2, 3, 4].map((bar) => ({ rgb, bar }))
    for (const { name, rgb } of Object.values(PEOPLE)) assert.deepEqual(await seen(film(rgb)), { who: name, frames: 4, moving: true })
    assert.deepEqual(
      await seen([
        { rgb: bob.rgb, bar: 5 },
        { rgb: bob.rgb, bar: 5 },
      ]),
      { who: 'bob', frames: 2, moving: false },
    )
    assert.equal((await seen([])).who, 'nobody')
    assert.equal((await seen(film([0, 0, 0]))).who, 'unclear')
    assert.equal((await seen([...film(alice.rgb), ...film(bob.rgb)])).who, 'unclear')
  })
})
