/**
 * A phone with one app open, and a person who holds it: what the person does, and what the person sees and hears.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { PATIENCE_MS, until, within } from './shared.js'
import { Machine } from './machine.js'

/** How long a sound is listened to, and what of it makes it somebody's. */
const LISTEN_MS = 1500
const LISTEN_LOUD = 10
/** Silence that counts was read from samples for at least this long. */
const SILENCE_MS = 1000
/** Frames that make a picture credible, and how long they may take. */
const LOOK_FRAMES = 8
const LOOK_MS = 2000

/** @typedef {number | string} Place a player's place in the order of their coming, or its id */

/** The phone. Open one with {@link Machine.open}. */
export class Phone extends Machine {
  /** Lines of the console that were waited for. */
  #read = 0
  /** Who is signed in, and what its page is told; set by who has signed in. @type {string} */ userID
  /** @type {import('./event-log.js').EventLog} */ eventLog

  #awake() {
    if (!this.foreground) throw new Error(`${this.person.name}'s app is in the background: nobody can touch it`)
  }

  // What the person does.

  /** The page in front, as its own code has it. */
  get page() {
    return this.pages.top?.caller
  }

  /**
   * Does something in the app that the page in front could do.
   *
   * @template T
   * @param {(page: any, give: (value: any) => any) => T | Promise<T>} act `give` makes a value of the app's realm
   * @returns {Promise<T>} a copy of what it gave. What it throws is one of {@link Machine.errors}; a promise that it
   * gives and that is rejected rejects this one
   */
  async run(act) {
    this.#awake()
    const outcome = {}
    await this.eventLoop.task('the page', () => {
      outcome.value = act(this.page, (value) => this.realm.give(value))
    })
    return this.realm.take(await within(PATIENCE_MS, 'the page', Promise.resolve(outcome.value)))
  }

  /** Calls a method of the page in front, as a button of it would. @returns {Promise<any>} a copy of what it gave */
  do(method, ...args) {
    return this.run((page, give) => {
      if (typeof page[method] !== 'function') throw new Error(`the page has no ${method}`)
      return page[method](...args.map(give))
    })
  }

  /** A field of the page in front, or of what it holds: `page.TRTCCalling.data`. A copy. @param {string} path */
  peek(path) {
    return this.realm.take(path.split('.').reduce((at, key) => at?.[key], { page: this.page, app: this.app }))
  }

  /** Waits until something can be touched, and taps it. @param {string} selector see {@link Screen.find} */
  async tap(selector) {
    this.#awake()
    const [element] = await this.#reach(selector)
    await this.eventLoop.task(`a tap on ${selector}`, () => {
      const touch = { identifier: 0, pageX: 100, pageY: 100, clientX: 100, clientY: 100 }
      const more = this.realm.give({ touches: [touch], changedTouches: [touch] })
      for (const name of ['touchstart', 'touchend', 'tap']) {
        element.triggerEvent(name, this.realm.give({ x: 100, y: 100 }), { bubbles: true, composed: true, capturePhase: true, extraFields: more })
      }
      if (element.data?.openType === 'openSetting') {
        element.triggerEvent('opensetting', this.realm.give({ authSetting: this.permissions.open(), errMsg: 'openSetting:ok' }))
      }
    })
    await this.settled()
  }

  async #reach(selector) {
    const found = await until(
      `${this.person.name} can tap ${selector}`,
      () => {
        const { modal, sheet } = this.overlay
        if (modal || sheet) return undefined // it lies over everything
        const elements = this.screen.touchable(selector)
        return elements.length ? elements : undefined
      },
      { last: () => this.screen.texts },
    )
    if (found.length > 1) throw new Error(`${found.length} elements can be tapped as ${selector}`)
    return found
  }

  /** Types into a field. @param {string} selector @param {string} value */
  async type(selector, value) {
    this.#awake()
    const [element] = await this.#reach(selector)
    await this.eventLoop.task(`typing into ${selector}`, () => element.triggerEvent('input', this.realm.give({ value, cursor: value.length })))
  }

  /** Answers the dialog that is open, or waits for it. @param {boolean} confirm @returns what it said */
  async answerModal(confirm) {
    const modal = await until(`${this.person.name} is asked something`, () => this.overlay.modal, { last: () => this.screen.texts })
    modal.answer(confirm)
    await until('the dialog is gone', () => this.overlay.modal !== modal)
    return { title: modal.title, content: modal.content }
  }

  /** Chooses from the list that is open. @param {number} index -1: none */
  async choose(index) {
    const sheet = await until(`${this.person.name} is offered a list`, () => this.overlay.sheet)
    sheet.choose(index)
  }

  /** Goes back to the page before. */
  async back() {
    this.#awake()
    await this.eventLoop.task('the way back', () => {
      if (this.pages.stack.length > 1) this.pages.navigateBack(1)
    })
    await this.settled()
  }

  /** Opens another page over this one, as `wx.navigateTo` does. @param {string} url */
  async visit(url) {
    this.#awake()
    await this.eventLoop.task('the way to a further page', () => this.pages.navigateTo(url, {}))
    await this.settled()
  }

  /** Leaves the page for good, with another in its place, as `wx.redirectTo` does. @param {string} url */
  async goTo(url) {
    this.#awake()
    await this.eventLoop.task('the way to another page', () => this.pages.redirectTo(url, {}))
    await this.settled()
  }

  // What the person sees and hears, and what the test sees besides.

  /** Everything that can be read on the screen. @returns {string[]} */
  texts() {
    return this.screen.texts
  }

  /** Waits until a text can be read. @param {string | RegExp} text */
  async reads(text, ms = PATIENCE_MS) {
    const fits = (line) => (typeof text === 'string' ? line.includes(text) : text.test(line))
    return until(`${this.person.name} reads ${text}`, () => this.screen.texts.find(fits), { ms, last: () => this.screen.texts })
  }

  /** The next line of the console with this text that was not waited for yet. @param {string} text */
  async logged(text, ms = PATIENCE_MS) {
    const found = () => this.logs.findIndex((line, n) => n >= this.#read && line.text === text)
    await until(`${this.person.name}'s page writes ${text}`, () => found() >= 0, { ms, last: () => this.logs.slice(this.#read) })
    this.#read = found() + 1
  }

  /** Lines of the console, in their order. */
  lines() {
    return this.logs.map(({ text }) => text)
  }

  get pusher() {
    return this.media.pusher
  }
  get players() {
    return this.media.players
  }

  /** Codes of a tag's `statechange`, in their order. @param {'live-pusher' | 'live-player'} tag @param {number} [from] */
  codes(tag, from = 0) {
    return this.media.states
      .filter((state) => state.tag === tag)
      .map(({ code }) => code)
      .slice(from)
  }

  /** Waits for a code after the first so many of a tag. @param {'live-pusher' | 'live-player'} tag @param {number} code */
  async code(tag, code, { from = 0, ms = PATIENCE_MS } = {}) {
    return until(`${tag} of ${this.person.name} tells ${code}`, () => this.codes(tag, from).includes(code), { ms, last: () => this.codes(tag, from) })
  }

  /** Does a sound of the app play now: a ringtone? */
  get rings() {
    return this.sounds.some(({ playing }) => playing)
  }

  #playerAt(/** @type {Place} */ at = -1) {
    return typeof at === 'number' ? this.players.at(at) : this.players.find(({ element }) => element.id === at)
  }

  /** A player by its place or its id; the newest without. @param {number | string} [at] */
  #player(at) {
    const found = this.#playerAt(at)
    if (!found) throw new Error(`nothing can arrive here: ${this.person.name}'s page has no live-player`)
    return found
  }

  /** Waits for nothing where there is no such player. @template T @param {Place | undefined} at @param {() => Promise<T>} perceive @returns {() => Promise<T | { who: undefined }>} */
  #once(at, perceive) {
    return async () => (this.#playerAt(at) ? perceive() : delay(50, { who: undefined }))
  }

  /** Whose sound arrives, and whether the person hears it. */
  async listen({ at, ms = LISTEN_MS, enough } = /** @type {{ at?: Place, ms?: number, enough?: number }} */ ({})) {
    const player = this.#player(at)
    const before = player.audible
    const heard = await player.ears.listen({ ms, enough })
    return { ...heard, played: before && player.audible }
  }

  /** Whose picture arrives, and whether the person sees it. */
  async look({ at, ms = LOOK_MS, enough = LOOK_FRAMES } = /** @type {{ at?: Place, ms?: number, enough?: number }} */ ({})) {
    const player = this.#player(at)
    const before = player.visible
    const seen = await player.eyes.look({ ms, enough })
    return { ...seen, played: before && player.visible }
  }

  /**
   * Who is heard? With a name: waits until it is that person's tone.
   *
   * @param {string} [name]
   * @returns {Promise<string | undefined>} a name, `nobody` if what was played was silence, `unclear`, or nothing if no
   * sound came
   */
  async hears(name, { at } = /** @type {{ at?: Place }} */ ({})) {
    const listen = async () => {
      const heard = await this.listen({ at, enough: LISTEN_LOUD })
      return heard.played ? heard : { ...heard, who: undefined }
    }
    if (!name) return (await listen()).who
    return (await this.#until(`${this.person.name} hears ${name}`, this.#once(at, listen), ({ who }) => who === name)).who
  }

  /** Who is seen? With a name: waits until it is that person's moving picture. @param {string} [name] */
  async sees(name, { at } = /** @type {{ at?: Place }} */ ({})) {
    const look = async () => {
      const seen = await this.look({ at })
      return seen.played && seen.moving ? seen : { ...seen, who: seen.who === 'nobody' ? 'nobody' : undefined }
    }
    if (!name) return (await look()).who
    return (await this.#until(`${this.person.name} sees ${name}`, this.#once(at, look), ({ who }) => who === name)).who
  }

  /** Waits until a whole listening time was silent: sound comes, is played, and holds nothing. */
  hearsNobody({ at } = /** @type {{ at?: Place }} */ ({})) {
    const silent = ({ who, heardMs, played }) => who === 'nobody' && heardMs >= SILENCE_MS && played
    return this.#until(`${this.person.name} hears silence`, () => this.listen({ at }), silent)
  }

  /** Waits until no frame comes where one could, for a whole time of looking. */
  seesNobody({ at } = /** @type {{ at?: Place }} */ ({})) {
    return this.#until(
      `${this.person.name} sees nobody`,
      () => this.look({ at, ms: SILENCE_MS, enough: Infinity }),
      ({ frames }) => frames === 0,
    )
  }

  /** @param {string} what @param {() => Promise<any>} observe @param {(observed: any) => boolean} enough @returns {Promise<any>} */
  async #until(what, observe, enough) {
    /** @type {any} */ let last
    await until(what, async () => enough((last = await observe())), { every: 0, last: () => last })
    return last
  }
}
