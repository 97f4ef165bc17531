/** What the app is told by: the listeners of `wx.onX`. */

/** Listeners of one of the app's `onX`/`offX` pairs. */
export class Listeners {
  /** @type {Function[]} */ list = []

  /** @param {import('../phone.js').Phone} phone @param {string} name */
  constructor(phone, name) {
    this.phone = phone
    this.name = name
  }

  get on() {
    return (fn) => void (typeof fn === 'function' && this.list.push(fn))
  }

  /** Without an argument all go. */
  get off() {
    return (fn) => void (this.list = fn === undefined ? [] : this.list.filter((f) => f !== fn))
  }

  /** Calls each with a copy of the result, in a task. @returns {Promise<void>} */
  fire(result) {
    return this.phone.eventLoop.task(this.name, () => {
      for (const fn of [...this.list]) this.phone.guard(this.name, () => fn(this.phone.realm.give(result)))
    })
  }
}
