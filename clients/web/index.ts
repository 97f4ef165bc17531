/**
 * The browser SDK of Tring. Importing it registers nothing; `define.js` registers the `<trtc-calling>` element.
 */

export { TRTCCalling, TRTCCalling as default } from "./src/trtc-calling.js"
export type { CallStatus, ClassCallParameters, Invitation, TRTCCallingOptions } from "./src/trtc-calling.js"
export type { CallParameters } from "@tring/core"
export type { DeviceParameters } from "./src/guide-api.js"
export { CALL_TYPE, CLASS_EVENT } from "./src/event-names.js"
export type {
  AcceptInfo,
  CallEndInfo,
  CallTypeInfo,
  CancelInfo,
  ClassPayloads,
  DevicesInfo,
  ErrorInfo,
  InvitedInfo,
  NothingInfo,
  RefusedInfo,
  UnansweredInfo,
  UserAudioInfo,
  UserInfo,
  UserVideoInfo,
} from "./src/payloads.js"
export { DEVICE_ERRORS, DeviceFault } from "./src/media/devices.js"
export type { DeviceChoice, VideoQuality } from "./src/media/devices.js"
export type { ViewParameters } from "./src/views.js"
export { CallError } from "@tring/core"
