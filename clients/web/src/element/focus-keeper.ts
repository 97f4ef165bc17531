/** The focus on the call screen: taken when it may be, kept inside while the screen covers the page, and given back. */

import { afterTab, takesFocus, type KeyState } from "./keyboard.js"

/** Something on the screen that comes before the rest while it is open. */
export interface Layer {
  readonly element: HTMLElement
  readonly isOpen: boolean
}

/** Takes the focus for the call screen, keeps it inside while the screen covers the page, and gives it back. */
export class FocusKeeper {
  private before: HTMLElement | null = null
  private shown: { modal: boolean; phase: KeyState["phase"] } | null = null
  private readonly onTab = (event: KeyboardEvent) => this.tab(event)
  private readonly onMove = () => this.describe()

  constructor(
    private readonly root: ShadowRoot,
    private readonly screen: HTMLElement,
    private readonly layer: Layer,
  ) {}

  /** The focus is on the screen. */
  get inside(): boolean {
    return this.root.activeElement !== null
  }

  /** The screen shows this. */
  show(now: { modal: boolean; phase: KeyState["phase"] }, phaseChanged: boolean): void {
    const first = this.shown === null
    this.shown = { modal: now.modal, phase: now.phase }
    if (first) {
      document.addEventListener("keydown", this.onTab, true)
      document.addEventListener("focusin", this.onMove)
    }
    if (phaseChanged) {
      const focused = focusedElement()
      if (first) this.before = focused
      // On the screen, never on a button: a key that was meant for the page, or is still held, must not press one.
      if (takesFocus({ focused, inside: this.inside, ...this.shown })) this.screen.focus({ preventScroll: true })
    }
    this.describe()
  }

  /** The screen is gone. */
  giveBack(): void {
    if (this.shown === null) return
    const { before, inside } = this
    this.shown = this.before = null
    document.removeEventListener("keydown", this.onTab, true)
    document.removeEventListener("focusin", this.onMove)
    if (inside || focusedElement() === null) before?.focus({ preventScroll: true })
  }

  /** A dialog only while the focus is in it: what has the focus must not be hidden from a screen reader. */
  private describe(): void {
    if (this.shown === null) return
    const { modal, phase } = this.shown
    this.screen.setAttribute("role", !modal ? "region" : phase === "ringing" ? "alertdialog" : "dialog")
    if (modal && this.inside) this.screen.setAttribute("aria-modal", "true")
    else this.screen.removeAttribute("aria-modal")
  }

  /** Behind a screen that covers the page nothing is to be reached: Tab leads to it and goes round in it. */
  private tab(event: KeyboardEvent): void {
    const covered = this.shown !== null && this.shown.modal && this.shown.phase !== "ended"
    if (!covered || event.key !== "Tab" || event.ctrlKey || event.metaKey || event.altKey) return
    const stops = this.stops()
    const target = this.inside ? afterTab(stops, this.root.activeElement, event.shiftKey) : this.screen
    if (target === null) return
    event.preventDefault()
    ;(target as HTMLElement).focus({ preventScroll: true })
  }

  private stops(): Element[] {
    const within = this.layer.isOpen ? this.layer.element : this.screen
    return Array.from(within.querySelectorAll<HTMLElement>("button, select")).filter((e) => e.offsetParent !== null)
  }
}

/** What has the focus, in whatever shadow tree; null for nothing in particular. */
function focusedElement(): HTMLElement | null {
  let element = document.activeElement
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
  const nothing = element === document.body || element === document.documentElement
  return element instanceof HTMLElement && !nothing ? element : null
}
