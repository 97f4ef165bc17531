/** Tells the server which sources of this side are on. */

import { asCallError } from "../errors.js"
import type { Cancel, Platform } from "../session/platform.js"
import { commonSources, sameSources, withoutPictures, type Sources } from "../source.js"

/** First and longest wait, ms, before a refused state is told again. Higher: less load from a user who plays with the
 * mute key. Lower: the others see the truth sooner. */
export const REPORT_RETRY_MS = { first: 1000, max: 8000 }

/** What every server takes. */
const BASIC: Sources = ["microphone", "camera"]

/**
 * Only the newest state matters: at most one request is under way, and one is sent while what was told is not the truth.
 *
 * @internal
 */
export class SourceReport {
  private wanted: Sources
  /** Some source was refused: from then on only those are told that every server takes. */
  private onlyBasic = false
  private busy = false
  private refusals = 0
  private stopped = false
  private cancelTimer: Cancel = () => {}

  /** `told` is what the server takes for granted; `ask` sends. */
  constructor(
    private readonly platform: Platform,
    private told: Sources,
    private readonly ask: (sources: Sources) => Promise<unknown>,
  ) {
    this.wanted = told
  }

  /** This is the truth now. */
  tell(now: Sources): void {
    this.wanted = now
    this.next()
  }

  /** The server has switched all pictures off by itself. */
  picturesWereSwitchedOff(): void {
    this.told = withoutPictures(this.told)
  }

  /** The call is over. */
  stop(): void {
    this.stopped = true
    this.cancelTimer()
  }

  private next(): void {
    const sent = this.onlyBasic ? commonSources(this.wanted, BASIC) : this.wanted
    if (this.busy || this.stopped || sameSources(this.told, sent)) return
    this.busy = true
    this.ask(sent).then(
      () => {
        this.refusals = 0
        this.told = sent
        this.ready()
      },
      (error) => {
        const { code } = asCallError(error)
        this.platform.log("info", `devices: ${code}`)
        if (this.stopped) return
        if (code === "source_unsupported" && !this.onlyBasic) {
          this.onlyBasic = true
          return this.ready()
        }
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
