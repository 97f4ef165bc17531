/** The two kinds of phones behind one set of verbs, so that a test is written once for both ways round. */

import { allDone } from '../../lib/deadline.js'
import { call } from '../../miniprogram/lib/rig.js'

/**
 * @typedef {object} Side
 * @property {'phone' | 'browser'} kind
 * @property {string} userID
 * @property {import('../../lib/expect-events.js').Log} eventLog
 * @property {(to: string, options?: { type?: 1 | 2, timeout?: number }) => Promise<any>} call
 * @property {() => Promise<any>} accept
 * @property {() => Promise<any>} reject
 * @property {() => Promise<any>} hangup
 * @property {(method: string, ...args: any[]) => Promise<any>} does a method of the SDK
 * @property {(name: string) => Promise<any>} event
 * @property {(who: string) => Promise<any>} hears
 * @property {(who: string) => Promise<any>} sees
 * @property {() => Promise<any>} hearsNobody
 * @property {() => Promise<any>} seesNobody
 * @property {() => Promise<any>} same what must not change while a call goes on: its media's connections
 */

/** A mini-program, whose user touches the screen. @param {any} phone @returns {Side} */
export const onPhone = (phone) => ({
  kind: 'phone',
  userID: phone.userID,
  eventLog: phone.eventLog,
  call: (to, options) => call(phone, to, options),
  accept: () => phone.tap('#accept'),
  reject: () => phone.tap('#reject'),
  hangup: () => phone.tap('#hangup'),
  does: (method, ...args) => phone.run((page, give) => page.TRTCCalling[method](...args.map(give)).then(() => {})),
  event: (name) => phone.eventLog.event(name),
  hears: (who) => phone.hears(who),
  sees: (who) => phone.sees(who),
  hearsNobody: () => phone.hearsNobody(),
  seesNobody: () => phone.seesNobody(),
  same: async () => [phone.pusher.connections, phone.pusher.pid, phone.players[0].connections, phone.players[0].pid],
})

/** A browser's page. @param {import('../../lib/phone.js').Phone} browser @returns {Side} */
export const onBrowser = (browser) => ({
  kind: 'browser',
  userID: browser.userID,
  eventLog: browser,
  call: (to, { type = 1, ...more } = {}) => browser.call({ userID: to, type, ...more }),
  accept: () => browser.accept(),
  reject: () => browser.reject(),
  hangup: () => browser.hangup(),
  does: (method, ...args) => browser.do(method, ...args),
  event: (name) => browser.event(name),
  hears: (who) => browser.page.hears(who),
  sees: (who) => browser.page.sees(who, { shown: browser.surface === 'element' }),
  hearsNobody: () => browser.page.hearsNobody(),
  seesNobody: () => browser.page.seesNobody(),
  same: () => browser.page.evaluate(() => window.__e2e.connections()),
})

/** A calls B and B rings. @param {Side} a @param {Side} b */
export async function ring(a, b, options) {
  await a.call(b.userID, options)
  await b.event('INVITED')
}

/** A calls B and B answers. Both have been told all that comes of it. @param {Side} a @param {Side} b @param {1 | 2} [type] */
export async function connect(a, b, type = 1) {
  await ring(a, b, { type })
  await b.accept()
  for (const side of [a, b]) {
    for (const event of ['USER_ENTER', 'USER_AUDIO_AVAILABLE', ...(type === 2 ? ['USER_VIDEO_AVAILABLE'] : [])]) await side.event(event)
  }
}

/** Each hears, and in a video call sees, the other. @param {Side} a @param {Side} b @param {1 | 2} [type] */
export async function bothWays(a, b, type = 1) {
  await allDone([a.hears(b.userID), b.hears(a.userID)])
  if (type === 2) await allDone([a.sees(b.userID), b.sees(a.userID)])
}
