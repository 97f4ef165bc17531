/** `wx` and what the user has allowed. */

import { reply, Refused } from './reply.js'

/** @typedef {'scope.record' | 'scope.camera' | string} Scope */

/** What the user has said so far, and will say when asked. */
export class Permissions {
  /** By scope: allowed, refused, or not there while never asked. @type {Map<Scope, boolean>} */ said = new Map()
  /** The answer to the next question. @type {'grant' | 'deny'} */ answer = 'grant'
  /** What the user changes when the settings are opened. @type {Record<Scope, boolean>} */ settings = {}
  /** Every question that the user was asked. @type {Scope[]} */ asked = []

  /** @param {Scope} scope @returns {boolean} asks if the user was never asked */
  allows(scope) {
    if (!this.said.has(scope)) {
      this.asked.push(scope)
      this.said.set(scope, this.answer === 'grant')
    }
    return this.said.get(scope)
  }

  /** @returns {Record<Scope, boolean>} */
  get all() {
    return Object.fromEntries(this.said)
  }

  /** The user goes through the settings. Only what was asked before is listed there. */
  open() {
    for (const [scope, allowed] of Object.entries(this.settings)) if (this.said.has(scope)) this.said.set(scope, allowed)
    return this.all
  }
}

/** @param {import('../phone.js').Phone} phone */
export function settings(phone) {
  const { permissions } = phone
  return {
    getSetting: (options) => reply(phone, 'getSetting', options, () => ({ authSetting: permissions.all })),
    authorize: (options) =>
      reply(phone, 'authorize', options, () => {
        if (!/^scope\.\w+$/.test(options.scope)) throw new Refused('invalid scope', { errCode: -1 })
        if (!permissions.allows(options.scope)) throw new Refused('auth deny', { errCode: -1 })
      }),
    openSetting: (options) => reply(phone, 'openSetting', options, () => ({ authSetting: permissions.open() })),
  }
}
