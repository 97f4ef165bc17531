/** What arrives in a browser, by whose it is and by its source. */

import assert from "node:assert/strict"
import { test } from "node:test"
import type { Source } from "@tring/core"
import { callOf, FakeAudio, FakeTrack, freshBrowser, settle } from "./browser.js"
import { Received, type ReceivedTrack } from "../src/media/received.js"
import { WebMedia } from "../src/media/web-media.js"

const kinds = (stream: MediaStream | null | undefined) => stream?.getTracks().map((t) => t.kind) ?? null

test("tracks are found by person and source, and a stream that is asked for again is the same one", () => {
  const track = (userID: string, source: Source, kind: string): ReceivedTrack => {
    const made: unknown = new FakeTrack(kind, `${userID} ${source}`)
    return { userID, source, track: made as MediaStreamTrack }
  }
  const received = new Received([
    track("A", "microphone", "audio"),
    track("A", "camera", "video"),
    track("A", "screen", "video"),
    track("C", "screen", "video"),
  ])
  assert.deepEqual(kinds(received.streamOf("A")), ["audio", "video", "video"])
  assert.deepEqual(kinds(received.streamOf("C")), ["video"])
  assert.equal(received.streamOf("D"), null)
  const ids = (userID: string, source: Source) =>
    received
      .sourceOf(userID, source)
      ?.getTracks()
      .map((t) => t.getSettings().deviceId)
  assert.deepEqual([ids("A", "camera"), ids("A", "screen"), ids("C", "screen")], [["A camera"], ["A screen"], ["C screen"]])
  assert.equal(received.sourceOf("C", "camera"), null)
  assert.equal(received.streamOf("A"), received.streamOf("A"))
  assert.equal(received.sourceOf("A", "screen"), received.sourceOf("A", "screen"))
})

test("the lines of a transport are the other's microphone and camera; only sound goes where sound is played", async () => {
  const { world } = freshBrowser()
  const media = new WebMedia(world)
  const { call, host } = callOf()
  media.begin(call, host, ["microphone"])
  assert.equal(media.streamOf("A"), null, "nothing arrives before there is a path")
  media.openDevices()
  media.connect()
  await settle()
  assert.deepEqual(kinds(media.streamOf("A")), ["audio", "video"])
  assert.deepEqual([kinds(media.sourceOf("A", "microphone")), kinds(media.sourceOf("A", "camera"))], [["audio"], ["video"]])
  assert.equal(media.sourceOf("A", "screen"), null)
  assert.equal(media.streamOf("B"), null, "nobody hears oneself")
  assert.equal(media.pictureOf("other", "camera"), media.sourceOf("A", "camera"))
  assert.deepEqual([media.pictureOf("other", "screen"), media.pictureOf("self", "camera")], [null, null])
  assert.deepEqual(
    FakeAudio.all[0]?.srcObject?.getTracks().map((t) => t.kind),
    ["audio"],
  )
  media.end()
  assert.equal(media.streamOf("A"), null)
})
