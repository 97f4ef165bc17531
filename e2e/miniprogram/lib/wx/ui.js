/** `wx` and the screen: what lies over the page, and the way from page to page. */

import { setTimeout as delay } from 'node:timers/promises'
import { readUrl } from '../pages.js'
import { reply, Refused } from './reply.js'

/** How long a toast stays if the app does not say. */
const TOAST_MS = 1500

/** What lies over the page at the moment. */
export class Overlay {
  /** @type {{ title: string, icon: string, loading: boolean } | undefined} */ toast
  /** @type {{ title: string, content: string, confirmText: string, cancelText?: string, answer: (confirm: boolean) => void } | undefined} */ modal
  /** @type {{ items: string[], choose: (index: number) => void } | undefined} */ sheet
  /** Titles of all that were shown so far. @type {string[]} */ toasts = []

  /** @returns {string[]} what the user can read of it */
  get texts() {
    const { toast, modal, sheet } = this
    const lines = [toast?.title, modal?.title, modal?.content, modal?.cancelText, modal?.confirmText, ...(sheet?.items ?? [])]
    return lines.filter(Boolean)
  }
}

/** @param {import('../phone.js').Phone} phone */
export function ui(phone) {
  const { overlay } = phone
  let timer
  const lift = () => {
    clearTimeout(timer)
    overlay.toast = undefined
  }
  const lay = (options, loading) => {
    lift()
    overlay.toast = { title: String(options.title ?? ''), icon: options.icon ?? 'success', loading }
    overlay.toasts.push(overlay.toast.title)
    if (!loading) timer = setTimeout(lift, options.duration ?? TOAST_MS).unref()
  }
  const showModal = (options) =>
    reply(phone, 'showModal', options, async () => {
      const { title = '', content = '', showCancel = true, confirmText = '确定', cancelText = '取消' } = options
      const confirm = await new Promise((answer) => {
        overlay.modal = { title, content, confirmText, cancelText: showCancel ? cancelText : undefined, answer }
      })
      overlay.modal = undefined
      return { confirm, cancel: !confirm }
    })
  const showActionSheet = (options) =>
    reply(phone, 'showActionSheet', options, async () => {
      const tapIndex = await new Promise((choose) => (overlay.sheet = { items: [...options.itemList], choose }))
      overlay.sheet = undefined
      if (tapIndex < 0) throw new Refused('cancel')
      return { tapIndex }
    })
  const go = (name, travel) => (options) =>
    reply(phone, name, options, async () => {
      const from = phone.pages.top?.path
      /** @type {any} */ let why
      if (phone.options.pageMs) await delay(phone.options.pageMs)
      await phone.eventLoop.task(`wx.${name}`, () => {
        const { path, query } = readUrl(options?.url ?? '', from)
        try {
          travel(path, query, options)
        } catch (error) {
          why = error
        }
      })
      if (why) throw new Refused(why.message)
    })
  return {
    showToast: (options) => reply(phone, 'showToast', options, () => lay(options, false)),
    hideToast: (options) => reply(phone, 'hideToast', options, lift),
    showLoading: (options) => reply(phone, 'showLoading', options, () => lay(options, true)),
    hideLoading: (options) => reply(phone, 'hideLoading', options, lift),
    showModal,
    showActionSheet,
    hideKeyboard: (options) => reply(phone, 'hideKeyboard', options, () => {}),
    setNavigationBarTitle: (options) => reply(phone, 'setNavigationBarTitle', options, () => void (phone.title = options.title)),
    setNavigationBarColor: (options) => reply(phone, 'setNavigationBarColor', options, () => {}),
    pageScrollTo: (options) => reply(phone, 'pageScrollTo', options, () => {}),
    navigateTo: go('navigateTo', (path, query) => phone.pages.navigateTo(path, query)),
    redirectTo: go('redirectTo', (path, query) => phone.pages.redirectTo(path, query)),
    reLaunch: go('reLaunch', (path, query) => phone.pages.reLaunch(path, query)),
    switchTab: go('switchTab', (path, query) => phone.pages.reLaunch(path, query)),
    navigateBack: go('navigateBack', (_path, _query, options) => phone.pages.navigateBack(options?.delta)),
    createSelectorQuery: () => phone.selectorQuery(),
    createAnimation: () => {
      const animation = { export: () => ({ actions: [] }), step: () => animation }
      return animation
    },
  }
}
