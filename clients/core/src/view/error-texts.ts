/**
 * What a person is told when something fails: short, in both languages. Developers read `ERROR.message`, which says what
 * to do about it.
 */

import type { Language } from "./texts.js"

/** Chinese, English. */
export type Pair = readonly [zh: string, en: string]

const SIGN: Pair = ["登录凭证无效，请重新登录", "The sign-in is not valid: sign in again"]
const UPDATE: Pair = ["版本不匹配，请刷新页面或更新应用", "The versions do not match: reload the page or update the app"]
const OVER: Pair = ["通话已结束", "The call is over"]
const PAGE: Pair = ["应用出错，请联系开发者", "The app has made a mistake: tell its makers"]
const MEDIA: Pair = ["无法建立音视频连接", "Sound and picture could not be set up"]

/** Texts by code. */
export interface ErrorTexts {
  readonly [code: string]: Pair
}

/** Those of the server and of the client; a surface adds the numbers of its devices. */
export const ERROR_TEXTS: ErrorTexts = {
  malformed: PAGE,
  unknown_type: UPDATE,
  too_large: ["内容过长", "That is too long"],
  too_many: ["操作过于频繁，请稍后再试", "Too many tries: wait a moment"],
  answer_forgotten: ["网络不稳定，请重试", "The network is unsteady: try again"],
  protocol_version: UPDATE,
  login_required: ["请先登录", "Sign in first"],
  already_logged_in: ["已有其他用户登录，请先退出", "Another user is signed in: sign out first"],
  app_unknown: ["应用不存在或已删除", "This app does not exist any more"],
  user_id_invalid: ["用户名无效", "The user name is not valid"],
  sig_malformed: SIGN,
  sig_wrong_app: SIGN,
  sig_wrong_user: SIGN,
  sig_bad: SIGN,
  sig_expired: ["登录已过期，请重新登录", "The sign-in has expired: sign in again"],
  sig_not_yet_valid: ["登录凭证尚未生效，请检查系统时间", "The sign-in is not valid yet: check the clock"],
  ticket_invalid: ["连接中断过久，请重试", "The connection was lost for too long: try again"],
  signed_in_elsewhere: ["账号已在其他设备登录", "Signed in on another device"],
  too_many_devices: ["登录的设备过多", "Signed in on too many devices"],
  call_self: ["不能呼叫自己", "You cannot call yourself"],
  callees_invalid: ["呼叫对象无效", "This cannot be called"],
  call_options: ["不支持这种呼叫方式", "Such a call is not possible"],
  already_in_call: ["您正在其他通话中", "You are in another call"],
  call_unknown: OVER,
  not_your_call: OVER,
  not_ringing: OVER,
  switch_refused: ["接通后才能切换语音和视频", "Voice and video are switched while both talk"],
  source_unsupported: ["服务器不接受这种音视频来源", "The server does not take this source"],
  answered_elsewhere: ["已在其他设备上处理", "Answered on another device"],
  offer_invalid: MEDIA,
  offer_too_large: MEDIA,
  preconnect_refused: MEDIA,
  media_unavailable: ["媒体服务暂不可用，正在重试", "The media server is not available: trying again"],
  overloaded: ["服务器繁忙，请稍后再试", "The server is busy: try again later"],
  internal: ["服务器出错，请稍后再试", "Something went wrong: try again later"],

  config_invalid: ["应用配置有误，请联系开发者", "The app is not set up right: tell its makers"],
  not_logged_in: ["请先登录", "Sign in first"],
  server_unreachable: ["无法连接服务器，请检查网络", "The server is out of reach: check your network"],
  session_lost: ["连接中断过久，请重试", "The connection was lost for too long: try again"],
  closed: ["已退出登录", "Signed out"],
  busy_here: ["当前正在通话中", "A call is going on here"],
  no_call: ["当前没有通话", "There is no call"],
  cancelled: ["已取消", "Cancelled"],
  bad_argument: PAGE,
  bad_answer: UPDATE,
  unsupported: ["当前环境不支持通话", "Calls do not work in this environment"],
  not_available: ["暂不支持此功能", "Not possible yet"],
  media_failed: MEDIA,
  video_codec: ["浏览器不支持 H.264，看不到画面，通话以语音继续", "A browser without H.264: no picture, the call goes on by voice"],
  stream_fault: ["音视频格式不支持，有人听不到或看不到", "A format that is not carried: somebody cannot hear or see it"],
}

/** The text for a code of ERROR or of a rejected promise; `otherwise` for one that is not known. */
export function errorTextOf(known: ErrorTexts, code: string | number, language: Language, otherwise: string): string {
  const pair = known[code]
  return pair === undefined ? otherwise : pair[language === "zh" ? 0 : 1]
}
