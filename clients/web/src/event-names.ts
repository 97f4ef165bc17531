/** The names under which pages hear the guide's events. */

import { GUIDE_EVENT, type GuideEventName } from "@tring/core"

/** What this SDK tells besides what the core does, or will tell one day. */
type FurtherName =
  /** The browser plays no sound before the page is touched. */
  | "AUTOPLAY_FAILED"
  /** Declared for pages that name it; not told yet. */
  | "GROUP_CALL_INVITEE_LIST_UPDATE"

/** Everything that {@link WebGuideApi} delivers. */
export type EventName = GuideEventName | FurtherName

/** Event names of the class. */
export const CLASS_EVENT = {
  ERROR: "onError",
  SDK_READY: "sdkReady",
  /** Not told, as in the old SDK: KICKED_OUT and ERROR say why nobody is signed in any more. */
  SDK_NOT_READY: "sdkNotReady",
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
  /** The call has become a voice or a video call; the element's CALL_MODE. */
  CALL_TYPE_CHANGED: "onCallTypeChanged",
} as const satisfies Record<Exclude<EventName, "CALL_MODE"> | "CALLING_END" | "DEVICED_UPDATED" | "CALL_TYPE_CHANGED" | "SDK_NOT_READY", string>

/** The `type` of `call()`, and the `callType` of an invitation. */
export const CALL_TYPE = { UNKNOWN: 0, AUDIO_CALL: 1, VIDEO_CALL: 2 } as const

/** Event names of the element: those of the guide, and its own. */
export const ELEMENT_EVENT = {
  ...GUIDE_EVENT,
  /** Sound waits for a touch of the page. The call screen asks for it; a page can call `resumePlayback()`. */
  AUTOPLAY_FAILED: "AUTOPLAY_FAILED",
} as const satisfies { [Name in EventName]: Name }
