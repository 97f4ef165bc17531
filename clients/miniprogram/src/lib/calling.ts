/** One component on one page: the guide's methods, its handlers, and what its template shows. */

import {
  CallError,
  GUIDE_EVENT,
  GuideApi,
  Handlers,
  NOTHING_TO_REJECT,
  answerMessage,
  asCallError,
  hasSource,
  recordOf,
  type Call,
  type CallParameters,
  type GuideEvent,
  type GuideMessage,
  type Unsubscribe,
} from "@tring/core"
import * as config from "../config.js"
import { statusOf, watchStatus, type CallStatus } from "./call-status.js"
import { log } from "./platform.js"
import { phone, type Mount, type Phone } from "./phone.js"
import type { PlayerControl, PusherControl } from "./media/stage.js"

/** What the framework gives a component. */
export interface Component {
  readonly is: string
  readonly data: { [key: string]: unknown }
  setData(data: { [key: string]: unknown }, done?: () => void): void
  triggerEvent(name: string, detail: object): void
  /** Whose template has the tag: a page, or a component. From base library 2.8.2. */
  selectOwnerComponent?(): unknown
}

/** The guide's config, as a page may have filled it in. */
interface Config {
  sdkAppID?: unknown
  userID?: unknown
  userSig?: unknown
  type?: unknown
}

/** What the template shows without a call. */
const NOTHING: { [key: string]: unknown } = { phase: "", pushes: false, players: [], hint: "" }

/**
 * The call screen and the methods of one `<TRTCCalling>` on one page; the calls themselves are the phone's.
 *
 * @internal
 */
export class Calling implements Mount {
  readonly phone: Phone = phone()
  visible = false
  private readonly handlers = new Handlers((text, error) => log("error", text, error))
  private readonly guide: GuideApi
  private readonly stopRecords: Unsubscribe
  private readonly stopStatus: Unsubscribe
  private attached = false
  private told: { [key: string]: string } = {}

  constructor(private readonly component: Component) {
    const { client } = this.phone
    const strictEnd = config.strictCallEnd === true
    this.guide = new GuideApi(client, {
      surface: "element",
      deliver: (event) => this.deliver(event),
      warn: (text) => log("warn", text),
      fault: () => this.phone.fault,
      strictEnd,
    })
    // After the events of the same: handlers have heard of a call's end when its record comes.
    this.stopRecords = client.on((event) => {
      const message = recordOf(event, strictEnd)
      if (message !== null) this.trigger("sendMessage", { message: dated(message) })
    })
    this.stopStatus = watchStatus(client, (status) => this.statusChanged(status))
  }

  // --- lifetimes ---

  attach(): void {
    this.attached = true
    const { is } = this.component
    if (typeof is === "string" && is.indexOf("/") >= 0) this.phone.ringer.folder = `/${is.slice(0, is.lastIndexOf("/") + 1)}`.replace("//", "/")
    const { call } = this.phone.client
    if (call !== null) this.component.setData({ ...statusOf(call) })
    this.show(true)
  }

  /** Its page is in front, or no more. */
  show(visible: boolean): void {
    this.visible = visible
    if (visible && this.attached) this.phone.mounted(this)
  }

  detach(): void {
    this.attached = this.visible = false
    this.phone.unmounted(this)
    this.stopRecords()
    this.stopStatus()
    void this.guide.dispose()
  }

  // --- Mount ---

  get keepsCall(): boolean {
    return this.component.data["backgroundMute"] === true
  }

  render(done?: () => void): void {
    if (!this.attached) return
    const data = (this.phone.isFront(this) ? this.phone.view.data() : NOTHING) as { [key: string]: unknown }
    const changes: { [key: string]: unknown } = {}
    let some = false
    Object.keys(data).forEach((key) => {
      const text = JSON.stringify(data[key])
      if (this.told[key] === text) return
      this.told[key] = text
      changes[key] = data[key]
      some = true
    })
    if (some) this.component.setData(changes, done)
    else if (done !== undefined) done()
  }

  pusher(): PusherControl {
    return wx.createLivePusherContext()
  }

  player(id: string): PlayerControl {
    return wx.createLivePlayerContext(id, this.component as unknown as WechatMiniprogram.Component.TrivialInstance)
  }

  // --- the guide's methods ---

  /** Without a context, a handler's `this` is the page (or component) whose template has the tag. */
  on(event: string, handler: unknown, context?: unknown): void {
    const { component } = this
    const owner = context === undefined && component.selectOwnerComponent ? component.selectOwnerComponent() : context
    this.handlers.on(event, handler, owner)
  }

  off(given: unknown[]): void {
    if (given.length === 0) this.handlers.off()
    else if (given.length === 1) this.handlers.off(given[0])
    else this.handlers.off(given[0], given[1])
  }

  login(): Promise<void> {
    const { sdkAppID, userID, userSig } = this.config()
    this.phone.explainFault()
    return this.guide.login({ sdkAppID, userID, userSig })
  }

  logout(): Promise<void> {
    return this.guide.logout()
  }

  call(parameters: Partial<CallParameters> | undefined): Promise<void> {
    // Without a type that of `config` is taken.
    const given = parameters && typeof parameters === "object" && parameters.type === undefined
    return this.guide.call(given ? { ...parameters, type: this.config().type as 1 | 2 } : parameters)
  }

  /** What this client cannot do yet: told, never silent. */
  notAvailable(what: string): Promise<void> {
    return this.guide.telling(() => Promise.reject(new CallError("not_available", what)))
  }

  accept(): Promise<GuideMessage> {
    const { client } = this.phone
    const { call } = client
    return this.guide.signedIn(() => client.accept().then(() => dated(answerMessage((client.call || call) as Call, "accept"))))
  }

  reject(): Promise<GuideMessage | string> {
    const { call } = this.phone.client
    return this.guide.reject().then((text) => (call === null || text !== undefined ? NOTHING_TO_REJECT : dated(answerMessage(call, "reject"))))
  }

  hangup(): Promise<null> {
    return this.guide.hangup().then(() => null)
  }

  setCamera(on: boolean): Promise<void> {
    return this.guide.setCamera(on)
  }

  switchCall(type: 1 | 2): Promise<void> {
    return this.guide.switchCall(type)
  }

  setMicMute(muted: boolean): Promise<void> {
    return this.guide.setMicMute(muted)
  }

  text(message: unknown): string {
    return this.guide.extractCallingInfoFromMessage(message)
  }

  /** Lets go of everything: for a page that was written for the later component. */
  destroyed(): Promise<void> {
    this.handlers.off()
    return this.guide.logout()
  }

  // --- what the user does on the call screen ---

  toggleMicrophone(): void {
    const { call } = this.phone.client
    if (call !== null) void this.guide.setMicMute(hasSource(call.sources, "microphone"))
  }

  toggleCamera(): void {
    const { call } = this.phone.client
    if (call !== null) void this.guide.setCamera(!hasSource(call.sources, "camera"))
  }

  private config(): Config {
    const { config } = this.component.data
    return typeof config === "object" && config !== null ? (config as Config) : {}
  }

  private deliver({ name, payload }: GuideEvent): void {
    // A page of the guide hears no ERROR: its developer reads it at least.
    if (name === GUIDE_EVENT.ERROR && payload !== undefined) log("error", `${String(payload["code"])}: ${String(payload["message"])}`)
    const message = payload && payload["message"]
    if (typeof message === "object") dated(message as GuideMessage)
    this.handlers.call(name, { eventCode: name, data: payload })
  }

  private statusChanged(status: CallStatus): void {
    if (!this.attached) return
    this.component.setData({ ...status })
    this.trigger("statusChanged", status)
  }

  /** An event of the tag, for `bind:` in a template. */
  private trigger(name: string, detail: object): void {
    if (!this.attached) return
    try {
      this.component.triggerEvent(name, detail)
    } catch (error) {
      log("error", `the handler of ${name} threw`, asCallError(error))
    }
  }
}

/** A record says when it was told. */
function dated(message: GuideMessage): GuideMessage {
  message.time = Math.floor(Date.now() / 1000)
  return message
}
