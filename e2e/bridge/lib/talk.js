/** A talk by video that something is about to happen to. */

import assert from 'node:assert/strict'
import { until } from '../../lib/deadline.js'
import { nothingMore } from '../../lib/expect-events.js'
import { bothWays, connect, onBrowser, onPhone } from './sides.js'

/** They talk by video. @param {import('./rig.js').Rig} rig */
export async function talking(rig, { phone: options, browser: view } = {}) {
  const [phone, browser] = await Promise.all([rig.phone(options), rig.browser(view)])
  const [p, b] = [onPhone(phone), onBrowser(browser)]
  await connect(p, b, 2)
  await bothWays(p, b, 2)
  for (const { told } of [p, b]) told.forget()
  return { phone, browser, p, b, both: () => bothWays(p, b, 2) }
}

/** Nothing was told to a page since it last forgot, and nothing is on its way. @param {...import('./sides.js').Side} sides */
export async function nothingTold(...sides) {
  await nothingMore(...sides.map(({ told }) => told))
  for (const { told, userID } of sides) assert.deepEqual(told.told(), [], `what ${userID} was told`)
}

/** Nothing of the call is left on the phone. */
export const cleared = (phone) => until('its screen is empty', () => !phone.screen.find('#hangup').length && !phone.pusher && !phone.players.length, { last: () => phone.texts() })
