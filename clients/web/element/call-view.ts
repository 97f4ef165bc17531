/** From what happens in a call to what its screen shows, with the bell. */

import { clock, type Call, type CallEvent } from "../../core/src/index.js"
import { listDevices } from "../devices.js"
import type { Phone } from "../phone.js"
import { Ringer } from "./ringer.js"
import type { Actions, Notice, Screen, View } from "./screen.js"
import { endText, languageOf, texts, type Texts } from "./texts.js"

/** How long the end of a call is shown, ms. Higher: easier to read. Lower: the page is back sooner. */
const END_SHOWN_MS = 2200

/** How long a device's fault is shown, ms. */
const FAULT_SHOWN_MS = 6000

/** Network levels above this are worth a hint (1 best, 6 cut off). */
const WEAK_ABOVE = 4

/** See the head of this file. */
export class CallView {
  private readonly screen: Screen
  private readonly ringer = new Ringer()
  /** What is shown: the present call, or the one that has just ended. */
  private shown: Call | null = null
  private end: ((t: Texts) => string) | null = null
  private endTimer = 0
  private second = 0
  private weak = new Map<string, boolean>()
  private faults: number[] = []
  private mediaStatus = "idle"
  private everConnected = false
  private remoteHidden = false
  private facing: "user" | "environment" = "user"
  private cameras = 0
  private readonly stop: () => void

  constructor(
    private readonly host: HTMLElement,
    private readonly phone: Phone,
    makeScreen: (actions: Actions) => Screen,
  ) {
    this.screen = makeScreen(this.actions())
    this.stop = phone.client.on((event) => this.happened(event))
    phone.media.onchange = () => this.refresh()
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

  /** Front or back camera. */
  async useFacing(facing: "user" | "environment"): Promise<void> {
    this.facing = facing
    await this.phone.media.useFacing(facing)
    this.refresh()
  }

  dispose(): void {
    this.stop()
    this.ringer.stop()
    clearInterval(this.second)
    clearTimeout(this.endTimer)
    this.host.removeAttribute("phase")
  }

  // --- what happens ---

  private happened(event: CallEvent): void {
    switch (event.type) {
      case "calling":
      case "invited":
        this.begin(event.call)
        break
      case "connected":
        this.ringer.stop()
        void listDevices("videoinput").then((all) => {
          this.cameras = all.length
          this.refresh()
        })
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
        if (typeof event.code === "number") this.fault(event.code)
        break
      case "refused":
        this.over((t) => `${t.refused}: ${event.error.message}`)
        break
      case "ended": {
        const { call, reason, by, durationS } = event
        const mine = by === call.self
        this.over((t) => endText(t, reason, mine, call.role === "caller", call.connectedAt !== null, durationS))
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
    this.second = window.setInterval(() => {
      if (this.shown !== null && this.shown.phase === "connected") this.refresh()
    }, 500)
    if (call.role === "callee") this.ringer.incoming()
    else this.ringer.outgoing()
  }

  private over(say: (t: Texts) => string): void {
    this.ringer.stop()
    clearInterval(this.second)
    this.end = say
    this.screen.loudness(0)
    this.endTimer = window.setTimeout(() => {
      this.shown = this.end = null
      this.screen.clear()
      this.refresh()
    }, END_SHOWN_MS)
  }

  private fault(code: number): void {
    if (this.faults.includes(code)) return
    this.faults.push(code)
    setTimeout(() => {
      this.faults = this.faults.filter((c) => c !== code)
      this.refresh()
    }, FAULT_SHOWN_MS)
  }

  // --- what is shown ---

  private viewOf(call: Call): View {
    const t = texts(languageOf(this.host))
    const { media } = this.phone
    const ended = this.end !== null
    const peer = call.role === "callee" ? call.sponsor : call.invitees.join(", ")
    const devices = call.peers[0]?.devices
    const phase = ended || call.phase === "ending" ? "ended" : phaseOf(call)
    const timing = phase === "connected" && call.phase === "connected" && (this.mediaStatus === "connected" || this.everConnected)
    return {
      texts: t,
      phase,
      video: call.media === "video",
      name: peer || t.unknown,
      status: this.end !== null ? this.end(t) : this.statusOf(call, t, timing),
      timing,
      notices: this.noticesOf(call, t),
      soundBlocked: media.playbackBlocked && media.listening && phase === "connected",
      microphone: call.devices.microphone,
      camera: call.devices.camera,
      canFlip: this.cameras > 1 && navigator.maxTouchPoints > 0,
      mirrored: this.facing === "user",
      local: ended ? null : media.localStream,
      remote: !ended && call.media === "video" && devices?.camera === true && !this.remoteHidden ? media.remoteStream : null,
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

  private noticesOf(call: Call, t: Texts): Notice[] {
    const notices: Notice[] = []
    const warn = (icon: Notice["icon"], text: string) => notices.push({ icon, text, warn: true })
    const peer = call.peers[0]
    if (this.phone.client.connectionState.name !== "online") warn("warning", t.offline)
    else if (this.mediaStatus === "reconnecting") warn("warning", t.reconnecting)
    else if (this.weak.get(call.self) === true) warn("signal", t.weakOwn)
    else if (peer !== undefined && this.weak.get(peer.userID) === true) warn("signal", t.weakPeer)
    for (const code of this.faults) {
      const text = (t as unknown as { [key: string]: string | undefined })[`error${code}`]
      if (text !== undefined) warn("warning", text)
    }
    if (peer !== undefined && !peer.devices.microphone) notices.push({ icon: "muted", text: t.peerMuted, warn: false })
    if (peer !== undefined && call.media === "video" && !peer.devices.camera) {
      notices.push({ icon: "cameraOff", text: t.peerCameraOff, warn: false })
    }
    return notices
  }

  // --- what the user does ---

  private actions(): Actions {
    const { client, media } = this.phone
    // A refusal is told by an event or has nothing to tell.
    const quietly = (promise: Promise<unknown>) => void promise.catch(() => {})
    return {
      answer: () => quietly(client.accept()),
      leave: () => {
        const phase = client.call?.phase
        quietly(phase === "ringing" || phase === "accepting" ? client.reject() : client.hangup())
      },
      toggleMicrophone: () => {
        const call = client.call
        if (call !== null) quietly(client.setDevices({ microphone: !call.devices.microphone }))
      },
      toggleCamera: () => {
        const call = client.call
        if (call !== null) quietly(client.setDevices({ camera: !call.devices.camera }))
      },
      flip: () => quietly(this.useFacing(this.facing === "user" ? "environment" : "user")),
      playSound: () => media.play(),
      listDevices: async () => {
        const { microphoneID, cameraID, speakerID } = media.current
        return {
          audio: await listDevices("audioinput"),
          video: client.call?.media === "video" ? await listDevices("videoinput") : [],
          speaker: "setSinkId" in HTMLMediaElement.prototype ? await listDevices("audiooutput") : [],
          current: { audio: microphoneID, video: cameraID, speaker: speakerID },
        }
      },
      chooseDevice: (kind, id) => {
        const change = kind === "audio" ? media.useMicrophone(id) : kind === "video" ? media.useCamera(id) : media.useSpeaker(id)
        quietly(change)
      },
    }
  }
}

function phaseOf(call: Call): View["phase"] {
  if (call.phase === "connected") return "connected"
  return call.phase === "ringing" ? "ringing" : call.role === "caller" || call.phase === "dialing" ? "calling" : "connected"
}
