/** The guide's methods on one phone of a browser, for both surfaces; see {@link GuideApi}. */

import { CallError, GuideApi, type CallParameters, type Fault, type GuideEvent, type Surface } from "@tring/core"
import type { EventName } from "./event-names.js"
import { DeviceFault, VIDEO_QUALITIES, listDevices, type DeviceChoice, type Facing, type VideoQuality } from "./media/devices.js"
import type { Phone } from "./phone.js"

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

/** The guide's methods in a browser: those of every surface, and what only browsers have (devices to choose, playback). */
export class WebGuideApi extends GuideApi {
  private readonly stopBlocked: () => void

  /** `deliver` hands an event to the page. */
  constructor(
    readonly phone: Phone,
    surface: Surface,
    deliver: (event: PageEvent) => void,
  ) {
    // Before the others: a page hears why before it hears that something failed.
    const stopBlocked = phone.client.on((event) => {
      const blocked = event.type === "error" && event.code === "playback_blocked"
      if (blocked) deliver({ name: "AUTOPLAY_FAILED", payload: undefined })
    })
    super(phone.client, { surface, deliver, warn, fault: () => phone.fault })
    this.stopBlocked = stopBlocked
  }

  /** Ends everything. */
  override async dispose(): Promise<void> {
    await this.phone.dispose()
    this.stopBlocked()
    void super.dispose()
  }

  override call(parameters: Partial<CallParameters> | undefined): Promise<void> {
    // The click that calls is the page's leave to play what is heard later.
    void this.phone.media.play()
    return super.call(parameters)
  }

  /** There are no group calls yet: who asks for one is told so, and nothing throws. */
  groupCall(): Promise<never> {
    return this.telling(() => Promise.reject(new CallError("not_available", "groupCall(): group calls are not possible yet; call() calls one user")))
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
    return known ? this.phone.media.streamOf(userID) : null
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

  protected override asFault(thrown: unknown): Fault {
    return thrown instanceof DeviceFault ? thrown : super.asFault(thrown)
  }
}

function warn(text: string): void {
  console.warn(`[tring] ${text}`)
}
