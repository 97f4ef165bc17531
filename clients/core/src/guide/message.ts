/**
 * The records of a call in the shape that old pages know: IM custom messages. Nothing carries them here; a page that keeps a
 * chat can store them, and {@link callingInfo} writes their lines.
 */

import type { Call } from "../calls/call.js"
import { typeOf } from "./identity.js"
import type { EndReason } from "../protocol.js"

/** `actionType` of the old signalling. */
const ACTION = { invite: 1, cancel: 2, accept: 3, reject: 4, timeout: 5 }

/** Version of the inner body that old readers expect. */
const BODY_VERSION = 4

/** A message of the old IM SDK, as far as chats read the records of calls. */
export interface GuideMessage {
  /** One for each record of a call, the same whenever it is told again. */
  ID: string
  type: "TIMCustomElem"
  conversationType: "C2C"
  /** `C2C` and the other's userID. */
  conversationID: string
  from: string
  to: string
  /** There are no profiles: the userID of who tells it, and no picture. */
  nick: string
  avatar: string
  /** A record is this side's own, as chats of the old SDK were told it. */
  flow: "out"
  status: "success"
  /** When it was told, Unix seconds, where the surface has a calendar. */
  time?: number
  /** `description` and `extension` are its line, for chats that do not read `data`. */
  payload: { data: string; description: string; extension: string }
}

/** The record of a call that this side has made. */
export function inviteMessage(call: Call): GuideMessage {
  return messageOf(call, ACTION.invite, bodyOf(call))
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

/** What a record says; `data` tells apart what `actionType` does not. */
interface Body {
  data?: { cmd: string; room_id: number; message: string }
  [key: string]: unknown
}

function bodyOf(call: Call): Body {
  return {
    version: BODY_VERSION,
    businessID: "av_call",
    platform: call.platform,
    extraInfo: "",
    call_type: typeOf(call.media),
    room_id: call.roomID,
  }
}

function messageOf(call: Call, actionType: number, body: Body): GuideMessage {
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
  const to = call.role === "caller" ? call.invitees[0] || "" : call.sponsor
  const cmd = body.data === undefined ? "" : body.data.cmd
  const payload = { data: JSON.stringify(envelope), description: "", extension: "" }
  payload.description = payload.extension = callingInfo({ payload })
  return {
    ID: `${call.callID}-${actionType}${cmd}${call.switches}`,
    type: "TIMCustomElem",
    conversationType: "C2C",
    conversationID: `C2C${to}`,
    from: call.self,
    to,
    nick: call.self,
    avatar: "",
    flow: "out",
    status: "success",
    payload,
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
