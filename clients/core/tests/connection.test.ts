import assert from "node:assert/strict"
import { test } from "node:test"
import { CallError, Connection } from "../src/index.js"
import type { ConnectionEvent } from "../src/index.js"
import { BACKOFF_MAX_MS, backoff } from "../src/session/backoff.js"
import {
  ACK_EVERY,
  CONNECT_TIMEOUT_MS,
  LOGIN_TIMEOUT_MS,
  MAX_IN_FLIGHT,
  MAX_REQUEST_BYTES,
  PONG_SILENT_MS,
  PONG_TIMEOUT_MS,
  RECONNECT_TIMEOUT_MS,
  ROUND_TRIPS,
  SOON_MS,
} from "../src/session/connection.js"
import { settle, World, WELCOME } from "./world.js"

const ALICE = { sdkAppID: 1400000001, userID: "alice", userSig: "sig" }
const LEFT = { type: "left", callID: "c1", userID: "bob" }

function start() {
  const world = new World()
  const connection = new Connection(world, "ws://server/v1/socket", "web")
  const events: ConnectionEvent[] = []
  connection.on((e) => void events.push(e))
  const seen = () => events.filter((e) => e.type === "event").length
  const states = () => events.flatMap((e) => (e.type === "state" ? [e.state.name] : []))
  return { world, connection, events, seen, states }
}

async function online() {
  const all = start()
  const login = all.connection.login(ALICE)
  all.world.server.open()
  all.world.server.ok("login", WELCOME)
  await login
  return all
}

async function cutAndBack(world: World) {
  world.server.cut()
  await world.pass(1000)
  world.server.open()
}

test("login sends the credentials and the protocol version, and settles with the welcome", async () => {
  const { world, connection, states } = await online()
  assert.deepEqual(world.server.frames[0], {
    id: 1,
    type: "login",
    protocol: 1,
    sdkAppID: 1400000001,
    userID: "alice",
    userSig: "sig",
    device: { kind: "web" },
  })
  assert.equal(connection.state.name, "online")
  assert.deepEqual(states(), ["connecting", "online"])
})

test("a refused login rejects with the server's code and is not tried again", async () => {
  const { world, connection } = start()
  const login = connection.login(ALICE)
  world.server.open()
  world.server.refuse("login", "sig_expired")
  await assert.rejects(login, { code: "sig_expired" })
  await world.pass(60_000)
  assert.equal(world.sockets.length, 1)
  assert.equal(connection.state.name, "closed")
})

test("a refusal that time can cure is tried again", async () => {
  const { world, connection } = start()
  const login = connection.login(ALICE)
  world.server.open()
  world.server.refuse("login", "overloaded", true)
  await world.pass(1000)
  world.server.open()
  world.server.ok("login", WELCOME)
  await login
  assert.equal(world.sockets.length, 2)
})

test("login gives up when nobody answers, and can be tried anew", async () => {
  const { world, connection } = start()
  const login = connection.login(ALICE)
  const rejected = assert.rejects(login, { code: "server_unreachable" })
  await world.pass(LOGIN_TIMEOUT_MS)
  await rejected
  const again = connection.login(ALICE)
  world.server.open()
  world.server.ok("login", WELCOME)
  await again
})

test("a socket that never answers is left", async () => {
  const { world, connection } = start()
  void connection.login(ALICE)
  await world.pass(CONNECT_TIMEOUT_MS + 1000)
  assert.equal(world.sockets.length, 2)
  assert.equal(world.sockets[0]?.closedByClient, true)
})

test("a request without an answer is sent again with its id after a cut, before new ones", async () => {
  const { world, connection } = await online()
  const hangup = connection.request({ type: "hangup", callID: "c1" })
  const id = world.server.last("hangup").id
  await cutAndBack(world)
  const later = connection.request({ type: "delivered", callID: "c2" })
  assert.deepEqual(world.server.types(), ["resume"])
  world.server.ok("resume", { ...WELCOME, resumed: true })
  assert.deepEqual(world.server.types(), ["resume", "hangup", "delivered"])
  assert.equal(world.server.last("hangup").id, id)
  assert.ok(world.server.last("delivered").id > id)
  world.server.ok("hangup")
  world.server.ok("delivered")
  await Promise.all([hangup, later])
})

test("after a cut each event arrives once: what was seen is not repeated, what was missed comes", async () => {
  const { world, seen } = await online()
  world.server.say({ seq: 1, ...LEFT })
  await cutAndBack(world)
  assert.equal(world.server.last("resume").lastSeq, 1)
  assert.equal(world.server.last("resume").ticket, "t1")
  world.server.ok("resume", { ...WELCOME, resumed: true })
  world.server.say({ seq: 1, ...LEFT })
  world.server.say({ seq: 2, ...LEFT })
  world.server.say({ seq: 2, ...LEFT })
  assert.equal(seen(), 2)
})

test("a gap in the event numbers is filled by resuming", async () => {
  const { world, connection, seen } = await online()
  world.server.say({ seq: 1, ...LEFT })
  world.server.say({ seq: 3, ...LEFT })
  assert.equal(seen(), 1)
  assert.equal(connection.state.name, "resuming")
  await world.pass(1000)
  world.server.open()
  assert.equal(world.server.last("resume").lastSeq, 1)
})

test("a session that is gone is told once, its requests fail, and the user is signed in anew", async () => {
  const { world, connection, events } = await online()
  world.server.say({ seq: 1, ...LEFT })
  const request = connection.request({ type: "accept", callID: "c1" })
  const failed = assert.rejects(request, { code: "session_lost" })
  await cutAndBack(world)
  world.server.refuse("resume", "ticket_invalid")
  await failed
  assert.deepEqual(world.server.types(), ["resume", "login"])
  assert.equal(world.server.last("login").again, true)
  // Also on the next socket, if this one does not bring the answer.
  world.server.cut()
  await world.pass(1000)
  world.server.open()
  assert.deepEqual([world.server.types(), world.server.last("login").again], [["login"], true])
  world.server.ok("login", { ...WELCOME, ticket: "t2" })
  assert.equal(connection.state.name, "online")
  assert.equal(events.filter((e) => e.type === "session_lost").length, 1)
  world.server.say({ seq: 1, ...LEFT })
  assert.equal(events.filter((e) => e.type === "event").length, 2, "the new session counts from 1")
})

test("a burst of events is acknowledged at once, and again while the ping is under way only after its answer", async () => {
  const { world } = await online()
  const pings = () => world.server.types().filter((t) => t === "ping").length
  for (let seq = 1; seq < ACK_EVERY; seq++) world.server.say({ seq, ...LEFT })
  assert.equal(pings(), 0)
  world.server.say({ seq: ACK_EVERY, ...LEFT })
  assert.equal(world.server.last("ping").ack, ACK_EVERY)
  for (let seq = ACK_EVERY + 1; seq <= 2 * ACK_EVERY + 1; seq++) world.server.say({ seq, ...LEFT })
  assert.equal(pings(), 1)
  world.server.ok("ping")
  assert.equal(pings(), 2)
  assert.equal(world.server.last("ping").ack, 2 * ACK_EVERY + 1)
})

test("a ping carries the last event's number, and a socket that does not answer it is left", async () => {
  const { world, connection } = await online()
  world.server.say({ seq: 1, ...LEFT })
  await world.pass(8000)
  assert.equal(world.server.last("ping").ack, 1)
  world.server.ok("ping")
  await world.pass(8000)
  assert.equal(world.server.types().filter((t) => t === "ping").length, 2)
  await world.pass(PONG_TIMEOUT_MS)
  assert.equal(world.sockets[0]?.closedByClient, true)
  assert.equal(connection.state.name, "resuming")
})

test("tries to come back grow apart up to the maximum", async () => {
  const { world } = await online()
  world.server.cut()
  const waits: number[] = []
  for (let n = 2; n < 12; n++) {
    const from = world.time
    while (world.sockets.length < n) await world.pass(10)
    waits.push(world.time - from)
    world.server.cut()
  }
  assert.deepEqual(
    waits.slice().sort((a, b) => a - b),
    waits,
  )
  assert.ok((waits[0] ?? 0) < 300)
  assert.ok(Math.max(...waits) <= BACKOFF_MAX_MS)
  assert.ok(Math.max(...waits) >= BACKOFF_MAX_MS / 2)
})

test("a hint that the network changed skips the wait, and checks a socket that seems alive", async () => {
  const { world, connection } = await online()
  connection.probe()
  assert.equal(world.server.types().pop(), "ping")
  world.server.cut()
  connection.probe()
  assert.equal(world.sockets.length, 2)
  await world.pass(400)
  assert.equal(world.sockets.length, 2, "the skipped wait opens no second socket")
})

test("an urgent hint shortens a ping that is under way, and the dead socket is replaced almost at once", async () => {
  const { world, connection } = await online()
  connection.probe()
  await world.pass(200)
  connection.probe(PONG_SILENT_MS)
  assert.equal(world.server.types().filter((t) => t === "ping").length, 1)
  const [socket] = world.sockets
  await world.pass(PONG_SILENT_MS - 1)
  assert.equal(socket?.closedByClient, false)
  await world.pass(1)
  assert.equal(socket?.closedByClient, true)
  await world.pass(SOON_MS)
  assert.equal(world.sockets.length, 2)
})

test("on a slow link a hint waits for some round trips, and so does the next socket", async () => {
  const { world, connection } = await online()
  const roundTrip = 1200
  connection.probe()
  await world.pass(roundTrip)
  world.server.ok("ping")
  connection.probe(PONG_SILENT_MS)
  const [socket] = world.sockets
  await world.pass(ROUND_TRIPS.pong * roundTrip - 1)
  assert.equal(socket?.closedByClient, false)
  await world.pass(1 + SOON_MS / 2)
  const next = world.server
  assert.notEqual(next, socket)
  await world.pass(ROUND_TRIPS.socket * roundTrip - 1)
  assert.equal(next.closedByClient, false)
  await world.pass(1)
  assert.equal(next.closedByClient, true)
})

test("a round trip that seems to have taken ten minutes, since the program slept or its clock was set, makes no dead socket live longer", async () => {
  const { world, connection } = await online()
  connection.probe()
  await world.pass(50)
  world.now = () => world.time + 600_000
  world.server.ok("ping")
  const [socket] = world.sockets
  connection.probe()
  await world.pass(PONG_TIMEOUT_MS - 1)
  assert.equal(socket?.closedByClient, false)
  await world.pass(1 + SOON_MS)
  assert.equal(socket?.closedByClient, true)
  const next = world.server
  assert.notEqual(next, socket)
  await world.pass(CONNECT_TIMEOUT_MS)
  assert.equal(next.closedByClient, true)
  await world.pass(backoff(1, world.random()))
  world.server.open()
  world.server.ok("resume", { ...WELCOME, resumed: true })
  // The next answer is measured anew.
  connection.probe()
  await world.pass(50)
  world.server.ok("ping")
  connection.probe(PONG_SILENT_MS)
  await world.pass(PONG_SILENT_MS + SOON_MS)
  assert.equal(world.sockets[2]?.closedByClient, true)
})

test("a resume that becomes a sign-in has a sign-in's time", async () => {
  const { world, connection } = await online()
  connection.probe(PONG_SILENT_MS)
  await world.pass(PONG_SILENT_MS + SOON_MS)
  const { server } = world
  server.open()
  await world.pass(RECONNECT_TIMEOUT_MS - SOON_MS)
  server.refuse("resume", "ticket_invalid")
  await world.pass(CONNECT_TIMEOUT_MS - 1)
  assert.equal(server.closedByClient, false)
  server.ok("login", { ...WELCOME, ticket: "t2" })
  assert.equal(connection.state.name, "online")
})

test("hints lengthen nothing", async () => {
  const { world, connection } = await online()
  connection.probe(PONG_SILENT_MS)
  await world.pass(PONG_SILENT_MS - 100)
  connection.probe(PONG_SILENT_MS)
  connection.probe()
  await world.pass(100)
  assert.equal(world.server.closedByClient, true)
})

test("the first socket after a cut has little time to open, the next ones have more, and only a hint's first comes almost at once", async () => {
  const { world, connection } = await online()
  connection.probe(PONG_SILENT_MS)
  await world.pass(PONG_SILENT_MS + SOON_MS * world.random())
  assert.equal(world.sockets.length, 2)
  for (const [tries, patience] of [RECONNECT_TIMEOUT_MS, 2 * RECONNECT_TIMEOUT_MS, CONNECT_TIMEOUT_MS, CONNECT_TIMEOUT_MS].entries()) {
    const socket = world.server
    await world.pass(patience - 1)
    assert.equal(socket.closedByClient, false, `try ${tries}`)
    await world.pass(1)
    assert.equal(socket.closedByClient, true, `try ${tries}`)
    assert.equal(world.server, socket, `a pause after try ${tries}`)
    await world.pass(backoff(tries + 1, world.random()))
    assert.notEqual(world.server, socket)
  }
})

test("a kicked session stays out", async () => {
  const { world, connection } = await online()
  world.server.say({ seq: 1, type: "kicked_out", reason: "signed_in_elsewhere" })
  await world.pass(60_000)
  assert.equal(world.sockets.length, 1)
  assert.deepEqual(connection.state, { name: "closed", reason: { kind: "kicked", reason: "signed_in_elsewhere" } })
  await assert.rejects(connection.request({ type: "hangup", callID: "c1" }), { code: "not_logged_in" })
})

test("logout tells the server and closes; without a server it closes all the same", async () => {
  const first = await online()
  const out = first.connection.logout()
  first.world.server.ok("logout")
  await out
  assert.equal(first.world.sockets[0]?.closedByClient, true)

  const second = await online()
  second.world.server.cut()
  const alone = second.connection.logout()
  await second.world.pass(5000)
  await alone
  assert.equal(second.connection.state.name, "closed")
})

test("no more requests are under way than the server keeps answers for", async () => {
  const { world, connection } = await online()
  for (let n = 0; n < MAX_IN_FLIGHT + 3; n++) void connection.request({ type: "hangup", callID: `c${n}` })
  assert.equal(world.server.types().filter((t) => t === "hangup").length, MAX_IN_FLIGHT)
  world.server.ok("hangup")
  await settle()
  assert.equal(world.server.types().filter((t) => t === "hangup").length, MAX_IN_FLIGHT + 1)
})

test("a late callback of an old socket changes nothing", async () => {
  const { world, connection } = await online()
  const old = world.server
  await cutAndBack(world)
  world.server.ok("resume", { ...WELCOME, resumed: true })
  old.cut()
  old.say({ seq: 1, ...LEFT })
  assert.equal(connection.state.name, "online")
  assert.equal(world.sockets.length, 2)
})

test("garbage from the server is reported and survived", async () => {
  const { world, connection } = await online()
  for (const text of ["{", "null", "7", "[]", '{"seq":"1"}']) {
    ;(world.server as unknown as { events: { received(t: string): void } }).events.received(text)
  }
  assert.equal(connection.state.name, "online")
  assert.equal(world.logged.length, 5)
})

test("a handler that throws does not stop the next one", async () => {
  const { world, connection } = await online()
  const order: string[] = []
  connection.on(() => {
    order.push("first")
    throw new Error("page")
  })
  connection.on(() => void order.push("second"))
  world.server.say({ seq: 1, ...LEFT })
  assert.deepEqual(order, ["first", "second"])
})

test("a sign-in that was refused for now until the end says why, not that nobody answered", async () => {
  const { world, connection } = start()
  const rejected = assert.rejects(connection.login(ALICE), { code: "too_many_devices" })
  while (connection.state.name !== "closed") {
    world.server.open()
    world.server.refuse("login", "too_many_devices", true)
    await world.pass(5000)
  }
  await rejected
  // The next sign-in is not blamed for it.
  const later = assert.rejects(connection.login(ALICE), { code: "server_unreachable" })
  await world.pass(LOGIN_TIMEOUT_MS)
  await later
})

test("a fresh UserSig that is given while online is the one of later sign-ins", async () => {
  const { world, connection } = await online()
  await connection.login({ ...ALICE, userSig: "fresh" })
  await cutAndBack(world)
  world.server.refuse("resume", "ticket_invalid")
  assert.equal(world.server.last("login").userSig, "fresh")
})

test("a request that was never sent can be taken back; one that was sent cannot", async () => {
  const { world, connection } = await online()
  const error = new CallError("cancelled", "given up")
  const sent = connection.ask({ type: "hangup", callID: "c1" })
  assert.equal(sent.withdraw(error), false)
  world.server.cut()
  assert.equal(sent.withdraw(error), false)
  const queued = connection.ask({ type: "hangup", callID: "c2" })
  const failed = assert.rejects(queued.answer, { code: "cancelled" })
  assert.equal(queued.withdraw(error), true)
  assert.equal(queued.withdraw(error), false)
  await failed
  await world.pass(1000)
  world.server.open()
  world.server.ok("resume", { ...WELCOME, resumed: true })
  assert.deepEqual(
    world.server.frames.map((f) => f["callID"]),
    [undefined, "c1"],
  )
  world.server.ok("hangup")
  await sent.answer
  assert.equal(sent.withdraw(error), false)
})

test("a handler that logs out as the sign-in begins leaves no socket behind", async () => {
  const { world, connection } = start()
  connection.on((e) => {
    if (e.type === "state" && e.state.name === "connecting") void connection.logout()
  })
  await assert.rejects(connection.login(ALICE), { code: "closed" })
  await world.pass(LOGIN_TIMEOUT_MS)
  assert.equal(world.sockets.length, 0)
  assert.equal(connection.state.name, "closed")
})

test("a request that is longer than the server takes is refused here, by bytes and not by letters", async () => {
  const { world, connection } = await online()
  const call = (data: string) => connection.request({ type: "call", to: ["bob"], media: "audio", data })
  for (const letter of ["x", "é", "字", "😀"]) {
    const room = MAX_REQUEST_BYTES - Buffer.byteLength(JSON.stringify({ type: "call", to: ["bob"], media: "audio", data: "" }))
    const fits = letter.repeat(Math.floor(room / Buffer.byteLength(letter)))
    await assert.rejects(call(fits + letter), { code: "too_large", retry: false })
    const taken = call(fits)
    world.server.ok("call", { callID: "c1", roomID: 7 })
    await taken
  }
  assert.equal(world.server.types().filter((t) => t === "call").length, 4)
})
