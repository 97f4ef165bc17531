/** A talk by video that something is about to happen to. */

import { bothWays, connect, onBrowser, onPhone } from './sides.js'

/**
 * They talk by video.
 *
 * @param {import('./rig.js').Rig} rig
 * @param {{ phone?: Parameters<import('./rig.js').Rig['phone']>[0], browser?: Parameters<import('./rig.js').Rig['browser']>[0] }} [options]
 */
export async function talking(rig, { phone: options, browser: view } = {}) {
  const [phone, browser] = await Promise.all([rig.phone(options), rig.browser(view)])
  const [p, b] = [onPhone(phone), onBrowser(browser)]
  await connect(p, b, 2)
  await bothWays(p, b, 2)
  for (const { eventLog } of [p, b]) eventLog.forget()
  return { phone, browser, p, b, both: () => bothWays(p, b, 2) }
}
