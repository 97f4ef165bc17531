/** What this side sends in the present call. */

import type { ActiveCall, CallContext } from "./active-call.js"
import { sameSources, withSource, withoutPictures, type Sources } from "../source.js"

/**
 * The sources of the present call: what the user wants goes to the media, to the screen and to the server, in this order, so
 * that a muted microphone is silent before anybody has heard of it. One for a call client.
 *
 * @internal
 */
export class CallSources {
  constructor(private readonly client: CallContext) {}

  /** These are wanted now. Nothing happens if they are so already. */
  apply(active: ActiveCall, sources: Sources): void {
    const { call } = active
    if (sameSources(call.sources, sources)) return
    call.sources = sources
    // What is chosen while it rings here counts from the answer on: no device opens before.
    if (call.phase !== "ringing") this.tellMedia(active)
    this.client.emit({ type: "changed", call })
    this.tellServer(active)
  }

  /** The camera alone, and not yet told to the server. */
  applyCamera(active: ActiveCall, camera: boolean): void {
    this.applyUntold(active, withSource(active.call.sources, "camera", camera))
  }

  /** No picture goes on; the server knows. */
  switchOffPictures(active: ActiveCall): void {
    this.applyUntold(active, withoutPictures(active.call.sources))
  }

  private applyUntold(active: ActiveCall, sources: Sources): void {
    const { call } = active
    if (sameSources(call.sources, sources)) return
    call.sources = sources
    this.tellMedia(active)
    this.client.emit({ type: "changed", call })
  }

  /** The media is to have on what the call has. */
  tellMedia(active: ActiveCall): void {
    const { sources } = active.call
    if (sameSources(active.mediaHas, sources)) return
    active.mediaHas = sources
    this.client.media.setSources(sources)
  }

  /** The others are to know what is on, if the server knows the call by now. */
  tellServer(active: ActiveCall): void {
    if (active.call.callID !== "" && this.client.isCurrent(active)) active.report.tell(active.call.sources)
  }

  /** Both called each other, and one of them by voice: no picture without the consent of both. */
  becomesVoice(active: ActiveCall): void {
    active.call.media = "audio"
    active.report.picturesWereSwitchedOff()
    this.apply(active, withoutPictures(active.call.sources))
  }
}
