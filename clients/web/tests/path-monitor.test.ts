import assert from "node:assert/strict"
import { test } from "node:test"
import { callOf, FakePeer, freshBrowser, settle } from "./browser.js"
import { REMAKE_MS } from "../src/media/path-monitor.js"
import { WebMedia } from "../src/media/web-media.js"
import { DEAD_MS, SILENT_MS } from "../src/media/path-liveness.js"

/** Until a silence is noticed, at the latest. */
const NOTICED_MS = SILENT_MS + 700

/** A connected call whose network, and whose server, the test is. */
async function talking() {
  const { world } = freshBrowser()
  const other = callOf()
  const net = { up: true, counts: true }
  const media = new WebMedia(world)
  media.sessionIs(true)
  await world.pass(10_000)
  media.begin(other.call, other.host, [])
  media.openDevices()
  media.connect()
  await settle()
  /** The newest transport connects, and talks from now on as far as the network is up. */
  const connected = () => {
    const peer = FakePeer.last
    let at = world.time
    const pair = { packetsReceived: 0, responsesReceived: 0, packetsSent: 0, requestsSent: 0 }
    peer.pairs = () => {
      for (; at < world.time; at += 100) {
        pair.packetsSent += 5
        if (at % 500 === 0) pair.requestsSent++
        if (net.up) pair.packetsReceived += 5
      }
      return net.counts ? [{ ...pair }] : [{ bytesReceived: 1 }]
    }
    peer.become("connected")
  }
  connected()
  await world.pass(3000)
  const count = (what: string) => other.told.filter((t) => t === what).length
  return { world, media, net, connected, count, told: other.told }
}

test("a call in which all arrives is asked nothing", async () => {
  const { world, count } = await talking()
  await world.pass(60_000)
  assert.equal(count("silent"), 0)
  assert.equal(FakePeer.all.length, 1)
})

test("where the socket was dead too, another transport is made as soon as the server is reached again", async () => {
  const { world, media, net, connected, told } = await talking()
  net.up = false
  await world.pass(NOTICED_MS)
  assert.deepEqual(told.slice(-1), ["silent"])
  media.sessionIs(false)
  await world.pass(10_000)
  assert.equal(FakePeer.all.length, 1)
  media.sessionIs(true)
  await settle()
  assert.equal(FakePeer.all.length, 2)
  assert.equal(told[told.length - 1], "reconnecting")
  net.up = true
  connected()
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 2)
  assert.equal(told[told.length - 1], "connected")
})

test("a socket that the system had replaced before anybody looked is a sign of the same change", async () => {
  const { world, media, net } = await talking()
  net.up = false
  media.sessionIs(false)
  await world.pass(300)
  media.sessionIs(true)
  await world.pass(NOTICED_MS)
  assert.equal(FakePeer.all.length, 2)
})

test("a network that was away for a while has healed the path before the server is reached: nothing is made", async () => {
  const { world, media, net, count } = await talking()
  net.up = false
  await world.pass(NOTICED_MS)
  media.sessionIs(false)
  await world.pass(6000)
  net.up = true
  await world.pass(100)
  media.sessionIs(true)
  await world.pass(30_000)
  assert.equal(FakePeer.all.length, 1)
  assert.equal(count("silent"), 1, "one question a silence")
})

test("while the server is out of reach nothing is made: there is no network", async () => {
  const { world, media, net } = await talking()
  net.up = false
  await world.pass(NOTICED_MS)
  media.sessionIs(false)
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 1)
})

test("a path that fails its checks while the same socket lives is given up, but not at once", async () => {
  const { world, net } = await talking()
  net.up = false
  await world.pass(DEAD_MS - 300)
  assert.equal(FakePeer.all.length, 1)
  await world.pass(1300)
  assert.equal(FakePeer.all.length, 2)
})

test("transports that do not help are few", async () => {
  const { world, net, connected } = await talking()
  net.up = false
  for (const end = world.time + 60_000; world.time < end; ) {
    const before = FakePeer.all.length
    await world.pass(100)
    if (FakePeer.all.length > before) connected()
  }
  assert.ok(FakePeer.all.length > 2)
  assert.ok(FakePeer.all.length <= 1 + 60_000 / REMAKE_MS, `${FakePeer.all.length} transports`)
})

test("after the call nothing is looked at, and a socket makes nothing", async () => {
  const { world, media, net } = await talking()
  net.up = false
  await world.pass(NOTICED_MS)
  media.sessionIs(false)
  media.end()
  media.sessionIs(true)
  await world.pass(60_000)
  assert.equal(FakePeer.all.length, 1)
})

test("a browser that counts no packets is judged by its own word alone", async () => {
  const { world, net, count } = await talking()
  net.counts = net.up = false
  await world.pass(60_000)
  assert.equal(count("silent"), 0)
  FakePeer.last.become("disconnected")
  assert.equal(count("silent"), 1)
  await world.pass(10_000)
  assert.equal(FakePeer.all.length, 2)
})
