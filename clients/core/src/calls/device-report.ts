/** Tells the server which devices of this side are on. */

import { asCallError } from "../errors.js"
import type { Devices } from "./media-port.js"
import type { Cancel, Platform } from "../session/platform.js"

/** First and longest wait, ms, before a refused state is told again. Higher: less load from a user who plays with the
 * mute key. Lower: the others see the truth sooner. */
export const REPORT_RETRY_MS = { first: 1000, max: 8000 }

/**
 * Only the newest state matters: at most one request is under way, and one is sent while what was told is not the truth.
 *
 * @internal
 */
export class DeviceReport {
  private wanted: Devices
  private busy = false
  private refusals = 0
  private stopped = false
  private cancelTimer: Cancel = () => {}

  /** `told` is what the server takes for granted; `ask` sends. */
  constructor(
    private readonly platform: Platform,
    private told: Devices,
    private readonly ask: (devices: Devices) => Promise<unknown>,
  ) {
    this.wanted = told
  }

  /** This is the truth now. */
  tell(now: Devices): void {
    this.wanted = now
    this.next()
  }

  /** The server has switched the camera off by itself. */
  cameraWasSwitchedOff(): void {
    this.told = { microphone: this.told.microphone, camera: false }
  }

  /** The call is over. */
  stop(): void {
    this.stopped = true
    this.cancelTimer()
  }

  private next(): void {
    if (this.busy || this.stopped || sameDevices(this.told, this.wanted)) return
    this.busy = true
    const sent = this.wanted
    this.ask(sent).then(
      () => {
        this.refusals = 0
        this.told = sent
        this.ready()
      },
      (error) => {
        this.platform.log("info", `devices: ${asCallError(error).code}`)
        if (this.stopped) return
        const wait = Math.min(REPORT_RETRY_MS.first * Math.pow(2, Math.min(this.refusals++, 8)), REPORT_RETRY_MS.max)
        this.cancelTimer = this.platform.setTimer(wait, () => this.ready())
      },
    )
  }

  private ready(): void {
    this.busy = false
    this.next()
  }
}

/** True if the same devices are on. */
export function sameDevices(one: Devices, other: Devices): boolean {
  return one.microphone === other.microphone && one.camera === other.camera
}
