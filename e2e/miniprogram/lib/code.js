/** An app's folder as running code: its modules, its components and its pages, each in the phone's realm. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { readJson } from './guide.js'

/** The app's own files, by ending. */
function filesOf(folder) {
  const found = { wxml: {}, wxs: {}, wxss: {} }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const ending = entry.name.slice(entry.name.lastIndexOf('.') + 1)
    if (!entry.isFile() || !found[ending]) continue
    const path = join(entry.parentPath ?? entry.path, entry.name)
    const name = posix.relative(folder, path).slice(0, -ending.length - 1)
    found[ending][name] = readFileSync(path, 'utf8')
  }
  return found
}

/** The code of an app on one phone. */
export class Code {
  /** @type {Map<string, { exports: any }>} */ #modules = new Map()
  /** @type {Set<string>} */ #defined = new Set()
  /** What `App` was given. */
  appDefinition
  /** Style sheets by path without their ending. @type {Record<string, string>} */ styles

  /**
   * @param {object} options
   * @param {string} options.folder
   * @param {import('./realm.js').Realm} options.realm
   * @param {import('./framework.js').Framework} options.framework
   * @param {Record<string, any>} options.globals `wx`, `getApp`, …: what every file of an app can name
   * @param {object} options.data what the entry page's data has besides its own
   */
  constructor({ folder, realm, framework, globals, data }) {
    this.folder = folder
    this.realm = realm
    this.framework = framework
    this.globals = globals
    this.data = data
    this.config = readJson(readFileSync(join(folder, 'app.json'), 'utf8'))
    const { wxml, wxs, wxss } = filesOf(folder)
    this.styles = wxss
    framework.compile(wxml, wxs)
  }

  /** Runs `app.js` and every file that its pages need, as WeChat does when an app starts. */
  load() {
    if (existsSync(join(this.folder, 'app.js'))) this.require('app')
    for (const path of Object.values(this.config.usingComponents ?? {})) this.#component(path.replace(/^\//, ''))
    for (const page of this.config.pages) this.#page(page)
  }

  #json(path) {
    const file = join(this.folder, `${path}.json`)
    return existsSync(file) ? readJson(readFileSync(file, 'utf8')) : {}
  }

  /** Tells the framework of the path's json, after the components that it uses. */
  #configure(path) {
    const config = this.#json(path)
    const using = { ...this.config.usingComponents, ...config.usingComponents }
    for (const [tag, target] of Object.entries(using)) {
      if (/^[a-z-]+:\/\//.test(target)) throw new Error(`${path}.json: no plugin is installed: ${target}`)
      const at = target.startsWith('/') ? target.slice(1) : posix.join(posix.dirname(path), target)
      using[tag] = `/${at}`
      this.#component(at)
    }
    this.framework.space.addComponentStaticConfig(path, this.realm.give({ ...config, usingComponents: using }))
  }

  #component(path) {
    if (this.#defined.has(path)) return
    this.#defined.add(path)
    if (!existsSync(join(this.folder, `${path}.js`))) throw new Error(`there is no component at ${path}`)
    if (!this.#json(path).component) throw new Error(`${path}.json does not say "component": true`)
    this.#configure(path)
    this.framework.space.componentEnv(path, ({ Component, Behavior }) => this.require(path, { Component, Behavior }))
  }

  #page(path) {
    if (this.#defined.has(path)) return
    this.#defined.add(path)
    this.#configure(path)
    this.framework.space.componentEnv(path, ({ Page, Component, Behavior }) => {
      const definitions = []
      this.require(path, { Page: (definition) => void definitions.push(definition), Component, Behavior })
      if (!definitions.length) return
      const merged = this.realm.give({})
      for (const definition of definitions) {
        const data = { ...merged.data, ...definition.data }
        Object.assign(merged, definition)
        if (Object.keys(data).length) merged.data = Object.assign(this.realm.give({}), data)
      }
      // What a developer writes into the page: the file itself stays as the guide has it.
      if (path === this.config.pages[0]) {
        merged.data = Object.assign(merged.data ?? this.realm.give({}), this.realm.give(this.data))
      }
      Page(merged)
    })
  }

  /**
   * The exports of one of the app's files.
   *
   * @param {string} path from the app's folder, without its ending
   * @param {Record<string, Function>} [definers] `Page`, `Component` and `Behavior` for this file
   */
  require(path, definers) {
    const before = this.#modules.get(path)
    if (before) return before.exports
    const file = join(this.folder, `${path}.js`)
    if (!existsSync(file)) throw new Error(`module '${path}.js' is not defined`)
    const module = this.realm.give({ exports: {} })
    this.#modules.set(path, module)
    const { space } = this.framework
    const names = {
      Behavior: (definition) => space.behavior().definition(definition).register(),
      ...this.globals,
      ...definers,
      require: (name) => this.#relative(path, name),
      module,
      exports: module.exports,
    }
    const given = Object.values(names).map((value) => this.realm.give(value))
    this.realm.compile(readFileSync(file, 'utf8'), Object.keys(names), `${path}.js`).apply(undefined, given)
    return module.exports
  }

  #relative(from, name) {
    if (typeof name !== 'string') throw new Error('require needs a path')
    if (!/^\.{0,2}\//.test(name)) throw new Error(`require of ${name}: a path is relative or starts with /`)
    const path = name.startsWith('/') ? name.slice(1) : posix.join(posix.dirname(from), name)
    const bare = path.replace(/\.js$/, '')
    return this.require(existsSync(join(this.folder, `${bare}.js`)) ? bare : posix.join(bare, 'index'))
  }
}
