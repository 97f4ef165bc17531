/** One microphone or one camera of this device, during one call: what is open follows what is wanted. */

import { DEVICE_ERRORS, DeviceFault } from "./devices.js"

/** How often a device that ends by itself is opened again in one call. Higher: a loose plug is forgiven longer. Lower: a
 * device that dies at once is given up sooner. */
const MAX_REOPENED = 5

/** What a device reports. */
export interface LocalDeviceEvents {
  /** This is what is sent from now on. */
  changed(track: MediaStreamTrack | null): void
  /** It cannot be had, and is not wanted any more. */
  failed(fault: DeviceFault): void
}

/**
 * One task opens and closes, so a prompt of the browser is never asked twice, and whatever was wished while it was open
 * (another device, none at all) is done when it is closed.
 */
export class LocalDevice<Wish> {
  private open: MediaStreamTrack | null = null
  /** The wish by which it was opened. */
  private openBy: Wish | null = null
  private wanted = false
  private over = false
  private busy = false
  private done: Promise<void> = Promise.resolve()
  private refused: { wish: Wish; fault: DeviceFault } | null = null
  private reopened = 0

  /** `opener` rejects with a {@link DeviceFault}. */
  constructor(
    private wish: Wish,
    private readonly opener: (wish: Wish) => Promise<MediaStreamTrack>,
    private readonly events: LocalDeviceEvents,
  ) {}

  /** What is open. */
  get track(): MediaStreamTrack | null {
    return this.open
  }

  /** Opens it, or closes it, its light too. Settles when what is open is what is wanted. Never rejects. */
  want(on: boolean): Promise<void> {
    this.wanted = on && !this.over
    if (!on) this.drop()
    return this.follow()
  }

  /**
   * Another one from now on. Rejects with a {@link DeviceFault} if it cannot be had while one is open; that one is kept.
   */
  async choose(wish: Wish): Promise<void> {
    this.wish = wish
    this.refused = null
    await this.follow()
    const refused = this.refused as { wish: Wish; fault: DeviceFault } | null
    if (refused !== null && refused.wish === wish) throw refused.fault
  }

  /** The call is over. */
  close(): void {
    this.over = true
    void this.want(false)
  }

  private follow(): Promise<void> {
    if (!this.busy) this.done = this.work()
    return this.done
  }

  private async work(): Promise<void> {
    this.busy = true
    try {
      while (this.wanted && (this.open === null || this.openBy !== this.wish)) await this.replace(this.wish)
    } finally {
      this.busy = false
    }
  }

  /** The new one is opened before the old one is closed, so that nothing is lost if it cannot be had. */
  private async replace(wish: Wish): Promise<void> {
    const before = this.openBy
    let got = await this.attempt(wish)
    if (got instanceof DeviceFault && got.busy && this.open !== null) {
      // This platform opens one at a time: the old one makes room, and comes back if the new one cannot be had.
      this.drop()
      got = await this.attempt(wish)
      if (got instanceof DeviceFault && before !== null) {
        const old = await this.attempt(before)
        if (!(old instanceof DeviceFault)) this.take(old, before)
      }
    }
    if (!(got instanceof DeviceFault)) this.take(got, wish)
    else if (this.wish === wish) this.giveUp(wish, got)
  }

  private async attempt(wish: Wish): Promise<MediaStreamTrack | DeviceFault> {
    try {
      return await this.opener(wish)
    } catch (error) {
      return error instanceof DeviceFault ? error : new DeviceFault(DEVICE_ERRORS.refused, String(error))
    }
  }

  private take(track: MediaStreamTrack, wish: Wish): void {
    if (!this.wanted) {
      track.stop() // switched off, or hung up, while the prompt was open
      return
    }
    const before = this.open
    this.open = track
    this.openBy = wish
    track.onended = () => this.ended(track)
    this.events.changed(track)
    if (before !== null) stop(before)
  }

  /** It cannot be had. */
  private giveUp(wish: Wish, fault: DeviceFault): void {
    if (this.open !== null && this.openBy !== null) {
      this.wish = this.openBy
      this.refused = { wish, fault }
    } else if (this.wanted) {
      this.wanted = false
      this.events.failed(fault)
    }
  }

  private drop(): void {
    const before = this.open
    if (before === null) return
    this.open = this.openBy = null
    stop(before)
    this.events.changed(null)
  }

  /** Unplugged, say: another one may be there. */
  private ended(track: MediaStreamTrack): void {
    if (this.open !== track) return
    this.drop()
    if (this.reopened++ < MAX_REOPENED) void this.follow()
    else this.giveUp(this.wish, new DeviceFault(DEVICE_ERRORS.refused, "the device ends again and again: choose another one"))
  }
}

function stop(track: MediaStreamTrack): void {
  track.onended = null
  track.stop()
}
