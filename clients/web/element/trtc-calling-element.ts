/**
 * `<trtc-calling>`: the component of the guide in a web page. It shows nothing until there is a call; then its own call
 * screen covers the page, or the box it stands in with the attribute `inline`.
 */

import type { Call, CallEvent, GuideEventName } from "../../core/src/index.js"
import { Desk, type CallParameters } from "../desk.js"
import type { DeviceChoice, VideoQuality } from "../devices.js"
import { Handlers } from "../handlers.js"
import { Phone } from "../phone.js"
import { CallView } from "./call-view.js"
import { Screen } from "./screen.js"

/** The guide's event names: each is its own value. */
export const ELEMENT_EVENT = {
  INVITED: "INVITED",
  HANG_UP: "HANG_UP",
  REJECT: "REJECT",
  USER_LEAVE: "USER_LEAVE",
  NO_RESP: "NO_RESP",
  CALLING_TIMEOUT: "CALLING_TIMEOUT",
  LINE_BUSY: "LINE_BUSY",
  CALLING_CANCEL: "CALLING_CANCEL",
  USER_ENTER: "USER_ENTER",
  CALL_END: "CALL_END",
  USER_ACCEPT: "USER_ACCEPT",
  USER_VIDEO_AVAILABLE: "USER_VIDEO_AVAILABLE",
  USER_AUDIO_AVAILABLE: "USER_AUDIO_AVAILABLE",
  USER_VOICE_VOLUME: "USER_VOICE_VOLUME",
  USER_NETWORK_QUALITY: "USER_NETWORK_QUALITY",
  KICKED_OUT: "KICKED_OUT",
  SDK_READY: "SDK_READY",
  ERROR: "ERROR",
} as const satisfies Record<GuideEventName, string>

/** The guide's config. Read at `login()`, and `type` at `call()`. */
export interface TRTCCallingConfig {
  sdkAppID: number
  userID: string
  userSig: string
  /** 1 voice, 2 video. */
  type?: number
}

/** What a handler is given. */
export interface GuideCallback {
  eventCode: string
  data: unknown
}

const NO_CONFIG: TRTCCallingConfig = { sdkAppID: 0, userID: "", userSig: "", type: 1 }

/** See the head of this file. */
export class TRTCCallingElement extends HTMLElement {
  static readonly observedAttributes = ["config", "lang"]
  readonly EVENT = ELEMENT_EVENT
  private settings: TRTCCallingConfig = NO_CONFIG
  private readonly handlers = new Handlers()
  private readonly log = { level: 1 }
  private desk: Desk | null = null
  private view: CallView | null = null
  private readonly queued: Array<(event: CallEvent) => void> = []

  // --- attributes and properties ---

  /** The guide's config, as an object or (attribute) as JSON. */
  get config(): TRTCCallingConfig {
    return this.settings
  }
  set config(config: TRTCCallingConfig) {
    this.settings = config
  }

  /** True: a call survives the page's going away (into the back/forward cache, say). False: it is hung up. */
  get backgroundMute(): boolean {
    return this.attributeIsTrue("background-mute") || this.attributeIsTrue("backgroundMute")
  }
  set backgroundMute(keep: boolean) {
    this.toggleAttribute("background-mute", keep)
  }

  /** Where the Tring server is: an origin or a socket address. Read at the first use. Empty: the page's own server. */
  get server(): string {
    return this.getAttribute("server") ?? ""
  }
  set server(address: string) {
    this.setAttribute("server", address)
  }

  /** Whether the other side is heard on this element. */
  get listening(): boolean {
    return this.phone().media.listening
  }
  set listening(on: boolean) {
    this.phone().media.listening = on
  }

  /** The present call, null without one. */
  get currentCall(): Call | null {
    return this.desk === null ? null : this.desk.phone.client.call
  }

  /** Where the session stands: idle, connecting, online, resuming or closed. */
  get connectionState(): string {
    return this.desk === null ? "idle" : this.desk.phone.client.connectionState.name
  }

  // --- the guide's methods ---

  /** Signs in with `config`. */
  login(): Promise<void> {
    const { sdkAppID, userID, userSig } = this.settings ?? NO_CONFIG
    return this.ready().login({ sdkAppID, userID, userSig })
  }

  /** Leaves the present call and signs out. */
  logout(): Promise<void> {
    return this.ready().logout()
  }

  /** Hears an event of {@link ELEMENT_EVENT}. */
  on(event: string, handler: (given: GuideCallback) => void, context?: unknown): void {
    this.handlers.on(event, handler, context)
  }

  /** Hears it no more: one handler, all of the event, or everything. */
  off(event?: string, handler?: (given: GuideCallback) => void): void {
    this.handlers.off(event, handler)
  }

  /** Calls. Without a `type` that of `config` is taken. */
  call(parameters: Omit<CallParameters, "type"> & { type?: 1 | 2 }): Promise<void> {
    const type = (parameters.type ?? this.settings?.type) as 1 | 2
    return this.ready().call({ ...parameters, type })
  }

  /** Answers. */
  accept(): Promise<void> {
    return this.ready().accept()
  }

  /** Refuses. */
  reject(): Promise<string | undefined> {
    return this.ready().reject()
  }

  /** Cancels, refuses or hangs up. In any state, any number of times. */
  hangup(): Promise<void> {
    return this.ready().hangup()
  }

  openCamera(): Promise<void> {
    return this.ready().setCamera(true)
  }

  closeCamera(): Promise<void> {
    return this.ready().setCamera(false)
  }

  /** True: nobody hears this device. */
  setMicMute(isMute: boolean): Promise<void> {
    return this.ready().setMicMute(isMute)
  }

  /** True: the camera at the front. */
  async switchCamera(isFrontCamera: boolean): Promise<void> {
    await this.view?.useFacing(isFrontCamera ? "user" : "environment")
  }

  /**
   * True: a loudspeaker; false: the earpiece. False is returned where the browser names no such output: then its own
   * choice stays.
   */
  async setHandsFree(isHandsFree: boolean): Promise<boolean> {
    const desk = this.ready()
    const wanted = isHandsFree ? /speaker|扬声器/i : /earpiece|handset|听筒/i
    const output = (await desk.getSpeakers()).find((d) => wanted.test(d.label))
    return output !== undefined && desk.phone.media.useSpeaker(output.deviceId)
  }

  /** Shows the other's picture again. */
  async startRemoteView(_userID?: string): Promise<void> {
    this.ready()
    this.view?.showRemote(true)
  }

  /** Hides the other's picture on this screen. */
  async stopRemoteView(_userID?: string): Promise<void> {
    this.ready()
    this.view?.showRemote(false)
  }

  getCameras(): Promise<DeviceChoice[]> {
    return this.ready().getCameras()
  }

  getMicrophones(): Promise<DeviceChoice[]> {
    return this.ready().getMicrophones()
  }

  switchDevice(choice: { deviceType: "audio" | "video" | "speaker"; deviceId: string }): Promise<void> {
    return this.ready().switchDevice(choice)
  }

  setVideoQuality(quality: VideoQuality): Promise<void> {
    return this.ready().setVideoQuality(quality)
  }

  /** 0 everything, 1 information, 2 warnings, 3 errors, 4 nothing. */
  setLogLevel(level: number): void {
    this.log.level = level
  }

  /** The line of a chat for a call message. */
  extractCallingInfoFromMessage(message: unknown): string {
    return this.ready().extractCallingInfoFromMessage(message)
  }

  /** There is no IM here. */
  getTim(): null {
    return null
  }

  /** What is received from a user, null if they are not in the call. */
  remoteStream(userID: string): MediaStream | null {
    return this.desk === null ? null : this.desk.remoteStream(userID)
  }

  /** The own picture, null while the camera is off. */
  localStream(): MediaStream | null {
    return this.desk === null ? null : this.desk.phone.media.localStream
  }

  /** Hears what the core tells, more finely than the guide's events. */
  observe(handler: (event: CallEvent) => void): void {
    if (this.desk === null) this.queued.push(handler)
    else this.desk.phone.client.on(handler)
  }

  // --- life ---

  connectedCallback(): void {
    this.view?.refresh()
  }

  /** Taken out of the page: the call ends and the user is signed out, unless the element is only moved. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected || this.desk === null) return
      void this.desk.dispose()
      this.view?.dispose()
      this.desk = this.view = null
    })
  }

  attributeChangedCallback(name: string, _before: string | null, text: string | null): void {
    if (name === "config" && text !== null) {
      try {
        this.settings = JSON.parse(text) as TRTCCallingConfig
      } catch (_) {
        console.error("[tring] the attribute config is no JSON: set it as {\"sdkAppID\":…,\"userID\":…,\"userSig\":…}")
      }
    }
    if (name === "lang") this.view?.refresh()
  }

  private phone(): Phone {
    return this.ready().phone
  }

  /** The phone is made at its first use, so that every attribute is there. */
  private ready(): Desk {
    if (this.desk !== null) return this.desk
    const phone = new Phone(this.server, this.log)
    const desk = new Desk(phone, "element", ({ name, payload }) => {
      this.handlers.call(name, { eventCode: name, data: payload })
    })
    this.desk = desk
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" })
    root.replaceChildren()
    this.view = new CallView(this, phone, (actions) => new Screen(root, actions))
    for (const handler of this.queued.splice(0)) phone.client.on(handler)
    phone.hear(window, "pagehide", () => {
      if (!this.backgroundMute) void phone.client.hangup()
    })
    return desk
  }

  private attributeIsTrue(name: string): boolean {
    const text = this.getAttribute(name)
    return text !== null && text !== "false"
  }
}
