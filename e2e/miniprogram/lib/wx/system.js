/** `wx` and the phone itself: what it is, what it can, when the app comes and goes. */

import { camel, TAGS } from '../tags.js'
import { BASE } from './base-library.js'
import { Listeners } from './listeners.js'
import { reply } from './reply.js'

const PHONES = {
  ios: { brand: 'iPhone', model: 'iPhone 8', system: 'iOS 12.4', statusBarHeight: 20 },
  android: { brand: 'HUAWEI', model: 'HUAWEI P20', system: 'Android 9', statusBarHeight: 24 },
  devtools: { brand: 'devtools', model: 'iPhone 6', system: 'iOS 10.0.1', statusBarHeight: 20 },
}

/** @typedef {keyof typeof PHONES} Platform */

/** True for an API, an option or a result of it, a tag or an attribute of it, that base library 2.10.0 has; and for what this phone has besides. */
function canIUse(schema, later) {
  const [name, part, ...rest] = String(schema).split('.')
  if (Object.hasOwn(later, name)) return part === undefined
  const tag = TAGS[name]
  if (tag) return part === undefined || part in tag || Object.keys(tag).some((key) => camel(key) === part)
  const api = BASE.api[name]
  if (!api) return false
  if (part === undefined || (['success', 'fail', 'complete', 'callback'].includes(part) && !rest.length)) return true
  // `request.object.timeout`, `getSystemInfo.success.safeArea`, `connectSocket.return.send`; a value of it isn't known.
  return Boolean(api[part]?.includes(rest[0])) || (!rest.length && Boolean(api.return?.includes(part)))
}

/** @param {import('../phone.js').Phone} phone */
export function system(phone) {
  const { platform, SDKVersion, wechat, language } = phone.options
  const info = () => ({
    ...PHONES[platform],
    ...{ platform, SDKVersion, version: wechat, language, pixelRatio: 2, benchmarkLevel: 1 },
    ...{ screenWidth: 375, screenHeight: 667, windowWidth: 375, windowHeight: 603, fontSizeSetting: 16 },
    safeArea: { left: 0, right: 375, top: 20, bottom: 667, width: 375, height: 647 },
    microphoneAuthorized: true,
    cameraAuthorized: true,
  })
  const launch = () => ({ path: phone.options.entry, query: phone.options.query, scene: 1001, shareTicket: '', referrerInfo: {} })
  /** @type {Record<string, Listeners>} */ const events = {}
  const members = {}
  const listen = (name, off = true) => {
    events[name] = new Listeners(phone, name)
    members[`on${name}`] = events[name].on
    if (off) members[`off${name}`] = events[name].off
  }
  for (const name of ['AppShow', 'AppHide', 'Error', 'PageNotFound', 'AudioInterruptionBegin', 'AudioInterruptionEnd']) listen(name)
  for (const name of ['NetworkStatusChange', 'WindowResize']) listen(name)
  for (const name of ['MemoryWarning', 'UserCaptureScreen', 'AccelerometerChange']) listen(name, `off${name}` in BASE.api)
  listen('UnhandledRejection')
  phone.events = events
  return {
    ...members,
    canIUse: (schema) => canIUse(schema, phone.options.later),
    env: { USER_DATA_PATH: 'http://usr' },
    getSystemInfoSync: info,
    getSystemInfo: (options) => reply(phone, 'getSystemInfo', options, info),
    getLaunchOptionsSync: launch,
    getEnterOptionsSync: launch,
    getAccountInfoSync: () => ({ miniProgram: { appId: phone.options.appId } }),
    getNetworkType: (options) => reply(phone, 'getNetworkType', options, () => ({ networkType: phone.network.type })),
    setKeepScreenOn: (options) => reply(phone, 'setKeepScreenOn', options, () => void (phone.keepsScreenOn = options.keepScreenOn)),
    vibrateShort: (options) => reply(phone, 'vibrateShort', options, () => void phone.vibrations.push('short')),
    vibrateLong: (options) => reply(phone, 'vibrateLong', options, () => void phone.vibrations.push('long')),
    nextTick: (fn) => void phone.eventLoop.task('wx.nextTick', fn),
    base64ToArrayBuffer: (text) => Buffer.from(text, 'base64'),
    arrayBufferToBase64: (bytes) => Buffer.from(new Uint8Array(bytes)).toString('base64'),
    getUpdateManager: () => ({ onCheckForUpdate() {}, onUpdateReady() {}, onUpdateFailed() {}, applyUpdate() {} }),
    reportMonitor: () => {},
    reportAnalytics: () => {},
    getLogManager: () => ({ log() {}, info() {}, warn() {}, debug() {} }),
    getRealtimeLogManager: () => ({ info() {}, warn() {}, error() {}, setFilterMsg() {} }),
  }
}
