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

    // What pages of other people have.
    TRTCCalling: any
    app: any

    // What a test leaves in a page for its next step.
    again?: () => void
    count: (...given: unknown[]) => void
    double: (...given: unknown[]) => void
    flashes: ReturnType<typeof import('./bridge/lib/flash-in-page.js').watchFlashes>
    heard: any
    microphone: MediaStreamTrack
    players: HTMLMediaElement[]
    senders: RTCRtpSender[]
    soundGap: () => number
  }

  // Chromium's, which no other browser has.
  class MediaStreamTrackProcessor {
    constructor(options: { track: MediaStreamTrack })
    readonly readable: ReadableStream<any>
  }
  class MediaStreamTrackGenerator extends MediaStreamTrack {
    constructor(options: { kind: string })
    readonly writable: WritableStream<unknown>
  }
}
