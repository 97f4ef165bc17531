/**
 * One media path to the server: one peer connection, one offer, never another.
 *
 * Both media lines exist from the start, for voice calls too, so that a microphone or a camera that comes later is only
 * attached (`replaceTrack`). The server is ICE-lite and learns addresses from checks, so no candidate is waited for.
 */

import { kindOf, type Cancel, type Platform, type Source, type VideoCodec } from "@tring/core"

/** A path that says `disconnected` gets this long to heal by itself, ms. Higher: fewer rebuilds on a flickering link.
 * Lower: sound is back sooner after a real change. */
const HEAL_MS = 3000

/** The sources that have a media line each, in the order of the offer: what this side sends goes out on it, and what the other
 * sends of the same source comes in. */
const LINES: readonly Source[] = ["microphone", "camera"]

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

/** One peer connection with a media line for each of {@link LINES}. It is made for one offer, and another transport for the next. */
export class Transport {
  private readonly lines: ReadonlyMap<Source, RTCRtpTransceiver>
  private readonly pc: RTCPeerConnection
  private cancelHeal: Cancel = () => {}
  private over = false

  /** Throws where the browser makes no peer connection. */
  constructor(
    private readonly platform: Platform,
    private readonly events: TransportEvents,
  ) {
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" })
    this.lines = new Map(LINES.map((source) => [source, this.pc.addTransceiver(kindOf(source), { direction: "sendrecv" })]))
    this.lines.forEach((line, source) => {
      if (kindOf(source) === "video") preferH264(line)
    })
    this.pc.onconnectionstatechange = () => this.stateChanged()
  }

  /** The media line of a source; none if the source is not sent at all. */
  line(source: Source): RTCRtpTransceiver | undefined {
    return this.lines.get(source)
  }

  /** What arrives, or will: each track by its source. */
  get received(): Array<{ source: Source; track: MediaStreamTrack }> {
    return [...this.lines].map(([source, line]) => ({ source, track: line.receiver.track }))
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
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (!this.over) await this.lines.get(source)?.sender.replaceTrack(track)
  }

  /** Bounds what the encoder of a picture spends, bit/s. Rejects where the browser refuses it. */
  async limit(source: Source, bitrate: number): Promise<void> {
    const sender = this.lines.get(source)?.sender
    const parameters = sender?.getParameters()
    const encoding = parameters?.encodings[0]
    if (this.over || sender === undefined || parameters === undefined || encoding === undefined || encoding.maxBitrate === bitrate) return
    encoding.maxBitrate = bitrate
    await sender.setParameters(parameters)
  }

  /**
   * Sends all pictures in another codec of the answer, without a negotiation. False where the browser cannot: then a new
   * offer helps, whose answer has that codec first.
   */
  async sendVideoIn(codec: VideoCodec): Promise<boolean> {
    const pictures = [...this.lines].filter(([source]) => kindOf(source) === "video")
    const changed = await Promise.all(pictures.map(([, { sender }]) => this.sendIn(sender, codec)))
    return changed.every((done) => done)
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

  private async sendIn(sender: RTCRtpSender, codec: VideoCodec): Promise<boolean> {
    if (this.over) return true
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
