/**
 * Whether anything still arrives on a media path. Pure: measurements and their time in, a verdict out.
 *
 * The browser's own word (`disconnected`) comes after five to seven seconds, since it listens to ICE checks alone, and they
 * are rare. This listens to everything. The server confirms what is sent to it within 50 ms (transport-wide feedback), so
 * who sends sound and hears nothing back has lost the way; who sends nothing knows by a check without an answer. Silence
 * alone says nothing: where both sides are muted, checks are all that comes.
 *
 * | since something came last | and meanwhile | verdict |
 * |---|---|---|
 * | less than {@link SILENT_MS} | | `alive` |
 * | longer | {@link UNCONFIRMED} packets were sent, or a check is unanswered for {@link SILENT_MS} and two round trips | `silent` |
 * | {@link DEAD_MS} | a check is unanswered for as long | `dead` |
 */

/** Nothing came for so long, ms, though it should have. Higher: fewer questions to the server where a network stutters.
 * Lower: sound is back sooner after a change of the network. */
export const SILENT_MS = 1000

/** Packets sent without a word of the server. Higher: losses on the way up alone are less likely taken for silence. Lower: a
 * client that sends little is judged sooner. A voice is 50 a second. */
export const UNCONFIRMED = 20

/** Nothing came for so long, ms, that the path is given up, though the server is reached otherwise. Higher: more heal by
 * themselves (a browser checks every 2.5 s, and a check is what tells the server of another port). Lower: sound is back sooner. */
export const DEAD_MS = 3500

/** Two measurements farther apart than this, ms, say nothing of the time between: the page stood still, or the machine slept.
 * Higher: more is held against a path that nobody looked at. Lower: pages whose timers are slowed down (to one a second, in the
 * background) look at nothing. */
export const BLIND_MS = 2000

/** Counters of the pair of addresses in use, since its beginning. */
export interface PathSample {
  /** Which pair. */
  readonly pair: string
  /** Packets that came, and answers to checks. */
  readonly came: number
  /** Packets that were sent, or should have been: those that the system refused are among them. */
  readonly sent: number
  /** ICE checks that were sent. */
  readonly checks: number
  /** Of the newest check that was answered, ms. */
  readonly roundTrip: number
}

/** Whether something arrives (`alive`), should but does not (`silent`), or has not for so long that the path is lost (`dead`). */
export type Verdict = "alive" | "silent" | "dead"

/** Judges one media path by the samples that it is given. */
export class PathLiveness {
  /** The sample with which something came last. */
  private base: PathSample | null = null
  private heardAt = 0
  private lookedAt = 0
  /** Since when a check has waited for its answer; null while none has. */
  private askedAt: number | null = null

  /** When something came last, as far as was seen; ms, as all times here. */
  get heard(): number {
    return this.heardAt
  }

  /** Another measurement. */
  look(sample: PathSample, now: number): Verdict {
    const { base, lookedAt } = this
    this.lookedAt = now
    if (base === null || now - lookedAt > BLIND_MS || sample.pair !== base.pair || sample.came !== base.came) {
      this.base = sample
      this.heardAt = now
      this.askedAt = null
      return "alive"
    }
    if (this.askedAt === null && sample.checks > base.checks) this.askedAt = now
    const quiet = now - this.heardAt
    const unanswered = this.askedAt !== null && now - this.askedAt >= SILENT_MS + 2 * sample.roundTrip
    if (quiet >= DEAD_MS && unanswered) return "dead"
    return quiet >= SILENT_MS && (unanswered || sample.sent - base.sent >= UNCONFIRMED) ? "silent" : "alive"
  }
}

/** What of a row of a browser's report is read here: of the kinds `transport` and `candidate-pair`. */
interface ReportRow {
  readonly type: string
  readonly id: string
  readonly selectedCandidatePairId?: string
  readonly nominated?: boolean
  readonly packetsReceived?: number
  readonly responsesReceived?: number
  readonly packetsSent?: number
  readonly packetsDiscardedOnSend?: number
  readonly requestsSent?: number
  /** s. */
  readonly currentRoundTripTime?: number
}

/** An `RTCStatsReport`. */
interface Report {
  forEach(take: (row: ReportRow) => void): void
}

/** What a browser's report says of the pair in use; null if it counts no packets. */
export function sampleOf(report: Report): PathSample | null {
  let inUse: ReportRow | undefined
  let selected: string | undefined
  report.forEach((row) => {
    if (row.type === "transport") selected = row.selectedCandidatePairId
  })
  report.forEach((row) => {
    if (row.type === "candidate-pair" && (selected === undefined ? row.nominated : row.id === selected)) inUse = row
  })
  if (typeof inUse?.packetsReceived !== "number") return null
  return {
    pair: inUse.id,
    came: inUse.packetsReceived + (inUse.responsesReceived ?? 0),
    sent: (inUse.packetsSent ?? 0) + (inUse.packetsDiscardedOnSend ?? 0),
    checks: inUse.requestsSent ?? 0,
    roundTrip: 1000 * (inUse.currentRoundTripTime ?? 0),
  }
}
