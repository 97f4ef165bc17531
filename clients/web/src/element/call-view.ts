/** From what happens in a call to what its screen shows, with the bell. */

import { clock, endText, pictureUnseen, type Call, type CallEvent, type Language } from "../../../core/src/index.js"
import type { WebGuideApi } from "../guide-api.js"
import { DeviceFault, listDevices } from "../media/devices.js"
import { takesH264 } from "../media/transport.js"
import type { Phone } from "../phone.js"
import { ERROR_TEXTS, errorText } from "./error-texts.js"
import { Ringer } from "./ringer.js"
import type { Actions, Notice, Screen, View } from "./screen.js"
import { languageOf, texts, type Texts } from "./texts.js"

/** How long the end of a call is shown, ms. Higher: easier to read. Lower: the page is back sooner. */
const END_SHOWN_MS = 2200

/** How long something that failed is shown, ms. Higher: easier to read. Lower: less in the way. */
const FAULT_SHOWN_MS = 6000

/** Told on the screen in other ways: by a button that plays the sound, by a notice that stays. */
const SHOWN_OTHERWISE = ["playback_blocked", "video_codec"]

/** Network levels above this are worth a hint (1 best, 6 cut off). */
const WEAK_ABOVE = 4

/** See the head of this file. */
export class CallView {
  private readonly screen: Screen
  private readonly ringer = new Ringer()
  /** What is shown: the present call, or the one that has just ended. */
  private shown: Call | null = null
  private end: ((t: Texts, language: Language) => string) | null = null
  private endTimer: ReturnType<typeof setTimeout> | undefined
  private second: ReturnType<typeof setInterval> | undefined
  private weak = new Map<string, boolean>()
  private faults: Array<string | number> = []
  private mediaStatus = "idle"
  private everConnected = false
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
    this.stop = [
      this.phone.client.on((event) => this.happened(event)),
      this.phone.media.changes.on(() => this.refresh()),
    ]
  }

  /** Shows the present state anew. */
  refresh(): void {
    const call = this.shown
    if (call === null) {
      this.host.removeAttribute("phase")
      return
    }
    const view = this.viewOf(call)
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
    clearTimeout(this.endTimer)
    this.host.removeAttribute("phase")
  }

  // --- what happens ---

  private happened(event: CallEvent): void {
    const begins = event.type === "calling" || event.type === "invited"
    if (!begins && "call" in event && event.call !== this.shown) return
    switch (event.type) {
      case "calling":
      case "invited":
        this.begin(event.call)
        break
      case "connected":
        this.ringer.stop()
        this.countCameras()
        break
      case "network":
        this.weak.set(event.userID, event.level > WEAK_ABOVE)
        break
      case "media":
        this.mediaStatus = event.status
        if (event.status === "connected") this.everConnected = true
        break
      case "volumes":
        for (const { userID, volume } of event.levels) if (userID !== event.call.self) this.screen.loudness(volume)
        return
      case "error":
        this.fault(event.code)
        break
      case "refused": {
        const { code, message } = event.error
        this.over((t, language) => t.refused(errorText(code, language, message)))
        break
      }
      case "ended": {
        const { call, reason, by, durationS } = event
        const { role } = call
        const end = { reason, mine: by === call.self, role, connected: call.connectedAt !== null, seconds: durationS }
        this.over((t) => endText(t, end))
        break
      }
      case "changed":
        if (event.call.phase === "ending" || event.call.phase === "accepting") this.ringer.stop()
        break
      case "alerting":
        this.ringer.outgoing()
        break
      default:
    }
    this.refresh()
  }

  private begin(call: Call): void {
    clearTimeout(this.endTimer)
    clearInterval(this.second)
    this.shown = call
    this.end = null
    this.weak.clear()
    this.faults = []
    this.mediaStatus = "idle"
    this.everConnected = this.remoteHidden = false
    this.second = setInterval(() => {
      if (this.shown !== null && this.shown.phase === "connected") this.refresh()
    }, 500)
    // A page may have answered or left it by now.
    if (call.phase === "ringing") this.ringer.incoming()
    else if (call.phase === "dialing") this.ringer.outgoing()
  }

  private over(say: (t: Texts, language: Language) => string): void {
    this.ringer.stop()
    clearInterval(this.second)
    this.end = say
    this.screen.loudness(0)
    this.endTimer = setTimeout(() => {
      this.shown = this.end = null
      this.screen.clear()
      this.refresh()
    }, END_SHOWN_MS)
  }

  private fault(code: string | number): void {
    if (this.faults.includes(code) || SHOWN_OTHERWISE.includes(String(code)) || !(code in ERROR_TEXTS)) return
    this.faults.push(code)
    setTimeout(() => {
      this.faults = this.faults.filter((c) => c !== code)
      this.refresh()
    }, FAULT_SHOWN_MS)
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

  private viewOf(call: Call): View {
    const language = languageOf(this.host)
    const t = texts(language)
    const { media } = this.phone
    const ended = this.end !== null
    const peer = call.role === "callee" ? call.sponsor : call.invitees.join(", ")
    const other = call.peers[0]
    const seen = other !== undefined && other.devices.camera && !call.unseen.includes(other.userID) && !this.remoteHidden
    const phase = ended || call.phase === "ending" ? "ended" : phaseOf(call)
    const timing = phase === "connected" && call.phase === "connected" && (this.mediaStatus === "connected" || this.everConnected)
    return {
      texts: t,
      phase,
      video: call.media === "video",
      modal: !this.host.hasAttribute("inline"),
      name: peer || t.unknown,
      status: this.end !== null ? this.end(t, language) : this.statusOf(call, t, timing),
      timing,
      notices: this.noticesOf(call, t, language),
      soundBlocked: media.playbackBlocked && media.listening && phase === "connected",
      microphone: call.devices.microphone,
      camera: call.devices.camera,
      canFlip: this.cameras > 1 && navigator.maxTouchPoints > 0,
      canSwitch: !ended && call.media === "video" && call.phase === "connected",
      mirrored: media.facing === "user",
      local: ended ? null : media.localStream,
      remote: !ended && call.media === "video" && seen ? media.remoteStream : null,
    }
  }

  private statusOf(call: Call, t: Texts, timing: boolean): string {
    switch (call.phase) {
      case "dialing":
        return t.dialing
      case "calling":
        return call.alerting ? t.alerting : call.unreachable ? t.unreachable : t.waiting
      case "ringing":
        return call.media === "video" ? t.invitedVideo : t.invitedVoice
      case "accepting":
        return t.accepting
      case "connected":
        return timing ? clock((performance.now() - (call.connectedAt ?? performance.now())) / 1000) : t.connecting
      default:
        return t.ended
    }
  }

  private noticesOf(call: Call, t: Texts, language: Language): Notice[] {
    const notices: Notice[] = []
    const warn = (icon: Notice["icon"], text: string) => notices.push({ icon, text, warn: true })
    const peer = call.peers[0]
    if (this.phone.client.connectionState.name !== "online") warn("warning", t.offline)
    else if (this.mediaStatus === "reconnecting") warn("warning", t.reconnecting)
    else if (this.weak.get(call.self) === true) warn("signal", t.weakOwn)
    else if (peer !== undefined && this.weak.get(peer.userID) === true) warn("signal", t.weakPeer)
    // Without a common codec one side lacks H.264: that decides how it is said.
    if (pictureUnseen(call)) warn("cameraOff", takesH264() ? t.peerNoH264 : t.ownNoH264)
    for (const code of this.faults) warn("warning", errorText(code, language, ""))
    if (peer !== undefined && !peer.devices.microphone) notices.push({ icon: "muted", text: t.peerMuted, warn: false })
    if (peer !== undefined && call.media === "video" && !peer.devices.camera) {
      notices.push({ icon: "cameraOff", text: t.peerCameraOff, warn: false })
    }
    return notices
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
        this.fault(error.code)
        this.refresh()
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
        if (call !== null) void showing(guide.setMicMute(call.devices.microphone))
      },
      toggleCamera: () => {
        const call = client.call
        if (call !== null) void showing(guide.setCamera(!call.devices.camera))
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

function phaseOf(call: Call): View["phase"] {
  if (call.phase === "connected") return "connected"
  return call.phase === "ringing" ? "ringing" : call.role === "caller" || call.phase === "dialing" ? "calling" : "connected"
}
