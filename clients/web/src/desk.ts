/**
 * The guide's methods on one phone, for both surfaces. A method that cannot do what it was asked rejects its promise *and*
 * is told as ERROR; a promise that nobody waits for is no unhandled rejection.
 */

import {
  CallError,
  asCallError,
  callingInfo,
  guideEvents,
  mediaOf,
  sdkAppIDNumber,
  userIDText,
  userSigText,
  type GuideEvent,
  type Surface,
} from "../../core/src/index.js"
import type { EventName } from "./event-names.js"
import { DeviceFault, VIDEO_QUALITIES, listDevices, type DeviceChoice, type Facing, type VideoQuality } from "./media/devices.js"
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

/** A microphone, camera or loudspeaker to use. */
export interface DeviceParameters {
  deviceType: "audio" | "video" | "speaker"
  deviceId: string
}

/** What a page hears. */
export interface PageEvent {
  name: EventName
  payload: GuideEvent["payload"]
}

/** See the head of this file. */
export class Desk {
  private readonly stop: () => void

  /** `deliver` hands an event to the page. */
  constructor(
    readonly phone: Phone,
    surface: Surface,
    private readonly deliver: (event: PageEvent) => void,
  ) {
    this.stop = phone.client.on((event) => {
      const blocked = event.type === "error" && event.code === "playback_blocked"
      if (blocked) deliver({ name: "AUTOPLAY_FAILED", payload: undefined })
      guideEvents(event, surface).forEach(deliver)
    })
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    await this.phone.dispose()
    this.stop()
  }

  login(parameters: LoginParameters): Promise<void> {
    const { client, fault } = this.phone
    return handled(async () => {
      let credentials
      try {
        if (fault !== null) throw fault
        credentials = {
          sdkAppID: sdkAppIDNumber(parameters.sdkAppID),
          userID: userIDText(parameters.userID, warn),
          userSig: userSigText(parameters.userSig),
        }
      } catch (error) {
        throw this.told(error)
      }
      try {
        await client.login(credentials)
      } catch (error) {
        // What ends the session is told by its end.
        throw client.connectionState.name === "closed" ? error : this.told(error)
      }
    })
  }

  logout(): Promise<void> {
    return this.phone.client.logout()
  }

  call(parameters: Partial<CallParameters> | undefined): Promise<void> {
    return this.telling(async () => {
      if (typeof parameters !== "object" || parameters === null) {
        throw new CallError("bad_argument", "call() needs to know whom: call({userID, type}), type 1 for voice, 2 for video")
      }
      const { userID, type, timeout, userData } = parameters
      // The click that calls is the page's leave to play what is heard later.
      void this.phone.media.play()
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

  useFacing(facing: Facing): Promise<void> {
    return this.telling(() => this.phone.media.useFacing(facing))
  }

  /** False where the browser names no such output: then its own choice stays. */
  setHandsFree(handsFree: boolean): Promise<boolean> {
    return this.telling(async () => {
      const wanted = handsFree ? /speaker|扬声器/i : /earpiece|handset|听筒/i
      const output = (await listDevices("audiooutput")).find((d) => wanted.test(d.label))
      return output !== undefined && this.phone.media.useSpeaker(output.deviceId)
    })
  }

  /** Call it in a click. */
  resumePlayback(): Promise<void> {
    return this.telling(async () => {
      if (!(await this.phone.media.play())) {
        throw new CallError("playback_blocked", "the browser still plays no sound: call resumePlayback() in the handler of a click", true)
      }
    })
  }

  /** The others' stream, to show or to analyse; null if they are not here. */
  remoteStream(userID: string): MediaStream | null {
    const call = this.phone.client.call
    const known = call !== null && call.peers.some((p) => p.userID === userID)
    return known ? this.phone.media.remoteStream : null
  }

  getCameras(): Promise<DeviceChoice[]> {
    return this.telling(() => listDevices("videoinput"))
  }

  getMicrophones(): Promise<DeviceChoice[]> {
    return this.telling(() => listDevices("audioinput"))
  }

  getSpeakers(): Promise<DeviceChoice[]> {
    return this.telling(() => listDevices("audiooutput"))
  }

  switchDevice(parameters: DeviceParameters | undefined): Promise<void> {
    const { media } = this.phone
    return this.telling(async () => {
      const { deviceType, deviceId } = parameters ?? ({} as Partial<DeviceParameters>)
      if (typeof deviceId !== "string") {
        throw new CallError("bad_argument", "switchDevice() needs {deviceType, deviceId}, as getMicrophones() lists them")
      }
      if (deviceType === "audio") await media.useMicrophone(deviceId)
      else if (deviceType === "video") await media.useCamera(deviceId)
      else if (deviceType !== "speaker") {
        throw new CallError("bad_argument", `deviceType is ${String(deviceType)}: it is 'audio', 'video' or 'speaker'`)
      } else if (!(await media.useSpeaker(deviceId))) {
        throw new CallError("bad_argument", "this browser lets no page choose the loudspeaker")
      }
    })
  }

  setVideoQuality(quality: VideoQuality): Promise<void> {
    return this.telling(async () => {
      if (!Object.keys(VIDEO_QUALITIES).includes(quality)) {
        const known = Object.keys(VIDEO_QUALITIES).join(", ")
        throw new CallError("bad_argument", `the quality is ${String(quality)}: it is one of ${known}`)
      }
      await this.phone.media.setQuality(quality)
    })
  }

  extractCallingInfoFromMessage(message: unknown): string {
    return callingInfo(message)
  }

  /** Does what a page asked for. What goes wrong rejects and is told as ERROR. */
  telling<T>(act: () => Promise<T>): Promise<T> {
    return handled(async () => {
      try {
        return await act()
      } catch (error) {
        throw this.told(error)
      }
    })
  }

  private told(thrown: unknown): Error {
    const error = thrown instanceof DeviceFault ? thrown : asCallError(thrown)
    const { code, message } = error
    // A call that was given up has an end of its own.
    if (code !== "cancelled") this.deliver({ name: "ERROR", payload: { code, message, errorMsg: message } })
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
