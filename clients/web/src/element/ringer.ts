/** Ringtone, ringback and vibration, made here: no file to load. */

/** The ringtone: note (Hz) and when (s) in each round. A rising chord, answered once. */
const RINGTONE = {
  everyS: 2.6,
  volume: 0.16,
  notes: [
    [587.3, 0],
    [740, 0.16],
    [880, 0.32],
    [1174.7, 0.48],
    [880, 0.9],
    [1174.7, 1.06],
  ],
}

/** What the caller hears while it rings: the tone of Chinese networks, 450 Hz, 1 s of every 5. */
const RINGBACK = { everyS: 5, volume: 0.05, hz: 450, lengthS: 1 }

/** Vibration of each round, ms on and off. */
const VIBRATION = [300, 150, 300]

let shared: AudioContext | null = null

/** The page's audio context; null where there is none. */
function context(): AudioContext | null {
  try {
    if (shared === null && typeof AudioContext === "function") shared = new AudioContext()
  } catch (_) {
    // A browser that has no more of them: the call is shown all the same.
  }
  return shared
}

/** One phone's bell. */
export class Ringer {
  private timer: ReturnType<typeof setInterval> | undefined
  private playing: "in" | "out" | null = null
  private gain: GainNode | null = null
  private readonly unlock = () =>
    void context()
      ?.resume()
      .catch(() => {})

  /** Somebody calls. */
  incoming(): void {
    this.start("in", RINGTONE.everyS)
  }

  /** It rings at the other side. */
  outgoing(): void {
    this.start("out", RINGBACK.everyS)
  }

  /** Silence. */
  stop(): void {
    if (this.playing === null) return
    this.playing = null
    clearInterval(this.timer)
    removeEventListener("pointerdown", this.unlock)
    removeEventListener("keydown", this.unlock)
    this.gain?.disconnect()
    this.gain = null
    if (activated()) navigator.vibrate?.(0)
  }

  private start(which: "in" | "out", everyS: number): void {
    if (this.playing === which) return
    this.stop()
    const audio = context()
    if (audio === null) return
    this.playing = which
    // Browsers stay silent until the page was touched; the next round after a touch is heard.
    void audio.resume().catch(() => {})
    addEventListener("pointerdown", this.unlock)
    addEventListener("keydown", this.unlock)
    this.gain = audio.createGain()
    this.gain.connect(audio.destination)
    this.round(audio)
    this.timer = setInterval(() => this.round(audio), everyS * 1000)
  }

  private round(audio: AudioContext): void {
    if (this.playing === "in" && activated()) navigator.vibrate?.(VIBRATION)
    if (audio.state !== "running" && !activated()) return
    const at = audio.currentTime + 0.05
    if (this.playing === "in") {
      for (const [hz = 0, when = 0] of RINGTONE.notes) this.note(audio, hz, at + when, 0.5, RINGTONE.volume, true)
    } else {
      this.note(audio, RINGBACK.hz, at, RINGBACK.lengthS, RINGBACK.volume, false)
    }
  }

  private note(audio: AudioContext, hz: number, at: number, lengthS: number, volume: number, struck: boolean): void {
    if (this.gain === null) return
    const tone = audio.createOscillator()
    const shape = audio.createGain()
    tone.type = struck ? "triangle" : "sine"
    tone.frequency.value = hz
    shape.gain.setValueAtTime(0.0001, at)
    shape.gain.exponentialRampToValueAtTime(volume, at + 0.02)
    if (struck) shape.gain.exponentialRampToValueAtTime(0.0001, at + lengthS)
    else shape.gain.setTargetAtTime(0.0001, at + lengthS - 0.05, 0.02)
    tone.connect(shape).connect(this.gain)
    tone.start(at)
    tone.stop(at + lengthS + 0.05)
  }
}

/** Browsers complain when a page vibrates that was never touched. */
function activated(): boolean {
  return navigator.userActivation?.hasBeenActive ?? true
}
