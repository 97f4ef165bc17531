/** What the call screen of a mini-program shows. */

import assert from "node:assert/strict"
import { afterEach, test } from "node:test"
import { pictureUnseen } from "@tring/core"
import type { Call, CallEvent } from "@tring/core"
import { built, setWx } from "./built.js"

interface CallView {
  happened(event: CallEvent): void
  data(): { [name: string]: unknown }
}

const { CallView } = built<{ CallView: new (options: object) => CallView }>("lib/call-view.js")

/** Ends what is shown: its clock would keep the test alive. */
const ends: Array<() => void> = []
afterEach(() => ends.splice(0).forEach((end) => end()))

function shown(change: Partial<Call> = {}, watched = true) {
  const toasts: string[] = []
  setWx({ setKeepScreenOn: () => {}, hideKeyboard: () => {}, showToast: ({ title }: { title: string }) => void toasts.push(title) })
  const media = { pusher: { url: "rtmp://s", enableCamera: true }, players: [], front: true, isHidden: () => false }
  const view = new CallView({ language: "zh", devtools: false, media, online: () => true, changed: () => {}, watched: () => watched, now: () => 0 })
  const on = ["microphone", "camera"]
  const call = {
    phase: "connected",
    role: "caller",
    media: "video",
    self: "A",
    sponsor: "A",
    invitees: ["B"],
    peers: [{ userID: "B", sources: on }],
    sources: on,
    unseen: [],
    connectedAt: 0,
    ...change,
  } as unknown as Call
  view.happened({ type: "calling", call })
  view.happened({ type: "media", call, status: "connected" })
  ends.push(() => view.happened({ type: "ended", call, reason: "hangup", by: "A", durationS: 0, from: "connected" }))
  return { view, call, toasts }
}

test("a picture that cannot be decoded is not waited for: its place is empty, and the reason stays", () => {
  assert.deepEqual([shown().view.data()["seen"], shown().view.data()["hint"]], [true, ""])
  const { view, call } = shown({ unseen: ["A", "B"] })
  assert.ok(pictureUnseen(call))
  const reason = "对方的浏览器不支持 H.264，看不到画面，通话以语音继续"
  assert.deepEqual([view.data()["seen"], view.data()["hint"]], [false, reason])
  view.happened({ type: "error", code: "video_codec", message: "" })
  assert.equal(view.data()["hint"], reason, "said once")
  assert.equal(shown({ unseen: ["A", "B"], media: "audio" }).view.data()["hint"], "")
})

test("the reason of an end is a hint of the page that has the component, and a toast only where none is in front", () => {
  const end = (call: Call): CallEvent => ({ type: "ended", call, reason: "hangup", by: "B", durationS: 5, from: "connected" })
  const { view, call, toasts } = shown()
  assert.equal(view.data()["hint"], "")
  view.happened(end(call))
  assert.deepEqual([view.data()["phase"], view.data()["hint"], toasts], ["", "对方已挂断 · 00:00:05", []])
  // The next call does not begin with it.
  view.happened({ type: "calling", call })
  assert.equal(view.data()["hint"], "")
  const elsewhere = shown({}, false)
  elsewhere.view.happened({ type: "error", code: "media_unavailable", message: "" })
  assert.notEqual(elsewhere.view.data()["hint"], "")
  elsewhere.view.happened(end(elsewhere.call))
  // What was said in the call goes with it: the component is empty when the page with it is in front again.
  assert.deepEqual([elsewhere.view.data()["hint"], elsewhere.toasts], ["", ["对方已挂断 · 00:00:05"]])
})

test("a call that was left and is not yet over says nothing", () => {
  const { view, call } = shown({ unseen: [] })
  view.happened({ type: "error", code: -1302, message: "" })
  assert.equal(view.data()["hint"], "")
  view.happened({ type: "error", code: "media_unavailable", message: "" })
  assert.notEqual(view.data()["hint"], "")
  ;(call as { phase: string }).phase = "ending"
  assert.deepEqual(view.data(), { phase: "", pushes: false, players: [], hint: "" })
})

test("a video call that both talk in has a key for voice", () => {
  const key = (change: Partial<Call>) => (shown(change).view.data()["captions"] as { toVoice: string }).toVoice
  assert.equal(key({}), "切换到语音通话")
  assert.deepEqual([key({ media: "audio" }), key({ phase: "calling" }), key({ phase: "accepting", role: "callee" })], ["", "", ""])
})
