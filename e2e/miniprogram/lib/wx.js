/**
 * `wx` of base library 2.10.0, exactly: its members are those of the published typings of that version, and what an app
 * asks for besides is noted. What a call component needs of it does what a phone does.
 */

import { readFileSync } from 'node:fs'
import { audio } from './wx/audio.js'
import { live } from './wx/live.js'
import { request } from './wx/request.js'
import { settings } from './wx/settings.js'
import { socket } from './wx/socket.js'
import { storage } from './wx/storage.js'
import { system } from './wx/system.js'
import { ui } from './wx/ui.js'

/** @type {{ version: string, api: Record<string, Record<'object' | 'success' | 'return', string[]>> }} */
export const BASE = JSON.parse(readFileSync(new URL('./wx-2.10.0.json', import.meta.url), 'utf8'))

/** A refusal of `wx`: `fail` is called with it. */
export class Refused extends Error {
  /** @param {string} why @param {object} [more] fields besides `errMsg` */
  constructor(why, more = {}) {
    super(why)
    this.more = more
  }
}

/** Listeners of one of the app's `onX`/`offX` pairs. */
export class Listeners {
  /** @type {Function[]} */ list = []

  /** @param {import('./phone.js').Phone} phone @param {string} name */
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

/**
 * Carries out what an app asked for and calls `success` or `fail`, and `complete`, each in a task.
 *
 * @param {import('./phone.js').Phone} phone
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

/**
 * @param {import('./phone.js').Phone} phone
 * @returns {any} the phone's `wx`
 */
export function makeWx(phone) {
  const parts = [system, storage, settings, ui, socket, request, audio, live]
  const members = Object.assign({}, ...parts.map((part) => part(phone)))
  for (const name of Object.keys(members)) if (!BASE.api[name]) throw new Error(`base library ${BASE.version} has no wx.${name}`)
  const { later } = phone.options
  return phone.realm.inside.surface('wx', { ...members, ...later }, (name) => {
    if (BASE.api[name] || Object.hasOwn(later, name)) return true
    phone.misses(`wx.${name}`)
    return false
  })
}
