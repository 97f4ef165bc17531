/** The names under which pages hear the guide's events. */

import type { GuideEventName } from "../../core/src/index.js"

/** What this SDK tells besides what the core does, or will tell one day. */
type FurtherName =
  /** The browser plays no sound before the page is touched. */
  | "AUTOPLAY_FAILED"
  /** Declared for pages that name it; not told yet. */
  | "GROUP_CALL_INVITEE_LIST_UPDATE"

/** Everything that {@link Desk} delivers. */
export type EventName = GuideEventName | FurtherName

/** Event names of the class. */
export const CLASS_EVENT = {
  ERROR: "onError",
  SDK_READY: "sdkReady",
  INVITED: "onInvited",
  USER_ACCEPT: "onUserAccept",
  USER_ENTER: "onUserEnter",
  USER_LEAVE: "onUserLeave",
  REJECT: "onReject",
  NO_RESP: "onNoResp",
  LINE_BUSY: "onLineBusy",
  CALLING_CANCEL: "onCallingCancel",
  CALLING_TIMEOUT: "onCallingTimeout",
  CALL_END: "onCallEnd",
  /** The same: pages read either name. */
  CALLING_END: "onCallEnd",
  HANG_UP: "onHangUp",
  KICKED_OUT: "onKickedOut",
  USER_VIDEO_AVAILABLE: "onUserVideoAvailable",
  USER_AUDIO_AVAILABLE: "onUserAudioAvailable",
  USER_VOICE_VOLUME: "onUserVoiceVolume",
  USER_NETWORK_QUALITY: "onUserNetworkQualityChanged",
  /** Sound waits for a touch of the page: call `resumePlayback()` in a click. */
  AUTOPLAY_FAILED: "onAutoplayFailed",
  /** The old SDK's spelling. */
  DEVICED_UPDATED: "onDeviceUpdated",
  /** Not told yet: there are no group calls. */
  GROUP_CALL_INVITEE_LIST_UPDATE: "onGroupCallInviteeListUpdate",
  /** Not told yet: a running call does not change between voice and video. */
  CALL_TYPE_CHANGED: "onCallTypeChanged",
} as const satisfies Record<EventName | "CALLING_END" | "DEVICED_UPDATED" | "CALL_TYPE_CHANGED", string>

/** Event names of the element, as of the guide: each is its own value. */
export const ELEMENT_EVENT = {
  INVITED: "INVITED",
  HANG_UP: "HANG_UP",
  REJECT: "REJECT",
  USER_LEAVE: "USER_LEAVE",
  NO_RESP: "NO_RESP",
  CALLING_TIMEOUT: "CALLING_TIMEOUT",
  LINE_BUSY: "LINE_BUSY",
  CALLING_CANCEL: "CALLING_CANCEL",
  USER_ENTER: "USER_ENTER",
  CALL_END: "CALL_END",
  USER_ACCEPT: "USER_ACCEPT",
  USER_VIDEO_AVAILABLE: "USER_VIDEO_AVAILABLE",
  USER_AUDIO_AVAILABLE: "USER_AUDIO_AVAILABLE",
  USER_VOICE_VOLUME: "USER_VOICE_VOLUME",
  USER_NETWORK_QUALITY: "USER_NETWORK_QUALITY",
  KICKED_OUT: "KICKED_OUT",
  SDK_READY: "SDK_READY",
  ERROR: "ERROR",
  /** Sound waits for a touch of the page. The call screen asks for it; a page can call `resumePlayback()`. */
  AUTOPLAY_FAILED: "AUTOPLAY_FAILED",
  /** Not told yet: there are no group calls. */
  GROUP_CALL_INVITEE_LIST_UPDATE: "GROUP_CALL_INVITEE_LIST_UPDATE",
  /** Not told yet: a running call does not change between voice and video. */
  CALL_MODE: "CALL_MODE",
} as const satisfies { [Name in EventName | "CALL_MODE"]: Name }
