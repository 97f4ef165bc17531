/**
 * Calls on any page: an app that listens is signed in wherever the user is, and an invitation that comes on a page without
 * the component rings, is told to the app, and opens the page that has it.
 *
 * ```js
 * const { listen } = require('./components/TRTCCalling/listen')
 * App({
 *   onLaunch() {
 *     this.calls = listen({ page: '/pages/call/call', onInvited: ({ data }) => console.log(data.sponsor) })
 *     // As soon as the app knows who its user is:
 *     this.calls.login({ sdkAppID, userID, userSig })
 *   },
 * })
 * ```
 */

import { GuideApi, Handlers, type CallParameters, type GuideEvent } from "@tring/core"
import * as config from "./config.js"
import { watchStatus, type CallStatus } from "./lib/call-status.js"
import { END_SHOWN_MS } from "./lib/call-view.js"
import { log } from "./lib/platform.js"
import { phone, type Phone } from "./lib/phone.js"

/** What a handler is given, as by the component. */
export interface Told {
  eventCode: string
  data: GuideEvent["payload"]
}

/** What an app wants. */
export interface ListenOptions {
  /** Signs in at once. */
  config?: Credentials
  /** A page with the component, opened when somebody calls and the page in front has none. */
  page?: string
  /** Hears of such a call first; false: no page is opened. */
  onInvited?(told: Told): unknown
  /** Hears every event of the guide, on every page. */
  onEvent?(told: Told): void
  /** Hears when a call begins, is answered and is over, however it ends: also when it is refused here, of which no event
   * tells. */
  onStatus?(status: CallStatus): void
}

/** Who signs in. */
export interface Credentials {
  sdkAppID: number
  userID: string
  userSig: string
}

/** What an app can do without a page. */
export interface Listener {
  login(config: Credentials): Promise<void>
  logout(): Promise<void>
  call(parameters: CallParameters): Promise<void>
  on(event: string, handler: (told: Told) => void, context?: unknown): void
  off(...given: unknown[]): void
  /** Opens no page any more, and tells nothing. */
  stop(): void
}

/** Listens for calls on every page of an app: call it once, in `onLaunch`. */
export function listen(options: ListenOptions = {}): Listener {
  const shared = phone()
  const handlers = new Handlers((text, error) => log("error", text, error))
  const page = options.page === undefined ? null : new CallPage(shared, options.page)
  const guide = new GuideApi(shared.client, {
    surface: "element",
    deliver: ({ name, payload }) => {
      const told = { eventCode: name, data: payload }
      handlers.call(name, told)
      guarded("onEvent", () => options.onEvent && options.onEvent(told))
      if (name === "INVITED" && !shared.hasScreen) {
        const wanted = guarded("onInvited", () => options.onInvited && options.onInvited(told))
        if (wanted !== false && page !== null) page.open()
      }
    },
    warn: (text) => log("warn", text),
    fault: () => shared.fault,
    strictEnd: config.strictCallEnd === true,
  })
  const stop = watchStatus(shared.client, (status) => {
    guarded("onStatus", () => options.onStatus && options.onStatus(status))
    if (status.callStatus === "idle" && page !== null) page.leaveSoon()
  })
  if (options.config !== undefined) void guide.login(options.config)
  return {
    login: (credentials) => guide.login(credentials || {}),
    logout: () => guide.logout(),
    call: (parameters) => {
      const asked = guide.call(parameters)
      if (shared.client.call !== null && !shared.hasScreen && page !== null) page.open()
      return asked
    },
    on: (event, handler, context) => handlers.on(event, handler, context),
    off: function () {
      handlers.off.apply(handlers, Array.prototype.slice.call(arguments) as [unknown?, unknown?])
    },
    stop: () => {
      stop()
      if (page !== null) page.stay()
      void guide.dispose()
    },
  }
}

/** The page that is opened for a call, and left at its end. */
class CallPage {
  private state: "away" | "opening" | "open" = "away"
  /** The very page: its user may have opened another of the same route since. */
  private opened: unknown
  private leaving: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly shared: Phone,
    private readonly url: string,
  ) {}

  open(): void {
    // One that is on its way shows whatever call there is when it comes.
    if (this.state === "opening") return
    this.stay()
    this.state = "opening"
    const { url } = this
    const success = () => this.shown()
    const fail = () => void (this.state = "away")
    wx.navigateTo({
      url,
      success,
      fail: ({ errMsg }) => {
        log("error", `the page of calls cannot be opened: ${errMsg}`)
        // Ten pages lie on each other: one makes room.
        if (this.shared.hasScreen) fail()
        else wx.redirectTo({ url, success, fail })
      },
    })
  }

  /** Leaves it when it has said how the call ended, unless there is another by then. */
  leaveSoon(): void {
    this.stay()
    if (this.state === "open") this.leaving = setTimeout(() => this.leave(), END_SHOWN_MS)
  }

  /** It is not left for what has ended. */
  stay(): void {
    if (this.leaving !== undefined) clearTimeout(this.leaving)
  }

  /** Goes back from it, if it is still in front. */
  private leave(): void {
    if (this.state !== "open" || this.shared.client.call !== null) return
    this.state = "away"
    const pages = getCurrentPages()
    if (pages.length > 1 && pages[pages.length - 1] === this.opened) wx.navigateBack({})
  }

  private shown(): void {
    const pages = getCurrentPages()
    this.opened = pages[pages.length - 1]
    this.state = "open"
    // It was over before the page was there.
    this.leave()
  }
}

function guarded(what: string, act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    log("error", `${what} threw`, error)
    return undefined
  }
}
