/**
 * One session with the server, over as many sockets as it takes.
 *
 * ```
 *  idle ── login() ──▶ connecting ──▶ online ──(socket cut)──▶ resuming ──▶ online, with what was missed
 *                          ▲                                      │
 *                          └────── the session is gone ───────────┘
 *  any ── logout(), kicked_out, a refusal that no retry can cure ──▶ closed ── login() ──▶ connecting
 * ```
 *
 * A request that has no answer when the socket is cut is sent again with the same id, which the server carries out once.
 * An event is handled once: those whose `seq` was seen are dropped, and a gap is filled by resuming.
 */

import { backoff } from "./backoff.js"
import { Emitter, type Unsubscribe } from "../emitter.js"
import { CallError } from "../errors.js"
import type { Cancel, Platform, SocketLike } from "./platform.js"
import {
  MAX_MESSAGE_BYTES,
  PROTOCOL_VERSION,
  type DeviceKind,
  type ErrorBody,
  type Event,
  type EventMessage,
  type KickReason,
  type Request,
  type Success,
  type Welcome,
} from "../protocol.js"

/** A socket must open and the server must answer the sign-in within this, ms. Higher: slow links still make it. Lower: a
 * black hole is left sooner. */
export const CONNECT_TIMEOUT_MS = 10_000

/** The same for the first socket after a cut; each further one has twice as long, up to the above. A socket that was begun in
 * a network that is no more waits in vain, and the next one need not. Higher: slow links need one try. Lower: the session is
 * back sooner. */
export const RECONNECT_TIMEOUT_MS = 3000

/** `login()` gives up after this, ms. After the first success the client never gives up by itself. */
export const LOGIN_TIMEOUT_MS = 20_000

/** Events after which a ping acknowledges them at once. Higher: fewer pings. Lower: the server, which keeps 256 for a
 * session, has to keep fewer. */
export const ACK_EVERY = 64

/** Part of the server's heartbeat after which a ping is sent. Higher: fewer pings. Lower: a dead socket is seen sooner. */
export const HEARTBEAT_SHARE = 0.8

/** A ping must be answered within this, ms, or the socket is dead. Higher: slow links are not cut. Lower: seen sooner. */
export const PONG_TIMEOUT_MS = 5000

/** The same after a hint that the network has changed. */
export const PONG_HURRY_MS = 2000

/** The same when nothing of a call's sound and picture arrives any more. Higher: slow links keep their socket. Lower: sound
 * is back sooner after a change of the network. A socket that is replaced for nothing costs a few round trips, and no event. */
export const PONG_SILENT_MS = 800

/** Round trips that the two waits above are at least: one and what a bad network adds, and those of a handshake with TLS. Higher:
 * a way that is dead is left later. Lower: on a slow link what lives is taken for dead. */
export const ROUND_TRIPS = { pong: 3, socket: 6 }

/** The longest round trip that counts, ms: with it a hint's ping waits as long as any other. What seems longer was a program that
 * slept meanwhile, or a clock that jumped. Higher: slower links than that keep their socket. Lower: what is dead is left sooner. */
export const MAX_ROUND_TRIP_MS = PONG_TIMEOUT_MS / ROUND_TRIPS.pong

/** Longest wait before a socket that a hint has found dead is replaced, ms; it is random. Higher: a server that stood still for a
 * moment is not met by all its clients at once. Lower: sound is back sooner. */
export const SOON_MS = 200

/** How long `logout()` waits to be able to tell the server, ms. */
export const LOGOUT_TIMEOUT_MS = 3000

/** Requests under way at once; the next ones wait. The server keeps 16 answers for repeated requests, pings included. */
export const MAX_IN_FLIGHT = 8

/** Requests that may wait for the socket. More than a user can cause; it bounds a page that has gone wild. */
export const MAX_WAITING = 64

/** The longest request, bytes: what the server takes, less room for the request's number. The server leaves a socket on which
 * far more arrives: the request would be repeated on the next one for ever. */
export const MAX_REQUEST_BYTES = MAX_MESSAGE_BYTES - 64

/** Who signs in. */
export interface Credentials {
  sdkAppID: number
  userID: string
  userSig: string
}

/** Why a session is over for good. */
export type CloseReason = { kind: "logged_out" } | { kind: "kicked"; reason: KickReason } | { kind: "refused"; error: CallError }

/** Where the session stands. */
export type ConnectionState =
  | { name: "idle" }
  | { name: "connecting"; attempt: number }
  | { name: "online" }
  | { name: "resuming"; attempt: number }
  | { name: "closed"; reason: CloseReason }

/** What the session reports. */
export type ConnectionEvent =
  | { type: "state"; state: ConnectionState }
  /** From the server, each once and in order. */
  | { type: "event"; event: Event }
  /** The server has forgotten the session: its calls are over for this device. A new sign-in is under way. */
  | { type: "session_lost" }

/**
 * A request under way.
 *
 * @internal
 */
export interface Asked {
  readonly answer: Promise<Success>
  /** Takes it back. True if the server was never asked; then `answer` rejects with this error. */
  withdraw(error: CallError): boolean
}

interface Pending {
  request: Request
  /** 0 until it is sent for the first time. */
  id: number
  resolve(ok: Success): void
  reject(error: CallError): void
}

/**
 * One session with the server. It survives cut sockets: requests are sent again with their ids, events are told once each and
 * in their order.
 */
export class Connection {
  private current: ConnectionState = { name: "idle" }
  private readonly emitter: Emitter<ConnectionEvent>
  private credentials: Credentials | null = null
  /** Why the server would not take the sign-in for now: it says more than "no answer". */
  private lastRefusal: CallError | null = null
  private ticket: string | null = null
  private heartbeatMs = 10_000
  private lastSeq = 0
  /** The session was lost: the next sign-in is this client's own idea, not the user's. */
  private again = false
  /** The newest `seq` that the server knows to have arrived. */
  private ackedSeq = 0
  private lastID = 0
  /** The request that signs in on this socket, 0 when there is none. */
  private greetingID = 0
  /** The unanswered ping, 0 when there is none. */
  private pingID = 0
  /** When the socket is dead unless it is answered. */
  private pongBy = 0
  private pingedAt = 0
  /** That of the newest ping, ms, up to {@link MAX_ROUND_TRIP_MS}. */
  private roundTripMs = 0
  private pending: Pending[] = []
  private socket: SocketLike | null = null
  /** Callbacks of an earlier socket carry an earlier number. */
  private generation = 0
  /** The one timer of the present state: connect deadline, backoff, heartbeat or pong. */
  private cancelTimer: Cancel = nothing
  private signIn: { promise: Promise<void>; resolve(): void; reject(e: CallError): void; cancel: Cancel } | null = null

  /** `url` is the server's socket address; `kind` is what signs in. */
  constructor(
    private readonly platform: Platform,
    private readonly url: string,
    readonly kind: DeviceKind,
  ) {
    this.emitter = new Emitter((error) => platform.log("error", "a handler threw", error))
  }

  /** Where the session stands. */
  get state(): ConnectionState {
    return this.current
  }

  /** Hears every event from now on. */
  on(handler: (event: ConnectionEvent) => void): Unsubscribe {
    return this.emitter.on(handler)
  }

  /**
   * Signs in. Settles when the server has answered; rejects with the server's refusal (the last one, if it was one that
   * time can cure), or with `server_unreachable`. Signed in already, the new UserSig is kept for the next time.
   */
  login(credentials: Credentials): Promise<void> {
    if (this.current.name !== "idle" && this.current.name !== "closed") {
      const known = this.credentials
      const same = known !== null && known.userID === credentials.userID && known.sdkAppID === credentials.sdkAppID
      if (!same) return Promise.reject(new CallError("already_logged_in", "another user is signed in: call logout() first"))
      this.credentials = credentials
      return this.signIn ? this.signIn.promise : Promise.resolve()
    }
    this.credentials = credentials
    this.lastRefusal = null
    this.ticket = null
    this.again = false
    this.lastSeq = 0
    let resolve: () => void = nothing
    let reject: (e: CallError) => void = nothing
    const promise = new Promise<void>((yes, no) => {
      resolve = yes
      reject = no
    })
    const cancel = this.platform.setTimer(LOGIN_TIMEOUT_MS, () => {
      const unreachable = `no answer from ${this.url}: is the server up, and the address right?`
      this.close({ kind: "refused", error: this.lastRefusal || new CallError("server_unreachable", unreachable, true) })
    })
    this.signIn = { promise, resolve, reject, cancel }
    this.setState({ name: "connecting", attempt: 0 })
    this.open()
    return promise
  }

  /** Ends the session, for the server too if it can be told within {@link LOGOUT_TIMEOUT_MS}. Never rejects. */
  logout(): Promise<void> {
    const name = this.current.name
    if (name === "idle" || name === "closed") return Promise.resolve()
    if (name === "connecting") {
      this.close({ kind: "logged_out" })
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      let cancel: Cancel = nothing
      const done = () => {
        cancel()
        this.close({ kind: "logged_out" })
        resolve()
      }
      cancel = this.platform.setTimer(LOGOUT_TIMEOUT_MS, done)
      this.request({ type: "logout" }).then(done, done)
    })
  }

  /**
   * Asks the server. While the session resumes, the request waits. Rejects with the server's refusal, `not_logged_in`,
   * `session_lost` or `closed`.
   */
  request(request: Request): Promise<Success> {
    return this.ask(request).answer
  }

  /** The same for a request that may be taken back. */
  ask(request: Request): Asked {
    const name = this.current.name
    if (name === "idle" || name === "closed") return refused(new CallError("not_logged_in", "sign in first: call login()"))
    if (this.pending.length >= MAX_WAITING) {
      return refused(new CallError("too_many", "too many requests wait for the server", true))
    }
    const bytes = utf8Bytes(JSON.stringify(request))
    if (bytes > MAX_REQUEST_BYTES) {
      return refused(new CallError("too_large", `${request.type} has ${bytes} bytes, the limit is ${MAX_REQUEST_BYTES}: send less`))
    }
    const pending: Pending = { request, id: 0, resolve: nothing, reject: nothing }
    const answer = new Promise<Success>((resolve, reject) => {
      pending.resolve = resolve
      pending.reject = reject
    })
    this.pending.push(pending)
    this.flush()
    const withdraw = (error: CallError) => {
      // Sent once, it may have been carried out, and its id is spent.
      if (pending.id !== 0 || this.pending.indexOf(pending) < 0) return false
      this.pending = this.pending.filter((p) => p !== pending)
      pending.reject(error)
      return true
    }
    return { answer, withdraw }
  }

  /** A hint that the network has changed or that the program was asleep: looks at once instead of at the next timer. A ping
   * that is under way is given no longer than `patienceMs` from now. */
  probe(patienceMs = PONG_HURRY_MS): void {
    if (this.current.name === "online") {
      const patience = Math.max(patienceMs, ROUND_TRIPS.pong * this.roundTripMs)
      if (this.pingID === 0) this.ping(patience)
      else if (this.platform.now() + patience < this.pongBy) this.expectPong(patience)
    } else if (this.socket === null && (this.current.name === "connecting" || this.current.name === "resuming")) {
      this.open()
    }
  }

  // --- sockets ---

  private open(): void {
    if (this.current.name === "closed") return // by a handler of the state before
    const generation = ++this.generation
    const mine = () => generation === this.generation
    const patience = Math.max(RECONNECT_TIMEOUT_MS, ROUND_TRIPS.socket * this.roundTripMs)
    this.expectWelcome(this.current.name === "resuming" ? patience * Math.pow(2, this.current.attempt) : CONNECT_TIMEOUT_MS)
    this.socket = this.platform.socket(this.url, {
      opened: () => {
        if (mine()) this.greet()
      },
      received: (text) => {
        if (mine()) this.received(text)
      },
      closed: () => {
        if (mine()) this.cut("socket closed")
      },
    })
  }

  private expectWelcome(patienceMs: number): void {
    this.setTimer(Math.min(patienceMs, CONNECT_TIMEOUT_MS), () => this.cut("no answer while connecting"))
  }

  private greet(): void {
    const credentials = this.credentials
    if (credentials === null) return
    this.greetingID = ++this.lastID
    const request: Request =
      this.ticket !== null
        ? { type: "resume", protocol: PROTOCOL_VERSION, ticket: this.ticket, lastSeq: this.lastSeq }
        : { type: "login", protocol: PROTOCOL_VERSION, ...credentials, device: { kind: this.kind }, ...(this.again ? { again: true } : {}) }
    this.send(this.greetingID, request)
  }

  private send(id: number, request: Request): void {
    if (this.socket !== null) this.socket.send(JSON.stringify({ id, ...request }))
  }

  /** Leaves the socket and tries again after a while; `soon`: almost at once, since a hint was right. */
  private cut(why: string, soon = false): void {
    this.platform.log("info", `connection: ${why}`)
    this.dropSocket()
    const attempt = this.current.name === "connecting" || this.current.name === "resuming" ? this.current.attempt + 1 : 0
    this.setState({ name: this.ticket !== null ? "resuming" : "connecting", attempt })
    // A handler of the state may have logged out, or asked to probe.
    if (this.socket !== null || this.current.name === "closed") return
    const random = this.platform.random()
    this.setTimer(soon ? SOON_MS * random : backoff(attempt, random), () => this.open())
  }

  private dropSocket(): void {
    this.generation++
    this.cancelTimer()
    this.cancelTimer = nothing
    this.greetingID = 0
    this.pingID = 0
    const socket = this.socket
    this.socket = null
    if (socket !== null) socket.close()
  }

  private setTimer(ms: number, fire: () => void): void {
    this.cancelTimer()
    this.cancelTimer = this.platform.setTimer(ms, fire)
  }

  // --- what arrives ---

  private received(text: string): void {
    const message = parse(text)
    if (message === null) {
      this.platform.log("warn", "the server sent something that is no message of the protocol")
    } else if ("re" in message) {
      this.answered(message.re, message)
    } else {
      this.happened(message)
    }
  }

  private answered(id: number, outcome: { ok?: Success; error?: ErrorBody }): void {
    if (id !== 0 && id === this.greetingID) {
      this.greetingID = 0
      this.greeted(outcome)
      return
    }
    if (id !== 0 && id === this.pingID) {
      this.pingID = 0
      this.roundTripMs = Math.min(this.platform.now() - this.pingedAt, MAX_ROUND_TRIP_MS)
      this.beat()
      this.acknowledge()
      return
    }
    const index = this.pending.findIndex((p) => p.id !== 0 && p.id === id)
    const pending = this.pending[index]
    if (pending === undefined) return // repeated, and answered before
    this.pending.splice(index, 1)
    if (outcome.error !== undefined) pending.reject(CallError.from(outcome.error))
    else pending.resolve(outcome.ok ?? {})
    this.flush()
  }

  private greeted(outcome: { ok?: Success; error?: ErrorBody }): void {
    const { ok, error } = outcome
    if (error !== undefined) {
      if (error.code === "ticket_invalid" && this.ticket !== null) {
        this.forgetSession()
        if (this.current.name === "closed") return
        // A sign-in that is carried out, but answered too late, would find the device of this one when it is repeated.
        this.expectWelcome(CONNECT_TIMEOUT_MS)
        this.greet()
      } else if (error.code === "signed_in_elsewhere") {
        this.close({ kind: "kicked", reason: "signed_in_elsewhere" })
      } else if (error.retry === true) {
        this.lastRefusal = CallError.from(error)
        this.cut(`sign-in refused for now: ${error.code}`)
      } else {
        this.close({ kind: "refused", error: CallError.from(error) })
      }
      return
    }
    if (ok === undefined || !("ticket" in ok)) {
      this.close({ kind: "refused", error: new CallError("bad_answer", "the server's welcome cannot be read: update the client") })
      return
    }
    this.welcomed(ok)
  }

  private welcomed(welcome: Welcome): void {
    this.ticket = welcome.ticket
    this.again = false
    this.heartbeatMs = Math.max(welcome.heartbeatS, 1) * 1000
    if (!welcome.resumed) this.lastSeq = 0
    this.ackedSeq = this.lastSeq
    this.beat()
    // Before anything new, in the order of their ids: the server takes an id that is lower than its last for a repetition.
    this.pending.forEach((p) => {
      if (p.id !== 0) this.send(p.id, p.request)
    })
    const signIn = this.signIn
    this.signIn = null
    this.setState({ name: "online" })
    this.flush()
    if (signIn !== null) {
      signIn.cancel()
      signIn.resolve()
    }
  }

  /** The server knows this session no more: what was asked in it has no answer. */
  private forgetSession(): void {
    this.ticket = null
    this.again = true
    this.lastSeq = 0
    this.setState({ name: "connecting", attempt: 0 })
    this.failPending(new CallError("session_lost", "the connection was gone for too long; signed in anew", true))
    this.emitter.emit({ type: "session_lost" })
  }

  private happened(message: EventMessage): void {
    if (this.current.name !== "online" || message.seq <= this.lastSeq) return
    if (message.seq !== this.lastSeq + 1) {
      this.cut(`event ${message.seq} came after ${this.lastSeq}`)
      return
    }
    this.lastSeq = message.seq
    if (message.type === "kicked_out") this.close({ kind: "kicked", reason: message.reason })
    else this.emitter.emit({ type: "event", event: message })
    this.acknowledge()
  }

  /** A burst of events is acknowledged before the next heartbeat: the server signs out who lets its buffer run over. */
  private acknowledge(): void {
    const due = this.lastSeq - this.ackedSeq >= ACK_EVERY
    if (due && this.pingID === 0 && this.current.name === "online") this.ping(PONG_TIMEOUT_MS)
  }

  // --- what leaves ---

  private flush(): void {
    if (this.current.name !== "online") return
    let inFlight = this.pending.filter((p) => p.id !== 0).length
    this.pending.forEach((p) => {
      if (p.id !== 0 || inFlight >= MAX_IN_FLIGHT) return
      inFlight++
      p.id = ++this.lastID
      this.send(p.id, p.request)
    })
  }

  private beat(): void {
    this.setTimer(this.heartbeatMs * HEARTBEAT_SHARE, () => this.ping(PONG_TIMEOUT_MS))
  }

  private ping(patienceMs: number): void {
    this.pingID = ++this.lastID
    this.pingedAt = this.platform.now()
    this.ackedSeq = this.lastSeq
    this.expectPong(patienceMs)
    this.send(this.pingID, { type: "ping", ack: this.lastSeq })
  }

  private expectPong(patienceMs: number): void {
    this.pongBy = this.platform.now() + patienceMs
    this.setTimer(patienceMs, () => this.cut("no answer to a ping", patienceMs < PONG_TIMEOUT_MS))
  }

  // --- ends ---

  private close(reason: CloseReason): void {
    if (this.current.name === "closed") return
    this.dropSocket()
    this.ticket = null
    this.credentials = null
    const error = reason.kind === "refused" ? reason.error : new CallError("closed", reason.kind === "kicked" ? "signed out by the server" : "logged out")
    const signIn = this.signIn
    this.signIn = null
    this.failPending(error)
    this.setState({ name: "closed", reason })
    if (signIn !== null) {
      signIn.cancel()
      signIn.reject(error)
    }
  }

  private failPending(error: CallError): void {
    const pending = this.pending
    this.pending = []
    pending.forEach((p) => p.reject(error))
  }

  private setState(state: ConnectionState): void {
    this.current = state
    this.emitter.emit({ type: "state", state })
  }
}

function nothing(): void {}

function refused(error: CallError): Asked {
  return { answer: Promise.reject(error), withdraw: () => false }
}

function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let n = 0; n < text.length; n++) {
    const unit = text.charCodeAt(n)
    // Two bytes from U+0080, three from U+0800; a pair of surrogates has four.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}

type Incoming = EventMessage | { re: number; ok?: Success; error?: ErrorBody }

/** A message of the server, or null. Only what decides its kind is checked: the server is trusted with the rest. */
function parse(text: string): Incoming | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (_) {
    return null
  }
  if (typeof value !== "object" || value === null) return null
  const message = value as { re?: unknown; seq?: unknown; type?: unknown }
  if (typeof message.re === "number") return value as Incoming
  if (typeof message.seq === "number" && typeof message.type === "string") return value as Incoming
  return null
}
