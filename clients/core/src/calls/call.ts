/** One call as this device sees it, and what is told of it. */

import type { CallError } from "../errors.js"
import type { CloseReason, ConnectionState } from "../session/connection.js"
import type { MediaStatus, VoiceVolume } from "./media-port.js"
import type { CallId, EndReason, MediaType, RoomId, UserId } from "../protocol.js"
import type { Devices, Sources } from "../source.js"

/**
 * Where a call stands on this device.
 *
 * | phase | who | meaning |
 * |---|---|---|
 * | `dialing` | caller | asked for; the server has not answered yet |
 * | `calling` | caller | it rings at the other side, or waits for them to sign in |
 * | `ringing` | callee | it rings here |
 * | `accepting` | callee | answered here; the server has not confirmed yet |
 * | `connected` | both | they talk |
 * | `ending` | both | left here; the server has not confirmed yet. Media is off already |
 */
export type Phase = "dialing" | "calling" | "ringing" | "accepting" | "connected" | "ending"

/** Somebody else in the call. */
export interface Peer {
  readonly userID: UserId
  /** What they send. */
  readonly sources: Sources
  /** Microphone and camera of {@link Peer.sources}, for pages that know no other source. */
  readonly devices: Devices
}

/** A call, read-only: the client changes it. */
export interface Call {
  /** Empty while dialing. */
  readonly callID: CallId | ""
  /** 0 while dialing. */
  readonly roomID: RoomId | 0
  readonly phase: Phase
  readonly role: "caller" | "callee"
  readonly media: MediaType
  /** What this device is, as records of the old SDKs name it. */
  readonly platform: "MiniApp" | "Web"
  readonly self: UserId
  /** Who began it. */
  readonly sponsor: UserId
  /** Who was called. */
  readonly invitees: readonly UserId[]
  /** More than one was called. */
  readonly isGroup: boolean
  /** The caller's own text. */
  readonly data: string
  /** Who is in the room, this device not counted. */
  readonly peers: readonly Peer[]
  /** What this device sends, or is to send once the call is answered. */
  readonly sources: Sources
  /** Microphone and camera of {@link Call.sources}, for pages that know no other source. */
  readonly devices: Devices
  /** The other side's device rings (caller only). */
  readonly alerting: boolean
  /** The other side has no device now (caller only). */
  readonly unreachable: boolean
  /** Whose picture not everybody can decode, with no codec that all have: see {@link pictureUnseen}. */
  readonly unseen: readonly UserId[]
  /** The platform's clock at the answer; null before. */
  readonly connectedAt: number | null
  /** How often it has changed between voice and video. */
  readonly switches: number
}

/** What to call. */
export interface CallOptions {
  to: UserId[]
  media: MediaType
  /** How long it rings, s: 5 to 300. Without it the server's 30. */
  timeoutS?: number
  /** End at once if nobody has a device. */
  failFast?: boolean
  /** Text for the callees, at most 1,024 bytes. */
  data?: string
}

/** Everything that a surface or a screen can learn. */
export type CallEvent =
  | { type: "connection"; state: ConnectionState }
  | { type: "signed_in" }
  | { type: "signed_out"; reason: CloseReason }
  /** A call of one's own begins. */
  | { type: "calling"; call: Call }
  /** The server has taken it. */
  | { type: "placed"; call: Call }
  | { type: "invited"; call: Call }
  /** Something of the call is different: phase, sources, media. For screens. */
  | { type: "changed"; call: Call }
  | { type: "unreachable"; call: Call; userID: UserId }
  | { type: "alerting"; call: Call; userID: UserId }
  | { type: "accepted"; call: Call; userID: UserId }
  | { type: "leg_ended"; call: Call; userID: UserId; reason: EndReason }
  /** They talk from now on. */
  | { type: "connected"; call: Call }
  | { type: "joined"; call: Call; userID: UserId; sources: Sources; devices: Devices }
  | { type: "left"; call: Call; userID: UserId }
  /** `sources` is what they send now; of it `before` and `now` compare microphone and camera, which may be the same. */
  | { type: "peer_devices"; call: Call; userID: UserId; before: Devices; now: Devices; sources: Sources }
  /** A voice call has become a video call, or the other way round: `call.media` says which. Every camera was off then. */
  | { type: "switched"; call: Call; userID: UserId }
  | { type: "network"; call: Call; userID: UserId; level: number }
  | { type: "media"; call: Call; status: MediaStatus }
  | { type: "volumes"; call: Call; levels: VoiceVolume[] }
  /** The one end of a call. `from` is the phase it was in when this side left or was told. */
  | { type: "ended"; call: Call; reason: EndReason; by: UserId | null; durationS: number; from: Phase }
  /** `hangup()` was called on this device, whatever the state. */
  | { type: "hung_up" }
  /** A call of one's own that the server refused: it never began. */
  | { type: "refused"; call: Call; error: CallError }
  /** Something failed and the call, if there is one, goes on. */
  | { type: "error"; code: number | string; message: string }
