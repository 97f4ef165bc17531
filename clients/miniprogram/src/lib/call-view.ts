/** From what happens in a call to what its screen shows, on whatever page that is. */

import { clock, endText, hueOf, initials, pictureUnseen, type Call, type CallEvent, type Language } from "../../../core/src/index.js"
import type { LiveMedia } from "./media/live-media.js"
import type { PlayerTag } from "./media/stage.js"
import { errorText, texts, type Texts } from "./texts.js"

/** How long the reason of a call's end is shown, ms; a page that was opened for the call is left after it. Higher: easier to
 * read. Lower: less in the way. */
export const END_SHOWN_MS = 2000

/** How long a hint is shown, ms. Higher: easier to read. Lower: less in the way. */
const HINT_SHOWN_MS = 5000

/** A weak network is told again after this, ms. Higher: it nags less. Lower: people know why the picture stands still. */
const WEAK_AGAIN_MS = 20_000

/** Network levels above this are worth a hint (1 best, 6 cut off). */
const WEAK_ABOVE = 4

/** The data of the component's template. */
export interface ScreenData {
  /** Empty: nothing is shown but a hint: why a call is over. */
  phase: "" | "calling" | "ringing" | "connected"
  video: boolean
  name: string
  initials: string
  /** Colours of the avatar and of the background. */
  avatarStyle: string
  glowStyle: string
  status: string
  hint: string
  /** The other's picture is shown. */
  seen: boolean
  /** The own picture is shown. */
  selfSeen: boolean
  /** The own picture is the big one. */
  swapped: boolean
  microphone: boolean
  camera: boolean
  soundMode: "speaker" | "ear"
  pushes: boolean
  pusherUrl: string
  enableCamera: boolean
  front: boolean
  players: PlayerTag[]
  captions: { [key: string]: string }
}

/** What the view needs of the phone. */
export interface ViewOptions {
  language: Language
  devtools: boolean
  media: LiveMedia
  /** Whether the session stands. */
  online(): boolean
  /** Something is to be shown anew. */
  changed(): void
  /** A component is on the page in front. */
  watched(): boolean
  now(): number
}

/** See the head of this file. One for an app. */
export class CallView {
  private shown: Call | null = null
  private status = "idle"
  private everConnected = false
  private swapped = false
  private speaker = true
  private hint = ""
  private hintTimer: number | null = null
  private weakTold = -WEAK_AGAIN_MS
  /** Whose network is weak, as the server says, until it says otherwise. */
  private weakOnes: string[] = []
  private second: number | null = null
  private readonly t: Texts

  constructor(private readonly options: ViewOptions) {
    this.t = texts(options.language)
  }

  // --- what happens ---

  happened(event: CallEvent): void {
    const begins = event.type === "calling" || event.type === "invited"
    if (!begins && "call" in event && event.call !== this.shown) return
    switch (event.type) {
      case "calling":
      case "invited":
        this.begin(event.call)
        break
      case "network":
        this.weakOnes = this.weakOnes.filter((id) => id !== event.userID).concat(event.level > WEAK_ABOVE ? event.userID : [])
        this.remind()
        break
      case "media":
        this.status = event.status
        if (event.status === "connected") this.everConnected = true
        break
      case "error":
        // That a picture cannot be seen is a hint that stays.
        if (event.code !== "video_codec") this.tell(errorText(event.code, this.options.language))
        break
      case "refused":
        this.over(this.t.refused(errorText(event.error.code, this.options.language) || event.error.message))
        break
      case "ended": {
        const { call, reason, by, durationS } = event
        this.over(endText(this.t, { reason, mine: by === call.self, role: call.role, connected: call.connectedAt !== null, seconds: durationS }))
        break
      }
      case "signed_out":
        if (event.reason.kind === "kicked" && this.shown === null) this.announce(this.t.kicked)
        break
      default:
    }
    this.options.changed()
  }

  /** The network of somebody is weak: said now and then. */
  weak(userID: string): void {
    const call = this.shown
    const now = this.options.now()
    if (call === null || now - this.weakTold < WEAK_AGAIN_MS) return
    this.weakTold = now
    this.tell(userID === call.self ? this.t.weakOwn : this.t.weakPeer)
  }

  private remind(): void {
    this.weakOnes.forEach((id) => this.weak(id))
  }

  /** Big and small picture change places. */
  swap(): void {
    this.swapped = !this.swapped
    this.options.changed()
  }

  /** True speaker, false earpiece. */
  useSpeaker(speaker: boolean): void {
    this.speaker = speaker
    this.options.changed()
  }

  get isSpeaker(): boolean {
    return this.speaker
  }

  private begin(call: Call): void {
    this.stopTimers()
    this.shown = call
    this.status = "idle"
    this.everConnected = this.swapped = false
    this.speaker = true
    this.hint = ""
    this.weakTold = -WEAK_AGAIN_MS
    this.weakOnes = []
    this.second = setInterval(() => {
      if (call.phase !== "connected") return
      this.remind()
      this.options.changed()
    }, 1000)
    wx.setKeepScreenOn({ keepScreenOn: true })
    if (call.role === "callee") wx.hideKeyboard({ fail: () => {} })
  }

  private over(text: string): void {
    this.stopTimers()
    this.shown = null
    wx.setKeepScreenOn({ keepScreenOn: false })
    this.announce(text)
  }

  /** What is said without a call. A phone has one toast: it is left to the page, whose handlers show their own. */
  private announce(text: string): void {
    if (this.options.watched()) this.say(text, END_SHOWN_MS)
    else wx.showToast({ title: text, icon: "none", duration: END_SHOWN_MS })
  }

  private tell(hint: string): void {
    if (hint !== "" && this.shown !== null) this.say(hint, HINT_SHOWN_MS)
  }

  private say(hint: string, ms: number): void {
    this.hint = hint
    if (this.hintTimer !== null) clearTimeout(this.hintTimer)
    this.hintTimer = setTimeout(() => {
      this.hint = ""
      this.options.changed()
    }, ms)
    this.options.changed()
  }

  private stopTimers(): void {
    if (this.second !== null) clearInterval(this.second)
    if (this.hintTimer !== null) clearTimeout(this.hintTimer)
    this.second = this.hintTimer = null
    this.hint = ""
  }

  // --- what is shown ---

  /** For the page in front. */
  data(): Partial<ScreenData> {
    const call = this.shown
    if (call === null || call.phase === "ending") return { phase: "", pushes: false, players: [], hint: call === null ? this.hint : "" }
    const { media, devtools } = this.options
    const peer = call.peers[0]
    const name = call.role === "callee" ? call.sponsor : call.invitees.join(", ")
    const video = call.media === "video"
    const pusher = devtools ? null : media.pusher
    const hue = hueOf(name)
    const phase = phaseOf(call)
    const camera = peer !== undefined && peer.devices.camera && call.unseen.indexOf(peer.userID) < 0
    return {
      phase,
      video,
      name: name || this.t.unknown,
      initials: initials(name),
      avatarStyle: `background:linear-gradient(145deg,hsl(${hue},66%,62%),hsl(${hue + 46},62%,44%))`,
      glowStyle: `background:linear-gradient(160deg,hsl(${hue},46%,30%),hsl(${hue + 60},40%,14%) 60%,#10141c)`,
      status: this.statusOf(call),
      hint: this.hintOf(call),
      seen: video && phase === "connected" && camera && peer !== undefined && !media.isHidden(peer.userID),
      selfSeen: video && pusher !== null && pusher.enableCamera,
      swapped: this.swapped,
      microphone: call.devices.microphone,
      camera: call.devices.camera,
      soundMode: this.speaker ? "speaker" : "ear",
      pushes: pusher !== null,
      pusherUrl: pusher === null ? "" : pusher.url,
      enableCamera: pusher !== null && pusher.enableCamera,
      front: media.front,
      players: devtools ? [] : media.players,
      captions: this.captions(call),
    }
  }

  private captions({ devices, media, phase }: Call): { [key: string]: string } {
    const { t } = this
    return {
      answer: t.answer,
      decline: t.decline,
      hangup: phase === "connected" ? t.hangup : t.cancel,
      microphone: devices.microphone ? t.mute : t.unmute,
      camera: devices.camera ? t.cameraOff : t.cameraOn,
      speaker: this.speaker ? t.speakerOn : t.speakerOff,
      flip: t.flip,
      toVoice: media === "video" && phase === "connected" ? t.toVoice : "",
    }
  }

  private statusOf(call: Call): string {
    const { t } = this
    switch (call.phase) {
      case "dialing":
        return t.dialing
      case "calling":
        return call.alerting ? t.alerting : call.unreachable ? t.unreachable : t.waiting
      case "ringing":
        return call.media === "video" ? t.invitedVideo : t.invitedVoice
      case "accepting":
        return t.accepting
      default: {
        const { now, devtools } = this.options
        if (!this.everConnected && !devtools) return t.connecting
        return clock((now() - (call.connectedAt === null ? now() : call.connectedAt)) / 1000)
      }
    }
  }

  private hintOf(call: Call): string {
    const { t } = this
    const peer = call.peers[0]
    if (this.options.devtools) return t.devtools
    if (!this.options.online()) return t.offline
    // From somebody who is muted nothing comes: a player that starts anew then is no fault.
    const quiet = peer !== undefined && !peer.devices.microphone && !(call.media === "video" && peer.devices.camera)
    if (this.status === "reconnecting" && !quiet) return t.reconnecting
    if (this.hint !== "") return this.hint
    if (pictureUnseen(call)) return t.peerNoH264
    if (peer === undefined) return ""
    return !peer.devices.microphone ? t.peerMuted : call.media === "video" && !peer.devices.camera ? t.peerCameraOff : ""
  }
}

function phaseOf(call: Call): ScreenData["phase"] {
  if (call.phase === "connected" || call.phase === "accepting") return call.role === "caller" && call.phase !== "connected" ? "calling" : "connected"
  return call.phase === "ringing" ? "ringing" : "calling"
}
