/**
 * The devices of the present call: what the user wants goes to the media, to the screen and to the server, in this order, so
 * that a muted microphone is silent before anybody has heard of it.
 */

import { merged, type ActiveCall, type CallContext } from "./active-call.js"
import { sameDevices } from "./device-report.js"
import type { Devices } from "./media-port.js"

/**
 * See the head of `call-devices.ts`. One for a call client.
 *
 * @internal
 */
export class CallDevices {
  constructor(private readonly client: CallContext) {}

  /** These are wanted now. Nothing happens if they are so already. */
  apply(active: ActiveCall, devices: Devices): void {
    const { call } = active
    if (sameDevices(call.devices, devices)) return
    call.devices = devices
    // What is chosen while it rings here counts from the answer on: no device opens before.
    if (call.phase !== "ringing") this.tellMedia(active)
    this.client.emit({ type: "changed", call })
    this.tellServer(active)
  }

  /** The camera alone, and not yet told to the server. */
  applyCamera(active: ActiveCall, camera: boolean): void {
    const { call } = active
    if (call.devices.camera === camera) return
    call.devices = merged(call.devices, { camera })
    this.tellMedia(active)
    this.client.emit({ type: "changed", call })
  }

  /** The media is to have on what the call has. */
  tellMedia(active: ActiveCall): void {
    const { devices } = active.call
    if (sameDevices(active.mediaHas, devices)) return
    active.mediaHas = devices
    this.client.media.setDevices(devices)
  }

  /** The others are to know what is on, if the server knows the call by now. */
  tellServer(active: ActiveCall): void {
    if (active.call.callID !== "" && this.client.isCurrent(active)) active.report.tell(active.call.devices)
  }

  /** Both called each other, and one of them by voice: no picture without the consent of both. */
  becomesVoice(active: ActiveCall): void {
    active.call.media = "audio"
    active.report.cameraWasSwitchedOff()
    this.apply(active, merged(active.call.devices, { camera: false }))
  }
}
