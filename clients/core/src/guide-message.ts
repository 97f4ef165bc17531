/**
 * The record of a call in the shape that old pages know: an IM custom message. Nothing carries it here; a page that keeps a
 * chat can store it, and {@link callingInfo} writes its line.
 */

import type { Call } from "./call.js"
import { typeOf } from "./identity.js"
import type { EndReason } from "./protocol.js"

/** `actionType` of the old signalling. */
const ACTION = { invite: 1, cancel: 2, accept: 3, reject: 4, timeout: 5 }

/** Version of the inner body that old readers expect. */
const BODY_VERSION = 4

/** A message of the old IM SDK, as far as call records use it. */
export interface GuideMessage {
  type: "TIMCustomElem"
  conversationType: "C2C"
  from: string
  to: string
  flow: "in" | "out"
  payload: { data: string; description: string; extension: string }
}

/** The record of a call that is over. */
export function endMessage(call: Call, reason: EndReason, durationS: number): GuideMessage {
  const body = bodyOf(call)
  const connected = call.connectedAt !== null
  if (connected) {
    body.call_end = durationS
    body.data = { cmd: "hangup", room_id: call.roomID, message: "" }
  }
  if (reason === "busy") body.line_busy = "line_busy"
  return messageOf(call, connected ? ACTION.invite : actionOf(reason), body)
}

/** The record of a change between voice and video. */
export function switchMessage(call: Call): GuideMessage {
  const cmd = call.media === "video" ? "switchToVideo" : "switchToAudio"
  return messageOf(call, ACTION.invite, { ...bodyOf(call), data: { cmd, room_id: call.roomID, message: "" } })
}

/** What the old `accept()` and `reject()` gave: the message that said so. */
export function answerMessage(call: Call, answer: "accept" | "reject"): GuideMessage {
  return messageOf(call, ACTION[answer], bodyOf(call))
}

function bodyOf(call: Call): { [key: string]: unknown } {
  return {
    version: BODY_VERSION,
    businessID: "av_call",
    platform: call.platform,
    extraInfo: "",
    call_type: typeOf(call.media),
    room_id: call.roomID,
  }
}

function messageOf(call: Call, actionType: number, body: { [key: string]: unknown }): GuideMessage {
  const envelope = {
    businessID: 1,
    inviteID: call.callID,
    inviter: call.sponsor,
    inviteeList: call.invitees,
    actionType,
    timeout: 0,
    groupID: "",
    data: JSON.stringify(body),
  }
  return {
    type: "TIMCustomElem",
    conversationType: "C2C",
    from: call.self,
    to: call.role === "caller" ? call.invitees[0] || "" : call.sponsor,
    flow: "out",
    payload: { data: JSON.stringify(envelope), description: "", extension: "" },
  }
}

function actionOf(reason: EndReason): number {
  if (reason === "timeout" || reason === "no_response") return ACTION.timeout
  return reason === "reject" || reason === "busy" ? ACTION.reject : ACTION.cancel
}

/** The line of a chat for a call message; empty if it is none. */
export function callingInfo(message: unknown): string {
  const envelope = parsed(field(field(message, "payload"), "data"))
  if (field(envelope, "businessID") !== 1) return ""
  const body = parsed(field(envelope, "data"))
  if (field(body, "businessID") !== "av_call") return ""
  const duration = field(body, "call_end")
  const group = field(envelope, "groupID")
  if (typeof duration === "number") {
    return typeof group === "string" && group !== "" ? "结束群聊" : `结束通话，通话时长：${clock(duration)}`
  }
  const cmd = field(field(body, "data"), "cmd")
  if (cmd === "switchToAudio") return "切换为语音通话"
  if (cmd === "switchToVideo") return "切换为视频通话"
  switch (field(envelope, "actionType")) {
    case ACTION.invite:
      return "发起通话"
    case ACTION.cancel:
      return "取消通话"
    case ACTION.accept:
      return "已接听"
    case ACTION.reject:
      return "拒绝通话"
    case ACTION.timeout:
      return "无应答"
    default:
      return ""
  }
}

/** Seconds as HH:MM:SS. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number) => (n < 10 ? "0" : "") + n
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
}

function parsed(text: unknown): unknown {
  if (typeof text !== "string") return null
  try {
    return JSON.parse(text)
  } catch (_) {
    return null
  }
}

function field(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? (of as { [key: string]: unknown })[name] : undefined
}
