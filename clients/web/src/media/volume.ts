/** How loud both sides are, as the browser measures it anyway. */

import type { Cancel, Platform, VoiceVolume } from "@tring/core"
import type { Transport } from "./transport.js"

/** Time between two looks at the volumes, ms. Higher: less CPU. Lower: a livelier meter. */
const VOLUME_MS = 300

/** What is measured. */
export interface VolumeSource {
  self: string
  readonly others: readonly string[]
  /** Null between two paths. */
  transport(): Transport | null
  /** This side's microphone is open and on. */
  speaking(): boolean
}

/** Reports the volumes again and again, while there is a path. */
export class VolumeMeter {
  private cancel: Cancel = () => {}

  constructor(
    private readonly platform: Platform,
    private readonly source: VolumeSource,
    private readonly report: (levels: VoiceVolume[]) => void,
  ) {}

  start(): void {
    this.stop()
    this.cancel = this.platform.setTimer(VOLUME_MS, () => {
      this.start()
      this.look()
    })
  }

  stop(): void {
    this.cancel()
  }

  private look(): void {
    const transport = this.source.transport()
    if (transport === null) return
    measure(this.source, transport).then(this.report, () => {}) // the path was closed meanwhile
  }
}

async function measure(source: VolumeSource, transport: Transport): Promise<VoiceVolume[]> {
  const line = transport.line("microphone")
  const heard = line?.receiver.getSynchronizationSources()[0]
  const levels = source.others.map((userID) => ({ userID, volume: percent(heard?.audioLevel) }))
  let own = 0
  if (source.speaking() && line !== undefined) {
    const report = await line.sender.getStats()
    report.forEach((s: { type: string; audioLevel?: number }) => {
      if (s.type === "media-source") own = percent(s.audioLevel)
    })
  }
  return [{ userID: source.self, volume: own }, ...levels]
}

/** Loudness is felt as a root of the level. */
function percent(level: number | undefined): number {
  return Math.round(100 * Math.sqrt(Math.min(Math.max(level ?? 0, 0), 1)))
}
