/**
 * The built-in tags of base library 2.10.0 that a call component may use, and their attributes. What an app sets on a
 * tag besides these is told as missing.
 */

const T = String
const N = Number
const B = Boolean

const CALLOUT = { 'aria-label': T, 'aria-role': T, hidden: B, animation: Object }
const PRESS = { 'hover-class': T, 'hover-stop-propagation': B, 'hover-start-time': N, 'hover-stay-time': N }
const IMAGE = { src: T, mode: T, webp: B, 'lazy-load': B, 'show-menu-by-longpress': B }

/** @typedef {Record<string, Function | [type: Function, value: any]>} Attributes an attribute's type, and its default */

/** @type {Record<string, Attributes>} */
export const TAGS = {
  view: PRESS,
  text: { selectable: B, space: T, decode: B },
  image: IMAGE,
  icon: { type: T, size: N, color: T },
  button: {
    ...PRESS,
    ...{ size: T, type: T, plain: B, disabled: B, loading: B, 'form-type': T, 'open-type': T, lang: T },
    ...{ 'app-parameter': T, 'session-from': T, 'send-message-title': T, 'send-message-path': T, 'send-message-img': T },
  },
  'scroll-view': {
    ...{ 'scroll-x': B, 'scroll-y': B, 'upper-threshold': N, 'lower-threshold': N, 'scroll-top': N, 'scroll-left': N },
    ...{ 'scroll-into-view': T, 'scroll-with-animation': B, 'enable-back-to-top': B, 'enable-flex': B },
  },
  swiper: { 'indicator-dots': B, autoplay: B, current: N, interval: N, duration: N, circular: B, vertical: B },
  'swiper-item': { 'item-id': T },
  'movable-area': { 'scale-area': B },
  'movable-view': { direction: T, inertia: B, 'out-of-bounds': B, x: N, y: N, damping: N, friction: N, disabled: B },
  'cover-view': { 'scroll-top': N },
  'cover-image': { src: T },
  input: { value: T, type: T, password: B, placeholder: T, disabled: B, maxlength: N, focus: B, 'confirm-type': T },
  textarea: { value: T, placeholder: T, disabled: B, maxlength: N, focus: B, 'auto-height': B, fixed: B },
  form: { 'report-submit': B },
  label: { for: T },
  switch: { checked: B, disabled: B, type: T, color: T },
  slider: { min: N, max: N, step: N, value: N, disabled: B, color: T, 'show-value': B },
  progress: { percent: N, 'show-info': B, active: B },
  navigator: { url: T, 'open-type': T, delta: N },
  audio: { src: T, loop: B, controls: B },
  video: { src: T, autoplay: B, loop: B, muted: B, controls: B },
  camera: { mode: T, 'device-position': [T, 'back'], flash: T, resolution: T, 'frame-size': T },
  canvas: { type: T, 'canvas-id': T, 'disable-scroll': B },
  'rich-text': { nodes: null },
  'live-pusher': {
    ...{ url: T, mode: [T, 'RTC'], autopush: B, muted: B, 'enable-camera': [B, true], 'auto-focus': [B, true] },
    ...{ orientation: [T, 'vertical'], beauty: N, whiteness: N, aspect: [T, '9:16'], 'min-bitrate': [N, 200] },
    ...{ 'max-bitrate': [N, 1000], 'audio-quality': [T, 'high'], 'waiting-image': T, 'waiting-image-hash': T, zoom: B },
    ...{ 'device-position': [T, 'front'], 'background-mute': B, mirror: B, 'remote-mirror': B, 'local-mirror': [T, 'auto'] },
    ...{ 'audio-reverb-type': N, 'enable-mic': [B, true], 'enable-agc': B, 'enable-ans': B },
    ...{ 'audio-volume-type': [T, 'auto'], 'video-width': [N, 360], 'video-height': [N, 640] },
  },
  'live-player': {
    ...{ src: T, mode: [T, 'live'], autoplay: B, muted: B, orientation: [T, 'vertical'], 'object-fit': [T, 'contain'] },
    ...{ 'background-mute': B, 'min-cache': [N, 1], 'max-cache': [N, 3], 'sound-mode': [T, 'speaker'] },
    ...{ 'auto-pause-if-navigate': [B, true], 'auto-pause-if-open-native': [B, true] },
    // Not documented at 2.10.0; Tencent's own component binds them.
    ...{ 'mute-audio': B, 'mute-video': B },
  },
}

for (const attributes of Object.values(TAGS)) Object.assign(attributes, CALLOUT)

/** @param {string} name `enable-mic` */
export const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())

/** Names of what a phone plays and captures by itself. */
export const MEDIA_TAGS = ['live-pusher', 'live-player']
