/** What a chat keeps of a call, on each side: the records, in their order, and what they hold. */

import assert from "node:assert/strict"
import { test } from "node:test"
import { TIM, callingInfo, recordOf } from "../src/index.js"
import type { GuideMessage } from "../src/index.js"
import { does, ended, joined, tell, type Step } from "./steps.js"
import { settle, User, WELCOME } from "./world.js"

interface Side {
  steps: Step[]
  keeps: string[]
  /** With CALL_END after every call, where that is more. */
  strictly?: string[]
}

const FLOWS: Array<{ name: string; caller: Side; callee: Side }> = [
  {
    name: "answered, and hung up by the caller",
    caller: { steps: [joined("B"), does("hangup"), ended("hangup", "A", 12)], keeps: ["发起通话", "结束通话，通话时长：00:00:12"] },
    callee: { steps: [does("accept"), joined("A"), ended("hangup", "A", 12)], keeps: ["已接听", "结束通话，通话时长：00:00:12"] },
  },
  {
    name: "refused",
    caller: {
      steps: [tell({ type: "leg_ended", userID: "B", reason: "reject" }), ended("reject", "B")],
      keeps: ["发起通话"],
      strictly: ["发起通话", "拒绝通话"],
    },
    callee: { steps: [does("reject"), ended("reject", "B")], keeps: ["拒绝通话"] },
  },
  {
    name: "refused by hangup()",
    caller: { steps: [ended("reject", "B")], keeps: ["发起通话"], strictly: ["发起通话", "拒绝通话"] },
    callee: { steps: [does("hangup"), ended("reject", "B")], keeps: ["拒绝通话"] },
  },
  {
    name: "refused while the server is out of reach",
    caller: { steps: [], keeps: ["发起通话"] },
    callee: { steps: [does("reject"), (user) => user.world.pass(3000)], keeps: ["拒绝通话"] },
  },
  {
    name: "cancelled",
    caller: { steps: [does("hangup"), ended("cancel", "A")], keeps: ["发起通话", "取消通话"] },
    callee: { steps: [ended("cancel", "A")], keeps: [], strictly: ["取消通话"] },
  },
  {
    name: "answered on another device of the callee",
    caller: { steps: [], keeps: ["发起通话"] },
    callee: { steps: [ended("answered_elsewhere", "B")], keeps: [], strictly: [] },
  },
  {
    name: "rang and was not answered",
    caller: { steps: [ended("timeout")], keeps: ["发起通话", "无应答"] },
    callee: { steps: [ended("timeout")], keeps: ["无应答"] },
  },
  {
    name: "busy",
    caller: { steps: [tell({ type: "leg_ended", userID: "B", reason: "busy" }), ended("busy")], keeps: ["发起通话"], strictly: ["发起通话", "拒绝通话"] },
    callee: { steps: [], keeps: [] },
  },
  {
    name: "switched, twice to the same",
    caller: {
      steps: [joined("B"), ...["audio", "video", "audio"].map((media) => tell({ type: "media", userID: "A", media })), ended("hangup", "B", 3)],
      keeps: ["发起通话", "切换为语音通话", "切换为视频通话", "切换为语音通话", "结束通话，通话时长：00:00:03"],
    },
    callee: {
      steps: [does("accept"), joined("A"), ...["audio", "video", "audio"].map((media) => tell({ type: "media", userID: "A", media })), ended("hangup", "B", 3)],
      keeps: ["已接听", "切换为语音通话", "切换为视频通话", "切换为语音通话", "结束通话，通话时长：00:00:03"],
    },
  },
]

/** What this user's chat is told from now on. */
function chat(user: User, strictEnd = false): GuideMessage[] {
  const kept: GuideMessage[] = []
  user.client.on((event) => {
    const record = recordOf(event, strictEnd)
    if (record !== null) kept.push(record)
  })
  return kept
}

for (const { name, caller, callee } of FLOWS) {
  test(`of a call that is ${name}, each side keeps its records`, async () => {
    for (const [userID, peer, { steps, keeps, strictly = keeps }] of [
      ["A", "B", caller],
      ["B", "A", callee],
    ] as const) {
      const user = await User.signedIn(userID, "miniprogram")
      const [kept, strict] = [chat(user), chat(user, true)]
      if (userID === "A") await user.calls(peer, "video")
      else await user.isCalledBy(peer, "video")
      for (const step of steps) await step(user)
      assert.deepEqual(kept.map(callingInfo), keeps, userID)
      assert.deepEqual(strict.map(callingInfo), strictly, `${userID}, strictly`)
      assert.equal(new Set(strict.map(({ ID }) => ID)).size, strict.length, "each has an ID of its own")
      for (const { from, to, conversationID, flow, payload } of kept) {
        assert.deepEqual([from, to, conversationID, flow], [userID, peer, `C2C${peer}`, "out"])
        assert.deepEqual([payload.description, payload.extension], [callingInfo({ payload }), callingInfo({ payload })])
      }
    }
  })
}

test("a call that the server has not taken is not recorded as made; one that it takes after all is", async () => {
  const user = await User.signedIn("A")
  const kept = chat(user)
  const call = user.client.callUsers({ to: ["B"], media: "audio" })
  user.server.refuse("call", "call_self")
  await assert.rejects(call)
  assert.deepEqual(kept, [])
  user.server.cut()
  void user.client.callUsers({ to: ["B"], media: "audio" }).catch(() => {})
  await user.client.hangup()
  assert.deepEqual([user.payload("CALL_END")?.["inviteID"], kept], ["", []], "taken back before the server could be asked")
  await user.world.pass(1000)
  user.server.open()
  user.server.ok("resume", { ...WELCOME, resumed: true })
  await settle()
  void user.client.callUsers({ to: ["B"], media: "audio" }).catch(() => {})
  void user.client.hangup()
  user.server.ok("call", { callID: "c2", roomID: 8 })
  await settle()
  await user.told({ type: "ended", callID: "c2", reason: "cancel", by: "A", durationS: 0 })
  assert.deepEqual(kept.map(callingInfo), ["发起通话", "取消通话"])
})

test("the record and the message of CALL_END are the same", async () => {
  const user = await User.signedIn("A")
  const kept = chat(user)
  await user.calls("B")
  await ended("timeout")(user)
  assert.deepEqual(kept[1], user.payload("CALL_END")?.["message"])
})

test("the IM instance's stand-in finds everybody under the userID, and nobody under nothing", async () => {
  const profiles = async (given?: object) => (await TIM.getUserProfile(given)).data
  assert.deepEqual(await profiles({ userIDList: ["bob", 7, "", null, undefined] }), [
    { userID: "bob", nick: "bob", avatar: "" },
    { userID: "7", nick: "7", avatar: "" },
  ])
  for (const given of [undefined, {}, { userIDList: "bob" }]) assert.deepEqual(await profiles(given), [])
})
