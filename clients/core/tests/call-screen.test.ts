/** The model of the call screen: what is shown of a call, step by step. */

import assert from "node:assert/strict"
import { test } from "node:test"
import { CallScreen, ERROR_TEXTS, callTexts, devicesOf, isVisible, noticeText, sends, statusText } from "../src/index.js"
import type { Call, CallEvent, Peer, ScreenState, Sources } from "../src/index.js"

const RULES = { oneLine: false, noticeMs: 5000, endMs: 2000, errors: ERROR_TEXTS }
const ON: Sources = ["microphone", "camera"]
const peer = (userID: string, sources: Sources): Peer => ({ userID, sources, devices: devicesOf(sources) })

/** A call between A (here) and B, and its screen. */
function shown({ oneLine = false, ...change }: Partial<Call> & { oneLine?: boolean } = {}) {
  const call = {
    phase: "connected",
    role: "caller",
    media: "video",
    self: "A",
    sponsor: "A",
    invitees: ["B"],
    peers: [peer("B", ON)],
    sources: ON,
    alerting: false,
    unreachable: false,
    unseen: [],
    connectedAt: 1000,
    ...change,
  } as unknown as { -readonly [K in keyof Call]: Call[K] }
  const screen = new CallScreen({ ...RULES, oneLine })
  const around = { now: 1000, online: true, hidden: (_: string) => false }
  const happen = (event: CallEvent) => screen.happened(event, around.now)
  const state = (): ScreenState => {
    const state = screen.state(around)
    assert.ok(state !== null)
    return state
  }
  const notices = () => state().notices.map((notice) => notice.key ?? notice.code)
  assert.equal(screen.state(around), null, "nothing is shown before a call")
  happen({ type: call.role === "caller" ? "calling" : "invited", call })
  return { call, screen, around, happen, state, notices }
}

const status = (state: ScreenState) => statusText(callTexts("en"), state.status, (code, otherwise) => `${code}: ${otherwise}`)

test("each phase of a call has a phase of the screen, and a status", () => {
  const seen = (change: Partial<Call>) => {
    const state = shown(change).state()
    return [state.phase, status(state), state.name]
  }
  const callee = { role: "callee", sponsor: "B", invitees: ["A"] } as const
  assert.deepEqual(seen({ phase: "dialing" }), ["calling", "Calling…", "B"])
  assert.deepEqual(seen({ phase: "calling" }), ["calling", "Waiting for an answer…", "B"])
  assert.deepEqual(seen({ phase: "calling", unreachable: true }), ["calling", "Not online right now, still trying…", "B"])
  assert.deepEqual(seen({ phase: "calling", alerting: true, unreachable: true }), ["calling", "Ringing…", "B"])
  assert.deepEqual(seen({ phase: "ringing", ...callee }), ["ringing", "invites you to a video call", "B"])
  assert.deepEqual(seen({ phase: "ringing", media: "audio", ...callee }), ["ringing", "invites you to a voice call", "B"])
  assert.deepEqual(seen({ phase: "accepting", ...callee }), ["accepting", "Answering…", "B"])
  assert.deepEqual(seen({ phase: "connected" }), ["connected", "Connecting sound and picture…", "B"])
  assert.deepEqual(seen({ phase: "ending" }), ["ending", "Call ended", "B"])
  assert.deepEqual(seen({ invitees: ["B", "C"] })[2], "B, C")
})

test("the clock of the talk runs once sound and picture have come, and goes on while they are away", () => {
  const { call, around, happen, state } = shown()
  assert.equal(status(state()), "Connecting sound and picture…")
  happen({ type: "media", call, status: "connected" })
  around.now = 1000 + 65_400
  assert.equal(status(state()), "00:01:05")
  happen({ type: "media", call, status: "reconnecting" })
  assert.equal(status(state()), "00:01:05")
})

test("an end is shown with its reason and goes when its time is over", () => {
  const { call, screen, around, happen, state } = shown()
  assert.equal(screen.nextChange, null)
  happen({ type: "ended", call, reason: "hangup", by: "B", durationS: 5, from: "connected" })
  assert.deepEqual([state().phase, status(state())], ["ended", "The other side hung up · 00:00:05"])
  assert.equal(screen.nextChange, 3000)
  assert.equal(screen.expire(2999), false)
  assert.equal(state().phase, "ended")
  assert.equal(screen.expire(3000), true)
  assert.equal(screen.state(around), null)
})

test("a call that the server refuses says why; the next one begins clean", () => {
  const { call, screen, happen, state, notices } = shown({ phase: "dialing" })
  happen({ type: "error", code: "media_unavailable", message: "" })
  const error = Object.assign(new Error("no such user"), { code: "callees_invalid" })
  happen({ type: "refused", call, error } as unknown as CallEvent)
  assert.deepEqual([state().phase, status(state())], ["ended", "The call failed: callees_invalid: no such user"])
  const next = { ...call } as Call
  happen({ type: "calling", call: next })
  assert.deepEqual([state().phase, notices(), screen.nextChange], ["calling", [], null])
  assert.equal(happen({ type: "ended", call, reason: "cancel", by: "A", durationS: 0, from: "dialing" }), false, "of the call before")
  assert.equal(state().phase, "calling")
})

test("people have their sources as a list: what is sent, and what can be seen", () => {
  const peers: Peer[] = [peer("B", ON), peer("C", ["camera"]), peer("D", ["microphone"])]
  const { around, state } = shown({ peers, unseen: ["C"] })
  assert.deepEqual(
    state().people.map((p) => [p.userID, p.name, sends(p, "microphone"), sends(p, "camera"), isVisible(p)]),
    [
      ["B", "B", true, true, true],
      ["C", "C", false, true, false],
      ["D", "D", true, false, false],
    ],
  )
  around.hidden = (userID) => userID === "B"
  assert.deepEqual(state().people.map(isVisible), [false, false, false])
  const voice = shown({ media: "audio" }).state()
  assert.deepEqual([voice.video, voice.canSwitch, voice.people.map(isVisible)], [false, false, [false]])
  assert.deepEqual(
    state().self.sources.map(({ source, on }) => [source, on]),
    [
      ["microphone", true],
      ["camera", true],
      ["screen", false],
      ["screen_audio", false],
    ],
  )
})

test("only while both talk by video can it become a voice call", () => {
  const can = (change: Partial<Call>) => shown(change).state().canSwitch
  assert.deepEqual([can({}), can({ phase: "calling" }), can({ phase: "accepting" }), can({ media: "audio" })], [true, false, false, false])
})

test("many lines: every notice stands as long as it holds, the link first", () => {
  const peers = [peer("B", [])]
  const { call, screen, around, happen, notices } = shown({ peers, unseen: ["A"] })
  happen({ type: "network", call, userID: "B", level: 5 })
  happen({ type: "error", code: "media_unavailable", message: "" })
  assert.deepEqual(notices(), ["weakPeer", "peerNoH264", "media_unavailable", "peerMuted", "peerCameraOff"])
  happen({ type: "network", call, userID: "A", level: 6 })
  assert.equal(notices()[0], "weakOwn")
  happen({ type: "media", call, status: "reconnecting" })
  assert.equal(notices()[0], "reconnecting")
  around.online = false
  assert.equal(notices()[0], "offline")
  around.online = true
  happen({ type: "media", call, status: "connected" })
  happen({ type: "network", call, userID: "A", level: 4 })
  happen({ type: "network", call, userID: "B", level: 1 })
  assert.deepEqual(notices(), ["peerNoH264", "media_unavailable", "peerMuted", "peerCameraOff"])
  // Told again, it does not stand longer.
  around.now = 3000
  happen({ type: "error", code: "media_unavailable", message: "" })
  assert.equal(screen.nextChange, 6000)
  screen.expire(6000)
  assert.deepEqual(notices(), ["peerNoH264", "peerMuted", "peerCameraOff"])
})

test("one line: the newest that failed comes first, and a weak network is said now and then", () => {
  const { call, screen, around, happen, notices } = shown({ oneLine: true, unseen: ["A"] })
  assert.deepEqual(notices()[0], "peerNoH264")
  happen({ type: "error", code: "media_unavailable", message: "" })
  happen({ type: "network", call, userID: "B", level: 5 })
  assert.equal(notices()[0], "weakPeer", "the newest")
  screen.expire(6000)
  assert.equal(notices()[0], "peerNoH264")
  around.now = 20_999
  screen.remind(around.now)
  assert.equal(notices()[0], "peerNoH264")
  around.now = 21_000
  screen.remind(around.now)
  assert.equal(notices()[0], "weakPeer")
  screen.expire(26_000)
  screen.weak("A", 41_000)
  assert.equal(notices()[0], "weakOwn", "the tags of a phone say so too")
})

test("one line: from somebody who is muted nothing comes, and a way that is made anew is no fault", () => {
  const peers = [peer("B", [])]
  const first = (change: object) => {
    const { call, happen, notices } = shown({ peers, ...change })
    happen({ type: "media", call, status: "reconnecting" })
    return notices()[0]
  }
  assert.equal(first({ oneLine: true }), "peerMuted")
  assert.equal(first({ oneLine: true, peers: [peer("B", ON)] }), "reconnecting")
  assert.equal(first({}), "reconnecting", "where there is room it is said all the same")
})

test("an error without a text, or with a place of its own on the screen, is no notice", () => {
  const { happen, notices } = shown()
  for (const code of [-1302, "of_tomorrow", "video_codec", "playback_blocked"]) happen({ type: "error", code, message: "" })
  assert.deepEqual(notices(), [])
  happen({ type: "error", code: "overloaded", message: "" })
  assert.deepEqual(notices(), ["overloaded"])
})

test("a notice in words", () => {
  const t = callTexts("en")
  assert.equal(
    noticeText(t, { key: "weakOwn", userID: "A" }, () => ""),
    "Your network is weak",
  )
  assert.equal(
    noticeText(t, { key: null, code: "overloaded" }, (code) => `text of ${code}`),
    "text of overloaded",
  )
})
