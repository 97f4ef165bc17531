/** Draws the model of the call screen into the template's data, on whatever page that is. */

import { CallScreen, clock, hueOf, initials, isVisible, noticeText, sends, statusText } from "@tring/core"
import type { Call, CallEvent, Language, ScreenState } from "@tring/core"
import type { LiveMedia } from "./media/live-media.js"
import type { PlayerTag } from "./media/stage.js"
import { ERROR_TEXTS, errorText, texts, type Texts } from "./texts.js"

/** How long the reason of a call's end is shown, ms; a page that was opened for the call is left after it. Higher: easier to
 * read. Lower: less in the way. */
export const END_SHOWN_MS = 2000

/** How long a hint is shown, ms. Higher: easier to read. Lower: less in the way. */
const HINT_SHOWN_MS = 5000

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

/** What the pages of an app show of its calls; one for an app. */
export class CallView {
  private readonly screen = new CallScreen({ oneLine: true, noticeMs: HINT_SHOWN_MS, endMs: END_SHOWN_MS, errors: ERROR_TEXTS })
  private readonly t: Texts
  private swapped = false
  private speaker = true
  /** What is said without a call: why one is over. */
  private said = ""
  private saidTimer: number | null = null
  private timer: number | null = null
  private second: number | null = null

  constructor(private readonly options: ViewOptions) {
    this.t = texts(options.language)
  }

  // --- what happens ---

  happened(event: CallEvent): void {
    if (!this.screen.happened(event, this.options.now())) return
    switch (event.type) {
      case "calling":
      case "invited":
        this.begin(event.call)
        break
      case "refused":
      case "ended":
        this.over()
        break
      case "signed_out":
        if (event.reason.kind === "kicked" && this.second === null) this.announce(this.t.kicked)
        break
      default:
    }
    this.changed()
  }

  /** The network of somebody is weak: said now and then. */
  weak(userID: string): void {
    this.screen.weak(userID, this.options.now())
    this.changed()
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
    this.swapped = false
    this.speaker = true
    this.second = setInterval(() => {
      if (call.phase !== "connected") return
      this.screen.remind(this.options.now())
      this.changed()
    }, 1000)
    wx.setKeepScreenOn({ keepScreenOn: true })
    if (call.role === "callee") wx.hideKeyboard({ fail: () => {} })
  }

  private over(): void {
    this.stopTimers()
    wx.setKeepScreenOn({ keepScreenOn: false })
    const state = this.state()
    if (state !== null) this.announce(this.statusText(state))
  }

  /** What is said without a call. A phone has one toast: it is left to the page, whose handlers show their own. */
  private announce(text: string): void {
    if (!this.options.watched()) {
      wx.showToast({ title: text, icon: "none", duration: END_SHOWN_MS })
      return
    }
    this.said = text
    if (this.saidTimer !== null) clearTimeout(this.saidTimer)
    this.saidTimer = setTimeout(() => {
      this.said = ""
      this.options.changed()
    }, END_SHOWN_MS)
  }

  /** Shows the present state, and again when something of it goes by itself. */
  private changed(): void {
    const { screen, options } = this
    const at = screen.nextChange
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer =
      at === null
        ? null
        : setTimeout(() => {
            screen.expire(at)
            this.changed()
          }, at - options.now())
    options.changed()
  }

  private stopTimers(): void {
    if (this.second !== null) clearInterval(this.second)
    if (this.saidTimer !== null) clearTimeout(this.saidTimer)
    this.second = this.saidTimer = null
    this.said = ""
  }

  // --- what is shown ---

  /** For the page in front. */
  data(): Partial<ScreenData> {
    const state = this.state()
    if (state === null || state.phase === "ending" || state.phase === "ended") {
      return { phase: "", pushes: false, players: [], hint: state !== null && state.phase === "ending" ? "" : this.said }
    }
    const { media, devtools } = this.options
    const { name, video, self } = state
    const pusher = devtools ? null : media.pusher
    const hue = hueOf(name)
    const phase = state.phase === "accepting" ? "connected" : state.phase
    return {
      phase,
      video,
      name: name || this.t.unknown,
      initials: initials(name),
      avatarStyle: `background:linear-gradient(145deg,hsl(${hue},66%,62%),hsl(${hue + 46},62%,44%))`,
      glowStyle: `background:linear-gradient(160deg,hsl(${hue},46%,30%),hsl(${hue + 60},40%,14%) 60%,#10141c)`,
      status: this.statusText(state),
      hint: this.hint(state),
      seen: phase === "connected" && state.people.some(isVisible),
      selfSeen: video && pusher !== null && pusher.enableCamera,
      swapped: this.swapped,
      microphone: sends(self, "microphone"),
      camera: sends(self, "camera"),
      soundMode: this.speaker ? "speaker" : "ear",
      pushes: pusher !== null,
      pusherUrl: pusher === null ? "" : pusher.url,
      enableCamera: pusher !== null && pusher.enableCamera,
      front: media.front,
      players: devtools ? [] : media.players,
      captions: this.captions(state),
    }
  }

  private state(): ScreenState | null {
    const { now, online, media } = this.options
    return this.screen.state({ now: now(), online: online(), hidden: (userID) => media.isHidden(userID) })
  }

  private captions({ self, phase, canSwitch }: ScreenState): { [key: string]: string } {
    const { t } = this
    return {
      answer: t.answer,
      decline: t.decline,
      hangup: phase === "connected" ? t.hangup : t.cancel,
      microphone: sends(self, "microphone") ? t.mute : t.unmute,
      camera: sends(self, "camera") ? t.cameraOff : t.cameraOn,
      speaker: this.speaker ? t.speakerOn : t.speakerOff,
      flip: t.flip,
      toVoice: canSwitch ? t.toVoice : "",
    }
  }

  private statusText({ phase, status, talkedS }: ScreenState): string {
    const { devtools, language } = this.options
    // Where no sound can come, nobody waits for it.
    if (devtools && phase === "connected" && talkedS !== null) return clock(talkedS)
    return statusText(this.t, status, (code, otherwise) => errorText(code, language, otherwise))
  }

  private hint({ notices }: ScreenState): string {
    const { devtools, language } = this.options
    const notice = notices[0]
    if (devtools) return this.t.devtools
    return notice === undefined ? "" : noticeText(this.t, notice, (code) => errorText(code, language))
  }
}
