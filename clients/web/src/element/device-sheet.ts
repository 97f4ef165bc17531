/** The sheet that chooses microphone, camera and loudspeaker. */

import type { DeviceChoice } from "../media/devices.js"
import { make } from "./dom.js"
import { icon } from "./icons.js"
import type { Texts } from "./texts.js"

/** What can be chosen, and what is in use. An empty list is not shown. */
export interface DeviceLists {
  audio: DeviceChoice[]
  video: DeviceChoice[]
  speaker: DeviceChoice[]
  current: { audio: string; video: string; speaker: string }
}

export type DeviceKind = "audio" | "video" | "speaker"
const KINDS: DeviceKind[] = ["audio", "video", "speaker"]

/** Lists microphones, cameras and loudspeakers to choose from, while it is open. */
export class DeviceSheet {
  readonly element = make("section", "sheet")
  private readonly title = make("span", "")
  private readonly closer = make("button", "close", icon("close"))
  private readonly rows: Record<DeviceKind, { label: HTMLLabelElement; caption: HTMLSpanElement; select: HTMLSelectElement }>
  private standard = ""
  private readonly refill = () => void this.fill()

  /** `opener` is the button that opens it. */
  constructor(
    private readonly list: () => Promise<DeviceLists>,
    choose: (kind: DeviceKind, id: string) => Promise<void>,
    private readonly opener: HTMLButtonElement,
  ) {
    const row = (kind: DeviceKind) => {
      const caption = make("span", "")
      const select = make("select", "")
      // What is in use afterwards, which is the old one if the new one cannot be had.
      select.addEventListener("change", () => void choose(kind, select.value).then(this.refill))
      return { label: make("label", "", caption, select), caption, select }
    }
    this.rows = { audio: row("audio"), video: row("video"), speaker: row("speaker") }
    this.closer.type = "button"
    this.closer.addEventListener("click", () => this.close(true))
    this.element.append(make("header", "", this.title, this.closer), ...KINDS.map((k) => this.rows[k].label))
    this.element.setAttribute("role", "dialog")
    this.element.hidden = true
    opener.setAttribute("aria-haspopup", "dialog")
    opener.setAttribute("aria-expanded", "false")
  }

  get isOpen(): boolean {
    return !this.element.hidden
  }

  /** In these words. */
  say(texts: Texts): void {
    this.title.textContent = texts.devices
    this.closer.title = texts.close
    this.closer.setAttribute("aria-label", texts.close)
    this.element.setAttribute("aria-label", texts.devices)
    this.rows.audio.caption.textContent = texts.microphone
    this.rows.video.caption.textContent = texts.camera
    this.rows.speaker.caption.textContent = texts.speaker
    this.standard = texts.standard
  }

  toggle(): void {
    if (this.isOpen) return this.close(true)
    this.element.hidden = false
    this.opener.setAttribute("aria-expanded", "true")
    this.closer.focus({ preventScroll: true })
    navigator.mediaDevices?.addEventListener("devicechange", this.refill)
    this.refill()
  }

  /** `focus`: give it back to the button that opened it. */
  close(focus: boolean): void {
    if (!this.isOpen) return
    this.element.hidden = true
    this.opener.setAttribute("aria-expanded", "false")
    navigator.mediaDevices?.removeEventListener("devicechange", this.refill)
    if (focus) this.opener.focus({ preventScroll: true })
  }

  /** Lets go of the page. */
  dispose(): void {
    this.close(false)
  }

  private async fill(): Promise<void> {
    const lists = await this.list().catch(() => null)
    if (lists === null) return
    for (const kind of KINDS) {
      const { label, select } = this.rows[kind]
      const choices = lists[kind]
      label.hidden = choices.length === 0
      select.replaceChildren(
        ...choices.map((choice, n) => {
          const option = make("option", "", choice.label || `${this.standard} ${n + 1}`)
          option.value = choice.deviceId
          option.selected = choice.deviceId === lists.current[kind]
          return option
        }),
      )
    }
  }
}
