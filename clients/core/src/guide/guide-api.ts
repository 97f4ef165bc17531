/**
 * The guide's methods, for every surface. A method that cannot do what it was asked rejects its promise *and* is told as
 * ERROR; a promise that nobody waits for is no unhandled rejection.
 */

import type { CallClient } from "../calls/call-client.js"
import { CallError, asCallError } from "../errors.js"
import { guideEvents, type GuideEvent, type Surface } from "./events.js"
import { callingInfo } from "./message.js"
import { mediaOf, sdkAppIDNumber, userIDText, userSigText } from "./identity.js"
import type { KickReason } from "../protocol.js"

/** What `reject()` says where nothing rings, as it always did. */
export const NOTHING_TO_REJECT = "未收到邀请，无法拒绝"

/** Why somebody who was signed in is so no more. */
const KICKED: { readonly [reason in KickReason]: string } = {
  signed_in_elsewhere: "signed out, since the account has signed in on another device: call login() to take it back",
  app_deleted: "signed out, since the server has this app no more",
  too_slow: "signed out, since this device did not keep up with its events: call login() again",
}

/** Whom to call. */
export interface CallParameters {
  userID: string
  /** 1 voice, 2 video. */
  type: 1 | 2
  /** How long it rings, s: 5 to 300; 30 without it. */
  timeout?: number
  /** Text of your own for the callee, at most 1,024 bytes. */
  userData?: string
}

/** Who signs in. */
export interface LoginParameters {
  sdkAppID: unknown
  userID: unknown
  userSig: unknown
}

/** What a failed method is told as: an error of the client, or of a surface with numbers of its own. */
export interface Fault extends Error {
  readonly code: string | number
}

/**
 * What a surface gives.
 *
 * @internal
 */
export interface GuideApiOptions {
  surface: Surface
  /** Hands an event to the page. */
  deliver(event: GuideEvent): void
  /** Tells a developer of something that works but should not be done. */
  warn(text: string): void
  /** Why this phone can never sign in, if so. */
  fault(): CallError | null
  /** See {@link guideEvents}. */
  strictEnd?: boolean
}

/**
 * The guide's methods on a call client. Each promise that rejects is told as ERROR as well.
 *
 * @internal
 */
export class GuideApi {
  private readonly stopHearing: () => void
  /** Why the last sign-in was not even tried: what it was given is no use. */
  private unusable: Fault | null = null

  constructor(
    protected readonly client: CallClient,
    private readonly options: GuideApiOptions,
  ) {
    this.stopHearing = client.on((event) => guideEvents(event, options.surface, options.strictEnd).forEach((e) => options.deliver(e)))
  }

  /** Tells the page nothing more. The phone goes on. */
  dispose(): void | Promise<void> {
    this.stopHearing()
  }

  login(parameters: LoginParameters): Promise<void> {
    const { client } = this
    const { fault, warn } = this.options
    this.unusable = null
    let credentials
    try {
      const never = fault()
      if (never !== null) throw never
      credentials = {
        sdkAppID: sdkAppIDNumber(parameters.sdkAppID),
        userID: userIDText(parameters.userID, warn),
        userSig: userSigText(parameters.userSig),
      }
    } catch (error) {
      this.unusable = this.told(error)
      return handled(Promise.reject(this.unusable))
    }
    return handled(
      client.login(credentials).catch((error) => {
        // What ends the session is told by its end.
        throw client.connectionState.name === "closed" ? error : this.told(error)
      }),
    )
  }

  logout(): Promise<void> {
    return this.client.logout()
  }

  call(parameters: Partial<CallParameters> | undefined): Promise<void> {
    return this.signedIn(() => {
      if (typeof parameters !== "object" || parameters === null) {
        throw new CallError("bad_argument", "call() needs to know whom: call({userID, type}), type 1 for voice, 2 for video")
      }
      const { userID, type, timeout, userData } = parameters
      const options = {
        to: [userIDText(userID, this.options.warn)],
        media: mediaOf(type),
        ...(timeout === undefined ? {} : { timeoutS: timeout }),
        ...(userData === undefined ? {} : { data: userData }),
      }
      return this.client.callUsers(options).then(() => {})
    })
  }

  accept(): Promise<void> {
    return this.signedIn(() => this.client.accept())
  }

  reject(): Promise<string | undefined> {
    return this.client.reject().then(
      () => undefined,
      () => NOTHING_TO_REJECT,
    )
  }

  hangup(): Promise<void> {
    return this.client.hangup()
  }

  setCamera(on: boolean): Promise<void> {
    return this.signedIn(() => this.client.setSource("camera", on))
  }

  setMicMute(muted: boolean): Promise<void> {
    return this.signedIn(() => this.client.setSource("microphone", !muted))
  }

  /** 1 voice, 2 video, as `type` of a call. */
  switchCall(type: 1 | 2): Promise<void> {
    return this.signedIn(() => this.client.switchMedia(mediaOf(type)))
  }

  extractCallingInfoFromMessage(message: unknown): string {
    return callingInfo(message)
  }

  /** Does what a page asked for. What goes wrong rejects and is told as ERROR. */
  telling<T>(act: () => Promise<T>): Promise<T> {
    let promise: Promise<T>
    try {
      promise = act()
    } catch (error) {
      return handled(Promise.reject(this.told(error)))
    }
    return handled(
      promise.catch((error) => {
        throw this.told(error)
      }),
    )
  }

  /** The same for what only a signed-in user can do: whoever is not is told why, not just that. */
  signedIn<T>(act: () => Promise<T>): Promise<T> {
    return this.telling(() => {
      const reason = this.signedOutBecause()
      if (reason !== null) throw reason
      return act()
    })
  }

  /** Why nobody is signed in; null if somebody is, or if nobody has tried. */
  private signedOutBecause(): Error | null {
    const state = this.client.connectionState
    if (state.name !== "idle" && state.name !== "closed") return null
    const never = this.options.fault()
    if (never !== null) return never
    if (this.unusable !== null) return this.unusable
    if (state.name === "idle") return null
    const { reason } = state
    if (reason.kind === "refused") return reason.error
    return reason.kind === "kicked" ? new CallError("not_logged_in", KICKED[reason.reason]) : null
  }

  /** What was thrown, as this surface tells it. */
  protected asFault(thrown: unknown): Fault {
    return asCallError(thrown)
  }

  private told(thrown: unknown): Fault {
    const error = this.asFault(thrown)
    const { code, message } = error
    // A call that was given up has an end of its own.
    if (code !== "cancelled") this.options.deliver({ name: "ERROR", payload: { code, message, errorMsg: message } })
    return error
  }
}

/** A promise that may be awaited or not. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
