/** What the call screen says, in two languages: the core's texts of a call, and its own. */

import { callTexts, type Language } from "@tring/core"

const ZH = {
  ...callTexts("zh"),
  screen: "通话",
  tapForSound: "点按以播放声音",
  swap: "切换大小画面",
  devices: "设备",
  close: "关闭",
  microphone: "麦克风",
  camera: "摄像头",
  speaker: "扬声器",
  standard: "系统默认",
  you: "我",
  voice: "转语音",
  ownNoH264: "此浏览器不支持 H.264，看不到画面，通话以语音继续",
  reach: "按 Tab 键进入通话窗口",
}

type Texts = typeof ZH

const EN: Texts = {
  ...callTexts("en"),
  screen: "Call",
  tapForSound: "Tap to hear",
  swap: "Swap pictures",
  devices: "Devices",
  close: "Close",
  microphone: "Microphone",
  camera: "Camera",
  speaker: "Speaker",
  standard: "System default",
  you: "You",
  voice: "Voice",
  ownNoH264: "This browser has no H.264: no picture, the call goes on by voice",
  reach: "press Tab to reach the call",
}

/** All texts of a language. */
export function texts(language: Language): Texts {
  return language === "zh" ? ZH : EN
}

export type { Texts }

/** The language for an element: its own `lang`, that of the page around it, or the browser's. */
export function languageOf(element: HTMLElement): Language {
  const stated = element.getAttribute("lang") || element.closest("[lang]")?.getAttribute("lang") || navigator.language
  return /^zh\b/i.test(stated) ? "zh" : "en"
}
