import assert from "node:assert/strict"
import { test } from "node:test"
import type { Sources } from "@tring/core"
import { callOf, freshBrowser, FakePeer, settle } from "./browser.js"
import { DeviceFault } from "../src/media/devices.js"
import { WebMedia } from "../src/media/web-media.js"

async function calling(wanted: Sources = ["microphone"], prepare?: (media: WebMedia) => void) {
  const browser = freshBrowser()
  const media = new WebMedia(browser.world)
  prepare?.(media)
  const other = callOf()
  media.begin(other.call, other.host, wanted)
  media.openDevices()
  media.connect()
  await settle()
  return { ...browser, ...other, media }
}

test("the microphone is opened first, and the camera after it", async () => {
  const { devices } = await calling(["microphone", "camera"])
  assert.deepEqual(devices.asked, ["audio", "video"])
  assert.deepEqual(FakePeer.last.sent, { audio: "mic1", video: "cam1" })
})

test("a chosen device that is not plugged in any more: another one is opened", async () => {
  const { devices, errors } = await calling(["microphone", "camera"], (media) => {
    void media.useMicrophone("gone")
    void media.useCamera("gone too")
  })
  assert.deepEqual(devices.asked, ["gone", "audio", "gone too", "video"])
  assert.deepEqual(devices.live(), ["mic1", "cam1"])
  assert.deepEqual(errors(), [])
})

test("no microphone at all is said once, and the call goes on", async () => {
  const { devices, world } = freshBrowser()
  devices.plugged.audio = []
  const media = new WebMedia(world)
  const { call, host, told } = callOf()
  media.begin(call, host, ["microphone"])
  media.openDevices()
  await settle()
  assert.deepEqual(told, ["devices --", "error 60003"])
})

test("another device is opened before the old one is closed", async () => {
  const { devices, media } = await calling()
  devices.plugged.audio.push("mic2")
  devices.prompts = []
  const change = media.useMicrophone("mic2")
  await settle()
  assert.deepEqual(devices.live(), ["mic1"], "while the browser asks, the old one goes on")
  await devices.answer()
  await change
  assert.deepEqual(devices.live(), ["mic2"])
  assert.equal(FakePeer.last.sent["audio"], "mic2")
})

test("where one is open at a time, the old one makes room", async () => {
  const { devices, media } = await calling(["microphone", "camera"])
  devices.plugged.video.push("cam2")
  devices.oneAtATime = true
  await media.useCamera("cam2")
  assert.deepEqual(devices.live("video"), ["cam2"])
  assert.equal(FakePeer.last.sent["video"], "cam2")
})

test("a device that cannot be had leaves the old one in use, and says so to whoever chose it", async () => {
  const { devices, media, errors } = await calling()
  devices.plugged.audio.push("mic2")
  devices.refusing = true
  await assert.rejects(media.useMicrophone("mic2"), DeviceFault)
  assert.deepEqual(devices.live(), ["mic1"])
  assert.equal(FakePeer.last.sent["audio"], "mic1")
  assert.deepEqual(errors(), [], "whoever chose it tells")
})

test("where one is open at a time and the new one is taken by another program, the old one comes back", async () => {
  const { devices, media } = await calling(["microphone", "camera"])
  const opened = devices.getUserMedia.bind(devices)
  devices.plugged.video.push("cam2")
  devices.getUserMedia = async (constraints) => {
    const wanted = (constraints.video as MediaTrackConstraints | undefined)?.deviceId as { exact: string } | undefined
    if (wanted?.exact === "cam2") throw Object.assign(new Error("busy"), { name: "NotReadableError" })
    return opened(constraints)
  }
  await assert.rejects(media.useCamera("cam2"), { code: 60005 })
  assert.deepEqual(devices.live("video"), ["cam1"])
  assert.equal(FakePeer.last.sent["video"], "cam1")
})

test("a choice that is made while a prompt is open is carried out after it", async () => {
  const { devices, world } = freshBrowser()
  const media = new WebMedia(world)
  const { call, host } = callOf()
  devices.plugged.audio.push("mic2")
  devices.prompts = []
  media.begin(call, host, ["microphone"])
  media.openDevices()
  const change = media.useMicrophone("mic2")
  await devices.answer()
  await devices.answer()
  await change
  assert.deepEqual(devices.live(), ["mic2"])
})

test("a camera that is switched off, or a call that ends, while its prompt is open stays closed", async () => {
  for (const leave of [(m: WebMedia) => m.setSources([]), (m: WebMedia) => m.end()]) {
    const { devices, world } = freshBrowser()
    const media = new WebMedia(world)
    const { call, host } = callOf()
    devices.prompts = []
    media.begin(call, host, ["camera"])
    media.openDevices()
    await settle()
    leave(media)
    await devices.answer()
    assert.deepEqual(devices.live(), [])
  }
})

test("muted while the prompt is open, the microphone is muted when it comes", async () => {
  const { devices, world } = freshBrowser()
  const media = new WebMedia(world)
  const { call, host } = callOf()
  devices.prompts = []
  media.begin(call, host, ["microphone"])
  media.openDevices()
  media.setSources([])
  await devices.answer()
  assert.equal(devices.opened[0]?.enabled, false)
})

test("an unplugged microphone is replaced; one that dies again and again is given up, and that is said", async () => {
  const { devices, told } = await calling()
  devices.opened[0]?.unplug()
  await settle()
  assert.equal(devices.live().length, 1)
  for (let n = 0; n < 10; n++) {
    devices.opened[devices.opened.length - 1]?.unplug()
    await settle()
  }
  assert.ok(devices.opened.length < 10)
  assert.deepEqual(
    told.filter((t) => t.startsWith("error") || t.startsWith("devices")),
    ["devices --", "error 60005"],
  )
})

test("a page without WebRTC is told once, and not before the call is known", async () => {
  const { world } = freshBrowser({ devices: false })
  const media = new WebMedia(world)
  const { call, host, told } = callOf()
  media.begin(call, host, ["microphone", "camera"])
  assert.deepEqual(told, [], "the invitation has not been told yet")
  media.connect()
  media.openDevices()
  media.connect()
  media.setSources(["microphone"])
  await settle()
  assert.deepEqual(told, ["error 60006", "devices --", "devices --"])
})
