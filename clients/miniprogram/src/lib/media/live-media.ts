/**
 * A call's media in a mini-program: one live-pusher, one live-player for each of the others, over the server's RTMP.
 *
 * ```
 *  pusher:  off ─(agreed, video, caller)─▶ preview ─┐
 *           off ─(both talk, microphone allowed)────┴▶ starting ─1002─▶ pushing
 *           pushing, starting ── −1307 ──▶ lost ── after a while, addresses asked for anew ──▶ starting
 *           pushing ── 5000 ──▶ suspended ── the app is shown again ──▶ starting
 *           any ── −1302 ──▶ refused ── the user allows it in the settings ──▶ starting
 *  player:  starting ─2004─▶ playing ── −2301, 2006, many 2103, a cache that grows ──▶ lost ──▶ starting
 * ```
 *
 * A tag that is mounted stays so until the call is over; the microphone is muted by its volume, the camera by
 * `enable-camera`.
 */

import { asCallError, backoff } from "../../../../core/src/index.js"
import type { Cancel, Devices, MediaCall, MediaHost, MediaPort, MediaStatus, Platform, PlayStream, Streams } from "../../../../core/src/index.js"
import { playerNews, pusherErrorNews, pusherNews, type PusherNews } from "./codes.js"
import type { PlayerTag, PusherTag, Stage } from "./stage.js"

/** Reconnections that a player may tell in a row before it is started anew. Higher: fewer restarts. Lower: a storm of
 * them ends sooner. */
export const PLAYER_RETRIES = 4

/** Sound or picture that waits in a player, ms, above which it is too late for talk. Higher: fewer restarts. Lower: less
 * delay. */
export const CACHE_HIGH_MS = 2000

/** Reports (one each 2 s) in a row with such a cache before the player is started anew. */
export const CACHE_HIGH_REPORTS = 3

/** A player is not started anew for its cache more often than this, ms: on a slow network it would never play. */
export const CACHE_REST_MS = 20_000

/** Level of `netQualityLevel` above which the network is weak, as the old component had it. */
const WEAK_ABOVE = 4

type PusherState = "off" | "preview" | "starting" | "pushing" | "lost" | "suspended" | "refused"

interface Playing {
  stream: PlayStream
  id: string
  state: "starting" | "playing" | "lost"
  tries: number
  /** 2103 since it last played. */
  retries: number
  /** Reports in a row with a high cache. */
  high: number
  renewedAt: number
  cancel: Cancel
}

/** One call's. */
interface Live {
  readonly call: MediaCall
  readonly host: MediaHost
  /** What the user wants to be on. */
  wanted: Devices
  /** The user has agreed to the call. */
  agreed: boolean
  /** What the user lets the app use; null before it is known. */
  allowed: Devices | null
  /** The user was asked for the camera: in a voice call nobody is. */
  askedCamera: boolean
  /** What was wanted when it was refused: it is on again once it is allowed. */
  missed: Devices
  streams: Streams | null
  asking: boolean
  pusher: PusherState
  pusherTries: number
  cancelPusher: Cancel
  cancelAsking: Cancel
  players: Playing[]
  front: boolean
  status: MediaStatus
  /** It was connected. */
  ever: boolean
  /** The server has taken what is pushed. */
  pushed: boolean
  /** The camera was on when the app went to the background; null in the foreground. */
  awayCamera: boolean | null
}

/** What the media needs of the phone. */
export interface LiveOptions {
  /** Asks for the microphone and, if told so, the camera. */
  ask(camera: boolean): Promise<Devices>
  /** Where a player fetches a stream. */
  srcOf(stream: PlayStream): string
  /** The user closed the floating window of the call, which is its end. */
  closed(): void
  /** The network is weak, here or at somebody else's. */
  weak(userID: string): void
}

/** See the head of this file. */
export class LiveMedia implements MediaPort {
  private live: Live | null = null
  private hidden: { [userID: string]: boolean } = {}

  constructor(
    private readonly platform: Platform,
    private readonly stage: Stage,
    private readonly options: LiveOptions,
  ) {}

  // --- what is to be mounted ---

  get pusher(): PusherTag | null {
    const { live } = this
    if (live === null || live.pusher === "off" || live.pusher === "refused") return null
    const on = live.awayCamera !== null ? live.awayCamera : live.wanted.camera
    const allowed = live.allowed !== null && live.allowed.camera
    return { url: live.pusher === "preview" || live.streams === null ? "" : live.streams.push, enableCamera: live.call.media === "video" && on && allowed }
  }

  get players(): PlayerTag[] {
    const { live } = this
    if (live === null) return []
    return live.players.map(({ id, stream }) => ({
      id, userID: stream.userID, src: this.options.srcOf(stream), hidden: this.hidden[stream.userID] === true,
    }))
  }

  /** The camera looks at the user. */
  get front(): boolean {
    return this.live === null || this.live.front
  }

  // --- the port ---

  begin(call: MediaCall, host: MediaHost, wanted: Devices): void {
    this.end()
    this.hidden = {}
    this.live = {
      call, host, wanted, agreed: false, allowed: null, askedCamera: false, missed: { microphone: false, camera: false }, streams: null, asking: false, pusher: "off", pusherTries: 0,
      cancelPusher: nothing, cancelAsking: nothing, players: [], front: true, status: "idle", ever: false, pushed: false, awayCamera: null,
    }
  }

  openDevices(): void {
    const live = this.live
    if (live === null || live.agreed) return
    live.agreed = true
    this.askUser(live)
    this.advance(live)
  }

  connect(): void {
    const live = this.live
    if (live === null) return
    // A caller asks while it rings, so that the first sound needs no question after the answer.
    if (live.streams === null && (live.call.talking || live.call.role === "caller")) this.askServer(live)
    this.advance(live)
  }

  reconnect(): void {
    const live = this.live
    if (live === null || !live.call.talking) return
    if (live.pusher === "starting" || live.pusher === "pushing" || live.pusher === "lost") this.renewPusher(live, 0)
    live.players.forEach((player) => this.renewPlayer(live, player, 0))
  }

  setDevices(wanted: Devices): void {
    const live = this.live
    if (live === null) return
    const before = live.wanted
    live.wanted = wanted
    const { allowed } = live
    const refused = allowed !== null && ((wanted.microphone && !allowed.microphone) || (wanted.camera && !allowed.camera))
    if (live.agreed && (refused || (wanted.camera && !live.askedCamera))) {
      // The user may have changed it in the settings meanwhile.
      live.allowed = null
      this.askUser(live)
    }
    if (before.microphone !== wanted.microphone) this.applyVolume(live)
    if (before.camera !== wanted.camera) this.stage.refresh()
  }

  switched(): void {
    const live = this.live
    if (live === null) return
    if (live.awayCamera !== null) live.awayCamera = false
    live.missed = { microphone: live.missed.microphone, camera: false }
    live.wanted = { microphone: live.wanted.microphone, camera: false }
    this.stage.refresh()
  }

  /** A pusher has no codec but H.264. */
  sendVideoIn(): void {}

  end(): void {
    const live = this.live
    if (live === null) return
    this.live = null
    live.cancelPusher()
    live.cancelAsking()
    live.players.forEach((player) => player.cancel())
    // Before the tag goes: an iPhone is known to push on otherwise.
    const pusher = live.pusher === "off" ? null : this.stage.pusher()
    if (pusher !== null) pusher.stop()
    this.stage.refresh()
  }

  // --- what the page does ---

  /** Another page shows the call: its tags are new. */
  restage(): void {
    const live = this.live
    if (live === null) return
    live.front = true
    this.stage.refresh(() => {
      if (live !== this.live) return
      if (live.pusher === "preview") this.preview(live)
      else if (live.pusher === "starting" || live.pusher === "pushing" || live.pusher === "suspended") this.startPusher(live)
      live.players.forEach((player) => this.startPlayer(live, player))
    })
  }

  /** Front or back camera. */
  useFront(front: boolean): void {
    const live = this.live
    const pusher = live === null || live.pusher === "off" ? null : this.stage.pusher()
    if (live === null || pusher === null || live.front === front) return
    live.front = front
    pusher.switchCamera()
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
    const live = this.live
    if (live === null || live.awayCamera !== null) return
    live.awayCamera = live.wanted.camera
    if (!live.wanted.camera) return
    live.wanted = { microphone: live.wanted.microphone, camera: false }
    live.host.devices(live.wanted)
  }

  /** It is back. */
  back(): void {
    const live = this.live
    if (live === null) return
    const { awayCamera } = live
    live.awayCamera = null
    if (awayCamera === true) {
      live.wanted = { microphone: live.wanted.microphone, camera: true }
      live.host.devices(live.wanted)
    }
    if (live.pusher === "suspended") this.renewPusher(live, 0)
    this.stage.refresh()
  }

  /** The user has been in the settings. */
  permitted(allowed: Devices): void {
    const live = this.live
    if (live === null || live.allowed === null) return
    const { wanted, missed } = live
    live.allowed = allowed
    live.wanted = {
      microphone: (wanted.microphone || missed.microphone) && allowed.microphone,
      camera: (wanted.camera || missed.camera) && allowed.camera && allowed.microphone,
    }
    live.missed = { microphone: false, camera: false }
    live.host.devices(live.wanted)
    if (live.pusher === "refused" && allowed.microphone) live.pusher = "off"
    this.advance(live)
    this.stage.refresh()
  }

  // --- what the tags tell ---

  pusherState(code: unknown): void {
    this.pusherTold(pusherNews(code), code)
  }

  pusherError(code: unknown): void {
    this.pusherTold(pusherErrorNews(code), code)
  }

  pusherNetStatus(info: NetStatus): void {
    const live = this.live
    if (live !== null && typeof info.netQualityLevel === "number" && info.netQualityLevel > WEAK_ABOVE) this.options.weak(live.call.self)
  }

  /** How loud the user is: tags before base library 2.12.0 do not say. */
  pusherVolume(volume: unknown): void {
    const live = this.live
    // The tag may tell what it records, although nothing of it is sent.
    if (live !== null && live.pusher === "pushing") this.tellVolume(live, live.call.self, live.wanted.microphone ? volume : 0)
  }

  /** How loud somebody else is. */
  playerVolume(id: string, volume: unknown): void {
    const live = this.live
    const player = live === null ? undefined : live.players.find((p) => p.id === id)
    if (live !== null && player !== undefined) this.tellVolume(live, player.stream.userID, volume)
  }

  playerState(id: string, code: unknown): void {
    const live = this.live
    const player = live === null ? undefined : live.players.find((p) => p.id === id)
    if (live === null || player === undefined) return
    switch (playerNews(code)) {
      case "playing":
        player.state = "playing"
        player.tries = player.retries = player.high = 0
        this.tellStatus(live)
        break
      case "retrying":
        if (player.state === "lost") break
        player.state = "starting"
        player.retries++
        if (player.retries >= PLAYER_RETRIES) this.renewPlayer(live, player, backoff(player.tries++, this.platform.random()))
        this.tellStatus(live)
        break
      case "lost":
        this.renewPlayer(live, player, backoff(player.tries++, this.platform.random()))
        break
      case "weak":
        this.options.weak(player.stream.userID)
        break
      default:
    }
  }

  playerNetStatus(id: string, info: NetStatus): void {
    const live = this.live
    const player = live === null ? undefined : live.players.find((p) => p.id === id)
    if (live === null || player === undefined || player.state !== "playing") return
    const waits = Math.max(Number(info.audioCache) || 0, Number(info.videoCache) || 0)
    player.high = waits > CACHE_HIGH_MS ? player.high + 1 : 0
    const rested = this.platform.now() - player.renewedAt >= CACHE_REST_MS
    if (player.high >= CACHE_HIGH_REPORTS && rested) this.renewPlayer(live, player, 0)
  }

  private tellVolume(live: Live, userID: string, volume: unknown): void {
    if (typeof volume === "number") live.host.volumes([{ userID, volume: Math.max(0, Math.min(100, Math.round(volume))) }])
  }

  private pusherTold(news: PusherNews | undefined, code: unknown): void {
    const live = this.live
    if (live === null || news === undefined) return
    switch (news) {
      case "pushing":
        if (live.pusher !== "starting") break
        live.pusher = "pushing"
        live.pushed = true
        live.pusherTries = 0
        this.applyVolume(live)
        this.tellStatus(live)
        break
      case "retrying":
        if (live.pusher === "pushing") live.pusher = "starting"
        this.tellStatus(live)
        break
      case "lost":
        if (live.pusherTries === 0) live.host.error(Number(code), "the connection of live-pusher was lost: pushing anew")
        this.renewPusher(live, backoff(live.pusherTries++, this.platform.random()))
        break
      case "broken":
        live.host.error(Number(code), `live-pusher's encoder failed (${String(code)}): pushing anew`)
        this.renewPusher(live, backoff(live.pusherTries++, this.platform.random()))
        break
      case "suspended":
        if (live.pusher !== "starting" && live.pusher !== "pushing") break
        live.pusher = "suspended"
        this.tellStatus(live)
        // Told late by a phone that was frozen: the app is in front already.
        if (live.awayCamera === null) this.renewPusher(live, 0)
        break
      case "closed":
        this.options.closed()
        break
      case "weak":
        this.options.weak(live.call.self)
        break
      case "no_camera":
        this.refused(live, { microphone: live.allowed === null || live.allowed.microphone, camera: false }, true)
        break
      case "no_microphone":
        this.refused(live, { microphone: false, camera: live.allowed === null || live.allowed.camera }, true)
        break
      default:
    }
  }

  // --- permissions ---

  private askUser(live: Live): void {
    const camera = live.call.media === "video" && live.wanted.camera
    live.askedCamera = live.askedCamera || camera
    this.options.ask(camera).then((allowed) => {
      if (live !== this.live) return
      if (allowed.microphone && (allowed.camera || !live.wanted.camera)) {
        live.allowed = allowed
        if (live.pusher === "refused") live.pusher = "off"
        this.advance(live)
        this.stage.refresh()
      } else {
        this.refused(live, allowed, false)
      }
    })
  }

  /** Said once for each device: the tag tells a refusal twice. `byTag`: it has found out, and stopped. */
  private refused(live: Live, allowed: Devices, byTag: boolean): void {
    const before = live.allowed || { microphone: true, camera: true }
    const news = before.microphone !== allowed.microphone || before.camera !== allowed.camera
    live.allowed = allowed
    if (!news) return
    const { wanted, missed } = live
    live.missed = { microphone: missed.microphone || wanted.microphone, camera: missed.camera || wanted.camera }
    live.wanted = { microphone: wanted.microphone && allowed.microphone, camera: wanted.camera && allowed.camera && allowed.microphone }
    live.host.devices(live.wanted)
    if (!allowed.microphone) {
      live.cancelPusher()
      live.pusher = "refused"
      this.stage.refresh()
      live.host.error(-1302, "the microphone is refused: the user can allow it in the mini-program's settings (wx.openSetting)")
    } else {
      // Without its camera the tag has stopped: sound goes on.
      if (byTag && (live.pusher === "starting" || live.pusher === "pushing")) live.pusher = "off"
      this.advance(live)
      this.stage.refresh()
      live.host.error(-1301, "the camera is refused: the user can allow it in the mini-program's settings (wx.openSetting)")
    }
    this.tellStatus(live)
  }

  // --- pushing and playing ---

  private askServer(live: Live): void {
    if (live.asking || live !== this.live) return
    live.asking = true
    live.cancelAsking()
    live.call.streams().then(
      (streams) => {
        live.asking = false
        if (live !== this.live) return
        live.streams = streams
        live.pusherTries = 0
        this.advance(live)
      },
      (thrown) => {
        live.asking = false
        const error = asCallError(thrown)
        this.platform.log("info", `streams: ${error.code}`)
        if (live !== this.live || !live.call.talking) return // asked again at the answer
        if (!error.retry) live.host.error(error.code, error.message)
        live.cancelAsking = this.platform.setTimer(backoff(live.pusherTries++, this.platform.random()), () => this.askServer(live))
      },
    )
  }

  /** Mounts and starts what is due by now. */
  private advance(live: Live): void {
    const { call, allowed, streams } = live
    if (!live.agreed || live !== this.live) return
    if (!call.talking || streams === null) {
      if (call.talking) this.askServer(live)
      const shows = call.role === "caller" && call.media === "video" && allowed !== null && allowed.microphone
      if (shows && live.pusher === "off") {
        live.pusher = "preview"
        this.stage.refresh(() => this.preview(live))
      }
      this.tellStatus(live)
      return
    }
    let more = false
    if ((live.pusher === "off" || live.pusher === "preview") && allowed !== null && allowed.microphone) {
      live.pusher = "starting"
      more = true
    }
    streams.play.forEach((stream) => {
      if (live.players.some((p) => p.stream.userID === stream.userID)) return
      live.players.push({ stream, id: `player${live.players.length}`, state: "starting", tries: 0, retries: 0, high: 0, renewedAt: -CACHE_REST_MS, cancel: nothing })
      more = true
    })
    if (more) {
      this.stage.refresh(() => {
        if (live.pusher === "starting") this.startPusher(live)
      })
    }
    this.tellStatus(live)
  }

  private preview(live: Live): void {
    const pusher = live === this.live && live.pusher === "preview" ? this.stage.pusher() : null
    if (pusher !== null) pusher.startPreview()
  }

  private startPusher(live: Live): void {
    const pusher = live === this.live ? this.stage.pusher() : null
    if (pusher === null) return
    live.pusher = "starting"
    // With its address it starts by itself; where the address was there before, or the camera was shown first, it does not.
    pusher.start()
  }

  private startPlayer(live: Live, { id }: Playing): void {
    const player = live === this.live ? this.stage.player(id) : null
    if (player !== null) player.play()
  }

  /** Pushes anew after a while. */
  private renewPusher(live: Live, ms: number): void {
    if (live.pusher === "refused" || live.pusher === "off" || live.pusher === "preview") return
    live.pusher = "lost"
    live.cancelPusher()
    live.cancelPusher = this.platform.setTimer(ms, () => {
      this.freshStreams(live, (retry) => {
        if (live.pusher !== "lost") return
        if (retry) return this.renewPusher(live, backoff(live.pusherTries++, this.platform.random()))
        live.pusher = "starting"
        this.stage.refresh(() => {
          const pusher = live === this.live ? this.stage.pusher() : null
          if (pusher !== null) pusher.stop({ complete: () => this.startPusher(live) })
        })
        this.tellStatus(live)
      })
    })
    this.tellStatus(live)
  }

  /** Plays anew after a while. */
  private renewPlayer(live: Live, player: Playing, ms: number): void {
    player.state = "lost"
    player.retries = player.high = 0
    player.cancel()
    player.cancel = this.platform.setTimer(ms, () => {
      this.freshStreams(live, (retry) => {
        if (player.state !== "lost") return
        if (retry) return this.renewPlayer(live, player, backoff(player.tries++, this.platform.random()))
        player.state = "starting"
        player.renewedAt = this.platform.now()
        this.stage.refresh(() => {
          const control = live === this.live ? this.stage.player(player.id) : null
          if (control !== null) control.stop({ complete: () => this.startPlayer(live, player) })
        })
        this.tellStatus(live)
      })
    })
    this.tellStatus(live)
  }

  /** Asks for the addresses anew; `then` hears whether that has to be tried again. */
  private freshStreams(live: Live, then: (retry: boolean) => void): void {
    if (live !== this.live) return
    live.call.streams().then(
      (streams) => {
        if (live !== this.live) return
        live.streams = streams
        live.players.forEach((player) => {
          const fresh = streams.play.find((s) => s.userID === player.stream.userID)
          if (fresh !== undefined) player.stream = fresh
        })
        then(false)
      },
      (thrown) => {
        this.platform.log("info", `streams: ${asCallError(thrown).code}`)
        if (live === this.live) then(true)
      },
    )
  }

  private applyVolume(live: Live): void {
    const pusher = live.pusher === "pushing" || live.pusher === "starting" ? this.stage.pusher() : null
    if (pusher !== null) pusher.setMICVolume({ volume: live.wanted.microphone ? 1 : 0 })
  }

  /** As one: what is worst. */
  private tellStatus(live: Live): void {
    const playing = live.players.some((p) => p.state === "playing")
    const pushing = live.pusher === "pushing"
    const stopped = live.pusher === "lost" || live.pusher === "suspended" || (live.pushed && live.pusher === "starting")
    const lost = stopped || live.players.some((p) => p.state === "lost" || p.retries > 0)
    let status: MediaStatus = live.call.talking ? "connecting" : "idle"
    if (lost) status = live.ever ? "reconnecting" : "connecting"
    else if (pushing || playing) status = "connected"
    if (status === "connected") live.ever = true
    if (status === live.status) return
    live.status = status
    live.host.status(status)
  }
}

/** What `netstatus` may tell; which of it is there depends on WeChat's version. */
export interface NetStatus {
  netQualityLevel?: number
  /** ms. */
  audioCache?: number
  videoCache?: number
}

function nothing(): void {}
