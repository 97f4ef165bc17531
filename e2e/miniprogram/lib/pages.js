/** A phone's pages: a stack of them, and their lifetimes in WeChat's order. */

/** As many pages may lie on each other. */
const DEEPEST = 10

/** @typedef {{ path: string, query: Record<string, string>, root: any, caller: any }} Open a page of the stack */

/** @param {string} url @returns {{ path: string, query: Record<string, string> }} */
export function readUrl(url, from = '') {
  const [where, search = ''] = url.split('?')
  const parts = where.startsWith('/') ? [] : from.split('/').slice(0, -1)
  for (const part of where.split('/')) {
    if (part === '..') parts.pop()
    else if (part && part !== '.') parts.push(part)
  }
  const pairs = search
    .split('&')
    .filter(Boolean)
    .map((pair) => pair.split('='))
  return { path: parts.join('/'), query: Object.fromEntries(pairs.map(([key, value = '']) => [key, decodeURIComponent(value)])) }
}

/** The stack. Its methods run in tasks of the phone's event loop. */
export class Pages {
  /** @type {Open[]} */ stack = []
  /** Components that have not been told that they are ready. */
  #unready = new Set()
  #soon = false

  /** @param {import('./phone.js').Phone} phone */
  constructor(phone) {
    this.phone = phone
  }

  /** The page that the user sees. @returns {Open | undefined} */
  get top() {
    return this.stack.at(-1)
  }

  #known(path) {
    if (!this.phone.program.config.pages.includes(path)) throw new Error(`page "${path}" is not found`)
  }

  /** Puts a page on the stack: created, attached, loaded, shown; ready comes in a task of its own. */
  push(path, query) {
    this.#known(path)
    const { framework, program, realm } = this.phone
    const root = framework.createRoot(path)
    const caller = root.get()
    const page = { path, query, root, caller }
    caller.route = path
    caller.options = realm.give(query)
    // Handed on, each is still the page's.
    realm.inside.bind(caller, program.methodsOf(path))
    this.stack.push(page)
    framework.attach(root)
    this.#call(page, 'onLoad', caller.options)
    this.#show(page)
    this.#readySoon()
    return page
  }

  navigateTo(path, query) {
    this.#known(path)
    if (this.stack.length >= DEEPEST) throw new Error('page limit exceeded')
    if (this.top) this.#hide(this.top)
    this.phone.media.covered(this.top)
    this.push(path, query)
  }

  redirectTo(path, query) {
    this.#known(path)
    this.#pop()
    this.push(path, query)
  }

  /** Closes all and opens one: `reLaunch`, and `switchTab` as far as it goes without a bar of tabs. */
  reLaunch(path, query) {
    this.#known(path)
    while (this.stack.length) this.#pop()
    this.push(path, query)
  }

  navigateBack(delta = 1) {
    const count = Math.min(delta, this.stack.length - 1)
    for (let n = 0; n < count; n++) this.#pop()
    if (count > 0) this.#show(this.top)
  }

  /** Unloads every page, as when the app is ended. */
  end() {
    while (this.stack.length) this.#pop()
  }

  #pop() {
    const page = this.stack.pop()
    if (!page) return
    this.#call(page, 'onUnload')
    this.phone.framework.release(page.root)
  }

  /** The app comes to the front. */
  appShow() {
    if (this.top) this.#show(this.top)
  }

  appHide() {
    if (this.top) this.#hide(this.top)
  }

  #show(page) {
    page.root.getComponent().triggerPageLifetime('show', [])
    this.#call(page, 'onShow')
  }

  #hide(page) {
    page.root.getComponent().triggerPageLifetime('hide', [])
    this.#call(page, 'onHide')
  }

  #call(page, method, ...args) {
    if (typeof page.caller[method] !== 'function') return
    try {
      page.caller[method](...args)
    } catch (error) {
      this.phone.fault(`${method} of ${page.path}`, error)
    }
  }

  /** A component was attached: it is ready once what surrounds it is drawn. */
  attached(component) {
    this.#unready.add(component)
    if (this.stack.length) this.#readySoon()
  }

  detached(component) {
    this.#unready.delete(component)
  }

  #readySoon() {
    if (this.#soon) return
    this.#soon = true
    void this.phone.eventLoop.task('ready', () => {
      this.#soon = false
      // Children come after their parents here, and are ready before them.
      const ready = [...this.#unready].reverse()
      this.#unready.clear()
      for (const component of ready) {
        const page = this.stack.find((p) => p.root.getComponent() === component)
        component.triggerLifetime('ready', [])
        if (page) this.#call(page, 'onReady')
      }
    })
  }
}
