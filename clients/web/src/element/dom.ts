/** Helpers to build a screen. */

import { icon, type IconName } from "./icons.js"

/** A new HTML element with a class and children. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, ...children: Array<Node | string>): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (className !== "") element.className = className
  element.append(...children)
  return element
}

/** A round button with an icon and a caption, which says what a press does: so it has no pressed state besides. */
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

  /** What it shows. `shortcut` is the key that does the same; `off` paints a device that is off; `whole` is the name where the
   * caption has no room for it. */
  set(name: IconName, caption: string, shortcut?: string, off = false, whole = caption): void {
    if (this.shown !== name) this.disc.replaceChildren(icon(name))
    this.shown = name
    if (this.label.textContent !== caption) this.label.textContent = caption
    this.button.classList.toggle("off", off)
    this.button.title = shortcut === undefined ? whole : `${whole} (${shortcut})`
    // The caption may be hidden on a small screen; the name stays.
    this.button.setAttribute("aria-label", whole)
    if (shortcut !== undefined) this.button.setAttribute("aria-keyshortcuts", shortcut)
  }
}
