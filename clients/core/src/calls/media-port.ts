/** The wall between calls and media: a browser puts WebRTC behind it, a mini-program its pusher and players. */

import type { MediaType, MediaUrl, PlayStream, UserId, VideoCodec } from "../protocol.js"
import type { Sources } from "../source.js"

/** How the media path of this device does. */
export type MediaStatus = "idle" | "connecting" | "connected" | "reconnecting"

/** How loud somebody is. */
export interface VoiceVolume {
  userID: UserId
  /** 0 to 100. */
  volume: number
}

/** Where a mini-program pushes its own stream and plays the others'. */
export interface Streams {
  /** RTMP, with the ticket of this call and user. */
  push: MediaUrl
  play: PlayStream[]
}

/** What the port may use of the call it serves. */
export interface MediaCall {
  readonly media: MediaType
  readonly role: "caller" | "callee"
  /** Both sides have agreed: from now on the server forwards. */
  readonly talking: boolean
  readonly self: UserId
  /** Who may be heard and seen; changes as people come and go. */
  readonly others: readonly UserId[]
  /** Sends an SDP offer and brings the answer. Rejects with a {@link CallError}; waits while the session resumes. */
  exchange(offer: string): Promise<string>
  /** Brings the addresses; the same ones as long as the call lives. Allowed when an offer is: for a caller once the server
   * has taken the call, for a callee who has answered. Rejects as {@link exchange} does. */
  streams(): Promise<Streams>
}

/** What the port tells the call. */
export interface MediaHost {
  status(status: MediaStatus): void
  /** Nothing arrives on the path any more. It may heal; but if the network is another, the session's socket is dead too, and
   * is looked at now instead of at its next heartbeat. */
  silent(): void
  /** What is really on, when it is not what was asked for: no camera, or refused. */
  sources(sources: Sources): void
  /** For the page: a code (60003 … of the old SDKs, or the server's) and what to do. The call goes on. */
  error(code: number | string, message: string): void
  volumes(levels: VoiceVolume[]): void
}

/** One call at a time: `begin`, then the others in any order and number, then `end`. No method throws. */
export interface MediaPort {
  /** A call begins. Nothing is opened or sent yet. */
  begin(call: MediaCall, host: MediaHost, wanted: Sources): void
  /** The user of this device has agreed (by calling, or by accepting): open the devices, sound first. */
  openDevices(): void
  /** The server may take an offer now. Repeated where an earlier one was refused; nothing to do while one is in use. */
  connect(): void
  /** The path is gone, or the network is another: a new transport for the same call. `lost`: the server says so of the path
   * that it has; a newer one, that it has not answered yet, is not meant. */
  reconnect(lost?: boolean): void
  /** Sources on or off. Never a new offer. */
  setSources(wanted: Sources): void
  /** The call has become a voice or a video call. The camera is off, whatever was to bring it back, until
   * {@link setSources} says otherwise. */
  switched(): void
  /** Not everybody can decode this side's picture: it is sent in this codec from now on. */
  sendVideoIn(codec: VideoCodec): void
  /** The call is over: close everything, lights off. Harmless when nothing is open. */
  end(): void
}
