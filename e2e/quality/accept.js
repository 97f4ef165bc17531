/** The second table: from the answer to the first packet, sound and picture, at true round trips to the server. */

import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../lib/deadline.js'
import { ring } from '../lib/rig.js'

/** Ringing before the answer: a person is not faster, and the path to the server is made meanwhile. */
const RINGING_MS = 2000
/** Between two calls. */
const PAUSE_MS = 500

/** In the page: answers, and says when. */
const ACCEPT = async () => {
  const at = window.__quality.now()
  await window.phone.accept()
  return at
}

/** What each side has had, from the answer on. */
function since(accepted, { packet, sound, picture, devices }) {
  const after = (at) => (at === undefined ? undefined : at - accepted)
  // What was open before the answer is not waited for.
  const opened = (kind) => {
    const last = devices.findLast((d) => d.kind === kind && d.given > accepted)
    return last ? last.given - Math.max(accepted, last.asked) : 0
  }
  return { packet: after(packet), sound: after(sound), picture: after(picture), microphone: opened('audio'), camera: opened('video') }
}

/**
 * @param {object} o
 * @param {import('../lib/rig.js').Rig} o.rig
 * @param {import('../lib/lab.js').Lab} o.lab
 * @param {number[]} o.roundTrips ms between each client and the server
 * @param {number} o.calls at each of them
 * @param {(name: string) => Promise<import('../lib/phone.js').Phone>} o.phone
 * @param {(line: string) => void} o.say
 * @returns {Promise<{ roundTrip: number, calls: { caller: any, callee: any }[] }[]>}
 */
export async function accepts({ rig, lab, roundTrips, calls, phone, say }) {
  const [alice, bob] = await Promise.all([phone('alice'), phone('bob')])
  const rows = []
  for (const roundTrip of roundTrips) {
    const link = roundTrip ? `delay=${roundTrip / 2}ms` : ''
    for (const name of ['alice', 'bob']) await lab.set(name, { up: link, down: link })
    const row = { roundTrip, calls: [] }
    // The first call warms the pages up: devices, codecs and scripts are loaded.
    for (let n = rows.length ? 0 : -1; n < calls; n++) {
      const pages = [alice.page, bob.page]
      await Promise.all(pages.map((page) => page.evaluate(() => window.__quality.begin())))
      await ring(alice, bob, { type: 2 })
      await delay(RINGING_MS)
      const accepted = await bob.page.evaluate(ACCEPT)
      /** @type {any[]} */ let seen = []
      const whole = async () => {
        seen = await Promise.all(pages.map((page) => page.evaluate(() => window.__quality.first())))
        return seen.every(({ packet, sound, picture }) => packet && sound && picture)
      }
      await until('both sides have heard and seen each other', whole, { last: () => seen })
      if (n >= 0) row.calls.push({ caller: since(accepted, seen[0]), callee: since(accepted, seen[1]) })
      await alice.hangup()
      await bob.event('CALL_END')
      await alice.page.evaluate(() => window.__quality.take())
      await bob.page.evaluate(() => window.__quality.take())
      await delay(PAUSE_MS)
    }
    rows.push(row)
    say(`${roundTrip} ms: ${JSON.stringify(row.calls)}`)
  }
  await rig.clear().catch((error) => say(`after the calls: ${error.message}`))
  return rows
}
