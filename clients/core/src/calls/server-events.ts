/** What the server tells of the present call: who rings, comes, mutes and goes, and how the media path does. */

import type { Event, MediaType, UserId, VideoCodec } from "../protocol.js"
import { saidSources, withoutPictures } from "../source.js"
import { peerOf, type ActiveCall, type CallContext } from "./active-call.js"
import type { Call, Peer } from "./call.js"
import type { CallSources } from "./call-sources.js"

/** The network level that holds for whom the server has not named another: 1 is best, 6 is cut off. */
const BEST_NETWORK = 1

/**
 * Follows what the server tells of the present call. One for a call client.
 *
 * @internal
 */
export class ServerEvents {
  /** `connected` hears that both sides talk from now on; more than once for a call. */
  constructor(
    private readonly client: CallContext,
    private readonly sources: CallSources,
    private readonly connected: (active: ActiveCall) => void,
  ) {}

  /** Follows an event of the present call, which this side has not left. Its end is not among them. */
  follow(active: ActiveCall, event: Event): void {
    const { client } = this
    const { call } = active
    switch (event.type) {
      case "unreachable":
        call.unreachable = true
        client.emit({ type: "unreachable", call, userID: event.userID })
        break
      case "ringing":
        call.unreachable = false
        call.alerting = true
        client.emit({ type: "alerting", call, userID: event.userID })
        break
      case "accepted":
        client.emit({ type: "accepted", call, userID: event.userID })
        if (client.isCurrent(active)) this.connected(active)
        break
      case "leg_ended":
        active.unanswered = !call.isGroup
        client.emit({ type: "leg_ended", call, userID: event.userID, reason: event.reason })
        break
      case "joined": {
        active.deserted = false
        const peer = peerOf(event.userID, saidSources(event))
        call.peers = call.peers.filter((p) => p.userID !== peer.userID).concat(peer)
        this.connected(active)
        if (client.isCurrent(active)) client.emit({ type: "joined", call, ...peer })
        break
      }
      case "left":
        call.peers = call.peers.filter((p) => p.userID !== event.userID)
        active.deserted = call.peers.length === 0
        client.emit({ type: "left", call, userID: event.userID })
        break
      case "devices": {
        const peer = call.peers.find((p) => p.userID === event.userID)
        if (peer === undefined) break
        const now = peerOf(peer.userID, saidSources(event))
        call.peers = call.peers.map((p) => (p === peer ? now : p))
        this.peerChanged(call, peer, now)
        break
      }
      case "media":
        this.switched(active, event.userID, event.media)
        break
      case "network":
        this.network(active, event.userID, event.level)
        break
      case "transport_lost":
        client.media.reconnect(true)
        break
      case "video_codec":
        this.videoCodec(active, event.userID, event.codec)
        break
      case "stream_fault":
        client.emit({ type: "error", code: "stream_fault", message: event.message })
        break
      case "merged":
        call.callID = event.into
        call.roomID = event.roomID
        if (event.media === "audio" && call.media === "video") this.sources.becomesVoice(active)
        client.emit({ type: "changed", call })
        break
      default:
        client.platform.log("debug", `ignored ${event.type}`)
    }
  }

  private peerChanged(call: Call, before: Peer, { userID, sources, devices }: Peer): void {
    this.client.emit({ type: "peer_devices", call, userID, before: before.devices, now: devices, sources })
  }

  /** The server says a level again, to devices that have come since: only another one happened. */
  private network(active: ActiveCall, userID: UserId, level: number): void {
    const known = active.networks.find((n) => n.userID === userID)
    if (level === (known === undefined ? BEST_NETWORK : known.level)) return
    active.networks = active.networks.filter((n) => n !== known).concat({ userID, level })
    this.client.emit({ type: "network", call: active.call, userID, level })
  }

  /** The call has become a voice or a video call: the server has switched all pictures off. */
  private switched(active: ActiveCall, userID: UserId, media: MediaType): void {
    const { client } = this
    const { call } = active
    call.media = media
    call.switches++
    active.report.picturesWereSwitchedOff()
    const before = call.peers
    call.peers = before.map((p) => peerOf(p.userID, withoutPictures(p.sources)))
    active.mediaHas = withoutPictures(active.mediaHas)
    client.media.switched()
    this.sources.switchOffPictures(active)
    // Only the camera of who asked opens, and only if nothing else was asked for since.
    this.sources.applyCamera(active, media === "video" && userID === call.self && active.wish === media)
    client.emit({ type: "switched", call, userID })
    before.forEach((p) => {
      if (!p.devices.camera || !client.isCurrent(active)) return
      this.peerChanged(call, p, peerOf(p.userID, withoutPictures(p.sources)))
    })
    this.sources.tellServer(active)
  }

  /** Somebody's picture cannot be decoded by everybody: it is sent in another codec, or the call goes on by voice. */
  private videoCodec({ call }: ActiveCall, userID: UserId, codec: VideoCodec | undefined): void {
    const { client } = this
    const said = call.unseen.length > 0
    call.unseen = call.unseen.filter((id) => id !== userID)
    if (codec === undefined) call.unseen.push(userID)
    else if (userID === call.self) client.media.sendVideoIn(codec)
    client.emit({ type: "changed", call })
    if (codec !== undefined || said) return
    const message = `the picture of ${userID} cannot be shown: no video codec is common to all (mini-programs have H.264 only, some browsers VP8 only). The call goes on by voice`
    client.emit({ type: "error", code: "video_codec", message })
  }
}
