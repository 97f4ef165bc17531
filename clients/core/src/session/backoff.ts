/** How long to wait before the next try to connect. */

/** First wait, ms. Higher: a cut of the network costs more time. Lower: a restarting server is hit by all at once. */
export const BACKOFF_FIRST_MS = 250

/** Longest wait, ms. Higher: less load from clients that cannot connect. Lower: they are back sooner. */
export const BACKOFF_MAX_MS = 8000

/**
 * The wait before try number `attempt` (0 is the first after a cut), ms: doubled each time up to the maximum, then
 * spread over its upper half, so that the clients of a restarted server do not come in step.
 */
export function backoff(attempt: number, random: number): number {
  const full = Math.min(BACKOFF_FIRST_MS * Math.pow(2, Math.min(attempt, 16)), BACKOFF_MAX_MS)
  return Math.round(full * (0.5 + random / 2))
}
