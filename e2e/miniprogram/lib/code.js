/** An app's folder as running code: its modules, its components and its pages, each in the phone's realm. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { readJson } from './guide.js'

/** Where the developer tools put the packages of an app. */
const NPM = 'miniprogram_npm'

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
  /** What `Page` was given, by the page's path. @type {Map<string, object>} */ #pages = new Map()
  /** Style sheets by path without their ending. @type {Record<string, string>} */ styles

  /**
   * @param {object} options
   * @param {string} options.folder
   * @param {import('./realm.js').Realm} options.realm
   * @param {import('./framework.js').Framework} options.framework
   * @param {Record<string, any>} options.globals `wx`, `getApp`, …: what every file of an app can name
   * @param {string} options.entry the page that is opened first
   * @param {object} options.data what that page's data has besides its own
   */
  constructor({ folder, realm, framework, globals, entry, data }) {
    this.folder = folder
    this.entry = entry
    this.realm = realm
    this.framework = framework
    this.globals = globals
    this.data = data
    this.config = readJson(readFileSync(join(folder, 'app.json'), 'utf8'))
    for (const { root, pages } of this.config.subpackages ?? []) this.config.pages.push(...pages.map((page) => posix.join(root, page)))
    const { wxml, wxs, wxss } = filesOf(folder)
    this.styles = wxss
    framework.compile(wxml, wxs)
  }

  /** Runs `app.js` and every file that its pages need, as WeChat does when an app starts. */
  load() {
    if (existsSync(join(this.folder, 'app.js'))) this.require('app')
    for (const at of Object.values(this.#everywhere)) this.#component(at)
    for (const page of this.config.pages) this.#page(page)
  }

  #json(path) {
    const file = join(this.folder, `${path}.json`)
    return existsSync(file) ? readJson(readFileSync(file, 'utf8')) : {}
  }

  /** Where the components are that a json names, from the app's folder. @param {string} path of the json */
  #components(path, { usingComponents = {} }) {
    const places = Object.entries(usingComponents).map(([tag, target]) => {
      if (/^[a-z-]+:\/\//.test(target)) throw new Error(`${path}.json: no plugin is installed: ${target}`)
      return [tag, this.#resolve(path, target)]
    })
    return Object.fromEntries(places)
  }

  /** Those of app.json, which every page and component may use. */
  get #everywhere() {
    return this.#components('app', this.config)
  }

  /** Tells the framework of the path's json, after the components that it uses. */
  #configure(path) {
    const config = this.#json(path)
    const using = { ...this.#everywhere, ...this.#components(path, config) }
    for (const [tag, at] of Object.entries(using)) {
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
      if (path === this.entry) {
        merged.data = Object.assign(merged.data ?? this.realm.give({}), this.realm.give(this.data))
      }
      this.#pages.set(path, merged)
      Page(merged)
    })
  }

  /** Names of the functions that a page gave to `Page`. @param {string} path */
  methodsOf(path) {
    return Object.entries(this.#pages.get(path) ?? {})
      .filter(([, value]) => typeof value === 'function')
      .map(([name]) => name)
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

  /** Where a name leads to, without its ending: a path, or, after the developer tools have "built npm", a package. */
  #resolve(from, name) {
    if (name.startsWith('/')) return name.slice(1)
    const inPackage = posix.join(NPM, name)
    if (!name.startsWith('.') && existsSync(join(this.folder, `${inPackage}.js`))) return inPackage
    return posix.join(posix.dirname(from), name)
  }

  #relative(from, name) {
    if (typeof name !== 'string') throw new Error('require needs a path')
    const bare = this.#resolve(from, name.replace(/\.js$/, ''))
    if (!/^\.{0,2}\//.test(name) && !bare.startsWith(NPM)) throw new Error(`require of ${name}: a path is relative or starts with /`)
    return this.require(existsSync(join(this.folder, `${bare}.js`)) ? bare : posix.join(bare, 'index'))
  }
}
