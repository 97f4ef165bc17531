/** The demo page, used as a person does: by mouse and keyboard, judged by what is on the screen. */

import { until } from './deadline.js'

/** @typedef {'voice' | 'video'} Kind */
/** @typedef {'calling' | 'ringing' | 'connected' | 'ended' | null} Phase */

/**
 * What a person can see of one phone.
 *
 * @typedef {object} Seen
 * @property {string} state where its session stands
 * @property {Phase} phase of its call
 * @property {string} role of the call screen, for a screen reader
 * @property {string} label of the call screen, for a screen reader
 * @property {string} name of the other side
 * @property {string} status under the name
 * @property {string[]} notices
 * @property {Record<string, string>} keys what each key says, by its kind
 * @property {string[]} pictures which of the two pictures are shown
 * @property {boolean} sheet is the device sheet open
 * @property {string} text everything that is written on it
 */

/** The page. */
export class Demo {
  /** @param {import('./device.js').Page} page */
  constructor(page) {
    this.page = page
    this.phones = [new DemoPhone(page, 'alice'), new DemoPhone(page, 'bob')]
  }

  /**
   * @param {import('./device.js').Device} device
   * @param {string} url the server's
   * @param {{ language?: 'en' | 'zh', viewport?: { width: number, height: number } }} [options]
   */
  static async open(device, url, { language, ...view } = {}) {
    const demo = new Demo(await device.open(url, view))
    if (language) await demo.speak(language)
    for (const phone of demo.phones) await phone.until('online', (seen) => seen.state === 'online')
    return demo
  }

  /** @param {'en' | 'zh'} language */
  async speak(language) {
    await this.page.click(`[data-language="${language}"]`)
    const spoken = () => this.page.evaluate((l) => document.documentElement.lang.startsWith(l), language)
    await until(`the page speaks ${language}`, spoken)
  }

  async close() {
    // A page that is left signs out. One that is only closed may be gone before it has said so, and on a busy machine it is: its
    // user is then busy in a call until the grace is over, and the next test calls in vain.
    if (!this.page.raw.isClosed()) await this.page.raw.goto('about:blank')
    await this.page.close()
    const { faults } = this.page
    if (faults.length) throw new Error(`a script of the demo failed: ${faults.join('\n')}`)
  }
}

/** One of its phones. */
export class DemoPhone {
  constructor(page, user) {
    this.page = page
    this.user = user
    this.box = `.phone:has(#phone-${user})`
  }

  /** @returns {Promise<Seen>} */
  seen() {
    return this.page.evaluate((box) => {
      const { findAll, visible, nameOf } = window.__e2e
      const phone = document.querySelector(box)
      if (!phone) return { state: 'absent', phase: null, keys: {}, notices: [], pictures: [] }
      const all = (selector) => findAll(selector, phone).filter(visible)
      const text = (selector) => all(selector)[0]?.innerText ?? ''
      const host = phone.querySelector('trtc-calling')
      const screen = findAll('.screen', phone)[0]
      return {
        state: phone.querySelector('[data-state]').dataset.state,
        phase: host.getAttribute('phase'),
        role: screen?.getAttribute('role') ?? '',
        label: screen?.getAttribute('aria-label') ?? '',
        name: text('.screen .name'),
        status: text('.screen .status'),
        notices: all('.pills .pill').map((p) => p.innerText),
        keys: Object.fromEntries(all('.key').map((k) => [k.className.replace(/\bkey\b/, '').trim(), nameOf(k)])),
        pictures: all('video').map((v) => (v.closest('.small') ? 'small' : 'big')),
        sheet: all('.sheet').length > 0,
        text: host.hasAttribute('phase') ? (screen?.innerText ?? '') : phone.innerText,
      }
    }, this.box)
  }

  /**
   * Waits until the phone looks so.
   *
   * @param {string} what
   * @param {(seen: Seen) => any} is
   * @param {number} [ms]
   * @returns {Promise<Seen>}
   */
  async until(what, is, ms) {
    let seen
    await until(`${this.user}'s phone is ${what}`, async () => is((seen = await this.seen())), { ms, last: () => seen })
    return seen
  }

  /** @param {Phase} phase */
  phase(phase) {
    return this.until(phase ?? 'idle', (seen) => seen.phase === phase)
  }

  /** @param {string} selector */
  click(selector) {
    return this.page.click(selector, this.box)
  }

  /** @param {Kind} kind */
  dial(kind) {
    return this.click(kind === 'video' ? '.dial.video' : '.dial:not(.video)')
  }

  /** @param {'answer' | 'end' | 'mic' | 'cam' | 'devices'} kind */
  key(kind) {
    return this.click(`.key.${kind}`)
  }
}
