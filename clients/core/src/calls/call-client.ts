/**
 * Calls of one user on one device: at most one at a time.
 *
 * The server decides; this follows. A message about a call other than the present one is dropped (rule 4), a call ends
 * once (rule 3), and what the user does takes effect on this device at once: after `hangup()` devices are closed before the
 * server has heard of it.
 */

import type { Call, CallEvent, CallOptions } from "./call.js"
import { PONG_SILENT_MS, type Asked, type Connection, type ConnectionState, type Credentials } from "../session/connection.js"
import { CallSources } from "./call-sources.js"
import { SourceReport } from "./source-report.js"
import { Emitter, type Unsubscribe } from "../emitter.js"
import { CallError, asCallError } from "../errors.js"
import { asRequest, isCalling, isRinging, localReason, newActiveCall, newCall, noCall, nothingRings, talkedS } from "./active-call.js"
import type { ActiveCall, Placing, Role } from "./active-call.js"
import { mediaCall, mediaHost } from "./media-adapter.js"
import type { MediaPort } from "./media-port.js"
import { ServerEvents } from "./server-events.js"
import type { Platform } from "../session/platform.js"
import type { EndReason, Event, MediaType, Request, Source, Success, UserId } from "../protocol.js"
import { RING_TIMEOUT_DEFAULT_S } from "../protocol.js"
import { devicesOf, hasSource, kindOf, withSource, withoutPictures } from "../source.js"

/** How long this device waits for the server to confirm that it left, ms, before it says so by itself. Higher: the
 * server's duration is shown after a longer cut. Lower: the page hears sooner. */
export const END_TIMEOUT_MS = 3000

/** A ringing call that the server has not ended this long after its own deadline ends here, ms: the server is out of
 * reach, and a phone must not ring for ever. */
export const RING_OVERDUE_MS = 10_000

/** Events kept while the id of one's own call is not known yet. A call has about ten. */
const MAX_EARLY_EVENTS = 32

/** The calls of one user on one device: at most one at a time. */
export class CallClient {
  private readonly emitter: Emitter<CallEvent>
  private readonly sources: CallSources
  private readonly events: ServerEvents
  private active: ActiveCall | null = null
  private self: UserId = ""
  /** Events that came before the answer to `call`. */
  private early: Event[] = []
  /** Rises when the user gives up: a call that waits for the end of the last one is not placed then. */
  private givenUp = 0
  /** A sign-out that the server is being told of: who signs in meanwhile does so after it. */
  private signingOut: Promise<void> | null = null

  /** `connection` is used by this client alone. */
  constructor(
    private readonly platform: Platform,
    private readonly connection: Connection,
    private readonly media: MediaPort,
  ) {
    this.emitter = new Emitter((error) => platform.log("error", "a handler threw", error))
    const context = {
      platform,
      media,
      emit: (event: CallEvent) => this.emit(event),
      isCurrent: (active: ActiveCall) => this.isCurrent(active),
    }
    this.sources = new CallSources(context)
    this.events = new ServerEvents(context, this.sources, (active) => this.connected(active))
    connection.on((e) => {
      if (e.type === "event") this.happened(e.event)
      else if (e.type === "session_lost") this.sessionGone("lost")
      else this.connectionIs(e.state)
    })
  }

  /** The present call, or null. */
  get call(): Call | null {
    return this.active === null ? null : this.active.call
  }

  /** Who is signed in; empty before the first login. */
  get userID(): UserId {
    return this.self
  }

  /** Where the session stands. */
  get connectionState(): ConnectionState {
    return this.connection.state
  }

  /** Hears everything from now on. */
  on(handler: (event: CallEvent) => void): Unsubscribe {
    return this.emitter.on(handler)
  }

  /** Signs in; see {@link Connection.login}. */
  login(credentials: Credentials): Promise<void> {
    if (this.signingOut !== null) return this.signingOut.then(() => this.login(credentials))
    const before = this.connection.state.name
    const promise = this.connection.login(credentials)
    if (before !== "idle" && before !== "closed") return promise
    this.self = credentials.userID
    return promise.then(() => this.emit({ type: "signed_in" }))
  }

  /** Leaves the present call (refuses it where it rings), then signs out. Never rejects. */
  logout(): Promise<void> {
    const active = this.active
    this.givenUp++
    const leave = active === null ? Promise.resolve() : isRinging(active.call.phase) ? this.reject() : this.hangup()
    const out = () => this.connection.logout()
    const signingOut = leave.then(out, out).then(() => {
      if (this.signingOut === signingOut) this.signingOut = null
    })
    this.signingOut = signingOut
    return signingOut
  }

  /**
   * Calls. Settles when the server has taken or refused the call, not when it is answered; rejects with `cancelled` if it
   * was given up before, and with `server_unreachable` if the ring was over before the server could be asked.
   */
  callUsers(options: CallOptions): Promise<Call> {
    const active = this.active
    if (active !== null) {
      const { call } = active
      if (call.phase === "ending" || active.unanswered) return this.callAfter(active, options)
      const glare = call.phase === "ringing" && !call.isGroup && options.to.length === 1 && options.to[0] === call.sponsor
      // Both call each other: the server makes one call of it, which is the one that rings here.
      if (glare) return this.callBack(active, options)
      return Promise.reject(new CallError("busy_here", "a call is going on here: hang up first"))
    }
    const state = this.connection.state.name
    if (state === "idle" || state === "closed") {
      return Promise.reject(new CallError("not_logged_in", "sign in first: call login()"))
    }
    const asked = this.connection.ask(asRequest(options))
    return new Promise((resolve, reject) => {
      const mine = this.beginPlacing({ options, asked, resolve, reject })
      asked.answer.then(
        (ok) => this.placed(mine, ok),
        (error) => this.refused(mine, asCallError(error)),
      )
    })
  }

  /** Answers the call that rings here. Asked twice, it is one answer. */
  accept(): Promise<void> {
    const active = this.active
    if (active === null) return Promise.reject(nothingRings())
    if (active.call.phase === "connected") return Promise.resolve()
    if (active.accepting !== null) return active.accepting
    if (active.call.phase !== "ringing") return Promise.reject(nothingRings())
    const accept = this.connection.ask({ type: "accept", callID: active.call.callID })
    return this.answer(active, accept, active.call.media)
  }

  /** Refuses the call that rings here. */
  reject(): Promise<void> {
    const active = this.active
    if (active === null) return Promise.reject(nothingRings())
    if (active.call.phase === "ending") return active.over
    if (!isRinging(active.call.phase)) return Promise.reject(nothingRings())
    return this.leave(active, "reject")
  }

  /**
   * Leaves: cancels, refuses or hangs up, by where the call stands. In any state, any number of times, also from inside
   * handlers. Settles when the end has been told. Never rejects.
   */
  hangup(): Promise<void> {
    const active = this.active
    // Pages hang up inside their handlers by rote: that gives up nothing new.
    if (this.emitter.current === null) this.givenUp++
    if (active === null || active.call.phase === "ending") {
      this.sayHungUp()
      return active === null ? Promise.resolve() : active.over
    }
    const cancels = isCalling(active.call.phase)
    active.hungUpAfter = cancels
    const over = this.leave(active, "hangup")
    if (!cancels) this.sayHungUp()
    return over
  }

  /** Switches a source of the present call on or off. Nothing is renegotiated. Rejects with `no_call`, and with `call_options`
   * for a picture in a voice call. */
  setSource(source: Source, on: boolean): Promise<void> {
    const active = this.active
    if (active === null || active.call.phase === "ending") {
      return Promise.reject(noCall())
    }
    if (kindOf(source) === "video" && on && active.call.media === "audio") {
      return Promise.reject(new CallError("call_options", "this is a voice call: it has no camera"))
    }
    this.sources.apply(active, withSource(active.call.sources, source, on))
    return Promise.resolve()
  }

  /**
   * Makes the present call a voice call, for both and at once, or a video call, in which this side's camera opens and the
   * other's waits for its own user. Settles when the server has taken it; `switched` tells it. Rejects with `no_call`, or
   * as the server refuses it.
   */
  switchMedia(media: MediaType): Promise<void> {
    const active = this.active
    if (active === null || active.call.phase === "ending") return Promise.reject(noCall())
    const { call } = active
    if (call.phase !== "connected") {
      return Promise.reject(new CallError("switch_refused", "nobody has answered yet: a call changes between voice and video while both talk"))
    }
    active.wish = media
    const asked = this.connection.request({ type: "media", callID: call.callID, media })
    // The picture stops before the server has heard of it. It need not be told of the camera by itself.
    if (media === "audio") this.sources.switchOffPictures(active)
    return asked.then(
      () => {},
      (error) => {
        this.sources.tellServer(active)
        throw error
      },
    )
  }

  /** A hint that time has passed unseen: looks at the session at once. */
  probe(): void {
    this.connection.probe()
  }

  /** A hint that the network has changed: the session is looked at, and the media path made anew. */
  networkChanged(): void {
    this.connection.probe()
    if (this.active !== null) this.media.reconnect()
  }

  // --- beginning ---

  private begin(role: Role, sponsor: UserId, invitees: UserId[], media: MediaType, data = ""): ActiveCall {
    const call = newCall(role, this.connection.kind, this.self, sponsor, invitees, media, data)
    const report = new SourceReport(this.platform, call.sources, (sources) =>
      this.connection.request({ type: "devices", callID: call.callID, ...devicesOf(sources), sources: sources.slice() }),
    )
    const active = newActiveCall(call, report)
    this.active = active
    const host = mediaHost({
      call,
      current: () => this.isCurrent(active),
      deserted: () => active.deserted,
      emit: (event) => this.emit(event),
      sources: (sources) => {
        active.mediaHas = sources
        this.sources.apply(active, sources)
      },
      silent: () => this.connection.probe(PONG_SILENT_MS),
    })
    this.media.begin(mediaCall(call, this.connection), host, call.sources)
    return active
  }

  /** A call of this user's own, of which the server is being asked. */
  private beginPlacing(placing: Placing): ActiveCall {
    const { to, media, data, timeoutS } = placing.options
    const mine = this.begin("caller", this.self, to, media, data)
    mine.placing = placing
    mine.asked = placing.asked
    this.setDeadline(mine, (timeoutS || RING_TIMEOUT_DEFAULT_S) * 1000)
    this.emit({ type: "calling", call: mine.call })
    return mine
  }

  /** Calls when the present call, which was left or will not be answered, is over. */
  private callAfter(active: ActiveCall, options: CallOptions): Promise<Call> {
    const wanted = this.givenUp
    return active.over.then(() => {
      if (this.givenUp !== wanted) throw new CallError("cancelled", "the call was given up before it was placed")
      return this.callUsers(options)
    })
  }

  /** The server has taken this device's call. */
  private placed(active: ActiveCall, ok: Success): void {
    const { call } = active
    if (!("callID" in ok)) return this.refused(active, new CallError("bad_answer", "the server named no call"))
    if (this.active !== active) {
      // Ended here while the server was out of reach.
      this.send({ type: "hangup", callID: ok.callID })
      this.settle(active)
      this.replayEarly()
      return
    }
    call.callID = ok.callID
    call.roomID = ok.roomID
    if (call.phase === "ending") {
      this.send({ type: active.leaveBy, callID: ok.callID })
    } else {
      call.phase = "calling"
      // The other side, who called too, wants voice only: known before a camera opens, if it came first.
      const voice = this.early.some((e) => e.type === "merged" && e.callID === ok.callID && e.media === "audio")
      if (voice) this.sources.becomesVoice(active)
      this.media.openDevices()
      this.media.connect()
      this.emit({ type: "changed", call })
      this.sources.tellServer(active)
    }
    this.emit({ type: "placed", call })
    this.settle(active)
    this.replayEarly()
  }

  /** It has not. */
  private refused(active: ActiveCall, error: CallError): void {
    if (this.active === active) {
      this.clear(active)
      this.emit({ type: "refused", call: active.call, error })
      if (active.hungUpAfter) this.sayHungUp()
      active.resolveOver()
      this.replayEarly()
    }
    this.settle(active, error)
  }

  private settle(active: ActiveCall, error?: CallError): void {
    if (active.placing === null) return
    if (error === undefined) active.placing.resolve(active.call)
    else active.placing.reject(error)
  }

  private replayEarly(): void {
    const early = this.early
    this.early = []
    early.forEach((event) => this.happened(event))
  }

  private invited(event: Extract<Event, { type: "invited" }>): void {
    const active = this.begin("callee", event.from, event.to, event.media, event.data)
    const { call } = active
    call.callID = event.callID
    call.roomID = event.roomID
    this.setDeadline(active, event.remainingMs)
    this.connection.request({ type: "delivered", callID: event.callID }).then(
      () => {
        if (this.isCurrent(active)) this.media.connect()
      },
      (error) => this.platform.log("info", `delivered: ${asCallError(error).code}`),
    )
    this.emit({ type: "invited", call })
  }

  /** Says yes to the call that rings here, as voice or video. The only way to this side's devices. */
  private answer(active: ActiveCall, asked: Asked, media: MediaType): Promise<void> {
    const { call } = active
    const invitedTo = { media: call.media, camera: hasSource(call.sources, "camera") }
    call.phase = "accepting"
    call.media = media
    if (media === "audio") call.sources = withoutPictures(call.sources)
    this.sources.tellMedia(active)
    this.media.openDevices()
    active.asked = asked
    const accepting = asked.answer.then(
      (ok) => {
        if ("callID" in ok && ok.callID !== call.callID) this.placedAnother(active, ok)
        if (!this.isCurrent(active)) return
        if (media !== invitedTo.media) active.report.picturesWereSwitchedOff()
        this.connected(active)
      },
      (thrown) => {
        const error = asCallError(thrown)
        active.accepting = null
        if (this.active === active && call.phase === "accepting") {
          if (error.retry) {
            call.phase = "ringing"
            call.media = invitedTo.media
            call.sources = withSource(call.sources, "camera", invitedTo.camera)
            this.emit({ type: "changed", call })
          } else {
            this.finish(active, error.code === "answered_elsewhere" ? "answered_elsewhere" : "cancel", null, 0)
          }
        }
        throw error
      },
    )
    active.accepting = accepting
    // Whoever waits for it hears of a failure; nobody has to.
    accepting.catch(() => {})
    this.emit({ type: "changed", call })
    return accepting
  }

  /** Answers the call that rings here by calling its caller. A camera opens only if both asked for video. */
  private callBack(active: ActiveCall, options: CallOptions): Promise<Call> {
    const media = active.call.media === "video" ? options.media : "audio"
    const asked = this.connection.ask(asRequest(options))
    return new Promise((resolve, reject) => {
      active.placing = { options, asked, resolve, reject }
      this.answer(active, asked, media).then(
        () => resolve(active.call),
        (error) => {
          if (active.next !== null) this.refused(active.next, asCallError(error))
          reject(error)
        },
      )
    })
  }

  /** The call that rang here had ended before the server heard of this side's: there is a new one, that rings there. */
  private placedAnother(active: ActiveCall, ok: Extract<Success, { callID: string }>): void {
    if (this.isCurrent(active)) this.endedThere(active, "cancel", active.call.sponsor, 0)
    if (active.next !== null) {
      this.placed(active.next, ok)
    } else {
      this.send({ type: "hangup", callID: ok.callID })
      this.settle(active, new CallError("cancelled", "the call was given up before the server had taken it"))
    }
  }

  private connected(active: ActiveCall): void {
    const { call } = active
    if (call.phase === "connected") return
    call.phase = "connected"
    call.connectedAt = this.platform.now()
    active.cancelDeadline()
    this.media.connect()
    this.emit({ type: "connected", call })
    this.sources.tellServer(active)
  }

  // --- what the server says ---

  private happened(event: Event): void {
    if (event.type === "kicked_out") return
    const active = this.active
    if (event.type === "invited" && active === null) {
      this.invited(event)
      return
    }
    const known =
      active !== null && active.call.callID !== "" && (active.call.callID === event.callID || (event.type === "merged" && active.call.callID === event.into))
    if (active === null || !known) {
      const dialing = active !== null && active.call.callID === ""
      if (dialing && this.early.length < MAX_EARLY_EVENTS) this.early.push(event)
      else this.stray(event)
      return
    }
    if (event.type === "ended") {
      this.endedThere(active, event.reason, event.by === undefined ? null : event.by, event.durationS)
    } else if (active.call.phase !== "ending") {
      this.events.follow(active, event)
    }
  }

  /** Of a call that is not the present one. */
  private stray(event: Event): void {
    this.platform.log("debug", `dropped ${event.type} of another call`)
    const takesPart = event.type === "ringing" || event.type === "accepted" || event.type === "joined"
    // The server has this device in a call of which it knows nothing: nobody shall ring or talk in vain.
    if (takesPart) this.send({ type: "hangup", callID: event.callID })
  }

  // --- ending ---

  private leave(active: ActiveCall, by: "hangup" | "reject"): Promise<void> {
    const { call } = active
    active.leftFrom = call.phase
    call.phase = "ending"
    this.media.end()
    const error = new CallError("cancelled", "the call was given up before the server had taken it")
    const unheard = active.asked !== null && active.asked.withdraw(error)
    // An `accept` that is under way may have been carried out, and then there is nothing to refuse any more.
    active.leaveBy = active.leftFrom === "accepting" && !unheard ? "hangup" : by
    if (unheard && call.callID === "") {
      this.emit({ type: "changed", call })
      this.finish(active, "cancel", this.self, 0)
      return active.over
    }
    this.setTimer(active, END_TIMEOUT_MS, () => {
      this.settle(active, error)
      this.finish(active, localReason(active), this.self, talkedS(call, this.platform.now()))
    })
    if (call.callID !== "") this.send({ type: active.leaveBy, callID: call.callID })
    this.emit({ type: "changed", call })
    return active.over
  }

  /** The server says that it is over. If this side was just calling back, its call goes on alone. */
  private endedThere(active: ActiveCall, reason: EndReason, by: UserId | null, durationS: number): void {
    const callsBack = active.call.phase === "accepting" ? active.placing : null
    this.finish(active, reason, by, durationS)
    if (callsBack !== null && this.active === null) active.next = this.beginPlacing(callsBack)
  }

  private finish(active: ActiveCall, reason: EndReason, by: UserId | null, durationS: number): void {
    if (this.active !== active) return
    const from = active.leftFrom === null ? active.call.phase : active.leftFrom
    this.clear(active)
    this.emit({ type: "ended", call: active.call, reason, by, durationS, from })
    if (active.hungUpAfter) this.sayHungUp()
    active.resolveOver()
    // The next call may have been rung in while this one's id was unknown.
    if (this.active === null) this.replayEarly()
  }

  private clear(active: ActiveCall): void {
    this.active = null
    active.cancelDeadline()
    active.report.stop()
    this.media.end()
  }

  private sessionGone(reason: EndReason): void {
    const active = this.active
    this.early = []
    if (active !== null) this.finish(active, reason, null, talkedS(active.call, this.platform.now()))
  }

  private connectionIs(state: ConnectionState): void {
    this.emit({ type: "connection", state })
    if (state.name !== "closed") return
    this.sessionGone(state.reason.kind === "kicked" ? "kicked" : "lost")
    this.emit({ type: "signed_out", reason: state.reason })
  }

  private sayHungUp(): void {
    const { current } = this.emitter
    // A handler of `hung_up` that hangs up would call itself for ever.
    if (current === null || current.type !== "hung_up") this.emit({ type: "hung_up" })
  }

  // --- small ---

  /** The present call, and not left. */
  private isCurrent(active: ActiveCall): boolean {
    return this.active === active && active.call.phase !== "ending"
  }

  private send(request: Request): void {
    this.connection.request(request).catch((error) => this.platform.log("info", `${request.type}: ${asCallError(error).code}`))
  }

  private setDeadline(active: ActiveCall, ringMs: number): void {
    this.setTimer(active, ringMs + RING_OVERDUE_MS, () => {
      const error = new CallError("server_unreachable", "the server was out of reach until the ring was over: no call was made", true)
      if (active.asked !== null) active.asked.withdraw(error)
      if (active.call.callID !== "") this.send({ type: "hangup", callID: active.call.callID })
      this.settle(active, error)
      this.finish(active, "timeout", null, 0)
    })
  }

  private setTimer(active: ActiveCall, ms: number, fire: () => void): void {
    active.cancelDeadline()
    active.cancelDeadline = this.platform.setTimer(ms, fire)
  }

  private emit(event: CallEvent): void {
    this.emitter.emit(event)
  }
}
