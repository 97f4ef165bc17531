/** What the codes of the two tags mean for a call. Those that are not here change nothing. */

/** What a code of live-pusher says. */
export type PusherNews = "pushing" | "retrying" | "lost" | "suspended" | "closed" | "no_camera" | "no_microphone" | "broken" | "weak"

const PUSHER: { readonly [code: string]: PusherNews | undefined } = {
  1002: "pushing",
  1101: "weak",
  1102: "retrying",
  5000: "suspended",
  5001: "closed",
  [-1301]: "no_camera",
  [-1302]: "no_microphone",
  [-1303]: "broken",
  [-1304]: "broken",
  [-1307]: "lost",
}

/** What a code of live-player says. */
export type PlayerNews = "playing" | "retrying" | "lost" | "weak"

const PLAYER: { readonly [code: string]: PlayerNews | undefined } = {
  2003: "playing",
  2004: "playing",
  // The server says that the stream is over, and the call is not: somebody pushes anew.
  2006: "lost",
  2103: "retrying",
  2105: "weak",
  [-2301]: "lost",
}

/** The same refusals, as live-pusher's event `error` tells them. */
const ERRORS: { readonly [code: string]: PusherNews | undefined } = { 10001: "no_camera", 10002: "no_microphone" }

/** Of `statechange`. */
export function pusherNews(code: unknown): PusherNews | undefined {
  return PUSHER[String(code)]
}

/** Of `error`. */
export function pusherErrorNews(code: unknown): PusherNews | undefined {
  return ERRORS[String(code)]
}

/** Of `statechange`. */
export function playerNews(code: unknown): PlayerNews | undefined {
  return PLAYER[String(code)]
}
