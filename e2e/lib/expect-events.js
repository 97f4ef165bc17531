/** What phones were told, held against what they should be: every event, in its order, with its payload. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { PATIENCE_MS } from './deadline.js'

/** How long a network that is away is waited for before it is believed that nothing more comes, in milliseconds. */
const UNANSWERED_MS = 600

/** These come by the clock and by the network's mood, not by what happens in a call. */
export const AMBIENT = ['USER_VOICE_VOLUME', 'USER_NETWORK_QUALITY']

/** A test that is told one of these has failed, unless it expected it. */
export const ALARMS = ['ERROR', 'KICKED_OUT']

/** A sentence that says what to do is longer than this, in characters. */
const A_SENTENCE = 20

/**
 * What writes down all that one page is told, of a browser or of a phone.
 *
 * @typedef {object} Log
 * @property {string} userID
 * @property {string} surface
 * @property {any[]} sequence every event so far, in its order
 * @property {() => string[]} names of the events of `sequence`
 * @property {(ms: number) => Promise<void>} change waits for the next event, but no longer
 * @property {() => Promise<void>} fence waits until the page was told what the server has sent so far
 * @property {() => void} forget
 */
/** @typedef {[event: string, payload?: any]} Row a name, and what its payload must hold */
/** @typedef {string | Row} Expected */

/** A value of a payload that is checked, not compared. */
export const any = (what, fits) => Object.assign(() => {}, { what, fits })

/** The text of an error that a person can act on. */
export const sentence = any('a sentence that says what to do', (value) => typeof value === 'string' && value.length > A_SENTENCE)

/** What a phone is told when it meets another in a call. @param {string} userID @param {1 | 2} [type] @returns {Row[]} */
export const enters = (userID, type = 1) => [
  ['USER_ENTER', { userID }],
  ['USER_AUDIO_AVAILABLE', { userID, isAudioAvailable: true }],
  ...(type === 2 ? [/** @type {Row} */ (['USER_VIDEO_AVAILABLE', { userID, isVideoAvailable: true }])] : []),
]
/** What the caller is told, of the answer first. @param {string} userID @param {1 | 2} [type] @returns {Row[]} */
export const answers = (userID, type = 1) => [['USER_ACCEPT', { userID, inviteID: any('a text', Boolean) }], ...enters(userID, type)]

/**
 * An action is refused with this code, by its promise and by ERROR, once, and nothing else comes of it.
 *
 * @param {Log} phone
 * @param {string} code
 * @param {() => Promise<any>} act
 */
export async function refused(phone, code, act) {
  phone.forget()
  await assert.rejects(act(), (/** @type {any} */ error) => {
    assert.equal(error.code, code, error.message)
    holds(error.message, sentence, 'the error')
    return true
  })
  await exactly([phone, [['ERROR', { code, message: sentence }]]])
  phone.forget()
}

/**
 * Waits until each phone was told these and nothing else, where their order is chance.
 *
 * @param {...[Log, string[]]} expected names
 */
export async function altogether(...expected) {
  const sorted = (list) => [...list].sort()
  await Promise.all(expected.map(([phone, list]) => arrived(phone, () => phone.names().length >= list.length)))
  await nothingMore(...expected.map(([phone]) => phone))
  for (const [phone, list] of expected) {
    assert.deepEqual(sorted(phone.names()), sorted(list), `what ${phone.userID} (${phone.surface}) was told`)
    for (const told of phone.sequence) told.expected = true
  }
}

/**
 * Waits until each phone was told this and nothing else since it last forgot, and nothing more is on its way.
 *
 * @param {...[Log, Expected[]]} expected
 */
export async function exactly(...expected) {
  const rows = expected.map(([phone, list]) => /** @type {[Log, Row[]]} */ ([phone, list.map((e) => (typeof e === 'string' ? [e] : e))]))
  await Promise.all(
    rows.map(([phone, list]) =>
      arrived(phone, () => {
        const names = phone.names()
        return names.length >= list.length || names.some((event, n) => event !== list[n][0])
      }),
    ),
  )
  await nothingMore(...expected.map(([phone]) => phone))
  for (const [phone, list] of rows) compare(phone, list)
}

/**
 * No page was told anything since its log last forgot, and nothing is on its way.
 *
 * @param {...{ eventLog: Log }} phones
 */
export const noEvents = (...phones) => exactly(...phones.map(({ eventLog }) => /** @type {[Log, []]} */ ([eventLog, []])))

/**
 * Waits until all has come that the server says because of what these phones have said. It hears and answers each of them in
 * order: by the first answers it has heard everything, by the second they have heard all that came of it.
 *
 * @param {...{ fence(): Promise<void> }} phones
 */
export async function nothingMore(...phones) {
  for (let round = 0; round < 2; round++) {
    await Promise.race([Promise.all(phones.map((phone) => phone.fence())), delay(UNANSWERED_MS)])
  }
}

/** Waits until a phone was told enough, or for too long. */
async function arrived(phone, enough) {
  const end = Date.now() + PATIENCE_MS
  while (!enough() && Date.now() < end) await phone.change(end - Date.now())
}

function compare(phone, list) {
  const { userID, surface, sequence } = phone
  const said = sequence.filter(({ event }) => event === 'ERROR').map(({ data }) => JSON.stringify(data))
  assert.deepEqual(
    phone.names(),
    list.map(([event]) => event),
    `what ${userID} (${surface}) was told${said.length ? `; its errors: ${said.join()}` : ''}`,
  )
  sequence.forEach((told, n) => {
    const { event, value, data, shape, count } = told
    const where = `${userID} (${surface}), event ${n + 1}, ${event}`
    told.expected = true
    if (surface === 'element') assert.equal(value, event, `${where}: eventCode`)
    assert.equal(count, 1, `${where}: handlers have one argument`)
    assert.equal(shape, surface === 'element' ? 'wrapped' : 'bare')
    if (list[n].length === 1) return
    const [, payload] = list[n]
    // The class has no event without a payload.
    if (payload === undefined) assert.deepEqual(data ?? {}, {}, where)
    else holds(data, payload, where)
  })
}

/** What is not named in a payload may be there besides. */
export function holds(found, expected, where) {
  if (typeof expected === 'function') {
    assert.ok(expected.fits(found), `${where} is ${JSON.stringify(found)}, expected ${expected.what}`)
  } else if (typeof expected === 'object' && expected !== null && !Array.isArray(expected)) {
    assert.ok(typeof found === 'object' && found !== null, `${where} is ${JSON.stringify(found)}`)
    for (const [key, value] of Object.entries(expected)) holds(found[key], value, `${where}.${key}`)
  } else {
    assert.deepEqual(found, expected, where)
  }
}
