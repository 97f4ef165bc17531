import type { watchPage } from './lib/in-page.js'

declare global {
  interface Window {
    /** What `lib/in-page.js` sees. */
    __e2e: ReturnType<typeof watchPage>
    /** Hears what a page tells, as text. */
    __e2eTell(text: string): void
    /** What `quality/in-page.js` writes down. */
    __quality: any
    /** The SDK's class or element of a page that `lib/phone.js` has made, and its methods behind one set of names. */
    calling: any
    phone: any
  }
}
