/**
 * What handlers of the class are given, event by event, for programs in TypeScript and for the table in docs/web.md.
 * {@link UserInfo}, {@link InvitedInfo}, {@link UserVideoInfo} and {@link UserAudioInfo} have the names that pages import
 * from the types of `trtc-calling-js`.
 */

import type { EndReason, GuideMessage, KickReason, VoiceVolume } from "@tring/core"
import type { CLASS_EVENT, EventName } from "./event-names.js"
import type { DeviceChoice } from "./media/devices.js"

/** A user of the call, not this one. */
export interface UserInfo {
  userID: string
}

/** Somebody calls. */
export interface InvitedInfo {
  sponsor: string
  /** Who is called; `inviteeList` is the same under another version's name. */
  userIDList: string[]
  inviteeList: string[]
  isFromGroup: boolean
  inviteID: string
  /** `callType` is 1 (voice) or 2 (video). */
  inviteData: { version: number; callType: 1 | 2; roomID: number; callEnd: 0 }
  /** The caller's own text; empty without one. */
  userData: string
}

/** The other side has answered. */
export interface AcceptInfo extends UserInfo {
  inviteID: string
}

/** Another's camera goes on or off. */
export interface UserVideoInfo extends UserInfo {
  isVideoAvailable: boolean
}

/** Another's microphone goes on or off. */
export interface UserAudioInfo extends UserInfo {
  isAudioAvailable: boolean
}

/** Somebody will not come: refused, or busy. */
export interface RefusedInfo extends UserInfo {
  inviteID: string
  sponsor: string
  /** As `userID`, under another version's name. */
  invitee: string
  reason: "reject" | "line busy"
}

/** The call was taken back, or has been answered on another device of this user. */
export interface CancelInfo extends UserInfo {
  inviteID: string
  sponsor: string
  /** This user. */
  invitee: string
}

/** Nobody answered. */
export interface UnansweredInfo extends UserInfo {
  inviteID: string
  sponsor: string
  groupID: ""
  /** Who did not answer; `timeoutUserList` is the same under another version's name, `userID` its first. */
  userIDList: string[]
  timeoutUserList: string[]
}

/** A call is over. */
export interface CallEndInfo extends UserInfo {
  inviteID: string
  sponsor: string
  roomID: number
  /** How long they talked, s, by the server; `call_end` is the same under another version's name. */
  callEnd: number
  call_end: number
  reason: EndReason
  /** The record of the call for a chat: see `extractCallingInfoFromMessage`. */
  message: GuideMessage
}

/** A voice call has become a video call, or the other way round. */
export interface CallTypeInfo extends UserInfo {
  inviteID: string
  /** As `newCallType`. */
  type: 1 | 2
  oldCallType: 1 | 2
  newCallType: 1 | 2
  message: GuideMessage
}

/** Something failed. The call, if there is one, goes on. */
export interface ErrorInfo {
  /** 60003 to 60006 for devices, else a text. */
  code: number | string
  /** What to do, in English, for developers; `msg` and `errorMsg` are the same under other versions' names. */
  message: string
  msg: string
  errorMsg: string
}

/** Devices were plugged in or out. */
export interface DevicesInfo {
  cameraList: DeviceChoice[]
  microphoneList: DeviceChoice[]
  speakerList: DeviceChoice[]
  currentCameraID: string
  currentMicrophoneID: string
  currentSpeakerID: string
}

/** An event that says everything by its name. */
export type NothingInfo = { [key: string]: never }

/** Payloads by the names of events. */
interface Payloads {
  ERROR: ErrorInfo
  SDK_READY: NothingInfo
  SDK_NOT_READY: NothingInfo
  INVITED: InvitedInfo
  USER_ACCEPT: AcceptInfo
  USER_ENTER: UserInfo
  USER_LEAVE: UserInfo
  REJECT: RefusedInfo
  LINE_BUSY: RefusedInfo
  NO_RESP: UnansweredInfo
  CALLING_TIMEOUT: UnansweredInfo
  CALLING_CANCEL: CancelInfo
  CALL_END: CallEndInfo
  CALLING_END: CallEndInfo
  HANG_UP: NothingInfo
  KICKED_OUT: { reason: KickReason }
  USER_VIDEO_AVAILABLE: UserVideoInfo
  USER_AUDIO_AVAILABLE: UserAudioInfo
  /** 0 to 100 each, this user's own among them. */
  USER_VOICE_VOLUME: { volumeMap: VoiceVolume[] }
  /** 1 is best, 6 is cut off. */
  USER_NETWORK_QUALITY: { networkQualityList: Array<{ userID: string; quality: number }> }
  AUTOPLAY_FAILED: NothingInfo
  DEVICED_UPDATED: DevicesInfo
  GROUP_CALL_INVITEE_LIST_UPDATE: { userIDList: string[] }
  CALL_TYPE_CHANGED: CallTypeInfo
}

/** Payloads by the values of `TRTCCalling.EVENT`, which is what `on()` is given. */
export type ClassPayloads = { [Name in keyof typeof CLASS_EVENT as (typeof CLASS_EVENT)[Name]]: Payloads[Name] }

/**
 * The payload of a guide's event as pages of the class read it: ERROR has `msg` besides `message`, and an event of people
 * that did not answer names the first of them as `userID`.
 */
export function classPayload(name: EventName, payload: { [key: string]: unknown } | undefined): { [key: string]: unknown } {
  if (payload === undefined) return {}
  if (name === "ERROR") return { ...payload, msg: payload["message"] }
  if (name === "NO_RESP" || name === "CALLING_TIMEOUT") return { ...payload, userID: (payload["userIDList"] as string[])[0] }
  return payload
}
