/** One user's phone in a page: session, calls and media put together, and the page's own events heard. */

import { CallClient, Connection, asCallError, type CallError } from "@tring/core"
import { browserPlatform, socketURL, type LogFilter } from "./browser-platform.js"
import { WebMedia } from "./media/web-media.js"

/** How to make one. */
export interface PhoneOptions {
  /** Origin or socket address; the page's own server without it. */
  server: string | undefined
  log: LogFilter
  /** Whether a call goes on when the page is put aside and may come back (the back/forward cache). */
  keepsCall(): boolean
}

/** Session, calls and media of one user in a page. Several may live in one page; they share nothing but the devices. */
export class Phone {
  readonly media: WebMedia
  readonly client: CallClient
  /** Why this phone can never sign in: its server's address is none. */
  readonly fault: CallError | null = null
  private readonly stop: Array<() => void> = []

  constructor({ server, log, keepsCall }: PhoneOptions) {
    const platform = browserPlatform(log)
    let url = ""
    try {
      url = socketURL(server)
    } catch (error) {
      this.fault = asCallError(error)
    }
    this.media = new WebMedia(platform)
    this.client = new CallClient(platform, new Connection(platform, url, "web"), this.media)
    this.client.on((event) => {
      if (event.type === "connection") this.media.sessionIs(event.state.name === "online")
    })
    this.hear(window, "online", () => this.client.networkChanged())
    const link = (navigator as { connection?: EventTarget }).connection
    if (link !== undefined) this.hear(link, "change", () => this.client.probe())
    // Timers of a hidden page may have stood still.
    this.hear(document, "visibilitychange", () => {
      if (document.visibilityState === "visible") this.client.probe()
    })
    this.hear(window, "pagehide", (event) => {
      if (!isKept(event) || !keepsCall()) this.pageGoes()
    })
    this.hear(window, "pageshow", (event) => {
      if (isKept(event)) this.client.probe()
    })
  }

  /** Calls `handler` for an event of the page until {@link dispose}. */
  hear(target: EventTarget, type: string, handler: (event: Event) => void): void {
    target.addEventListener(type, handler)
    this.stop.push(() => target.removeEventListener(type, handler))
  }

  /** Signs out and lets go of the page. */
  async dispose(): Promise<void> {
    this.stop.splice(0).forEach((stop) => stop())
    await this.client.logout()
  }

  /**
   * Nobody is here any more: the other side need not wait. The message is on the socket before this returns. A call that
   * still rings here is not refused: the next page, or another device, can answer it.
   */
  private pageGoes(): void {
    const { call } = this.client
    if (call !== null && call.phase !== "ringing") void this.client.hangup()
  }
}

/** The page is put aside, or comes back, whole. */
function isKept(event: Event): boolean {
  return (event as PageTransitionEvent).persisted === true
}
