/** The class that web pages of the old SDK use: same methods, event values and bare payloads. */

import { Handlers, type CallParameters } from "../../core/src/index.js"
import { complain } from "./complain.js"
import { Desk, type DeviceParameters } from "./desk.js"
import { CLASS_EVENT } from "./event-names.js"
import type { DeviceChoice, VideoQuality } from "./media/devices.js"
import { Phone } from "./phone.js"
import { Views, type ViewParameters } from "./views.js"

/** How to make one. */
export interface TRTCCallingOptions {
  SDKAppID: number
  /** Origin or socket address of the Tring server; the page's own server without it. */
  server?: string
}

/** See the head of this file. */
export class TRTCCalling {
  static readonly EVENT = CLASS_EVENT
  readonly EVENT = CLASS_EVENT
  private readonly log = { level: 1 }
  private readonly handlers = new Handlers(complain)
  private readonly desk: Desk
  private readonly views: Views

  constructor(private readonly options: TRTCCallingOptions) {
    // A page that is put aside and comes back goes on where it was.
    const phone = new Phone({ server: options.server, log: this.log, keepsCall: () => true })
    this.views = new Views(phone.media)
    // Before the page hears of it: a handler may begin the next call and show it.
    phone.client.on((event) => {
      if (event.type === "ended" || event.type === "refused") this.views.clear()
    })
    this.desk = new Desk(phone, "class", ({ name, payload }) => {
      this.handlers.call(CLASS_EVENT[name === "CALL_MODE" ? "CALL_TYPE_CHANGED" : name], payload ?? {})
    })
    if (navigator.mediaDevices !== undefined) {
      phone.hear(navigator.mediaDevices, "devicechange", () => void this.devicesChanged().catch(() => {}))
    }
  }

  /**
   * Signs in. Rejects with a `CallError` that says what to do. Signed in already, a fresh UserSig is kept for the next
   * time the server asks for one.
   */
  login(credentials: { userID: string; userSig: string }): Promise<void> {
    const { userID, userSig } = credentials ?? ({} as Partial<typeof credentials>)
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

  /** Hears it no more: one handler, all of the event, or, without any argument, everything. */
  off(...given: [event?: string, handler?: (payload: never) => void]): void {
    this.handlers.off(...given)
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
  startLocalView(where: ViewParameters): Promise<void> {
    return this.desk.telling(async () => this.views.show("local", where?.videoViewDomID))
  }

  /** Hides the own picture; the other side still sees it. */
  async stopLocalView(_?: Partial<ViewParameters>): Promise<void> {
    this.views.hide("local")
  }

  /** Shows the other's picture. Their voice is heard without. */
  startRemoteView(where: ViewParameters): Promise<void> {
    return this.desk.telling(async () => this.views.show("remote", where?.videoViewDomID))
  }

  /** Hides the other's picture. */
  async stopRemoteView(_?: Partial<ViewParameters>): Promise<void> {
    this.views.hide("remote")
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

  /** Makes the running call a voice call: no picture of either side is sent any more. */
  switchToAudioCall(): Promise<void> {
    return this.desk.switchCall(1)
  }

  /** Makes the running call a video call. This side's camera opens; the other's waits for its own user. */
  switchToVideoCall(): Promise<void> {
    return this.desk.switchCall(2)
  }

  /** The same, by the element's name. */
  switchAudioCall(): Promise<void> {
    return this.desk.switchCall(1)
  }

  /** The same, by the element's name. */
  switchVideoCall(): Promise<void> {
    return this.desk.switchCall(2)
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
  switchDevice(choice: DeviceParameters): Promise<void> {
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

  /**
   * Plays the others where the browser wanted a touch of the page first (AUTOPLAY_FAILED): call it in the handler of a
   * click. Rejects with `playback_blocked` if that did not help.
   */
  resumePlayback(): Promise<void> {
    return this.desk.resumePlayback()
  }

  /** The browser's measurements of the media path, null without one. */
  getStats(): Promise<RTCStatsReport | null> {
    return this.desk.phone.media.stats()
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
