/**
 * Calls of one user on one device: at most one at a time.
 *
 * The server decides; this follows. A message about a call other than the present one is dropped (rule 4), a call ends
 * once (rule 3), and what the user does takes effect on this device at once: after `hangup()` devices are closed before the
 * server has heard of it.
 */

import type { Call, CallEvent, CallOptions, Peer, Phase } from "./call.js"
import type { Connection, ConnectionState, Credentials } from "./connection.js"
import { Emitter, type Unsubscribe } from "./emitter.js"
import { CallError, asCallError } from "./errors.js"
import type { Devices, MediaHost, MediaPort } from "./media-port.js"
import type { Cancel, Platform } from "./platform.js"
import type { EndReason, Event, MediaType, Request, Success, UserId } from "./protocol.js"

/** How long this device waits for the server to confirm that it left, ms, before it says so by itself. Higher: the
 * server's duration is shown after a longer cut. Lower: the page hears sooner. */
export const END_TIMEOUT_MS = 3000

/** A ringing call that the server has not ended this long after its own deadline ends here, ms: the server is out of
 * reach, and a phone must not ring for ever. */
export const RING_OVERDUE_MS = 10_000

/** The server's ring timeout where a call asks for none, s. */
const RING_TIMEOUT_DEFAULT_S = 30

/** Events kept while the id of one's own call is not known yet. A call has about ten. */
const MAX_EARLY_EVENTS = 32

interface LiveCall extends Call {
  callID: string
  roomID: number
  phase: Phase
  media: MediaType
  peers: Peer[]
  devices: Devices
  alerting: boolean
  unreachable: boolean
  connectedAt: number | null
}

/** What only the client needs to know of the present call. */
interface Working {
  readonly call: LiveCall
  /** The devices as the server knows them. */
  told: Devices
  telling: boolean
  /** The phase in which this side left. */
  leftFrom: Phase | null
  leaveBy: "hangup" | "reject"
  /** Say `hung_up` after `ended`: the order of a cancelled call. */
  hungUpAfter: boolean
  accepting: Promise<void> | null
  over: Promise<void>
  resolveOver(): void
  cancelDeadline: Cancel
}

/** See the head of this file. */
export class CallClient {
  private readonly emitter: Emitter<CallEvent>
  private working: Working | null = null
  private self: UserId = ""
  /** Events that came before the answer to `call`. */
  private early: Event[] = []
  private sayingHungUp = false

  /** `connection` is used by this client alone. */
  constructor(
    private readonly platform: Platform,
    private readonly connection: Connection,
    private readonly media: MediaPort,
  ) {
    this.emitter = new Emitter((error) => platform.log("error", "a handler threw", error))
    connection.on((e) => {
      if (e.type === "event") this.happened(e.event)
      else if (e.type === "session_lost") this.sessionGone("lost")
      else this.connectionIs(e.state)
    })
  }

  /** The present call, or null. */
  get call(): Call | null {
    return this.working === null ? null : this.working.call
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
    const before = this.connection.state.name
    const promise = this.connection.login(credentials)
    if (before !== "idle" && before !== "closed") return promise
    this.self = credentials.userID
    return promise.then(() => this.emit({ type: "signed_in" }))
  }

  /** Leaves the present call (refuses it where it rings), then signs out. Never rejects. */
  logout(): Promise<void> {
    const working = this.working
    const leave =
      working === null ? Promise.resolve() : isRinging(working.call.phase) ? this.reject() : this.hangup()
    const out = () => this.connection.logout()
    return leave.then(out, out)
  }

  /** Calls. Settles when the server has taken or refused the call, not when it is answered. */
  callUsers(options: CallOptions): Promise<Call> {
    const working = this.working
    if (working !== null) {
      if (working.call.phase === "ending") return working.over.then(() => this.callUsers(options))
      const { call } = working
      const glare = call.phase === "ringing" && !call.isGroup && options.to.length === 1 && options.to[0] === call.sponsor
      // Both call each other: the server makes one call of it, which is the one that rings here.
      if (glare) return this.answer(working, asRequest(options)).then(() => call)
      return Promise.reject(new CallError("busy_here", "a call is going on here: hang up first"))
    }
    const state = this.connection.state.name
    if (state === "idle" || state === "closed") {
      return Promise.reject(new CallError("not_logged_in", "sign in first: call login()"))
    }
    const mine = this.begin("caller", this.self, options.to, options.media, options.data || "")
    this.setDeadline(mine, (options.timeoutS || RING_TIMEOUT_DEFAULT_S) * 1000)
    this.emit({ type: "calling", call: mine.call })
    return this.connection.request(asRequest(options)).then(
      (ok) => {
        this.placed(mine, ok)
        return mine.call
      },
      (error) => {
        if (this.working === mine) {
          this.clear(mine)
          this.emit({ type: "refused", call: mine.call, error: asCallError(error) })
          if (mine.hungUpAfter) this.sayHungUp()
          mine.resolveOver()
          this.replayEarly()
        }
        throw error
      },
    )
  }

  /** Answers the call that rings here. Asked twice, it is one answer. */
  accept(): Promise<void> {
    const working = this.working
    if (working === null) return Promise.reject(new CallError("no_call", "no call rings here"))
    if (working.call.phase === "connected") return Promise.resolve()
    if (working.accepting !== null) return working.accepting
    if (working.call.phase !== "ringing") return Promise.reject(new CallError("no_call", "no call rings here"))
    return this.answer(working, { type: "accept", callID: working.call.callID })
  }

  /** Refuses the call that rings here. */
  reject(): Promise<void> {
    const working = this.working
    if (working === null) return Promise.reject(new CallError("no_call", "no call rings here"))
    if (working.call.phase === "ending") return working.over
    if (!isRinging(working.call.phase)) return Promise.reject(new CallError("no_call", "no call rings here"))
    // An `accept` is under way: it may have been carried out, and then there is nothing to refuse any more.
    return this.leave(working, working.call.phase === "ringing" ? "reject" : "hangup")
  }

  /**
   * Leaves: cancels, refuses or hangs up, by where the call stands. In any state, any number of times, also from inside
   * handlers. Settles when the end has been told. Never rejects.
   */
  hangup(): Promise<void> {
    const working = this.working
    if (working === null || working.call.phase === "ending") {
      this.sayHungUp()
      return working === null ? Promise.resolve() : working.over
    }
    const cancels = working.call.phase === "dialing" || working.call.phase === "calling"
    working.hungUpAfter = cancels
    const over = this.leave(working, "hangup")
    if (!cancels) this.sayHungUp()
    return over
  }

  /** Switches devices of the present call. Nothing is renegotiated. Rejects with `no_call`. */
  setDevices(change: Partial<Devices>): Promise<void> {
    const working = this.working
    if (working === null || working.call.phase === "ending") {
      return Promise.reject(new CallError("no_call", "no call is going on"))
    }
    if (change.camera === true && working.call.media === "audio") {
      return Promise.reject(new CallError("call_options", "this is a voice call: it has no camera"))
    }
    this.applyDevices(working, merged(working.call.devices, change), true)
    return Promise.resolve()
  }

  /** A hint that time has passed unseen: looks at the session at once. */
  probe(): void {
    this.connection.probe()
  }

  /** A hint that the network has changed: the session is looked at, and the media path made anew. */
  networkChanged(): void {
    this.connection.probe()
    if (this.working !== null) this.media.reconnect()
  }

  // --- beginning ---

  private begin(
    role: "caller" | "callee",
    sponsor: UserId,
    invitees: UserId[],
    media: MediaType,
    data: string,
  ): Working {
    const devices = { microphone: true, camera: media === "video" }
    const call: LiveCall = {
      callID: "", roomID: 0, phase: role === "caller" ? "dialing" : "ringing", role, media, self: this.self, sponsor,
      invitees: invitees.slice(), isGroup: invitees.length > 1, data, peers: [], devices, alerting: false,
      unreachable: false, connectedAt: null,
    }
    let resolveOver: () => void = () => {}
    const over = new Promise<void>((resolve) => {
      resolveOver = resolve
    })
    const working: Working = {
      call, told: devices, telling: false, leftFrom: null, leaveBy: "hangup", hungUpAfter: false, accepting: null,
      over, resolveOver, cancelDeadline: () => {},
    }
    this.working = working
    this.media.begin(this.mediaCall(working), this.mediaHost(working), devices)
    return working
  }

  private mediaCall(working: Working) {
    const { call } = working
    return {
      self: call.self,
      get media() {
        return call.media
      },
      get others() {
        if (call.peers.length > 0) return call.peers.map((p) => p.userID)
        return [call.sponsor].concat(call.invitees).filter((id) => id !== call.self)
      },
      exchange: (offer: string): Promise<string> =>
        this.connection.request({ type: "transport", callID: call.callID, offer }).then((ok) => {
          if (!("answer" in ok)) throw new CallError("bad_answer", "the server sent no SDP answer")
          return ok.answer
        }),
    }
  }

  private mediaHost(working: Working): MediaHost {
    const { call } = working
    const live = () => this.working === working && call.phase !== "ending"
    return {
      status: (status) => {
        if (live()) this.emit({ type: "media", call, status })
      },
      devices: (devices) => {
        if (live()) this.applyDevices(working, devices, false)
      },
      error: (code, message) => {
        if (live()) this.emit({ type: "error", code, message })
      },
      volumes: (levels) => {
        if (live()) this.emit({ type: "volumes", call, levels })
      },
    }
  }

  /** The server has taken this device's call. */
  private placed(working: Working, ok: Success): void {
    const { call } = working
    if (!("callID" in ok)) return
    if (this.working !== working) {
      // Ended here while the server was out of reach.
      this.send({ type: "hangup", callID: ok.callID })
      this.replayEarly()
      return
    }
    call.callID = ok.callID
    call.roomID = ok.roomID
    if (call.phase === "ending") {
      this.send({ type: working.leaveBy, callID: ok.callID })
    } else {
      call.phase = "calling"
      this.media.openDevices()
      this.media.connect()
      this.emit({ type: "changed", call })
      this.tellDevices(working)
    }
    this.replayEarly()
  }

  private replayEarly(): void {
    const early = this.early
    this.early = []
    early.forEach((event) => this.happened(event))
  }

  private invited(event: Extract<Event, { type: "invited" }>): void {
    const working = this.begin("callee", event.from, event.to, event.media, event.data || "")
    const { call } = working
    call.callID = event.callID
    call.roomID = event.roomID
    this.setDeadline(working, event.remainingMs)
    this.connection.request({ type: "delivered", callID: event.callID }).then(
      () => {
        if (this.working === working && call.phase !== "ending") this.media.connect()
      },
      (error) => this.platform.log("info", `delivered: ${asCallError(error).code}`),
    )
    this.emit({ type: "invited", call })
  }

  private answer(working: Working, request: Request): Promise<void> {
    const { call } = working
    call.phase = "accepting"
    this.media.openDevices()
    const accepting = this.connection.request(request).then(
      () => {
        if (this.working === working && call.phase !== "ending") this.connected(working)
      },
      (thrown) => {
        const error = asCallError(thrown)
        working.accepting = null
        if (this.working === working && call.phase === "accepting") {
          if (error.retry) {
            call.phase = "ringing"
            this.emit({ type: "changed", call })
          } else {
            this.finish(working, error.code === "answered_elsewhere" ? "answered_elsewhere" : "cancel", null, 0)
          }
        }
        throw error
      },
    )
    working.accepting = accepting
    // Whoever waits for it hears of a failure; nobody has to.
    accepting.catch(() => {})
    this.emit({ type: "changed", call })
    return accepting
  }

  private connected(working: Working): void {
    const { call } = working
    if (call.phase === "connected") return
    call.phase = "connected"
    call.connectedAt = this.platform.now()
    working.cancelDeadline()
    this.media.connect()
    this.emit({ type: "connected", call })
    if (this.working === working) this.tellDevices(working)
  }

  // --- what the server says ---

  private happened(event: Event): void {
    if (event.type === "kicked_out") return
    const working = this.working
    if (event.type === "invited" && working === null) {
      this.invited(event)
      return
    }
    const known =
      working !== null &&
      working.call.callID !== "" &&
      (working.call.callID === event.callID || (event.type === "merged" && working.call.callID === event.into))
    if (working === null || !known) {
      const dialing = working !== null && working.call.callID === ""
      if (dialing && this.early.length < MAX_EARLY_EVENTS) this.early.push(event)
      else this.platform.log("debug", `dropped ${event.type} of another call`)
      return
    }
    if (event.type === "ended") {
      this.finish(working, event.reason, event.by === undefined ? null : event.by, event.durationS)
    } else if (working.call.phase !== "ending") {
      this.follow(working, event)
    }
  }

  private follow(working: Working, event: Event): void {
    const { call } = working
    switch (event.type) {
      case "unreachable":
        call.unreachable = true
        this.emit({ type: "unreachable", call, userID: event.userID })
        break
      case "ringing":
        call.unreachable = false
        call.alerting = true
        this.emit({ type: "alerting", call, userID: event.userID })
        break
      case "accepted":
        this.emit({ type: "accepted", call, userID: event.userID })
        if (this.working === working && (call.phase as Phase) !== "ending") this.connected(working)
        break
      case "leg_ended":
        this.emit({ type: "leg_ended", call, userID: event.userID, reason: event.reason })
        break
      case "joined": {
        const devices = { microphone: event.microphone, camera: event.camera }
        call.peers = call.peers.filter((p) => p.userID !== event.userID).concat({ userID: event.userID, devices })
        this.connected(working)
        if (this.working === working && (call.phase as Phase) !== "ending") {
          this.emit({ type: "joined", call, userID: event.userID, devices })
        }
        break
      }
      case "left":
        call.peers = call.peers.filter((p) => p.userID !== event.userID)
        this.emit({ type: "left", call, userID: event.userID })
        break
      case "devices": {
        const now = { microphone: event.microphone, camera: event.camera }
        const peer = call.peers.find((p) => p.userID === event.userID)
        if (peer === undefined) break
        call.peers = call.peers.map((p) => (p === peer ? { userID: p.userID, devices: now } : p))
        this.emit({ type: "peer_devices", call, userID: event.userID, before: peer.devices, now })
        break
      }
      case "network":
        this.emit({ type: "network", call, userID: event.userID, level: event.level })
        break
      case "transport_lost":
        this.media.reconnect()
        break
      case "merged":
        call.callID = event.into
        call.roomID = event.roomID
        if (call.media !== event.media) {
          call.media = event.media
          this.applyDevices(working, { microphone: call.devices.microphone, camera: false }, true)
        }
        this.emit({ type: "changed", call })
        break
      default:
        this.platform.log("debug", `ignored ${event.type}`)
    }
  }

  // --- ending ---

  private leave(working: Working, by: "hangup" | "reject"): Promise<void> {
    const { call } = working
    working.leftFrom = call.phase
    working.leaveBy = by
    call.phase = "ending"
    this.media.end()
    this.setTimer(working, END_TIMEOUT_MS, () => this.finish(working, localReason(working), this.self, this.localDuration(call)))
    if (call.callID !== "") this.send({ type: by, callID: call.callID })
    this.emit({ type: "changed", call })
    return working.over
  }

  private finish(working: Working, reason: EndReason, by: UserId | null, durationS: number): void {
    if (this.working !== working) return
    const from = working.leftFrom === null ? working.call.phase : working.leftFrom
    this.clear(working)
    this.emit({ type: "ended", call: working.call, reason, by, durationS, from })
    if (working.hungUpAfter) this.sayHungUp()
    working.resolveOver()
    // The next call may have been rung in while this one's id was unknown.
    if (this.working === null) this.replayEarly()
  }

  private clear(working: Working): void {
    this.working = null
    working.cancelDeadline()
    this.media.end()
  }

  private sessionGone(reason: EndReason): void {
    const working = this.working
    this.early = []
    if (working !== null) this.finish(working, reason, null, this.localDuration(working.call))
  }

  private connectionIs(state: ConnectionState): void {
    this.emit({ type: "connection", state })
    if (state.name !== "closed") return
    this.sessionGone(state.reason.kind === "kicked" ? "kicked" : "lost")
    this.emit({ type: "signed_out", reason: state.reason })
  }

  private sayHungUp(): void {
    // A handler of `hung_up` that hangs up would call itself for ever.
    if (this.sayingHungUp) return
    this.sayingHungUp = true
    this.emit({ type: "hung_up" })
    this.sayingHungUp = false
  }

  private localDuration(call: Call): number {
    return call.connectedAt === null ? 0 : Math.max(0, Math.floor((this.platform.now() - call.connectedAt) / 1000))
  }

  // --- devices ---

  private applyDevices(working: Working, devices: Devices, tellMedia: boolean): void {
    const { call } = working
    if (call.devices.microphone === devices.microphone && call.devices.camera === devices.camera) return
    call.devices = devices
    if (tellMedia) this.media.setDevices(devices)
    this.emit({ type: "changed", call })
    this.tellDevices(working)
  }

  /** Only the newest state matters: at most one request is under way, and it is repeated while the truth differs. */
  private tellDevices(working: Working): void {
    const { call, told } = working
    const now = call.devices
    if (working.telling || call.callID === "" || this.working !== working || call.phase === "ending") return
    if (now.microphone === told.microphone && now.camera === told.camera) return
    working.telling = true
    this.connection.request({ type: "devices", callID: call.callID, microphone: now.microphone, camera: now.camera }).then(
      () => {
        working.telling = false
        working.told = now
        this.tellDevices(working)
      },
      (error) => {
        // Told again when the call connects.
        working.telling = false
        this.platform.log("info", `devices: ${asCallError(error).code}`)
      },
    )
  }

  // --- small ---

  private send(request: Request): void {
    this.connection.request(request).catch((error) => this.platform.log("info", `${request.type}: ${asCallError(error).code}`))
  }

  private setDeadline(working: Working, ringMs: number): void {
    this.setTimer(working, ringMs + RING_OVERDUE_MS, () => {
      if (working.call.callID !== "") this.send({ type: "hangup", callID: working.call.callID })
      this.finish(working, "timeout", null, 0)
    })
  }

  private setTimer(working: Working, ms: number, fire: () => void): void {
    working.cancelDeadline()
    working.cancelDeadline = this.platform.setTimer(ms, fire)
  }

  private emit(event: CallEvent): void {
    this.emitter.emit(event)
  }
}

function asRequest(options: CallOptions): Request {
  const { to, media, timeoutS, failFast, data } = options
  return {
    type: "call",
    to,
    media,
    ...(timeoutS === undefined ? {} : { timeoutS }),
    ...(failFast === undefined ? {} : { failFast }),
    ...(data === undefined ? {} : { data }),
  }
}

function isRinging(phase: Phase): boolean {
  return phase === "ringing" || phase === "accepting"
}

function merged(devices: Devices, change: Partial<Devices>): Devices {
  return {
    microphone: change.microphone === undefined ? devices.microphone : change.microphone,
    camera: change.camera === undefined ? devices.camera : change.camera,
  }
}

function localReason(working: Working): EndReason {
  if (working.leftFrom === "connected") return "hangup"
  return working.call.role === "callee" ? "reject" : "cancel"
}
