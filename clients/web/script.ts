/**
 * The class for pages that load scripts by `<script src>`: the build makes one file of this and of all that it imports,
 * `trtc-calling-js.js`, which defines the global `TRTCCalling`.
 */

import { TRTCCalling as ModuleClass, type TRTCCallingOptions } from "./src/trtc-calling.js"

/** Where this script came from, while it runs; no address where a bundler or a loader has taken it in. */
const address = document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : ""

/** The class, whose server is by default the one that this script came from: the page need not name it. */
export class TRTCCalling extends ModuleClass {
  constructor(options: TRTCCallingOptions) {
    const home = /^https?:/.test(address) ? { server: new URL(address).origin } : {}
    super(options?.server ? options : { ...options, ...home })
  }
}
