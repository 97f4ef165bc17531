/** What a phone sends and gets of pictures, by its connection's own statistics. */

import { until } from './deadline.js'

/** Without a new frame for this long, no frame is on its way any more. */
const NO_FRAME_MS = 500

/** The codec in which a phone's pictures leave. @param {import('./phone.js').Phone} phone @returns {Promise<string | undefined>} */
export const sends = async (phone) =>
  phone.page.evaluate(async () => {
    const rows = [...(await window.__e2e.live().getStats()).values()]
    const out = rows.find((row) => row.type === 'outbound-rtp' && row.kind === 'video')
    return rows.find((row) => row.id === out?.codecId)?.mimeType
  })

/** Waits until no frame has been decoded for a while; gives how many there were. @param {import('./phone.js').Phone} phone */
export async function framesStop(phone) {
  let last = -1
  const same = async () => {
    const before = last
    last = (await phone.page.counts()).in.video.frames
    return last === before
  }
  await until('no frame comes any more', same, { every: NO_FRAME_MS, last: () => last })
  return last
}
