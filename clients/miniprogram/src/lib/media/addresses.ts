/** Where a call's streams are pushed to and played from: asked of the server once, and anew after a stream was lost. */

import { asCallError, backoff, type Cancel, type MediaCall, type MediaHost, type Platform, type Streams } from "@tring/core"

/**
 * The addresses of one call's streams.
 *
 * @internal
 */
export class StreamAddresses {
  private known: Streams | null = null
  private asking = false
  private tries = 0
  private over = false
  private cancelAsking: Cancel = () => {}

  constructor(
    private readonly platform: Platform,
    private readonly call: MediaCall,
    private readonly host: MediaHost,
    /** Hears of each answer to {@link renew}, before who has asked. */
    private readonly renewed: (streams: Streams) => void,
  ) {}

  /** The newest ones; null before the server has told any. */
  get streams(): Streams | null {
    return this.known
  }

  /** Asks for the first ones, again and again while both talk. One question at a time. */
  ask(arrived: () => void): void {
    if (this.asking || this.over) return
    this.asking = true
    this.cancelAsking()
    this.call.streams().then(
      (streams) => {
        this.asking = false
        if (this.over) return
        this.known = streams
        this.tries = 0
        arrived()
      },
      (thrown) => {
        this.asking = false
        const error = asCallError(thrown)
        this.platform.log("info", `streams: ${error.code}`)
        if (this.over || !this.call.talking) return // asked again at the answer
        if (!error.retry) this.host.error(error.code, error.message)
        this.cancelAsking = this.platform.setTimer(backoff(this.tries++, this.platform.random()), () => this.ask(arrived))
      },
    )
  }

  /** Asks for them anew. `then` hears whether they have come, or it has to be tried again; nothing once the call is over. */
  renew(then: (arrived: boolean) => void): void {
    if (this.over) return
    this.call.streams().then(
      (streams) => {
        if (this.over) return
        this.known = streams
        this.renewed(streams)
        then(true)
      },
      (thrown) => {
        this.platform.log("info", `streams: ${asCallError(thrown).code}`)
        if (!this.over) then(false)
      },
    )
  }

  /** The call is over: nothing is asked or told any more. */
  end(): void {
    this.over = true
    this.cancelAsking()
  }
}
