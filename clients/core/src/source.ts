/**
 * What a user sends: microphone, camera, screen and the screen's sound, and sets of them.
 *
 * A set is a list in the order of {@link SOURCES}, each source at most once, and never changed: another set is another list.
 */

import type { Source } from "./protocol.js"

/** What a track carries: the `kind` of a WebRTC track. */
export type MediaKind = "audio" | "video"

/** The sources that are on, or allowed, or wanted. Made by {@link knownSources} and {@link withSource} only. */
export type Sources = readonly Source[]

/** Which devices are on, for pages and servers that know no other sources: see {@link devicesOf}. */
export interface Devices {
  microphone: boolean
  camera: boolean
}

/** Every source that this version knows, in the order in which sets go through them. */
export const SOURCES: Sources = ["microphone", "camera", "screen", "screen_audio"]

/** What a track of this source carries. */
export function kindOf(source: Source): MediaKind {
  return source === "camera" || source === "screen" ? "video" : "audio"
}

/** The set of these names. Those of a later version are passed over. */
export function knownSources(names: readonly string[]): Sources {
  return SOURCES.filter((source) => names.indexOf(source) >= 0)
}

/** True if `source` is in the set. */
export function hasSource(sources: Sources, source: Source): boolean {
  return sources.indexOf(source) >= 0
}

/** The set with `source` in it if it is on, else without it. */
export function withSource(sources: Sources, source: Source, on: boolean): Sources {
  return knownSources(sources.filter((s) => s !== source).concat(on ? source : []))
}

/** What is left of the set in a voice call: sound alone. */
export function withoutPictures(sources: Sources): Sources {
  return sources.filter((source) => kindOf(source) === "audio")
}

/** What is in both sets. */
export function commonSources(some: Sources, others: Sources): Sources {
  return some.filter((source) => hasSource(others, source))
}

/** True if the same sources are in both sets. */
export function sameSources(some: Sources, others: Sources): boolean {
  return some.join() === others.join()
}

/** The set as microphone and camera alone. */
export function devicesOf(sources: Sources): Devices {
  return { microphone: hasSource(sources, "microphone"), camera: hasSource(sources, "camera") }
}

/** What is on by a message of the server: its list counts; servers before the list say microphone and camera alone. */
export function saidSources(said: Devices & { sources?: readonly string[] }): Sources {
  return knownSources(said.sources || SOURCES.filter((source) => (source === "microphone" || source === "camera") && said[source]))
}
