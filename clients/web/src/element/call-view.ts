/** Draws the model of the call screen onto the element's screen, and rings. */

import { CallScreen, hasSource, noticeText, sends, statusText, visibleSource } from "@tring/core"
import type { Call, CallEvent, Language, Notice as ModelNotice, ScreenState } from "@tring/core"
import type { WebGuideApi } from "../guide-api.js"
import { DeviceFault, listDevices } from "../media/devices.js"
import { takesH264 } from "../media/transport.js"
import type { Phone } from "../phone.js"
import { ERROR_TEXTS, errorText } from "./error-texts.js"
import type { IconName } from "./icons.js"
import { Ringer } from "./ringer.js"
import type { Actions, Notice, Screen, View } from "./screen.js"
import { languageOf, texts, type Texts } from "./texts.js"

/** How long the end of a call is shown, ms. Higher: easier to read. Lower: the page is back sooner. */
const END_SHOWN_MS = 2200

/** How long something that failed is shown, ms. Higher: easier to read. Lower: less in the way. */
const FAULT_SHOWN_MS = 6000

/** Time between two looks at the clock of the talk, ms. Higher: less CPU. Lower: each second is shown sooner after it began. */
const CLOCK_MS = 500

/** The call screen of one element: its model, its bell and its timers. */
export class CallView {
  private readonly model = new CallScreen({ oneLine: false, noticeMs: FAULT_SHOWN_MS, endMs: END_SHOWN_MS, errors: ERROR_TEXTS })
  private readonly screen: Screen
  private readonly ringer = new Ringer()
  private timer: ReturnType<typeof setTimeout> | undefined
  private second: ReturnType<typeof setInterval> | undefined
  private remoteHidden = false
  private cameras = 0
  private readonly phone: Phone
  private readonly stop: Array<() => void>

  constructor(
    private readonly host: HTMLElement,
    private readonly guide: WebGuideApi,
    makeScreen: (actions: Actions) => Screen,
  ) {
    this.phone = guide.phone
    this.screen = makeScreen(this.actions())
    this.stop = [this.phone.client.on((event) => this.happened(event)), this.phone.media.changes.on(() => this.refresh())]
  }

  /** Shows the present state anew. */
  refresh(): void {
    const state = this.model.state({
      now: performance.now(),
      online: this.phone.client.connectionState.name === "online",
      hidden: () => this.remoteHidden,
    })
    if (state === null) {
      this.host.removeAttribute("phase")
      return
    }
    const view = this.viewOf(state)
    this.host.setAttribute("phase", view.phase)
    this.screen.render(view)
  }

  /** Shows or hides the other's picture. */
  showRemote(shown: boolean): void {
    this.remoteHidden = !shown
    this.refresh()
  }

  dispose(): void {
    this.stop.forEach((stop) => stop())
    this.ringer.stop()
    this.screen.dispose()
    clearInterval(this.second)
    clearTimeout(this.timer)
    this.host.removeAttribute("phase")
  }

  // --- what happens ---

  private happened(event: CallEvent): void {
    if (!this.model.happened(event, performance.now())) return
    switch (event.type) {
      case "calling":
      case "invited":
        this.begin(event.call)
        break
      case "connected":
        this.ringer.stop()
        this.countCameras()
        break
      case "volumes":
        for (const { userID, volume } of event.levels) if (userID !== event.call.self) this.screen.loudness(volume)
        return
      case "refused":
      case "ended":
        this.ringer.stop()
        clearInterval(this.second)
        this.screen.loudness(0)
        break
      case "changed":
        if (event.call.phase === "ending" || event.call.phase === "accepting") this.ringer.stop()
        break
      case "alerting":
        this.ringer.outgoing()
        break
      default:
    }
    this.changed()
  }

  private begin(call: Call): void {
    clearInterval(this.second)
    this.remoteHidden = false
    this.second = setInterval(() => {
      if (call.phase === "connected") this.refresh()
    }, CLOCK_MS)
    // A page may have answered or left it by now.
    if (call.phase === "ringing") this.ringer.incoming()
    else if (call.phase === "dialing") this.ringer.outgoing()
  }

  /** Shows the present state, and again when something of it goes by itself. */
  private changed(): void {
    const at = this.model.nextChange
    clearTimeout(this.timer)
    if (at !== null) {
      this.timer = setTimeout(() => {
        if (this.model.expire(at)) this.screen.clear()
        this.changed()
      }, at - performance.now())
    }
    this.refresh()
  }

  private countCameras(): void {
    listDevices("videoinput").then(
      (all) => {
        this.cameras = all.length
        this.refresh()
      },
      () => {}, // no list, no button to flip
    )
  }

  // --- what is shown ---

  private viewOf(state: ScreenState): View {
    const language = languageOf(this.host)
    const t = texts(language)
    const { media } = this.phone
    const { status, self, video } = state
    const phase = viewPhase(state)
    const timing = status.say === "clock"
    return {
      texts: t,
      phase,
      video,
      modal: !this.host.hasAttribute("inline"),
      name: state.name || t.unknown,
      status: statusText(t, status, (code, otherwise) => errorText(code, language, otherwise)),
      timing,
      notices: state.notices.map((notice) => drawn(notice, t, language)),
      soundBlocked: media.playbackBlocked && media.listening && phase === "connected",
      microphone: sends(self, "microphone"),
      camera: sends(self, "camera"),
      canFlip: this.cameras > 1 && navigator.maxTouchPoints > 0,
      canSwitch: state.canSwitch,
      mirrored: media.facing === "user",
      local: state.phase === "ended" ? null : media.localStream,
      remote: state.phase === "ended" ? null : this.remotePicture(state),
    }
  }

  /** The screen has room for one picture of the others: the first that can be shown. */
  private remotePicture({ people }: ScreenState): MediaStream | null {
    for (const person of people) {
      const source = visibleSource(person)
      if (source !== null) return this.phone.media.sourceOf(person.userID, source)
    }
    return null
  }

  // --- what the user does ---

  private actions(): Actions {
    const { guide } = this
    const { client, media } = this.phone
    // What fails is an ERROR for the page; here it is shown, unless an event shows it anyway.
    const showing = async (promise: Promise<unknown>) => {
      try {
        await promise
      } catch (error) {
        if (!(error instanceof DeviceFault)) return
        this.model.fault(error.code, performance.now())
        this.changed()
      }
    }
    return {
      answer: () => void showing(guide.accept()),
      leave: () => {
        const phase = client.call?.phase
        void showing(phase === "ringing" || phase === "accepting" ? guide.reject() : guide.hangup())
      },
      toggleMicrophone: () => {
        const call = client.call
        if (call !== null) void showing(guide.setMicMute(hasSource(call.sources, "microphone")))
      },
      toggleCamera: () => {
        const call = client.call
        if (call !== null) void showing(guide.setCamera(!hasSource(call.sources, "camera")))
      },
      flip: () => void showing(guide.useFacing(media.facing === "user" ? "environment" : "user")),
      toVoice: () => void showing(guide.switchCall(1)),
      playSound: () => void showing(guide.resumePlayback()),
      listDevices: async () => {
        const { microphoneID, cameraID, speakerID } = media.current
        return {
          audio: await listDevices("audioinput"),
          video: client.call?.media === "video" ? await listDevices("videoinput") : [],
          speaker: "setSinkId" in HTMLMediaElement.prototype ? await listDevices("audiooutput") : [],
          current: { audio: microphoneID, video: cameraID, speaker: speakerID },
        }
      },
      chooseDevice: (deviceType, deviceId) => showing(guide.switchDevice({ deviceType, deviceId })),
    }
  }
}

/** The element's screen has no phase between an answer and the talk, nor between leaving and the end. */
function viewPhase({ phase }: ScreenState): View["phase"] {
  return phase === "accepting" ? "connected" : phase === "ending" ? "ended" : phase
}

const NOTICE_ICONS: { readonly [key in NonNullable<ModelNotice["key"]>]: IconName } = {
  offline: "warning",
  reconnecting: "warning",
  weakOwn: "signal",
  weakPeer: "signal",
  peerNoH264: "cameraOff",
  peerMuted: "muted",
  peerCameraOff: "cameraOff",
}

function drawn(notice: ModelNotice, t: Texts, language: Language): Notice {
  const { key } = notice
  // Without a common codec one side lacks H.264: that decides how it is said.
  const text = key === "peerNoH264" && !takesH264() ? t.ownNoH264 : noticeText(t, notice, (code) => errorText(code, language, ""))
  return { icon: key === null ? "warning" : NOTICE_ICONS[key], text, warn: key !== "peerMuted" && key !== "peerCameraOff" }
}
