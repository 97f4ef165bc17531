/** The way of a call's media to the server: one transport after the other, until one holds. */

import { CallError, asCallError, type Cancel, type MediaHost, type Platform, type Source, type VideoCodec } from "@tring/core"
import { PathMonitor } from "./path-monitor.js"
import { Transport } from "./transport.js"

/** First and longest wait before another transport is tried after a failure, ms. Higher: less load on a server in
 * trouble. Lower: sound is back sooner. */
export const RETRY_MS = { first: 500, max: 8000 }

/** Failures in a row that this browser makes by itself (its connection, its offer, an answer that it will not take) until
 * no more is tried: they are hardly cured by time. */
export const MAX_OWN_FAILURES = 4

/** Refusals by the server in a row after which the page is told. More are tried as long as the call goes on. */
export const REFUSALS_TOLD = 4

/** What a path sends, needs and reports to. */
export interface PathHost extends Pick<MediaHost, "status" | "silent" | "error"> {
  /** See `MediaCall.exchange`. */
  exchange(offer: string): Promise<string>
  /** What is sent now, by its source; changes are told by {@link Path.send}. */
  tracks(): ReadonlyMap<Source, MediaStreamTrack | null>
  /** The most that the camera's encoder may spend, bit/s. */
  bitrate(): number
  /** Since when the session has its socket, in the platform's time; null while it has none. */
  online(): number | null
  /** The received streams are other ones. */
  changed(): void
}

/** One transport after the other, until one holds: what breaks is made anew, with longer and longer waits. No method throws. */
export class Path {
  private now: Transport | null = null
  /** An offer is out, or was answered. */
  private offered = false
  /** The server has answered the present transport. */
  private answered = false
  private over = false
  private connectedOnce = false
  /** In a row. */
  private failures = 0
  private ownFailures = 0
  private refusals = 0
  private cancelRetry: Cancel = () => {}
  private readonly monitor: PathMonitor

  constructor(
    private readonly platform: Platform,
    private readonly host: PathHost,
  ) {
    this.monitor = new PathMonitor(platform)
  }

  /** The present transport, null between two. */
  get transport(): Transport | null {
    return this.now
  }

  /** The server may take an offer. Nothing to do while one is in use. */
  connect(): void {
    if (!this.offered && !this.over) void this.build()
  }

  /** The way is gone, or the network is another. `lost`: the server says that what it has is gone. It also does when a
   * transport of before was closed here, before the offer of its successor has reached it. */
  reconnect(lost = false): void {
    if (!this.offered || this.over) return
    if (lost && this.now !== null && !this.answered) return
    this.ownFailures = this.refusals = 0
    this.drop()
    this.host.status("reconnecting")
    void this.build()
  }

  /** The session has a socket again. */
  reached(): void {
    this.monitor.reached()
  }

  /** Sends another track, or nothing. */
  send(source: Source, track: MediaStreamTrack | null): void {
    this.now?.send(source, track).catch((error) => this.platform.log("warn", `${source} cannot be sent`, error))
  }

  /** The most that the camera's encoder may spend has changed. */
  limit(): void {
    // A picture that costs more than it should is better than none.
    this.now?.limit("camera", this.host.bitrate()).catch((error) => this.platform.log("info", "the bitrate stays", error))
  }

  /** Sends pictures in another codec: at once where the browser can, else by one new offer. */
  sendVideoIn(codec: VideoCodec): void {
    const transport = this.now
    // Between two transports the next answer has it first.
    void transport?.sendVideoIn(codec).then((changed) => {
      if (!changed && this.now === transport) this.reconnect()
    })
  }

  /** The call is over. */
  close(): void {
    this.over = true
    this.drop()
  }

  private async build(): Promise<void> {
    this.offered = true
    this.answered = false
    if (this.failures === 0 && !this.connectedOnce) this.host.status("connecting")
    let transport: Transport | null = null
    try {
      const made = new Transport(this.platform, {
        connected: () => this.connected(made),
        silent: () => this.host.silent(),
        reachable: () => this.host.online() !== null,
        broken: () => {
          if (this.now === made) this.retry()
        },
      })
      transport = this.now = made
      this.host.changed()
      await Promise.all([...this.host.tracks()].map(([source, track]) => made.send(source, track)))
      const answer = await this.host.exchange(await made.offer())
      if (this.now !== made) return
      this.answered = true
      await made.answer(answer)
      if (this.now === made) this.limit()
    } catch (thrown) {
      if (this.now === transport && !this.over) this.failed(thrown)
    }
  }

  private connected(transport: Transport): void {
    this.failures = this.ownFailures = this.refusals = 0
    this.connectedOnce = true
    this.monitor.start({
      stats: () => transport.stats(),
      online: () => this.host.online(),
      silent: () => this.host.silent(),
      remake: (why) => {
        this.platform.log("info", `media: another transport: ${why}`)
        this.reconnect()
      },
    })
    this.host.status("connected")
  }

  private failed(thrown: unknown): void {
    this.drop()
    if (!(thrown instanceof CallError)) return this.failedHere(thrown)
    const { code, message, retry } = thrown
    if (code === "preconnect_refused") {
      this.offered = false // connect() comes again with the answer
    } else if (retry || code === "internal") {
      if (++this.refusals === REFUSALS_TOLD) this.host.error(code, message)
      this.retry()
    } else if (code === "offer_invalid" || code === "offer_too_large" || code === "bad_answer") {
      this.stop(code, message)
    }
    // Else the call is over, and its end says so.
  }

  private failedHere(thrown: unknown): void {
    this.platform.log("warn", "the media path could not be set up", thrown)
    if (++this.ownFailures < MAX_OWN_FAILURES) this.retry()
    else this.stop("media_failed", `the browser could not set up sound and picture: ${asCallError(thrown).message}`)
  }

  private stop(code: string, message: string): void {
    this.host.status("idle")
    this.host.error(code, message)
  }

  private retry(): void {
    if (this.over) return
    this.drop()
    this.host.status("reconnecting")
    const wait = Math.min(RETRY_MS.first * 2 ** this.failures++, RETRY_MS.max)
    this.cancelRetry = this.platform.setTimer(wait, () => void this.build())
  }

  private drop(): void {
    this.cancelRetry()
    this.monitor.stop()
    const before = this.now
    this.now = null
    if (before === null) return
    before.close()
    this.host.changed()
  }
}
