/** The media of one call in a browser: devices, the path to the server, and the others' streams. */

import {
  asCallError,
  type Devices,
  type MediaCall,
  type MediaHost,
  type MediaPort,
  type VoiceVolume,
} from "../core/src/index.js"
import {
  DEVICE_ERRORS,
  VIDEO_QUALITIES,
  openCamera,
  openMicrophone,
  supported,
  type DeviceError,
  type DeviceWish,
  type VideoQuality,
} from "./devices.js"
import { Transport } from "./transport.js"

/** Time between two looks at the volumes, ms. Higher: less CPU. Lower: a livelier meter. */
const VOLUME_MS = 300

/** First and longest wait before another path is tried after a failure, ms. Higher: less load on a server in trouble.
 * Lower: sound is back sooner. */
const RETRY_MS = { first: 500, max: 8000 }

/** What screens and pages need beyond the port. */
export type MediaChange =
  /** The own picture, or the others' streams, are other ones. */
  | "streams"
  /** Sound waits for a touch of the page: the browser's autoplay rule. */
  | "playback"

interface Open {
  call: MediaCall
  host: MediaHost
  wanted: Devices
  /** The user has agreed: devices may be open. */
  consented: boolean
  microphone: MediaStreamTrack | null
  camera: MediaStreamTrack | null
  transport: Transport | null
  /** An offer is out, or was answered. */
  offered: boolean
  connectedOnce: boolean
  failures: number
  remote: MediaStream
  /** Each device is opened by one task at a time. */
  opening: { microphone: boolean; camera: boolean }
}

/** See the head of this file. */
export class WebMedia implements MediaPort {
  /** Set by whoever shows the streams. */
  onchange: (change: MediaChange) => void = () => {}
  private readonly wish: DeviceWish = { microphoneID: null, cameraID: null, facing: "user", quality: "480p" }
  private open: Open | null = null
  private volumeTimer = 0
  private retryTimer = 0
  private sounds: HTMLAudioElement | null = null
  private speakerID = ""
  private heard = true
  private blocked = false

  // --- the port ---

  begin(call: MediaCall, host: MediaHost, wanted: Devices): void {
    this.end()
    this.open = {
      call, host, wanted, consented: false, microphone: null, camera: null, transport: null, offered: false,
      connectedOnce: false, failures: 0, remote: new MediaStream(), opening: { microphone: false, camera: false },
    }
    if (!supported()) {
      host.error(DEVICE_ERRORS.unsupported, "this page cannot call: open it over https, or as localhost, in a browser with WebRTC")
    }
  }

  openDevices(): void {
    const open = this.open
    if (open === null || open.consented) return
    open.consented = true
    void this.openWanted(open)
  }

  connect(): void {
    const open = this.open
    if (open !== null && !open.offered && supported()) void this.build(open)
  }

  reconnect(): void {
    const open = this.open
    if (open === null || !open.offered) return
    this.drop(open)
    open.host.status("reconnecting")
    void this.build(open)
  }

  setDevices(wanted: Devices): void {
    const open = this.open
    if (open === null) return
    open.wanted = wanted
    if (open.microphone !== null) open.microphone.enabled = wanted.microphone
    if (!wanted.camera) this.closeCamera(open)
    if (open.consented) void this.openWanted(open)
  }

  end(): void {
    const open = this.open
    this.open = null
    clearTimeout(this.retryTimer)
    clearInterval(this.volumeTimer)
    if (open === null) return
    this.drop(open)
    open.microphone?.stop()
    open.camera?.stop()
    this.silence()
    this.onchange("streams")
  }

  // --- streams ---

  /** The own picture, null while the camera is off. */
  get localStream(): MediaStream | null {
    const camera = this.open?.camera
    return camera ? new MediaStream([camera]) : null
  }

  /** What is received, null without a path. */
  get remoteStream(): MediaStream | null {
    return this.open !== null && this.open.remote.getTracks().length > 0 ? this.open.remote : null
  }

  /** The path's measurements, null without one. */
  async stats(): Promise<RTCStatsReport | null> {
    const transport = this.open?.transport
    return transport ? transport.stats() : null
  }

  /** Whether the others are heard on this device. Off, the streams still flow. */
  get listening(): boolean {
    return this.heard
  }
  set listening(on: boolean) {
    this.heard = on
    if (this.sounds !== null) this.sounds.muted = !on
    if (on && this.blocked) this.play()
  }

  /** True if the browser wants a touch of the page before it plays. */
  get playbackBlocked(): boolean {
    return this.blocked
  }

  /** Plays what was blocked. Call it from a click. */
  play(): void {
    const sounds = this.sounds
    if (sounds === null) return
    sounds.play().then(
      () => this.setBlocked(false),
      (error: unknown) => {
        // A new stream interrupts the old one's play(); only the autoplay rule needs the user.
        if (error instanceof Error && error.name === "NotAllowedError") this.setBlocked(true)
      },
    )
  }

  // --- choices ---

  /** The microphone to use from now on; a call's is changed at once. */
  async useMicrophone(deviceID: string): Promise<void> {
    this.wish.microphoneID = deviceID
    const open = this.open
    if (open === null || open.microphone === null) return
    open.microphone.stop()
    open.microphone = null
    await this.openWanted(open)
  }

  /** The camera to use from now on; a call's is changed at once. */
  async useCamera(deviceID: string): Promise<void> {
    this.wish.cameraID = deviceID
    await this.reopenCamera()
  }

  /** Front or back, on a phone. */
  async useFacing(facing: "user" | "environment"): Promise<void> {
    if (this.wish.facing === facing && this.wish.cameraID === null) return
    this.wish.facing = facing
    this.wish.cameraID = null
    await this.reopenCamera()
  }

  /** The loudspeaker to use. False where the browser cannot choose. */
  async useSpeaker(deviceID: string): Promise<boolean> {
    this.speakerID = deviceID
    const probe = this.sounds ?? document.createElement("audio")
    if (typeof probe.setSinkId !== "function") return false
    if (this.sounds !== null) await this.sounds.setSinkId(deviceID)
    return true
  }

  /** The picture's size from now on; a call's is changed at once. */
  async setQuality(quality: VideoQuality): Promise<void> {
    this.wish.quality = quality
    const { width, height, bitrate } = VIDEO_QUALITIES[quality]
    const open = this.open
    await open?.camera?.applyConstraints({ width: { ideal: width }, height: { ideal: height } })
    await open?.transport?.limitVideo(bitrate)
  }

  /** Ids of what is in use. */
  get current(): { microphoneID: string; cameraID: string; speakerID: string } {
    const id = (track: MediaStreamTrack | null | undefined) => track?.getSettings().deviceId ?? ""
    return {
      microphoneID: id(this.open?.microphone),
      cameraID: id(this.open?.camera),
      speakerID: this.speakerID,
    }
  }

  // --- devices ---

  /** Opens what is wanted and not open: the microphone first, and nobody waits for the camera. */
  private async openWanted(open: Open): Promise<void> {
    const now = () => this.open === open
    if (open.microphone === null && !open.opening.microphone && open.wanted.microphone) {
      open.opening.microphone = true
      const got = await openMicrophone(this.wish)
      open.opening.microphone = false
      if (isError(got)) {
        if (now()) this.without(open, { ...open.wanted, microphone: false }, got)
      } else if (!now()) {
        got.stop()
      } else {
        got.enabled = open.wanted.microphone
        open.microphone = got
        got.onended = () => this.trackEnded(open, "microphone")
        await open.transport?.send("audio", got)
      }
    }
    if (now() && open.camera === null && !open.opening.camera && open.wanted.camera) {
      open.opening.camera = true
      const got = await openCamera(this.wish)
      open.opening.camera = false
      if (isError(got)) {
        if (now()) this.without(open, { ...open.wanted, camera: false }, got)
      } else if (!now() || !open.wanted.camera) {
        got.stop()
      } else {
        open.camera = got
        got.onended = () => this.trackEnded(open, "camera")
        this.onchange("streams")
        await open.transport?.send("video", got)
      }
    }
  }

  private without(open: Open, devices: Devices, error: DeviceError): void {
    open.wanted = devices
    open.host.devices(devices)
    open.host.error(error.code, error.message)
  }

  /** Unplugged: another one may be there. */
  private trackEnded(open: Open, kind: "microphone" | "camera"): void {
    if (this.open !== open) return
    if (kind === "camera") {
      this.wish.cameraID = null
      this.closeCamera(open)
    } else {
      this.wish.microphoneID = null
      open.microphone = null
    }
    void this.openWanted(open)
  }

  private closeCamera(open: Open): void {
    const camera = open.camera
    if (camera === null) return
    open.camera = null
    camera.onended = null
    camera.stop()
    void open.transport?.send("video", null)
    this.onchange("streams")
  }

  private async reopenCamera(): Promise<void> {
    const open = this.open
    if (open === null || open.camera === null) return
    this.closeCamera(open)
    await this.openWanted(open)
  }

  // --- the path ---

  private async build(open: Open): Promise<void> {
    open.offered = true
    if (open.failures === 0 && !open.connectedOnce) open.host.status("connecting")
    const transport = new Transport({
      connected: () => {
        open.failures = 0
        open.connectedOnce = true
        open.host.status("connected")
        this.watchVolumes(open)
      },
      broken: () => {
        if (open.transport === transport) this.retry(open)
      },
    })
    open.transport = transport
    this.receive(open, transport)
    const current = () => this.open === open && open.transport === transport
    try {
      await transport.send("audio", open.microphone)
      await transport.send("video", open.camera)
      const answer = await open.call.exchange(await transport.offer())
      if (!current()) return
      await transport.answer(answer)
      await transport.limitVideo(VIDEO_QUALITIES[this.wish.quality].bitrate)
    } catch (thrown) {
      if (!current()) return
      const error = asCallError(thrown)
      this.drop(open)
      if (error.code === "preconnect_refused") open.offered = false // connect() comes again with the answer
      else if (error.retry || error.code === "internal") this.retry(open)
      else if (error.code === "offer_invalid" || error.code === "offer_too_large" || error.code === "bad_answer") {
        open.host.error(error.code, error.message)
      }
      // Else the call is over, and its end says so.
    }
  }

  private retry(open: Open): void {
    if (this.open !== open) return
    this.drop(open)
    open.host.status("reconnecting")
    const wait = Math.min(RETRY_MS.first * 2 ** open.failures, RETRY_MS.max)
    open.failures++
    this.retryTimer = window.setTimeout(() => {
      if (this.open === open) void this.build(open)
    }, wait)
  }

  private drop(open: Open): void {
    clearTimeout(this.retryTimer)
    open.transport?.close()
    open.transport = null
    open.remote = new MediaStream()
  }

  private receive(open: Open, transport: Transport): void {
    open.remote = new MediaStream([transport.audio.receiver.track, transport.video.receiver.track])
    if (this.sounds === null) {
      this.sounds = document.createElement("audio")
      this.sounds.autoplay = true
    }
    this.sounds.muted = !this.heard
    this.sounds.srcObject = open.remote
    if (this.speakerID !== "" && typeof this.sounds.setSinkId === "function") {
      this.sounds.setSinkId(this.speakerID).catch(() => {})
    }
    this.play()
    this.onchange("streams")
  }

  private silence(): void {
    if (this.sounds !== null) this.sounds.srcObject = null
    this.setBlocked(false)
  }

  private setBlocked(blocked: boolean): void {
    if (this.blocked === blocked) return
    this.blocked = blocked
    this.onchange("playback")
  }

  // --- volumes ---

  private watchVolumes(open: Open): void {
    clearInterval(this.volumeTimer)
    this.volumeTimer = window.setInterval(() => {
      const { transport } = open
      if (this.open === open && transport !== null) this.report(open, transport)
    }, VOLUME_MS)
  }

  private report(open: Open, transport: Transport): void {
    measure(open, transport).then(
      (levels) => open.host.volumes(levels),
      () => {}, // the path was closed meanwhile
    )
  }
}

/** The level of both directions, as the browser measures it anyway. */
async function measure(open: Open, transport: Transport): Promise<VoiceVolume[]> {
  const source = transport.audio.receiver.getSynchronizationSources()[0]
  const levels = open.call.others.map((userID) => ({ userID, volume: percent(source?.audioLevel) }))
  let own = 0
  if (open.wanted.microphone && open.microphone !== null) {
    const report = await transport.audio.sender.getStats()
    report.forEach((s: { type: string; audioLevel?: number }) => {
      if (s.type === "media-source") own = percent(s.audioLevel)
    })
  }
  return [{ userID: open.call.self, volume: own }, ...levels]
}

/** Loudness is felt as a root of the level. */
function percent(level: number | undefined): number {
  return Math.round(100 * Math.sqrt(Math.min(Math.max(level ?? 0, 0), 1)))
}

function isError(got: MediaStreamTrack | DeviceError): got is DeviceError {
  return !(got instanceof MediaStreamTrack)
}
