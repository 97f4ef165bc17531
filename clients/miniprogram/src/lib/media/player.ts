/**
 * One stream of somebody else: one live-player.
 *
 * ```
 *  starting ─2004─▶ playing ── −2301, 2006, many 2103, a cache that grows ──▶ lost ──▶ starting
 * ```
 */

import { backoff, sameSources, type Cancel, type Platform, type PlayStream, type Sources } from "@tring/core"
import type { StreamAddresses } from "./addresses.js"
import type { PlayerControl, Stage } from "./stage.js"

/** Reconnections that a player may tell in a row before it is started anew. Higher: fewer restarts. Lower: a storm of
 * them ends sooner. */
export const PLAYER_RETRIES = 4

/** Sound or picture that waits in a player, ms, above which it is too late for talk. Higher: fewer restarts. Lower: less
 * delay. */
export const CACHE_HIGH_MS = 2000

/** Reports (one each 2 s) in a row with such a cache before the player is started anew. Higher: fewer restarts. Lower: less
 * delay. */
export const CACHE_HIGH_REPORTS = 3

/** A player is not started anew for its cache more often than this, ms: on a slow network it would never play. */
export const CACHE_REST_MS = 20_000

/** What a stream carries. Each user has one stream today; a screen's will be a second one, with sources of its own. */
function carriedBy(_: PlayStream): Sources {
  return ["microphone", "camera"]
}

/** The same sources of the same user: the addresses may differ. */
export function isSameStream(one: PlayStream, other: PlayStream): boolean {
  return one.userID === other.userID && sameSources(carriedBy(one), carriedBy(other))
}

/**
 * What a player needs of the call that it serves.
 *
 * @internal
 */
export interface PlayerOptions {
  readonly platform: Platform
  readonly stage: Stage
  readonly addresses: StreamAddresses
  /** It stands elsewhere now. */
  changed(): void
}

/**
 * The live-player of one stream.
 *
 * @internal
 */
export class Player {
  private now: "starting" | "playing" | "lost" = "starting"
  private tries = 0
  /** Reconnections that the tag has told since it last played. */
  private retries = 0
  /** Reports in a row with a high cache. */
  private highReports = 0
  private renewedAt = -CACHE_REST_MS
  private over = false
  private cancelRenewal: Cancel = () => {}

  /** `id` is the tag's. */
  constructor(
    readonly id: string,
    public stream: PlayStream,
    private readonly options: PlayerOptions,
  ) {}

  get isPlaying(): boolean {
    return this.now === "playing"
  }

  /** Nothing comes, although something did or should. */
  get isLost(): boolean {
    return this.now === "lost" || this.retries > 0
  }

  /** Plays on a tag that is new on the page. */
  start(): void {
    const control = this.control()
    if (control !== null) control.play()
  }

  // --- what the tag tells ---

  playing(): void {
    this.now = "playing"
    this.tries = this.retries = this.highReports = 0
    this.options.changed()
  }

  /** It connects anew by itself. */
  retrying(): void {
    if (this.now === "lost") return
    this.now = "starting"
    this.retries++
    if (this.retries >= PLAYER_RETRIES) this.again()
    this.options.changed()
  }

  /** The stream has broken off: it is played anew after a while. */
  again(): void {
    this.renew(backoff(this.tries++, this.options.platform.random()))
  }

  /** So much waits to be played, ms. */
  cached(ms: number): void {
    if (this.now !== "playing") return
    this.highReports = ms > CACHE_HIGH_MS ? this.highReports + 1 : 0
    const rested = this.options.platform.now() - this.renewedAt >= CACHE_REST_MS
    if (this.highReports >= CACHE_HIGH_REPORTS && rested) this.renew(0)
  }

  /** Plays anew in `ms`, from an address that is asked for then. */
  renew(ms: number): void {
    const { platform, stage, addresses, changed } = this.options
    this.now = "lost"
    this.retries = this.highReports = 0
    this.cancelRenewal()
    this.cancelRenewal = platform.setTimer(ms, () => {
      addresses.renew((arrived) => {
        if (this.now !== "lost") return
        if (!arrived) return this.again()
        this.now = "starting"
        this.renewedAt = platform.now()
        stage.refresh(() => {
          const control = this.control()
          if (control !== null) control.stop({ complete: () => this.start() })
        })
        changed()
      })
    })
    changed()
  }

  /** The call is over. */
  end(): void {
    this.over = true
    this.cancelRenewal()
  }

  private control(): PlayerControl | null {
    return this.over ? null : this.options.stage.player(this.id)
  }
}
