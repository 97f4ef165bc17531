/** The wall between calls and media: a browser puts WebRTC behind it, a mini-program its pusher and players. */

import type { MediaType, UserId } from "./protocol.js"

/** Which devices are on, or shall be. */
export interface Devices {
  microphone: boolean
  camera: boolean
}

/** How the media path of this device does. */
export type MediaStatus = "idle" | "connecting" | "connected" | "reconnecting"

/** How loud somebody is. */
export interface VoiceVolume {
  userID: UserId
  /** 0 to 100. */
  volume: number
}

/** What the port may use of the call it serves. */
export interface MediaCall {
  readonly media: MediaType
  readonly self: UserId
  /** Who may be heard and seen; changes as people come and go. */
  readonly others: readonly UserId[]
  /** Sends an SDP offer and brings the answer. Rejects with a {@link CallError}; waits while the session resumes. */
  exchange(offer: string): Promise<string>
}

/** What the port tells the call. */
export interface MediaHost {
  status(status: MediaStatus): void
  /** What is really on, when it is not what was asked for: no camera, or refused. */
  devices(devices: Devices): void
  /** For the page: a code (60003 … of the old SDKs, or the server's) and what to do. The call goes on. */
  error(code: number | string, message: string): void
  volumes(levels: VoiceVolume[]): void
}

/** One call at a time: `begin`, then the others in any order and number, then `end`. No method throws. */
export interface MediaPort {
  /** A call begins. Nothing is opened or sent yet. */
  begin(call: MediaCall, host: MediaHost, wanted: Devices): void
  /** The user of this device has agreed (by calling, or by accepting): open the devices, sound first. */
  openDevices(): void
  /** The server may take an offer now. Repeated where an earlier one was refused; nothing to do while one is in use. */
  connect(): void
  /** The path is gone, or the network is another: a new transport for the same call. */
  reconnect(): void
  /** Devices on or off. Never a new offer. */
  setDevices(wanted: Devices): void
  /** The call is over: close everything, lights off. Harmless when nothing is open. */
  end(): void
}
