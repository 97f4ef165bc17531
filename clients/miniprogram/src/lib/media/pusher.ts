/**
 * This phone's own stream: one live-pusher.
 *
 * ```
 *  off ─(agreed, video, caller)─▶ preview ─┐
 *  off ─(both talk, microphone allowed)────┴▶ starting ─1002─▶ pushing
 *  pushing, starting ── −1307 ──▶ lost ── after a while, addresses asked for anew ──▶ starting
 *  pushing ── 5000 ──▶ suspended ── the app is shown again ──▶ starting
 *  any ── −1302 ──▶ refused ── the user allows it in the settings ──▶ starting
 * ```
 *
 * The tag stays mounted until the call is over; the microphone is muted by its volume, the camera by `enable-camera`.
 */

import { backoff, type Cancel, type MediaHost, type Platform } from "@tring/core"
import type { StreamAddresses } from "./addresses.js"
import type { PusherControl, Stage } from "./stage.js"

/**
 * Where the pusher of a call stands.
 *
 * | state | meaning |
 * |---|---|
 * | `off` | no tag is mounted |
 * | `preview` | the own camera is shown, nothing is sent |
 * | `starting` | it connects |
 * | `pushing` | the server takes what is sent |
 * | `lost` | the connection broke, or the encoder; it is tried again after a while |
 * | `suspended` | the phone has stopped it in the background |
 * | `refused` | the microphone may not be used |
 */
export type PusherState = "off" | "preview" | "starting" | "pushing" | "lost" | "suspended" | "refused"

/**
 * What the pusher needs of the call that it serves.
 *
 * @internal
 */
export interface PusherOptions {
  readonly platform: Platform
  readonly stage: Stage
  readonly host: MediaHost
  readonly addresses: StreamAddresses
  /** The user wants to be heard. */
  speaks(): boolean
  /** It stands elsewhere now. */
  changed(): void
}

/**
 * The live-pusher of one call.
 *
 * @internal
 */
export class Pusher {
  private now: PusherState = "off"
  private tries = 0
  private taken = false
  private over = false
  private cancelRenewal: Cancel = () => {}

  constructor(private readonly options: PusherOptions) {}

  get state(): PusherState {
    return this.now
  }

  /** Nothing is sent although something was before, or shall be again. */
  get stopped(): boolean {
    return this.now === "lost" || this.now === "suspended" || (this.taken && this.now === "starting")
  }

  /** Shows the own camera before there is anywhere to push to. */
  preview(): void {
    if (this.now !== "off") return
    this.now = "preview"
    this.options.stage.refresh(() => this.startPreview())
  }

  /** Pushes once the tag has its address: see {@link startIfDue}. False if it does so already, or may not. */
  prepare(): boolean {
    if (this.now !== "off" && this.now !== "preview") return false
    this.now = "starting"
    return true
  }

  /** The tag that was prepared is on the page. */
  startIfDue(): void {
    if (this.now === "starting") this.start()
  }

  /** Another page shows the call: the tag is new. */
  restage(): void {
    if (this.now === "preview") this.startPreview()
    else if (this.now === "starting" || this.now === "pushing" || this.now === "suspended") this.start()
  }

  /** The network is another: what is sent, or tried to be, is sent anew. */
  reconnect(): void {
    if (this.now === "starting" || this.now === "pushing" || this.now === "lost") this.renew(0)
  }

  /** The app is in front again, where the phone had stopped the tag. */
  resume(): void {
    if (this.now === "suspended") this.renew(0)
  }

  /** The microphone, as the user wants it. */
  applyVolume(): void {
    const control = this.now === "pushing" || this.now === "starting" ? this.control() : null
    if (control !== null) control.setMICVolume({ volume: this.options.speaks() ? 1 : 0 })
  }

  switchCamera(): boolean {
    const control = this.now === "off" ? null : this.control()
    if (control !== null) control.switchCamera()
    return control !== null
  }

  // --- what the tag tells ---

  /** The server takes what is pushed. */
  pushing(): void {
    if (this.now !== "starting") return
    this.now = "pushing"
    this.taken = true
    this.tries = 0
    this.applyVolume()
    this.options.changed()
  }

  /** The tag connects anew by itself. */
  retrying(): void {
    if (this.now === "pushing") this.now = "starting"
    this.options.changed()
  }

  /** The connection is gone for good. */
  lost(code: number): void {
    if (this.tries === 0) this.options.host.error(code, "the connection of live-pusher was lost: pushing anew")
    this.again()
  }

  /** The encoder is. */
  broken(code: number): void {
    this.options.host.error(code, `live-pusher's encoder failed (${code}): pushing anew`)
    this.again()
  }

  /** The phone has stopped the tag. `inFront`: told late by a phone that was frozen, the app is in front already. */
  suspended(inFront: boolean): void {
    if (this.now !== "starting" && this.now !== "pushing") return
    this.now = "suspended"
    this.options.changed()
    if (inFront) this.renew(0)
  }

  // --- permissions ---

  /** The microphone may not be used: nothing is pushed, since a tag without it fails. */
  refuse(): void {
    this.cancelRenewal()
    this.now = "refused"
  }

  /** It may be used again. */
  allow(): void {
    if (this.now === "refused") this.now = "off"
  }

  /** The tag has stopped since it may not have the camera: sound goes on. */
  stoppedForCamera(): void {
    if (this.now === "starting" || this.now === "pushing") this.now = "off"
  }

  /** The call is over. Stops the tag before it goes: an iPhone is known to push on otherwise. */
  end(): void {
    const control = this.now === "off" ? null : this.control()
    this.over = true
    this.cancelRenewal()
    if (control !== null) control.stop()
  }

  private control(): PusherControl | null {
    return this.over ? null : this.options.stage.pusher()
  }

  private startPreview(): void {
    const control = this.now === "preview" ? this.control() : null
    if (control !== null) control.startPreview()
  }

  private start(): void {
    const control = this.control()
    if (control === null) return
    this.now = "starting"
    // With its address it starts by itself; where the address was there before, or the camera was shown first, it does not.
    control.start()
  }

  private again(): void {
    this.renew(backoff(this.tries++, this.options.platform.random()))
  }

  /** Pushes anew after a while. */
  private renew(ms: number): void {
    const { platform, stage, addresses, changed } = this.options
    if (this.now === "refused" || this.now === "off" || this.now === "preview") return
    this.now = "lost"
    this.cancelRenewal()
    this.cancelRenewal = platform.setTimer(ms, () => {
      addresses.renew((arrived) => {
        if (this.now !== "lost") return
        if (!arrived) return this.again()
        this.now = "starting"
        stage.refresh(() => {
          const control = this.control()
          if (control !== null) control.stop({ complete: () => this.start() })
        })
        changed()
      })
    })
    changed()
  }
}
