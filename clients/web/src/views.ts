/** Where a page wants to see the own picture and the other's. */

import { CallError, type Source } from "@tring/core"
import type { WebMedia } from "./media/web-media.js"
import { showStream } from "./show-stream.js"

/** Whose picture goes where. */
export interface ViewParameters {
  userID?: string
  /** The id of an element, or the element. The picture fills it. */
  videoViewDomID: string | HTMLElement
}

/** A picture by its person and its source. Pages of the old SDK need not say who the other is: a call of two has one. */
export interface Picture {
  readonly who: "self" | "other"
  readonly source: Source
}

/** The own camera, and the other's. */
export const OWN_CAMERA: Picture = { who: "self", source: "camera" }
export const OTHERS_CAMERA: Picture = { who: "other", source: "camera" }

/** The pictures of one call, each in the place that a page has named. */
export class Views {
  private readonly videos = new Map<string, { readonly picture: Picture; readonly video: HTMLVideoElement }>()

  constructor(private readonly media: WebMedia) {
    media.changes.on((change) => {
      if (change === "streams") this.refresh()
    })
  }

  /** Throws `bad_argument` where there is no such element. */
  show(picture: Picture, where: ViewParameters["videoViewDomID"] | undefined): void {
    const place = typeof where === "string" ? document.getElementById(where) : where
    if (place === undefined) throw new CallError("bad_argument", "videoViewDomID is missing: the id of an element, or the element")
    if (place === null) throw new CallError("bad_argument", `videoViewDomID: no element has the id '${String(where)}'`)
    this.hide(picture)
    const video = document.createElement("video")
    video.autoplay = video.playsInline = true
    video.muted = true // sound has an element of its own
    video.style.cssText = "width:100%;height:100%;object-fit:cover"
    if (picture.who === "self") video.style.transform = "scaleX(-1)"
    place.append(video)
    this.videos.set(keyOf(picture), { picture, video })
    this.refresh()
  }

  hide(picture: Picture): void {
    this.videos.get(keyOf(picture))?.video.remove()
    this.videos.delete(keyOf(picture))
  }

  /** The call is over. */
  clear(): void {
    for (const { picture } of [...this.videos.values()]) this.hide(picture)
  }

  private refresh(): void {
    for (const { picture, video } of this.videos.values()) showStream(video, this.media.pictureOf(picture.who, picture.source))
  }
}

function keyOf({ who, source }: Picture): string {
  return `${who} ${source}`
}
