/**
 * Looks after a path that was connected: asks after the server as soon as nothing arrives any more, and says when another
 * transport is needed. Silence alone never costs one. Either the session has had to take another socket as well, and the
 * server is reached by it, or the path fails its own checks while the server is reached. Without a server there is no network,
 * and the path heals with it sooner than another one is made.
 */

import type { Cancel, Platform } from "@tring/core"
import { PathLiveness, sampleOf, type Verdict } from "./path-liveness.js"

/** Time between two looks, ms. Higher: less CPU. Lower: silence is noticed sooner. */
const LOOK_MS = 300

/** Time between two transports that are made for silence, ms. Higher: a network that comes and goes makes fewer. Lower: the
 * second of two changes is followed sooner. */
export const REMAKE_MS = 10_000

/** A socket that is at most so much older than the silence is a sign of the same change, ms: some systems close sockets at
 * once. Higher: more coincidences count. Lower: what was sent before the change, and comes after it, hides the sign. */
const SAME_CHANGE_MS = 1000

/** What is looked after, and who is told. */
export interface PathMonitorHost {
  /** The path's measurements. Rejects when it is closed. */
  stats(): Promise<RTCStatsReport>
  /** Since when the session has its socket, in the platform's time; null while it has none. */
  online(): number | null
  /** See `MediaHost.silent`. */
  silent(): void
  /** Another transport is needed. */
  remake(why: string): void
}

/** Says when a silent path needs another transport. One for a call; {@link start} for each transport of the call. */
export class PathMonitor {
  private cancel: Cancel = () => {}
  private host: PathMonitorHost | null = null
  private liveness = new PathLiveness()
  /** The server was asked after because of the present silence. */
  private asked = false
  private round = 0
  private remadeAt = -Infinity

  constructor(private readonly platform: Platform) {}

  /** This path is connected. */
  start(host: PathMonitorHost): void {
    this.stop()
    this.host = host
    this.liveness = new PathLiveness()
    this.asked = false
    this.wait(host)
  }

  /** It is gone. */
  stop(): void {
    this.host = null
    this.cancel()
  }

  /** The session has a socket again. What has healed has been heard by now: it had fewer ways to go than the socket. */
  reached(): void {
    if (this.host !== null && this.asked) void this.look(this.host)
  }

  private wait(host: PathMonitorHost): void {
    this.cancel = this.platform.setTimer(LOOK_MS, () => void this.look(host))
  }

  /** The newest look counts, and the next one comes after it. */
  private async look(host: PathMonitorHost): Promise<void> {
    const round = ++this.round
    this.cancel()
    const verdict = await this.judge(host)
    if (this.host !== host || this.round !== round) return
    this.wait(host)
    this.act(host, verdict)
  }

  private async judge(host: PathMonitorHost): Promise<Verdict> {
    try {
      const sample = sampleOf(await host.stats())
      // A browser that does not count: its own word has to do.
      return sample === null ? "alive" : this.liveness.look(sample, this.platform.now())
    } catch (_) {
      return "alive" // closed meanwhile
    }
  }

  private act(host: PathMonitorHost, verdict: Verdict): void {
    if (verdict === "alive") {
      this.asked = false
      return
    }
    if (!this.asked) {
      this.asked = true
      this.platform.log("info", "media: nothing arrives")
      host.silent()
    }
    const online = host.online()
    if (online === null) return
    if (online >= this.liveness.heard - SAME_CHANGE_MS) this.remake(host, "the session has another socket")
    else if (verdict === "dead") this.remake(host, "the path fails its checks")
  }

  private remake(host: PathMonitorHost, why: string): void {
    const now = this.platform.now()
    if (now - this.remadeAt < REMAKE_MS) return
    this.remadeAt = now
    host.remake(why)
  }
}
