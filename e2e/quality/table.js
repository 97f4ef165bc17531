/** The figures as docs/quality.md. Pure. */

import { middleAndMost } from './figures.js'

/** The bars of the second table beyond one round trip, ms. */
export const BARS = { packet: 80, sound: 250 }

const one = (n) => n.toFixed(1)

/** The figure of each run, one after the other; once, if they are the same. */
const each = (values) => [...new Set(values)].join(' · ')

/** @param {number | undefined} s seconds */
const recovered = (s) => (s === undefined ? '> 20 s' : `${one(s)} s`)

/** Sound that was made up, and what of it was silence. */
function sound({ concealed, silent }) {
  return silent >= 0.05 ? `${one(concealed)} (+ ${one(silent)} silent)` : one(concealed)
}

function row(condition, results) {
  const of = (figure) => each(results.map(figure))
  return [
    `${condition.name}, ${condition.seconds} s`,
    of((r) => sound(r.down)),
    of((r) => one(r.down.frozen)),
    of((r) => one(r.down.longest)),
    of((r) => one(r.down.fps)),
    of((r) => r.down.size),
    of((r) => String(Math.round(r.down.kbps))),
    of((r) => recovered(r.recovered)),
    of((r) => `${one(r.up.concealed)} / ${one(r.up.frozen)} / ${one(r.up.fps)} / ${r.up.size}; ${recovered(r.recoveredUp)}`),
    condition.livekit ?? '–',
  ]
}

const line = (cells) => `| ${cells.join(' | ')} |`
const table = (heads, rows) => [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)].join('\n')

/** Middle and largest of the calls, ms. */
function spread(values) {
  const known = values.filter((v) => v !== undefined)
  const m = middleAndMost(known)
  return m ? `${Math.round(m.middle)} / ${Math.round(m.most)}` : '–'
}

/** Whether the middle one keeps a bar: what the device took to open is not ours. */
function judged(values, bar) {
  const m = middleAndMost(values)
  return m === undefined ? '–' : m.middle <= bar ? 'met' : '**missed**'
}

function acceptRows({ roundTrip, calls }) {
  return [
    { who: 'callee hears and sees caller', side: 'callee', sender: 'caller' },
    { who: 'caller hears and sees callee', side: 'caller', sender: 'callee' },
  ].map(({ who, side, sender }) => {
    const of = (name) => calls.map((c) => c[side][name])
    const opening = calls.map((c) => c[sender].microphone)
    const own = (name) => of(name).map((v, n) => v - opening[n])
    return [
      `${roundTrip} ms`,
      who,
      spread(of('packet')),
      `≤ ${roundTrip + BARS.packet}: ${judged(own('packet'), roundTrip + BARS.packet)}`,
      spread(of('sound')),
      `≤ ${roundTrip + BARS.sound}: ${judged(own('sound'), roundTrip + BARS.sound)}`,
      spread(of('picture')),
      spread(opening),
      spread(calls.map((c) => c[sender].camera)),
    ]
  })
}

/**
 * @param {{ machine: any, runs: any[][], accept: any[], calls: number }} data
 * @param {import('./cases.js').Case[]} cases
 * @returns {string} Markdown
 */
export function page({ machine: m, runs, accept, calls }, cases) {
  const impaired = runs.length
    ? cases.map((c) =>
        row(
          c,
          runs.map((rows) => rows.find(({ id }) => id === c.id)),
        ),
      )
    : []
  return `# What a caller hears and sees on a bad network

\`make quality\` measures this in about ${Math.ceil(m.minutes)} minutes and writes this file anew; \`ARGS="--only loss10 --only accept"\` measures
a part and prints it, \`ARGS="--runs 2"\` gives two figures a row. They are figures to beat, not assertions.

${m.date} (UTC) · ${m.processor}, ${m.cores} cores, ${m.gib} GiB · Linux ${m.kernel} · Chromium ${m.chromium} · ${m.build} · load before
the run ${m.load.toFixed(1)}

## A link that is impaired

${runs.length > 1 ? `${runs.length} runs, · between them` : 'One run'}.

${table(
  [
    "receiver's link, both ways",
    'concealed %',
    'frozen s',
    'longest gap s',
    'pictures/s',
    'size',
    'kb/s',
    'recovered after',
    'the other way: concealed % / frozen s / pictures/s / size; recovered after',
    'LiveKit 1.13.5, elsewhere: concealed % / frozen s / pictures/s; recovered after',
  ],
  impaired,
)}

- Chromium → server → Chromium through the web client's class, in the laboratory of [e2e/](../e2e/README.md). A video call
  of 640×480 at 20 pictures a second from a film with movement and grain, and a voice without pauses. One call for all rows of
  a run, after 12 s of warm-up; each row begins when the one before has recovered (or 20 s have passed) and 4 s are over.
- The receiver's link has 40 ms round trip in every row and between the rows, but where a row says otherwise; queues hold
  200 ms. The sender's link is perfect. "The other way" is what the person at the perfect link receives through the
  impaired one, at the same time.
- *Concealed*: \`concealedSamples\` − \`silentConcealedSamples\`, of \`totalSamplesReceived\`; what was faded to silence is
  beside it. *Frozen*: \`totalFreezesDuration\`, and the freeze that lasts at the end. *Longest gap*: between two pictures
  that a video element shows. *Pictures/s*: decoded. *kb/s*: pictures received, without headers.
- *Recovered*: from the end of the impairment (or from the change of address) to the first whole second with 90 % of the
  pictures of before and at most 1 % concealed.
- LiveKit's figures were measured elsewhere at another time, on the same conditions with its own browser client (two runs;
  simulcast, RED). They are beside ours to say where we stand, not to rank by a tenth.

## From the answer to the first sound and picture

${calls} calls a row, milliseconds: the middle one / the largest.

${table(
  [
    'round trip client–server',
    'direction',
    'first packet of sound',
    'bar',
    'first sample heard',
    'bar',
    'first picture decoded',
    "of it the sender's microphone opens",
    'camera opens',
  ],
  accept.flatMap(acceptRows),
)}

- Both clients' links have the round trip. The callee's page calls \`accept\` 2 s after it was told of the call; the clock
  starts before that, and is one for both browsers.
- A bar is judged on the middle call without the time that \`getUserMedia\` took for the sender's microphone after the answer
  (the caller's devices are open by then). It is one round trip and ${BARS.packet} ms for the packet, and ${BARS.sound} ms for the sample.
- The packet is timed by \`lastPacketReceivedTimestamp\`; the sample by the first block of 10 ms that is loud, as the page's own
  player pulls it (a loudspeaker's delay is not in it); the picture when the decoder gives it.
`
}
