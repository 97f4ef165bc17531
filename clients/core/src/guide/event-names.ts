/** The guide's event names, as `EVENT` has them: each is its own value. */

import type { GuideEventName } from "./events.js"

/** Every event that pages on any surface may name. */
export const GUIDE_EVENT = {
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
  /** Not told yet: there are no group calls. */
  GROUP_CALL_INVITEE_LIST_UPDATE: "GROUP_CALL_INVITEE_LIST_UPDATE",
  /** The call has become a voice or a video call. */
  CALL_MODE: "CALL_MODE",
} as const satisfies { readonly [Name in GuideEventName | "GROUP_CALL_INVITEE_LIST_UPDATE"]: Name }
