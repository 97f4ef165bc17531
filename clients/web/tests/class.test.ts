/**
 * What pages of `trtc-calling-js` read: payloads and getters, as tables. The tables of docs/web.md are held to be the same:
 * whoever changes one of them changes the other.
 */

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { FakeSocket, freshBrowser, settle } from "./browser.js"
import { WELCOME } from "@tring/core/testing"
import Default, { CALL_TYPE, TRTCCalling } from "../index.js"
import { CLASS_EVENT } from "../src/event-names.js"
import { classPayload } from "../src/payloads.js"

const PAGES = ["web.md", "web.zh-CN.md"].map((name) => readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), "utf8"))
const BOB = { userID: "B", userSig: "sig" }
const INVITED = { type: "invited", callID: "c1", roomID: 7, from: "A", to: ["B"], media: "video", remainingMs: 30_000 }

interface Told {
  event: string
  payload: { [key: string]: unknown }
}

/** A page with an instance, B's, that writes down what it is told. */
async function page({ signedIn = true } = {}) {
  const { devices } = freshBrowser()
  const calling = new TRTCCalling({ SDKAppID: 1400000001 })
  calling.setLogLevel(4)
  const told: Told[] = []
  for (const [event, value] of Object.entries(CLASS_EVENT)) {
    if (event !== "CALLING_END") calling.on(value as string, (payload: never) => void told.push({ event, payload }))
  }
  const socket = () => FakeSocket.last
  if (signedIn) await login(calling)
  return { calling, told, socket, devices, of: (event: string) => told.filter((t) => t.event === event).map((t) => t.payload) }
}

async function login(calling: TRTCCalling): Promise<void> {
  const login = calling.login(BOB)
  FakeSocket.last.onopen?.()
  FakeSocket.last.ok("login", WELCOME)
  await login
}

/** B calls A. */
async function calls(calling: TRTCCalling, type: 1 | 2 = 1): Promise<void> {
  const call = calling.call({ userID: "A", type })
  FakeSocket.last.ok("call", { callID: "c1", roomID: 7 })
  await call
}

let seq = 0
const says = (event: object) => FakeSocket.last.say({ seq: ++seq, callID: "c1", ...event })
test.beforeEach(() => {
  seq = 0
})

// --- names ---

test("the constants and the default export of the old package are there", () => {
  assert.equal(Default, TRTCCalling)
  assert.deepEqual(TRTCCalling.CALL_TYPE, { UNKNOWN: 0, AUDIO_CALL: 1, VIDEO_CALL: 2 })
  assert.equal(TRTCCalling.CALL_TYPE, CALL_TYPE)
  assert.equal(TRTCCalling.EVENT.SDK_NOT_READY, "sdkNotReady")
  assert.equal(TRTCCalling.EVENT, CLASS_EVENT)
})

test("every value of EVENT is in the table of payloads of both pages, in the same order", () => {
  const values = [...new Set(Object.values<string>(CLASS_EVENT))]
  for (const text of PAGES)
    assert.deepEqual(
      payloadTable(text).map((row) => row.value),
      values,
    )
})

// --- payloads ---

/** Rows of the table: `| NAME | `value` | `field field` | … |`. */
function payloadTable(text: string) {
  const rows = text.matchAll(/^\| ([A-Z_, ]+) \| `(\w+)` \| (?:`([\w ]*)`|[^|`]+) \|/gm)
  return [...rows].map(([, names, value, fields]) => ({ name: names!.split(",")[0]!, value: value!, fields: (fields ?? "").split(" ").filter(Boolean).sort() }))
}

test("each payload has exactly the fields that the table names", async () => {
  const seen = new Map<string, { [key: string]: unknown }>()
  const note = (told: Told[]) => told.forEach(({ event, payload }) => seen.set(event, payload))

  const callee = await page()
  FakeSocket.last.say({ seq: ++seq, ...INVITED })
  FakeSocket.last.ok("delivered")
  await settle()
  const accept = callee.calling.accept()
  FakeSocket.last.ok("accept")
  await accept
  says({ type: "joined", userID: "A", microphone: true, camera: true })
  says({ type: "network", userID: "A", level: 5 })
  says({ type: "media", userID: "A", media: "audio" })
  says({ type: "left", userID: "A" })
  says({ type: "ended", reason: "hangup", by: "A", durationS: 12 })
  await callee.calling.hangup()
  callee.devices.dispatchEvent(new Event("devicechange"))
  await settle()
  note(callee.told)

  seq = 0
  const cancelled = await page()
  FakeSocket.last.say({ seq: ++seq, ...INVITED })
  says({ type: "ended", reason: "cancel", by: "A", durationS: 0 })
  note(cancelled.told)

  seq = 0
  const caller = await page()
  await calls(caller.calling)
  says({ type: "accepted", userID: "A" })
  says({ type: "ended", reason: "hangup", by: "A", durationS: 0 })
  for (const reason of ["reject", "busy", "no_response", "timeout"]) {
    await calls(caller.calling)
    says({ type: "leg_ended", userID: "A", reason })
    says({ type: "ended", reason, durationS: 0 })
  }
  await assert.rejects(caller.calling.groupCall({ userIDList: ["A", "C"], type: 1 }), { code: "not_available" })
  FakeSocket.last.say({ seq: ++seq, type: "kicked_out", reason: "signed_in_elsewhere" })
  await settle()
  note(caller.told)
  // What the browser's own sound causes, as the guide hands it on.
  seen.set("USER_VOICE_VOLUME", classPayload("USER_VOICE_VOLUME", { volumeMap: [{ userID: "A", volume: 40 }] }))
  seen.set("AUTOPLAY_FAILED", classPayload("AUTOPLAY_FAILED", undefined))

  const never = ["SDK_NOT_READY", "GROUP_CALL_INVITEE_LIST_UPDATE"]
  for (const text of PAGES) {
    const table = payloadTable(text)
    assert.ok(table.length > seen.size, "the table of payloads was found")
    for (const { name, fields } of table) {
      const payload = seen.get(name)
      assert.equal(payload === undefined, never.includes(name), `${name} was${payload === undefined ? " not" : ""} told`)
      if (payload !== undefined) assert.deepEqual(Object.keys(payload).sort(), fields, name)
    }
  }
})

test("payloads in full", async () => {
  const callee = await page()
  FakeSocket.last.say({ seq: ++seq, ...INVITED })
  says({ type: "ended", reason: "cancel", by: "A", durationS: 0 })
  assert.deepEqual(callee.of("INVITED"), [
    {
      sponsor: "A",
      inviteeList: ["B"],
      userIDList: ["B"],
      isFromGroup: false,
      inviteID: "c1",
      inviteData: { version: 4, callType: 2, roomID: 7, callEnd: 0 },
      userData: "",
    },
  ])
  assert.deepEqual(callee.of("CALLING_CANCEL"), [{ inviteID: "c1", sponsor: "A", invitee: "B", userID: "A" }])
  assert.deepEqual(callee.of("SDK_READY"), [{}])

  seq = 0
  const caller = await page()
  const who = { inviteID: "c1", sponsor: "B", invitee: "A", userID: "A" }
  const nobody = { groupID: "", inviteID: "c1", sponsor: "B", userID: "A", userIDList: ["A"], timeoutUserList: ["A"] }
  for (const [reason, event, payload] of [
    ["reject", "REJECT", { ...who, reason: "reject" }],
    ["busy", "LINE_BUSY", { ...who, reason: "line busy" }],
    ["no_response", "NO_RESP", nobody],
    ["timeout", "CALLING_TIMEOUT", nobody],
  ] as const) {
    await calls(caller.calling)
    says({ type: "leg_ended", userID: "A", reason })
    says({ type: "ended", reason, durationS: 0 })
    assert.deepEqual(caller.of(event), [payload])
  }
})

test("ERROR has the same text under the name of each version", async () => {
  const { calling, of } = await page()
  await assert.rejects(calling.call({ userID: "", type: 1 }), { code: "config_invalid" })
  const [error] = of("ERROR")
  assert.equal(error?.["code"], "config_invalid")
  assert.match(String(error?.["message"]), /userID is ''/)
  assert.deepEqual([error?.["msg"], error?.["errorMsg"]], [error?.["message"], error?.["message"]])
})

test("a group call rejects and is told; a handler that nobody awaits leaves no unhandled rejection", async () => {
  const { calling, of } = await page()
  void calling.groupCall({ userIDList: ["A", "C"], type: CALL_TYPE.VIDEO_CALL })
  await assert.rejects(calling.groupCall(undefined as never), { name: "CallError", code: "not_available" })
  assert.deepEqual(
    of("ERROR").map((e) => e["code"]),
    ["not_available", "not_available"],
  )
  assert.equal(calling.getCallStatus(), "idle")
})

// --- getters ---

const GETTERS = [
  "getCallStatus",
  "getUserID",
  "getVideoQuality",
  "getInviterID",
  "getInviteeList",
  "isInviter",
  "isGroupCall",
  "getGroupID",
  "getCallType",
  "getRemoteStreamCount",
  "hasRemoteConnectedUsers",
] as const

const read = (calling: TRTCCalling) => Object.fromEntries(GETTERS.map((name) => [name, calling[name]()]))

/** What the getters give, state by state. B is this user; the columns of the table in the docs, in its order. */
const STATES: Array<{ state: string; reach(): Promise<TRTCCalling>; gives: unknown[] }> = [
  {
    state: "signed out",
    reach: async () => (await page({ signedIn: false })).calling,
    gives: ["idle", "", "480p", "", [], false, false, "", 0, 0, false],
  },
  {
    state: "signed in, no call",
    reach: async () => (await page()).calling,
    gives: ["idle", "B", "480p", "", [], false, false, "", 0, 0, false],
  },
  {
    state: "B calls A by voice",
    reach: async () => {
      const { calling } = await page()
      await calls(calling)
      says({ type: "ringing", userID: "A" })
      return calling
    },
    gives: ["calling", "B", "480p", "B", ["A"], true, false, "", 1, 0, false],
  },
  {
    state: "A calls B by video",
    reach: async () => {
      const { calling } = await page()
      FakeSocket.last.say({ seq: ++seq, ...INVITED })
      return calling
    },
    gives: ["calling", "B", "480p", "A", ["B"], false, false, "", 2, 0, false],
  },
  {
    state: "they talk",
    reach: async () => {
      const { calling } = await page()
      FakeSocket.last.say({ seq: ++seq, ...INVITED })
      const accept = calling.accept()
      FakeSocket.last.ok("accept")
      await accept
      says({ type: "joined", userID: "A", microphone: true, camera: true })
      return calling
    },
    gives: ["connected", "B", "480p", "A", ["B"], false, false, "", 2, 1, true],
  },
]

for (const { state, reach, gives } of STATES) {
  test(`getters: ${state}`, async () => {
    const calling = await reach()
    assert.deepEqual(read(calling), Object.fromEntries(GETTERS.map((name, n) => [name, gives[n]])))
    void calling.destroy()
  })
}

test("the table of the getters in the docs says what they give", () => {
  for (const text of PAGES) {
    const rows = [...text.matchAll(/^\| `(\w+)\(\)` \|((?: `[^`|]*` \|){5})$/gm)]
    assert.deepEqual(
      rows.map(([, name]) => name),
      [...GETTERS],
    )
    rows.forEach(([, name, cells], n) => {
      const found = [...cells!.matchAll(/`([^`]*)`/g)].map(([, cell]) => JSON.parse(cell!.replace(/'/g, '"')) as unknown)
      assert.deepEqual(
        found,
        STATES.map(({ gives }) => gives[n]),
        name,
      )
    })
  }
})

test("in the handlers of its end the getters speak of the call that is over, and afterwards of none", async () => {
  const { calling } = await page()
  let seen: unknown[] = []
  calling.on(CLASS_EVENT.CALL_END, () => {
    seen = [
      calling.getCallStatus(),
      calling.isInviter(),
      calling.getCallType(),
      calling.getInviterID(),
      calling.getInviteeList(),
      calling.getRemoteStreamCount(),
    ]
  })
  await calls(calling, 2)
  says({ type: "accepted", userID: "A" })
  says({ type: "joined", userID: "A", microphone: true, camera: true })
  assert.equal(calling.hasRemoteConnectedUsers(), true)
  says({ type: "ended", reason: "hangup", by: "A", durationS: 3 })
  assert.deepEqual(seen, ["idle", true, 2, "B", ["A"], 0])
  assert.deepEqual([calling.isInviter(), calling.getCallType(), calling.getInviterID(), calling.getInviteeList()], [false, 0, "", []])
})

test("in the handler of its end a new call is the one that the getters speak of", async () => {
  const { calling } = await page()
  let seen: unknown[] = []
  calling.on(CLASS_EVENT.CALL_END, () => {
    void calling.call({ userID: "C", type: 1 })
    seen = [calling.getCallStatus(), calling.isInviter(), calling.getInviteeList()]
  })
  FakeSocket.last.say({ seq: ++seq, ...INVITED })
  says({ type: "ended", reason: "timeout", durationS: 0 })
  assert.deepEqual(seen, ["calling", true, ["C"]])
})

test("getters: hung up, switched, another quality, signed out and kicked out", async () => {
  const { calling } = await page()
  await calls(calling, 2)
  says({ type: "accepted", userID: "A" })
  says({ type: "joined", userID: "A", microphone: true, camera: true })
  says({ type: "media", userID: "A", media: "audio" })
  assert.equal(calling.getCallType(), 1)
  await calling.setVideoQuality("720p")
  assert.equal(calling.getVideoQuality(), "720p")
  const over = calling.hangup()
  assert.deepEqual([calling.getCallStatus(), calling.getRemoteStreamCount()], ["idle", 0])
  says({ type: "ended", reason: "hangup", by: "B", durationS: 1 })
  await over
  const out = calling.logout()
  await settle()
  FakeSocket.last.ok("logout")
  await out
  assert.equal(calling.getUserID(), "")
  seq = 0
  const other = await page()
  assert.equal(other.calling.getUserID(), "B")
  FakeSocket.last.say({ seq: ++seq, type: "kicked_out", reason: "signed_in_elsewhere" })
  assert.equal(other.calling.getUserID(), "")
})

// --- as pages call it ---

test("a handler's `this` is the context that was given, else the instance", async () => {
  const { calling } = await page()
  const context = { name: "page" }
  const heard: unknown[] = []
  function handler(this: unknown) {
    heard.push(this)
  }
  calling.on(CLASS_EVENT.INVITED, handler, context)
  calling.on(CLASS_EVENT.INVITED, handler)
  FakeSocket.last.say({ seq: ++seq, ...INVITED })
  assert.deepEqual(heard, [context, calling])
  calling.off(CLASS_EVENT.INVITED, handler, context)
  says({ type: "ended", reason: "cancel", by: "A", durationS: 0 })
  FakeSocket.last.say({ seq: ++seq, ...INVITED, callID: "c2" })
  assert.equal(heard.length, 3, "off() took one registration")
  calling.off(CLASS_EVENT.INVITED)
  says({ callID: "c2", type: "ended", reason: "cancel", by: "A", durationS: 0 })
  FakeSocket.last.say({ seq: ++seq, ...INVITED, callID: "c3" })
  assert.equal(heard.length, 3)
})

test("an invitation that is over is not answered for a newer one", async () => {
  const { calling, of, socket } = await page()
  FakeSocket.last.say({ seq: ++seq, ...INVITED })
  says({ type: "ended", reason: "cancel", by: "A", durationS: 0 })
  FakeSocket.last.say({ seq: ++seq, ...INVITED, callID: "c2" })
  await assert.rejects(calling.accept({ inviteID: "c1", roomID: 7, callType: 2 }), { code: "no_call" })
  assert.equal(await calling.reject({ inviteID: "c1", isBusy: true }), "未收到邀请，无法拒绝")
  assert.deepEqual([of("ERROR").length, calling.getCallStatus()], [1, "calling"])
  void calling.accept({ inviteID: "c2", roomID: 7, callType: 2 })
  assert.equal(
    socket()
      .types()
      .filter((type) => type === "accept").length,
    1,
  )
  void calling.destroy()
})

test("a timeout of 0 is the longest ring; what is not known besides is left out", async () => {
  const { calling, socket } = await page()
  void calling.call({ userID: "A", type: CALL_TYPE.AUDIO_CALL, timeout: 0, offlinePushInfo: { title: "call" } })
  const { id: _, ...sent } = socket().sent.find((m) => m.type === "call")!
  assert.deepEqual(sent, { type: "call", to: ["A"], media: "audio", timeoutS: 300 })
  void calling.destroy()
})

test("an instance without options says what is missing at the sign-in", async () => {
  freshBrowser()
  const calling = new TRTCCalling(undefined as never)
  calling.setLogLevel(4)
  await assert.rejects(calling.login(BOB), { code: "config_invalid" })
})

// --- what else docs/web.md lists ---

const source = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")

test("the variables of the look are those of the style, with their defaults", async () => {
  const { STYLE } = await import("../src/element/style.js")
  const known = [...STYLE.slice(0, STYLE.indexOf(":host([phase])")).matchAll(/(--tring-[\w-]+): ([^;]+);/g)].map(([, name, value]) => [name, value])
  assert.ok(known.length > 0)
  for (const text of PAGES) {
    assert.deepEqual(
      [...text.matchAll(/^\| `(--tring-[\w-]+)` \| `([^`]+)` \|/gm)].map(([, name, value]) => [name, value]),
      known,
    )
  }
})

test("the events of observe(), the fields of currentCall and the states of the session are those of the core", () => {
  const call = source("core/src/calls/call.ts")
  const events = new Set([...call.matchAll(/^ {2}\| \{ type: "(\w+)"/gm)].map(([, type]) => type))
  const fields = [...call.slice(call.indexOf("export interface Call "), call.indexOf("/** What to call. */")).matchAll(/^ {2}readonly (\w+):/gm)].map(
    ([, name]) => name,
  )
  const states = new Set([...source("core/src/session/connection.ts").matchAll(/\{ (?:readonly )?name: "(\w+)"/g)].map(([, name]) => name))
  const listed = (text: string, before: RegExp) => new Set(before.exec(text)?.[1]?.split(/\s+/))
  for (const text of PAGES) {
    assert.deepEqual(listed(text, /`(connection signed_in[\w\s]+)`/), events)
    assert.deepEqual(listed(text, /`(callID roomID[\w\s]+)`/), new Set(fields))
    assert.deepEqual(listed(text, /`(idle connecting[\w\s]+)`/), states)
  }
})

test("the methods that the docs list are there, and those that are there are listed", () => {
  const element = source("web/src/element/trtc-calling-element.ts")
  const page = element.slice(element.indexOf("// --- the guide's methods ---"), element.indexOf("// --- life ---"))
  const methods = [...page.matchAll(/^ {2}(?:async )?(\w+)\(/gm)].map(([, name]) => name!)
  const own = Object.getOwnPropertyNames(TRTCCalling.prototype).filter((name) => !["constructor", "subject", "anotherRings", "devicesChanged"].includes(name))
  const named = (text: string) => new Set([...text.matchAll(/`(\w+)\([^`]*\)`/g)].map(([, name]) => name!).filter((name) => name !== "rgb"))
  for (const text of PAGES) {
    const [ofElement, ofClass] = [text.slice(0, text.search(/^## (The class|类)$/m)), text.slice(text.search(/^## (The class|类)$/m))]
    for (const name of methods) assert.ok(named(ofElement).has(name), `the element's ${name}() is listed`)
    for (const name of own) assert.ok(named(ofElement).has(name) || named(ofClass).has(name), `the class's ${name}() is listed`)
    for (const name of named(ofElement)) assert.ok(methods.includes(name), `the element has ${name}()`)
  }
})
