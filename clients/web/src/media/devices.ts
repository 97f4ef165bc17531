/** Microphones and cameras: opening, listing, and what to say when there is none. */

/** Codes of the old web SDK, with what each means. */
export const DEVICE_ERRORS = {
  noMicrophone: 60003,
  noCamera: 60004,
  refused: 60005,
  unsupported: 60006,
} as const

/** A device that could not be opened. */
export class DeviceFault extends Error {
  override readonly name = "DeviceFault"

  /** `code` is one of {@link DEVICE_ERRORS}; `busy`: it, or its like, is open already, maybe in this very page. */
  constructor(
    readonly code: number,
    message: string,
    readonly busy = false,
  ) {
    super(message)
  }
}

/** A device that can be chosen. */
export interface DeviceChoice {
  deviceId: string
  label: string
  groupId: string
}

/** The old SDK's names of picture sizes. */
export type VideoQuality = "240p" | "360p" | "480p" | "720p" | "1080p"

/** Width, height, and the most that the encoder may spend, bit/s. Higher: a sharper picture on a good link. Lower: more
 * calls through the same server. */
export const VIDEO_QUALITIES: Record<VideoQuality, { width: number; height: number; bitrate: number }> = {
  "240p": { width: 320, height: 240, bitrate: 200_000 },
  "360p": { width: 640, height: 360, bitrate: 400_000 },
  "480p": { width: 640, height: 480, bitrate: 600_000 },
  "720p": { width: 1280, height: 720, bitrate: 1_500_000 },
  "1080p": { width: 1920, height: 1080, bitrate: 2_500_000 },
}

/** Pictures per second asked of the camera. Higher: smoother. Lower: less light and CPU needed. */
const FRAME_RATE = 24

/** The camera at the front of a phone, or at its back. */
export type Facing = "user" | "environment"

/** Which microphone; null is the system's choice. */
export interface MicrophoneWish {
  readonly deviceID: string | null
}

/** Which camera. Without an id, `facing` counts. */
export interface CameraWish {
  readonly deviceID: string | null
  readonly facing: Facing
}

/** True if this page may ask for devices and speak WebRTC. */
export function supported(): boolean {
  return typeof RTCPeerConnection === "function" && navigator.mediaDevices !== undefined
}

/** Opens the microphone. Rejects with a {@link DeviceFault}. */
export function openMicrophone({ deviceID }: MicrophoneWish): Promise<MediaStreamTrack> {
  const audio: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
  return open("microphone", deviceID, (device) => ({ audio: { ...audio, ...device } }))
}

/** Opens the camera. Rejects with a {@link DeviceFault}. */
export function openCamera({ deviceID, facing }: CameraWish, quality: VideoQuality): Promise<MediaStreamTrack> {
  const { width, height } = VIDEO_QUALITIES[quality]
  const video: MediaTrackConstraints = {
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: FRAME_RATE },
  }
  return open("camera", deviceID, (device) => ({ video: { ...video, ...(device ?? { facingMode: facing }) } }))
}

type Device = "microphone" | "camera"

async function open(
  what: Device,
  deviceID: string | null,
  constraints: (device: MediaTrackConstraints | undefined) => MediaStreamConstraints,
): Promise<MediaStreamTrack> {
  try {
    if (deviceID === null) return await firstTrack(constraints(undefined))
    try {
      return await firstTrack(constraints({ deviceId: { exact: deviceID } }))
    } catch (error) {
      // The one that was chosen is not plugged in: another is better than none.
      if (isNamed(error, "OverconstrainedError", "NotFoundError")) return await firstTrack(constraints(undefined))
      throw error
    }
  } catch (error) {
    throw faultOf(what, error)
  }
}

async function firstTrack(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia(constraints)
  const track = stream.getTracks()[0]
  if (track === undefined) throw new Error("a stream without a track")
  return track
}

function faultOf(what: Device, error: unknown): DeviceFault {
  if (isNamed(error, "NotAllowedError", "SecurityError")) {
    return new DeviceFault(DEVICE_ERRORS.refused, `the ${what} is refused: allow it in the address bar's site settings`)
  }
  if (isNamed(error, "NotReadableError", "AbortError")) {
    return new DeviceFault(DEVICE_ERRORS.refused, `the ${what} cannot be opened: another program may be using it`, true)
  }
  return what === "microphone"
    ? new DeviceFault(DEVICE_ERRORS.noMicrophone, "no microphone was found: the other side cannot hear you")
    : new DeviceFault(DEVICE_ERRORS.noCamera, "no camera was found: the other side cannot see you")
}

function isNamed(error: unknown, ...names: string[]): boolean {
  return names.includes((error as { name?: string } | null)?.name ?? "")
}

/** The devices of a kind. Names are empty until one was allowed. */
export async function listDevices(kind: MediaDeviceKind): Promise<DeviceChoice[]> {
  if (navigator.mediaDevices === undefined) return []
  const all = await navigator.mediaDevices.enumerateDevices()
  return all.filter((d) => d.kind === kind && d.deviceId !== "").map(({ deviceId, label, groupId }) => ({ deviceId, label, groupId }))
}
