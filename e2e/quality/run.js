/**
 * What a caller hears and sees on a bad network: `node quality/run.js [--only ID]… [--runs N] [--calls N] [--print]`.
 * Writes docs/quality.md, but for `--only` and `--print`, which only print.
 */

import { writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { allDone } from '../lib/deadline.js'
import { Lab } from '../lib/lab.js'
import { Rig } from '../lib/rig.js'
import { accepts } from './accept.js'
import { CASES, chosen, ROUND_TRIPS } from './cases.js'
import { impaired } from './impaired.js'
import { film, voice } from './media.js'
import { page } from './table.js'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** Calls at each round trip of the second table. */
const CALLS = 5

const usage = `usage: node quality/run.js [--only ID]… [--runs N] [--calls N] [--print]`
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    runs: { type: 'string', default: '1' },
    calls: { type: 'string', default: String(CALLS) },
    print: { type: 'boolean', default: false },
  },
})
const count = (name) => {
  const n = Number(values[name])
  if (!Number.isInteger(n) || n < 1) throw new Error(`--${name} ${values[name]} is no number of 1 or more; ${usage}`)
  return n
}
const [runs, calls] = [count('runs'), count('calls')]
const plan = chosen(values.only)

const say = (line) => console.log(line)
const machine = {
  date: new Date().toISOString().slice(0, 10),
  processor: cpus()[0]?.model ?? 'an unknown processor',
  cores: cpus().length,
  gib: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  load: loadavg()[0],
  build: /release/.test(process.env.TRING_BIN ?? '') ? 'release build' : 'debug build',
}
const began = Date.now()

/** One laboratory, one server and two browsers, for one part. */
async function part(measure) {
  const lab = await Lab.start({ hosts: { alice: {}, bob: {}, server: {} } })
  let rig
  try {
    rig = await Rig.start(['alice', 'bob'], { lab, device: { files: { film: film(), voice: voice() } } })
    machine.chromium ??= rig.devices.alice.version
    const phone = (name) => rig.phone(name, 'class', { view: { onPage: (raw) => raw.addInitScript({ path: here('in-page.js') }) } })
    return await measure({ rig, lab, phone, say })
  } finally {
    await allDone([(async () => rig?.stop())()]).catch((error) => say(`at the end: ${error.message}`))
    await lab.stop()
  }
}

const data = { machine, runs: [], accept: [], calls }
for (let n = 0; plan.cases.length && n < runs; n++) {
  say(`run ${n + 1} of ${runs}: ${plan.cases.length} conditions`)
  data.runs.push(await part((o) => impaired({ ...o, cases: plan.cases })))
}
if (plan.accept) {
  say(`from the answer: ${ROUND_TRIPS.length} round trips, ${calls} calls each`)
  data.accept = await part((o) => accepts({ ...o, roundTrips: ROUND_TRIPS, calls }))
}
machine.minutes = (Date.now() - began) / 60_000

const text = page(data, plan.cases)
const whole = plan.accept && plan.cases.length === CASES.length
if (whole && !values.print) {
  writeFileSync(here('../../docs/quality.md'), text)
  say('docs/quality.md is written')
} else {
  say(text)
}
