/**
 * The browser SDK of Tring. Importing it registers nothing; `define.js` registers the `<trtc-calling>` element.
 */

export { TRTCCalling, CLASS_EVENT } from "./trtc-calling.js"
export type { TRTCCallingOptions, ViewParameters } from "./trtc-calling.js"
export type { CallParameters } from "./desk.js"
export { DEVICE_ERRORS } from "./devices.js"
export type { DeviceChoice, VideoQuality } from "./devices.js"
export { CallError } from "../core/src/index.js"
