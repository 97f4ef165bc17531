/** What a call screen says of a call, in two languages, on every surface. */

import { clock } from "../guide/message.js"
import type { EndReason } from "../protocol.js"

/** Languages of the screen. */
export type Language = "zh" | "en"

const ZH = {
  unknown: "未知用户",
  dialing: "正在呼叫…",
  waiting: "等待对方接受…",
  alerting: "对方正在响铃…",
  unreachable: "对方暂不在线，继续等待…",
  invitedVideo: "邀请你视频通话",
  invitedVoice: "邀请你语音通话",
  accepting: "正在接通…",
  connecting: "正在连接音视频…",
  reconnecting: "网络中断，正在重新连接…",
  offline: "与服务器的连接中断，正在恢复…",
  weakOwn: "您当前网络不佳",
  weakPeer: "对方当前网络不佳",
  peerMuted: "对方已静音",
  peerCameraOff: "对方已关闭摄像头",
  peerNoH264: "对方的浏览器不支持 H.264，看不到画面，通话以语音继续",
  answer: "接听",
  decline: "拒绝",
  hangup: "挂断",
  cancel: "取消",
  mute: "静音",
  unmute: "取消静音",
  cameraOn: "开摄像头",
  cameraOff: "关摄像头",
  flip: "翻转",
  toVoice: "切换到语音通话",
  ended: "通话结束",
  peerEnded: "对方已挂断",
  cancelled: "已取消",
  peerCancelled: "对方已取消",
  rejected: "已拒绝",
  peerRejected: "对方已拒绝",
  busy: "对方忙线中",
  noResponse: "对方不在线",
  timeout: "对方无应答",
  missed: "未接来电",
  elsewhere: "已在其他设备上处理",
  kicked: "账号已在其他设备登录",
  lost: "连接已断开，通话结束",
  server: "服务器结束了通话",
  refused: (why: string) => `呼叫失败：${why}`,
}

/** All of them. */
export type CallTexts = typeof ZH

const EN: CallTexts = {
  unknown: "Unknown",
  dialing: "Calling…",
  waiting: "Waiting for an answer…",
  alerting: "Ringing…",
  unreachable: "Not online right now, still trying…",
  invitedVideo: "invites you to a video call",
  invitedVoice: "invites you to a voice call",
  accepting: "Answering…",
  connecting: "Connecting sound and picture…",
  reconnecting: "Network lost, reconnecting…",
  offline: "Connection to the server lost, restoring…",
  weakOwn: "Your network is weak",
  weakPeer: "The other side's network is weak",
  peerMuted: "Muted at the other side",
  peerCameraOff: "Camera is off",
  peerNoH264: "The other browser has no H.264: no picture, the call goes on by voice",
  answer: "Answer",
  decline: "Decline",
  hangup: "Hang up",
  cancel: "Cancel",
  mute: "Mute",
  unmute: "Unmute",
  cameraOn: "Camera on",
  cameraOff: "Camera off",
  flip: "Flip",
  toVoice: "Switch to voice",
  ended: "Call ended",
  peerEnded: "The other side hung up",
  cancelled: "Cancelled",
  peerCancelled: "Call cancelled",
  rejected: "Declined",
  peerRejected: "Call declined",
  busy: "Busy",
  noResponse: "Not online",
  timeout: "No answer",
  missed: "Missed call",
  elsewhere: "Answered on another device",
  kicked: "Signed in on another device",
  lost: "Connection lost, call ended",
  server: "The server ended the call",
  refused: (why) => `The call failed: ${why}`,
}

/** The texts of a language. */
export function callTexts(language: Language): CallTexts {
  return language === "zh" ? ZH : EN
}

/**
 * How a call ended, for this side.
 *
 * @internal
 */
export interface End {
  reason: EndReason
  /** By this device's own user. */
  mine: boolean
  role: "caller" | "callee"
  /** They have talked. */
  connected: boolean
  seconds: number
}

/** Why a call ended, as its screen says it. */
export function endText(t: CallTexts, end: End): string {
  const said = end.connected && end.reason === "hangup" && !end.mine ? t.peerEnded : byReason(t, end)
  return end.connected ? `${said} · ${clock(end.seconds)}` : said
}

function byReason(t: CallTexts, { reason, mine, role }: End): string {
  const caller = role === "caller"
  switch (reason) {
    case "cancel":
      return mine ? t.cancelled : t.peerCancelled
    case "reject":
      return caller ? t.peerRejected : t.rejected
    case "busy":
      return t.busy
    case "no_response":
      return caller ? t.noResponse : t.missed
    case "timeout":
      return caller ? t.timeout : t.missed
    case "answered_elsewhere":
      return t.elsewhere
    case "kicked":
      return mine ? t.kicked : t.ended
    case "lost":
      return t.lost
    case "server":
      return t.server
    default:
      return t.ended
  }
}
