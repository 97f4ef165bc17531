/** What the payloads of the guide's events hold, for the tables of events: the same on every kind of phone. */

import { any } from './expect-events.js'

/** @typedef {import('./expect-events.js').Row} Row */

const text = any('a text', (value) => typeof value === 'string' && value.length > 0)
const number = any('a number above 0', (value) => typeof value === 'number' && value > 0)
const seconds = any('whole seconds', (value) => Number.isInteger(value) && value >= 0)
const record = any('a message', (value) => typeof value?.payload?.data === 'string' && Boolean(JSON.parse(value.payload.data)))

/** @returns {Row} */
export const invited = (sponsor, invitee, callType) => [
  'INVITED',
  {
    sponsor,
    inviteeList: [invitee],
    userIDList: [invitee],
    isFromGroup: false,
    inviteID: text,
    inviteData: { version: number, callType, roomID: number, callEnd: 0 },
  },
]
/** @returns {Row} */
export const leave = (userID) => ['USER_LEAVE', { userID }]
/** @type {Row} */
export const hungUp = ['HANG_UP', undefined]
/** @returns {Row} */
export const rejected = (who) => ['REJECT', { inviteID: text, invitee: who, userID: who, reason: 'reject' }]
/** @returns {Row} */
export const busy = (who) => ['LINE_BUSY', { inviteID: text, invitee: who, userID: who, reason: 'line busy' }]
/** @returns {Row} */
export const cancelled = (by) => ['CALLING_CANCEL', { inviteID: text, invitee: text, userID: by }]
/** @returns {Row} */
export const unanswered = (event, sponsor, who) => [
  event,
  {
    groupID: '',
    inviteID: text,
    sponsor,
    timeoutUserList: [who],
    userIDList: [who],
  },
]
/** @returns {Row} */
export const ended = (by) => ['CALL_END', { inviteID: text, sponsor: text, userID: by, call_end: seconds, callEnd: seconds, message: record }]
/** @returns {Row} */
export const endedUnanswered = (sponsor) => ['CALL_END', { inviteID: text, sponsor, call_end: 0, callEnd: 0 }]
/** @type {Row} */
export const endedByOwnCancel = ['CALL_END', { inviteID: text, message: record, call_end: 0, callEnd: 0 }]
/** @type {Row} */
export const ready = ['SDK_READY', undefined]
/** The other has switched a microphone on or off. @returns {Row} */
export const voice = (userID, isAudioAvailable) => ['USER_AUDIO_AVAILABLE', { userID, isAudioAvailable }]
/** @returns {Row} the other has switched a camera on or off */
export const picture = (userID, isVideoAvailable) => ['USER_VIDEO_AVAILABLE', { userID, isVideoAvailable }]

/** Every end that was told of a call says the seconds that the server has written down. @param {{ userID: string, sequence: any[] }[]} phones */
export async function sameDuration(server, phones) {
  for (const phone of phones) {
    for (const { event, data } of phone.sequence) {
      if (event !== 'CALL_END') continue
      const talked = await server.talked(data.inviteID)
      if (data.callEnd !== talked) throw new Error(`${phone.userID} was told ${data.callEnd} s of a call that was ${talked} s`)
    }
  }
}
