/**
 * A clock that nobody can set, made of one that somebody can and of timers. Pure: both come in.
 *
 * A timer that was due has seen its time pass, whatever the clock shows. Between two timers the clock is believed where what
 * it says can be. Where it cannot, it was set, or the phone stood still, and the timer's own time counts. After a phone has
 * stood still its timers are late: what the short ones have missed, the longer ones make up for when they are due. Where timers
 * stand still with the phone, that time is not counted: only the server knows it, and tells it at the end of a call.
 */

/** Time between two timers, ms. Higher: fewer of them. Lower: less is uncertain when the clock is set. */
export const TICK_MS = 1000

/** A timer so much later than it was due is late, ms, and no longer a clock that was set. Higher: busy phones are exact sooner.
 * Lower: less of a clock that is set by a fraction of a second is taken for time. */
export const LATE_MS = 250

/** All timers, ms. A call that was in the background has the right time again after one of the longer ones. */
const TIMERS_MS = [TICK_MS, 8000, 64_000, 512_000]

/** Milliseconds that have passed since the first question. `read` gives milliseconds of a clock that may jump. */
export function steadyClock(read: () => number, setTimer: (fire: () => void, ms: number) => void): () => number {
  /** What had passed at the last timer, and what the clock said there. */
  let passed = 0
  let mark = 0
  /** Negative before the first question. */
  let told = -1
  const atClock = (clock: number): number => {
    const since = clock - mark
    return passed + (since >= 0 && since <= TICK_MS + LATE_MS ? since : 0)
  }
  const run = (ms: number): void => {
    const due = passed + ms
    setTimer(() => {
      const clock = read()
      const now = atClock(clock)
      passed = now < due - LATE_MS ? due : now
      mark = clock
      run(ms)
    }, ms)
  }
  return () => {
    const clock = read()
    if (told < 0) {
      mark = clock
      TIMERS_MS.forEach(run)
    }
    return (told = Math.max(told, atClock(clock)))
  }
}
