/** A phone's `<live-pusher>` and `<live-player>` tags, and what it does with them when it goes into a pocket. */

import { camel, TAGS } from './tags.js'
import { Player } from './player.js'
import { Pusher } from './pusher.js'

/** What a code means, as the tags' documentation has it. */
const MEANING = {
  1001: 'connected to the server',
  1002: 'pushing has begun',
  1003: 'the camera is open',
  1007: 'first frame captured',
  1008: 'the encoder runs',
  1102: 'reconnecting',
  2001: 'connected to the server',
  2002: 'the stream begins',
  2003: 'first video frame',
  2004: 'playing',
  2006: 'the stream is over',
  2103: 'reconnecting',
  3001: 'no such address',
  3002: 'the server cannot be reached',
  3003: 'the handshake failed',
  3004: 'closed by the server',
  3005: 'read or write failed',
  5000: 'suspended',
  5001: 'closed by the user',
  [-1301]: 'no camera',
  [-1302]: 'no microphone',
  [-1307]: 'given up',
  [-2301]: 'given up',
}

/** Base library 2.x that brought `audiovolumenotify`. */
const VOLUME_SINCE = 12

/** @typedef {{ tag: string, id: string, code: number, at: number }} State */

/** The devices of one phone. */
export class Media {
  /** @type {Map<any, Pusher | Player>} */ #devices = new Map()
  /** @type {Set<Promise<any>>} */ #pending = new Set()
  /** Every state that a tag has told, oldest first. @type {State[]} */ states = []
  /** Every attribute that has changed, oldest first. @type {{ tag: string, id: string, name: string, value: any }[]} */ changes = []
  /** Network quality in `netstatus`: 1 is best. */
  quality = 1

  /** @param {import('./phone.js').Phone} phone */
  constructor(phone) {
    this.phone = phone
  }

  #names(tag) {
    return Object.keys(TAGS[tag]).map(camel)
  }

  /** From the framework: a tag comes, goes or has changed. */
  happened(tag, event, element) {
    let device = this.#devices.get(element)
    if (event === 'detached') {
      this.#devices.delete(element)
      device?.close()
      return
    }
    if (event === 'attached') {
      device = tag === 'live-pusher' ? new Pusher(this, element) : new Player(this, element)
      this.#devices.set(element, device)
    }
    if (!device) return // it has attributes before it is on the page
    const attributes = Object.fromEntries(this.#names(tag).map((name) => [name, element.data[name]]))
    for (const [name, value] of Object.entries(attributes)) {
      if (device.attributes[name] !== value) this.changes.push({ tag, id: element.id, name, value })
    }
    device.update(attributes)
  }

  /** @template {typeof Pusher | typeof Player} Kind @param {Kind} Kind @returns {InstanceType<Kind>[]} */
  #all(Kind) {
    return /** @type {InstanceType<Kind>[]} */ ([...this.#devices.values()].filter((device) => device instanceof Kind))
  }

  /** A phone has one camera: more than one is a fault of the app. @returns {Pusher[]} */
  get pushers() {
    return this.#all(Pusher)
  }

  /** The pusher that is mounted, the newest if several are. @returns {Pusher | undefined} */
  get pusher() {
    return this.pushers.at(-1)
  }

  /** @returns {Player[]} in the order in which they came */
  get players() {
    return this.#all(Player)
  }

  /** @param {string} id @param {any} [component] in whose template it is; else the page's */
  playerById(id, component) {
    const host = component?._$ ?? this.phone.pages.top?.root.getComponent()
    return this.players.find(({ element }) => element.id === id && element.ownerShadowRoot?.getHostNode() === host)
  }

  /** A tag tells its app something. */
  emit(element, name, detail) {
    void this.phone.eventLoop.task(`${name} of ${element.is}`, () => element.triggerEvent(name, this.phone.realm.give(detail)))
  }

  /** From base library 2.12.0 on the tags tell how loud it is. @param {any} element @param {() => number} volume 0 to 100 */
  tellVolume(element, volume) {
    const [, minor] = this.phone.options.SDKVersion.split('.').map(Number)
    if (minor >= VOLUME_SINCE) this.emit(element, 'audiovolumenotify', { volume: volume() })
  }

  state(element, code) {
    this.states.push({ tag: element.is, id: element.id, code, at: Date.now() })
    this.emit(element, 'statechange', { code, message: MEANING[code] ?? '' })
  }

  /** The app goes to the background. @param {'auto' | 'audio' | 'stop' | 'closed' | 'all'} policy */
  hide(policy) {
    const live = (device) => device?.running && device.attributes.mode === 'RTC'
    // Only this pair may go on.
    const chosen = policy !== 'auto' ? policy : live(this.pusher) && this.players.some(live) ? 'audio' : 'stop'
    this.pusher?.background(chosen)
    if (chosen === 'stop' || chosen === 'closed') for (const player of this.players) player.pause('the background')
  }

  show() {
    this.pusher?.background('back')
    for (const player of this.players) player.resume('the background')
  }

  /** Another page lies on one now, or no more. */
  covered(page, is = true) {
    for (const player of this.players) {
      if (!player.attributes.autoPauseIfNavigate || !this.phone.screen.within(page, player.element)) continue
      if (is) player.pause('another page')
      else player.resume('another page')
    }
  }

  /**
   * Keeps work that no tag waits for: the phone ends after it, and a failure of it is a fault of the phone.
   *
   * @param {string} what
   * @param {Promise<any>} work
   */
  pending(what, work) {
    const over = work.catch((error) => this.phone.fault(what, error)).finally(() => this.#pending.delete(over))
    this.#pending.add(over)
  }

  async close() {
    for (const device of this.#devices.values()) device.close()
    this.#devices.clear()
    await Promise.all([...this.#pending])
  }
}
