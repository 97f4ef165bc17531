/** What arrives from the others: each track by whose it is and what it shows or sounds. */

import type { Source } from "@tring/core"

/** A track of somebody else. */
export interface ReceivedTrack {
  readonly userID: string
  readonly source: Source
  readonly track: MediaStreamTrack
}

/** The tracks of one transport. What it gives for a person and a source stays the same object. */
export class Received {
  private readonly streams = new Map<string, MediaStream>()

  constructor(readonly tracks: readonly ReceivedTrack[]) {}

  /** All that somebody sends; null if that is nothing. */
  streamOf(userID: string): MediaStream | null {
    return this.stream(userID, (t) => t.userID === userID)
  }

  /** One source of somebody; null if it does not arrive. */
  sourceOf(userID: string, source: Source): MediaStream | null {
    return this.stream(`${userID}\n${source}`, (t) => t.userID === userID && t.source === source)
  }

  private stream(key: string, belongs: (track: ReceivedTrack) => boolean): MediaStream | null {
    const known = this.streams.get(key)
    if (known !== undefined) return known
    const tracks = this.tracks.filter(belongs).map(({ track }) => track)
    if (tracks.length === 0) return null
    const made = new MediaStream(tracks)
    this.streams.set(key, made)
    return made
  }
}
