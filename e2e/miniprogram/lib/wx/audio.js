/** `wx.createInnerAudioContext`: a sound that the phone plays, such as a ringtone. It is written down, not heard. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'

const KINDS = ['Canplay', 'Play', 'Pause', 'Stop', 'Ended', 'TimeUpdate', 'Error', 'Waiting', 'Seeking', 'Seeked']

/** @typedef {{ src: string, loop: boolean, volume: number, playing: boolean, plays: number, destroyed: boolean, interrupt(): void }} Sound */

/** A file of the app, or an address. @param {import('../phone.js').Phone} phone */
const found = (phone, src) => /^https?:\/\//.test(src) || existsSync(join(phone.program.folder, src))

/** @param {import('../phone.js').Phone} phone */
export function audio(phone) {
  const create = () => {
    const sound = {
      src: '',
      loop: false,
      autoplay: false,
      volume: 1,
      startTime: 0,
      obeyMuteSwitch: true,
      playing: false,
      plays: 0,
      destroyed: false,
      interrupt: () => {},
    }
    phone.sounds.push(sound)
    const listeners = Object.fromEntries(KINDS.map((kind) => [kind, []]))
    const fire = (kind, result) =>
      void phone.eventLoop.task(`on${kind} of a sound`, () => {
        for (const fn of [...listeners[kind]]) phone.guard(`on${kind} of a sound`, () => fn(phone.realm.give(result)))
      })
    const play = () => {
      if (sound.destroyed) return
      if (!found(phone, sound.src)) return fire('Error', { errCode: 10003, errMsg: `file not found: ${sound.src}` })
      if (!sound.playing) sound.plays++
      sound.playing = true
      fire('Play')
    }
    const halt = (kind) => () => {
      if (sound.playing) fire(kind)
      sound.playing = false
    }
    sound.interrupt = halt('Pause')
    const context = phone.realm.give({
      play,
      pause: halt('Pause'),
      stop: halt('Stop'),
      seek: () => {},
      destroy: () => {
        sound.playing = false
        sound.destroyed = true
        for (const kind of KINDS) listeners[kind] = []
      },
      ...Object.fromEntries(KINDS.map((kind) => [`on${kind}`, (fn) => void listeners[kind].push(fn)])),
      ...Object.fromEntries(KINDS.map((kind) => [`off${kind}`, (fn) => void (listeners[kind] = listeners[kind].filter((f) => fn && f !== fn))])),
    })
    const field = (key) => ({ get: () => sound[key], set: (value) => (sound[key] = value) })
    const fields = Object.fromEntries(['loop', 'autoplay', 'volume', 'startTime', 'obeyMuteSwitch'].map((key) => [key, field(key)]))
    const fixed = { duration: 0, currentTime: 0, buffered: 0 }
    return phone.realm.inside.accessors(context, {
      ...fields,
      ...Object.fromEntries(Object.entries(fixed).map(([key, value]) => [key, { get: () => value, set: () => {} }])),
      paused: { get: () => !sound.playing, set: () => {} },
      src: {
        get: () => sound.src,
        set: (value) => {
          sound.src = String(value)
          if (found(phone, sound.src)) fire('Canplay')
          if (sound.autoplay) play()
        },
      },
    })
  }
  return {
    createInnerAudioContext: create,
    setInnerAudioOption: (options) => void options?.success?.(phone.realm.give({ errMsg: 'setInnerAudioOption:ok' })),
  }
}
