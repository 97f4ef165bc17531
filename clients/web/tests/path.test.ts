import assert from "node:assert/strict"
import { test } from "node:test"
import { callOf, FakePeer, freshBrowser, settle } from "./browser.js"
import { CallError } from "@tring/core"
import { MAX_OWN_FAILURES, REFUSALS_TOLD } from "../src/media/path.js"
import { WebMedia } from "../src/media/web-media.js"

async function connecting(exchange?: () => Promise<string>, prepare = () => {}) {
  const { world } = freshBrowser()
  prepare()
  const media = new WebMedia(world)
  media.sessionIs(true)
  const other = callOf(exchange)
  media.begin(other.call, other.host, [])
  media.openDevices()
  media.connect()
  await settle()
  return { world, media, ...other }
}

test("a bitrate that the browser will not take is no reason for another path", async () => {
  const { world, media, told } = await connecting(undefined, () => FakePeer.fails.add("parameters"))
  FakePeer.last.become("connected")
  await media.setQuality("720p")
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 1)
  assert.deepEqual(told, ["connecting", "connected"])
})

test("a path on which nothing arrives is told at once, heals, or is built anew", async () => {
  const { world, media, told } = await connecting()
  FakePeer.last.become("connected")
  FakePeer.last.become("disconnected")
  assert.deepEqual(told, ["connecting", "connected", "silent"])
  FakePeer.last.become("connected")
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 1, "it has healed")
  FakePeer.last.become("disconnected")
  media.sessionIs(false)
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 1, "without a server another one would be no better")
  media.sessionIs(true)
  await world.pass(60_000)
  assert.deepEqual(told.slice(-2), ["silent", "reconnecting"])
  assert.equal(FakePeer.all.length, 2)
})

for (const what of ["answer", "constructor"] as const) {
  test(`a browser that fails at its ${what} is tried a few times, then the page is told`, async () => {
    const { world, told, media } = await connecting(undefined, () => FakePeer.fails.add(what))
    await world.pass(120_000)
    assert.deepEqual(told.slice(-2), ["idle", "error media_failed"])
    assert.equal(told.filter((t) => t.startsWith("error")).length, 1)
    if (what === "answer") assert.equal(FakePeer.all.length, MAX_OWN_FAILURES)
    // Another network is another chance.
    FakePeer.fails.clear()
    media.reconnect()
    await settle()
    FakePeer.last.become("connected")
    assert.equal(told[told.length - 1], "connected")
  })
}

test("refusals that time can cure are tried on, and told once", async () => {
  const { world, errors } = await connecting(async () => {
    throw new CallError("media_unavailable", "later", true)
  })
  await world.pass(60_000)
  assert.ok(FakePeer.all.length > REFUSALS_TOLD)
  assert.deepEqual(errors(), ["media_unavailable"])
})

test("an offer that the server cannot read is told, and not repeated", async () => {
  const { world, errors } = await connecting(async () => {
    throw new CallError("offer_invalid", "no audio")
  })
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 1)
  assert.deepEqual(errors(), ["offer_invalid"])
})

test("a path that was refused while it rings is made with the answer", async () => {
  let refuse = true
  const { media } = await connecting(async () => {
    if (refuse) throw new CallError("preconnect_refused", "later", true)
    return "answer"
  })
  assert.equal(FakePeer.last.connectionState, "closed")
  refuse = false
  media.connect()
  await settle()
  assert.equal(FakePeer.all.length, 2)
  assert.equal(FakePeer.last.connectionState, "new")
})

test("a path that breaks is made anew until the call is over", async () => {
  const { world, media, told } = await connecting()
  FakePeer.last.become("connected")
  FakePeer.last.become("failed")
  await world.pass(1000)
  assert.equal(FakePeer.all.length, 2)
  FakePeer.last.become("failed")
  media.end()
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 2)
  assert.ok(told.includes("reconnecting"))
})

test("another codec costs no negotiation where the browser can change it, and a new picture size keeps it", async () => {
  const { media, told } = await connecting()
  FakePeer.last.become("connected")
  media.sendVideoIn("vp8")
  await settle()
  await media.setQuality("720p")
  assert.equal(FakePeer.all.length, 1)
  assert.equal(FakePeer.last.codec?.mimeType, "video/VP8")
  assert.deepEqual(told, ["connecting", "connected"])
})

for (const [what, prepare] of [
  ["does not know the member", () => void (FakePeer.choosesCodec = false)],
  ["refuses it", () => void FakePeer.fails.add("parameters")],
] as const) {
  test(`a browser that ${what} makes one new offer for another codec`, async () => {
    const { world, media } = await connecting(undefined, prepare)
    FakePeer.last.become("connected")
    media.sendVideoIn("vp8")
    await settle()
    assert.equal(FakePeer.all.length, 2)
    FakePeer.last.become("connected")
    await world.pass(60_000)
    assert.equal(FakePeer.all.length, 2)
  })
}

test("a codec that is told between two transports is left to the next answer", async () => {
  const { world, media } = await connecting()
  FakePeer.last.become("failed")
  media.sendVideoIn("vp8")
  await world.pass(1000)
  assert.equal(FakePeer.all.length, 2)
  media.end()
  media.sendVideoIn("h264")
})

test("a path that the server has lost is made anew, but not for the one before it", async () => {
  const { media } = await connecting()
  FakePeer.last.become("connected")
  media.reconnect()
  media.reconnect(true)
  await settle()
  assert.equal(FakePeer.all.length, 2, "that was told of the first, before the second was offered")
  media.reconnect(true)
  await settle()
  assert.equal(FakePeer.all.length, 3)
})
