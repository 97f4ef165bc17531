/** What a page is told: every event, wrapped, in its order. Held against a table by `exactly` of e2e/lib/expect-events.js. */

import assert from 'node:assert/strict'
import { ALARMS, AMBIENT } from '../../lib/expect-events.js'
import { PATIENCE_MS, until } from './shared.js'

/** What the guide's handlers write. */
export const LINES = {
  INVITED: '收到邀请',
  HANG_UP: '挂断',
  REJECT: '对方拒绝',
  USER_LEAVE: '用户离开房间',
  NO_RESP: '对方无应答',
  CALLING_TIMEOUT: '无应答超时',
  LINE_BUSY: '对方忙线',
  CALLING_CANCEL: '取消通话',
  USER_ENTER: '用户进入房间',
  CALL_END: '通话结束',
}

/** One phone's. It has the shape that `exactly` reads. */
export class EventLog {
  surface = 'element'
  /** @type {{ event: string, value: string, data: any, shape: 'wrapped' | 'bare', count: number, expected?: boolean }[]} */ events = []
  #read = new Map()
  #lines = 0

  /** @param {import('./phone.js').Phone} phone */
  constructor(phone) {
    this.phone = phone
  }

  /** Handlers besides the guide's. @param {import('./phone.js').Phone} phone */
  static async by(phone) {
    const log = new EventLog(phone)
    await phone.run((page) => {
      for (const [event, value] of Object.entries(phone.realm.take(page.TRTCCalling.EVENT))) {
        page.TRTCCalling.on(value, (...given) => {
          const [what] = given.map((each) => phone.realm.take(each))
          const wrapped = typeof what === 'object' && what !== null && 'eventCode' in what && 'data' in what
          log.events.push({ event, value: what?.eventCode, data: wrapped ? what.data : what, shape: wrapped ? 'wrapped' : 'bare', count: given.length })
        })
      }
    })
    log.forget()
    return log
  }

  get userID() {
    return this.phone.userID
  }

  get sequence() {
    return this.events.filter(({ event }) => !AMBIENT.includes(event))
  }

  /** Names of {@link sequence}. */
  names() {
    return this.sequence.map(({ event }) => event)
  }

  /** Waits for the next event, but no longer. @param {number} ms */
  async change(ms) {
    const before = this.events.length
    await until('a change', () => this.events.length !== before, { ms }).catch(() => {})
  }

  /** Waits until the page was told what the server has sent so far. */
  fence() {
    return this.phone.fence()
  }

  /** The next event of this name that was not waited for yet. @returns {Promise<any>} its payload */
  async event(name, ms = PATIENCE_MS) {
    const from = this.#read.get(name) ?? 0
    const at = () => this.events.findIndex((told, n) => n >= from && told.event === name)
    await until(`${this.userID} is told ${name}`, () => at() >= 0, { ms, last: () => this.names() })
    const n = at()
    this.#read.set(name, n + 1)
    this.events[n].expected = true
    return this.events[n].data
  }

  /** What the guide's own handlers have written since {@link forget} is what was told, in the same order. */
  sameAsGuide() {
    const written = this.phone
      .lines()
      .slice(this.#lines)
      .filter((line) => Object.values(LINES).includes(line))
    assert.deepEqual(
      written,
      this.names()
        .filter((event) => LINES[event])
        .map((event) => LINES[event]),
      `the lines of ${this.userID}'s page`,
    )
  }

  /** Forgets what was told so far. Throws if an error was among it that nobody expected. */
  forget() {
    const alarms = this.sequence.filter(({ event, expected }) => ALARMS.includes(event) && !expected)
    this.events = []
    this.#read.clear()
    this.#lines = this.phone.lines().length
    if (alarms.length) throw new Error(`${this.userID} was told what no test expected: ${JSON.stringify(alarms)}`)
  }
}
