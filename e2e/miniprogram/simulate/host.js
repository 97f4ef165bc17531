/**
 * The second host: the same app on miniprogram-simulate, that is on exparser, the older framework, which base library
 * 2.10.0 itself uses, and on WeChat's own WXML compiler. It has a `wx` that does nothing, so that a test brings what it
 * needs. One app a process: what the compiler makes uses globals.
 */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JSDOM } from 'jsdom'
import { readJson } from '../lib/guide.js'

const require = createRequire(import.meta.url)

const dom = new JSDOM('<!doctype html><body></body>', { pretendToBeVisual: true })
const TAKEN = ['window', 'document', 'Event', 'CustomEvent', 'Node', 'Element', 'HTMLElement', 'Text', 'MutationObserver', 'getComputedStyle']
for (const name of TAKEN)
  Object.defineProperty(globalThis, name, { value: name === 'window' ? dom.window : dom.window[name], configurable: true, writable: true })

const simulate = require('miniprogram-simulate')
const exparser = require('miniprogram-exparser')

/** The json of an app's files is read strictly here: a fragment is written out. */
function strict(folder) {
  const copy = mkdtempSync(join(tmpdir(), 'tring-simulate-'))
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
  cpSync(folder, copy, { recursive: true })
  for (const entry of readdirSync(copy, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.json')) continue
    const path = join(entry.parentPath ?? entry.path, entry.name)
    writeFileSync(path, JSON.stringify(readJson(readFileSync(path, 'utf8'))))
  }
  return copy
}

function each(node, visit) {
  if (node instanceof exparser.Component && node.shadowRoot instanceof exparser.Element) each(node.shadowRoot, visit)
  if (node instanceof exparser.Component) visit(node)
  for (const child of node.childNodes) if (child instanceof exparser.Element) each(child, visit)
}

/** What went wrong in the app. exparser only prints it. @type {string[]} */
export const errors = []
exparser.addGlobalErrorListener?.((error) => void errors.push(String(error?.stack ?? error)))

/** An open page. */
export class HostPage {
  constructor(rendered) {
    this.rendered = rendered
    this.node = rendered._exparserNode
    /** The page, as its own code has it. */
    this.page = rendered.instance
  }

  /**
   * Opens a page in WeChat's order.
   *
   * @param {object} options
   * @param {import('../lib/guide.js').App} options.app
   * @param {string} options.path of the page
   * @param {object} [options.data] what the developer has written into the page's data
   * @param {object} [options.wx] members that do more than nothing
   * @param {'official' | 'simulate'} [options.compiler]
   */
  static open({ app, path, data = {}, wx = {}, compiler = 'official' }) {
    Object.assign(globalThis.wx, wx)
    const definitions = []
    globalThis.Page = (definition) => void definitions.push(definition)
    globalThis.getApp = () => undefined
    const define = globalThis.Component
    const folder = strict(app.folder)
    // A page's file calls `Page` and no `Component`: the latter is called for it when the file has run.
    const file = join(folder, path)
    writeFileSync(`${file}.js`, `${readFileSync(`${file}.js`, 'utf8')}\n;globalThis.__pageIsRead()`)
    globalThis.__pageIsRead = () => {
      const merged = Object.assign({}, ...definitions)
      const own = Object.assign({}, ...definitions.map((d) => d.data ?? {}), data)
      const entries = Object.entries(merged).filter(([key]) => key !== 'data')
      const methods = Object.fromEntries(entries.filter(([, value]) => typeof value === 'function'))
      const fields = Object.fromEntries(entries.filter(([, value]) => typeof value !== 'function'))
      define({
        data: own,
        methods,
        created() {
          Object.assign(this, fields)
        },
      })
    }
    const id = simulate.load(file, 'page', { compiler, rootPath: folder })
    const host = new HostPage(simulate.render(id))
    host.#attach()
    return host
  }

  #attach() {
    document.body.append(this.rendered.dom)
    exparser.Element.pretendAttached(this.node)
    this.page.onLoad?.({})
    this.show()
    each(this.node, (node) => node.triggerLifeTime('ready'))
    this.page.onReady?.()
  }

  show() {
    this.node.triggerPageLifeTime('show', [])
    this.page.onShow?.()
  }

  hide() {
    this.node.triggerPageLifeTime('hide', [])
    this.page.onHide?.()
  }

  /** Everything that is written on the page. */
  get text() {
    return this.rendered.dom.textContent.replace(/\s+/g, ' ').trim()
  }

  /** Unloads the page. */
  close() {
    this.page.onUnload?.()
    this.rendered.dom.remove()
    exparser.Element.pretendDetached(this.node)
  }
}
