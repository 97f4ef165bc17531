/** What is heard of the others: one audio element, the loudspeaker it plays on, and the browser's autoplay rule. */

import { kindOf } from "@tring/core"
import type { ReceivedTrack } from "./received.js"

/** Plays the others' voices, and the sound of their screens, through one audio element. */
export class Playback {
  private sounds: HTMLAudioElement | null = null
  private speaker = ""
  private heard = true
  private waits = false

  /** `changed` hears that sound waits for a touch of the page, or waits no more. */
  constructor(private readonly changed: () => void) {}

  /** True if the browser wants a touch of the page before it plays. */
  get blocked(): boolean {
    return this.waits
  }

  /** Whether the others are heard on this device. Off, the streams still flow. */
  get listening(): boolean {
    return this.heard
  }
  set listening(on: boolean) {
    this.heard = on
    if (this.sounds === null) return
    this.sounds.muted = !on
    if (on && this.sounds.srcObject !== null) void this.play()
  }

  /** The id of the loudspeaker; empty for the browser's own choice. */
  get speakerID(): string {
    return this.speaker
  }

  /** What is to be heard, whoever sends it; pictures among it are passed over. It begins with {@link play}. */
  hear(tracks: readonly ReceivedTrack[]): void {
    const sounds = tracks.filter(({ source }) => kindOf(source) === "audio").map(({ track }) => track)
    if (sounds.length > 0) this.element().srcObject = new MediaStream(sounds)
    else if (this.sounds !== null) this.sounds.srcObject = null
  }

  /** Plays. False if the browser wants a touch of the page first: then call it from a click. */
  async play(): Promise<boolean> {
    const sounds = this.element()
    const playing = sounds.play()
    // Without a stream it would wait for one; asked for inside a gesture, it still counts for the stream to come.
    if (sounds.srcObject === null) {
      playing.catch(() => {})
      return true
    }
    try {
      await playing
      this.setBlocked(false)
    } catch (error) {
      // A new stream interrupts the old one's play(); only the autoplay rule needs the user.
      if ((error as { name?: string }).name === "NotAllowedError" && sounds.srcObject !== null) this.setBlocked(true)
    }
    return !this.waits
  }

  /** The loudspeaker to use. False where the browser cannot choose; rejects if it is not there. */
  async useSpeaker(deviceID: string): Promise<boolean> {
    const sounds = this.element()
    if (typeof sounds.setSinkId !== "function") return false
    await sounds.setSinkId(deviceID)
    this.speaker = deviceID
    return true
  }

  /** The call is over. */
  stop(): void {
    this.hear([])
    this.setBlocked(false)
  }

  private element(): HTMLAudioElement {
    if (this.sounds === null) {
      this.sounds = document.createElement("audio")
      this.sounds.autoplay = true
      this.sounds.muted = !this.heard
    }
    return this.sounds
  }

  private setBlocked(blocked: boolean): void {
    if (this.waits === blocked) return
    this.waits = blocked
    this.changed()
  }
}
