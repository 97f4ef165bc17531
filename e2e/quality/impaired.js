/** The first table: one call, and one thing after another done to the receiver's link. */

import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '../lib/rig.js'
import { REST } from './cases.js'
import { figures, joined, recovery } from './figures.js'

/** A call's first seconds are not measured: encoders and estimates find their rate. */
const WARM_UP_MS = 12_000
/** Rest before each case, over which the pictures a second of before are counted. */
const BEFORE_MS = 4000
/** The longest wait for recovery. Higher: slower recoveries get a figure. Lower: a shorter run. */
const RECOVERY_MS = 20_000
/** Time between two looks whether the call has recovered. */
const LOOK_MS = 500

/** What one page has written down since the call began. */
class Record {
  #samples = []
  frames = []

  constructor(page) {
    this.page = page
  }

  async update() {
    const { samples, frames } = await this.page.evaluate(() => window.__quality.take())
    this.#samples.push(...samples)
    this.frames.push(...frames)
    this.samples = joined(this.#samples)
  }
}

/**
 * @param {object} o
 * @param {import('../lib/rig.js').Rig} o.rig
 * @param {import('../lib/lab.js').Lab} o.lab
 * @param {import('./cases.js').Case[]} o.cases
 * @param {(name: string) => Promise<import('../lib/phone.js').Phone>} o.phone a page that writes down what arrives
 * @param {(line: string) => void} o.say
 * @returns {Promise<{ id: string, down: any, up: any, recovered?: number, recoveredUp?: number }[]>} `down`: what the
 * person with the impaired link received; `up`: what the other one received from them
 */
export async function impaired({ rig, lab, cases, phone, say }) {
  await lab.set('alice', { up: '', down: '' })
  await lab.set('bob', { up: REST, down: REST })
  const [alice, bob] = await Promise.all([phone('alice'), phone('bob')])
  await connect(alice, bob, 2)
  await Promise.all([alice.page.connection(), bob.page.connection()])
  const [other, receiver] = [new Record(alice.page), new Record(bob.page)]
  const update = () => Promise.all([other.update(), receiver.update()])
  await delay(WARM_UP_MS)

  const rows = []
  for (const one of cases) {
    await delay(BEFORE_MS)
    const start = Date.now()
    if (one.address) await lab.readdress('bob', one.address)
    else await lab.set('bob', { up: one.link, down: one.link })
    await delay(one.seconds * 1000)
    if (!one.address) await lab.set('bob', { up: REST, down: REST })
    const end = Date.now()
    // Another address is no state that ends: from then on the call has to find its way.
    const from = one.address ? start : end
    await update()
    const before = [receiver, other].map((r) => figures(r, start - BEFORE_MS, start))
    const look = (until) => [receiver, other].map((r, n) => recovery(r, from, before[n].fps, until))
    let recovered = look(end)
    while (recovered.includes(undefined) && Date.now() < from + RECOVERY_MS) {
      await delay(LOOK_MS)
      await update()
      recovered = look(Date.now())
    }
    const row = {
      id: one.id,
      down: figures(receiver, start, end),
      up: figures(other, start, end),
      before: before[0],
      recovered: recovered[0],
      recoveredUp: recovered[1],
      // How the sender far away went on, whose picture has to come through the impaired link.
      sender: figures(other, start, end).targetKbps,
    }
    rows.push(row)
    say(`${one.name}: ${JSON.stringify(row)}`)
  }
  await alice.hangup()
  await rig.clear().catch((error) => say(`after the calls: ${error.message}`))
  return rows
}
