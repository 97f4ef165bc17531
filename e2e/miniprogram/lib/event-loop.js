/**
 * The one JavaScript thread of a phone. Whatever enters the app (timers, sockets, answers, taps, events of tags) is a
 * task of its own and waits its turn here, so that a phone that WeChat has suspended runs nothing and misses nothing.
 */

/** @typedef {{ what: string, run: () => any, done: (value: any) => void, still?: () => boolean }} Task */

/** A queue of tasks that can be frozen. */
export class EventLoop {
  /** @type {Task[]} */ #tasks = []
  #frozen = false
  #closed = false
  /** @type {NodeJS.Immediate | undefined} */ #next

  /** @param {(what: string, error: unknown) => void} onError is told what a task has thrown */
  constructor(onError) {
    this.onError = onError
  }

  /** True while nothing runs. */
  get frozen() {
    return this.#frozen
  }

  /**
   * Runs in its turn.
   *
   * @template T
   * @param {string} what
   * @param {() => T} run
   * @param {() => boolean} [still] false when it is no longer wanted once its turn has come
   * @returns {Promise<T | undefined>} what it gave; nothing if it has thrown, was no longer wanted or came too late
   */
  task(what, run, still) {
    if (this.#closed) return Promise.resolve(undefined)
    return new Promise((done) => {
      this.#tasks.push({ what, run, done, still })
      this.#pump()
    })
  }

  #pump() {
    if (this.#frozen || this.#closed || this.#next || !this.#tasks.length) return
    this.#next = setImmediate(() => {
      this.#next = undefined
      // It may have been frozen since.
      if (this.#frozen || this.#closed) return
      const { what, run, done, still } = this.#tasks.shift()
      try {
        done(still?.() === false ? undefined : run())
      } catch (error) {
        this.onError(what, error)
        done(undefined)
      }
      this.#pump()
    })
  }

  freeze() {
    this.#frozen = true
  }

  /** Runs what was held, in the order in which it came. */
  thaw() {
    this.#frozen = false
    this.#pump()
  }

  /** Nothing runs any more. */
  close() {
    this.#closed = true
    clearImmediate(this.#next)
    for (const { done } of this.#tasks.splice(0)) done(undefined)
  }
}

/** `setTimeout` and `setInterval` of a phone: their calls are tasks of its event loop. */
export class Timers {
  /** @type {Map<number, NodeJS.Timeout>} */ #running = new Map()
  #last = 0

  /** @param {EventLoop} eventLoop */
  constructor(eventLoop) {
    this.eventLoop = eventLoop
  }

  /** @param {() => void} fn @param {number} ms @returns {number} */
  once(fn, ms) {
    const id = ++this.#last
    const fire = () =>
      void this.eventLoop.task(
        'a timer',
        () => {
          this.#running.delete(id)
          fn()
        },
        () => this.#running.has(id),
      )
    this.#running.set(id, setTimeout(fire, ms))
    return id
  }

  /** @param {() => void} fn @param {number} ms @returns {number} */
  every(fn, ms) {
    const id = ++this.#last
    let held = false
    const fire = () => {
      if (held) return // one call at most waits for a frozen phone
      held = true
      void this.eventLoop.task(
        'an interval',
        () => {
          held = false
          fn()
        },
        () => this.#running.has(id),
      )
    }
    this.#running.set(id, setInterval(fire, Math.max(1, ms)))
    return id
  }

  /** @param {number} id */
  clear(id) {
    clearTimeout(this.#running.get(id))
    this.#running.delete(id)
  }

  clearAll() {
    for (const id of [...this.#running.keys()]) this.clear(id)
  }
}
