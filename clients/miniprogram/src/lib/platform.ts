/** A mini-program as the call client's world. */

import { CallError, type LogLevel, type Platform, type SocketEvents, type SocketLike } from "@tring/core"
import { steadyClock } from "./steady-clock.js"

/** Where the server's socket is, where its address names none. */
const SOCKET_PATH = "/v1/socket"

/** What `wx` has from base library 2.11.0 on. */
interface Later {
  /** What it gives can always tell how long a page took; that it can measure is documented of mini-games only. */
  getPerformance(): { now?(): number } | undefined
}

/** Microseconds in a millisecond. A phone's `performance.now()` counts microseconds, that of the developer tools milliseconds. */
const US_IN_MS = 1000

/** The socket and the timers of `wx`, and a clock that nobody can set. Nothing that is logged holds a UserSig or a ticket. */
export function wxPlatform(devtools = false): Platform {
  return {
    socket,
    now: steadyClock(clockOf(devtools), setTimeout),
    setTimer(ms, fire) {
      const timer = setTimeout(fire, ms)
      return () => clearTimeout(timer)
    },
    random: () => Math.random(),
    log,
  }
}

/** Milliseconds of a clock for measuring, where this phone has one; else the time of day. Neither is trusted. */
function clockOf(devtools: boolean): () => number {
  const performance = wx.canIUse("getPerformance") ? (wx as unknown as Later).getPerformance() : undefined
  if (performance === undefined || performance.now === undefined) return Date.now
  const measuring = performance as { now(): number }
  return () => measuring.now() / (devtools ? 1 : US_IN_MS)
}

/** Tells a developer something. What only the makers of this component need is left out. */
export function log(level: LogLevel, text: string, detail?: unknown): void {
  if (level === "debug") return
  const line = `[tring] ${text}`
  if (detail === undefined) console[level](line)
  else console[level](line, detail)
}

function socket(url: string, events: SocketEvents): SocketLike {
  let over = false
  const closed = () => {
    if (over) return
    over = true
    events.closed()
  }
  // Refused at once (too many sockets, a domain that is not in the list): `fail` comes later, as it shall.
  const task = wx.connectSocket({ url, fail: closed })
  task.onOpen(() => {
    if (!over) events.opened()
  })
  task.onMessage(({ data }) => {
    if (!over && typeof data === "string") events.received(data)
  })
  task.onClose(closed)
  task.onError(closed)
  return {
    send: (data) => task.send({ data, fail: closed }),
    close() {
      over = true
      task.close({})
    },
  }
}

interface Address {
  secure: boolean
  host: string
  path: string
}

/** Throws `config_invalid` for what is no address. */
function read(server: unknown): Address {
  const found = /^(https?|wss?):\/\/([^\/?#\s]+)(\/[^?#\s]*)?(?:[?#]\S*)?$/i.exec(String(server).trim())
  if (found === null) {
    throw new CallError("config_invalid", `server is '${String(server)}': give its address in TRTCCalling/config.js, such as https://calls.example.com`)
  }
  const scheme = String(found[1]).toLowerCase()
  const path = found[3]
  return { secure: scheme === "https" || scheme === "wss", host: String(found[2]), path: path === undefined || path === "/" ? "" : path }
}

/** The socket address for a server as config.js names it: an origin, or the whole address. */
export function socketURL(server: unknown): string {
  const { secure, host, path } = read(server)
  return `${secure ? "wss" : "ws"}://${host}${path === "" ? SOCKET_PATH : path}`
}

/** The address of a path of the server, by HTTP. */
export function httpURL(server: unknown, path: string): string {
  const { secure, host } = read(server)
  return `${secure ? "https" : "http"}://${host}${path}`
}
