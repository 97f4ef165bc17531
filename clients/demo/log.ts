/** The list of events that a page heard, newest first. */

import type { DemoTexts } from "./texts.js"

/** Entries kept; older ones fall off the end. */
const MOST = 200

const GOOD = new Set(["SDK_READY", "USER_ENTER", "USER_ACCEPT"])
const BAD = new Set(["ERROR", "KICKED_OUT"])
const WARN = new Set(["REJECT", "LINE_BUSY", "NO_RESP", "CALLING_TIMEOUT", "CALLING_CANCEL"])

export class EventLog {
  readonly element = document.createElement("aside")
  private readonly title = document.createElement("span")
  private readonly clear = document.createElement("button")
  private readonly entries = document.createElement("ol")

  constructor() {
    this.element.className = "log"
    this.entries.className = "entries"
    this.entries.tabIndex = 0
    this.clear.type = "button"
    this.clear.addEventListener("click", () => this.entries.replaceChildren())
    const header = document.createElement("header")
    header.append(this.title, this.clear)
    this.element.append(header, this.entries)
  }

  say(t: DemoTexts): void {
    this.title.textContent = t.log
    this.clear.textContent = t.clear
    this.entries.dataset["empty"] = t.empty
    this.entries.setAttribute("aria-label", t.log)
  }

  add(name: string, data: unknown): void {
    const entry = document.createElement("li")
    if (GOOD.has(name)) entry.className = "good"
    else if (BAD.has(name)) entry.className = "bad"
    else if (WARN.has(name)) entry.className = "warn"
    const row = document.createElement("div")
    row.className = "row"
    const title = document.createElement("b")
    title.textContent = name
    const time = document.createElement("time")
    time.textContent = new Date().toLocaleTimeString("en-GB")
    row.append(title, time)
    entry.append(row)
    if (data !== undefined) entry.append(details(data))
    this.entries.prepend(entry)
    while (this.entries.childElementCount > MOST) this.entries.lastElementChild?.remove()
  }
}

function details(data: unknown): HTMLElement {
  const element = document.createElement("details")
  const summary = document.createElement("summary")
  summary.textContent = brief(data)
  const text = document.createElement("pre")
  text.textContent = JSON.stringify(data, null, 2)
  element.append(summary, text)
  return element
}

/** What says most. */
function brief(data: unknown): string {
  if (typeof data !== "object" || data === null) return String(data)
  const fields = data as { [key: string]: unknown }
  const qualities = fields["networkQualityList"]
  if (Array.isArray(qualities)) {
    return (qualities as { userID: string; quality: number }[]).map((q) => `${q.userID} · ${q.quality}`).join(", ")
  }
  const available = fields["isAudioAvailable"] ?? fields["isVideoAvailable"]
  const who = fields["userID"] ?? fields["sponsor"] ?? fields["timeoutUserList"]
  const rest = available === undefined ? (fields["reason"] ?? fields["code"]) : available === true ? "on" : "off"
  const seconds = fields["callEnd"] === undefined ? undefined : `${String(fields["callEnd"])} s`
  return (
    [who, rest, seconds]
      .filter((part) => part !== undefined)
      .map(String)
      .join(" · ") || "…"
  )
}
