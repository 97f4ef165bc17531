/** Ringtone and vibration while somebody calls. */

/** A round of the ringtone, ms; the file is as long. */
const ROUND_MS = 2600

/** The sound's file, from the component's folder. */
const FILE = "static/ring.mp3"

/**
 * Rings and vibrates in rounds until it is stopped. One for an app.
 *
 * @internal
 */
export class Ringer {
  private timer: number | null = null
  private sound: WechatMiniprogram.InnerAudioContext | null = null
  /** Where the component is, from the app's root; the guide's place until a page has told its own. */
  folder = "/components/TRTCCalling/"

  /** Rings until {@link stop}. */
  start(): void {
    if (this.timer !== null) return
    const sound = wx.createInnerAudioContext()
    this.sound = sound
    sound.src = this.folder + FILE
    sound.loop = true
    sound.onError(() => {}) // it vibrates all the same
    sound.play()
    this.vibrate()
    this.timer = setInterval(() => this.vibrate(), ROUND_MS)
  }

  stop(): void {
    const { timer, sound } = this
    this.timer = this.sound = null
    if (timer !== null) clearInterval(timer)
    if (sound === null) return
    sound.stop()
    sound.destroy()
  }

  /** The app is in front again: WeChat has paused the sound. */
  again(): void {
    if (this.sound !== null) this.sound.play()
  }

  private vibrate(): void {
    wx.vibrateLong({ fail: () => {} })
  }
}
