/** What the call screen says, and what its keys do. */

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { ERROR_TEXTS, errorText } from "../src/element/error-texts.js"
import { MEANT_FOR_PAGE_MS, afterTab, isTyping, keyAct, takesFocus, type KeyPress, type KeyState } from "../src/element/keyboard.js"
import { endText } from "@tring/core"
import { texts } from "../src/element/texts.js"
import { DEVICE_ERRORS } from "../src/media/devices.js"

/** The members of a union of texts in a source file. */
function union(file: string, name: string): string[] {
  const source = readFileSync(new URL(`../../../core/src/${file}`, import.meta.url), "utf8")
  const text = new RegExp(`export type ${name} =([^;]*?)(;|\n\n)`).exec(source)?.[1] ?? ""
  return [...text.matchAll(/"([a-z_]+)"/g)].map((m) => m[1] ?? "")
}

test("every code that a user can meet has a Chinese and an English text", () => {
  const codes = [...union("protocol.ts", "ErrorCode"), ...union("errors.ts", "LocalErrorCode"), ...Object.values(DEVICE_ERRORS)]
  assert.ok(codes.length > 40, codes.join())
  for (const code of codes) {
    assert.match(errorText(code, "zh", ""), /^[\p{Script=Han}\p{P} a-zA-Z0-9]+$/u, `Chinese for ${code}`)
    assert.match(errorText(code, "zh", ""), /\p{Script=Han}/u, `Chinese for ${code}`)
    assert.match(errorText(code, "en", ""), /^[A-Z][\x20-\x7e]+$/, `English for ${code}`)
  }
  assert.equal(errorText("of_tomorrow", "zh", "what the server says"), "what the server says")
  assert.ok(Object.keys(ERROR_TEXTS).length >= codes.length)
})

test("both languages say the same things, and differ", () => {
  const [zh, en] = [texts("zh"), texts("en")] as unknown as [Record<string, unknown>, Record<string, unknown>]
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort())
  for (const [name, text] of Object.entries(zh)) assert.notEqual(text, en[name], name)
})

test("the end of a call is told from this side", () => {
  const t = texts("en")
  const end = { reason: "hangup", mine: false, role: "caller", connected: true, seconds: 65 } as const
  assert.equal(endText(t, end), "The other side hung up · 00:01:05")
  assert.equal(endText(t, { ...end, mine: true }), "Call ended · 00:01:05")
  assert.equal(endText(t, { ...end, reason: "lost" }), "Connection lost, call ended · 00:01:05")
  const unanswered = { ...end, connected: false, seconds: 0 }
  assert.equal(endText(t, { ...unanswered, reason: "reject" }), "Call declined")
  assert.equal(endText(t, { ...unanswered, reason: "timeout", role: "callee" }), "Missed call")
})

// --- keys ---

const press: KeyPress = { key: "Enter", repeat: false, modified: false, on: "screen" }
const ringing: KeyState = { phase: "ringing", forMs: 2000, video: true, sheetOpen: false }
const connected: KeyState = { ...ringing, phase: "connected" }

test("a fresh Enter answers and Escape refuses; a key that was meant for the page does nothing", () => {
  assert.equal(keyAct(press, ringing), "answer")
  assert.equal(keyAct({ ...press, key: "Escape" }, ringing), "leave")
  assert.equal(keyAct({ ...press, on: "button" }, ringing), "browser", "the button that has the focus is pressed")
  assert.equal(keyAct({ ...press, key: " " }, ringing), "browser", "on the screen itself, Space is nothing")
  const atOnce = { ...ringing, forMs: MEANT_FOR_PAGE_MS - 1 }
  for (const key of ["Enter", " ", "Escape"]) {
    for (const on of ["screen", "button"] as const) assert.equal(keyAct({ ...press, key, on }, atOnce), "nothing")
  }
})

test("a key that is held presses nothing, whatever has the focus by now", () => {
  for (const state of [ringing, connected, { ...connected, phase: "calling" as const }]) {
    for (const key of ["Enter", " ", "Escape"]) {
      for (const on of ["screen", "button"] as const) {
        assert.equal(keyAct({ ...press, key, on, repeat: true }, state), "nothing", `${key} on ${on}, ${state.phase}`)
      }
    }
  }
  assert.equal(keyAct({ ...press, key: "m", repeat: true }, connected), "browser")
})

test("letters switch devices while they talk, and only there", () => {
  assert.equal(keyAct({ ...press, key: "M" }, connected), "microphone")
  assert.equal(keyAct({ ...press, key: "v" }, connected), "camera")
  assert.equal(keyAct({ ...press, key: "v" }, { ...connected, video: false }), "browser")
  assert.equal(keyAct({ ...press, key: "d" }, connected), "devices")
  assert.equal(keyAct({ ...press, key: "m" }, ringing), "browser")
  assert.equal(keyAct({ ...press, key: "m", modified: true }, connected), "browser")
  assert.equal(keyAct({ ...press, key: "Escape" }, { ...connected, sheetOpen: true }), "closeSheet")
  assert.equal(keyAct({ ...press, key: "Escape", on: "choice" }, { ...connected, sheetOpen: true }), "closeSheet")
  assert.equal(keyAct({ ...press, key: "Enter", on: "choice" }, ringing), "browser")
  assert.equal(keyAct(press, { ...connected, phase: "ended" }), "browser")
})

const element = (localName: string, more: object = {}) => ({ localName, getAttribute: () => null, ...more })

test("a call takes no focus from where somebody types", () => {
  const typed = [
    element("input", { type: "text" }),
    element("input", { type: "search" }),
    element("textarea"),
    element("select"),
    element("iframe"),
    element("div", { isContentEditable: true }),
    element("div", { getAttribute: () => "textbox" }),
  ]
  for (const focused of typed) {
    assert.equal(isTyping(focused), true, focused.localName)
    for (const modal of [true, false]) {
      assert.equal(takesFocus({ focused, inside: false, modal, phase: "ringing" }), false)
    }
  }
  assert.equal(isTyping(element("input", { type: "checkbox" })), false)
  assert.equal(isTyping(element("button")), false)
})

test("a screen that covers the page takes the focus; one beside it only for a call of the user's own", () => {
  const button = element("button")
  assert.equal(takesFocus({ focused: button, inside: false, modal: true, phase: "ringing" }), true)
  assert.equal(takesFocus({ focused: button, inside: false, modal: false, phase: "ringing" }), false)
  assert.equal(takesFocus({ focused: button, inside: false, modal: false, phase: "calling" }), true)
  assert.equal(takesFocus({ focused: null, inside: false, modal: false, phase: "ringing" }), true)
  assert.equal(takesFocus({ focused: button, inside: true, modal: false, phase: "connected" }), true)
  assert.equal(takesFocus({ focused: null, inside: false, modal: true, phase: "ended" }), false)
})

test("Tab goes round inside a screen that covers the page", () => {
  const stops = ["a", "b", "c"]
  assert.equal(afterTab(stops, "c", false), "a")
  assert.equal(afterTab(stops, "a", true), "c")
  assert.equal(afterTab(stops, "b", false), null)
  assert.equal(afterTab(stops, null, false), null)
  assert.equal(afterTab(stops, null, true), "c")
  assert.equal(afterTab([], null, true), null)
})
