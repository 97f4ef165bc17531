/**
 * A call's media in a mini-program, over the server's RTMP: one live-pusher, and one live-player for each stream of the others.
 * This file has what belongs to the call: what its user wants and lets the app use, what is mounted, how the whole does.
 */

import { commonSources, hasSource, knownSources, sameSources, withSource } from "@tring/core"
import type { MediaCall, MediaHost, MediaPort, MediaStatus, Platform, PlayStream, Sources } from "@tring/core"
import { StreamAddresses } from "./addresses.js"
import { playerNews, pusherErrorNews, pusherNews, type PusherNews } from "./codes.js"
import { Player, isSameStream } from "./player.js"
import { Pusher } from "./pusher.js"
import type { PlayerTag, PusherTag, Stage } from "./stage.js"

/** Level of `netQualityLevel` above which the network is weak, as the old component had it. */
const WEAK_ABOVE = 4

/** The sources that a live-pusher has. */
const PUSHED: Sources = ["microphone", "camera"]

/**
 * What of a call is not the pusher's or a player's own.
 *
 * @internal
 */
interface Session {
  readonly call: MediaCall
  readonly host: MediaHost
  readonly addresses: StreamAddresses
  readonly pusher: Pusher
  readonly players: Player[]
  /** What the user wants to be on. */
  wanted: Sources
  /** The user has agreed to the call. */
  agreed: boolean
  /** What the user lets the app use; null before it is known. */
  allowed: Sources | null
  /** The user was asked for the camera: in a voice call nobody is. */
  askedCamera: boolean
  /** What was wanted when it was refused: it is on again once it is allowed. */
  missed: Sources
  /** The camera looks at the user. */
  front: boolean
  status: MediaStatus
  /** It was connected. */
  ever: boolean
  /** The camera was on when the app went to the background; null in the foreground. */
  awayCamera: boolean | null
}

/** What the media needs of the phone. */
export interface LiveOptions {
  /** Asks for the microphone and, if told so, the camera. */
  ask(camera: boolean): Promise<Sources>
  /** Where a player fetches a stream. */
  srcOf(stream: PlayStream): string
  /** The user closed the floating window of the call, which is its end. */
  closed(): void
  /** The network is weak, here or at somebody else's. */
  weak(userID: string): void
}

/** The media of the present call; one for an app. */
export class LiveMedia implements MediaPort {
  private now: Session | null = null
  private hidden: { [userID: string]: boolean } = {}

  constructor(
    private readonly platform: Platform,
    private readonly stage: Stage,
    private readonly options: LiveOptions,
  ) {}

  // --- what is to be mounted ---

  /** Null: no tag. */
  get pusher(): PusherTag | null {
    const { now } = this
    if (now === null) return null
    const { state } = now.pusher
    if (state === "off" || state === "refused") return null
    const { streams } = now.addresses
    const on = now.awayCamera !== null ? now.awayCamera : hasSource(now.wanted, "camera")
    const allowed = now.allowed !== null && hasSource(now.allowed, "camera")
    return { url: state === "preview" || streams === null ? "" : streams.push, enableCamera: now.call.media === "video" && on && allowed }
  }

  get players(): PlayerTag[] {
    return this.now === null
      ? []
      : this.now.players.map(({ id, stream }) => ({
          id,
          userID: stream.userID,
          src: this.options.srcOf(stream),
          hidden: this.isHidden(stream.userID),
        }))
  }

  /** The camera looks at the user. */
  get front(): boolean {
    return this.now === null || this.now.front
  }

  // --- the port ---

  begin(call: MediaCall, host: MediaHost, wanted: Sources): void {
    this.end()
    this.hidden = {}
    const { platform, stage } = this
    const addresses = new StreamAddresses(platform, call, host, ({ play }) => {
      session.players.forEach((player) => {
        const fresh = play.find((s) => isSameStream(s, player.stream))
        if (fresh !== undefined) player.stream = fresh
      })
    })
    const pusher = new Pusher({
      platform,
      stage,
      host,
      addresses,
      speaks: () => hasSource(session.wanted, "microphone"),
      changed: () => this.tellStatus(session),
    })
    const session: Session = {
      call,
      host,
      addresses,
      pusher,
      players: [],
      wanted,
      agreed: false,
      allowed: null,
      askedCamera: false,
      missed: [],
      front: true,
      status: "idle",
      ever: false,
      awayCamera: null,
    }
    this.now = session
  }

  openDevices(): void {
    const session = this.now
    if (session === null || session.agreed) return
    session.agreed = true
    this.askUser(session)
    this.advance(session)
  }

  connect(): void {
    const session = this.now
    if (session === null) return
    // A caller asks while it rings, so that the first sound needs no question after the answer.
    if (session.addresses.streams === null && (session.call.talking || session.call.role === "caller")) this.askServer(session)
    this.advance(session)
  }

  reconnect(): void {
    const session = this.now
    if (session === null || !session.call.talking) return
    session.pusher.reconnect()
    session.players.forEach((player) => player.renew(0))
  }

  setSources(wanted: Sources): void {
    const session = this.now
    if (session === null) return
    const before = session.wanted
    session.wanted = wanted
    const { allowed } = session
    const refused = allowed !== null && !sameSources(commonSources(wanted, allowed), wanted)
    if (session.agreed && (refused || (hasSource(wanted, "camera") && !session.askedCamera))) {
      // The user may have changed it in the settings meanwhile.
      session.allowed = null
      this.askUser(session)
    }
    if (hasSource(before, "microphone") !== hasSource(wanted, "microphone")) session.pusher.applyVolume()
    if (hasSource(before, "camera") !== hasSource(wanted, "camera")) this.stage.refresh()
  }

  switched(): void {
    const session = this.now
    if (session === null) return
    if (session.awayCamera !== null) session.awayCamera = false
    session.missed = withSource(session.missed, "camera", false)
    session.wanted = withSource(session.wanted, "camera", false)
    this.stage.refresh()
  }

  /** A pusher has no codec but H.264. */
  sendVideoIn(): void {}

  end(): void {
    const session = this.now
    if (session === null) return
    this.now = null
    session.addresses.end()
    session.players.forEach((player) => player.end())
    session.pusher.end()
    this.stage.refresh()
  }

  // --- what the page does ---

  /** Another page shows the call: its tags are new. */
  restage(): void {
    const session = this.now
    if (session === null) return
    session.front = true
    this.stage.refresh(() => {
      if (session !== this.now) return
      session.pusher.restage()
      session.players.forEach((player) => player.start())
    })
  }

  /** Front or back camera. */
  useFront(front: boolean): void {
    const session = this.now
    if (session === null || session.front === front || !session.pusher.switchCamera()) return
    session.front = front
    this.stage.refresh()
  }

  /** Shows or hides somebody's picture. Their voice is heard all the same. */
  showRemote(userID: string, shown: boolean): void {
    this.hidden[userID] = !shown
    this.stage.refresh()
  }

  /** Somebody's picture was put away. */
  isHidden(userID: string): boolean {
    return this.hidden[userID] === true
  }

  /** The app goes to the background: its camera stops, whatever it is set to. */
  away(): void {
    const session = this.now
    if (session === null || session.awayCamera !== null) return
    session.awayCamera = hasSource(session.wanted, "camera")
    if (session.awayCamera) this.cameraIs(session, false)
  }

  /** It is back. */
  back(): void {
    const session = this.now
    if (session === null) return
    const { awayCamera } = session
    session.awayCamera = null
    if (awayCamera === true) this.cameraIs(session, true)
    session.pusher.resume()
    this.stage.refresh()
  }

  /** The user has been in the settings. */
  permitted(allowed: Sources): void {
    const session = this.now
    if (session === null || session.allowed === null) return
    const { wanted, missed } = session
    session.allowed = allowed
    session.wanted = pushable(knownSources(wanted.concat(missed)), allowed)
    session.missed = []
    session.host.sources(session.wanted)
    if (hasSource(allowed, "microphone")) session.pusher.allow()
    this.advance(session)
    this.stage.refresh()
  }

  // --- what the tags tell ---

  pusherState(code: unknown): void {
    this.pusherTold(pusherNews(code), Number(code))
  }

  pusherError(code: unknown): void {
    this.pusherTold(pusherErrorNews(code), Number(code))
  }

  pusherNetStatus(info: NetStatus): void {
    const session = this.now
    if (session !== null && typeof info.netQualityLevel === "number" && info.netQualityLevel > WEAK_ABOVE) this.options.weak(session.call.self)
  }

  /** How loud the user is: tags before base library 2.12.0 do not say. */
  pusherVolume(volume: unknown): void {
    const session = this.now
    // The tag may tell what it records, although nothing of it is sent.
    if (session !== null && session.pusher.state === "pushing")
      this.tellVolume(session, session.call.self, hasSource(session.wanted, "microphone") ? volume : 0)
  }

  /** How loud somebody else is. */
  playerVolume(id: string, volume: unknown): void {
    this.withPlayer(id, (player, session) => this.tellVolume(session, player.stream.userID, volume))
  }

  playerState(id: string, code: unknown): void {
    this.withPlayer(id, (player) => {
      switch (playerNews(code)) {
        case "playing":
          player.playing()
          break
        case "retrying":
          player.retrying()
          break
        case "lost":
          player.again()
          break
        case "weak":
          this.options.weak(player.stream.userID)
          break
        default:
      }
    })
  }

  playerNetStatus(id: string, info: NetStatus): void {
    this.withPlayer(id, (player) => player.cached(Math.max(Number(info.audioCache) || 0, Number(info.videoCache) || 0)))
  }

  private withPlayer(id: string, act: (player: Player, session: Session) => void): void {
    const session = this.now
    const player = session === null ? undefined : session.players.find((p) => p.id === id)
    if (session !== null && player !== undefined) act(player, session)
  }

  private tellVolume(session: Session, userID: string, volume: unknown): void {
    if (typeof volume === "number") session.host.volumes([{ userID, volume: Math.max(0, Math.min(100, Math.round(volume))) }])
  }

  private pusherTold(news: PusherNews | undefined, code: number): void {
    const session = this.now
    if (session === null || news === undefined) return
    const { pusher, allowed } = session
    switch (news) {
      case "pushing":
        pusher.pushing()
        break
      case "retrying":
        pusher.retrying()
        break
      case "lost":
        pusher.lost(code)
        break
      case "broken":
        pusher.broken(code)
        break
      case "suspended":
        pusher.suspended(session.awayCamera === null)
        break
      case "closed":
        this.options.closed()
        break
      case "weak":
        this.options.weak(session.call.self)
        break
      case "no_camera":
        this.refused(session, withSource(allowed || PUSHED, "camera", false), true)
        break
      case "no_microphone":
        this.refused(session, withSource(allowed || PUSHED, "microphone", false), true)
        break
      default:
    }
  }

  // --- permissions ---

  private cameraIs(session: Session, camera: boolean): void {
    session.wanted = withSource(session.wanted, "camera", camera)
    session.host.sources(session.wanted)
  }

  private askUser(session: Session): void {
    const camera = session.call.media === "video" && hasSource(session.wanted, "camera")
    session.askedCamera = session.askedCamera || camera
    void this.options.ask(camera).then((allowed) => {
      if (session !== this.now) return
      if (hasSource(allowed, "microphone") && (hasSource(allowed, "camera") || !hasSource(session.wanted, "camera"))) {
        session.allowed = allowed
        session.pusher.allow()
        this.advance(session)
        this.stage.refresh()
      } else {
        this.refused(session, allowed, false)
      }
    })
  }

  /** Said once for each device: the tag tells a refusal twice. `byTag`: it has found out, and stopped. */
  private refused(session: Session, allowed: Sources, byTag: boolean): void {
    const news = !sameSources(session.allowed || PUSHED, allowed)
    session.allowed = allowed
    if (!news) return
    const { wanted, missed, pusher, host } = session
    session.missed = knownSources(missed.concat(wanted))
    session.wanted = pushable(wanted, allowed)
    host.sources(session.wanted)
    if (!hasSource(allowed, "microphone")) {
      pusher.refuse()
      this.stage.refresh()
      host.error(-1302, "the microphone is refused: the user can allow it in the mini-program's settings (wx.openSetting)")
    } else {
      if (byTag) pusher.stoppedForCamera()
      this.advance(session)
      this.stage.refresh()
      host.error(-1301, "the camera is refused: the user can allow it in the mini-program's settings (wx.openSetting)")
    }
    this.tellStatus(session)
  }

  // --- pushing and playing ---

  private askServer(session: Session): void {
    session.addresses.ask(() => this.advance(session))
  }

  /** Mounts and starts what is due by now. */
  private advance(session: Session): void {
    const { call, allowed, addresses, pusher, players } = session
    const { streams } = addresses
    if (!session.agreed || session !== this.now) return
    const mayPush = allowed !== null && hasSource(allowed, "microphone")
    if (!call.talking || streams === null) {
      if (call.talking) this.askServer(session)
      if (mayPush && call.role === "caller" && call.media === "video") pusher.preview()
      this.tellStatus(session)
      return
    }
    const { platform, stage } = this
    let more = mayPush && pusher.prepare()
    streams.play.forEach((stream) => {
      if (players.some((p) => isSameStream(p.stream, stream))) return
      players.push(new Player(`player${players.length}`, stream, { platform, stage, addresses, changed: () => this.tellStatus(session) }))
      more = true
    })
    if (more) stage.refresh(() => pusher.startIfDue())
    this.tellStatus(session)
  }

  /** As one: what is worst. */
  private tellStatus(session: Session): void {
    const { pusher, players } = session
    const lost = pusher.stopped || players.some((p) => p.isLost)
    let status: MediaStatus = session.call.talking ? "connecting" : "idle"
    if (lost) status = session.ever ? "reconnecting" : "connecting"
    else if (pusher.state === "pushing" || players.some((p) => p.isPlaying)) status = "connected"
    if (status === "connected") session.ever = true
    if (status === session.status) return
    session.status = status
    session.host.status(status)
  }
}

/** What the user lets be pushed of what is wanted: without the microphone the tag fails, so nothing is. */
function pushable(wanted: Sources, allowed: Sources): Sources {
  return hasSource(allowed, "microphone") ? commonSources(wanted, allowed) : []
}

/** What `netstatus` may tell; which of it is there depends on WeChat's version. */
export interface NetStatus {
  netQualityLevel?: number
  /** ms. */
  audioCache?: number
  videoCache?: number
}
