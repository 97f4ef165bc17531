/** What the media of a call may use of it, and what it tells it. */

import type { Call, CallEvent } from "./call.js"
import type { Connection } from "../session/connection.js"
import { CallError } from "../errors.js"
import type { MediaCall, MediaHost, Streams } from "./media-port.js"
import type { Sources } from "../source.js"
import type { UserId } from "../protocol.js"

/** The call as its media sees it. */
export function mediaCall(call: Call, connection: Connection): MediaCall {
  return {
    self: call.self,
    role: call.role,
    get talking() {
      return call.phase === "connected"
    },
    get media() {
      return call.media
    },
    get others() {
      return othersOf(call)
    },
    exchange: (offer: string): Promise<string> =>
      connection.request({ type: "transport", callID: call.callID, offer }).then((ok) => {
        if (!("answer" in ok)) throw new CallError("bad_answer", "the server sent no SDP answer")
        return ok.answer
      }),
    streams: (): Promise<Streams> =>
      connection.request({ type: "streams", callID: call.callID }).then((ok) => {
        if (!("push" in ok)) throw new CallError("bad_answer", "the server named no streams")
        return ok
      }),
  }
}

/** To whom the media of a call reports; what comes after the call is dropped. */
export function mediaHost(to: {
  call: Call
  current(): boolean
  deserted(): boolean
  emit(event: CallEvent): void
  sources(sources: Sources): void
  silent(): void
}): MediaHost {
  const { call, current, deserted, emit } = to
  return {
    status: (status) => {
      if (current()) emit({ type: "media", call, status })
    },
    silent: () => {
      if (current()) to.silent()
    },
    sources: (sources) => {
      if (current()) to.sources(sources)
    },
    error: (code, message) => {
      // When everybody has left, the server closes the media, and says next that the call is over: nothing has failed. Before
      // the first has come, a device that cannot be had is a fault like any other.
      if (current() && !deserted()) emit({ type: "error", code, message })
    },
    volumes: (levels) => {
      if (current()) emit({ type: "volumes", call, levels })
    },
  }
}

/** The others, before and after they have come. */
function othersOf(call: Call): UserId[] {
  if (call.peers.length > 0) return call.peers.map((p) => p.userID)
  return [call.sponsor].concat(call.invitees).filter((id) => id !== call.self)
}
