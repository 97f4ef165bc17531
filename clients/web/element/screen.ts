/** The call screen: a view in, pixels out. It knows nothing of calls but what the view says. */

import { make, Key, showStream } from "./dom.js"
import { icon, type IconName } from "./icons.js"
import { STYLE } from "./style.js"
import type { Texts } from "./texts.js"
import { DeviceSheet, type DeviceLists } from "./device-sheet.js"

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
  playSound(): void
  listDevices(): Promise<DeviceLists>
  chooseDevice(kind: "audio" | "video" | "speaker", id: string): void
}

/** See the head of this file. */
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
  private readonly keys: { mic: Key; camera: Key; flip: Key; devices: Key; end: Key; answer: Key }
  private readonly sheet: DeviceSheet
  private swapped = false
  private view: View | null = null
  private shownNotices = ""
  private focusBefore: HTMLElement | null = null

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
      devices: new Key("devices", () => void this.sheet.open()),
      end: new Key("end", () => actions.leave()),
      answer: new Key("answer", () => actions.answer()),
    }
    this.sheet = new DeviceSheet(
      () => actions.listDevices(),
      (kind, id) => actions.chooseDevice(kind, id),
      () => this.keys.devices.button.focus({ preventScroll: true }),
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
    root.append(style, this.screen)
  }

  /** Shows a view. */
  render(view: View): void {
    const before = this.view
    const phaseChanged = before?.phase !== view.phase
    if (phaseChanged && view.phase !== "connected") this.swapped = false
    this.view = view
    const { texts } = view
    this.screen.setAttribute("role", view.phase === "ringing" ? "alertdialog" : "dialog")
    this.screen.setAttribute("aria-label", `${texts.screen}: ${view.name}`)
    this.screen.style.setProperty("--hue", String(hueOf(view.name)))
    this.name.textContent = view.name
    this.avatar.textContent = initials(view.name)
    this.status.textContent = view.status
    this.status.classList.toggle("timing", view.timing)
    this.speak(view, before)
    this.showNotices(view)
    this.soundPill.lastElementChild!.textContent = texts.tapForSound
    this.pictures(view)
    this.arrange(view, phaseChanged)
    if (view.phase === "ended") this.sheet.close(false)
    this.sheet.say(texts)
    if (phaseChanged) this.moveFocus(view, before)
  }

  /** Nothing to see any more. */
  clear(): void {
    this.view = null
    this.swapped = false
    this.sheet.close(false)
    showStream(this.big, null)
    showStream(this.smallVideo, null)
    this.spoken.textContent = ""
    this.focusBefore?.focus({ preventScroll: true })
    this.focusBefore = null
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
    this.small.title = view.texts.swap
    this.small.setAttribute("aria-label", view.texts.swap)
    this.smallTag.textContent = bigIsLocal ? view.name : view.texts.you
    this.screen.classList.toggle("pictured", big !== null && phase !== "ended")
  }

  private arrange(view: View, phaseChanged: boolean): void {
    const { texts, phase, video } = view
    const { mic, camera, flip, devices, end, answer } = this.keys
    mic.set(view.microphone ? "microphone" : "muted", view.microphone ? texts.mute : texts.unmute, "M")
    mic.pressed(!view.microphone)
    camera.set(view.camera ? "camera" : "cameraOff", view.camera ? texts.cameraOff : texts.cameraOn, "V")
    camera.pressed(!view.camera)
    flip.set("flip", texts.flip)
    devices.set("devices", texts.devices, "D")
    end.set("phone", phase === "ringing" ? texts.decline : phase === "calling" ? texts.cancel : texts.hangup, "Escape")
    answer.set("phone", texts.answer, "Enter")
    flip.button.hidden = !(video && view.canFlip && view.camera)
    this.screen.classList.toggle("waiting", phase === "calling" || phase === "ringing")
    this.screen.classList.toggle("incoming", phase === "ringing")
    this.screen.classList.toggle("connected", phase === "connected")
    this.screen.classList.toggle("ended", phase === "ended")
    if (!phaseChanged && this.bar.childElementCount > 0) return
    const order = phase === "ringing" ? [end, answer] : video ? [mic, camera, end, flip, devices] : [mic, end, devices]
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
    const parts = [view.name, view.timing ? "" : view.status, ...view.notices.map((n) => n.text)]
    const text = parts.filter((p) => p !== "").join(", ")
    if (view.timing && before?.timing === true && view.notices.length === 0) return
    if (this.spoken.textContent !== text) this.spoken.textContent = text
  }

  private moveFocus(view: View, before: View | null): void {
    if (before === null) {
      const active = document.activeElement
      this.focusBefore = active instanceof HTMLElement && active !== document.body ? active : null
    }
    if (view.phase === "ringing") this.keys.answer.button.focus({ preventScroll: true })
    else if (view.phase !== "ended") this.keys.end.button.focus({ preventScroll: true })
  }

  private keyDown(event: KeyboardEvent): void {
    const view = this.view
    if (view === null || view.phase === "ended" || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target instanceof HTMLSelectElement) {
      if (event.key === "Escape") this.sheet.close(true)
      return
    }
    const act: { [key: string]: (() => void) | undefined } = {
      escape: () => (this.sheet.isOpen ? this.sheet.close(true) : this.actions.leave()),
      enter: view.phase === "ringing" && event.target === this.screen ? () => this.actions.answer() : undefined,
      m: view.phase === "ringing" ? undefined : () => this.actions.toggleMicrophone(),
      v: view.phase === "ringing" || !view.video ? undefined : () => this.actions.toggleCamera(),
      d: view.phase === "ringing" ? undefined : () => void this.sheet.open(),
    }
    const found = act[event.key.toLowerCase()]
    if (found === undefined || event.repeat) return
    event.preventDefault()
    event.stopPropagation()
    found()
  }
}

function picture(className: string): HTMLVideoElement {
  const element = make("video", className)
  element.autoplay = element.playsInline = true
  element.muted = true // sound has an element of its own
  return element
}

/** One or two letters that stand for a name. */
function initials(name: string): string {
  const words = name.trim().split(/[\s_.-]+/).filter((w) => w !== "")
  const first = Array.from(words[0] ?? "?")
  if (/\p{Script=Han}/u.test(name)) return Array.from(name).slice(-2).join("")
  const second = words.length > 1 ? Array.from(words[words.length - 1] ?? "")[0] ?? "" : ""
  return ((first[0] ?? "?") + second).toUpperCase()
}

/** A name's own colour, degrees: names that differ little stand far apart. */
function hueOf(name: string): number {
  let hash = 7
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 9973
  return Math.round((hash * 137.508) % 360)
}
