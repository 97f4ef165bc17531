/** Where a page wants to see the own picture and the other's. */

import { CallError } from "@tring/core"
import type { WebMedia } from "./media/web-media.js"
import { showStream } from "./show-stream.js"

/** Whose picture goes where. */
export interface ViewParameters {
  userID?: string
  /** The id of an element, or the element. The picture fills it. */
  videoViewDomID: string | HTMLElement
}

type Which = "local" | "remote"

/** The pictures of one call. */
export class Views {
  private readonly videos = new Map<Which, HTMLVideoElement>()

  constructor(private readonly media: WebMedia) {
    media.changes.on((change) => {
      if (change === "streams") this.refresh()
    })
  }

  /** Throws `bad_argument` where there is no such element. */
  show(which: Which, where: ViewParameters["videoViewDomID"] | undefined): void {
    const place = typeof where === "string" ? document.getElementById(where) : where
    if (place === undefined) throw new CallError("bad_argument", "videoViewDomID is missing: the id of an element, or the element")
    if (place === null) throw new CallError("bad_argument", `videoViewDomID: no element has the id '${String(where)}'`)
    this.hide(which)
    const video = document.createElement("video")
    video.autoplay = video.playsInline = true
    video.muted = true // sound has an element of its own
    video.style.cssText = "width:100%;height:100%;object-fit:cover"
    if (which === "local") video.style.transform = "scaleX(-1)"
    place.append(video)
    this.videos.set(which, video)
    this.refresh()
  }

  hide(which: Which): void {
    this.videos.get(which)?.remove()
    this.videos.delete(which)
  }

  /** The call is over. */
  clear(): void {
    this.hide("local")
    this.hide("remote")
  }

  private refresh(): void {
    for (const [which, video] of this.videos) {
      showStream(video, which === "local" ? this.media.localStream : this.media.remoteStream)
    }
  }
}
