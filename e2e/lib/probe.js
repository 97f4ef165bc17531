/**
 * Who is it? From samples and pixels to a person of `people.js`. Nothing here knows Node or a page: it judges what phones
 * decode, and its text is put before `in-page.js` in every page (`device.js`).
 */

/** @typedef {{ name: string, rgb: number[], hz: number }[]} Palette whom there is to be known */
/** @typedef {{ rms: number, who?: string }} Block how loud it is, and, if it is not silence, whose tone; `unclear` if nobody's */
/** @typedef {{ who?: string, bar?: number }} Frame whose colour fills it, and the column in which the white bar stands */

/** What a picture is reduced to, in pixels. */
export const GRID = { width: 32, height: 24 }
/** Sound is judged in pieces of this length, in milliseconds. */
export const BLOCK_MS = 50
/** Root mean square below which a block is silence; full scale is 1. */
const QUIET = 0.003
/** Share of a block's power that one tone must have. Higher: noise and two at once are never taken for one. Lower: what a
 * codec has added is forgiven. */
const PURE = 0.7
/** Share of the loud blocks that one person's tone must fill. */
const MOSTLY = 0.6
/** Share of a picture that one person's colour must fill. */
const FILLS = 0.6
/** A pixel farther than this from every colour is nobody's, in units of RGB. */
const FAR = 80
/** All parts of a pixel of the white bar are above this. */
const WHITE = 170

/** Power of one frequency as a share of all (Goertzel). @param {ArrayLike<number>} block @param {number} hz @param {number} rate samples a second */
function share(block, hz, rate) {
  const k = 2 * Math.cos((2 * Math.PI * hz) / rate)
  let [a, b, total] = [0, 0, 0]
  for (let n = 0; n < block.length; n++) {
    const x = Number(block[n])
    const c = x + k * a - b
    b = a
    a = c
    total += x * x
  }
  return total ? (2 * (a * a + b * b - k * a * b)) / (block.length * total) : 0
}

/** Whose tone is it? @param {ArrayLike<number>} samples from -1 to 1 @param {number} rate samples a second @param {Palette} palette @returns {Block} */
export function blockOf(samples, rate, palette) {
  let power = 0
  for (let n = 0; n < samples.length; n++) power += Number(samples[n]) ** 2
  const rms = Math.sqrt(power / samples.length)
  if (rms <= QUIET) return { rms }
  const found = palette.find(({ hz }) => share(samples, hz, rate) > PURE)
  return { rms, who: found ? found.name : 'unclear' }
}

/**
 * Whose sound is it, as a whole? `nobody` if all was silence, nothing if there was none, `unclear` if it is nobody's tone or
 * several people's.
 *
 * @param {Block[]} blocks in their order
 * @returns {{ who?: string, loud: number, peak: number, heardMs: number }} `loud`: share of the blocks that were no silence;
 * `peak`: the loudest root mean square
 */
export function soundOf(blocks) {
  const loud = blocks.filter(({ who }) => who)
  // A block beside silence holds the start or the end of a burst, and only a part of it is the tone.
  const whole = blocks.filter(({ who }, n) => who && blocks[n - 1]?.who && blocks[n + 1]?.who)
  const judged = whole.length ? whole : loud
  const people = new Set(loud.map(({ who }) => who).filter((who) => who !== 'unclear'))
  const [name] = people
  const theirs = people.size === 1 && judged.filter(({ who }) => who === name).length >= MOSTLY * judged.length
  // One block may hold the start of a burst that was faded in.
  const who = !blocks.length ? undefined : loud.length <= 1 ? 'nobody' : theirs ? name : 'unclear'
  const peak = Math.max(0, ...blocks.map(({ rms }) => rms))
  return { who, loud: blocks.length ? loud.length / blocks.length : 0, peak, heardMs: blocks.length * BLOCK_MS }
}

/** Whose colour fills most of a picture of {@link GRID}'s size? @param {ArrayLike<number>} pixels @param {3 | 4} channels of a pixel @param {Palette} palette @returns {Frame} */
export function frameOf(pixels, channels, palette) {
  /** @type {Map<string, number>} */ const votes = new Map()
  let [bar, white] = [0, 0]
  for (let n = 0; n * channels < pixels.length; n++) {
    const [r = 0, g = 0, b = 0] = [pixels[n * channels], pixels[n * channels + 1], pixels[n * channels + 2]]
    if (Math.min(r, g, b) > WHITE) {
      white++
      bar += n % GRID.width
      continue
    }
    let best
    let distance = FAR
    for (const { name, rgb } of palette) {
      const d = Math.hypot(r - Number(rgb[0]), g - Number(rgb[1]), b - Number(rgb[2]))
      if (d < distance) [best, distance] = [name, d]
    }
    if (best !== undefined) votes.set(best, (votes.get(best) ?? 0) + 1)
  }
  const [name, count] = [...votes].sort((a, b) => b[1] - a[1])[0] ?? [undefined, 0]
  return { who: count / (GRID.width * GRID.height) > FILLS ? name : undefined, bar: white ? bar / white : undefined }
}

/**
 * Whose picture is it, as a whole? `nobody` without frames, `unclear` if it is nobody's colour or changes.
 *
 * @param {Frame[]} frames
 * @returns {{ who: string, frames: number, moving: boolean }}
 */
export function pictureOf(frames) {
  const names = new Set(frames.map(({ who }) => who))
  const bars = new Set(frames.flatMap(({ bar }) => (bar === undefined ? [] : Math.round(bar))))
  const who = !frames.length ? 'nobody' : names.size === 1 ? ([...names][0] ?? 'unclear') : 'unclear'
  return { who, frames: frames.length, moving: bars.size > 1 }
}
