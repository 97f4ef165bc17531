/** Leads a device to trust the server's local CA, says whether it does, and goes on to the call page when it does. */

import { check, type Trust } from "./check.js"
import { PLATFORMS, textsOf, type Download, type PageLanguage, type Platform, type Texts } from "./texts.js"

/** How long the page stays when all is well already, in milliseconds: to read why it goes on, and to say no. */
const FORWARD_MS = 2500

interface Facts {
  name: string
  fingerprint: string
  httpsPort: number
  then: string | null
}

type State = "asking" | "trusted" | "half" | "untrusted" | "away" | "missing"

const by = <T extends HTMLElement>(id: string) => document.getElementById(id) as T

function platform(): Platform {
  const { userAgent: agent, maxTouchPoints } = navigator
  // An iPad calls itself a Mac, but has a touch screen.
  if (/iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && maxTouchPoints > 1)) return "ios"
  if (/Android/.test(agent)) return "android"
  if (/Firefox\//.test(agent)) return "firefox"
  if (/Windows/.test(agent)) return "windows"
  return /Macintosh/.test(agent) ? "macos" : "linux"
}

class Page {
  private language: PageLanguage = (localStorage.getItem("tring-language") ?? navigator.language).startsWith("zh") ? "zh" : "en"
  private state: State = "asking"
  private trust: Trust | undefined
  private facts: Facts | undefined
  private forward: ReturnType<typeof setTimeout> | undefined
  private first = true

  private get t(): Texts {
    return textsOf(this.language)
  }

  /** Where the secure port is, as this device reaches the server. */
  private get host(): string {
    return `${location.hostname}:${this.facts?.httpsPort ?? 443}`
  }

  async start(): Promise<void> {
    this.drawPlatforms()
    for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
      button.addEventListener("click", () => {
        this.language = button.dataset["language"] as PageLanguage
        localStorage.setItem("tring-language", this.language)
        this.sayAll()
      })
    }
    by("again").addEventListener("click", () => void this.ask())
    by("stay").addEventListener("click", () => this.halt())
    // Whoever comes back from the settings should not have to look for a button.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.state !== "trusted") void this.ask()
    })
    this.sayAll()
    const response = await fetch("/install/facts.json").catch(() => null)
    if (response === null || !response.ok) {
      this.state = response?.status === 404 ? "missing" : "away"
      return this.say()
    }
    this.facts = (await response.json()) as Facts
    by("name").textContent = this.facts.name
    // Broken between bytes only.
    const bytes = this.facts.fingerprint.split(":")
    by("fingerprint").replaceChildren(...bytes.flatMap((byte, n) => [n + 1 < bytes.length ? `${byte}:` : byte, document.createElement("wbr")]))
    await this.ask()
  }

  private async ask(): Promise<void> {
    if (this.facts === undefined || (this.state === "asking" && !this.first)) return
    this.state = "asking"
    this.trust = undefined
    this.say()
    const trust = await check(this.host)
    this.trust = trust
    this.state = trust.page && trust.socket ? "trusted" : trust.page ? "half" : trust.away ? "away" : "untrusted"
    // Only where somebody is to be led on, and has not asked to read this page.
    if (this.state === "trusted" && this.facts.then !== null && !new URLSearchParams(location.search).has("stay")) {
      this.forward = setTimeout(() => location.assign(this.target()), FORWARD_MS)
    }
    this.first = false
    this.say()
  }

  private halt(): void {
    clearTimeout(this.forward)
    this.forward = undefined
    this.say()
    by("go").focus()
  }

  private target(): string {
    return `https://${this.host}${this.facts?.then ?? "/"}`
  }

  /** In the language chosen: also what a check does not change, so that no check takes the focus away. */
  private sayAll(): void {
    const t = this.t
    document.documentElement.lang = this.language === "zh" ? "zh-CN" : "en"
    document.title = `${t.title} · Tring`
    for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
      element.textContent = t[element.dataset["text"] as "title"]
    }
    by("languages").setAttribute("aria-label", t.languages)
    for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset["language"] === this.language))
    }
    for (const details of document.querySelectorAll<HTMLElement>("details")) this.sayPlatform(details, t)
    this.say()
  }

  private say(): void {
    const t = this.t
    by("status").dataset["state"] = this.state
    by("verdict").textContent = t[this.state]
    this.sayCheck(by("page"), this.trust?.page, t.pageAsk, t.pageYes, t.pageNo)
    this.sayCheck(by("socket"), this.trust?.socket, t.socketAsk, t.socketYes, t.socketNo)
    by("advice").textContent = this.advice(t)
    const go = by<HTMLAnchorElement>("go")
    go.hidden = this.state !== "trusted" || this.facts?.then == null
    go.textContent = t.go
    go.href = this.target()
    by("stay").hidden = this.forward === undefined
    by("again").hidden = this.state === "asking" || this.state === "trusted" || this.state === "missing"
    by("guide").hidden = this.state === "missing"
  }

  private advice(t: Texts): string {
    switch (this.state) {
      case "untrusted":
      case "half":
        return t.adviceUntrusted
      case "away":
        return t.adviceAway + this.host
      case "trusted":
        return this.forward === undefined ? "" : t.adviceForward
      default:
        return ""
    }
  }

  private sayCheck(item: HTMLElement, yes: boolean | undefined, ask: string, opens: string, refused: string): void {
    item.className = yes === undefined ? "" : yes ? "yes" : "no"
    item.hidden = this.state === "away" || this.state === "missing"
    const text = item.querySelector("span") as HTMLElement
    text.textContent = yes === undefined ? ask : yes ? opens : refused
  }

  private drawPlatforms(): void {
    const here = platform()
    const order = [here, ...PLATFORMS.filter((name) => name !== here)]
    by("platforms").replaceChildren(
      ...order.map((name) => {
        const details = document.createElement("details")
        details.dataset["platform"] = name
        details.open = name === here
        const steps = document.createElement("ol")
        steps.className = "steps"
        details.append(document.createElement("summary"), steps)
        return details
      }),
    )
  }

  private sayPlatform(details: HTMLElement, t: Texts): void {
    const name = details.dataset["platform"] as Platform
    const summary = details.querySelector("summary") as HTMLElement
    summary.textContent = t.names[name]
    if (name === platform()) {
      const here = document.createElement("small")
      here.textContent = t.here
      summary.append(here)
    }
    const steps = t.steps[name].map(([text, download]) => {
      const item = document.createElement("li")
      const body = document.createElement("p")
      body.textContent = text
      if (download !== undefined) body.append(document.createElement("br"), this.link(download, t))
      item.append(body)
      return item
    })
    details.querySelector("ol")?.replaceChildren(...steps)
  }

  private link(download: Download, t: Texts): HTMLElement {
    const link = document.createElement("a")
    link.className = "button primary"
    link.href = `/install/tring-ca.${download}`
    link.textContent = download === "crt" ? t.download : t.profile
    return link
  }
}

void new Page().start()
