/** Importing this registers `<trtc-calling>`. Importing it twice, or two copies of it, is harmless. */

import { TRTCCallingElement } from "./src/element/trtc-calling-element.js"

export const TAG = "trtc-calling"

if (customElements.get(TAG) === undefined) customElements.define(TAG, TRTCCallingElement)

declare global {
  interface HTMLElementTagNameMap {
    "trtc-calling": TRTCCallingElement
  }
}

export { TRTCCallingElement }
export type { Call, CallEvent, Peer, Phase } from "@tring/core"
export type { GuideCallback, TRTCCallingConfig } from "./src/element/trtc-calling-element.js"
export { errorText } from "./src/element/error-texts.js"
export { ELEMENT_EVENT } from "./src/event-names.js"
