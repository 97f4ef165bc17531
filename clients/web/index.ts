/**
 * The browser SDK of Tring. Importing it registers nothing; `define.js` registers the `<trtc-calling>` element.
 */

export { TRTCCalling } from "./src/trtc-calling.js"
export type { TRTCCallingOptions } from "./src/trtc-calling.js"
export type { CallParameters } from "../core/src/index.js"
export type { DeviceParameters } from "./src/desk.js"
export { CLASS_EVENT } from "./src/event-names.js"
export { DEVICE_ERRORS, DeviceFault } from "./src/media/devices.js"
export type { DeviceChoice, VideoQuality } from "./src/media/devices.js"
export type { ViewParameters } from "./src/views.js"
export { CallError } from "../core/src/index.js"
