/**
 * What a person is told when something fails in a browser: the core's texts, and those of its devices. Developers read
 * `ERROR.message`, which says what to do about it.
 */

import { ERROR_TEXTS as CORE_TEXTS, errorTextOf, type ErrorTexts, type Language } from "@tring/core"

/** By code: those of the server, of the client, and the numbers of the old SDKs. */
export const ERROR_TEXTS: ErrorTexts = {
  ...CORE_TEXTS,
  media_failed: ["浏览器无法建立音视频连接", "The browser could not set up sound and picture"],
  playback_blocked: ["浏览器已阻止播放声音，请点按页面", "The browser blocks sound: tap the page"],

  60003: ["未找到麦克风，对方听不到您", "No microphone found: they cannot hear you"],
  60004: ["未找到摄像头，对方看不到您", "No camera found: they cannot see you"],
  60005: ["设备不可用或未授权，请在浏览器地址栏中允许", "Device refused or in use: allow it in the address bar"],
  60006: ["当前页面不支持通话，请使用 https 或 localhost 打开", "Calls need https or localhost"],
}

/** The text for a code of ERROR or of a rejected promise; `otherwise` for one that is not known here. */
export function errorText(code: string | number, language: Language, otherwise: string): string {
  return errorTextOf(ERROR_TEXTS, code, language, otherwise)
}
