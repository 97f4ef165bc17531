/** The class that web pages of the old SDK use: same methods, event values and bare payloads. */

import type { GuideEventName } from "../core/src/index.js"
import { Desk, type CallParameters } from "./desk.js"
import type { DeviceChoice, VideoQuality } from "./devices.js"
import { Handlers } from "./handlers.js"
import { Phone } from "./phone.js"

/** Event names of the class. */
export const CLASS_EVENT = {
  ERROR: "onError",
  SDK_READY: "sdkReady",
  INVITED: "onInvited",
  USER_ACCEPT: "onUserAccept",
  USER_ENTER: "onUserEnter",
  USER_LEAVE: "onUserLeave",
  REJECT: "onReject",
  NO_RESP: "onNoResp",
  LINE_BUSY: "onLineBusy",
  CALLING_CANCEL: "onCallingCancel",
  CALLING_TIMEOUT: "onCallingTimeout",
  CALL_END: "onCallEnd",
  /** The same: pages read either name. */
  CALLING_END: "onCallEnd",
  HANG_UP: "onHangUp",
  KICKED_OUT: "onKickedOut",
  USER_VIDEO_AVAILABLE: "onUserVideoAvailable",
  USER_AUDIO_AVAILABLE: "onUserAudioAvailable",
  USER_VOICE_VOLUME: "onUserVoiceVolume",
  USER_NETWORK_QUALITY: "onUserNetworkQualityChanged",
  /** The old SDK's spelling. */
  DEVICED_UPDATED: "onDeviceUpdated",
} as const satisfies Record<GuideEventName | "CALLING_END" | "DEVICED_UPDATED", string>

/** How to make one. */
export interface TRTCCallingOptions {
  SDKAppID: number
  /** Origin or socket address of the Tring server; the page's own server without it. */
  server?: string
}

/** Whose picture goes where. */
export interface ViewParameters {
  userID?: string
  /** The id of an element, or the element. The picture fills it. */
  videoViewDomID: string | HTMLElement
}

/** See the head of this file. */
export class TRTCCalling {
  static readonly EVENT = CLASS_EVENT
  readonly EVENT = CLASS_EVENT
  private readonly log = { level: 1 }
  private readonly handlers = new Handlers()
  private readonly desk: Desk
  private readonly views = new Map<"local" | "remote", HTMLVideoElement>()

  constructor(private readonly options: TRTCCallingOptions) {
    const phone = new Phone(options.server, this.log)
    this.desk = new Desk(phone, "class", ({ name, payload }) => this.handlers.call(CLASS_EVENT[name], payload ?? {}))
    phone.media.onchange = () => this.refreshViews()
    phone.client.on((event) => {
      if (event.type === "ended" || event.type === "refused") this.clearViews()
    })
    if (navigator.mediaDevices !== undefined) {
      phone.hear(navigator.mediaDevices, "devicechange", () => void this.devicesChanged())
    }
  }

  /** Signs in. Rejects with a `CallError` that says what to do. */
  login({ userID, userSig }: { userID: string; userSig: string }): Promise<void> {
    return this.desk.login({ sdkAppID: this.options.SDKAppID, userID, userSig })
  }

  /** Leaves the present call and signs out. */
  logout(): Promise<void> {
    return this.desk.logout()
  }

  /** Signs out and lets go of the page: for a single-page program that drops the instance. */
  destroy(): Promise<void> {
    return this.desk.dispose()
  }

  /** Hears an event of {@link CLASS_EVENT}. */
  on(event: string, handler: (payload: never) => void, context?: unknown): void {
    this.handlers.on(event, handler, context)
  }

  /** Hears it no more: one handler, all of the event, or everything. */
  off(event?: string, handler?: (payload: never) => void): void {
    this.handlers.off(event, handler)
  }

  /** Calls. Settles when the server has taken the call. */
  call(parameters: CallParameters): Promise<void> {
    return this.desk.call(parameters)
  }

  /** Answers. */
  accept(): Promise<void> {
    return this.desk.accept()
  }

  /** Refuses. */
  reject(): Promise<string | undefined> {
    return this.desk.reject()
  }

  /** Cancels, refuses or hangs up. In any state, any number of times. */
  hangup(): Promise<void> {
    return this.desk.hangup()
  }

  /** Shows the own picture. */
  startLocalView({ videoViewDomID }: ViewParameters): Promise<void> {
    return this.show("local", videoViewDomID)
  }

  /** Hides the own picture; the other side still sees it. */
  async stopLocalView(_?: Partial<ViewParameters>): Promise<void> {
    this.hide("local")
  }

  /** Shows the other's picture. Their voice is heard without. */
  startRemoteView({ videoViewDomID }: ViewParameters): Promise<void> {
    return this.show("remote", videoViewDomID)
  }

  /** Hides the other's picture. */
  async stopRemoteView(_?: Partial<ViewParameters>): Promise<void> {
    this.hide("remote")
  }

  /** Camera on, in a video call. */
  openCamera(): Promise<void> {
    return this.desk.setCamera(true)
  }

  /** Camera off, its light too. */
  closeCamera(): Promise<void> {
    return this.desk.setCamera(false)
  }

  /** True: nobody hears this device. */
  setMicMute(isMute: boolean): Promise<void> {
    return this.desk.setMicMute(isMute)
  }

  getCameras(): Promise<DeviceChoice[]> {
    return this.desk.getCameras()
  }

  getMicrophones(): Promise<DeviceChoice[]> {
    return this.desk.getMicrophones()
  }

  getSpeakers(): Promise<DeviceChoice[]> {
    return this.desk.getSpeakers()
  }

  /** Another microphone (`audio`), camera (`video`) or loudspeaker (`speaker`), also during a call. */
  switchDevice(choice: { deviceType: "audio" | "video" | "speaker"; deviceId: string }): Promise<void> {
    return this.desk.switchDevice(choice)
  }

  /** Size of the own picture; 480p at first. */
  setVideoQuality(quality: VideoQuality): Promise<void> {
    return this.desk.setVideoQuality(quality)
  }

  /** 0 everything, 1 information, 2 warnings, 3 errors, 4 nothing. */
  setLogLevel(level: number): void {
    this.log.level = level
  }

  /** The line of a chat for a call message. */
  extractCallingInfoFromMessage(message: unknown): string {
    return this.desk.extractCallingInfoFromMessage(message)
  }

  /** There is no IM here. */
  getTim(): null {
    return null
  }

  /** What is received from a user, null if they are not in the call. */
  remoteStream(userID: string): MediaStream | null {
    return this.desk.remoteStream(userID)
  }

  /** The own picture, null while the camera is off. */
  localStream(): MediaStream | null {
    return this.desk.phone.media.localStream
  }

  /** The browser's measurements of the media path, null without one. */
  getStats(): Promise<RTCStatsReport | null> {
    return this.desk.phone.media.stats()
  }

  private async show(which: "local" | "remote", where: string | HTMLElement): Promise<void> {
    const place = typeof where === "string" ? document.getElementById(where) : where
    if (place === null) throw new TypeError(`videoViewDomID: no element has the id '${String(where)}'`)
    this.hide(which)
    const video = document.createElement("video")
    video.autoplay = video.playsInline = true
    video.muted = true // sound has an element of its own
    video.style.cssText = "width:100%;height:100%;object-fit:cover"
    if (which === "local") video.style.transform = "scaleX(-1)"
    place.append(video)
    this.views.set(which, video)
    this.refreshViews()
  }

  private hide(which: "local" | "remote"): void {
    this.views.get(which)?.remove()
    this.views.delete(which)
  }

  private clearViews(): void {
    this.hide("local")
    this.hide("remote")
  }

  private refreshViews(): void {
    const { media } = this.desk.phone
    for (const [which, video] of this.views) {
      video.srcObject = which === "local" ? media.localStream : media.remoteStream
    }
  }

  private async devicesChanged(): Promise<void> {
    const [cameraList, microphoneList, speakerList] = await Promise.all([
      this.getCameras(), this.getMicrophones(), this.getSpeakers(),
    ])
    const { microphoneID, cameraID, speakerID } = this.desk.phone.media.current
    this.handlers.call(CLASS_EVENT.DEVICED_UPDATED, {
      cameraList, microphoneList, speakerList,
      currentMicrophoneID: microphoneID, currentCameraID: cameraID, currentSpeakerID: speakerID,
    })
  }
}
