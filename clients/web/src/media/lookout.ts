/**
 * Looks after a path that was connected: asks after the server as soon as nothing arrives any more, and says when another
 * transport is needed. Silence alone never costs one: either the session's socket was dead as well, and the server has been
 * reached by another, or the path has failed its own checks for long.
 */

import type { Cancel, Platform } from "../../../core/src/index.js"
import { Watch, sampleOf, type Verdict } from "./watch.js"

/** Time between two looks, ms. Higher: less CPU. Lower: silence is noticed sooner. */
const LOOK_MS = 300

/** Time between two transports that are made for silence, ms. Higher: a network that comes and goes makes fewer. Lower: the
 * second of two changes is followed sooner. */
export const REMAKE_MS = 10_000

/** A socket that is at most so much older than the silence is taken for a sign of the same change, ms: the system may have
 * closed the one before at once. Higher: more coincidences count. Lower: a change that closes sockets first is found later. */
const SAME_CHANGE_MS = 1000

/** What is looked after, and who is told. */
export interface LookoutHost {
  /** The path's measurements. Rejects when it is closed. */
  stats(): Promise<RTCStatsReport>
  /** See `MediaHost.silent`. */
  silent(): Promise<number>
  /** Another transport is needed. */
  remake(why: string): void
}

/** See the head of this file. One for a call; {@link start} for each of its transports. */
export class Lookout {
  private cancel: Cancel = () => {}
  private host: LookoutHost | null = null
  private watch = new Watch()
  /** How far the question for the server is that the present silence is worth. */
  private question: "none" | "asked" | "answered" = "none"
  private remadeAt = -Infinity

  constructor(private readonly platform: Platform) {}

  /** This path is connected. */
  start(host: LookoutHost): void {
    this.stop()
    this.host = host
    this.watch = new Watch()
    this.question = "none"
    this.wait(host)
  }

  /** It is gone. */
  stop(): void {
    this.host = null
    this.cancel()
  }

  private wait(host: LookoutHost): void {
    this.cancel = this.platform.setTimer(LOOK_MS, () => {
      // The next one when this one is done: one at a time.
      void this.look(host).then(() => {
        if (this.host === host) this.wait(host)
      })
    })
  }

  private async look(host: LookoutHost): Promise<void> {
    const verdict = await this.judge(host)
    if (this.host !== host) return
    if (verdict === "alive") {
      this.question = "none"
    } else if (this.question === "none") {
      this.question = "asked"
      this.platform.log("info", "media: nothing arrives")
      void host.silent().then((since) => this.answered(host, since))
    } else if (verdict === "dead" && this.question === "answered") {
      // Without an answer there is no network: the path heals with it, and sooner than a new one is made.
      this.remake(host, "nothing arrives and its checks are not answered")
    }
  }

  /** The server is there, by a socket that the session has since then. */
  private async answered(host: LookoutHost, since: number): Promise<void> {
    if (this.host !== host || this.question !== "asked") return
    this.question = "answered"
    const another = since >= this.watch.heard - SAME_CHANGE_MS
    // What has healed has been heard by now: it had fewer ways to go than a new socket.
    if (another && (await this.judge(host)) !== "alive") this.remake(host, "nothing arrives and the socket was dead too")
  }

  private async judge(host: LookoutHost): Promise<Verdict> {
    try {
      const sample = sampleOf(await host.stats())
      // A browser that does not say: then its own word has to do.
      return sample === null ? "alive" : this.watch.look(sample, this.platform.now())
    } catch (_) {
      return "alive" // closed meanwhile
    }
  }

  private remake(host: LookoutHost, why: string): void {
    const now = this.platform.now()
    if (this.host !== host || now - this.remadeAt < REMAKE_MS) return
    this.remadeAt = now
    host.remake(why)
  }
}
