/** What the call screen of a mini-program says besides the core's texts of a call. */

import { ERROR_TEXTS as CORE_TEXTS, callTexts, errorTextOf, type ErrorTexts, type Language } from "@tring/core"

const ZH = {
  ...callTexts("zh"),
  speakerOn: "扬声器",
  speakerOff: "听筒",
  noMicrophone: "麦克风权限授权",
  noMicrophoneWhy: "对方听不到您：请在设置中允许使用麦克风",
  noCamera: "摄像头权限授权",
  noCameraWhy: "对方看不到您：请在设置中允许使用摄像头",
  toSettings: "去设置",
  notNow: "暂不",
  devtools: "开发者工具不支持 live-pusher 和 live-player，请使用真机预览或调试",
  tooOld: "微信版本过低",
  gotIt: "知道了",
}

/** All of them. */
export type Texts = typeof ZH

const EN: Texts = {
  ...callTexts("en"),
  speakerOn: "Speaker",
  speakerOff: "Earpiece",
  noMicrophone: "Microphone",
  noMicrophoneWhy: "They cannot hear you: allow the microphone in the settings",
  noCamera: "Camera",
  noCameraWhy: "They cannot see you: allow the camera in the settings",
  toSettings: "Settings",
  notNow: "Not now",
  devtools: "The developer tools have no live-pusher and live-player: preview on a phone",
  tooOld: "WeChat is too old",
  gotIt: "OK",
}

/** The texts of a language. */
export function texts(language: Language): Texts {
  return language === "zh" ? ZH : EN
}

/** By code: those of the server, of the client, and the numbers of live-pusher that a user is told. */
export const ERROR_TEXTS: ErrorTexts = {
  ...CORE_TEXTS,
  [-1303]: ["视频编码失败，正在重试", "The picture could not be encoded: trying again"],
  [-1304]: ["音频编码失败，正在重试", "The sound could not be encoded: trying again"],
}

/** The text for a code of ERROR or of a rejected promise; `otherwise` for one that is not known here. */
export function errorText(code: string | number, language: Language, otherwise = ""): string {
  return errorTextOf(ERROR_TEXTS, code, language, otherwise)
}
