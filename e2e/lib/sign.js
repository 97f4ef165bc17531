/** A UserSig made by the test itself, so that it can be of any time, key and app: reference is TLSSigAPIv2. */

import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'

/**
 * @param {{ sdkAppID: number, key: string, userID: string, time?: number, expire?: number }} of times in seconds
 * @returns {{ sdkAppID: number, userID: string, userSig: string }}
 */
export function sign({ sdkAppID, key, userID, time = Math.floor(Date.now() / 1000), expire = 3600 }) {
  const content = `TLS.identifier:${userID}\nTLS.sdkappid:${sdkAppID}\nTLS.time:${time}\nTLS.expire:${expire}\n`
  const json = JSON.stringify({
    'TLS.ver': '2.0',
    'TLS.identifier': userID,
    'TLS.sdkappid': sdkAppID,
    'TLS.time': time,
    'TLS.expire': expire,
    'TLS.sig': createHmac('sha256', key).update(content).digest('base64'),
  })
  const replaced = { '+': '*', '/': '-', '=': '_' }
  const userSig = deflateSync(json)
    .toString('base64')
    .replace(/[+/=]/g, (c) => replaced[c])
  return { sdkAppID, userID, userSig }
}
