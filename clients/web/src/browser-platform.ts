/** The browser as the call client's world. */

import { CallError, type Platform, type LogLevel, type SocketEvents, type SocketLike } from "@tring/core"

/** What is printed: 0 everything, 1 information, 2 warnings, 3 errors, 4 nothing. As `setLogLevel` of the old SDK. */
export interface LogFilter {
  level: number
}

const LEVELS: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

/** Writes to the console what `filter` lets through. Nothing that is logged holds a UserSig or a ticket. */
export function browserPlatform(filter: LogFilter): Platform {
  return {
    socket,
    now: () => performance.now(),
    setTimer(ms, fire) {
      const timer = setTimeout(fire, ms)
      return () => clearTimeout(timer)
    },
    random: () => Math.random(),
    log(level, text, detail) {
      if (LEVELS[level] < filter.level) return
      if (detail === undefined) console[level](`[tring] ${text}`)
      else console[level](`[tring] ${text}`, detail)
    },
  }
}

function socket(url: string, events: SocketEvents): SocketLike {
  let over = false
  const closed = () => {
    if (over) return
    over = true
    events.closed()
  }
  let socket: WebSocket
  try {
    socket = new WebSocket(url)
  } catch (_) {
    // Forbidden by the page's rules, say. A socket reports later, never at once.
    const timer = setTimeout(closed)
    return { send: () => {}, close: () => clearTimeout(timer) }
  }
  socket.onopen = () => events.opened()
  socket.onmessage = (e) => {
    if (typeof e.data === "string") events.received(e.data)
  }
  socket.onclose = closed
  socket.onerror = closed
  return {
    send: (text) => socket.send(text),
    close() {
      over = true
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
      socket.close()
    },
  }
}

/**
 * The socket address for a server given as a page would: nothing, an origin, or the whole address. Throws
 * `config_invalid` for what is none.
 */
export function socketURL(server: string | undefined): string {
  let url
  try {
    url = new URL(server || "/", document.baseURI)
  } catch (_) {
    throw new CallError("config_invalid", `server is '${String(server)}': give its address, such as https://calls.example.com`)
  }
  if (url.protocol === "http:") url.protocol = "ws:"
  if (url.protocol === "https:") url.protocol = "wss:"
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new CallError("config_invalid", `the server's address is ${url.href}: it begins with https, http, wss or ws`)
  }
  if (url.pathname === "" || url.pathname === "/" || !server) url.pathname = "/v1/socket"
  url.hash = ""
  if (!server) url.search = ""
  return url.href
}
