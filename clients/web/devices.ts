/** Microphones and cameras: opening, listing, and what to say when there is none. */

/** Codes of the old web SDK, with what each means. */
export const DEVICE_ERRORS = {
  noMicrophone: 60003,
  noCamera: 60004,
  refused: 60005,
  unsupported: 60006,
} as const

/** A device that could not be opened. */
export interface DeviceError {
  code: number
  message: string
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

/** Which device, and how. */
export interface DeviceWish {
  microphoneID: string | null
  cameraID: string | null
  /** For phones without a chosen camera. */
  facing: "user" | "environment"
  quality: VideoQuality
}

/** True if this page may ask for devices and speak WebRTC. */
export function supported(): boolean {
  return typeof RTCPeerConnection === "function" && navigator.mediaDevices !== undefined
}

/** Opens the microphone, or says why not. */
export async function openMicrophone(wish: DeviceWish): Promise<MediaStreamTrack | DeviceError> {
  const audio: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
  if (wish.microphoneID !== null) audio.deviceId = { exact: wish.microphoneID }
  return open({ audio }, "microphone")
}

/** Opens the camera, or says why not. */
export async function openCamera(wish: DeviceWish): Promise<MediaStreamTrack | DeviceError> {
  const { width, height } = VIDEO_QUALITIES[wish.quality]
  const video: MediaTrackConstraints = {
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: FRAME_RATE },
  }
  if (wish.cameraID !== null) video.deviceId = { exact: wish.cameraID }
  else video.facingMode = wish.facing
  return open({ video }, "camera")
}

async function open(constraints: MediaStreamConstraints, what: "microphone" | "camera"): Promise<MediaStreamTrack | DeviceError> {
  if (!supported()) {
    return {
      code: DEVICE_ERRORS.unsupported,
      message: "this page cannot use devices: open it over https, or as localhost, in a browser with WebRTC",
    }
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints)
    const track = stream.getTracks()[0]
    if (track !== undefined) return track
  } catch (error) {
    const name = error instanceof Error ? error.name : ""
    if (name === "NotAllowedError" || name === "SecurityError") {
      return { code: DEVICE_ERRORS.refused, message: `the ${what} is refused: allow it in the address bar's site settings` }
    }
    if (name === "NotReadableError" || name === "AbortError") {
      return { code: DEVICE_ERRORS.refused, message: `the ${what} cannot be opened: another program may be using it` }
    }
  }
  return what === "microphone"
    ? { code: DEVICE_ERRORS.noMicrophone, message: "no microphone was found: the other side cannot hear you" }
    : { code: DEVICE_ERRORS.noCamera, message: "no camera was found: the other side cannot see you" }
}

/** The devices of a kind. Names are empty until one was allowed. */
export async function listDevices(kind: MediaDeviceKind): Promise<DeviceChoice[]> {
  if (navigator.mediaDevices === undefined) return []
  const all = await navigator.mediaDevices.enumerateDevices()
  return all
    .filter((d) => d.kind === kind && d.deviceId !== "")
    .map(({ deviceId, label, groupId }) => ({ deviceId, label, groupId }))
}
