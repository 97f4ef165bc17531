/** Who signs in: the checks that need no server, so that a page learns of its mistake where it makes it. */

import { CallError } from "../errors.js"

/** Texts that a program writes for a value that was never set. */
const PLACEHOLDERS = ["", "0", "undefined", "null", "NaN"]

/**
 * A userID as text. A number other than 0 becomes its decimal text, and `warn` hears of it. Throws `config_invalid` for
 * 0, an empty text, `undefined` and everything else that is no name.
 */
export function userIDText(value: unknown, warn: (text: string) => void): string {
  let text: string
  if (typeof value === "number" && isFinite(value) && value !== 0) {
    text = String(value)
    warn(`userID ${text} is a number: give it as text, '${text}'`)
  } else {
    text = typeof value === "string" ? value : String(value === undefined || value === null ? "undefined" : value)
    if (typeof value !== "string" || PLACEHOLDERS.indexOf(text) >= 0) {
      const shown = typeof value === "string" ? `'${value}'` : text
      throw new CallError("config_invalid", `userID is ${shown}: set it to the user's name, a text, before this call`)
    }
  }
  return text
}

/** An SDKAppID. A decimal text (an attribute of a page) is taken too. Throws `config_invalid` for anything else. */
export function sdkAppIDNumber(value: unknown): number {
  const number = typeof value === "string" && /^[0-9]+$/.test(value) ? Number(value) : value
  if (typeof number === "number" && number >= 1 && number <= 0xffffffff && Math.floor(number) === number) return number
  throw new CallError("config_invalid", `SDKAppID is ${String(value)}: set it to the number that \`tring app list\` prints`)
}

/** A UserSig. Throws `config_invalid` for anything but a text. */
export function userSigText(value: unknown): string {
  if (typeof value === "string" && value !== "") return value
  throw new CallError("config_invalid", "userSig is missing: ask your signing service for one (docs: UserSig)")
}

/** The guide's `type`: 1 is voice, 2 is video. Throws `call_options` for anything else. */
export function mediaOf(type: unknown): "audio" | "video" {
  const number = typeof type === "string" ? Number(type) : type
  if (number === 1) return "audio"
  if (number === 2) return "video"
  throw new CallError("call_options", `type is ${String(type)}: it is 1 (voice) or 2 (video)`)
}

/** The guide's number for voice or video. */
export function typeOf(media: "audio" | "video"): 1 | 2 {
  return media === "audio" ? 1 : 2
}
