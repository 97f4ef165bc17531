/** What this phone can do, as the guide asks for it. */

import { CallError } from "@tring/core"

/** What live-pusher and live-player in mode RTC need. */
const NEEDED = { base: "2.10.0", ios: "7.0.9", android: "7.0.8" }

/** What is known of the phone. */
export interface Environment {
  /** The developer tools: they have neither live-pusher nor live-player. */
  devtools: boolean
  language: "zh" | "en"
  /** Why no call is possible here; null if one is. */
  tooOld: CallError | null
}

/** Looks once: nothing of it changes while an app runs. */
export function environment(): Environment {
  const { platform, version, SDKVersion, language } = wx.getSystemInfoSync()
  return { devtools: platform === "devtools", language: /^zh/i.test(language || "zh") ? "zh" : "en", tooOld: tooOld(platform, version, SDKVersion) }
}

/** Compared number by number: 2.9.5 is older than 2.10.0. */
export function older(version: string, needed: string): boolean {
  const [have, want] = [version, needed].map((text) => text.split(".").map((part) => parseInt(part, 10) || 0)) as [number[], number[]]
  for (let n = 0; n < want.length; n++) {
    const [mine, least] = [have[n] || 0, want[n] || 0]
    if (mine !== least) return mine < least
  }
  return false
}

function tooOld(platform: string, wechat: string, base: string): CallError | null {
  const app = platform === "ios" ? NEEDED.ios : NEEDED.android
  const oldApp = platform !== "devtools" && wechat !== "" && older(wechat, app)
  if (!oldApp && !older(base, NEEDED.base)) return null
  const text = `当前微信 ${wechat}、基础库 ${base} 版本过低，音视频通话需要微信 ${app}、基础库 ${NEEDED.base} 或更高版本，请升级微信`
  return new CallError("unsupported", `${text} (calls need WeChat ${app} and base library ${NEEDED.base})`)
}
