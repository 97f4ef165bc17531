import assert from "node:assert/strict"
import { test } from "node:test"
import { END_TIMEOUT_MS } from "../src/calls/call-client.js"
import { pictureUnseen } from "../src/calls/active-call.js"
import { settle, User, WELCOME } from "./world.js"

const joined = { type: "joined", callID: "c1", microphone: true, camera: false }

async function talking(media: "audio" | "video" = "audio"): Promise<User> {
  const a = await User.signedIn("A")
  await a.calls("B", media)
  await a.told({ type: "accepted", callID: "c1", userID: "B" })
  await a.told({ ...joined, userID: "B" })
  return a
}

function phase(user: User): string {
  return user.client.call === null ? "idle" : user.client.call.phase
}

async function cutFor(user: User, ms: number): Promise<void> {
  user.server.cut()
  await user.world.pass(ms)
  user.server.open()
}

test("a callee says delivered at once, connects after the answer, and opens no device before accept", async () => {
  const b = await User.signedIn("B")
  await b.told({ type: "invited", callID: "c1", roomID: 7, from: "A", to: ["B"], media: "video", remainingMs: 30_000 })
  assert.equal(b.server.last("delivered").callID, "c1")
  assert.deepEqual(b.media.told, ["begin mc"])
  b.server.ok("delivered")
  await settle()
  assert.deepEqual(b.media.told, ["begin mc", "connect"])
  const accept = b.client.accept()
  assert.deepEqual(b.media.told, ["begin mc", "connect", "openDevices"], "devices open on the click, not on the answer")
  b.server.ok("accept")
  await accept
  assert.equal(b.client.call?.phase, "connected")
})

test("a caller opens devices and connects while it rings, not before the server has taken the call", async () => {
  const a = await User.signedIn("A")
  const call = a.client.callUsers({ to: ["B"], media: "audio" })
  assert.deepEqual(a.media.told, ["begin m-"])
  a.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  assert.deepEqual(a.media.told, ["begin m-", "openDevices", "connect"])
})

test("a refused call is over, its promise rejects, and the next one can begin", async () => {
  const a = await User.signedIn("A")
  const call = a.client.callUsers({ to: ["A"], media: "audio" })
  a.server.refuse("call", "call_self")
  await assert.rejects(call, { code: "call_self" })
  assert.equal(phase(a), "idle")
  await a.calls("B")
  assert.equal(phase(a), "calling")
})

test("calling needs a session, and there is one call at a time", async () => {
  const nobody = new User("A")
  await assert.rejects(nobody.client.callUsers({ to: ["B"], media: "audio" }), { code: "not_logged_in" })
  const a = await talking()
  await assert.rejects(a.client.callUsers({ to: ["C"], media: "audio" }), { code: "busy_here" })
})

test("a page that hears REJECT can call somebody else at once: the call is placed when the refused one is over", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  let next: Promise<unknown> | undefined
  a.onGuideEvent = (name) => {
    if (name === "REJECT") next = a.client.callUsers({ to: ["C"], media: "audio" })
  }
  await a.told({ type: "leg_ended", callID: "c1", userID: "B", reason: "reject" })
  assert.equal(a.server.types().filter((t) => t === "call").length, 1)
  await a.told({ type: "ended", callID: "c1", reason: "reject", by: "B", durationS: 0 })
  a.server.ok("call", { callID: "c2", roomID: 8 })
  await next
  assert.deepEqual(a.heard, ["REJECT"])
  assert.equal(phase(a), "calling")
})

test("a page that hears REJECT of one of a group cannot call somebody else: the others may still answer", async () => {
  const a = await User.signedIn("A")
  const call = a.client.callUsers({ to: ["B", "C"], media: "audio" })
  a.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  await a.told({ type: "leg_ended", callID: "c1", userID: "B", reason: "reject" })
  await assert.rejects(a.client.callUsers({ to: ["D"], media: "audio" }), { code: "busy_here" })
})

test("hangup() inside every handler, twice, ends the call once and starts no loop", async () => {
  const a = await talking()
  a.onGuideEvent = () => {
    void a.client.hangup()
    void a.client.hangup()
  }
  await a.told({ type: "left", callID: "c1", userID: "B" })
  await a.told({ type: "ended", callID: "c1", reason: "hangup", by: "B", durationS: 5 })
  assert.equal(a.heard.filter((n) => n === "CALL_END").length, 1)
  assert.equal(a.server.types().filter((t) => t === "hangup").length, 1)
  assert.equal(a.client.call, null)
  assert.ok(a.heard.filter((n) => n === "HANG_UP").length <= 8, a.heard.join())
})

test("hangup() while idle says HANG_UP and sends nothing", async () => {
  const a = await User.signedIn("A")
  await a.client.hangup()
  assert.deepEqual(a.heard, ["HANG_UP"])
  assert.deepEqual(a.server.types(), ["login"])
})

test("hangup() before the server has named the call cancels it when it has", async () => {
  const a = await User.signedIn("A")
  const call = a.client.callUsers({ to: ["B"], media: "audio" })
  const hangup = a.client.hangup()
  assert.equal(a.server.types().includes("hangup"), false)
  a.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  assert.equal(a.server.last("hangup").callID, "c1")
  await a.told({ type: "ended", callID: "c1", reason: "cancel", by: "A", durationS: 0 })
  await hangup
  assert.deepEqual(a.heard, ["CALL_END", "HANG_UP"])
  assert.equal(a.media.told.includes("openDevices"), false)
})

test("an answer that races with a cancel is not shown, and the call ends once", async () => {
  const a = await User.signedIn("A")
  await a.calls("B")
  void a.client.hangup()
  await a.told({ type: "accepted", callID: "c1", userID: "B" })
  await a.told({ ...joined, userID: "B" })
  await a.told({ type: "ended", callID: "c1", reason: "hangup", by: "A", durationS: 0 })
  assert.deepEqual(a.heard, ["CALL_END", "HANG_UP"])
})

test("a hang-up that races with the answer of this side hangs up, it does not refuse", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  void b.client.accept()
  void b.client.hangup()
  assert.deepEqual(b.server.types().slice(-2), ["accept", "hangup"])
  b.server.ok("accept")
  await b.told({ ...joined, userID: "A" })
  await b.told({ type: "ended", callID: "c1", reason: "hangup", by: "B", durationS: 0 })
  assert.deepEqual(b.heard, ["INVITED", "HANG_UP"])
})

test("accept twice is one answer; accept after a cancel rejects and leaves the phone idle", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const both = Promise.all([b.client.accept(), b.client.accept()])
  b.server.ok("accept")
  await both
  assert.equal(b.server.types().filter((t) => t === "accept").length, 1)

  const late = await User.signedIn("B")
  await late.isCalledBy("A")
  const accept = late.client.accept()
  await late.told({ type: "ended", callID: "c1", reason: "cancel", by: "A", durationS: 0 })
  late.server.refuse("accept", "call_unknown")
  await assert.rejects(accept, { code: "call_unknown" })
  assert.deepEqual(late.heard, ["INVITED", "CALLING_CANCEL"])
  assert.equal(late.client.call, null)
  await assert.rejects(late.client.accept(), { code: "no_call" })
})

test("an accept that the server cannot take now rings on", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const accept = b.client.accept()
  b.server.refuse("accept", "overloaded", true)
  await assert.rejects(accept, { code: "overloaded" })
  assert.equal(b.client.call?.phase, "ringing")
})

test("messages of another call are dropped, never applied to this one", async () => {
  const a = await talking()
  await a.told({ type: "ended", callID: "old", reason: "cancel", by: "B", durationS: 0 })
  await a.told({ type: "left", callID: "old", userID: "B" })
  await a.told({ type: "devices", callID: "old", userID: "B", microphone: false, camera: false })
  assert.equal(a.client.call?.phase, "connected")
  assert.deepEqual(a.client.call?.peers, [{ userID: "B", sources: ["microphone"], devices: { microphone: true, camera: false } }])
})

test("a socket cut while ringing loses and doubles nothing", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const accept = b.client.accept()
  const id = b.server.last("accept").id
  await cutFor(b, 2000)
  b.server.ok("resume", { ...WELCOME, resumed: true })
  // The server had carried it out; its events come first, then the repeated answer.
  await b.told({ ...joined, userID: "A" })
  assert.equal(b.server.last("accept").id, id)
  b.server.ok("accept")
  await accept
  assert.deepEqual(b.heard, ["INVITED", "USER_ENTER", "USER_AUDIO_AVAILABLE"])
  assert.equal(b.media.told.includes("end"), false)
})

test("a socket cut while talking loses and doubles nothing", async () => {
  const a = await talking()
  await cutFor(a, 2000)
  assert.equal(a.client.call?.phase, "connected")
  a.server.ok("resume", { ...WELCOME, resumed: true })
  await a.told({ type: "left", callID: "c1", userID: "B" })
  await a.told({ type: "ended", callID: "c1", reason: "hangup", by: "B", durationS: 9 })
  assert.deepEqual(a.heard.slice(-2), ["USER_LEAVE", "CALL_END"])
})

test("events that come back before the answer to call() find their call", async () => {
  const a = await User.signedIn("A")
  const call = a.client.callUsers({ to: ["B"], media: "audio" })
  await cutFor(a, 1000)
  a.server.ok("resume", { ...WELCOME, resumed: true })
  await a.told({ type: "ringing", callID: "c1", userID: "B" })
  await a.told({ type: "accepted", callID: "c1", userID: "B" })
  a.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  assert.equal(a.client.call?.phase, "connected")
  assert.equal(a.client.call?.alerting, true)
})

test("a call whose session is gone ends here, once, as lost", async () => {
  const a = await talking()
  a.world.time += 5000
  await cutFor(a, 1000)
  a.server.refuse("resume", "ticket_invalid")
  a.server.ok("login", { ...WELCOME, ticket: "t2" })
  await settle()
  assert.deepEqual(a.heard.slice(-1), ["CALL_END"])
  assert.equal(a.payload("CALL_END")?.["reason"], "lost")
  assert.equal(a.payload("CALL_END")?.["call_end"], 6)
  assert.equal(a.client.call, null)
})

test("a hang-up without a server ends here after a while, and is told to the server later", async () => {
  const a = await talking()
  a.server.cut()
  const hangup = a.client.hangup()
  assert.equal(a.media.told[a.media.told.length - 1], "end")
  await a.world.pass(END_TIMEOUT_MS)
  await hangup
  assert.deepEqual(a.heard.slice(-2), ["HANG_UP", "CALL_END"])
  a.server.open()
  a.server.ok("resume", { ...WELCOME, resumed: true })
  assert.equal(a.server.last("hangup").callID, "c1")
  await a.told({ type: "ended", callID: "c1", reason: "hangup", by: "A", durationS: 3 })
  assert.equal(a.heard.filter((n) => n === "CALL_END").length, 1)
})

test("a phone does not ring for ever when the server is gone", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  b.server.cut()
  await b.world.pass(60_000)
  assert.equal(b.client.call, null)
  assert.deepEqual(b.heard, ["INVITED", "CALLING_TIMEOUT", "CALL_END"])
})

test("a call made inside CALL_END begins", async () => {
  const a = await talking()
  a.onGuideEvent = (name) => {
    if (name === "CALL_END") void a.client.callUsers({ to: ["C"], media: "audio" })
  }
  await a.told({ type: "ended", callID: "c1", reason: "hangup", by: "B", durationS: 1 })
  assert.deepEqual(a.server.last("call").to, ["C"])
  a.server.ok("call", { callID: "c2", roomID: 8 })
  await settle()
  assert.equal(a.client.call?.callID, "c2")
})

test("a call made while the last one ends waits for its end", async () => {
  const a = await talking()
  void a.client.hangup()
  const call = a.client.callUsers({ to: ["C"], media: "audio" })
  assert.equal(a.server.types().filter((t) => t === "call").length, 1)
  await a.told({ type: "ended", callID: "c1", reason: "hangup", by: "A", durationS: 1 })
  a.server.ok("call", { callID: "c2", roomID: 8 })
  await call
  assert.equal(a.client.call?.callID, "c2")
})

test("two who call each other: the one that rings here is answered by calling back", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const call = b.client.callUsers({ to: ["A"], media: "audio" })
  assert.deepEqual(b.server.last("call").to, ["A"])
  b.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  await b.told({ ...joined, userID: "A" })
  assert.equal(b.client.call?.phase, "connected")
  assert.deepEqual(b.heard, ["INVITED", "USER_ENTER", "USER_AUDIO_AVAILABLE"])
})

test("two who call each other: an invitation that crosses the call is the same call, not a second ring", async () => {
  const b = await User.signedIn("B")
  const call = b.client.callUsers({ to: ["A"], media: "video" })
  await b.told({ type: "invited", callID: "c1", roomID: 7, from: "A", to: ["B"], media: "video", remainingMs: 30_000 })
  b.server.ok("call", { callID: "c1", roomID: 7 })
  await call
  await b.told({ ...joined, userID: "A" })
  assert.deepEqual(b.heard, ["USER_ENTER", "USER_AUDIO_AVAILABLE"])
})

test("a merged call that became voice closes the camera", async () => {
  const a = await User.signedIn("A")
  await a.calls("B", "video")
  await a.told({ type: "merged", callID: "c1", into: "c1", roomID: 7, media: "audio" })
  assert.equal(a.client.call?.media, "audio")
  assert.ok(a.media.told.includes("devices m-"))
})

test("an invitation that came while a call of one's own was refused rings then", async () => {
  const b = await User.signedIn("B")
  const call = b.client.callUsers({ to: ["C"], media: "audio" })
  await b.told({ type: "invited", callID: "c9", roomID: 7, from: "A", to: ["B"], media: "audio", remainingMs: 30_000 })
  b.server.refuse("call", "already_in_call", true)
  await assert.rejects(call)
  assert.deepEqual(b.heard, ["INVITED"])
  assert.equal(b.client.call?.callID, "c9")
})

test("devices are told to the server in their newest state, one request at a time", async () => {
  const a = await talking("video")
  await a.client.setSource("microphone", false)
  await a.client.setSource("camera", false)
  await a.client.setSource("microphone", true)
  const sent = () => a.server.frames.filter((f) => f.type === "devices").map((f) => [f.microphone, f.camera])
  assert.deepEqual(sent(), [[false, true]])
  a.server.ok("devices")
  await settle()
  assert.deepEqual(sent(), [
    [false, true],
    [true, false],
  ])
  a.server.ok("devices")
  await settle()
  assert.equal(sent().length, 2)
})

test("a camera that cannot be opened is off for the server too, and the call goes on", async () => {
  const a = await talking("video")
  a.media.host?.sources(["microphone"])
  a.media.host?.error(60004, "no camera")
  assert.equal(a.server.last("devices").camera, false)
  assert.deepEqual(a.payload("ERROR"), { code: 60004, message: "no camera", errorMsg: "no camera" })
  assert.equal(a.client.call?.phase, "connected")
})

test("media on which nothing arrives has the session looked at at once, and not after the call", async () => {
  const a = await talking("video")
  const pings = () => a.server.types().filter((type) => type === "ping").length
  const before = pings()
  a.media.host?.silent()
  assert.equal(pings(), before + 1)
  void a.client.hangup()
  a.media.host?.silent()
  assert.equal(pings(), before + 1)
})

test("a voice call has no camera to open", async () => {
  const a = await talking("audio")
  await assert.rejects(a.client.setSource("camera", true), { code: "call_options" })
})

test("a lost transport is made anew in the same call", async () => {
  const a = await talking()
  await a.told({ type: "transport_lost", callID: "c1" })
  assert.deepEqual(a.media.told.slice(-1), ["reconnect"])
  assert.equal(a.client.call?.phase, "connected")
})

test("logging out refuses a call that rings and hangs up one that is one's own", async () => {
  const b = await User.signedIn("B")
  await b.isCalledBy("A")
  const out = b.client.logout()
  assert.equal(b.server.types().pop(), "reject")
  b.server.ok("reject")
  await b.told({ type: "ended", callID: "c1", reason: "reject", by: "B", durationS: 0 })
  b.server.ok("logout")
  await out

  const a = await talking()
  void a.client.logout()
  assert.equal(a.server.types().pop(), "hangup")
})

test("an offer carries the call's id and brings the answer", async () => {
  const a = await talking()
  const answer = a.media.call?.exchange("offer")
  assert.deepEqual({ ...a.server.last("transport"), id: 0 }, { id: 0, type: "transport", callID: "c1", offer: "offer" })
  a.server.ok("transport", { answer: "answer" })
  assert.equal(await answer, "answer")
})

test("streams carries the call's id and brings the addresses; whether both talk is known", async () => {
  const a = await talking()
  assert.deepEqual([a.media.call?.talking, a.media.call?.role], [true, "caller"])
  const streams = a.media.call?.streams()
  assert.deepEqual({ ...a.server.last("streams"), id: 0 }, { id: 0, type: "streams", callID: "c1" })
  const given = { push: "rtmp://s/p", play: [{ userID: "B", url: "rtmp://s/b", flvPath: "/b.flv" }] }
  a.server.ok("streams", given)
  assert.deepEqual(await streams, given)
  const none = a.media.call?.streams()
  a.server.ok("streams")
  await assert.rejects(none as Promise<unknown>, { code: "bad_answer" })
  const ringing = await User.signedIn("B")
  await ringing.isCalledBy("A")
  assert.deepEqual([ringing.media.call?.talking, ringing.media.call?.role], [false, "callee"])
})

test("who signs in while signing out does so after it", async () => {
  const a = await User.signedIn("A")
  const out = a.client.logout()
  const again = a.client.login({ sdkAppID: 1, userID: "A", userSig: "fresh" })
  await settle()
  assert.equal(a.server.types().pop(), "logout")
  a.server.ok("logout")
  await out
  await settle()
  a.server.open()
  a.server.ok("login", WELCOME)
  await again
  assert.equal(a.client.connectionState.name, "online")
})

test("the own picture's new codec is the media's business, and no page hears of it", async () => {
  const a = await talking("video")
  const heard = a.heard.length
  await a.told({ type: "video_codec", callID: "c1", userID: "A", codec: "vp8" })
  assert.deepEqual(a.media.told.slice(-1), ["codec vp8"])
  await a.told({ type: "video_codec", callID: "c1", userID: "B", codec: "h264" })
  await a.told({ type: "video_codec", callID: "c2", userID: "A" })
  assert.deepEqual(a.media.told.slice(-1), ["codec vp8"], "another's is told to the other")
  assert.deepEqual([a.heard.length, a.client.call?.unseen], [heard, []])
})

test("a level of somebody's network that the server says again is told once", async () => {
  const a = await talking("video")
  const says = (userID: string, level: number) => a.told({ type: "network", callID: "c1", userID, level })
  const told = () => a.payloads.filter(({ name }) => name === "USER_NETWORK_QUALITY").map(({ payload }) => payload?.["networkQualityList"])
  await says("B", 1)
  await says("A", 1)
  assert.deepEqual(told(), [], "nothing else was thought of them")
  for (const level of [5, 5, 6, 6, 1, 1, 5]) await says("B", level)
  await says("A", 5)
  await says("A", 5)
  const quality = (userID: string, level: number) => [{ userID, quality: level }]
  assert.deepEqual(told(), [...[5, 6, 1, 5].map((level) => quality("B", level)), quality("A", 5)])
})

test("without a common codec the page is told once, and the screen as long as a picture is sent in vain", async () => {
  const a = await talking("video")
  const shown = () => pictureUnseen(a.client.call!)
  await a.told({ type: "devices", callID: "c1", userID: "B", microphone: true, camera: true })
  assert.equal(shown(), false)
  await a.told({ type: "video_codec", callID: "c1", userID: "B" })
  await a.told({ type: "video_codec", callID: "c1", userID: "A" })
  assert.deepEqual(
    a.heard.filter((name) => name === "ERROR"),
    ["ERROR"],
  )
  assert.equal(a.payload("ERROR")?.["code"], "video_codec")
  assert.deepEqual([a.client.call?.unseen, phase(a)], [["B", "A"], "connected"])
  void a.client.setSource("camera", false)
  assert.equal(shown(), true, "B's is sent still")
  await a.told({ type: "devices", callID: "c1", userID: "B", microphone: true, camera: false })
  assert.equal(shown(), false)
  void a.client.setSource("camera", true)
  assert.equal(shown(), true)
  await a.told({ type: "video_codec", callID: "c1", userID: "A", codec: "h264" })
  assert.equal(shown(), false, "it is sent so that everybody sees it")
})

test("media that closes behind the last one who left is no fault: the end of the call is on its way", async () => {
  const a = await talking("video")
  const errors = () => a.heard.filter((name) => name === "ERROR").length
  a.media.host?.error(-1307, "the connection was lost")
  assert.equal(errors(), 1, "while they talk it is one")
  await a.told({ type: "left", callID: "c1", userID: "B" })
  a.media.host?.error(-1307, "the connection was lost")
  assert.equal(errors(), 1)
})

test("a device that cannot be had is told between the answer and the first who comes", async () => {
  const a = await User.signedIn("A")
  await a.calls("B", "video")
  await a.told({ type: "accepted", callID: "c1", userID: "B" })
  assert.deepEqual([phase(a), a.client.call?.peers], ["connected", []])
  a.media.host?.error(60003, "no camera was found")
  assert.equal(a.payload("ERROR")?.["code"], 60003)
})

test("a stream that not everybody can be given is told with its reason, for this call only", async () => {
  const a = await talking("video")
  const message = "the sound or picture of B does not reach everybody: the stream has B-frames"
  await a.told({ type: "stream_fault", callID: "c2", userID: "B", fault: "b_frames", message })
  assert.equal(a.heard.includes("ERROR"), false)
  await a.told({ type: "stream_fault", callID: "c1", userID: "B", fault: "b_frames", message })
  assert.equal(a.payload("ERROR")?.["code"], "stream_fault")
  assert.equal(a.payload("ERROR")?.["message"], message)
  assert.equal(phase(a), "connected", "the call goes on")
})

test("a switch to voice stops the own picture at once, and tells the server of nothing but the switch", async () => {
  const a = await talking("video")
  const before = a.server.frames.length
  const switched = a.client.switchMedia("audio")
  assert.deepEqual(a.media.told.slice(-1), ["devices m-"])
  assert.equal(a.client.call?.media, "video", "what it is the server says")
  assert.deepEqual(a.server.types().slice(before), ["media"])
  a.server.ok("media")
  await switched
  await a.told({ type: "media", callID: "c1", userID: "A", media: "audio" })
  assert.deepEqual([a.client.call?.media, a.client.call?.sources], ["audio", ["microphone"]])
  await assert.rejects(a.client.setSource("camera", true), { code: "call_options" })
  assert.deepEqual(a.server.types().slice(before), ["media"])
})

test("a switch to voice by the other closes the camera here; a switch to video opens only the asker's", async () => {
  const a = await talking("video")
  const before = a.server.frames.length
  await a.told({ type: "media", callID: "c1", userID: "B", media: "audio" })
  assert.deepEqual([a.media.told.slice(-1), a.client.call?.sources.includes("camera")], [["switched"], false])
  await a.told({ type: "media", callID: "c1", userID: "B", media: "video" })
  assert.deepEqual([a.media.told.slice(-1), a.client.call?.media], [["switched"], "video"], "B's wish opens no camera of A")
  assert.deepEqual(a.server.types().slice(before), [])
  await a.client.setSource("camera", true)
  assert.deepEqual(a.server.last("devices").camera, true)
  a.server.ok("devices")
  await settle()
  await a.told({ type: "media", callID: "c1", userID: "B", media: "audio" })

  const switched = a.client.switchMedia("video")
  assert.deepEqual(a.media.told.slice(-1), ["switched"], "not before the server has said so")
  a.server.ok("media")
  await switched
  await a.told({ type: "media", callID: "c1", userID: "A", media: "video" })
  assert.deepEqual(a.media.told.slice(-1), ["devices mc"])
  assert.deepEqual(a.server.last("devices"), {
    id: a.server.last("devices").id,
    type: "devices",
    callID: "c1",
    microphone: true,
    camera: true,
    sources: ["microphone", "camera"],
  })
})

test("a wish for video that was taken back opens no camera when the server comes to it", async () => {
  const a = await talking("audio")
  void a.client.switchMedia("video")
  void a.client.switchMedia("audio")
  await a.told({ type: "media", callID: "c1", userID: "A", media: "video" })
  await a.told({ type: "media", callID: "c1", userID: "A", media: "audio" })
  assert.deepEqual(
    a.media.told.filter((t) => t.endsWith("c")),
    [],
  )
  assert.equal(a.client.call?.media, "audio")
})

test("a switch that is refused leaves the call as it was, and the server hears that the camera is off", async () => {
  const a = await talking("video")
  const refused = assert.rejects(a.client.switchMedia("audio"), { code: "too_many" })
  a.server.refuse("media", "too_many", true)
  await refused
  assert.deepEqual([a.client.call?.media, a.server.last("devices").camera], ["video", false])
})

test("nothing is switched without a call, nor before both talk", async () => {
  const a = await User.signedIn("A")
  await assert.rejects(a.client.switchMedia("audio"), { code: "no_call" })
  await a.calls("B", "video")
  await assert.rejects(a.client.switchMedia("audio"), { code: "switch_refused" })
  assert.equal(a.server.types().includes("media"), false)
})

test("a device that was replaced while away is signed out by itself, and tells its page so", async () => {
  const a = await User.signedIn("A")
  await cutFor(a, 1000)
  a.server.refuse("resume", "ticket_invalid")
  assert.equal(a.server.last("login").again, true)
  a.server.refuse("login", "signed_in_elsewhere")
  await settle()
  assert.deepEqual(a.heard, ["KICKED_OUT"])
  assert.equal(a.payload("KICKED_OUT")?.["reason"], "signed_in_elsewhere")
  const sockets = a.world.sockets.length
  await a.world.pass(120_000)
  assert.equal(a.world.sockets.length, sockets, "it does not come back by itself")
  const login = a.client.login({ sdkAppID: 1400000001, userID: "A", userSig: "sig" })
  a.server.open()
  assert.equal(a.server.last("login").again, undefined, "its user may take the account back")
  a.server.ok("login", WELCOME)
  await login
})
