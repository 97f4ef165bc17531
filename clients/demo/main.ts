/** The demo page: each phone is a `<trtc-calling>` of its own, driven as an app would drive it. */

// The SDK's modules, from where the server has them: the build writes their addresses.
import { errorText, type GuideCallback, type TRTCCallingElement } from "@tring/web/define"
import { hueOf } from "@tring/core"
import { make } from "@tring/web/dom"
import { drawn, icon } from "@tring/web/icons"
import { EventLog } from "./log.js"
import { demoTexts, type DemoLanguage, type DemoTexts } from "./texts.js"

interface Config {
  sdkAppID: number
  users: string[]
  /** Null: the server has no HTTPS port of its own. */
  httpsPort: number | null
  /** Its certificate is of a CA that this device must be told to trust: `/install` leads there. */
  localCa: boolean
}

/** A window with an arrow out of it. */
const WINDOW = "M13.500 4.500h6v6M19.500 4.500l-8 8M10 5.500H6a1.500 1.500 0 0 0-1.500 1.500v11A1.500 1.500 0 0 0 6 19.500h11a1.500 1.500 0 0 0 1.500-1.500v-4"

function face(userID: string): HTMLElement {
  const element = make("div", "face", (Array.from(userID)[0] ?? "?").toUpperCase())
  element.style.setProperty("--hue", String(hueOf(userID)))
  return element
}

/** One phone with its log. */
class DemoPhone {
  readonly desk = make("section", "desk")
  private readonly calling = document.createElement("trtc-calling") as TRTCCallingElement
  private readonly state = make("div", "state")
  private readonly stateText = make("span", "")
  private readonly meLine = make("div", "meline")
  private readonly toast = make("div", "toast")
  private readonly dials: Array<{ button: HTMLButtonElement; video: boolean; to: string }> = []
  private readonly listen = make("button", "")
  private readonly other = make("a", "")
  private readonly again = make("button", "")
  private readonly log = new EventLog()
  private t: DemoTexts = demoTexts("en")
  private language: DemoLanguage = "en"

  constructor(
    readonly userID: string,
    private readonly config: Config,
    private readonly alone: boolean,
  ) {
    const glass = make("div", "glass")
    glass.style.setProperty("--hue", String(hueOf(userID)))
    const idle = make("div", "idle")
    const contacts = make("ul", "contacts")
    for (const to of config.users.filter((u) => u !== userID)) {
      const row = make("li", "contact")
      row.append(face(to), make("span", "", to), this.dial(to, false), this.dial(to, true))
      contacts.append(row)
    }
    this.state.append(make("i", ""), this.stateText)
    this.state.setAttribute("role", "status")
    this.again.type = this.listen.type = "button"
    this.again.className = "again"
    this.again.addEventListener("click", () => void this.signIn())
    this.listen.addEventListener("click", () => {
      this.calling.listening = !this.calling.listening
      this.say(this.language)
    })
    const extras = make("div", "extras")
    extras.append(this.listen, this.again, this.other)
    idle.append(this.state, face(userID), make("div", "me", userID), this.meLine, this.toast, contacts, extras)
    this.calling.id = `phone-${userID}`
    this.calling.setAttribute("inline", "")
    // One microphone hears both loudspeakers of this page.
    this.calling.listening = alone
    glass.append(idle, this.calling)
    // What a call screen covers is out of reach: the element has a `phase` as long as it shows one.
    const cover = () => {
      idle.inert = this.calling.hasAttribute("phase")
    }
    new MutationObserver(cover).observe(this.calling, { attributeFilter: ["phase"] })
    const phone = make("div", "phone")
    phone.append(make("div", "notch"), glass)
    this.desk.append(phone, this.log.element)
    this.bind()
  }

  /** In this language. */
  say(language: DemoLanguage): void {
    const t = demoTexts(language)
    this.t = t
    this.language = language
    this.calling.lang = langOf(language)
    this.meLine.textContent = t.you
    this.listen.replaceChildren(icon("speaker"), t.listen)
    this.listen.setAttribute("aria-pressed", String(this.calling.listening))
    this.other.replaceChildren(drawn(WINDOW, false), this.alone ? t.both : t.alone)
    this.other.href = this.alone ? "/" : `/?phone=${encodeURIComponent(this.userID)}`
    if (!this.alone) this.other.target = "_blank"
    this.again.textContent = t.signInAgain
    for (const { button, video, to } of this.dials) button.title = button.ariaLabel = `${to}: ${video ? t.video : t.voice}`
    this.log.say(t)
    this.showState()
  }

  /** Signs in as this phone's user. */
  async signIn(): Promise<void> {
    try {
      const response = await fetch("/demo/usersig", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ userID: this.userID }),
      })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
      const { userSig } = (await response.json()) as { userSig: string }
      this.calling.config = { sdkAppID: this.config.sdkAppID, userID: this.userID, userSig, type: 2 }
    } catch (error) {
      this.toast.textContent = error instanceof Error ? error.message : String(error)
      return
    }
    await this.calling.login().catch(() => {}) // told as ERROR
  }

  private dial(to: string, video: boolean): HTMLButtonElement {
    const button = make("button", video ? "dial video" : "dial")
    button.type = "button"
    button.append(icon(video ? "camera" : "phone"))
    button.addEventListener("click", () => {
      this.toast.textContent = ""
      void this.calling.call({ userID: to, type: video ? 2 : 1 })
    })
    this.dials.push({ button, video, to })
    return button
  }

  private bind(): void {
    for (const name of Object.values(this.calling.EVENT)) {
      if (name === "USER_VOICE_VOLUME") continue
      this.calling.on(name, ({ eventCode, data }: GuideCallback) => {
        this.log.add(eventCode, data)
        if (eventCode === "ERROR") this.complain(data as { code: string | number; message: string })
      })
    }
    this.calling.observe((event) => {
      if (event.type === "connection") this.showState()
    })
  }

  private complain({ code, message }: { code: string | number; message: string }): void {
    this.toast.textContent = errorText(code, this.language, message)
  }

  private showState(): void {
    const state = this.calling.connectionState
    this.state.dataset["state"] = state
    this.stateText.textContent = this.t[state as "idle"]
    for (const { button } of this.dials) button.disabled = state !== "online"
    this.again.hidden = state !== "closed"
  }
}

function langOf(language: DemoLanguage): string {
  return language === "zh" ? "zh-CN" : "en"
}

/** Whether the browser opens a secure socket to this server. It may refuse that although the page was let through. */
function socketOpens(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`wss://${location.host}/v1/socket`)
    socket.addEventListener("open", () => {
      resolve(true)
      socket.close()
    })
    socket.addEventListener("error", () => resolve(false))
  })
}

async function start(): Promise<void> {
  const alone = new URLSearchParams(location.search).get("phone")
  const banner = document.getElementById("banner") as HTMLElement
  const phones: DemoPhone[] = []
  let language: DemoLanguage = (localStorage.getItem("tring-language") ?? navigator.language).startsWith("zh") ? "zh" : "en"
  let problem: "insecure" | "noServer" | "socketRefused" | null = window.isSecureContext ? null : "insecure"
  /** The server has HTTPS, so other devices can join. */
  let secure = false
  /** Where the problem is solved. */
  let wayOut: URL | null = null

  const say = () => {
    const t = demoTexts(language)
    document.documentElement.lang = langOf(language)
    for (const element of document.querySelectorAll<HTMLElement>("[data-text]")) {
      const key = element.dataset["text"] as keyof DemoTexts
      element.textContent = key === "foot" ? (alone !== null ? t.footAlone : secure ? `${t.foot} ${t.footPhone}` : t.foot) : t[key]
    }
    document.getElementById("languages")?.setAttribute("aria-label", t.languages)
    for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset["language"] === language))
    }
    const steps = alone === null ? [t.step1, t.step2, t.step3] : [t.alone1, t.alone2, t.alone3]
    document.getElementById("steps")?.replaceChildren(...steps.map((text) => make("li", "", text)))
    banner.hidden = problem === null
    banner.textContent = problem === null ? "" : t[problem === "insecure" && wayOut !== null ? "insecureHere" : problem]
    if (wayOut !== null && problem !== null) {
      const link = make("a", "", wayOut.pathname === "/install" ? t.openInstall : t.openSecure)
      link.href = wayOut.href
      banner.append(" ", link)
    }
    for (const phone of phones) phone.say(language)
  }

  for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
    button.addEventListener("click", () => {
      language = button.dataset["language"] as DemoLanguage
      localStorage.setItem("tring-language", language)
      say()
    })
  }
  say()

  const response = await fetch("/demo/config.json").catch(() => null)
  if (response === null || !response.ok) {
    problem = "noServer"
    say()
    return
  }
  const config = (await response.json()) as Config
  secure = config.httpsPort !== null
  if (problem === "insecure" && config.httpsPort !== null) {
    wayOut = new URL(config.localCa ? "/install" : location.href, location.href)
    if (!config.localCa) [wayOut.protocol, wayOut.port] = ["https:", String(config.httpsPort)]
  }
  if (location.protocol === "https:" && config.localCa) {
    void socketOpens().then((opens) => {
      if (opens) return
      problem = "socketRefused"
      wayOut = new URL("/install", location.href)
      say()
    })
  }
  await customElements.whenDefined("trtc-calling")
  const users = alone === null ? config.users.slice(0, 2) : [alone]
  document.body.classList.toggle("single", alone !== null)
  for (const userID of users) phones.push(new DemoPhone(userID, config, alone !== null))
  document.getElementById("phones")?.replaceChildren(...phones.map((phone) => phone.desk))
  say()
  await Promise.all(phones.map((phone) => phone.signIn()))
}

void start()
