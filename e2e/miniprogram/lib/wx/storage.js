/** `wx` and what an app keeps on the phone. It is there again when the app is opened again. */

import { reply, Refused } from './reply.js'

/** @param {import('../phone.js').Phone} phone */
export function storage(phone) {
  const kept = phone.storage
  const set = (key, data) => {
    if (typeof key !== 'string' || !key) throw new Refused('parameter error: parameter.key should be String')
    // As it comes back: functions and `undefined` do not survive.
    kept.set(key, JSON.stringify(data === undefined ? '' : data))
  }
  const get = (key) => (kept.has(key) ? JSON.parse(kept.get(key)) : undefined)
  const info = () => ({ keys: [...kept.keys()], currentSize: kept.size, limitSize: 10_240 })
  return {
    setStorageSync: set,
    getStorageSync: (key) => get(key) ?? '',
    removeStorageSync: (key) => void kept.delete(key),
    clearStorageSync: () => kept.clear(),
    getStorageInfoSync: info,
    setStorage: (options) => reply(phone, 'setStorage', options, () => set(options.key, options.data)),
    getStorage: (options) =>
      reply(phone, 'getStorage', options, () => {
        if (!kept.has(options.key)) throw new Refused('data not found')
        return { data: get(options.key) }
      }),
    removeStorage: (options) => reply(phone, 'removeStorage', options, () => void kept.delete(options.key)),
    clearStorage: (options) => reply(phone, 'clearStorage', options, () => kept.clear()),
    getStorageInfo: (options) => reply(phone, 'getStorageInfo', options, info),
  }
}
