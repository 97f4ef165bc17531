/** Sources: sets of them, and what a server says of them, whichever version it has. */

import assert from "node:assert/strict"
import { test } from "node:test"
import {
  CallScreen,
  ERROR_TEXTS,
  SOURCES,
  commonSources,
  devicesOf,
  hasSource,
  isVisible,
  kindOf,
  knownSources,
  sameSources,
  sends,
  withSource,
} from "../src/index.js"
import type { Source, Sources } from "../src/index.js"
import { User, settle } from "./world.js"

/** Every subset of the sources, in the order of sets. */
const SUBSETS: Sources[] = SOURCES.reduce<Sources[]>((sets, source) => sets.concat(sets.map((set) => [...set, source])), [[]])

/** A caller in a video call with B, who has joined with these fields of `joined`. */
async function talksTo(said: object): Promise<User> {
  const a = await User.signedIn("A")
  await a.calls("B", "video")
  await a.told({ type: "accepted", callID: "c1", userID: "B" })
  await a.told({ type: "joined", callID: "c1", userID: "B", ...said })
  return a
}

/** What B sends, as A's client knows it. */
const ofB = (a: User): Sources | undefined => a.client.call?.peers.find((p) => p.userID === "B")?.sources

/** The message's fields of a set, as a server of today tells them. */
const told = (sources: Sources) => ({ ...devicesOf(sources), sources })

test("a set has each source once, in the one order, and a change makes another set", () => {
  assert.equal(SUBSETS.length, 16)
  for (const set of SUBSETS) {
    assert.deepEqual(knownSources([...set].reverse().concat(set)), set)
    for (const source of SOURCES) {
      const before = set.slice()
      const on = withSource(set, source, true)
      const off = withSource(set, source, false)
      assert.deepEqual([hasSource(on, source), hasSource(off, source)], [true, false])
      assert.deepEqual(set, before, "the old set is as it was")
      assert.equal(sameSources(hasSource(set, source) ? on : off, set), true)
      assert.equal(sameSources(on, off), false)
      assert.deepEqual(knownSources(on), on, "in order")
    }
    for (const other of SUBSETS) {
      assert.deepEqual(
        commonSources(set, other),
        SOURCES.filter((s) => set.includes(s) && other.includes(s)),
      )
    }
  }
  assert.deepEqual(SOURCES.map(kindOf), ["audio", "video", "video", "audio"])
})

test("every set that a server tells is on the person's model, and for pages as microphone and camera", async () => {
  for (const set of SUBSETS) {
    for (const by of ["joined", "devices"]) {
      const a = await talksTo(by === "joined" ? told(set) : told([]))
      const before = a.heard.length
      if (by === "devices") await a.told({ type: "devices", callID: "c1", userID: "B", ...told(set) })
      assert.deepEqual(ofB(a), set)

      const screen = new CallScreen({ oneLine: false, noticeMs: 1, endMs: 1, errors: ERROR_TEXTS })
      a.events.forEach((event) => screen.happened(event, 0))
      const person = screen.state({ now: 0, online: true, hidden: () => false })?.people[0]
      assert.ok(person !== undefined)
      assert.deepEqual(
        SOURCES.filter((source) => sends(person, source)),
        set,
      )
      const seen = set.filter((source) => kindOf(source) === "video")
      assert.deepEqual(
        person.sources.filter((s) => s.visible).map((s) => s.source),
        seen,
      )
      assert.equal(isVisible(person), seen.length > 0)

      const pages = by === "devices" ? a.heard.slice(before) : a.heard.filter((name) => /AVAILABLE/.test(name))
      const { microphone, camera } = devicesOf(set)
      assert.deepEqual(a.client.call?.peers[0]?.devices, { microphone: set.includes("microphone"), camera: set.includes("camera") })
      assert.deepEqual(pages, [...(microphone ? ["USER_AUDIO_AVAILABLE"] : []), ...(camera ? ["USER_VIDEO_AVAILABLE"] : [])], set.join())
    }
  }
})

test("where a list is told it counts, whatever microphone and camera say", async () => {
  const a = await talksTo({ microphone: true, camera: true, sources: ["screen"] })
  assert.deepEqual(ofB(a), ["screen"])
})

test("a server of before the list is understood by microphone and camera", async () => {
  for (const microphone of [true, false]) {
    for (const camera of [true, false]) {
      const expected: Source[] = [...(microphone ? (["microphone"] as const) : []), ...(camera ? (["camera"] as const) : [])]
      const a = await talksTo({ microphone, camera })
      assert.deepEqual(ofB(a), expected)
      await a.told({ type: "devices", callID: "c1", userID: "B", microphone: !microphone, camera })
      assert.deepEqual(ofB(a), withSource(expected, "microphone", !microphone))
    }
  }
})

test("a source of a later version is passed over, and the others of its list count", async () => {
  const a = await talksTo({ microphone: true, camera: false, sources: ["hologram", "screen_audio", "microphone"] })
  assert.deepEqual(ofB(a), ["microphone", "screen_audio"])
  await a.told({ type: "devices", callID: "c1", userID: "B", microphone: false, camera: false, sources: ["hologram"] })
  assert.deepEqual(ofB(a), [])
})

test("this side tells its sources in both forms, and a source that is refused is left out of what is told again", async () => {
  const a = await talksTo(told([]))
  const sent = () => a.server.frames.filter((f) => f.type === "devices").map(({ microphone, camera, sources }) => ({ microphone, camera, sources }))
  await a.client.setSource("camera", false)
  assert.deepEqual(sent(), [{ microphone: true, camera: false, sources: ["microphone"] }])
  a.server.ok("devices")
  await settle()
  await a.client.setSource("screen", true)
  await a.client.setSource("camera", true)
  assert.deepEqual(sent().slice(1), [{ microphone: true, camera: false, sources: ["microphone", "screen"] }])
  a.server.refuse("devices", "source_unsupported")
  await settle()
  assert.deepEqual(sent().slice(2), [{ microphone: true, camera: true, sources: ["microphone", "camera"] }])
  a.server.ok("devices")
  await settle()
  await a.client.setSource("screen_audio", true)
  assert.equal(sent().length, 3, "nothing that the server would take is news")
})

test("a call that becomes a voice call has no picture left, of a camera or of a screen", async () => {
  const a = await talksTo(told(SOURCES))
  await a.client.setSource("screen", true)
  a.server.ok("devices")
  await settle()
  await a.told({ type: "media", callID: "c1", userID: "B", media: "audio" })
  assert.deepEqual(a.client.call?.sources, ["microphone"])
  assert.deepEqual(ofB(a), ["microphone", "screen_audio"])
  await assert.rejects(a.client.setSource("screen", true), { code: "call_options" })
})
