/**
 * `<trtc-calling>`: the component of the guide in a web page. It shows nothing until there is a call; then its own call
 * screen covers the page, or the box it stands in with the attribute `inline`.
 */

import { Handlers, type Call, type CallEvent, type CallParameters } from "@tring/core"
import { WebGuideApi, type DeviceParameters } from "../guide-api.js"
import { ELEMENT_EVENT } from "../event-names.js"
import type { DeviceChoice, VideoQuality } from "../media/devices.js"
import { Phone } from "../phone.js"
import { complain } from "../complain.js"
import { CallView } from "./call-view.js"
import { Screen } from "./screen.js"

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

/** What a page may have set before this script was here; in this order, since the phone is made with the first ones. */
const PROPERTIES = ["server", "config", "backgroundMute", "listening"] as const

/** The element `<trtc-calling>`: methods and properties of the guide's component, and a call screen of its own. */
export class TRTCCallingElement extends HTMLElement {
  static readonly observedAttributes = ["config", "lang", "inline"]
  readonly EVENT = ELEMENT_EVENT
  private settings: TRTCCallingConfig = NO_CONFIG
  private readonly handlers = new Handlers(complain)
  private readonly log = { level: 1 }
  private guide: WebGuideApi | null = null
  private view: CallView | null = null
  private heard = true
  private readonly observers: Array<(event: CallEvent) => void> = []

  // --- attributes and properties ---

  /** The guide's config, as an object or (attribute) as JSON. */
  get config(): TRTCCallingConfig {
    return this.settings
  }
  set config(config: TRTCCallingConfig) {
    this.settings = config ?? NO_CONFIG
  }

  /**
   * True: a call survives that the page is put aside and may come back (the back/forward cache). False: it is hung up
   * then. A page that is closed ends its call in any case.
   */
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
    return this.heard
  }
  set listening(on: boolean) {
    this.heard = on
    if (this.guide !== null) this.guide.phone.media.listening = on
  }

  /** The present call, null without one. */
  get currentCall(): Call | null {
    return this.guide === null ? null : this.guide.phone.client.call
  }

  /** Where the session stands: idle, connecting, online, resuming or closed. */
  get connectionState(): string {
    return this.guide === null ? "idle" : this.guide.phone.client.connectionState.name
  }

  // --- the guide's methods ---

  /** Signs in with `config`. */
  login(): Promise<void> {
    const guide = this.ready()
    const { sdkAppID, userID, userSig } = this.settings
    return guide.login({ sdkAppID, userID, userSig })
  }

  /** Leaves the present call and signs out. */
  logout(): Promise<void> {
    return this.ready().logout()
  }

  /** Hears an event of {@link ELEMENT_EVENT}. */
  on(event: string, handler: (given: GuideCallback) => void, context?: unknown): void {
    this.handlers.on(event, handler, context)
  }

  /** Hears it no more: one handler, all of the event, or, without any argument, everything. */
  off(...given: [event?: string, handler?: (given: GuideCallback) => void]): void {
    this.handlers.off(...given)
  }

  /** Calls. Without a `type` that of `config` is taken. */
  call(parameters: Omit<CallParameters, "type"> & { type?: 1 | 2 }): Promise<void> {
    const guide = this.ready()
    return guide.call(parameters && { ...parameters, type: (parameters.type ?? this.settings.type) as 1 | 2 })
  }

  /** Rejects with `not_available`, and is told as ERROR: there are no group calls yet. */
  groupCall(_?: unknown): Promise<never> {
    return this.ready().groupCall()
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

  /** Makes the running call a voice call: no picture of either side is sent any more. */
  switchAudioCall(): Promise<void> {
    return this.ready().switchCall(1)
  }

  /** Makes the running call a video call. This side's camera opens; the other's waits for its own user. */
  switchVideoCall(): Promise<void> {
    return this.ready().switchCall(2)
  }

  /** True: nobody hears this device. */
  setMicMute(isMute: boolean): Promise<void> {
    return this.ready().setMicMute(isMute)
  }

  /** True: the camera at the front. */
  switchCamera(isFrontCamera: boolean): Promise<void> {
    return this.ready().useFacing(isFrontCamera ? "user" : "environment")
  }

  /**
   * True: a loudspeaker; false: the earpiece. False is returned where the browser names no such output: then its own
   * choice stays.
   */
  setHandsFree(isHandsFree: boolean): Promise<boolean> {
    return this.ready().setHandsFree(isHandsFree)
  }

  /** Plays the others where the browser wanted a touch of the page first: call it in the handler of a click. */
  resumePlayback(): Promise<void> {
    return this.ready().resumePlayback()
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

  getSpeakers(): Promise<DeviceChoice[]> {
    return this.ready().getSpeakers()
  }

  /** Another microphone (`audio`), camera (`video`) or loudspeaker (`speaker`), also during a call. */
  switchDevice(choice: DeviceParameters): Promise<void> {
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
    return this.guide === null ? null : this.guide.remoteStream(userID)
  }

  /** The own picture, null while the camera is off. */
  localStream(): MediaStream | null {
    return this.guide === null ? null : this.guide.phone.media.localStream
  }

  /** The browser's measurements of the media path, null without one. */
  async getStats(): Promise<RTCStatsReport | null> {
    return this.guide === null ? null : this.guide.phone.media.stats()
  }

  /** Hears what the core tells, more finely than the guide's events. */
  observe(handler: (event: CallEvent) => void): void {
    this.observers.push(handler)
    this.guide?.phone.client.on(handler)
  }

  // --- life ---

  connectedCallback(): void {
    this.upgrade()
    this.view?.refresh()
  }

  /** Taken out of the page: the call ends and the user is signed out, unless the element is only moved. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected || this.guide === null) return
      void this.guide.dispose()
      this.view?.dispose()
      this.guide = this.view = null
    })
  }

  attributeChangedCallback(name: string, _before: string | null, text: string | null): void {
    if (name === "config" && text !== null) {
      try {
        this.config = JSON.parse(text) as TRTCCallingConfig
      } catch (_) {
        console.error('[tring] the attribute config is no JSON: set it as {"sdkAppID":…,"userID":…,"userSig":…}')
      }
    }
    if (name === "lang" || name === "inline") this.view?.refresh()
  }

  /** The phone is made at its first use, so that every attribute is there. */
  private ready(): WebGuideApi {
    if (this.guide !== null) return this.guide
    this.upgrade()
    const phone = new Phone({ server: this.server, log: this.log, keepsCall: () => this.backgroundMute })
    phone.media.listening = this.heard
    const guide = new WebGuideApi(phone, "element", ({ name, payload }) => {
      this.handlers.call(name, { eventCode: name, data: payload })
    })
    this.guide = guide
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" })
    root.replaceChildren()
    this.view = new CallView(this, guide, (actions) => new Screen(root, actions))
    for (const handler of this.observers) phone.client.on(handler)
    return guide
  }

  /** A property that was set on the plain element stands before the class's own: it is set anew. */
  private upgrade(): void {
    for (const name of PROPERTIES) {
      if (!Object.prototype.hasOwnProperty.call(this, name)) continue
      const value = this[name]
      delete (this as Partial<Pick<this, typeof name>>)[name]
      ;(this as { -readonly [key in typeof name]: unknown })[name] = value
    }
  }

  private attributeIsTrue(name: string): boolean {
    const text = this.getAttribute(name)
    return text !== null && text !== "false"
  }
}
