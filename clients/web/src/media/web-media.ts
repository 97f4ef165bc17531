/** The media of one call in a browser: this puts microphone, camera, path, playback and volumes together. */

import { Emitter, hasSource, withSource } from "@tring/core"
import type { MediaCall, MediaHost, MediaPort, Platform, Source, Sources, VideoCodec } from "@tring/core"
import {
  DEVICE_ERRORS,
  VIDEO_QUALITIES,
  openCamera,
  openMicrophone,
  supported,
  type CameraWish,
  type DeviceFault,
  type Facing,
  type MicrophoneWish,
  type VideoQuality,
} from "./devices.js"
import { LocalDevice } from "./local-device.js"
import { Path } from "./path.js"
import { Playback } from "./playback.js"
import { Received } from "./received.js"
import { VolumeMeter } from "./volume.js"

/** How long the page is not told that sound is blocked while the browser asks for the microphone, ms: some browsers let a
 * page play that captures. Higher: fewer false alarms. Lower: a user who overlooks the prompt hears the other side sooner. */
export const PROMPT_MS = 3000

/** What screens and pages need beyond the port. */
export type MediaChange =
  /** The own picture, or the others' streams, are other ones. */
  | "streams"
  /** Sound waits for a touch of the page (the browser's autoplay rule), or waits no more. */
  | "playback"

/** Without a transport nothing arrives. */
const NOTHING = new Received([])

interface Open {
  readonly call: MediaCall
  readonly host: MediaHost
  readonly microphone: LocalDevice<MicrophoneWish>
  readonly camera: LocalDevice<CameraWish>
  readonly path: Path
  readonly meter: VolumeMeter
  wanted: Sources
  /** The user has agreed: devices may be open, and sound may play. */
  consented: boolean
  /** The microphone is open, or will not be, or the browser asks for too long: see {@link PROMPT_MS}. */
  asked: boolean
  /** What the page was told of, once a call. */
  told: Set<"unsupported" | "blocked">
  received: Received
}

/** The media of one call after the other. */
export class WebMedia implements MediaPort {
  /** For whoever shows the streams. */
  readonly changes: Emitter<MediaChange>
  private readonly playback: Playback
  private open: Open | null = null
  private microphoneWish: MicrophoneWish = { deviceID: null }
  private cameraWish: CameraWish = { deviceID: null, facing: "user" }
  private quality: VideoQuality = "480p"
  private picture: MediaStream | null = null
  /** Since when the session has its socket; null while it has none. */
  private onlineSince: number | null = null

  constructor(private readonly platform: Platform) {
    this.changes = new Emitter((error) => platform.log("error", "a handler threw", error))
    this.playback = new Playback(() => this.playbackChanged())
  }

  // --- the port ---

  begin(call: MediaCall, host: MediaHost, wanted: Sources): void {
    this.end()
    const microphone = new LocalDevice(this.microphoneWish, openMicrophone, {
      changed: (track) => {
        if (track !== null) track.enabled = hasSource(open.wanted, "microphone")
        path.send("microphone", track)
      },
      failed: (fault) => this.without(open, "microphone", fault),
    })
    const camera = new LocalDevice(this.cameraWish, (wish) => openCamera(wish, this.quality), {
      changed: (track) => {
        path.send("camera", track)
        this.picture = track === null ? null : new MediaStream([track])
        this.changes.emit("streams")
      },
      failed: (fault) => this.without(open, "camera", fault),
    })
    const path = new Path(this.platform, {
      exchange: (offer) => call.exchange(offer),
      tracks: () =>
        new Map<Source, MediaStreamTrack | null>([
          ["microphone", microphone.track],
          ["camera", camera.track],
        ]),
      bitrate: () => VIDEO_QUALITIES[this.quality].bitrate,
      status: (status) => {
        if (status === "connected") meter.start()
        host.status(status)
      },
      online: () => this.onlineSince,
      silent: () => host.silent(),
      error: (code, message) => host.error(code, message),
      changed: () => this.receive(open),
    })
    const source = {
      self: call.self,
      get others() {
        return call.others
      },
      transport: () => path.transport,
      speaking: () => hasSource(open.wanted, "microphone") && microphone.track !== null,
    }
    const meter = new VolumeMeter(this.platform, source, (levels) => host.volumes(levels))
    const open: Open = {
      call,
      host,
      microphone,
      camera,
      path,
      meter,
      wanted,
      consented: false,
      asked: false,
      told: new Set(),
      received: NOTHING,
    }
    this.open = open
  }

  openDevices(): void {
    const open = this.open
    if (open === null) return
    if (!open.consented) this.platform.setTimer(PROMPT_MS, () => this.microphoneAsked(open))
    open.consented = true
    // Inside the user's click, if there was one: that is what the autoplay rule asks for.
    void this.playback.play()
    this.follow(open)
  }

  connect(): void {
    const open = this.open
    if (open === null) return
    if (!supported()) return this.tellUnsupported(open)
    if (open.consented) void this.playback.play()
    open.path.connect()
  }

  reconnect(lost = false): void {
    this.open?.path.reconnect(lost)
  }

  setSources(wanted: Sources): void {
    const open = this.open
    if (open === null) return
    open.wanted = wanted
    if (open.consented) this.follow(open)
  }

  switched(): void {
    if (this.open !== null) this.setSources(withSource(this.open.wanted, "camera", false))
  }

  sendVideoIn(codec: VideoCodec): void {
    this.open?.path.sendVideoIn(codec)
  }

  end(): void {
    const open = this.open
    if (open === null) return
    this.open = null
    open.meter.stop()
    open.path.close()
    open.microphone.close()
    open.camera.close()
    this.picture = null
    this.playback.stop()
    this.changes.emit("streams")
  }

  /** The session has a socket, or has none any more. */
  sessionIs(online: boolean): void {
    this.onlineSince = online ? this.platform.now() : null
    if (online) this.open?.path.reached()
  }

  // --- streams and sound ---

  /** The own picture, null while the camera is off. */
  get localStream(): MediaStream | null {
    return this.picture
  }

  /** All that somebody else sends, null without a path. */
  streamOf(userID: string): MediaStream | null {
    return this.open === null ? null : this.open.received.streamOf(userID)
  }

  /** One source of somebody else, null without a path, or if that source has no way here. */
  sourceOf(userID: string, source: Source): MediaStream | null {
    return this.open === null ? null : this.open.received.sourceOf(userID, source)
  }

  /** A picture of this user, or of the one other of a call; null while it is off or has no way here. */
  pictureOf(who: "self" | "other", source: Source): MediaStream | null {
    if (this.open === null) return null
    if (who === "other") return this.sourceOf(otherOf(this.open.call), source)
    return source === "camera" ? this.picture : null
  }

  /** The path's measurements, null without one. */
  async stats(): Promise<RTCStatsReport | null> {
    const transport = this.open?.path.transport
    return transport ? transport.stats() : null
  }

  /** Whether the others are heard on this device. Off, the streams still flow. */
  get listening(): boolean {
    return this.playback.listening
  }
  set listening(on: boolean) {
    this.playback.listening = on
  }

  /** True if the browser wants a touch of the page before it plays. */
  get playbackBlocked(): boolean {
    return this.playback.blocked
  }

  /** Plays what was blocked: call it from a click. False if it is blocked still. */
  play(): Promise<boolean> {
    return this.playback.play()
  }

  // --- choices ---

  /** The microphone to use from now on; a call's is changed at once. Rejects with a {@link DeviceFault}. */
  async useMicrophone(deviceID: string): Promise<void> {
    const [before, wish] = [this.microphoneWish, { deviceID }]
    this.microphoneWish = wish
    try {
      await this.open?.microphone.choose(wish)
    } catch (fault) {
      if (this.microphoneWish === wish) this.microphoneWish = before
      throw fault
    }
  }

  /** The camera to use from now on; a call's is changed at once. Rejects with a {@link DeviceFault}. */
  useCamera(deviceID: string): Promise<void> {
    return this.chooseCamera({ deviceID, facing: this.cameraWish.facing })
  }

  /** Front or back, on a phone. Rejects with a {@link DeviceFault}. */
  async useFacing(facing: Facing): Promise<void> {
    if (this.cameraWish.facing !== facing || this.cameraWish.deviceID !== null) await this.chooseCamera({ deviceID: null, facing })
  }

  /** Which way the camera looks, as far as it was chosen. */
  get facing(): Facing {
    return this.cameraWish.facing
  }

  /** The loudspeaker to use. False where the browser cannot choose. */
  useSpeaker(deviceID: string): Promise<boolean> {
    return this.playback.useSpeaker(deviceID)
  }

  /** The picture's size. */
  get videoQuality(): VideoQuality {
    return this.quality
  }

  /** The picture's size from now on; a call's is changed at once. */
  async setQuality(quality: VideoQuality): Promise<void> {
    this.quality = quality
    const { width, height } = VIDEO_QUALITIES[quality]
    this.open?.path.limit()
    await this.open?.camera.track?.applyConstraints({ width: { ideal: width }, height: { ideal: height } })
  }

  /** Ids of what is in use. */
  get current(): { microphoneID: string; cameraID: string; speakerID: string } {
    const id = (track: MediaStreamTrack | null | undefined) => track?.getSettings().deviceId ?? ""
    return {
      microphoneID: id(this.open?.microphone.track),
      cameraID: id(this.open?.camera.track),
      speakerID: this.playback.speakerID,
    }
  }

  // --- inside ---

  private async chooseCamera(wish: CameraWish): Promise<void> {
    const before = this.cameraWish
    this.cameraWish = wish
    try {
      await this.open?.camera.choose(wish)
    } catch (fault) {
      if (this.cameraWish === wish) this.cameraWish = before
      throw fault
    }
  }

  /** What is open becomes what is wanted: the microphone first, and nobody waits for the camera. */
  private follow(open: Open): void {
    const { microphone, camera, wanted } = open
    if (!supported()) {
      this.tellUnsupported(open)
      open.wanted = []
      open.host.sources(open.wanted)
      return
    }
    // Muted, the microphone stays open: it is back at once, and no prompt comes again.
    if (microphone.track !== null) microphone.track.enabled = hasSource(wanted, "microphone")
    if (!hasSource(wanted, "camera")) void camera.want(false)
    const sound = hasSource(wanted, "microphone") ? microphone.want(true) : Promise.resolve()
    void sound.then(() => {
      this.microphoneAsked(open)
      if (this.open === open && hasSource(open.wanted, "camera")) void camera.want(true)
    })
  }

  private microphoneAsked(open: Open): void {
    if (this.open !== open) return
    open.asked = true
    if (this.playback.blocked) void this.playback.play().then(() => this.tellBlocked(open))
  }

  /** A source cannot be had. */
  private without(open: Open, source: Source, { code, message }: DeviceFault): void {
    if (this.open !== open) return
    open.wanted = withSource(open.wanted, source, false)
    open.host.sources(open.wanted)
    open.host.error(code, message)
  }

  private tellUnsupported(open: Open): void {
    if (open.told.has("unsupported")) return
    open.told.add("unsupported")
    open.host.error(DEVICE_ERRORS.unsupported, "this page cannot call: open it over https, or as localhost, in a browser with WebRTC")
  }

  /** The path has another transport, or none. */
  private receive(open: Open): void {
    if (this.open !== open) return
    const transport = open.path.transport
    const userID = otherOf(open.call)
    open.received = transport === null ? NOTHING : new Received(transport.received.map((line) => ({ userID, ...line })))
    // Between two transports the last sound stays, so that the element keeps its right to play.
    if (transport !== null) {
      this.playback.hear(open.received.tracks)
      if (open.consented) void this.playback.play()
    }
    this.changes.emit("streams")
  }

  private playbackChanged(): void {
    this.changes.emit("playback")
    if (this.open !== null && this.open.asked) this.tellBlocked(this.open)
  }

  private tellBlocked(open: Open): void {
    if (this.open !== open || !this.playback.blocked || open.told.has("blocked")) return
    open.told.add("blocked")
    open.host.error("playback_blocked", "the browser plays no sound before the page is touched: call resumePlayback() in a click")
  }
}

/** The lines of a transport bring what one other sends: in a call of two there is nobody else. */
function otherOf(call: MediaCall): string {
  return call.others[0] ?? ""
}
