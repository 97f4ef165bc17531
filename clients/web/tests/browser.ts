/** A browser in which the test is the user, the devices and the network. Importing it puts it in place. */

import { World } from "@tring/core/testing"
import type { MediaCall, MediaHost, Sources } from "@tring/core"

/** Lets a value stand where a browser's own would. */
function put(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
}

export class FakeTrack {
  enabled = true
  readyState: "live" | "ended" = "live"
  onended: (() => void) | null = null
  constructor(
    readonly kind: string,
    readonly deviceID: string,
    readonly id = `${kind}-${deviceID}-${Math.random()}`,
  ) {}
  stop(): void {
    this.readyState = "ended"
  }
  getSettings() {
    return { deviceId: this.deviceID }
  }
  async applyConstraints(): Promise<void> {}

  /** It is unplugged. */
  unplug(): void {
    this.readyState = "ended"
    this.onended?.()
  }
}

export class FakeStream {
  constructor(private readonly tracks: FakeTrack[] = []) {}
  getTracks(): FakeTrack[] {
    return this.tracks
  }
}
put("MediaStream", FakeStream)

/** What is plugged in, and how the user answers. */
export class FakeDevices extends EventTarget {
  /** Ids of microphones and cameras, the default first. */
  plugged = { audio: ["mic1"], video: ["cam1"] }
  asked: string[] = []
  opened: FakeTrack[] = []
  /** Only one of a kind may be open. */
  oneAtATime = false
  refusing = false
  /** Prompts that wait for {@link answer}. Null: they are answered at once. */
  prompts: Array<() => void> | null = null

  async getUserMedia(constraints: MediaStreamConstraints): Promise<FakeStream> {
    const kind = constraints.audio ? "audio" : "video"
    const wanted = (constraints[kind] as MediaTrackConstraints).deviceId as { exact: string } | undefined
    this.asked.push(wanted?.exact ?? kind)
    if (this.prompts !== null) await new Promise<void>((resolve) => this.prompts!.push(resolve))
    if (this.refusing) throw named("NotAllowedError")
    const id = wanted?.exact ?? this.plugged[kind][0]
    if (id === undefined) throw named("NotFoundError")
    if (!this.plugged[kind].includes(id)) throw named("OverconstrainedError")
    if (this.oneAtATime && this.live(kind).length > 0) throw named("NotReadableError")
    const track = new FakeTrack(kind, id)
    this.opened.push(track)
    return new FakeStream([track])
  }

  /** The user answers the oldest prompt. */
  async answer(): Promise<void> {
    this.prompts?.shift()?.()
    await settle()
  }

  live(kind?: string): string[] {
    return this.opened.filter((t) => t.readyState === "live" && (kind ?? t.kind) === t.kind).map((t) => t.deviceID)
  }

  async enumerateDevices(): Promise<never[]> {
    return []
  }
}

export function named(name: string): Error {
  return Object.assign(new Error(name), { name })
}

/** An audio element under the browser's autoplay rule. */
export class FakeAudio {
  static readonly all: FakeAudio[] = []
  /** The page was touched, or is being touched. */
  static touched = false
  autoplay = false
  muted = false
  plays = 0
  private source: FakeStream | null = null
  private waiting: Array<(error: Error) => void> = []
  constructor() {
    FakeAudio.all.push(this)
  }
  get srcObject(): FakeStream | null {
    return this.source
  }
  set srcObject(stream: FakeStream | null) {
    this.source = stream
    this.waiting.splice(0).forEach((interrupt) => interrupt(named("AbortError")))
  }
  play(): Promise<void> {
    this.plays++
    if (!FakeAudio.touched && !this.muted) return Promise.reject(named("NotAllowedError"))
    if (this.source === null) return new Promise((_, reject) => this.waiting.push(reject))
    return Promise.resolve()
  }
}

export class FakePeer {
  static all: FakePeer[] = []
  static fails: Set<"constructor" | "answer" | "parameters"> = new Set()
  /** This browser knows `encodings[].codec`. */
  static choosesCodec = true
  connectionState = "new"
  localDescription: { sdp: string } | null = null
  onconnectionstatechange: (() => void) | null = null
  /** What it says of its candidate pairs; null: nothing, as some browsers do. */
  pairs: (() => object[]) | null = null
  readonly sent: { [kind: string]: string | null } = {}
  /** The codec that its pictures were told to have. */
  codec: { mimeType: string } | undefined
  constructor() {
    if (FakePeer.fails.has("constructor")) throw new Error("too many peer connections")
    FakePeer.all.push(this)
  }
  static get last(): FakePeer {
    return FakePeer.all[FakePeer.all.length - 1]!
  }
  addTransceiver(kind: string) {
    return {
      receiver: { track: new FakeTrack(kind, "remote"), getSynchronizationSources: () => [] },
      sender: {
        replaceTrack: async (track: FakeTrack | null) => void (this.sent[kind] = track === null ? null : track.deviceID),
        getStats: async () => new Map(),
        getParameters: () => ({
          encodings: [{ codec: this.codec }],
          codecs: [{ mimeType: "video/H264" }, { mimeType: "video/rtx" }, { mimeType: "video/VP8" }],
        }),
        setParameters: async ({ encodings }: { encodings: Array<{ codec?: { mimeType: string } }> }) => {
          if (FakePeer.fails.has("parameters")) throw named("InvalidModificationError")
          if (FakePeer.choosesCodec) this.codec = encodings[0]?.codec
        },
      },
    }
  }
  async createOffer() {
    return { sdp: "offer" }
  }
  async setLocalDescription(offer: { sdp: string }) {
    this.localDescription = offer
  }
  async getStats() {
    return (this.pairs?.() ?? []).map((pair) => ({ type: "candidate-pair", id: "a", nominated: true, ...pair }))
  }
  async setRemoteDescription() {
    if (FakePeer.fails.has("answer")) throw new Error("codecs")
  }
  close(): void {
    this.connectionState = "closed"
  }
  become(state: string): void {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
}
put("RTCPeerConnection", FakePeer)
put("RTCRtpReceiver", { getCapabilities: () => null })

/** A socket, as the page's own. */
export class FakeSocket {
  static all: FakeSocket[] = []
  readonly sent: Array<{ id: number; type: string; [field: string]: unknown }> = []
  onopen: (() => void) | null = null
  onmessage: ((e: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  onerror: (() => void) | null = null
  constructor(readonly url: string) {
    if (!/^wss?:/.test(url)) throw named("SyntaxError")
    FakeSocket.all.push(this)
  }
  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1]!
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(): void {}
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
  ok(type: string, ok: object = {}): void {
    this.say({ re: this.sent.filter((m) => m.type === type).pop()?.id, ok })
  }
  types(): string[] {
    return this.sent.map((m) => m.type)
  }
}
put("WebSocket", FakeSocket)

/** An element into which pictures are put. */
export class FakePlace {
  readonly shown: FakeVideo[] = []
  append(video: FakeVideo): void {
    this.shown.push(video)
    video.remove = () => void this.shown.splice(this.shown.indexOf(video), 1)
  }
}

class FakeVideo {
  srcObject: FakeStream | null = null
  style = {}
  remove: () => void = () => {}
}

const page = Object.assign(new EventTarget(), {
  baseURI: "https://page.example/path/",
  visibilityState: "visible",
  createElement: (tag: string) => {
    if (tag === "audio") return new FakeAudio()
    if (tag === "video") return new FakeVideo()
    throw new Error(`no ${tag} here`)
  },
  getElementById: () => null,
})
put("document", page)
put("window", Object.assign(new EventTarget(), { isSecureContext: true }))

// The page's own clock stands still; what has to see time pass is given a World.
put("setTimeout", () => 0)
put("clearTimeout", () => {})

/** Another browser, with nothing plugged out and nothing touched. */
export function freshBrowser({ devices = true } = {}): { devices: FakeDevices; world: World } {
  const all = new FakeDevices()
  put("navigator", devices ? { mediaDevices: all } : {})
  FakeAudio.touched = true
  FakeAudio.all.length = 0
  FakePeer.all = []
  FakePeer.fails.clear()
  FakePeer.choosesCodec = true
  FakeSocket.all = []
  return { devices: all, world: new World() }
}

/** The call on the other side of a media port. */
export function callOf(exchange: (offer: string) => Promise<string> = async () => "answer") {
  const told: string[] = []
  const call: MediaCall = {
    media: "video",
    role: "callee",
    talking: true,
    self: "B",
    others: ["A"],
    exchange,
    streams: () => Promise.reject(new Error("a browser asks for no streams")),
  }
  const host: MediaHost = {
    status: (status) => void told.push(status),
    silent: () => void told.push("silent"),
    sources: (on: Sources) => void told.push(`devices ${on.includes("microphone") ? "m" : "-"}${on.includes("camera") ? "c" : "-"}`),
    error: (code) => void told.push(`error ${code}`),
    volumes: () => {},
  }
  return { call, host, told, errors: () => told.filter((t) => t.startsWith("error")).map((t) => t.slice(6)) }
}

export async function settle(): Promise<void> {
  for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve))
}
