/** Importing this registers `<trtc-calling>`. Importing it twice, or two copies of it, is harmless. */

import { TRTCCallingElement } from "./element/trtc-calling-element.js"

export const TAG = "trtc-calling"

if (customElements.get(TAG) === undefined) customElements.define(TAG, TRTCCallingElement)

declare global {
  interface HTMLElementTagNameMap {
    "trtc-calling": TRTCCallingElement
  }
}

export { TRTCCallingElement }
export { ELEMENT_EVENT } from "./element/trtc-calling-element.js"
export type { GuideCallback, TRTCCallingConfig } from "./element/trtc-calling-element.js"
