/** How a function of `wx` answers: by the callbacks that the app gave. */

/** A refusal of `wx`: `fail` is called with it. */
export class Refused extends Error {
  /** @param {string} why @param {object} [more] fields besides `errMsg` */
  constructor(why, more = {}) {
    super(why)
    this.more = more
  }
}

/**
 * Carries out what an app asked for and calls `success` or `fail`, and `complete`, each in a task.
 *
 * @param {import('../phone.js').Phone} phone
 * @param {string} name of the function
 * @param {any} options what the app gave
 * @param {() => any} run its result's fields; throws {@link Refused}
 */
export function reply(phone, name, options, run) {
  const tell = (kind, result) => {
    const given = phone.realm.give(result)
    for (const key of [kind, 'complete']) {
      const fn = options?.[key]
      if (typeof fn === 'function') void phone.eventLoop.task(`${key} of ${name}`, () => fn.call(options, given))
    }
  }
  const went = async () => ({ ...(await run()), errMsg: `${name}:ok` })
  went().then(
    (result) => tell('success', result),
    (error) => {
      if (!(error instanceof Refused)) return phone.fault(`wx.${name}`, error)
      tell('fail', { errMsg: `${name}:fail ${error.message}`, ...error.more })
    },
  )
}
