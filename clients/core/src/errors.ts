/** What can go wrong, as a program sees it (`code`) and as a person does (`message`). */

import type { ErrorBody, ErrorCode } from "./protocol.js"

/** Codes of errors that never reached a server. */
export type LocalErrorCode =
  /** No userID, SDKAppID or userSig was given, or it is a placeholder. */
  | "config_invalid"
  /** `login()` was not called, or has not succeeded. */
  | "not_logged_in"
  /** The server could not be reached in time. */
  | "server_unreachable"
  /** The session was lost while the request waited. */
  | "session_lost"
  /** The client was logged out or signed out while the request waited. */
  | "closed"
  /** A call is going on. */
  | "busy_here"
  /** There is no call that this can be done to. */
  | "no_call"
  /** The call was taken back before the server had answered: by `hangup()`, or by a newer call. */
  | "cancelled"
  /** A method was given something that it cannot use. */
  | "bad_argument"
  /** The server's answer is not of the protocol. */
  | "bad_answer"
  /** What this phone runs is too old, or has no media at all. */
  | "unsupported"
  /** This client cannot do that yet. */
  | "not_available"
  /** The platform could not set up its end of the media path. */
  | "media_failed"
  /** A picture cannot be seen, since no codec is common to all. The call goes on by voice. */
  | "video_codec"
  /** Somebody's sound or picture is of a kind that not everybody can be given; the message says what to change. */
  | "stream_fault"
  /** The platform waits for a touch of the user before it plays sound. */
  | "playback_blocked"

/** Every code an error of the client can have. */
export type CallErrorCode = ErrorCode | LocalErrorCode

/** An error of the call client. */
export class CallError extends Error {
  override readonly name = "CallError"
  /** For programs; never renamed. */
  readonly code: CallErrorCode
  /** True if the same request can succeed later without a change. */
  readonly retry: boolean

  constructor(code: CallErrorCode, message: string, retry = false) {
    super(message)
    // Compiled to ES5, a class that extends Error loses its prototype.
    Object.setPrototypeOf(this, CallError.prototype)
    this.code = code
    this.retry = retry
  }

  /** From the server's answer. */
  static from(body: ErrorBody): CallError {
    return new CallError(body.code, body.message, body.retry === true)
  }
}

/** Anything thrown, as a {@link CallError}. */
export function asCallError(thrown: unknown): CallError {
  if (thrown instanceof CallError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new CallError("internal", message)
}
