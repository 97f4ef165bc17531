/**
 * A phone's JavaScript realm: an engine without a browser and without Node. No `window`, no `document`, no sockets, no
 * code from strings. What the app gets, `inside.realm.js` makes.
 */

import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { compileFunction, createContext, Script } from 'node:vm'
import { ES2015 } from './es2015.js'

const INSIDE = new Script(readFileSync(new URL('./inside.realm.js', import.meta.url), 'utf8'), { filename: 'inside.realm.js' })

/** What a browser or Node has and a mini-program has not. */
export const ABSENT = [
  ...['window', 'document', 'self', 'navigator', 'location', 'localStorage', 'fetch', 'XMLHttpRequest', 'WebSocket'],
  ...['URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'crypto', 'atob', 'btoa', 'AbortController', 'Event'],
  ...['EventTarget', 'performance', 'queueMicrotask', 'structuredClone', 'requestAnimationFrame', 'WebAssembly'],
  ...['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate', 'require', 'module', 'exports'],
]

/** How long after its end a realm's rejections are still known as its own. */
const LAST_WORDS_MS = 5000

/** Realms whose rejected promises that nobody handles are to be told. @type {Set<Realm>} */
const open = new Set()

// Node asks whether anybody cares for a rejection by emitting this. A listener would not do: the test runner has one too,
// and takes a phone's rejection for its own.
const { emit } = process
process.emit = /** @type {any} */ (
  function (/** @type {string} */ name, /** @type {any[]} */ ...args) {
    if (name === 'unhandledRejection') {
      const [reason, promise] = args
      const realm = [...open].find((r) => r.owns(promise))
      if (realm) {
        realm.onError('a promise that nobody handles', reason)
        return true
      }
    }
    return emit.apply(process, /** @type {any} */ ([name, ...args]))
  }
)

/** The realm of one phone. */
export class Realm {
  /**
   * @param {object} options
   * @param {string} options.name
   * @param {import('./event-loop.js').Timers} options.timers
   * @param {() => number} options.ahead what its clock shows more than this machine's, ms
   * @param {'es2015' | 'node'} options.builtins how much of ECMAScript's library there is
   * @param {(level: string, text: string) => void} options.onLog
   * @param {(where: string, error: unknown) => void} options.onError
   */
  constructor({ name, timers, ahead, builtins, onLog, onError }) {
    this.onError = onError
    this.builtins = builtins
    this.context = createContext({}, { name, codeGeneration: { strings: false, wasm: false } })
    const show = (value) => (typeof value === 'string' ? value : inspect(value, { depth: 4, breakLength: Infinity }))
    this.inside = INSIDE.runInContext(this.context)({
      once: (fn, ms) => timers.once(fn, ms),
      every: (fn, ms) => timers.every(fn, ms),
      clear: (id) => timers.clear(id),
      ahead,
      log: (level, args) => onLog(level, [...args].map(show).join(' ')),
      isError: (value) => value instanceof Error,
      isBytes: (value) => value instanceof Uint8Array,
      copy: (from, to) => void to.set(from),
    })
    open.add(this)
  }

  /** A host's value as one of the realm's. */
  give(value) {
    return this.inside.give(value)
  }

  /** One of the realm's values as the host's own, so that tests can compare it. What is no plain data stays as it is. */
  take(value) {
    if (Array.isArray(value)) return Array.from(value, (item) => this.take(item))
    if (this.inside.isPlain(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.take(item)]))
    return value
  }

  /** @param {unknown} promise */
  owns(promise) {
    return this.inside.isOurPromise(promise)
  }

  /** From here on there is no more than the realm's edition has. @returns {string[]} what is gone */
  prune() {
    return this.builtins === 'es2015' ? this.inside.prune(ES2015) : []
  }

  /**
   * A function of the realm.
   *
   * @param {string} code its body
   * @param {string[]} names of its parameters
   * @param {string} filename for stack traces
   */
  compile(code, names, filename) {
    return compileFunction(code, names, { parsingContext: this.context, filename })
  }

  /** The value of an expression in the realm, for tests of the realm itself. @param {string} expression */
  evaluate(expression) {
    return new Script(`(${expression}\n)`, { filename: 'evaluate' }).runInContext(this.context)
  }

  /** What it rejects from here on, nobody is told. */
  close() {
    this.onError = () => {}
    setTimeout(() => open.delete(this), LAST_WORDS_MS).unref()
  }
}
