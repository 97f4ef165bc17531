/** One user's phone in a page: session, calls and media put together, and the page's own events heard. */

import { CallClient, Connection } from "../core/src/index.js"
import { browserPlatform, socketURL, type LogFilter } from "./browser-platform.js"
import { WebMedia } from "./web-media.js"

/** See the head of this file. Several may live in one page; they share nothing but the devices. */
export class Phone {
  readonly media = new WebMedia()
  readonly client: CallClient
  private readonly stop: Array<() => void> = []

  /** `server` is an origin or a socket address; without it the page's own server is used. */
  constructor(server: string | undefined, log: LogFilter) {
    const platform = browserPlatform(log)
    this.client = new CallClient(platform, new Connection(platform, socketURL(server), "web"), this.media)
    this.hear(window, "online", () => this.client.networkChanged())
    const link = (navigator as { connection?: EventTarget }).connection
    if (link !== undefined) this.hear(link, "change", () => this.client.probe())
    // Timers of a hidden page may have stood still.
    this.hear(document, "visibilitychange", () => {
      if (document.visibilityState === "visible") this.client.probe()
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
}
