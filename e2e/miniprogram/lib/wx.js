/**
 * `wx` of base library 2.10.0, exactly: its members are those of the published typings of that version, and what an app
 * asks for besides is noted. What a call component needs of it does what a phone does.
 */

import { audio } from './wx/audio.js'
import { BASE } from './wx/base-library.js'
import { live } from './wx/live.js'
import { request } from './wx/request.js'
import { settings } from './wx/settings.js'
import { socket } from './wx/socket.js'
import { storage } from './wx/storage.js'
import { system } from './wx/system.js'
import { ui } from './wx/ui.js'

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
