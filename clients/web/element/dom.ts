/** Two helpers to build a screen. */

import { icon, type IconName } from "./icons.js"

/** A new HTML element with a class and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: Array<Node | string>
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (className !== "") element.className = className
  element.append(...children)
  return element
}

/** A round button with an icon and a caption. */
export class Key {
  readonly button: HTMLButtonElement
  private readonly disc = make("span", "disc")
  private readonly label = make("span", "label")
  private shown: IconName | null = null

  constructor(kind: string, press: () => void) {
    this.button = make("button", `key ${kind}`, this.disc, this.label)
    this.button.type = "button"
    this.button.addEventListener("click", press)
  }

  /** What it shows. `shortcut` is the key that does the same. */
  set(name: IconName, caption: string, shortcut?: string): void {
    if (this.shown !== name) this.disc.replaceChildren(icon(name))
    this.shown = name
    if (this.label.textContent !== caption) this.label.textContent = caption
    this.button.title = shortcut === undefined ? caption : `${caption} (${shortcut})`
    if (shortcut !== undefined) this.button.setAttribute("aria-keyshortcuts", shortcut)
  }

  /** For switches. */
  pressed(on: boolean): void {
    this.button.setAttribute("aria-pressed", String(on))
  }
}

/** Shows a stream; keeps the picture if it is the same one. */
export function showStream(video: HTMLVideoElement, stream: MediaStream | null): void {
  const now = video.srcObject instanceof MediaStream ? video.srcObject : null
  const tracks = (s: MediaStream | null) => (s === null ? "" : s.getTracks().map((t) => t.id).join())
  if (tracks(now) !== tracks(stream)) video.srcObject = stream
}
