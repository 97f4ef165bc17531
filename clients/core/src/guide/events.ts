/**
 * What happens in a call, as the events of the guide: one pure function for every surface.
 *
 * | what happens | caller | callee |
 * |---|---|---|
 * | A calls | – | INVITED |
 * | B answers | USER_ACCEPT, USER_ENTER, USER_AUDIO/VIDEO_AVAILABLE | USER_ENTER, USER_AUDIO/VIDEO_AVAILABLE |
 * | A hangs up | HANG_UP, CALL_END | USER_LEAVE, CALL_END |
 * | B hangs up | USER_LEAVE, CALL_END | HANG_UP, CALL_END |
 * | B refuses by `reject()` | REJECT | – |
 * | B refuses by `hangup()` | REJECT | HANG_UP |
 * | B is busy | LINE_BUSY | – |
 * | A cancels | CALL_END, HANG_UP | CALLING_CANCEL |
 * | rang, unanswered | CALLING_TIMEOUT, CALL_END | CALLING_TIMEOUT, CALL_END |
 * | never reached B | NO_RESP, CALL_END | – |
 * | another device of B answers | as above | CALLING_CANCEL there |
 * | A switches to voice | CALL_MODE, USER_VIDEO_AVAILABLE false if B's camera was on | the same of A |
 * | A switches to video | CALL_MODE | CALL_MODE, USER_VIDEO_AVAILABLE |
 * | A and B call each other | USER_ACCEPT (first caller), USER_ENTER | USER_ENTER |
 * | the connection is gone for good, while talking | USER_LEAVE at the other, CALL_END | the same |
 * | the connection is gone for good, while ringing | CALL_END | CALLING_CANCEL |
 * | a newer sign-in takes over | as if the connection were gone, then KICKED_OUT | the same |
 *
 * What a method of a surface refuses (`call()` of nobody, say) rejects its promise and is an ERROR of that surface.
 *
 * Payloads carry the names of every version that pages were written for: `call_end` and `callEnd`, `invitee` and `userID`,
 * `inviteeList` and `userIDList`. So one payload serves the element, which wraps it in `{eventCode, data}`, and the class,
 * which passes it bare.
 */

import type { Call, CallEvent } from "../calls/call.js"
import { answerMessage, endMessage, inviteMessage, switchMessage, type GuideMessage } from "./message.js"
import { typeOf } from "./identity.js"
import type { EndReason } from "../protocol.js"

/** Version of `inviteData` that old pages know. */
const INVITE_DATA_VERSION = 4

/** Every event of the guide and of the versions after it that this client emits. */
export type GuideEventName =
  | "INVITED"
  | "USER_ACCEPT"
  | "USER_ENTER"
  | "USER_LEAVE"
  | "REJECT"
  | "LINE_BUSY"
  | "NO_RESP"
  | "CALLING_TIMEOUT"
  | "CALLING_CANCEL"
  | "CALL_END"
  | "HANG_UP"
  | "USER_AUDIO_AVAILABLE"
  | "USER_VIDEO_AVAILABLE"
  | "USER_VOICE_VOLUME"
  | "USER_NETWORK_QUALITY"
  | "CALL_MODE"
  | "KICKED_OUT"
  | "SDK_READY"
  | "ERROR"

/** One event for a page. */
export interface GuideEvent {
  name: GuideEventName
  payload: { [key: string]: unknown } | undefined
}

/** Which page hears it: they count volumes differently. */
export type Surface = "element" | "class"

/**
 * The events a page hears for something that happened, in their order. With `strictEnd` every call ends with CALL_END, as
 * pages of TUICalling expect it; without, those that REJECT, LINE_BUSY or CALLING_CANCEL has ended do not.
 */
export function guideEvents(event: CallEvent, surface: Surface, strictEnd = false): GuideEvent[] {
  switch (event.type) {
    case "signed_in":
      return [{ name: "SDK_READY", payload: undefined }]
    case "signed_out":
      if (event.reason.kind === "kicked") return [{ name: "KICKED_OUT", payload: { reason: event.reason.reason } }]
      if (event.reason.kind === "refused") {
        const { code, message } = event.reason.error
        return [error(code, message)]
      }
      return []
    case "invited":
      return [{ name: "INVITED", payload: invited(event.call) }]
    case "accepted":
      return [{ name: "USER_ACCEPT", payload: { userID: event.userID, inviteID: event.call.callID } }]
    case "joined": {
      const { userID, devices } = event
      const events: GuideEvent[] = [{ name: "USER_ENTER", payload: { userID } }]
      if (devices.microphone) events.push(audio(userID, true))
      if (devices.camera) events.push(video(userID, true))
      return events
    }
    case "peer_devices": {
      const { userID, before, now } = event
      const events: GuideEvent[] = []
      if (before.microphone !== now.microphone) events.push(audio(userID, now.microphone))
      if (before.camera !== now.camera) events.push(video(userID, now.camera))
      return events
    }
    case "switched": {
      const { call, userID } = event
      const type = typeOf(call.media)
      const payload = { inviteID: call.callID, userID, type, oldCallType: 3 - type, newCallType: type, message: switchMessage(call) }
      return [{ name: "CALL_MODE", payload }]
    }
    case "left":
      return [{ name: "USER_LEAVE", payload: { userID: event.userID } }]
    case "leg_ended":
      return legEnded(event.call, event.userID, event.reason)
    case "ended": {
      const events = ended(event)
      const said = events.some(({ name }) => name === "CALL_END")
      return said || !strictEnd ? events : events.concat({ name: "CALL_END", payload: endOf(event) })
    }
    case "hung_up":
      return [{ name: "HANG_UP", payload: undefined }]
    case "error":
      return [error(event.code, event.message)]
    case "network":
      return [
        {
          name: "USER_NETWORK_QUALITY",
          payload: { networkQualityList: [{ userID: event.userID, quality: event.level }] },
        },
      ]
    case "volumes":
      return surface === "class"
        ? [{ name: "USER_VOICE_VOLUME", payload: { volumeMap: event.levels } }]
        : event.levels.map(({ userID, volume }): GuideEvent => ({ name: "USER_VOICE_VOLUME", payload: { userID, volume } }))
    default:
      return []
  }
}

/**
 * What a chat keeps of what happened, on this side; null for most. A call that was made, answered here, refused here,
 * switched, or is over wherever CALL_END tells so (`strictEnd` is the same as of {@link guideEvents}). A call that the
 * server has never taken leaves nothing.
 */
export function recordOf(event: CallEvent, strictEnd = false): GuideMessage | null {
  switch (event.type) {
    case "placed":
      return inviteMessage(event.call)
    case "connected":
      return event.call.role === "callee" ? answerMessage(event.call, "accept") : null
    case "switched":
      return switchMessage(event.call)
    case "ended": {
      const { call, reason, durationS } = event
      // The device that answered keeps it.
      if (call.callID === "" || reason === "answered_elsewhere") return null
      if (guideEvents(event, "element", strictEnd).some(({ name }) => name === "CALL_END")) return endMessage(call, reason, durationS)
      return call.role === "callee" && leftHere(event) ? answerMessage(call, "reject") : null
    }
    default:
      return null
  }
}

/** This side has refused, or hung up before the talk. */
function leftHere({ call, reason, by }: Extract<CallEvent, { type: "ended" }>): boolean {
  return (reason === "reject" || reason === "hangup") && (by === null || by === call.self)
}

function invited(call: Call) {
  return {
    sponsor: call.sponsor,
    inviteeList: call.invitees.slice(),
    userIDList: call.invitees.slice(),
    isFromGroup: call.isGroup,
    inviteID: call.callID,
    inviteData: { version: INVITE_DATA_VERSION, callType: typeOf(call.media), roomID: call.roomID, callEnd: 0 },
    userData: call.data,
  }
}

/** To the caller: somebody will not come. */
function legEnded(call: Call, userID: string, reason: EndReason): GuideEvent[] {
  const who = { inviteID: call.callID, sponsor: call.sponsor, invitee: userID, userID }
  switch (reason) {
    case "reject":
      return [{ name: "REJECT", payload: { ...who, reason: "reject" } }]
    case "busy":
      return [{ name: "LINE_BUSY", payload: { ...who, reason: "line busy" } }]
    case "no_response":
      return [{ name: "NO_RESP", payload: unanswered(call, [userID]) }]
    case "timeout":
      return [{ name: "CALLING_TIMEOUT", payload: unanswered(call, [userID]) }]
    default:
      return []
  }
}

function ended(event: Extract<CallEvent, { type: "ended" }>): GuideEvent[] {
  const { call, reason } = event
  const callEnd: GuideEvent = { name: "CALL_END", payload: endOf(event) }
  if (call.connectedAt !== null || event.from === "connected") return [callEnd]
  if (call.role === "caller") {
    // REJECT and LINE_BUSY have said it: in a 1:1 call old pages know no CALL_END after them.
    const said = reason === "reject" || reason === "busy"
    return said && !call.isGroup ? [] : [callEnd]
  }
  if (reason === "timeout" || reason === "no_response") {
    return [{ name: "CALLING_TIMEOUT", payload: unanswered(call, [call.self]) }, callEnd]
  }
  return leftHere(event) ? [] : [cancelled(event)]
}

function cancelled({ call, by }: Extract<CallEvent, { type: "ended" }>): GuideEvent {
  return {
    name: "CALLING_CANCEL",
    payload: { inviteID: call.callID, sponsor: call.sponsor, invitee: call.self, userID: by === null ? call.sponsor : by },
  }
}

function unanswered(call: Call, userIDs: string[]) {
  return { groupID: "", inviteID: call.callID, sponsor: call.sponsor, timeoutUserList: userIDs, userIDList: userIDs }
}

function endOf({ call, reason, by, durationS }: Extract<CallEvent, { type: "ended" }>) {
  return {
    inviteID: call.callID,
    sponsor: call.sponsor,
    userID: by === null ? call.sponsor : by,
    roomID: call.roomID,
    call_end: durationS,
    callEnd: durationS,
    reason,
    message: endMessage(call, reason, durationS),
  }
}

function audio(userID: string, isAudioAvailable: boolean): GuideEvent {
  return { name: "USER_AUDIO_AVAILABLE", payload: { userID, isAudioAvailable } }
}

function video(userID: string, isVideoAvailable: boolean): GuideEvent {
  return { name: "USER_VIDEO_AVAILABLE", payload: { userID, isVideoAvailable } }
}

function error(code: number | string, message: string): GuideEvent {
  return { name: "ERROR", payload: { code, message, errorMsg: message } }
}
