/**
 * The class for pages that load scripts by `<script src>`: the build makes one file of this and of all that it imports,
 * `trtc-calling-js.js`, which defines the global `TRTCCalling`.
 */

import { TRTCCalling as ModuleClass, type TRTCCallingOptions } from "./src/trtc-calling.js"

/** This script's own tag; a bundler that has taken the file in has one of its own, which says nothing of the server. */
const script = typeof document === "undefined" ? null : document.currentScript
const address = script instanceof HTMLScriptElement && /\/trtc-calling-js\.js([?#]|$)/.test(script.src) ? script.src : ""

/** The class, whose server is by default the one that this script came from: the page need not name it. */
export class TRTCCalling extends ModuleClass {
  constructor(options: TRTCCallingOptions) {
    const home = /^https?:/.test(address) ? { server: new URL(address).origin } : {}
    super(options?.server ? options : { ...options, ...home })
  }
}
