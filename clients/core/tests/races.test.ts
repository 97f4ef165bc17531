/** What two sides, a network and an impatient user do at the same time. */

import assert from "node:assert/strict"
import { test } from "node:test"
import { REPORT_RETRY_MS } from "../src/calls/source-report.js"
import { settle, User, WELCOME } from "./world.js"

const RESUMED = { ...WELCOME, resumed: true }
const ALICE_CALLS = { type: "invited", callID: "c1", roomID: 7, from: "A", to: ["B"], remainingMs: 30_000 }
const ended = (callID: string, reason: string, by?: string) => ({ type: "ended", callID, reason, by, durationS: 0 })
const calls = (user: User) => user.server.types().filter((t) => t === "call").length

function phase(user: User): string {
  return user.client.call === null ? "idle" : user.client.call.phase
}

// --- calling back: what opens ---

test("a video call that is answered by calling back with voice opens no camera", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A", "video")
  const back = b.client.callUsers({ to: ["A"], media: "audio" })
  assert.deepEqual(b.media.told, ["begin mc", "connect", "devices m-", "openDevices"])
  assert.equal(b.client.call?.media, "audio")
  b.server.ok("call", { callID: "c1", roomID: 7 })
  await back
  assert.deepEqual(b.client.call?.sources, ["microphone"])
  await assert.rejects(b.client.setSource("camera", true), { code: "call_options" })
})

test("a voice call that is answered by calling back with video is a voice call", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A", "audio")
  void b.client.callUsers({ to: ["A"], media: "video" })
  assert.equal(b.client.call?.media, "audio")
  assert.deepEqual(b.media.told, ["begin m-", "connect", "openDevices"])
})

test("a video call that is answered by calling back with video opens the camera", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A", "video")
  void b.client.callUsers({ to: ["A"], media: "video" })
  assert.deepEqual(b.media.told, ["begin mc", "connect", "openDevices"])
})

test("after a call back that could not be taken now, the invitation is what it was, and opens nothing by itself", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A", "video")
  const back = b.client.callUsers({ to: ["A"], media: "audio" })
  b.server.refuse("call", "overloaded", true)
  await assert.rejects(back, { code: "overloaded" })
  assert.equal(phase(b), "ringing")
  assert.equal(b.client.call?.media, "video")
  await b.client.setSource("microphone", false)
  assert.deepEqual(b.media.told.slice(-1), ["openDevices"], "while it rings nothing is switched on")
  void b.client.accept()
  assert.deepEqual(b.media.told.slice(-2), ["devices -c", "openDevices"])
})

test("two video calls that cross, the other one by voice: no camera opens here", async () => {
  const b = await User.signedIn("B")
  const call = b.client.callUsers({ to: ["A"], media: "video" })
  await b.told({ type: "merged", callID: "c1", into: "c1", roomID: 7, media: "audio" })
  b.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  assert.deepEqual(b.media.told.slice(0, 3), ["begin mc", "devices m-", "openDevices"])
})

// --- calling back as the other side gives up ---

test("calling back as the caller cancels: the call that comes of it is shown, and can be answered", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const back = b.client.callUsers({ to: ["A"], media: "video" })
  await b.told(ended("c1", "cancel", "A"))
  assert.equal(phase(b), "dialing")
  await b.told({ type: "ringing", callID: "c2", userID: "A" })
  b.server.ok("call", { callID: "c2", roomID: 8 })
  const call = await back
  assert.equal(call.callID, "c2")
  assert.equal(call.role, "caller")
  assert.equal(call.media, "video")
  assert.equal(b.client.call?.callID, "c2")
  assert.equal(b.client.call?.alerting, true)
  await b.told({ type: "accepted", callID: "c2", userID: "A" })
  await b.told({ type: "joined", callID: "c2", userID: "A", microphone: true, camera: true })
  assert.equal(phase(b), "connected")
  assert.equal(calls(b), 1)
  assert.deepEqual(b.heard.slice(0, 4), ["INVITED", "CALLING_CANCEL", "USER_ACCEPT", "USER_ENTER"])
})

test("calling back as the caller cancels, then hanging up: the call that comes of it is ended", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const back = b.client.callUsers({ to: ["A"], media: "audio" })
  await b.told(ended("c1", "cancel", "A"))
  void b.client.hangup()
  b.server.ok("call", { callID: "c2", roomID: 8 })
  await back
  assert.equal(b.server.last("hangup").callID, "c2")
  await b.told(ended("c2", "cancel", "B"))
  assert.equal(phase(b), "idle")
})

test("calling back, hanging up, and only then hearing of another call: it is ended", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const back = assert.rejects(b.client.callUsers({ to: ["A"], media: "audio" }), { code: "cancelled" })
  void b.client.hangup()
  await b.told(ended("c1", "cancel", "A"))
  b.server.ok("call", { callID: "c2", roomID: 8 })
  await back
  assert.equal(b.server.last("hangup").callID, "c2")
  assert.equal(phase(b), "idle")
})

test("calling back, and the answer names another call before the end of the first is heard", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const back = b.client.callUsers({ to: ["A"], media: "audio" })
  b.server.ok("call", { callID: "c2", roomID: 8 })
  assert.equal((await back).callID, "c2")
  await b.told(ended("c1", "cancel", "A"))
  assert.equal(b.client.call?.callID, "c2")
  assert.deepEqual(b.heard, ["INVITED", "CALLING_CANCEL"])
})

test("calling back as the caller cancels, refused: it is over, and said once", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const back = assert.rejects(b.client.callUsers({ to: ["A"], media: "audio" }), { code: "overloaded" })
  await b.told(ended("c1", "cancel", "A"))
  b.server.refuse("call", "overloaded", true)
  await back
  assert.equal(phase(b), "idle")
})

test("a call in which the server has this device, and of which it knows nothing, is left", async () => {
  const a = await User.signedIn("A")
  await a.told({ type: "joined", callID: "ghost", userID: "B", microphone: true, camera: false })
  assert.equal(a.server.last("hangup").callID, "ghost")
  assert.deepEqual(a.heard, [])
})

// --- one call after the other, inside handlers ---

test("every handler hears the end of a call before the beginning of the next, which a handler began", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  const order: string[] = []
  a.client.on((e) => {
    if (e.type === "ended" || e.type === "calling") order.push(`${e.type} ${e.call.invitees.join()}`)
  })
  a.onGuideEvent = (name) => {
    if (name === "CALL_END") void a.client.callUsers({ to: ["C"], media: "audio" })
  }
  await a.told(ended("c1", "timeout"))
  assert.deepEqual(order, ["ended B", "calling C"])
})

test("every handler hears an invitation before that it was accepted inside a handler", async () => {
  const b = await User.signedIn("B")
  const order: string[] = []
  b.client.on((e) => void (e.type === "invited" || e.type === "changed" ? order.push(e.type) : 0))
  b.onGuideEvent = (name) => {
    if (name === "INVITED") void b.client.accept()
  }
  await b.told({ ...ALICE_CALLS, media: "audio" })
  assert.deepEqual(order, ["invited", "changed"])
  assert.equal(phase(b), "accepting")
})

// --- out of reach ---

test("a call that was asked for out of reach and given up is never placed", async () => {
  const a = await User.signedIn("A")
  a.server.cut()
  const call = assert.rejects(a.client.callUsers({ to: ["B"], media: "audio" }), { code: "cancelled" })
  await a.client.hangup()
  await call
  assert.deepEqual(a.heard, ["CALL_END", "HANG_UP"])
  await back(a)
  assert.equal(calls(a), 0)
})

test("a call that was asked for out of reach is not placed after its ring is over", async () => {
  const a = await User.signedIn("A")
  a.server.cut()
  const call = assert.rejects(a.client.callUsers({ to: ["B"], media: "audio", timeoutS: 5 }), { code: "server_unreachable" })
  await a.world.pass(15_000)
  await call
  assert.deepEqual(a.heard, ["CALL_END"])
  await back(a)
  assert.equal(calls(a), 0)
})

test("a call that was sent and given up settles while the server is away, and is ended when it is back", async () => {
  const a = await User.signedIn("A")
  const call = assert.rejects(a.client.callUsers({ to: ["B"], media: "audio" }), { code: "cancelled" })
  a.server.cut()
  void a.client.hangup()
  await a.world.pass(5000)
  await call
  assert.equal(phase(a), "idle")
  await back(a)
  a.server.ok("call", { callID: "c1", roomID: 7 })
  await settle()
  assert.equal(a.server.last("hangup").callID, "c1")
})

test("an answer that was never sent is not sent after this side has refused", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  b.server.cut()
  const accept = assert.rejects(b.client.accept(), { code: "cancelled" })
  void b.client.reject()
  await accept
  await back(b)
  assert.deepEqual(b.server.types(), ["resume", "reject"])
})

test("a call back that was never sent is not sent after a hang-up", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  b.server.cut()
  const call = assert.rejects(b.client.callUsers({ to: ["A"], media: "audio" }), { code: "cancelled" })
  void b.client.hangup()
  await call
  await back(b)
  assert.deepEqual(b.server.types(), ["resume", "hangup"])
})

test("a call that waits for the end of the last one can be given up too", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  void a.client.hangup()
  const next = assert.rejects(a.client.callUsers({ to: ["C"], media: "audio" }), { code: "cancelled" })
  void a.client.hangup()
  await a.told(ended("c1", "cancel", "A"))
  await next
  assert.equal(calls(a), 1)
})

test("a page that hangs up by rote in every handler keeps the call that it asked for", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  void a.client.hangup()
  void a.client.callUsers({ to: ["C"], media: "audio" })
  a.onGuideEvent = () => void a.client.hangup()
  await a.told(ended("c1", "cancel", "A"))
  assert.equal(calls(a), 2)
})

async function back(user: User): Promise<void> {
  while (user.world.sockets.length < 2) await user.world.pass(500)
  user.server.open()
  user.server.ok("resume", RESUMED)
  await settle()
}

// --- devices ---

test("a state of the devices that the server refused is told again until it is the truth, the newest only", async () => {
  const a = await User.signedIn("A")
  await a.calls("B", "video")
  await a.told({ type: "joined", callID: "c1", userID: "B", microphone: true, camera: true })
  const sent = () => a.server.frames.filter((f) => f.type === "devices").map((f) => [f.microphone, f.camera])
  await a.client.setSource("microphone", false)
  a.server.refuse("devices", "too_many", true)
  await settle()
  await a.client.setSource("microphone", true)
  await a.client.setSource("camera", false)
  assert.deepEqual(sent(), [[false, true]], "no faster than the server wants it")
  await a.world.pass(REPORT_RETRY_MS.first)
  assert.deepEqual(sent(), [
    [false, true],
    [true, false],
  ])
  a.server.refuse("devices", "too_many", true)
  await a.world.pass(REPORT_RETRY_MS.first)
  assert.equal(sent().length, 2, "the second wait is longer")
  await a.world.pass(REPORT_RETRY_MS.first)
  a.server.ok("devices")
  await a.world.pass(5000)
  assert.deepEqual(sent(), [
    [false, true],
    [true, false],
    [true, false],
  ])
})

test("a refused state of the devices is forgotten with its call", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  await a.client.setSource("microphone", false)
  a.server.refuse("devices", "too_many", true)
  await settle()
  await a.told(ended("c1", "timeout"))
  await a.world.pass(5000)
  assert.equal(a.server.types().filter((t) => t === "devices").length, 1)
})
