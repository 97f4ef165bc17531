/**
 * An app's one phone: session, calls and media, whatever pages it has. The component of the page in front shows the call;
 * without one, {@link listen} may open a page that has it.
 */

import { CallClient, Connection, asCallError, type Call, type CallError, type CallEvent, type PlayStream } from "@tring/core"
import * as config from "../config.js"
import { CallView } from "./call-view.js"
import { environment, type Environment } from "./environment.js"
import { LiveMedia } from "./media/live-media.js"
import { askPermissions, offerSettings } from "./media/permissions.js"
import { httpURL, socketURL, wxPlatform } from "./platform.js"
import { Ringer } from "./ringer.js"
import type { PlayerControl, PusherControl, Stage } from "./media/stage.js"
import { texts } from "./texts.js"

/**
 * A component on a page.
 *
 * @internal
 */
export interface Mount {
  /** Its page is in front. */
  readonly visible: boolean
  /** The call is kept in the background. */
  readonly keepsCall: boolean
  render(done?: () => void): void
  pusher(): PusherControl
  player(id: string): PlayerControl
}

/**
 * Session, calls and media of an app, and the components on its pages. One for an app: see {@link phone}.
 *
 * @internal
 */
export class Phone {
  readonly environment: Environment
  readonly client: CallClient
  readonly media: LiveMedia
  readonly view: CallView
  readonly ringer = new Ringer()
  /** Why this phone can never sign in: what it runs is too old, or config.js names no server. */
  readonly fault: CallError | null
  private mounts: Mount[] = []
  private front: Mount | null = null
  private foreground = true
  /** A dialog of this component leads out of the page for a while. */
  private inSettings = false
  private warned = false

  constructor() {
    this.environment = environment()
    const platform = wxPlatform(this.environment.devtools)
    let url = ""
    let fault = this.environment.tooOld
    try {
      url = socketURL(config.server)
    } catch (error) {
      fault = fault || asCallError(error)
    }
    this.fault = fault
    const stage: Stage = {
      refresh: (done) => this.refresh(done),
      pusher: () => (this.front === null ? null : this.front.pusher()),
      player: (id) => (this.front === null ? null : this.front.player(id)),
    }
    this.media = new LiveMedia(platform, stage, {
      ask: askPermissions,
      srcOf: (stream: PlayStream) => (config.player === "flv" ? httpURL(config.server, stream.flvPath) : stream.url),
      closed: () => void this.client.hangup(),
      weak: (userID) => this.view.weak(userID),
    })
    this.client = new CallClient(platform, new Connection(platform, url, "miniprogram"), this.media)
    this.view = new CallView({
      language: this.environment.language,
      devtools: this.environment.devtools,
      media: this.media,
      online: () => this.client.connectionState.name === "online",
      changed: () => this.refresh(),
      watched: () => this.hasScreen,
      now: () => platform.now(),
    })
    this.client.on((event) => this.happened(event))
    wx.onNetworkStatusChange(({ isConnected }) => {
      if (isConnected) this.client.networkChanged()
      else this.client.probe()
    })
    wx.onAppHide(() => this.hidden())
    wx.onAppShow(() => this.shown())
  }

  /** Somebody can see a call now. */
  get hasScreen(): boolean {
    return this.mounts.some((m) => m.visible)
  }

  /** A component comes, or its page is in front again. */
  mounted(mount: Mount): void {
    if (this.mounts.indexOf(mount) < 0) this.mounts.push(mount)
    if (this.front === mount) {
      mount.render()
      return
    }
    const before = this.front
    this.front = mount
    // Its tags go before the new ones come: a phone has one pusher.
    if (before !== null) before.render()
    this.media.restage()
    mount.render()
  }

  /** Its page is no more. With the last one goes a call that nobody can see any more. */
  unmounted(mount: Mount): void {
    this.mounts = this.mounts.filter((m) => m !== mount)
    if (this.front !== mount) return
    this.front = null
    const next = this.mounts[this.mounts.length - 1]
    const { call } = this.client
    if (next !== undefined) this.mounted(next)
    else if (call !== null && call.phase !== "ringing") void this.client.hangup()
  }

  /** True for the component that shows the call. */
  isFront(mount: Mount): boolean {
    return this.front === mount
  }

  /** Says once what this phone lacks. */
  explainFault(): void {
    const { tooOld, language } = this.environment
    if (tooOld === null || this.warned) return
    this.warned = true
    const t = texts(language)
    wx.showModal({ title: t.tooOld, content: tooOld.message, showCancel: false, confirmText: t.gotIt })
  }

  private refresh(done?: () => void): void {
    if (this.front !== null) this.front.render(done)
  }

  // --- what happens ---

  private happened(event: CallEvent): void {
    this.view.happened(event)
    if (!("call" in event) && event.type !== "error") return
    const { call } = this.client
    if (call !== null && call.phase === "ringing") {
      if (event.type === "invited") this.ringer.start()
    } else {
      this.ringer.stop()
    }
    if (event.type === "error" && call !== null && (event.code === -1302 || event.code === -1301)) this.explainRefusal(call, event.code)
  }

  private explainRefusal(call: Call, code: number): void {
    if (this.inSettings) return
    this.inSettings = true
    const t = texts(this.environment.language)
    const microphone = code === -1302
    void offerSettings(microphone ? t.noMicrophone : t.noCamera, microphone ? t.noMicrophoneWhy : t.noCameraWhy, t.toSettings, t.notNow).then((allowed) => {
      this.inSettings = false
      if (allowed !== null && this.client.call === call) this.media.permitted(allowed)
    })
  }

  /** The app goes to the background; not the page: another of the same app lies on it. */
  private hidden(): void {
    if (!this.foreground) return
    this.foreground = false
    if (this.inSettings) return
    const { call } = this.client
    // An invitation goes on: the user may come back, or answer on another device.
    if (call === null || call.phase === "ringing") return
    if (this.front !== null && !this.front.keepsCall) {
      void this.client.hangup()
    } else {
      this.media.away()
    }
  }

  private shown(): void {
    if (this.foreground) return
    this.foreground = true
    this.client.probe()
    this.media.back()
    this.ringer.again()
    this.refresh()
  }
}

let shared: Phone | null = null

/** The app's phone, made when it is first needed. */
export function phone(): Phone {
  if (shared === null) {
    shared = new Phone()
  }
  return shared
}
