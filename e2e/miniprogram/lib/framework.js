/** WeChat's component framework inside a phone's realm: templates, components, built-in tags and their lifetimes. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Script } from 'node:vm'
import { camel, MEDIA_TAGS, TAGS } from './tags.js'

const require = createRequire(import.meta.url)
const { TmplGroup } = require('glass-easel-template-compiler')

/** Newer built-ins that the framework's own code uses; the app's realm may have lost them (see inside.realm.js). */
const withOwn = (code) => code.replace(/\bObject\.(entries|values)\(/g, 'own.$1(').replace(/\.(includes|findLast)\(/g, '[own.$1](')

const load = (name) => {
  const code = withOwn(readFileSync(require.resolve(name), 'utf8'))
  return new Script(`(function (exports, module, require, own) {${code}\n})`, { filename: name })
}
const GLASS_EASEL = load('glass-easel')
const ADAPTER = load('glass-easel-miniprogram-adapter')

/** The space of an app's components. */
export class Framework {
  #gone = new WeakSet()

  /**
   * @param {import('./realm.js').Realm} realm
   * @param {object} hooks
   * @param {(where: string, error: unknown) => void} hooks.onError
   * @param {(text: string) => void} hooks.onWarning
   * @param {(what: string) => void} hooks.onMissing an attribute that a built-in tag does not have
   * @param {(component: any) => void} hooks.onAttached a component of the app
   * @param {(component: any) => void} hooks.onDetached
   * @param {(tag: string, event: 'attached' | 'changed' | 'detached', element: any) => void} hooks.onMedia
   */
  constructor(realm, hooks) {
    this.realm = realm
    this.hooks = hooks
    this.glassEasel = this.#run(GLASS_EASEL)
    const { MiniProgramEnv, component } = this.#run(ADAPTER, (name) => {
      if (name !== 'glass-easel') throw new Error(`the framework asks for ${name}`)
      return this.glassEasel
    })
    this.glassEasel.addGlobalErrorListener((error, method, related) => {
      hooks.onError([method, related?.is ?? related].filter(Boolean).join(' of '), error)
      return false
    })
    this.glassEasel.addGlobalWarningListener((text, _, element) => {
      const [, attribute] = /^"(\w+)" is not a valid property/.exec(text) ?? []
      if (attribute && element?.is in TAGS) hooks.onMissing(`${element.is}[${attribute}]`)
      hooks.onWarning(String(text))
      return false
    })
    const env = new MiniProgramEnv()
    this.space = env.createCodeSpace('app', true)
    this.backend = env.associateBackend(new this.glassEasel.EmptyBackendContext())
    for (const [tag, attributes] of Object.entries(TAGS)) this.#define(tag, attributes)
    this.#watch()
    this.#watchData(component.ComponentCaller.prototype)
  }

  #run(script, require) {
    const module = { exports: {} }
    script.runInContext(this.realm.context)(module.exports, module, require, this.realm.inside.own)
    return module.exports
  }

  /** A built-in tag. It shows what is inside it; what it plays or captures, the host does. */
  #define(tag, attributes) {
    const types = this.realm.evaluate('{ String, Number, Boolean, Object }')
    const properties = {}
    for (const [name, given] of Object.entries(attributes)) {
      const [type, value] = Array.isArray(given) ? given : [given]
      properties[camel(name)] = { type: type && types[type.name], ...(value !== undefined && { value }) }
    }
    const { onMedia } = this.hooks
    const definition = { is: tag, properties }
    if (MEDIA_TAGS.includes(tag)) {
      definition.lifetimes = {
        attached() {
          onMedia(tag, 'attached', this)
        },
        detached() {
          onMedia(tag, 'detached', this)
        },
      }
      definition.observers = {
        '**'() {
          onMedia(tag, 'changed', this)
        },
      }
    }
    const space = this.space.getComponentSpace()
    space.setGlobalUsingComponent(tag, space.defineComponent(definition))
  }

  /** Every component of the app tells when it comes and goes. */
  #watch() {
    const gone = this.#gone
    const { onAttached, onDetached } = this.hooks
    const behavior = this.space.getComponentSpace().define()
    behavior.lifetime(
      'attached',
      /** @this {any} */ function () {
        onAttached(this._$)
      },
    )
    behavior.lifetime(
      'detached',
      /** @this {any} */ function () {
        gone.add(this._$)
        onDetached(this._$)
      },
    )
    this.space.setOverallBehavior(behavior.registerBehavior())
  }

  /** A phone only warns of these, or says nothing and does something else than meant. */
  #watchData(caller) {
    this.realm.inside.wrapSetData(caller, (component, undefinedKeys) => {
      if (this.#gone.has(component)) this.hooks.onWarning(`setData of ${component.is} after it was detached`)
      for (const key of undefinedKeys) this.hooks.onWarning(`setData of ${component.is}: ${key} is undefined`)
    })
  }

  /**
   * Compiles every template of the app.
   *
   * @param {Record<string, string>} templates WXML by path without its ending
   * @param {Record<string, string>} scripts WXS by path without its ending
   */
  compile(templates, scripts) {
    const group = new TmplGroup()
    try {
      for (const [path, text] of Object.entries(scripts)) group.addScript(path, text)
      for (const [path, text] of Object.entries(templates)) {
        for (const { isError, level, message, startLine } of group.addTmpl(path, text)) {
          const says = `${path}.wxml:${startLine + 1}: ${message}`
          if (isError) this.hooks.onError('a template', new Error(says))
          else if (level !== 'Note') this.hooks.onWarning(says)
        }
      }
      const code = withOwn(group.getTmplGenObjectGroups())
      const groupList = this.realm.compile(`return ${code}`, ['own'], 'templates')(this.realm.inside.own)
      for (const path of Object.keys(templates)) {
        this.space.addCompiledTemplate(path, { groupList, content: groupList[path] })
      }
    } finally {
      group.free()
    }
  }

  /** @param {string} path of a page @returns {any} its root: created, not attached */
  createRoot(path) {
    return this.backend.createRoot('body', this.space, path)
  }

  /** @param {any} root */
  attach(root) {
    this.glassEasel.Element.pretendAttached(root.getComponent())
  }

  /** @param {any} root */
  release(root) {
    root.release()
  }
}
