/**
 * One media path to the server: one peer connection, one offer, never another.
 *
 * Both media lines exist from the start, for voice calls too, so that a microphone or a camera that comes later is only
 * attached (`replaceTrack`). The server is ICE-lite and learns addresses from checks, so no candidate is waited for.
 */

import type { Cancel, Platform, VideoCodec } from "@tring/core"

/** A path that says `disconnected` gets this long to heal by itself, ms. Higher: fewer rebuilds on a flickering link.
 * Lower: sound is back sooner after a real change. */
const HEAL_MS = 3000

/** With what this compiler's DOM does not know yet: `codec` of the WebRTC extensions, which not every browser has. */
type Encoding = RTCRtpEncodingParameters & { codec?: RTCRtpCodec }

/** What a path reports. */
export interface TransportEvents {
  connected(): void
  /** Nothing arrives any more. It may heal. */
  silent(): void
  /** The server is reached otherwise: a path that does not heal is not the network's. */
  reachable(): boolean
  /** It is broken for good: build another. At most once. */
  broken(why: string): void
}

/** See the head of this file. */
export class Transport {
  readonly audio: RTCRtpTransceiver
  readonly video: RTCRtpTransceiver
  private readonly pc: RTCPeerConnection
  private cancelHeal: Cancel = () => {}
  private over = false

  /** Throws where the browser makes no peer connection. */
  constructor(
    private readonly platform: Platform,
    private readonly events: TransportEvents,
  ) {
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" })
    this.audio = this.pc.addTransceiver("audio", { direction: "sendrecv" })
    this.video = this.pc.addTransceiver("video", { direction: "sendrecv" })
    preferH264(this.video)
    this.pc.onconnectionstatechange = () => this.stateChanged()
  }

  /** The offer, ready to be sent. */
  async offer(): Promise<string> {
    await this.pc.setLocalDescription(await this.pc.createOffer())
    const offer = this.pc.localDescription
    if (offer === null) throw new Error("the browser made no offer")
    return offer.sdp
  }

  /** The server's answer. */
  async answer(sdp: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: "answer", sdp })
  }

  /** Attaches what is sent; null sends nothing. Rejects where the browser refuses it. */
  async send(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    if (!this.over) await this[kind].sender.replaceTrack(track)
  }

  /** Bounds what the encoder spends, bit/s. Rejects where the browser refuses it. */
  async limitVideo(bitrate: number): Promise<void> {
    const parameters = this.video.sender.getParameters()
    const encoding = parameters.encodings[0]
    if (this.over || encoding === undefined || encoding.maxBitrate === bitrate) return
    encoding.maxBitrate = bitrate
    await this.video.sender.setParameters(parameters)
  }

  /**
   * Sends pictures in another codec of the answer, without a negotiation. False where the browser cannot: then a new
   * offer helps, whose answer has that codec first.
   */
  async sendVideoIn(codec: VideoCodec): Promise<boolean> {
    if (this.over) return true
    const { sender } = this.video
    try {
      const parameters = sender.getParameters()
      const encoding: Encoding | undefined = parameters.encodings[0]
      const wanted = parameters.codecs.find((c) => isCodec(c, codec))
      if (encoding === undefined || wanted === undefined) return false
      encoding.codec = wanted
      await sender.setParameters(parameters)
      // A browser that does not know the member has taken the rest and left it out.
      const taken = (sender.getParameters().encodings[0] as Encoding | undefined)?.codec
      return taken !== undefined && isCodec(taken, codec)
    } catch (error) {
      this.platform.log("info", "the codec stays", error)
      return false
    }
  }

  /** The browser's measurements. */
  stats(): Promise<RTCStatsReport> {
    return this.pc.getStats()
  }

  /** Closes it. Nothing is reported any more. */
  close(): void {
    this.over = true
    this.cancelHeal()
    this.pc.onconnectionstatechange = null
    this.pc.close()
  }

  private stateChanged(): void {
    const state = this.pc.connectionState
    this.cancelHeal()
    if (state === "connected") this.events.connected()
    else if (state === "failed" || state === "closed") this.break(state)
    else if (state === "disconnected") {
      this.events.silent()
      this.heal(state)
    }
  }

  /** Without a network no other path is better, and this one is back first. */
  private heal(state: string): void {
    this.cancelHeal = this.platform.setTimer(HEAL_MS, () => (this.events.reachable() ? this.break(state) : this.heal(state)))
  }

  private break(why: string): void {
    if (this.over) return
    this.close()
    this.events.broken(why)
  }
}

function isCodec({ mimeType }: RTCRtpCodec, codec: VideoCodec): boolean {
  return mimeType.toLowerCase() === `video/${codec}`
}

/** This browser decodes H.264, as far as it says. */
export function takesH264(): boolean {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs
  return codecs === undefined || codecs.some((c) => isCodec(c, "h264"))
}

/** H.264 first, since mini-programs take nothing else; VP8 for browsers without it. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs
  if (codecs === undefined || typeof transceiver.setCodecPreferences !== "function") return
  const rank = (codec: RTCRtpCodec): number => {
    const type = codec.mimeType.toLowerCase()
    const parameters = codec.sdpFmtpLine || ""
    if (type === "video/h264") {
      const baseline = /profile-level-id=42/i.test(parameters)
      return baseline && /packetization-mode=1/.test(parameters) ? (/42e0/i.test(parameters) ? 0 : 1) : 9
    }
    if (type === "video/vp8") return 2
    return type === "video/rtx" ? 3 : 9
  }
  const wanted = codecs
    .map((codec) => ({ codec, rank: rank(codec) }))
    .filter((c) => c.rank < 9)
    .sort((a, b) => a.rank - b.rank)
    .map((c) => c.codec)
  try {
    if (wanted.length > 0) transceiver.setCodecPreferences(wanted)
  } catch (_) {
    // A browser that will not be told: its own order is in the offer, and the server chooses.
  }
}
