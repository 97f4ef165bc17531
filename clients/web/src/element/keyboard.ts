/**
 * Which key does what on the call screen, and whose focus it may take.
 *
 * A call comes while somebody types. So a ring takes no focus from a text field, it never puts the focus on a button, and
 * only a key that was pressed for it (not one that is held, nor one that was meant for the page) does anything.
 */

/** Keys pressed within this after the ring has begun were meant for the page, ms. Higher: fewer calls are answered by
 * accident. Lower: a quick user need not press twice. */
export const MEANT_FOR_PAGE_MS = 400

/** A key went down on the screen. */
export interface KeyPress {
  key: string
  /** It is held. */
  repeat: boolean
  /** With Ctrl, Alt or the command key. */
  modified: boolean
  on: "screen" | "button" | "choice"
}

/** What matters of the screen. */
export interface KeyState {
  phase: "calling" | "ringing" | "connected" | "ended"
  /** How long it has been in this phase, ms. */
  forMs: number
  video: boolean
  sheetOpen: boolean
}

export type KeyAct =
  | "answer"
  | "leave"
  | "microphone"
  | "camera"
  | "devices"
  | "closeSheet"
  /** Nothing may come of it, a click of a button neither. */
  | "nothing"
  /** The browser's: typing, moving the focus, pressing the button that has it. */
  | "browser"

/** What comes of a key. */
export function keyAct(press: KeyPress, state: KeyState): KeyAct {
  const key = press.key.toLowerCase()
  const presses = key === "enter" || key === " "
  if (press.modified || state.phase === "ended") return "browser"
  if (press.on === "choice") return key === "escape" ? "closeSheet" : "browser"
  if (press.repeat) return presses || key === "escape" ? "nothing" : "browser"
  const ringing = state.phase === "ringing"
  if (ringing && state.forMs < MEANT_FOR_PAGE_MS && (presses || key === "escape")) return "nothing"
  switch (key) {
    case "escape":
      return state.sheetOpen ? "closeSheet" : "leave"
    case "enter":
      return ringing && press.on === "screen" ? "answer" : "browser"
    case "m":
      return ringing ? "browser" : "microphone"
    case "v":
      return ringing || !state.video ? "browser" : "camera"
    case "d":
      return ringing ? "browser" : "devices"
    default:
      return "browser"
  }
}

/** What matters of an element that has the focus. */
export interface Focused {
  readonly localName: string
  readonly type?: unknown
  readonly isContentEditable?: boolean
  getAttribute(name: string): string | null
}

/** Inputs into which nobody types. */
const BUTTONS = ["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"]

/** True if a user types there, or may: a frame does not tell. */
export function isTyping(focused: Focused | null): boolean {
  if (focused === null) return false
  const { localName } = focused
  if (localName === "input") return !BUTTONS.includes(String(focused.type))
  if (localName === "textarea" || localName === "select" || localName === "iframe" || localName === "embed") return true
  return focused.isContentEditable === true || /^(textbox|searchbox|combobox)$/.test(focused.getAttribute("role") ?? "")
}

/** May the call screen take the focus now? */
export function takesFocus(now: {
  /** What has the focus, null for nothing. */
  focused: Focused | null
  /** That is inside the call screen. */
  inside: boolean
  /** The screen covers the page. */
  modal: boolean
  phase: KeyState["phase"]
}): boolean {
  if (now.phase === "ended") return false
  if (now.inside || now.focused === null) return true
  if (isTyping(now.focused)) return false
  // Beside the page's own things, only a call that the user has just asked for comes first.
  return now.modal || now.phase === "calling"
}

/** The focus after Tab inside a screen that covers the page: it goes round. Null: the browser moves it. */
export function afterTab<E>(stops: readonly E[], focused: E | null, backwards: boolean): E | null {
  const first = stops[0]
  const last = stops[stops.length - 1]
  if (first === undefined || last === undefined) return null
  const at = focused === null ? -1 : stops.indexOf(focused)
  if (backwards) return at <= 0 ? last : null
  return at === stops.length - 1 ? first : null
}
