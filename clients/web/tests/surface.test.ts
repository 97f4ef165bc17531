/** What pages call and hear, on both surfaces. */

import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { FakeAudio, FakePlace, FakeSocket, freshBrowser, settle } from "./browser.js"
import { WELCOME } from "@tring/core/testing"
import { WebGuideApi, type PageEvent } from "../src/guide-api.js"
import { CLASS_EVENT, ELEMENT_EVENT } from "../src/event-names.js"
import { Handlers } from "@tring/core"
import { complain } from "../src/complain.js"
import { Phone } from "../src/phone.js"
import { TRTCCalling } from "../src/trtc-calling.js"

const SILENT = { level: 4 }
const BOB = { sdkAppID: 1400000001, userID: "B", userSig: "sig" }
const INVITED = { type: "invited", callID: "c1", roomID: 7, from: "A", to: ["B"], media: "audio", remainingMs: 30_000 }

async function guide({ keepsCall = false, server = undefined as string | undefined } = {}) {
  const { devices } = freshBrowser()
  const told: PageEvent[] = []
  const phone = new Phone({ server, log: SILENT, keepsCall: () => keepsCall })
  const guide = new WebGuideApi(phone, "element", (event) => void told.push(event))
  const errors = () => told.flatMap((e) => (e.name === "ERROR" ? [e.payload?.["code"]] : []))
  return { guide, phone, devices, told, errors, names: () => told.map((e) => e.name) }
}

async function online(options = {}) {
  const all = await guide(options)
  const login = all.guide.login(BOB)
  const socket = FakeSocket.last
  socket.onopen?.()
  socket.ok("login", WELCOME)
  await login
  return { ...all, socket }
}

async function rings(options = {}) {
  const all = await online(options)
  all.socket.say({ seq: 1, ...INVITED })
  all.socket.ok("delivered")
  await settle()
  return all
}

async function talks(options = {}) {
  const all = await rings(options)
  const accept = all.guide.accept()
  all.socket.ok("accept")
  await accept
  return all
}

test("off() of an event that is not declared removes nothing; off() without arguments removes everything", () => {
  const error = mock.method(console, "error", () => {})
  const handlers = new Handlers(complain)
  let heard = 0
  const handler = () => void heard++
  const declared: { [name: string]: string } = {}
  handlers.on("INVITED", handler)
  handlers.off(declared["NOT_DECLARED"], handler)
  handlers.off(declared["NOT_DECLARED"])
  handlers.on(declared["NOT_DECLARED"] as string, handler)
  handlers.call("INVITED", {})
  handlers.call("undefined", {})
  assert.equal(heard, 1)
  assert.equal(error.mock.callCount(), 3)
  handlers.off("INVITED", () => {})
  handlers.call("INVITED", {})
  assert.equal(heard, 2)
  handlers.off()
  handlers.call("INVITED", {})
  assert.equal(heard, 2)
  error.mock.restore()
})

test("every event of the old SDKs has its name and its value", () => {
  assert.equal(CLASS_EVENT.GROUP_CALL_INVITEE_LIST_UPDATE, "onGroupCallInviteeListUpdate")
  assert.equal(CLASS_EVENT.CALL_TYPE_CHANGED, "onCallTypeChanged")
  assert.equal(ELEMENT_EVENT.GROUP_CALL_INVITEE_LIST_UPDATE, "GROUP_CALL_INVITEE_LIST_UPDATE")
  assert.equal(ELEMENT_EVENT.CALL_MODE, "CALL_MODE")
  for (const [name, value] of Object.entries(ELEMENT_EVENT)) assert.equal(value, name)
})

test("a second user on the same phone is refused, and told", async () => {
  const { guide, errors } = await online()
  await assert.rejects(guide.login({ ...BOB, userID: "C" }), { code: "already_logged_in" })
  assert.deepEqual(errors(), ["already_logged_in"])
})

test("what is wrong with a sign-in is told once, before and after a sign-out", async () => {
  const { guide, errors, socket } = await online()
  await assert.rejects(guide.login({ ...BOB, userID: 0 }), { code: "config_invalid" })
  const out = guide.logout()
  await settle()
  socket.ok("logout")
  await out
  await assert.rejects(guide.login({ ...BOB, userSig: "" }), { code: "config_invalid" })
  const login = assert.rejects(guide.login(BOB), { code: "sig_expired" })
  FakeSocket.last.onopen?.()
  FakeSocket.last.say({ re: FakeSocket.last.sent[0]?.id, error: { code: "sig_expired", message: "expired" } })
  await login
  assert.deepEqual(errors(), ["config_invalid", "config_invalid", "sig_expired"])
})

test("an address that is none is told at the sign-in", async () => {
  for (const server of ["https://", "ftp://calls.example.com"]) {
    const { guide: phone, errors } = await guide({ server })
    await assert.rejects(phone.login(BOB), { code: "config_invalid" })
    assert.deepEqual(errors(), ["config_invalid"])
  }
})

test("methods that are called without what they need reject and are told, and throw nothing", async () => {
  freshBrowser()
  const calling = new TRTCCalling({ SDKAppID: 1400000001 })
  calling.setLogLevel(4)
  const codes: unknown[] = []
  calling.on(CLASS_EVENT.ERROR, ({ code }: { code: unknown }) => void codes.push(code))
  const nothing = undefined as never
  for (const act of [
    () => calling.call(nothing),
    () => calling.startLocalView(nothing),
    () => calling.startRemoteView({ videoViewDomID: "no such element" }),
    () => calling.switchDevice(nothing),
    () => calling.switchDevice({ deviceType: "smell" as never, deviceId: "" }),
    () => calling.setVideoQuality("8k" as never),
    () => calling.openCamera(),
    () => calling.accept(),
    () => calling.login(nothing),
    // Now it is known why nobody is signed in.
    () => calling.accept(),
  ]) {
    await assert.rejects(act(), { name: "CallError" })
  }
  assert.deepEqual(codes, [
    "bad_argument",
    "bad_argument",
    "bad_argument",
    "bad_argument",
    "bad_argument",
    "bad_argument",
    "no_call",
    "no_call",
    "config_invalid",
    "config_invalid",
  ])
})

test("what the browser refuses rejects and is told, and is no unhandled rejection", async () => {
  const { guide, errors, devices } = await talks()
  devices.enumerateDevices = async () => {
    throw new Error("not now")
  }
  await assert.rejects(guide.setHandsFree(true), { code: "internal" })
  devices.refusing = true
  await assert.rejects(guide.switchDevice({ deviceType: "audio", deviceId: "mic2" }), { code: 60005 })
  void guide.setHandsFree(true)
  void guide.getCameras()
  await settle()
  assert.deepEqual(errors(), ["internal", 60005, "internal", "internal"])
})

test("a view that is shown inside CALL_END, for the next call, stays", async () => {
  freshBrowser()
  const calling = new TRTCCalling({ SDKAppID: 1400000001 })
  const login = calling.login(BOB)
  const socket = FakeSocket.last
  socket.onopen?.()
  socket.ok("login", WELCOME)
  await login
  void calling.call({ userID: "A", type: 1 })
  socket.ok("call", { callID: "c1", roomID: 7 })
  await settle()
  const [first, second] = [new FakePlace(), new FakePlace()]
  const show = (place: FakePlace) => calling.startRemoteView({ videoViewDomID: place as unknown as HTMLElement })
  await show(first)
  calling.on(CLASS_EVENT.CALL_END, () => {
    void calling.call({ userID: "C", type: 1 })
    void show(second)
  })
  socket.say({ seq: 1, type: "ended", callID: "c1", reason: "timeout", durationS: 0 })
  await settle()
  assert.deepEqual([first.shown.length, second.shown.length], [0, 1])
})

test("a call that was given up by the user is no ERROR", async () => {
  const { guide, socket, names } = await online()
  socket.onclose?.()
  const call = assert.rejects(guide.call({ userID: "A", type: 1 }), { code: "cancelled" })
  await guide.hangup()
  await call
  assert.deepEqual(names(), ["SDK_READY", "CALL_END", "HANG_UP"])
  void guide.dispose()
})

test("sound that waits for a touch is an event and an ERROR; resumePlayback() rejects until it helps", async () => {
  const { guide, names, errors } = await rings()
  FakeAudio.touched = false
  void guide.accept()
  await settle()
  assert.deepEqual(
    names().filter((n) => n === "AUTOPLAY_FAILED" || n === "ERROR"),
    ["AUTOPLAY_FAILED", "ERROR"],
  )
  assert.deepEqual(errors(), ["playback_blocked"])
  await assert.rejects(guide.resumePlayback(), { code: "playback_blocked" })
  FakeAudio.touched = true
  await guide.resumePlayback()
})

// --- the page goes ---

function goes(persisted: boolean): void {
  window.dispatchEvent(Object.assign(new Event("pagehide"), { persisted }))
}

test("a page that is closed hangs up before it is gone", async () => {
  for (const keepsCall of [false, true]) {
    const { socket, phone } = await talks({ keepsCall })
    goes(false)
    assert.equal(socket.types().pop(), "hangup", "on the socket before the handler returns")
    assert.equal(phone.client.call?.phase, "ending")
    void phone.dispose()
  }
})

test("a page that is put aside keeps its call if it shall, and looks at its socket when it is back", async () => {
  const { socket, phone } = await talks({ keepsCall: true })
  goes(true)
  assert.notEqual(socket.types().pop(), "hangup")
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }))
  assert.equal(socket.types().pop(), "ping")
  void phone.dispose()
  const other = await talks({ keepsCall: false })
  goes(true)
  assert.equal(other.socket.types().pop(), "hangup")
  void other.phone.dispose()
})

test("a page that is closed refuses nothing that rings, and says nothing where there is no call", async () => {
  const { socket, names, phone } = await rings()
  goes(false)
  assert.equal(socket.types().pop(), "transport")
  assert.equal(names().includes("HANG_UP"), false)
  void phone.dispose()
  const idle = await online()
  goes(false)
  assert.deepEqual(idle.socket.types(), ["login"])
  assert.deepEqual(idle.names(), ["SDK_READY"])
  void idle.phone.dispose()
})
