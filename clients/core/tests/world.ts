/** A world for the call client in which the test is the clock, the network and the server. */

import { CallClient, Connection, guideEvents } from "../src/index.js"
import type { DeviceKind } from "../src/protocol.js"
import type { CallEvent, MediaCall, MediaHost, MediaPort, Platform, SocketEvents, Sources } from "../src/index.js"

export const WELCOME = { ticket: "t1", resumed: false, heartbeatS: 10, resumeS: 60 }

export interface Frame {
  id: number
  type: string
  [field: string]: unknown
}

/** One socket, seen from the server. */
export class ServerSocket {
  readonly frames: Frame[] = []
  closedByClient = false
  constructor(private readonly events: SocketEvents) {}

  open(): void {
    this.events.opened()
  }

  say(message: object): void {
    this.events.received(JSON.stringify(message))
  }

  cut(): void {
    this.events.closed()
  }

  types(): string[] {
    return this.frames.map((f) => f.type)
  }

  last(type: string): Frame {
    const frame = this.frames.filter((f) => f.type === type).pop()
    if (frame === undefined) throw new Error(`no ${type} among ${this.types().join(", ")}`)
    return frame
  }

  ok(type: string, ok: object = {}): void {
    this.say({ re: this.last(type).id, ok })
  }

  refuse(type: string, code: string, retry = false): void {
    this.say({ re: this.last(type).id, error: { code, message: code, retry } })
  }
}

/** Time, timers and sockets. */
export class World implements Platform {
  time = 0
  readonly sockets: ServerSocket[] = []
  readonly logged: string[] = []
  private timers: Array<{ at: number; fire: () => void }> = []

  socket(_url: string, events: SocketEvents) {
    const socket = new ServerSocket(events)
    this.sockets.push(socket)
    return {
      send: (text: string) => void socket.frames.push(JSON.parse(text)),
      close: () => {
        socket.closedByClient = true
      },
    }
  }
  now = () => this.time
  random = () => 0.5
  log(level: string, text: string): void {
    if (level === "warn" || level === "error") this.logged.push(text)
  }
  setTimer(ms: number, fire: () => void) {
    const timer = { at: this.time + ms, fire }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((t) => t !== timer)
    }
  }

  /** Lets time pass, timers in their order, promises settled after each. */
  async pass(ms: number): Promise<void> {
    const until = this.time + ms
    for (;;) {
      const next = this.timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.time = next.at
      this.timers = this.timers.filter((t) => t !== next)
      next.fire()
      await settle()
    }
    this.time = until
    await settle()
  }

  /** The newest socket. */
  get server(): ServerSocket {
    const socket = this.sockets[this.sockets.length - 1]
    if (socket === undefined) throw new Error("no socket was opened")
    return socket
  }
}

/** Media that only remembers what it was told. */
export class FakeMedia implements MediaPort {
  readonly told: string[] = []
  host: MediaHost | null = null
  call: MediaCall | null = null
  begin(call: MediaCall, host: MediaHost, wanted: Sources): void {
    this.call = call
    this.host = host
    this.told.push(`begin ${show(wanted)}`)
  }
  openDevices(): void {
    this.told.push("openDevices")
  }
  connect(): void {
    this.told.push("connect")
  }
  reconnect(): void {
    this.told.push("reconnect")
  }
  setSources(wanted: Sources): void {
    this.told.push(`devices ${show(wanted)}`)
  }
  switched(): void {
    this.told.push("switched")
  }
  sendVideoIn(codec: string): void {
    this.told.push(`codec ${codec}`)
  }
  end(): void {
    if (this.told.length > 0 && this.told[this.told.length - 1] !== "end") this.told.push("end")
  }
}

/** `m` and `c` for microphone and camera, `-` for what is off, and any other source by its name. */
function show(sources: Sources): string {
  const others = sources.filter((s) => s !== "microphone" && s !== "camera").map((s) => `+${s}`)
  return `${sources.includes("microphone") ? "m" : "-"}${sources.includes("camera") ? "c" : "-"}${others.join("")}`
}

/** All promises that can settle have. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A signed-in user with everything recorded. */
export class User {
  readonly world = new World()
  readonly media = new FakeMedia()
  readonly connection: Connection
  readonly client: CallClient
  readonly events: CallEvent[] = []
  /** The guide's event names, as a page would hear them. */
  readonly heard: string[] = []
  readonly payloads: Array<{ name: string; payload: Record<string, unknown> | undefined }> = []
  /** Called inside each guide event. */
  onGuideEvent: (name: string) => void = () => {}
  /** With CALL_END after every call. */
  readonly strict: string[] = []
  private seq = 0

  constructor(
    readonly userID: string,
    kind: DeviceKind = "web",
  ) {
    this.connection = new Connection(this.world, "ws://server/v1/socket", kind)
    this.client = new CallClient(this.world, this.connection, this.media)
    this.client.on((event) => {
      this.events.push(event)
      this.strict.push(...guideEvents(event, "element", true).map(({ name }) => name))
      for (const { name, payload } of guideEvents(event, "element")) {
        if (name === "SDK_READY") continue
        this.heard.push(name)
        this.payloads.push({ name, payload })
        this.onGuideEvent(name)
      }
    })
  }

  static async signedIn(userID: string, kind: DeviceKind = "web"): Promise<User> {
    const user = new User(userID, kind)
    const login = user.client.login({ sdkAppID: 1400000001, userID, userSig: "sig" })
    user.server.open()
    user.server.ok("login", WELCOME)
    await login
    return user
  }

  get server(): ServerSocket {
    return this.world.server
  }

  /** The server tells an event. */
  async told(event: object): Promise<void> {
    this.server.say({ seq: ++this.seq, ...event })
    await settle()
  }

  /** The server's next event number goes by without an event reaching the socket. */
  missed(): number {
    return ++this.seq
  }

  payload(name: string): Record<string, unknown> | undefined {
    const found = this.payloads.filter((p) => p.name === name).pop()
    if (found === undefined) throw new Error(`${name} was not heard: ${this.heard.join(", ")}`)
    return found.payload
  }

  /** Calls somebody, taken by the server as call `c1` in room 7. */
  async calls(to: string, media: "audio" | "video" = "audio"): Promise<void> {
    const call = this.client.callUsers({ to: [to], media })
    this.server.ok("call", { callID: "c1", roomID: 7 })
    await call
    await settle()
  }

  /** Is called by somebody, and has said so. */
  async isCalledBy(from: string, media: "audio" | "video" = "audio", callID = "c1"): Promise<void> {
    await this.told({ type: "invited", callID, roomID: 7, from, to: [this.userID], media, remainingMs: 30_000 })
    this.server.ok("delivered")
    await settle()
  }
}
