import assert from "node:assert/strict"
import { test } from "node:test"
import { callOf, FakeAudio, freshBrowser, settle } from "./browser.js"
import { PROMPT_MS, WebMedia } from "../src/media/web-media.js"

/** A callee, connected behind the shut gate before anybody has touched the page. */
async function rings() {
  const { world, devices } = freshBrowser()
  FakeAudio.touched = false
  const media = new WebMedia(world)
  const changes: string[] = []
  media.changes.on((c) => void changes.push(c))
  const other = callOf()
  media.begin(other.call, other.host, ["microphone"])
  media.connect()
  await settle()
  return { media, changes, devices, world, ...other }
}

test("what was connected before any touch is played by the click that answers", async () => {
  const { media, errors } = await rings()
  assert.equal(media.playbackBlocked, false, "nothing is said while it rings")
  FakeAudio.touched = true
  media.openDevices()
  assert.ok((FakeAudio.all[0]?.plays ?? 0) > 0, "inside the click, not after it")
  await settle()
  assert.equal(media.playbackBlocked, false)
  assert.deepEqual(errors(), [])
})

test("an answer without a touch says once that sound waits for one, and a click plays it", async () => {
  const { media, errors, changes } = await rings()
  media.openDevices()
  media.connect()
  await settle()
  assert.equal(media.playbackBlocked, true)
  assert.deepEqual(errors(), ["playback_blocked"])
  assert.deepEqual(changes.filter((c) => c === "playback").length, 1)
  assert.equal(await media.play(), false)
  FakeAudio.touched = true
  assert.equal(await media.play(), true)
  assert.equal(media.playbackBlocked, false)
})

test("a microphone that was allowed is tried as leave to play", async () => {
  const { media, devices, errors } = await rings()
  devices.prompts = []
  media.openDevices()
  await settle()
  assert.equal(media.playbackBlocked, true)
  assert.deepEqual(errors(), [], "nothing is wrong while the browser still asks")
  FakeAudio.touched = true // browsers let a page play that captures
  await devices.answer()
  assert.equal(media.playbackBlocked, false)
  assert.deepEqual(errors(), [])
})

test("a prompt that nobody answers does not keep the page from knowing for long", async () => {
  const { media, devices, errors, world } = await rings()
  devices.prompts = []
  media.openDevices()
  await world.pass(PROMPT_MS)
  assert.deepEqual(errors(), ["playback_blocked"])
})

test("the end of a call blocks nothing, and leaves nothing to play", async () => {
  const { media } = await rings()
  media.openDevices()
  await settle()
  media.end()
  assert.equal(media.playbackBlocked, false)
  assert.equal(FakeAudio.all[0]?.srcObject, null)
})
