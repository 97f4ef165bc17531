/** The call screen: a view in, pixels out. It knows nothing of calls but what the view says. */

import { hueOf, initials } from "@tring/core"
import { showStream } from "../show-stream.js"
import { DeviceSheet, type DeviceKind, type DeviceLists } from "./device-sheet.js"
import { make, Key } from "./dom.js"
import { FocusKeeper } from "./focus-keeper.js"
import { icon, type IconName } from "./icons.js"
import { keyAct, type KeyAct } from "./keyboard.js"
import { STYLE } from "./style.js"
import type { Texts } from "./texts.js"

/** Text for screen readers is put into its place this much later, ms: they hear changes of a place that was there. */
const SPEAK_MS = 100

/** Something small at the top or under the name. */
export interface Notice {
  icon: IconName
  text: string
  warn: boolean
}

/** Everything that is to be seen. */
export interface View {
  texts: Texts
  phase: "calling" | "ringing" | "connected" | "ended"
  video: boolean
  /** It covers the page, which waits behind it. */
  modal: boolean
  name: string
  status: string
  /** The status is the running time: told to a screen reader once, not every second. */
  timing: boolean
  notices: Notice[]
  /** The browser waits for a touch before it plays. */
  soundBlocked: boolean
  microphone: boolean
  camera: boolean
  canFlip: boolean
  /** It is a video call that can become a voice call now. */
  canSwitch: boolean
  mirrored: boolean
  local: MediaStream | null
  remote: MediaStream | null
}

/** What a user can do. */
export interface Actions {
  answer(): void
  /** Refuses, cancels or hangs up. */
  leave(): void
  toggleMicrophone(): void
  toggleCamera(): void
  flip(): void
  toVoice(): void
  playSound(): void
  listDevices(): Promise<DeviceLists>
  /** Never rejects. */
  chooseDevice(kind: DeviceKind, id: string): Promise<void>
}

/** The pixels of one call screen, inside a shadow root. */
export class Screen {
  private readonly screen = make("div", "screen")
  private readonly big = picture("big")
  private readonly smallVideo = picture("")
  private readonly smallTag = make("span", "tag")
  private readonly small = make("button", "small", this.smallVideo, this.smallTag)
  private readonly avatar = make("div", "avatar")
  private readonly name = make("div", "name")
  private readonly status = make("div", "status")
  private readonly spoken = make("div", "unseen")
  private readonly pills = make("div", "pills")
  private readonly soundPill = make("button", "pill", icon("speaker"), make("span", ""))
  private readonly bar = make("div", "bar")
  private readonly keys: { mic: Key; camera: Key; flip: Key; voice: Key; devices: Key; end: Key; answer: Key }
  private readonly sheet: DeviceSheet
  private readonly focus: FocusKeeper
  private swapped = false
  private view: View | null = null
  private since = 0
  private shownNotices = ""
  private speakTimer: ReturnType<typeof setTimeout> | undefined
  /** The button on which Space went down. */
  private spaceOn: EventTarget | null = null

  constructor(
    root: ShadowRoot,
    private readonly actions: Actions,
  ) {
    const style = make("style", "")
    style.textContent = STYLE
    this.keys = {
      mic: new Key("mic", () => actions.toggleMicrophone()),
      camera: new Key("cam", () => actions.toggleCamera()),
      flip: new Key("flip", () => actions.flip()),
      voice: new Key("voice", () => actions.toVoice()),
      devices: new Key("devices", () => this.sheet.toggle()),
      end: new Key("end", () => actions.leave()),
      answer: new Key("answer", () => actions.answer()),
    }
    this.sheet = new DeviceSheet(
      () => actions.listDevices(),
      (kind, id) => actions.chooseDevice(kind, id),
      this.keys.devices.button,
    )
    this.spoken.setAttribute("role", "status")
    this.spoken.setAttribute("aria-live", "assertive")
    this.small.type = this.soundPill.type = "button"
    this.small.addEventListener("click", () => {
      if (this.view === null || this.view.remote === null) return
      this.swapped = !this.swapped
      this.pictures(this.view)
    })
    this.soundPill.addEventListener("click", () => actions.playSound())
    const lines = make("div", "lines", this.name, this.status)
    const layout = make("div", "layout", make("div", "who", this.avatar, lines), this.pills, this.bar)
    this.screen.append(make("div", "glow"), this.big, make("div", "shade"), layout, this.small, this.sheet.element, this.spoken)
    this.screen.tabIndex = -1
    this.screen.addEventListener("keydown", (e) => this.keyDown(e))
    this.screen.addEventListener("keyup", (e) => this.keyUp(e))
    this.focus = new FocusKeeper(root, this.screen, this.sheet)
    root.append(style, this.screen)
  }

  /** Shows a view. */
  render(view: View): void {
    const before = this.view
    const phaseChanged = before?.phase !== view.phase
    // Other keys, too, when a call becomes a voice or a video call.
    const keysChange = phaseChanged || before?.video !== view.video
    if (phaseChanged && view.phase !== "connected") this.swapped = false
    this.view = view
    const { texts } = view
    if (phaseChanged) this.since = performance.now()
    this.screen.setAttribute("aria-label", `${texts.screen}: ${view.name}`)
    this.screen.style.setProperty("--hue", String(hueOf(view.name)))
    this.name.textContent = view.name
    this.avatar.textContent = initials(view.name)
    this.status.textContent = view.status
    this.status.classList.toggle("timing", view.timing)
    this.showNotices(view)
    this.soundPill.lastElementChild!.textContent = texts.tapForSound
    this.pictures(view)
    this.arrange(view, keysChange)
    if (view.phase === "ended") this.sheet.close(false)
    this.sheet.say(texts)
    this.focus.show(view, keysChange)
    this.speak(view, before)
  }

  /** Nothing to see any more. */
  clear(): void {
    this.view = null
    this.swapped = false
    this.sheet.close(false)
    showStream(this.big, null)
    showStream(this.smallVideo, null)
    clearTimeout(this.speakTimer)
    this.spoken.textContent = ""
    this.focus.giveBack()
  }

  /** Lets go of the page. */
  dispose(): void {
    this.clear()
    this.sheet.dispose()
  }

  /** How loud the other one is, 0 to 100. */
  loudness(volume: number): void {
    this.avatar.style.setProperty("--level", (volume / 100).toFixed(2))
  }

  // --- parts ---

  private pictures(view: View): void {
    const { local, remote, phase } = view
    const bigIsLocal = remote === null ? phase !== "connected" : this.swapped
    const big = bigIsLocal ? local : remote
    const small = phase === "connected" ? (bigIsLocal ? remote : local) : null
    const mirror = (element: HTMLVideoElement, isLocal: boolean) => element.classList.toggle("mirror", isLocal && view.mirrored)
    showStream(this.big, big)
    showStream(this.smallVideo, small)
    mirror(this.big, bigIsLocal)
    mirror(this.smallVideo, !bigIsLocal)
    this.big.hidden = big === null
    this.small.hidden = small === null
    this.smallTag.textContent = bigIsLocal ? view.name : view.texts.you
    this.small.title = view.texts.swap
    this.small.setAttribute("aria-label", `${this.smallTag.textContent}: ${view.texts.swap}`)
    this.screen.classList.toggle("pictured", big !== null && phase !== "ended")
  }

  private arrange(view: View, keysChange: boolean): void {
    const { texts, phase, video } = view
    const { mic, camera, flip, voice, devices, end, answer } = this.keys
    mic.set(view.microphone ? "microphone" : "muted", view.microphone ? texts.mute : texts.unmute, "M", !view.microphone)
    camera.set(view.camera ? "camera" : "cameraOff", view.camera ? texts.cameraOff : texts.cameraOn, "V", !view.camera)
    flip.set("flip", texts.flip)
    voice.set("phone", texts.voice, undefined, false, texts.toVoice)
    devices.set("devices", texts.devices, "D")
    end.set("phone", phase === "ringing" ? texts.decline : phase === "calling" ? texts.cancel : texts.hangup, "Escape")
    answer.set("phone", texts.answer, "Enter")
    flip.button.hidden = !(video && view.canFlip && view.camera)
    voice.button.hidden = !view.canSwitch
    this.screen.classList.toggle("waiting", phase === "calling" || phase === "ringing")
    this.screen.classList.toggle("incoming", phase === "ringing")
    this.screen.classList.toggle("connected", phase === "connected")
    this.screen.classList.toggle("ended", phase === "ended")
    if (!keysChange && this.bar.childElementCount > 0) return
    const order = phase === "ringing" ? [end, answer] : video ? [mic, camera, end, flip, voice, devices] : [mic, end, devices]
    this.bar.replaceChildren(...order.map((key) => key.button))
  }

  private showNotices(view: View): void {
    const notices = view.phase === "ended" ? [] : view.notices
    const key = JSON.stringify(notices) + view.soundBlocked
    if (key === this.shownNotices) return
    this.shownNotices = key
    const pills: HTMLElement[] = notices.map((n) => make("div", n.warn ? "pill warn" : "pill", icon(n.icon), make("span", "", n.text)))
    if (view.soundBlocked) pills.unshift(this.soundPill)
    this.pills.replaceChildren(...pills)
  }

  /** The live region hears each new state once, and no seconds. */
  private speak(view: View, before: View | null): void {
    if (view.timing && before?.timing === true && view.notices.length === 0) return
    const reach = view.phase === "ringing" && view.modal && !this.focus.inside ? view.texts.reach : ""
    const parts = [view.name, view.timing ? "" : view.status, ...view.notices.map((n) => n.text), reach]
    const text = parts.filter((p) => p !== "").join(", ")
    clearTimeout(this.speakTimer)
    this.speakTimer = setTimeout(() => {
      if (this.spoken.textContent !== text) this.spoken.textContent = text
    }, SPEAK_MS)
  }

  private keyDown(event: KeyboardEvent): void {
    const { view } = this
    if (view === null) return
    const target = event.target
    const press = {
      key: event.key,
      repeat: event.repeat,
      modified: event.ctrlKey || event.metaKey || event.altKey,
      on: target instanceof HTMLSelectElement ? "choice" : target instanceof HTMLButtonElement ? "button" : "screen",
    } as const
    const act = keyAct(press, {
      phase: view.phase,
      forMs: performance.now() - this.since,
      video: view.video,
      sheetOpen: this.sheet.isOpen,
    })
    if (event.key === " " && act === "browser") this.spaceOn = target
    if (act === "browser") return
    event.preventDefault()
    event.stopPropagation()
    this.perform(act)
  }

  /** A button is pressed when Space goes up; one that went down elsewhere was meant for something else. */
  private keyUp(event: KeyboardEvent): void {
    if (event.key !== " ") return
    if (event.target !== this.spaceOn) event.preventDefault()
    this.spaceOn = null
  }

  private perform(act: KeyAct): void {
    if (act === "answer") this.actions.answer()
    else if (act === "leave") this.actions.leave()
    else if (act === "microphone") this.actions.toggleMicrophone()
    else if (act === "camera") this.actions.toggleCamera()
    else if (act === "devices") this.sheet.toggle()
    else if (act === "closeSheet") this.sheet.close(true)
  }
}

function picture(className: string): HTMLVideoElement {
  const element = make("video", className)
  element.autoplay = element.playsInline = true
  element.muted = true // sound has an element of its own
  return element
}
