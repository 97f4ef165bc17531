/**
 * Runs inside a phone's realm, before anything else does. It makes what the app may touch of values of the realm's own,
 * so that nothing of Node's can be reached from the app, and hands the harness the means to reach in.
 *
 * It is a script, not a module: its value is a function of what the harness gives.
 */
;(function (host) {
  'use strict'
  const { entries, values, getPrototypeOf, getOwnPropertyNames, defineProperty } = Object
  const global = globalThis

  /** What the framework needs of newer built-ins, kept where the app doesn't see it. */
  const own = { entries, values, includes: Symbol('includes'), findLast: Symbol('findLast') }
  for (const type of [Array, String]) {
    for (const name of ['includes', 'findLast']) {
      const method = type.prototype[name]
      if (method) defineProperty(type.prototype, own[name], { value: method })
    }
  }

  /** A host's value as one of the realm's. Functions are called with the app's own values. */
  function give(value) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value
    if (value instanceof Object) return value // it is the realm's own
    if (typeof value === 'function') return defineProperty((...args) => give(value(...args)), 'name', { value: value.name })
    if (host.isError(value)) return new Error(value.message)
    if (host.isBytes(value)) {
      const copy = new Uint8Array(value.byteLength)
      host.copy(value, copy)
      return copy.buffer
    }
    if (Array.isArray(value)) {
      const list = []
      for (let n = 0; n < value.length; n++) list.push(give(value[n]))
      return list
    }
    const copy = {}
    for (const [key, item] of entries(value)) copy[key] = give(item)
    return copy
  }

  /** Gives an object members that the harness reads and writes. */
  function accessors(object, members) {
    for (const [key, { get, set }] of entries(members)) {
      defineProperty(object, key, { get: () => give(get()), set: (value) => void set(value), enumerable: true })
    }
    return object
  }

  /** An object of the realm whose members are looked up each time; what is not there is told. */
  function surface(name, members, known) {
    const made = {}
    return new Proxy(made, {
      get(_, key) {
        if (typeof key === 'symbol') return undefined
        if (key in made) return made[key]
        if (!known(key)) return undefined
        const member = members[key]
        if (member === undefined) {
          return (made[key] = () => {
            throw new Error(`the simulated phone has no ${name}.${key} yet`)
          })
        }
        return (made[key] = give(member))
      },
      has: (_, key) => typeof key === 'string' && (key in made || known(key)),
    })
  }

  /** Tells of every `setData` before it is carried out. */
  function wrapSetData(caller, tell) {
    const { setData } = caller
    caller.setData = function (data, callback) {
      tell(
        this._$,
        Object.keys(data).filter((key) => data[key] === undefined),
      )
      return setData.call(this, data, callback)
    }
  }

  /** Whoever calls one of these, its `this` is the object. Each stays the same function. */
  function bind(object, names) {
    for (const name of names) object[name] = object[name].bind(object)
  }

  // The time of day is the phone's, and its person may set it.
  const RealDate = Date
  const realNow = Date.now
  const keep = (object, name, value) => defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false })
  keep(RealDate, 'now', () => realNow() + host.ahead())
  const PhoneDate = new Proxy(RealDate, {
    construct: (target, args, made) => Reflect.construct(target, args.length ? args : [RealDate.now()], made),
    apply: () => new PhoneDate().toString(),
  })
  keep(RealDate.prototype, 'constructor', PhoneDate)
  keep(global, 'Date', PhoneDate)

  const console = {}
  for (const level of ['log', 'info', 'warn', 'error', 'debug']) console[level] = (...args) => host.log(level, args)
  for (const level of ['group', 'groupEnd', 'time', 'timeEnd', 'assert', 'table', 'trace', 'count']) console[level] = () => {}
  const callable = (fn) => {
    if (typeof fn !== 'function') throw new TypeError('a timer needs a function')
    return fn
  }
  const globals = {
    console,
    setTimeout: (fn, ms, ...args) => (callable(fn), host.once(() => fn(...args), Number(ms) || 0)),
    setInterval: (fn, ms, ...args) => (callable(fn), host.every(() => fn(...args), Number(ms) || 0)),
    clearTimeout: (id) => host.clear(id),
    clearInterval: (id) => host.clear(id),
  }
  for (const name of Object.keys(globals)) keep(global, name, globals[name])
  delete global.WebAssembly

  /** Takes away what ECMAScript did not have in that edition. Its lists are the host's. @param {Record<string, string[]>} edition */
  function prune(edition) {
    const SymbolNow = Symbol
    if (edition.Symbol) {
      // Well-known symbols can't be deleted, so the app gets a `Symbol` without them.
      const SymbolThen = (description) => SymbolNow(description)
      for (const key of edition.Symbol) defineProperty(SymbolThen, key, { value: SymbolNow[key], writable: true, configurable: true })
      defineProperty(SymbolThen, 'prototype', { value: SymbolNow.prototype })
      defineProperty(SymbolNow.prototype, 'constructor', { value: SymbolThen, writable: true, configurable: true })
      defineProperty(global, 'Symbol', { value: SymbolThen, writable: true, configurable: true })
    }
    const gone = []
    for (const [name, kept] of entries(edition)) {
      if (name === 'Symbol' || name === 'globals') continue
      const object = name.split('.').reduce((at, key) => at[key], global)
      for (const key of getOwnPropertyNames(object)) {
        if (kept.includes(key)) continue
        if (delete object[key]) gone.push(`${name}.${key}`)
      }
    }
    for (const key of getOwnPropertyNames(global)) {
      if (edition.globals.includes(key) || key in globals) continue
      if (delete global[key]) gone.push(key)
    }
    return gone
  }

  return {
    own,
    give,
    surface,
    accessors,
    wrapSetData,
    bind,
    prune,
    isPlain: (value) => typeof value === 'object' && value !== null && getPrototypeOf(value) === Object.prototype,
    isOurPromise: (promise) => getPrototypeOf(promise) === Promise.prototype,
  }
})
