/** The class that web pages of the old SDK use: same methods, event values and bare payloads. */

import { CallError, Handlers, NOTHING_TO_REJECT, RING_TIMEOUT_MAX_S, statusNameOf, typeOf, type Call, type CallParameters, type StatusName } from "@tring/core"
import { complain } from "./complain.js"
import { WebGuideApi, type DeviceParameters } from "./guide-api.js"
import { CALL_TYPE, CLASS_EVENT } from "./event-names.js"
import type { DeviceChoice, VideoQuality } from "./media/devices.js"
import { classPayload, type ClassPayloads } from "./payloads.js"
import { Phone } from "./phone.js"
import { OTHERS_CAMERA, OWN_CAMERA, Views, type ViewParameters } from "./views.js"

/** How to make one. */
export interface TRTCCallingOptions {
  SDKAppID: number
  /** Origin or socket address of the Tring server; the page's own server without it. */
  server?: string
  /** An IM instance, which pages of the old SDK may give. Ignored: there is no IM here. */
  tim?: unknown
}

/** Whom to call, as pages of the old SDK say it. */
export interface ClassCallParameters extends CallParameters {
  /** How long it rings, s: 5 to 300; 30 without it; 0 is the longest. */
  timeout?: number
  /** Ignored: there is no push service here. */
  offlinePushInfo?: unknown
}

/** Which invitation is answered. */
export interface Invitation {
  /** As INVITED named it. If another call rings by now, that one is not answered. */
  inviteID?: string
  /** Ignored: the server knows the room, the type, and who is busy. */
  roomID?: number
  callType?: number
  isBusy?: boolean
}

/** Where this device stands, as the old SDK names it. */
export type CallStatus = StatusName

/** One user's calls, with the methods of the old SDK's class. Make one for each user that a page signs in. */
export class TRTCCalling {
  static readonly EVENT = CLASS_EVENT
  static readonly CALL_TYPE = CALL_TYPE
  readonly EVENT = CLASS_EVENT
  private readonly log = { level: 1 }
  private readonly handlers = new Handlers(complain)
  private readonly guide: WebGuideApi
  private readonly views: Views
  /** The call of whose end handlers are hearing. */
  private over: Call | null = null

  constructor(private readonly options: TRTCCallingOptions) {
    // A page that is put aside and comes back goes on where it was.
    const phone = new Phone({ server: options?.server, log: this.log, keepsCall: () => true })
    this.views = new Views(phone.media)
    // Before the page hears of it: a handler may begin the next call and show it.
    phone.client.on((event) => {
      if (event.type === "ended" || event.type === "refused") this.views.clear()
      this.over = event.type === "ended" ? event.call : null
    })
    this.guide = new WebGuideApi(phone, "class", ({ name, payload }) => {
      this.handlers.call(CLASS_EVENT[name === "CALL_MODE" ? "CALL_TYPE_CHANGED" : name], classPayload(name, payload))
    })
    phone.client.on(() => {
      this.over = null
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
    return this.guide.login({ sdkAppID: this.options?.SDKAppID, userID, userSig })
  }

  /** Leaves the present call and signs out. */
  logout(): Promise<void> {
    return this.guide.logout()
  }

  /** Signs out and lets go of the page: for a single-page program that drops the instance. */
  destroy(): Promise<void> {
    return this.guide.dispose()
  }

  /** Hears an event of {@link CLASS_EVENT}. `this` of the handler is the context; without one, this instance. */
  on<Name extends keyof ClassPayloads>(event: Name, handler: (payload: ClassPayloads[Name]) => void, context?: unknown): void
  on(event: string, handler: (payload: never) => void, context?: unknown): void
  on(event: string, handler: (payload: never) => void, context?: unknown): void {
    this.handlers.on(event, handler, context ?? this)
  }

  /** Hears it no more: one handler, all of the event, or, without any argument, everything. */
  off(...given: [event?: string, handler?: (payload: never) => void, context?: unknown]): void {
    this.handlers.off(...(given.slice(0, 2) as [event?: string, handler?: (payload: never) => void]))
  }

  /** Calls. Settles when the server has taken the call. */
  call(parameters: ClassCallParameters): Promise<void> {
    // Pages of the old SDK mean "for ever" by 0.
    return this.guide.call(parameters?.timeout === 0 ? { ...parameters, timeout: RING_TIMEOUT_MAX_S } : parameters)
  }

  /** Rejects with `not_available`, and is told as ERROR: there are no group calls yet. */
  groupCall(_?: { userIDList: string[]; type: 1 | 2; groupID?: string; offlinePushInfo?: unknown }): Promise<never> {
    return this.guide.groupCall()
  }

  /** Answers. */
  accept(invitation?: Invitation): Promise<void> {
    if (!this.anotherRings(invitation)) return this.guide.accept()
    const error = new CallError("no_call", `the invitation ${String(invitation?.inviteID)} is over: another call rings by now`)
    return this.guide.telling(() => Promise.reject(error))
  }

  /** Refuses. */
  reject(invitation?: Invitation): Promise<string | undefined> {
    return this.anotherRings(invitation) ? Promise.resolve(NOTHING_TO_REJECT) : this.guide.reject()
  }

  /** Cancels, refuses or hangs up. In any state, any number of times. */
  hangup(): Promise<void> {
    return this.guide.hangup()
  }

  /** Shows the own picture. */
  startLocalView(where: ViewParameters): Promise<void> {
    return this.guide.telling(async () => this.views.show(OWN_CAMERA, where?.videoViewDomID))
  }

  /** Hides the own picture; the other side still sees it. */
  async stopLocalView(_?: Partial<ViewParameters>): Promise<void> {
    this.views.hide(OWN_CAMERA)
  }

  /** Shows the other's picture. Their voice is heard without. */
  startRemoteView(where: ViewParameters): Promise<void> {
    return this.guide.telling(async () => this.views.show(OTHERS_CAMERA, where?.videoViewDomID))
  }

  /** Hides the other's picture. */
  async stopRemoteView(_?: Partial<ViewParameters>): Promise<void> {
    this.views.hide(OTHERS_CAMERA)
  }

  /** Camera on, in a video call. */
  openCamera(): Promise<void> {
    return this.guide.setCamera(true)
  }

  /** Camera off, its light too. */
  closeCamera(): Promise<void> {
    return this.guide.setCamera(false)
  }

  /** True: nobody hears this device. */
  setMicMute(isMute: boolean): Promise<void> {
    return this.guide.setMicMute(isMute)
  }

  /** Makes the running call a voice call: no picture of either side is sent any more. */
  switchToAudioCall(): Promise<void> {
    return this.guide.switchCall(1)
  }

  /** Makes the running call a video call. This side's camera opens; the other's waits for its own user. */
  switchToVideoCall(): Promise<void> {
    return this.guide.switchCall(2)
  }

  /** The same, by the element's name. */
  switchAudioCall(): Promise<void> {
    return this.guide.switchCall(1)
  }

  /** The same, by the element's name. */
  switchVideoCall(): Promise<void> {
    return this.guide.switchCall(2)
  }

  getCameras(): Promise<DeviceChoice[]> {
    return this.guide.getCameras()
  }

  getMicrophones(): Promise<DeviceChoice[]> {
    return this.guide.getMicrophones()
  }

  getSpeakers(): Promise<DeviceChoice[]> {
    return this.guide.getSpeakers()
  }

  /** Another microphone (`audio`), camera (`video`) or loudspeaker (`speaker`), also during a call. */
  switchDevice(choice: DeviceParameters): Promise<void> {
    return this.guide.switchDevice(choice)
  }

  /** Size of the own picture; 480p at first. */
  setVideoQuality(quality: VideoQuality): Promise<void> {
    return this.guide.setVideoQuality(quality)
  }

  /** 0 everything, 1 information, 2 warnings, 3 errors, 4 nothing. */
  setLogLevel(level: number): void {
    this.log.level = level
  }

  /** The line of a chat for a call message. */
  extractCallingInfoFromMessage(message: unknown): string {
    return this.guide.extractCallingInfoFromMessage(message)
  }

  /** There is no IM here. */
  getTim(): null {
    return null
  }

  /** What is received from a user, null if they are not in the call. */
  remoteStream(userID: string): MediaStream | null {
    return this.guide.remoteStream(userID)
  }

  /** The own picture, null while the camera is off. */
  localStream(): MediaStream | null {
    return this.guide.phone.media.localStream
  }

  /**
   * Plays the others where the browser wanted a touch of the page first (AUTOPLAY_FAILED): call it in the handler of a
   * click. Rejects with `playback_blocked` if that did not help.
   */
  resumePlayback(): Promise<void> {
    return this.guide.resumePlayback()
  }

  /** The browser's measurements of the media path, null without one. */
  getStats(): Promise<RTCStatsReport | null> {
    return this.guide.phone.media.stats()
  }

  // --- where it stands ---

  /** `calling` while it rings, at either side; `connected` while they talk. */
  getCallStatus(): CallStatus {
    const { call } = this.guide.phone.client
    return call?.phase === "ending" ? "idle" : statusNameOf(call)
  }

  /** Who is signed in, or is signing in; empty without. */
  getUserID(): string {
    const { connectionState, userID } = this.guide.phone.client
    return connectionState.name === "idle" || connectionState.name === "closed" ? "" : userID
  }

  /** What `setVideoQuality` has set; 480p at first. */
  getVideoQuality(): VideoQuality {
    return this.guide.phone.media.videoQuality
  }

  /** Who has called, this user or the other; empty without a call. */
  getInviterID(): string {
    return this.subject?.sponsor ?? ""
  }

  /** Who is called; empty without a call. */
  getInviteeList(): string[] {
    return this.subject?.invitees.slice() ?? []
  }

  /** True in a call that this device has made. */
  isInviter(): boolean {
    return this.subject?.role === "caller"
  }

  /** False: there are no group calls yet. */
  isGroupCall(): boolean {
    return this.subject?.isGroup ?? false
  }

  /** Empty: there are no groups here. */
  getGroupID(): string {
    return ""
  }

  /** A value of {@link CALL_TYPE}; 0 without a call. */
  getCallType(): 0 | 1 | 2 {
    return this.subject === null ? CALL_TYPE.UNKNOWN : typeOf(this.subject.media)
  }

  /** How many others are in the call, heard and seen or muted. */
  getRemoteStreamCount(): number {
    const call = this.guide.phone.client.call
    return call?.phase === "connected" ? call.peers.length : 0
  }

  /** True if anybody else is in the call. */
  hasRemoteConnectedUsers(): boolean {
    return this.getRemoteStreamCount() > 0
  }

  /** The call of which the getters speak: the present one, and in the handlers of its end the one that is over. */
  private get subject(): Call | null {
    return this.guide.phone.client.call ?? this.over
  }

  /** The page answers an invitation that is over while a newer one rings: nobody has agreed to that one. */
  private anotherRings(invitation: Invitation | undefined): boolean {
    const call = this.guide.phone.client.call
    const answered = invitation?.inviteID
    return typeof answered === "string" && call?.phase === "ringing" && call.callID !== answered
  }

  private async devicesChanged(): Promise<void> {
    const [cameraList, microphoneList, speakerList] = await Promise.all([this.getCameras(), this.getMicrophones(), this.getSpeakers()])
    const { microphoneID, cameraID, speakerID } = this.guide.phone.media.current
    this.handlers.call(CLASS_EVENT.DEVICED_UPDATED, {
      cameraList,
      microphoneList,
      speakerList,
      currentMicrophoneID: microphoneID,
      currentCameraID: cameraID,
      currentSpeakerID: speakerID,
    })
  }
}
