/**
 * The guide's methods on one phone, for both surfaces. A method that cannot do what it was asked rejects its promise *and*
 * is told as ERROR; a promise that nobody waits for is no unhandled rejection.
 */

import {
  asCallError,
  callingInfo,
  guideEvents,
  mediaOf,
  sdkAppIDNumber,
  userIDText,
  userSigText,
  type CallError,
  type GuideEvent,
  type Surface,
} from "../core/src/index.js"
import { listDevices, VIDEO_QUALITIES, type DeviceChoice, type VideoQuality } from "./devices.js"
import type { Phone } from "./phone.js"

/** What `reject()` says where nothing rings, as it always did. */
const NOTHING_TO_REJECT = "未收到邀请，无法拒绝"

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

/** See the head of this file. */
export class Desk {
  private readonly stop: () => void

  /** `deliver` hands an event to the page. */
  constructor(
    readonly phone: Phone,
    surface: Surface,
    private readonly deliver: (event: GuideEvent) => void,
  ) {
    this.stop = phone.client.on((event) => guideEvents(event, surface).forEach(deliver))
  }

  /** Ends everything. */
  dispose(): Promise<void> {
    const gone = this.phone.dispose()
    return gone.then(() => this.stop())
  }

  login(parameters: LoginParameters): Promise<void> {
    return handled(async () => {
      let credentials
      try {
        credentials = {
          sdkAppID: sdkAppIDNumber(parameters.sdkAppID),
          userID: userIDText(parameters.userID, warn),
          userSig: userSigText(parameters.userSig),
        }
      } catch (error) {
        throw this.told(error)
      }
      // The server's refusal is told as the end of the session.
      await this.phone.client.login(credentials)
    })
  }

  logout(): Promise<void> {
    return this.phone.client.logout()
  }

  call(parameters: CallParameters): Promise<void> {
    return this.telling(async () => {
      const { userID, type, timeout, userData } = parameters
      await this.phone.client.callUsers({
        to: [userIDText(userID, warn)],
        media: mediaOf(type),
        ...(timeout === undefined ? {} : { timeoutS: timeout }),
        ...(userData === undefined ? {} : { data: userData }),
      })
    })
  }

  accept(): Promise<void> {
    return this.telling(() => this.phone.client.accept())
  }

  async reject(): Promise<string | undefined> {
    try {
      await this.phone.client.reject()
      return undefined
    } catch (_) {
      return NOTHING_TO_REJECT
    }
  }

  hangup(): Promise<void> {
    return this.phone.client.hangup()
  }

  setCamera(on: boolean): Promise<void> {
    return this.telling(() => this.phone.client.setDevices({ camera: on }))
  }

  setMicMute(muted: boolean): Promise<void> {
    return this.telling(() => this.phone.client.setDevices({ microphone: !muted }))
  }

  /** The others' stream, to show or to analyse; null if they are not here. */
  remoteStream(userID: string): MediaStream | null {
    const call = this.phone.client.call
    const known = call !== null && call.peers.some((p) => p.userID === userID)
    return known ? this.phone.media.remoteStream : null
  }

  getCameras(): Promise<DeviceChoice[]> {
    return listDevices("videoinput")
  }

  getMicrophones(): Promise<DeviceChoice[]> {
    return listDevices("audioinput")
  }

  getSpeakers(): Promise<DeviceChoice[]> {
    return listDevices("audiooutput")
  }

  switchDevice({ deviceType, deviceId }: { deviceType: "audio" | "video" | "speaker"; deviceId: string }): Promise<void> {
    return this.telling(async () => {
      if (deviceType === "audio") await this.phone.media.useMicrophone(deviceId)
      else if (deviceType === "video") await this.phone.media.useCamera(deviceId)
      else if (deviceType === "speaker") await this.phone.media.useSpeaker(deviceId)
      else throw new TypeError(`deviceType is ${String(deviceType)}: it is 'audio', 'video' or 'speaker'`)
    })
  }

  setVideoQuality(quality: VideoQuality): Promise<void> {
    return this.telling(async () => {
      if (!(quality in VIDEO_QUALITIES)) {
        throw new TypeError(`the quality is ${String(quality)}: it is one of ${Object.keys(VIDEO_QUALITIES).join(", ")}`)
      }
      await this.phone.media.setQuality(quality)
    })
  }

  extractCallingInfoFromMessage(message: unknown): string {
    return callingInfo(message)
  }

  private telling(act: () => Promise<void>): Promise<void> {
    return handled(async () => {
      try {
        await act()
      } catch (error) {
        throw this.told(error)
      }
    })
  }

  private told(thrown: unknown): CallError {
    const error = asCallError(thrown)
    const { code, message } = error
    this.deliver({ name: "ERROR", payload: { code, message, errorMsg: message } })
    return error
  }
}

/** A promise that may be awaited or not. */
function handled<T>(act: () => Promise<T>): Promise<T> {
  const promise = act()
  promise.catch(() => {})
  return promise
}

function warn(text: string): void {
  console.warn(`[tring] ${text}`)
}
