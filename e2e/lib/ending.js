/** However a test process ends, nothing that it started stays behind. */

/** What signals mean, as a shell says it. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/** @type {Map<object, { what: string, kill: () => void }>} */
const open = new Map()

// `process.exit` runs the handlers below, and those of the browsers.
for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => process.exit(code))

// Whoever runs the tests may be killed without a chance to tell.
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.exit(SIGNALS.SIGHUP)
}, 1000).unref()

process.on('exit', (code) => {
  for (const { what, kill } of open.values()) {
    if (code === 0) {
      console.error(`${what} was left running`)
      process.exitCode = 1
    }
    kill()
  }
})

/**
 * Something was started. If the process ends before {@link ended}, `kill` is called, and the tests have failed.
 *
 * @param {object} thing
 * @param {string} what
 * @param {() => void} kill
 */
export function started(thing, what, kill) {
  open.set(thing, { what, kill })
}

/** @param {object} thing */
export function ended(thing) {
  open.delete(thing)
}
