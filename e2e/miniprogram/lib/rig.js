/** The real server, and phones with the guide's page and the built component on it, ended together. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMPONENT } from '../../lib/paths.js'
import { Server } from '../../lib/server.js'
import { noFfmpegLeft } from './ffmpeg.js'
import { readGuide, writeApp } from './guide.js'
import { allDone, until } from './shared.js'
import { Phone } from './phone.js'
import { EventLog } from './event-log.js'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

export const GUIDE = here('../guide/trtccalling-guide.zh.md')

/** The same for pages that name `TUICalling/TUICalling`. */
export const TUICALLING = join(COMPONENT, '../TUICalling')

/** Blocks of the guide, as they are. */
export const guide = readGuide(GUIDE)

/** A page with the guide's tag, and nothing else of it. */
export const FURTHER = {
  json: guide.json,
  wxml: guide.wxml,
  js: `Page({ data: { trtcConfig: {} }, onLoad: function () { this.TRTCCalling = this.selectComponent('#TRTCCalling-component') } })`,
}

/** Pause before a broken stream is tried again; a phone waits longer. */
const RETRY_MS = 300

/**
 * An app with the guide's page and the built component, which is told its server as a user tells it: in `config.js`.
 *
 * @param {Server} server
 * @param {{ player?: 'rtmp' | 'flv', strictCallEnd?: boolean, backgroundMute?: boolean } & Partial<Parameters<typeof writeApp>[0]>} [options] `backgroundMute`:
 * the tag's attribute in the guide's page; default true, as in the guide; the rest: pages besides
 */
export function builtApp(server, { player = 'rtmp', strictCallEnd = false, backgroundMute = true, ...more } = {}) {
  if (!existsSync(COMPONENT)) throw new Error('the component is missing: run `make clients` first')
  const app = writeApp({ guide: GUIDE, component: COMPONENT, ...more })
  configure(join(app.folder, 'components/TRTCCalling'), { server: `'${server.url}'`, player: `'${player}'`, strictCallEnd })
  if (!backgroundMute) {
    const wxml = app.guide.wxml.replace('backgroundMute="{{true}}"', 'backgroundMute="{{false}}"')
    if (wxml === app.guide.wxml) throw new Error('the guide has no backgroundMute any more')
    writeFileSync(join(app.folder, 'pages/index/index.wxml'), wxml)
  }
  return app
}

/** Fills in a component's `config.js`, as a user does. @param {string} folder @param {Record<string, unknown>} values */
export function configure(folder, values) {
  const path = join(folder, 'config.js')
  const before = readFileSync(path, 'utf8')
  const config = Object.entries(values).reduce((text, [name, value]) => text.replace(new RegExp(`^  ${name}: [^,]*,`, 'm'), `  ${name}: ${value},`), before)
  if (config === before) throw new Error(`config.js is not as it was:\n${before}`)
  writeFileSync(path, config)
}

/** A page of `pages/`, by the endings of its files. @param {string} name @returns {Record<string, string>} */
export function pageFiles(name, folder = name) {
  const files = ['json', 'wxml', 'js'].map((ending) => [ending, here(`../pages/${folder}/${name}.${ending}`)])
  return Object.fromEntries(files.map(([ending, path]) => [ending, readFileSync(path, 'utf8')]))
}

/** Everything that one test file needs. */
export class Rig {
  /** @type {Phone[]} */ #phones = []
  /** @type {Server} */ server
  /** @type {number} port of RTMP */ rtmpPort
  /** @type {import('./guide.js').App} */ app

  /** @param {import('../../lib/server.js').ServerOptions} [options] */
  static async start({ settings, ...options } = {}) {
    const rig = new Rig()
    rig.server = await Server.start({ ...options, settings: { rtmp: { listen: '127.0.0.1:0' }, ...settings } })
    try {
      rig.rtmpPort = Number(/RTMP.*?:(\d+)/.exec(rig.server.greeting)?.[1])
      if (!rig.rtmpPort) throw new Error(`the server does not say where RTMP is:\n${rig.server.greeting}`)
      rig.app = builtApp(rig.server)
    } catch (error) {
      await rig.server.stop()
      throw error
    }
    return rig
  }

  /**
   * A phone on which the guide's page is open and signed in.
   *
   * @param {string} name whose camera and microphone it has
   * @param {Partial<import('./machine.js').PhoneOptions> & { userID?: string, to?: string, credentials?: object, type?: 1 | 2, login?: boolean }} [options]
   * `to`: whom its page calls; `login`: wait until it is signed in, default true
   * @returns {Promise<Phone>}
   */
  async phone(name, { userID = name, to = name === 'alice' ? 'bob' : 'alice', credentials, type = 1, login = true, data, ...options } = {}) {
    const signed = credentials ?? (await this.server.sign(userID))
    const trtcConfig = { sdkAppID: signed.sdkAppID, userID: signed.userID, userSig: signed.userSig, type }
    const phone = await this.open(name, { data: { trtcConfig, userId: to, ...data }, ...options })
    phone.userID = userID
    phone.eventLog = await EventLog.by(phone)
    if (login) {
      await phone.run((page) => page.TRTCCalling.login().then(() => {}))
      await phone.settled()
      phone.eventLog.forget()
    }
    return phone
  }

  /**
   * A phone with any app.
   *
   * @param {string} name
   * @param {Partial<import('./machine.js').PhoneOptions>} options
   */
  async open(name, options) {
    const phone = await Phone.open(name, { app: this.app, retryMs: RETRY_MS, ...options })
    this.#phones.push(phone)
    phone.userID = name
    return phone
  }

  /** Ends the phones of one test. Throws what was wrong with any of them, or with the server. */
  async clear() {
    await allDone(this.#phones.splice(0).map((phone) => this.#end(phone)))
    await noFfmpegLeft()
    this.server.assertAlive()
  }

  async #end(phone) {
    await phone.close()
    const { missing, warnings } = phone
    if (missing.size) throw new Error(`base library 2.10.0 does not have ${[...missing]}, and the app asks for it`)
    if (warnings.length) throw new Error(`${phone.userID}'s phone warns: ${warnings.join('; ')}`)
  }

  /** Ends everything, whatever of it fails. */
  async stop() {
    try {
      await this.clear()
    } finally {
      await this.server?.stop()
    }
  }
}

/** A's page calls somebody. @param {Phone} phone @param {string} userID @param {{ type?: 1 | 2, timeout?: number }} [options] */
export function call(phone, userID, options) {
  return phone.run((page, give) => page.TRTCCalling.call(give({ userID, type: 1, ...options })).then(() => {}))
}

/** A calls B and B's phone rings. @param {Phone} a @param {Phone} b @param {{ type?: 1 | 2, timeout?: number }} [options] */
export async function ring(a, b, options) {
  await call(a, b.userID, options)
  await b.eventLog.event('INVITED')
  await until(`${b.userID}'s phone rings`, () => b.rings)
}

/** A calls B and B answers on the screen. Both have been told that the other is there. @param {1 | 2} [type] */
export async function connect(a, b, type = 1) {
  await ring(a, b, { type })
  await b.tap('#accept')
  for (const phone of [a, b]) await phone.eventLog.event('USER_ENTER')
}

/** Everybody hears, and in a video call sees, the other. @param {1 | 2} type */
export async function bothWays(a, b, type) {
  await Promise.all([a.hears(b.person.name), b.hears(a.person.name)])
  if (type === 2) await Promise.all([a.sees(b.person.name), b.sees(a.person.name)])
}

/** One hangs up by its key, and nobody else talks; both screens are empty afterwards, and no media is left on either. */
export async function over(a, b) {
  await a.tap('#hangup')
  await gone(a, b)
  await noFfmpegLeft()
}

/** The call is over on these phones: nothing of it is on the screen, nothing is carried. */
export async function gone(...phones) {
  for (const phone of phones) {
    await phone.eventLog.event('CALL_END')
    await cleared(phone)
  }
}

/** Nothing of a call is on the phone's screen, and nothing is carried. @param {Phone} phone */
export const cleared = (phone) =>
  until(`${phone.person.name}'s screen is empty`, () => !phone.screen.find('#hangup').length && !phone.pusher && !phone.players.length, {
    last: () => phone.texts(),
  })

/** What makes a connection the same one. */
export const still = (device) => ({ pid: device.pid, connections: device.connections })
