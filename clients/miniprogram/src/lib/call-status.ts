/**
 * Tells pages whether there is a call. The events of the old component leave that open: who refuses on this phone is told
 * nothing, and a page that was opened for the call has to know when to go.
 */

import { statusNameOf, type Call, type CallClient, type StatusName, type Unsubscribe } from "@tring/core"

/** As pages read it in the component's data, and hear it by `statusChanged`. */
export interface CallStatus {
  callStatus: StatusName
  /** This side has called. */
  isSponsor: boolean
}

/** Where a call stands; null for none. */
export function statusOf(call: Call | null): CallStatus {
  return { callStatus: statusNameOf(call), isSponsor: call !== null && call.role === "caller" }
}

/** Tells each change. A call that was left stays what it was until its end has been told. */
export function watchStatus(client: CallClient, tell: (status: CallStatus) => void): Unsubscribe {
  let last = statusOf(client.call)
  return client.on(() => {
    const { call } = client
    if (call !== null && call.phase === "ending") return
    const now = statusOf(call)
    if (now.callStatus === last.callStatus && now.isSponsor === last.isSponsor) return
    last = now
    tell(now)
  })
}
