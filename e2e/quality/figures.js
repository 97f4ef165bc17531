/** From what a page wrote down to figures. Pure. */

/** Two pictures farther apart than the average and this are a freeze, as `totalFreezesDuration` counts, ms. */
const FREEZE_MS = 150
/** A gap that is a freeze by any rule, ms. */
const SURE_MS = 1000
/** Time between two pictures of a call that nothing disturbs, ms. */
const PICTURE_MS = 50
/** A window of this length must be good for the call to have recovered, ms. */
const WINDOW_MS = 1000
/** Share of the pictures a second of before that count as recovered. */
const RECOVERED_PICTURES = 0.9
/** Share of concealed samples that still counts as none: two packets of 20 ms in a second are heard. */
const RECOVERED_SOUND = 0.01
/** Time between two windows that are tried, ms. */
const STEP_MS = 100

/** Counters that only grow during a connection. */
const COUNTERS = {
  audio: ['packets', 'lost', 'samples', 'concealed', 'silent', 'bytes', 'repaired'],
  video: ['packets', 'lost', 'frames', 'frozen', 'nacks', 'plis', 'keyFrames', 'bytes', 'repaired'],
  sent: ['bytes', 'repaired', 'keyFrames', 'frames'],
}

/**
 * Samples whose counters go on where a connection was replaced by another, which begins at zero.
 *
 * @param {any[]} samples in the order of time
 */
export function joined(samples) {
  const offset = {}
  let before
  return samples.map((s) => {
    const out = structuredClone(s)
    for (const [group, names] of Object.entries(COUNTERS)) {
      for (const name of names) {
        const key = `${group}.${name}`
        if (before && before.connection !== s.connection) offset[key] = (offset[key] ?? 0) + (before[group]?.[name] ?? 0)
        out[group] ??= {}
        out[group][name] = (s[group]?.[name] ?? 0) + (offset[key] ?? 0)
      }
    }
    before = s
    return out
  })
}

/** The last sample at or before a moment; the first if there is none. */
function at(samples, ms) {
  return samples.findLast((s) => s.at <= ms) ?? samples[0]
}

/** The most common of some values, or undefined. */
function commonest(values) {
  const votes = new Map()
  for (const v of values) votes.set(v, (votes.get(v) ?? 0) + 1)
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0]
}

/**
 * What was received from `from` to `to`.
 *
 * @param {{ samples: any[], frames: number[] }} record samples as {@link joined} gives them
 * @param {number} from ms
 * @param {number} to ms
 */
export function figures({ samples, frames }, from, to) {
  if (!samples.length) throw new Error('nothing was written down: no connection has received anything')
  const [a, b] = [at(samples, from), at(samples, to)]
  const delta = (group, name) => b[group][name] - a[group][name]
  const seconds = (to - from) / 1000
  const total = delta('audio', 'samples')
  const within = samples.filter((s) => s.at >= from && s.at <= to)
  const moments = [from, ...frames.filter((f) => f > from && f < to), to]
  const gaps = moments.slice(1).map((m, n) => m - moments[n])
  // A freeze is counted when it ends; what of it lies in this time is added here. One that ends with its connection is
  // never counted, but a gap of a second is one by any rule.
  const open = gaps.at(-1) > PICTURE_MS + FREEZE_MS ? gaps.at(-1) / 1000 : 0
  const sure = gaps.reduce((sum, gap) => sum + (gap >= SURE_MS ? gap / 1000 : 0), 0)
  const frozen = Math.max(delta('video', 'frozen') + open, sure)
  const share = (n) => (total ? (100 * n) / total : 100)
  const expected = delta('video', 'packets') + delta('video', 'lost')
  return {
    concealed: share(delta('audio', 'concealed') - delta('audio', 'silent')),
    silent: share(delta('audio', 'silent')),
    frozen: Math.min(seconds, frozen),
    longest: Math.max(...gaps) / 1000,
    fps: delta('video', 'frames') / seconds,
    size: commonest(within.filter((s) => s.video.width).map((s) => `${s.video.width}×${s.video.height}`)) ?? '–',
    kbps: (delta('video', 'bytes') * 8) / 1000 / seconds,
    targetKbps: (commonest(within.map((s) => s.sent.target ?? 0)) ?? 0) / 1000,
    nacks: delta('video', 'nacks'),
    repaired: delta('video', 'repaired'),
    plis: delta('video', 'plis'),
    keyFrames: delta('video', 'keyFrames'),
    videoLost: expected > 0 ? (100 * delta('video', 'lost')) / expected : 0,
  }
}

/**
 * Seconds from `from` until a whole second was good: nine tenths of the pictures of before, and no concealment.
 *
 * @param {{ samples: any[], frames: number[] }} record
 * @param {number} from ms
 * @param {number} fps pictures a second before
 * @param {number} until ms; later was not looked
 * @returns {number | undefined} nothing: not in that time
 */
export function recovery({ samples, frames }, from, fps, until) {
  const known = Math.min(until, samples.at(-1)?.at ?? 0)
  for (let start = from; start + WINDOW_MS <= known; start += STEP_MS) {
    const [a, b] = [at(samples, start), at(samples, start + WINDOW_MS)]
    const sound = b.audio.samples - a.audio.samples
    const concealed = b.audio.concealed - a.audio.concealed
    const pictures = frames.filter((f) => f > start && f <= start + WINDOW_MS).length
    if (sound > 0 && concealed <= sound * RECOVERED_SOUND && pictures >= fps * RECOVERED_PICTURES) {
      return (start - from) / 1000
    }
  }
}

/** The middle one of some numbers, and the largest. Nothing of none. */
export function middleAndMost(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  if (!sorted.length) return undefined
  const half = sorted.length >> 1
  const middle = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
  return { middle, most: sorted.at(-1) }
}
