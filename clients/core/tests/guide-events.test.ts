import assert from "node:assert/strict"
import { test } from "node:test"
import { does, ended, joined, tell, type Step } from "./steps.js"
import { User } from "./world.js"

/**
 * The guide's flows of a 1:1 call, A calls B: what the server tells each side, what the user does, and every event that a
 * page hears, in order. One event more fails, one less fails.
 */
interface Flow {
  name: string
  caller: { steps: Step[]; hears: string[] }
  callee: { steps: Step[]; hears: string[] }
}

const talkingA: Step[] = [tell({ type: "ringing", userID: "B" }), tell({ type: "accepted", userID: "B" }), joined("B")]
const talkingB: Step[] = [does("accept"), joined("A")]
const HEARS_B = ["USER_ACCEPT", "USER_ENTER", "USER_AUDIO_AVAILABLE"]
const HEARS_A = ["INVITED", "USER_ENTER", "USER_AUDIO_AVAILABLE"]

const FLOWS: Flow[] = [
  {
    name: "A hangs up",
    caller: { steps: [...talkingA, does("hangup"), ended("hangup", "A", 12)], hears: [...HEARS_B, "HANG_UP", "CALL_END"] },
    callee: { steps: [...talkingB, tell({ type: "left", userID: "A" }), ended("hangup", "A", 12)], hears: [...HEARS_A, "USER_LEAVE", "CALL_END"] },
  },
  {
    name: "B hangs up",
    caller: { steps: [...talkingA, tell({ type: "left", userID: "B" }), ended("hangup", "B", 12)], hears: [...HEARS_B, "USER_LEAVE", "CALL_END"] },
    callee: { steps: [...talkingB, does("hangup"), ended("hangup", "B", 12)], hears: [...HEARS_A, "HANG_UP", "CALL_END"] },
  },
  {
    name: "B hangs up after no time at all",
    caller: { steps: [...talkingA, tell({ type: "left", userID: "B" }), ended("hangup", "B", 0)], hears: [...HEARS_B, "USER_LEAVE", "CALL_END"] },
    callee: { steps: [...talkingB, does("hangup"), ended("hangup", "B", 0)], hears: [...HEARS_A, "HANG_UP", "CALL_END"] },
  },
  {
    name: "B refuses",
    caller: { steps: [tell({ type: "leg_ended", userID: "B", reason: "reject" }), ended("reject", "B")], hears: ["REJECT"] },
    callee: { steps: [does("reject"), ended("reject", "B")], hears: ["INVITED"] },
  },
  {
    name: "B presses hangup() where it rings",
    caller: { steps: [tell({ type: "leg_ended", userID: "B", reason: "reject" }), ended("reject", "B")], hears: ["REJECT"] },
    callee: { steps: [does("hangup"), ended("reject", "B")], hears: ["INVITED", "HANG_UP"] },
  },
  {
    name: "B is busy",
    caller: { steps: [tell({ type: "leg_ended", userID: "B", reason: "busy" }), ended("busy")], hears: ["LINE_BUSY"] },
    callee: { steps: [], hears: ["INVITED"] },
  },
  {
    name: "A cancels",
    caller: { steps: [does("hangup"), ended("cancel", "A")], hears: ["CALL_END", "HANG_UP"] },
    callee: { steps: [ended("cancel", "A")], hears: ["INVITED", "CALLING_CANCEL"] },
  },
  {
    name: "it rang, unanswered",
    caller: {
      steps: [tell({ type: "ringing", userID: "B" }), tell({ type: "leg_ended", userID: "B", reason: "timeout" }), ended("timeout")],
      hears: ["CALLING_TIMEOUT", "CALL_END"],
    },
    callee: { steps: [ended("timeout")], hears: ["INVITED", "CALLING_TIMEOUT", "CALL_END"] },
  },
  {
    name: "it never reached B",
    caller: {
      steps: [tell({ type: "unreachable", userID: "B" }), tell({ type: "leg_ended", userID: "B", reason: "no_response" }), ended("no_response")],
      hears: ["NO_RESP", "CALL_END"],
    },
    callee: { steps: [], hears: ["INVITED"] },
  },
  {
    name: "another device of B answers",
    caller: { steps: talkingA, hears: HEARS_B },
    callee: { steps: [ended("answered_elsewhere")], hears: ["INVITED", "CALLING_CANCEL"] },
  },
  {
    name: "the connection of B is gone for good while talking",
    caller: { steps: [...talkingA, tell({ type: "left", userID: "B" }), ended("lost", "B", 40)], hears: [...HEARS_B, "USER_LEAVE", "CALL_END"] },
    callee: { steps: [...talkingB, ended("lost", "B", 40)], hears: [...HEARS_A, "CALL_END"] },
  },
  {
    name: "the connection of A is gone for good while it rings",
    caller: { steps: [ended("lost", "A")], hears: ["CALL_END"] },
    callee: { steps: [ended("lost", "A")], hears: ["INVITED", "CALLING_CANCEL"] },
  },
  {
    name: "B signs in elsewhere while talking, and the app allows one device",
    caller: { steps: [...talkingA, tell({ type: "left", userID: "B" }), ended("kicked", "B", 3)], hears: [...HEARS_B, "USER_LEAVE", "CALL_END"] },
    callee: {
      steps: [...talkingB, ended("kicked", "B", 3), tell({ type: "kicked_out", reason: "signed_in_elsewhere" })],
      hears: [...HEARS_A, "CALL_END", "KICKED_OUT"],
    },
  },
]

for (const flow of FLOWS) {
  test(`flow: ${flow.name}`, async () => {
    const a = await User.signedIn("A")
    await a.calls("B")
    for (const step of flow.caller.steps) await step(a)
    assert.deepEqual(a.heard, flow.caller.hears, "caller")

    const b = await User.signedIn("B")
    await b.isCalledBy("A")
    for (const step of flow.callee.steps) await step(b)
    assert.deepEqual(b.heard, flow.callee.hears, "callee")

    // Strict: one CALL_END for each call that is over, and otherwise the same.
    for (const { strict, heard, client } of [a, b]) {
      const without = (names: string[]) => names.filter((name) => name !== "CALL_END" && name !== "SDK_READY")
      assert.equal(strict.filter((name) => name === "CALL_END").length, client.call === null ? 1 : 0)
      assert.deepEqual(without(strict), without(heard))
    }
  })
}

test("payloads carry the names of every version of the pages", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A", "video")
  assert.deepEqual(b.payload("INVITED"), {
    sponsor: "A",
    inviteeList: ["B"],
    userIDList: ["B"],
    isFromGroup: false,
    inviteID: "c1",
    inviteData: { version: 4, callType: 2, roomID: 7, callEnd: 0 },
    userData: "",
  })
  await ended("cancel", "A")(b)
  assert.deepEqual(b.payload("CALLING_CANCEL"), { inviteID: "c1", sponsor: "A", invitee: "B", userID: "A" })

  const a = await User.signedIn("A")
  await a.calls("B")
  await tell({ type: "leg_ended", userID: "B", reason: "reject" })(a)
  assert.deepEqual(a.payload("REJECT"), { inviteID: "c1", sponsor: "A", invitee: "B", userID: "B", reason: "reject" })
  await ended("reject", "B")(a)

  await a.calls("B")
  await tell({ type: "leg_ended", userID: "B", reason: "busy" })(a)
  assert.equal(a.payload("LINE_BUSY")?.["reason"], "line busy")
  await ended("busy")(a)

  await a.calls("B")
  await tell({ type: "leg_ended", userID: "B", reason: "timeout" })(a)
  assert.deepEqual(a.payload("CALLING_TIMEOUT"), {
    groupID: "",
    inviteID: "c1",
    sponsor: "A",
    timeoutUserList: ["B"],
    userIDList: ["B"],
  })
})

test("the end of a call carries the server's seconds under both names, and a message for the chat", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  for (const step of talkingA) await step(a)
  await ended("hangup", "B", 3725)(a)
  const end = a.payload("CALL_END")
  assert.equal(end?.["call_end"], 3725)
  assert.equal(end?.["callEnd"], 3725)
  assert.equal(end?.["userID"], "B")
  const { callingInfo } = await import("../src/index.js")
  assert.equal(callingInfo(end?.["message"]), "结束通话，通话时长：01:02:05")
  assert.equal(callingInfo({ payload: { data: "{}" } }), "")
  assert.equal(callingInfo(undefined), "")
})

test("a cancelled call's message says so", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  await does("hangup")(a)
  await ended("cancel", "A")(a)
  const { callingInfo } = await import("../src/index.js")
  assert.equal(callingInfo(a.payload("CALL_END")?.["message"]), "取消通话")
})

test("devices of the other side are told when they change, and only the one that did", async () => {
  const a = await User.signedIn("A")
  await a.calls("B", "video")
  await tell({ type: "joined", userID: "B", microphone: true, camera: true })(a)
  await tell({ type: "devices", userID: "B", microphone: true, camera: false })(a)
  await tell({ type: "devices", userID: "B", microphone: false, camera: false })(a)
  assert.deepEqual(a.heard, ["USER_ENTER", "USER_AUDIO_AVAILABLE", "USER_VIDEO_AVAILABLE", "USER_VIDEO_AVAILABLE", "USER_AUDIO_AVAILABLE"])
  assert.deepEqual(a.payload("USER_VIDEO_AVAILABLE"), { userID: "B", isVideoAvailable: false })
})

test("in a group each refusal is told by name, and the end when nobody is left to come", async () => {
  const a = await User.signedIn("A")
  const call = a.client.callUsers({ to: ["B", "C"], media: "audio" })
  a.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  await tell({ type: "leg_ended", userID: "B", reason: "reject" })(a)
  await tell({ type: "leg_ended", userID: "C", reason: "busy" })(a)
  await ended("reject", "B")(a)
  assert.deepEqual(a.heard, ["REJECT", "LINE_BUSY", "CALL_END"])
})

test("a switch is told under the names of both SDKs, then the cameras that went off, on both sides alike", async () => {
  const { callingInfo } = await import("../src/index.js")
  for (const [surface, userID] of [
    ["its own", "A"],
    ["the other's", "B"],
  ] as const) {
    const a = await User.signedIn("A")
    await a.calls("B", "video")
    for (const step of talkingA.slice(0, 2)) await step(a)
    await tell({ type: "joined", userID: "B", microphone: true, camera: true })(a)
    const before = a.heard.length
    await tell({ type: "media", userID, media: "audio" })(a)
    assert.deepEqual(a.heard.slice(before), ["CALL_MODE", "USER_VIDEO_AVAILABLE"], surface)
    const { message, ...payload } = a.payload("CALL_MODE") as { message: unknown }
    assert.deepEqual(payload, { inviteID: "c1", userID, type: 1, oldCallType: 2, newCallType: 1 })
    assert.equal(callingInfo(message), "切换为语音通话")
    assert.deepEqual(a.payload("USER_VIDEO_AVAILABLE"), { userID: "B", isVideoAvailable: false })
    await tell({ type: "media", userID: "B", media: "video" })(a)
    assert.deepEqual(a.heard.slice(before + 2), ["CALL_MODE"], "no camera is on by that")
    assert.deepEqual([a.payload("CALL_MODE")?.["oldCallType"], a.payload("CALL_MODE")?.["newCallType"]], [1, 2])
    assert.equal(callingInfo(a.payload("CALL_MODE")?.["message"]), "切换为视频通话")
  }
})

test("a page that hangs up inside CALL_MODE hears of no camera any more", async () => {
  const a = await User.signedIn("A")
  await a.calls("B", "video")
  await tell({ type: "joined", userID: "B", microphone: true, camera: true })(a)
  a.onGuideEvent = (name) => {
    if (name === "CALL_MODE") void a.client.hangup()
  }
  await tell({ type: "media", userID: "B", media: "audio" })(a)
  assert.deepEqual(a.heard.slice(-2), ["CALL_MODE", "HANG_UP"])
})

test("the record of a call names what this device is", async () => {
  const platformOf = (user: User) => {
    const message = user.payload("CALL_END")?.["message"] as { payload: { data: string } }
    return JSON.parse(JSON.parse(message.payload.data).data).platform
  }
  for (const [kind, platform] of [
    ["web", "Web"],
    ["miniprogram", "MiniApp"],
  ] as const) {
    const user = await User.signedIn("A", kind)
    await user.calls("B")
    await ended("timeout")(user)
    assert.equal(platformOf(user), platform)
  }
})
