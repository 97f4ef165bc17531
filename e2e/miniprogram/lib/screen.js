/** What the user of a phone can see and touch. There is no layout: what is hidden is hidden, the rest is there. */

import { posix } from 'node:path'
import { matches } from './selector.js'

/** Properties that take something from the user's sight or reach. */
const HIDING = { display: 'none', visibility: 'hidden', opacity: '0' }
const UNTOUCHABLE = { 'pointer-events': 'none' }

/** @typedef {{ selector: string, declarations: Record<string, string> }} Rule */

/** @param {string} text `a: b; c: d` @returns {Record<string, string>} */
function declarations(text) {
  const pairs = text.split(';').map((pair) => pair.split(':').map((part) => part.trim().toLowerCase()))
  return Object.fromEntries(pairs.filter(([key, value]) => key && value))
}

/** The screen of one phone. */
export class Screen {
  /** @type {Map<string, Rule[]>} */ #rules = new Map()
  /** What a template has of its own: no text, nothing that stands for `wx:if`, a loop or a slot. */
  #isElement = (node) => node.is !== undefined && !(node instanceof this.phone.framework.glassEasel.VirtualNode)

  /** @param {import('./phone.js').Phone} phone */
  constructor(phone) {
    this.phone = phone
  }

  /** Rules of a style sheet that hide or show something, and those that it imports. @returns {Rule[]} */
  #rulesOf(path) {
    const known = this.#rules.get(path)
    if (known) return known
    const text = (this.phone.program.styles[path] ?? '').replace(/\/\*[\s\S]*?\*\//g, '')
    const rules = []
    this.#rules.set(path, rules)
    for (const [, file] of text.matchAll(/@import\s+["']([^"']+)\.wxss["']/g)) {
      rules.push(...this.#rulesOf(file.startsWith('/') ? file.slice(1) : posix.join(posix.dirname(path), file)))
    }
    for (const [, selectors, body] of text.matchAll(/(?:^|[;}])\s*([^@{};]+)\{([^{}]*)\}/g)) {
      const all = declarations(body)
      const telling = Object.keys({ ...HIDING, ...UNTOUCHABLE }).filter((key) => key in all)
      if (!telling.length) continue
      const kept = Object.fromEntries(telling.map((key) => [key, all[key].replace(/\s*!important$/, '')]))
      for (const selector of selectors.split(',')) rules.push({ selector: selector.trim(), declarations: kept })
    }
    return rules
  }

  /** The style of an element as far as it hides or shows it. */
  #style(element) {
    const host = element.ownerShadowRoot?.getHostNode()
    const style = {}
    const paths = host ? [...(this.phone.program.config.pages.includes(host.is) ? ['app'] : []), host.is] : []
    for (const { selector, declarations: found } of paths.flatMap((path) => this.#rulesOf(path))) {
      // A selector that is not known hides nothing.
      if (matches(selector, element, this.#isElement)) Object.assign(style, found)
    }
    return Object.assign(style, declarations(element.style ?? ''))
  }

  #hides(element, properties) {
    if (element.data?.hidden) return true
    const style = this.#style(element)
    return Object.entries(properties).some(([key, value]) => style[key] === value)
  }

  /** An element and all around it. */
  *#around(element) {
    for (let at = element; at; at = at.getComposedParent()) yield at
  }

  /** Is it on this page? @param {any} page @param {any} element */
  within(page, element) {
    const root = page?.root.getComponent()
    return [...this.#around(element)].includes(root)
  }

  /** Does the user see it? @param {any} element */
  shows(element, /** @type {Record<string, string>} */ properties = HIDING) {
    if (!this.phone.foreground || !this.within(this.phone.pages.top, element)) return false
    return ![...this.#around(element)].some((at) => this.#hides(at, properties))
  }

  /** Every element of the page in front, in its order. */
  *#elements(node = this.phone.pages.top?.root.getComponent()) {
    if (!node) return
    yield node
    const children = []
    node.forEachComposedChild?.((child) => void children.push(child))
    for (const child of children) yield* this.#elements(child)
  }

  /** Everything that the user can read. @returns {string[]} */
  get texts() {
    if (!this.phone.foreground) return []
    const lines = []
    const read = (node) => {
      if (node.textContent !== undefined && !node.forEachComposedChild) {
        const text = node.textContent.replace(/\s+/g, ' ').trim()
        if (text) lines.push(text)
        return
      }
      if (this.#hides(node, HIDING)) return
      node.forEachComposedChild?.(read)
    }
    const { top } = this.phone.pages
    if (top) read(top.root.getComponent())
    return [...lines, ...this.phone.overlay.texts]
  }

  /** @param {any} element @returns {string} what is written in it */
  #label(element) {
    let text = ''
    const read = (node) => {
      if (node.textContent !== undefined && !node.forEachComposedChild) text += node.textContent
      else node.forEachComposedChild?.(read)
    }
    read(element)
    return text.replace(/\s+/g, ' ').trim()
  }

  /**
   * Every element that fits, on the page or in any component of it.
   *
   * @param {string} selector `#id`, `.class`, a tag, or `text=接听` for the innermost with exactly that text
   */
  find(selector) {
    const all = [...this.#elements()]
    if (selector.startsWith('text=')) {
      const fits = all.filter((node) => node.forEachComposedChild && this.#label(node) === selector.slice(5))
      return fits.filter((node) => !fits.some((other) => other !== node && [...this.#around(other)].includes(node)))
    }
    return all.filter((node) => node.ownerShadowRoot && this.#isElement(node) && matches(selector, node, this.#isElement))
  }

  /** Those of them that can be touched. @param {string} selector */
  touchable(selector) {
    return this.find(selector).filter((element) => this.shows(element) && this.shows(element, UNTOUCHABLE) && !element.data?.disabled)
  }
}
