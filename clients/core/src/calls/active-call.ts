/** The present call as the call client keeps it: what {@link Call} shows, and what only the client needs to know. */

import type { Call, CallEvent, CallOptions, Peer, Phase } from "./call.js"
import type { Asked } from "../session/connection.js"
import type { SourceReport } from "./source-report.js"
import { CallError } from "../errors.js"
import type { MediaPort } from "./media-port.js"
import { devicesOf, hasSource, withSource, type Sources } from "../source.js"
import type { Cancel, Platform } from "../session/platform.js"
import type { CallId, DeviceKind, EndReason, MediaType, Request, RoomId, UserId } from "../protocol.js"

/** Which side of a call this device is. */
export type Role = Call["role"]

/** A call that can be changed. */
export interface MutableCall extends Call {
  callID: CallId | ""
  roomID: RoomId | 0
  phase: Phase
  media: MediaType
  peers: Peer[]
  sources: Sources
  alerting: boolean
  unreachable: boolean
  unseen: UserId[]
  connectedAt: number | null
  switches: number
}

/**
 * A call of this user's own that was asked for.
 *
 * @internal
 */
export interface Placing {
  readonly options: CallOptions
  readonly asked: Asked
  /** Settle what `callUsers()` has returned. Harmless the second time. */
  resolve(call: Call): void
  reject(error: CallError): void
}

/**
 * The present call as the call client keeps it: what {@link Call} shows, and what only the client needs to know.
 *
 * @internal
 */
export interface ActiveCall {
  readonly call: MutableCall
  readonly report: SourceReport
  /** What the media was last told to have on. */
  mediaHas: Sources
  /** The phase in which this side left. */
  leftFrom: Phase | null
  leaveBy: "hangup" | "reject"
  /** Say `hung_up` after `ended`: the order of a cancelled call. */
  hungUpAfter: boolean
  accepting: Promise<void> | null
  /** The one who was called will not come, and the server's word that the call is over is on its way. */
  unanswered: boolean
  /** All who had come have left, and the server's word that the call is over is on its way. */
  deserted: boolean
  /** What this side has last asked the call to become. */
  wish: MediaType | null
  /** How everybody's network is, as far as the server has said: 1 (excellent) without a word of it. */
  networks: Array<{ readonly userID: UserId; readonly level: number }>
  /** The request that takes the user into this call: `call` or `accept`. */
  asked: Asked | null
  /** By what this call was asked for, or answered by calling back. */
  placing: Placing | null
  /** The call that came of calling back, where this one had ended before the server heard of it. */
  next: ActiveCall | null
  readonly over: Promise<void>
  resolveOver(): void
  cancelDeadline: Cancel
}

/**
 * What the parts of the call client share.
 *
 * @internal
 */
export interface CallContext {
  readonly platform: Platform
  readonly media: MediaPort
  /** Tells a page or a screen. */
  emit(event: CallEvent): void
  /** This is the present call, and this side has not left it. */
  isCurrent(active: ActiveCall): boolean
}

/** A call that begins. */
export function newCall(role: Role, kind: DeviceKind, self: UserId, sponsor: UserId, to: UserId[], media: MediaType, data: string): MutableCall {
  return {
    callID: "",
    roomID: 0,
    phase: role === "caller" ? "dialing" : "ringing",
    role,
    media,
    platform: kind === "miniprogram" ? "MiniApp" : "Web",
    self,
    sponsor,
    invitees: to.slice(),
    isGroup: to.length > 1,
    data,
    peers: [],
    sources: withSource(["microphone"], "camera", media === "video"),
    get devices() {
      return devicesOf(this.sources)
    },
    alerting: false,
    unreachable: false,
    unseen: [],
    connectedAt: null,
    switches: 0,
  }
}

/** Somebody in the call who sends this. */
export function peerOf(userID: UserId, sources: Sources): Peer {
  return { userID, sources, devices: devicesOf(sources) }
}

/** The state of a call that begins. `report` tells the server of its sources. */
export function newActiveCall(call: MutableCall, report: SourceReport): ActiveCall {
  let resolveOver: () => void = () => {}
  const over = new Promise<void>((resolve) => {
    resolveOver = resolve
  })
  return {
    call,
    report,
    mediaHas: call.sources,
    leftFrom: null,
    leaveBy: "hangup",
    hungUpAfter: false,
    accepting: null,
    unanswered: false,
    deserted: false,
    wish: null,
    networks: [],
    asked: null,
    placing: null,
    next: null,
    over,
    resolveOver,
    cancelDeadline: () => {},
  }
}

/** What `call()` sends. */
export function asRequest(options: CallOptions): Request {
  const { to, media, timeoutS, failFast, data } = options
  return {
    type: "call",
    to,
    media,
    ...(timeoutS === undefined ? {} : { timeoutS }),
    ...(failFast === undefined ? {} : { failFast }),
    ...(data === undefined ? {} : { data }),
  }
}

/** It rings here, or is just being answered. */
export function isRinging(phase: Phase): boolean {
  return phase === "ringing" || phase === "accepting"
}

/** It rings at the other side, as far as anybody knows. */
export function isCalling(phase: Phase): boolean {
  return phase === "dialing" || phase === "calling"
}

/** Why a call is over that this side has left, where the server does not say. */
export function localReason(active: ActiveCall): EndReason {
  if (active.leftFrom === "connected") return "hangup"
  return active.call.role === "callee" ? "reject" : "cancel"
}

/** How long they have talked, s, by this device's clock. */
export function talkedS(call: Call, now: number): number {
  return call.connectedAt === null ? 0 : Math.max(0, Math.floor((now - call.connectedAt) / 1000))
}

/** A picture is being sent that is not seen, for want of a common codec: a screen says why. */
export function pictureUnseen({ media, unseen, self, sources, peers }: Call): boolean {
  const sends = (id: UserId) => (id === self ? hasSource(sources, "camera") : peers.some((p) => p.userID === id && hasSource(p.sources, "camera")))
  return media === "video" && unseen.some(sends)
}

/** Nothing can be changed. */
export function noCall(): CallError {
  return new CallError("no_call", "no call is going on: call somebody, or answer, first")
}

/** Nothing can be answered or refused. */
export function nothingRings(): CallError {
  return new CallError("no_call", "no call rings here: it was cancelled or answered elsewhere, or none came")
}
