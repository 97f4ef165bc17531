/**
 * What the call client needs from the world, and all it needs. A browser, a mini-program and a test each give their own.
 */

/** A text-frame socket that is being opened. */
export interface SocketLike {
  /** Sends one text frame. Called only between `opened` and `closed`. */
  send(text: string): void
  /** Closes it. No callback may follow. */
  close(): void
}

/** How a socket reports. */
export interface SocketEvents {
  /** It may be sent on. */
  opened(): void
  /** A text frame has arrived. */
  received(text: string): void
  /** It is gone, or never opened. At most once. */
  closed(): void
}

/** Stops a timer. Harmless after it has fired. */
export type Cancel = () => void

/** The world. */
export interface Platform {
  /** Opens a socket to an absolute `ws:` or `wss:` address. Reports later, never inside this call. */
  socket(url: string, events: SocketEvents): SocketLike
  /** Milliseconds of a clock that nobody can set, and that never goes back; only differences are used. */
  now(): number
  /** Calls once, after at least `ms`. */
  setTimer(ms: number, fire: () => void): Cancel
  /** A number from 0 (included) to 1 (excluded). */
  random(): number
  /** Tells a developer something. */
  log(level: LogLevel, text: string, detail?: unknown): void
}

/** How loud a line of the log is. */
export type LogLevel = "debug" | "info" | "warn" | "error"
