/** Whether there is a call, in the words of the old SDKs. */

import type { Call } from "./call.js"

/** Where a device stands: `calling` from the first ring on, on both sides. */
export type StatusName = "idle" | "calling" | "connected"

/** Where a call stands; null for none. A surface decides by itself how long a call that was left counts as one. */
export function statusNameOf(call: Call | null): StatusName {
  if (call === null) return "idle"
  return call.phase === "connected" ? "connected" : "calling"
}
