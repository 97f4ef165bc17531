/**
 * What a call screen shows: one model for every screen, without DOM, `wx` and clock.
 *
 * In goes what happens ({@link CallScreen.happened}) and that time has passed ({@link CallScreen.expire}); out comes a
 * {@link ScreenState}: phase, people with their sources, a status line and notices, in keys of texts. A screen puts the
 * texts in and draws; it has the timers, the bell and the layout.
 */

import type { Call, CallEvent, Phase } from "../calls/call.js"
import { pictureUnseen } from "../calls/active-call.js"
import type { Source, UserId } from "../protocol.js"
import { SOURCES, hasSource, kindOf, type Sources } from "../source.js"
import { clock } from "../guide/message.js"
import type { ErrorTexts } from "./error-texts.js"
import { endText, type CallTexts, type End } from "./texts.js"

/** A level of a network above this is worth a word (1 is best, 6 is cut off). Higher: it nags less. Lower: people know sooner why
 * the picture stands still. */
const WEAK_ABOVE = 4

/** On a screen with one line for notices a weak network is said again after this, ms. Higher: it nags less. Lower: people know why
 * the picture stands still. */
export const WEAK_AGAIN_MS = 20_000

/** Errors that a screen shows otherwise than for a while: by a button that plays the sound, by a notice that stays. */
const SHOWN_OTHERWISE = ["playback_blocked", "video_codec"]

/**
 * | phase | meaning |
 * |---|---|
 * | `calling` | this side has called, nobody has answered |
 * | `ringing` | it rings here |
 * | `accepting` | answered here; the server has not confirmed yet |
 * | `connected` | they talk |
 * | `ending` | left here; its end is not known yet |
 * | `ended` | over: the status says why |
 */
export type ScreenPhase = "calling" | "ringing" | "accepting" | "connected" | "ending" | "ended"

/** A key of {@link CallTexts} that is a whole text. */
export type TextKey = Exclude<keyof CallTexts, "refused">

/**
 * What stands under the name, not yet in a language. See {@link statusText}.
 *
 * @internal
 */
export type Status =
  | { readonly say: "text"; readonly key: TextKey }
  /** How long they have talked, s. */
  | { readonly say: "clock"; readonly seconds: number }
  | { readonly say: "end"; readonly end: End }
  /** The server refused the call: the error's code, and its message for codes without a text. */
  | { readonly say: "refused"; readonly code: string | number; readonly message: string }

/** What a notice says of the call, or of somebody in it. */
export type NoticeKey = "offline" | "reconnecting" | "weakOwn" | "weakPeer" | "peerNoH264" | "peerMuted" | "peerCameraOff"

/**
 * Something beside the status: a text, or an error by its code. `userID`: whom it is about.
 *
 * @internal
 */
export type Notice = { readonly key: NoticeKey; readonly userID: UserId | null } | { readonly key: null; readonly code: string | number }

/**
 * Something that a person sends.
 *
 * @internal
 */
export interface PersonSource {
  readonly source: Source
  /** It is being sent. */
  readonly on: boolean
  /** It is a picture that can be shown now. */
  readonly visible: boolean
}

/**
 * Somebody on the screen.
 *
 * @internal
 */
export interface Person {
  readonly userID: UserId
  /** What people call them. */
  readonly name: string
  readonly sources: readonly PersonSource[]
}

/**
 * Everything that is to be shown of a call.
 *
 * @internal
 */
export interface ScreenState {
  readonly phase: ScreenPhase
  readonly video: boolean
  /** With whom the call is; empty if that is not known. */
  readonly name: string
  readonly self: Person
  /** Who is in the call, this device's user not counted. */
  readonly people: readonly Person[]
  readonly status: Status
  /** How long they have talked, s; null before. */
  readonly talkedS: number | null
  /** The most important first. */
  readonly notices: readonly Notice[]
  /** The call can become a voice call now. */
  readonly canSwitch: boolean
}

/**
 * How a screen differs from others.
 *
 * @internal
 */
export interface ScreenRules {
  /** There is one line for notices: the newest fault takes it, and a weak network is said now and then. Otherwise each notice
   * stands as long as it holds. */
  readonly oneLine: boolean
  /** How long a fault is shown, ms. */
  readonly noticeMs: number
  /** How long the end of a call is shown, ms. */
  readonly endMs: number
  /** The errors that have a text here; others are not shown. */
  readonly errors: ErrorTexts
}

/**
 * What the screen has to know besides what happened.
 *
 * @internal
 */
export interface Surroundings {
  /** The platform's time, ms. */
  readonly now: number
  /** The session has a socket. */
  readonly online: boolean
  /** Somebody's picture was put away here. */
  hidden(userID: UserId): boolean
}

/**
 * A notice that stands for a while.
 *
 * @internal
 */
interface Timed {
  readonly notice: Notice
  readonly until: number
}

/**
 * The model of one call screen: it follows what happens and says what is to be shown.
 *
 * @internal
 */
export class CallScreen {
  private shown: Call | null = null
  private over: Status | null = null
  private overUntil = 0
  private mediaStatus = "idle"
  private everConnected = false
  private timed: Timed[] = []
  /** Whose network is weak, as the server says, until it says otherwise. */
  private weakOnes: UserId[] = []
  private weakSaid = -WEAK_AGAIN_MS

  constructor(private readonly rules: ScreenRules) {}

  /** Follows what happens. False: it is of another call, and nothing is to be drawn anew. */
  happened(event: CallEvent, now: number): boolean {
    const begins = event.type === "calling" || event.type === "invited"
    if (!begins && "call" in event && event.call !== this.shown) return false
    switch (event.type) {
      case "calling":
      case "invited":
        this.begin(event.call)
        break
      case "network":
        this.weakOnes = this.weakOnes.filter((id) => id !== event.userID).concat(event.level > WEAK_ABOVE ? event.userID : [])
        this.remind(now)
        break
      case "media":
        this.mediaStatus = event.status
        if (event.status === "connected") this.everConnected = true
        break
      case "error":
        this.fault(event.code, now)
        break
      case "refused":
        this.end({ say: "refused", code: event.error.code, message: event.error.message }, now)
        break
      case "ended": {
        const { call, reason, by, durationS } = event
        this.end({ say: "end", end: { reason, mine: by === call.self, role: call.role, connected: call.connectedAt !== null, seconds: durationS } }, now)
        break
      }
      default:
    }
    return true
  }

  /** Something failed here: it is said for a while. Nothing without a call, or without a text for it. */
  fault(code: string | number, now: number): void {
    if (SHOWN_OTHERWISE.indexOf(String(code)) >= 0 || !(code in this.rules.errors)) return
    if (!this.rules.oneLine && this.timed.some(({ notice }) => notice.key === null && notice.code === code)) return
    this.sayFor({ key: null, code }, now)
  }

  /** Somebody's network is weak. On a screen with one line it is said now and then. */
  weak(userID: UserId, now: number): void {
    const call = this.shown
    if (!this.rules.oneLine || call === null || now - this.weakSaid < WEAK_AGAIN_MS) return
    this.weakSaid = now
    this.sayFor(weakNotice(call, userID), now)
  }

  /** Says again what still holds. To be called now and then while a call is shown. */
  remind(now: number): void {
    this.weakOnes.forEach((id) => this.weak(id, now))
  }

  /** When something goes by itself, in the platform's time; null: nothing does. Call {@link expire} then. */
  get nextChange(): number | null {
    const times = this.timed.map(({ until }) => until).concat(this.over === null ? [] : this.overUntil)
    return times.length === 0 ? null : Math.min.apply(null, times)
  }

  /** It is `now`: what was to be shown until then goes. True: with it the call, and nothing is shown any more. */
  expire(now: number): boolean {
    this.timed = this.timed.filter(({ until }) => until > now)
    if (this.over === null || this.overUntil > now) return false
    this.shown = this.over = null
    return true
  }

  /** What is to be shown; null: nothing. */
  state(around: Surroundings): ScreenState | null {
    const call = this.shown
    if (call === null) return null
    const phase = this.over !== null ? "ended" : phaseOf(call.phase)
    const talkedS = call.connectedAt === null ? null : (around.now - call.connectedAt) / 1000
    return {
      phase,
      video: call.media === "video",
      name: call.role === "callee" ? call.sponsor : call.invitees.join(", "),
      self: personOf(call, call.self, call.sources, false),
      people: call.peers.map((p) => personOf(call, p.userID, p.sources, around.hidden(p.userID))),
      status: this.over !== null ? this.over : this.statusOf(call, talkedS),
      talkedS,
      notices: this.noticesOf(call, around.online),
      canSwitch: phase === "connected" && call.media === "video",
    }
  }

  private begin(call: Call): void {
    this.shown = call
    this.over = null
    this.timed = []
    this.weakOnes = []
    this.weakSaid = -WEAK_AGAIN_MS
    this.mediaStatus = "idle"
    this.everConnected = false
  }

  private end(status: Status, now: number): void {
    this.over = status
    this.overUntil = now + this.rules.endMs
  }

  private sayFor(notice: Notice, now: number): void {
    if (this.shown !== null && this.over === null) this.timed.push({ notice, until: now + this.rules.noticeMs })
  }

  private statusOf(call: Call, talkedS: number | null): Status {
    const text = (key: TextKey): Status => ({ say: "text", key })
    switch (call.phase) {
      case "dialing":
        return text("dialing")
      case "calling":
        return text(call.alerting ? "alerting" : call.unreachable ? "unreachable" : "waiting")
      case "ringing":
        return text(call.media === "video" ? "invitedVideo" : "invitedVoice")
      case "accepting":
        return text("accepting")
      case "connected":
        return this.everConnected ? { say: "clock", seconds: talkedS === null ? 0 : talkedS } : text("connecting")
      default:
        return text("ended")
    }
  }

  private noticesOf(call: Call, online: boolean): Notice[] {
    const { oneLine } = this.rules
    const { peers } = call
    const about = (key: NoticeKey, userID: UserId | null = null): Notice => ({ key, userID })
    // From those who are muted nothing comes: a way that is made anew then is no fault.
    const quiet = oneLine && peers.length > 0 && peers.every(({ sources }) => sources.every((s) => call.media !== "video" && kindOf(s) === "video"))
    const away = this.mediaStatus === "reconnecting" && !quiet
    const weak = oneLine ? undefined : [call.self].concat(peers.map((p) => p.userID)).find((id) => this.weakOnes.indexOf(id) >= 0)
    const link = !online ? [about("offline")] : away ? [about("reconnecting")] : weak !== undefined ? [weakNotice(call, weak)] : []
    const unseen = pictureUnseen(call) ? [about("peerNoH264")] : []
    const timed = this.timed.map(({ notice }) => notice)
    const muted = peers.filter((p) => !hasSource(p.sources, "microphone")).map((p) => about("peerMuted", p.userID))
    const dark = peers.filter((p) => call.media === "video" && !hasSource(p.sources, "camera")).map((p) => about("peerCameraOff", p.userID))
    return oneLine ? link.concat(timed.reverse(), unseen, muted, dark) : link.concat(unseen, timed, muted, dark)
  }
}

/** A status in words; `error` has the text for a code. */
export function statusText(t: CallTexts, status: Status, error: (code: string | number, otherwise: string) => string): string {
  switch (status.say) {
    case "text":
      return t[status.key]
    case "clock":
      return clock(status.seconds)
    case "end":
      return endText(t, status.end)
    default:
      return t.refused(error(status.code, status.message))
  }
}

/** A notice in words; `error` has the text for a code. */
export function noticeText(t: CallTexts, notice: Notice, error: (code: string | number) => string): string {
  return notice.key === null ? error(notice.code) : t[notice.key]
}

/** Somebody sends this. */
export function sends(person: Person, source: Source): boolean {
  return person.sources.some((s) => s.source === source && s.on)
}

/** The source of somebody's picture that can be shown now; null for none. */
export function visibleSource(person: Person): Source | null {
  const visible = person.sources.filter((s) => s.visible)[0]
  return visible === undefined ? null : visible.source
}

/** A picture of somebody can be shown. */
export function isVisible(person: Person): boolean {
  return visibleSource(person) !== null
}

function weakNotice(call: Call, userID: UserId): Notice {
  return { key: userID === call.self ? "weakOwn" : "weakPeer", userID }
}

function phaseOf(phase: Phase): ScreenPhase {
  return phase === "dialing" ? "calling" : phase
}

function personOf(call: Call, userID: UserId, on: Sources, hidden: boolean): Person {
  const mayBeSeen = call.media === "video" && !hidden && (userID === call.self || call.unseen.indexOf(userID) < 0)
  const sources = SOURCES.map((source): PersonSource => {
    const isOn = hasSource(on, source)
    return { source, on: isOn, visible: isOn && kindOf(source) === "video" && mayBeSeen }
  })
  return { userID, name: userID, sources }
}
