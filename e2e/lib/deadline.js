/** Everything that is waited for has a deadline and a name, so that nothing hangs and a failure says where. */

import { setTimeout as delay } from 'node:timers/promises'

/** How long anything that should happen may take, in milliseconds. Slow machines are slow; a hang still ends. */
export const PATIENCE_MS = 20_000

/** How long a browser, a page or a server may take to go away. */
export const LEAVING_MS = 8000

/** Time between two looks at a condition. */
const LOOK_EVERY_MS = 50

/**
 * The outcome of a promise, or an error that names what did not come.
 *
 * @template T
 * @param {number} ms
 * @param {string} what
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function within(ms, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
    promise.catch(() => {}) // it may still fail when nobody waits any more
  }
}

/**
 * Looks until something is there.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} look gives something true when it is there
 * @param {{ ms?: number, every?: number, last?: () => any }} [options] `last` is said with the failure
 * @returns {Promise<T>}
 */
export async function until(what, look, { ms = PATIENCE_MS, every = LOOK_EVERY_MS, last } = {}) {
  const end = Date.now() + ms
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() >= end) throw new Error(`waited ${ms} ms until ${what}${last ? `: ${JSON.stringify(last())}` : ''}`)
    await delay(every)
  }
}

/**
 * Waits for all of them, whatever the others do, and then throws what was thrown first.
 *
 * @param {Promise<any>[]} promises
 */
export async function allDone(promises) {
  const failed = (await Promise.allSettled(promises)).find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}
