/** The media of a call: what is mounted and started when, and what each code of the tags does. */

import assert from "node:assert/strict"
import { test } from "node:test"
import type { MediaCall, MediaHost, MediaPort, Sources, Streams } from "@tring/core"
import { World, settle } from "@tring/core/testing"
import { built } from "./built.js"

interface LiveMedia extends MediaPort {
  readonly pusher: { url: string; enableCamera: boolean } | null
  readonly players: Array<{ id: string; userID: string; src: string; hidden: boolean }>
  readonly front: boolean
  restage(): void
  useFront(front: boolean): void
  showRemote(userID: string, shown: boolean): void
  away(): void
  back(): void
  permitted(allowed: Sources): void
  pusherState(code: unknown): void
  pusherError(code: unknown): void
  pusherNetStatus(info: object): void
  playerState(id: string, code: unknown): void
  playerNetStatus(id: string, info: object): void
}

const { LiveMedia } = built<{ LiveMedia: new (platform: World, stage: object, options: object) => LiveMedia }>("lib/media/live-media.js")

const ALL: Sources = ["microphone", "camera"]

function made({ media = "video" as "audio" | "video", role = "caller" as "caller" | "callee", allowed = ALL } = {}) {
  const world = new World()
  const did: string[] = []
  const told: string[] = []
  let talking = false
  let asked = 0
  let refuse: Error | null = null
  let granted = allowed
  const questions: boolean[] = []
  const streams = (): Streams => ({ push: `rtmp://s/${asked}/push`, play: [{ userID: "B", url: `rtmp://s/${asked}/B`, flvPath: "/B.flv" }] })
  const call: MediaCall = {
    get media() {
      return media
    },
    role,
    self: "A",
    others: ["B"],
    get talking() {
      return talking
    },
    exchange: () => Promise.reject(new Error("no SDP here")),
    streams: () => {
      asked++
      return refuse === null ? Promise.resolve(streams()) : Promise.reject(refuse)
    },
  }
  const show = (on: Sources) => `${on.includes("microphone") ? "m" : "-"}${on.includes("camera") ? "c" : "-"}`
  const host: MediaHost = {
    status: (status) => void told.push(status),
    silent: () => void told.push("silent"),
    sources: (on) => void told.push(`devices ${show(on)}`),
    error: (code) => void told.push(`error ${code}`),
    volumes: () => {},
  }
  const act = (what: string) => (options?: { complete?: () => void }) => {
    did.push(what)
    options?.complete?.()
  }
  const pusher = {
    start: act("start"),
    stop: act("stop"),
    startPreview: act("preview"),
    switchCamera: act("flip"),
    setMICVolume: ({ volume }: { volume: number }) => void did.push(`volume ${volume}`),
  }
  const stage = {
    refresh: (done?: () => void) => done?.(),
    pusher: () => pusher,
    player: (id: string) => ({ play: act(`${id} play`), stop: act(`${id} stop`) }),
  }
  const live = new LiveMedia(world, stage, {
    ask: (camera: boolean) => (questions.push(camera), Promise.resolve(granted)),
    srcOf: (s: { url: string }) => s.url,
    closed: () => told.push("closed"),
    weak: (who: string) => told.push(`weak ${who}`),
  })
  live.begin(call, host, media === "video" ? ALL : ["microphone"])
  const answered = async () => {
    talking = true
    live.connect()
    await settle()
  }
  /** A call in which both are heard. */
  const talks = async () => {
    live.openDevices()
    live.connect()
    await settle()
    await answered()
    live.pusherState(1002)
    live.playerState("player0", 2004)
    did.length = told.length = 0
  }
  const take = (list: string[]) => list.splice(0)
  return {
    world,
    live,
    did: () => take(did),
    told: () => take(told),
    answered,
    talks,
    asked: () => asked,
    refuse: (e: Error | null) => void (refuse = e),
    grant: (d: Sources) => void (granted = d),
    become: (now: "audio" | "video") => void (media = now),
    questions: () => questions,
  }
}

test("a caller sees its camera while it rings, asks for the addresses at once and pushes at the answer", async () => {
  const m = made()
  m.live.openDevices()
  m.live.connect()
  await settle()
  assert.deepEqual(m.did(), ["preview"])
  assert.deepEqual(m.live.pusher, { url: "", enableCamera: true })
  assert.deepEqual([m.live.players, m.asked()], [[], 1])
  await m.answered()
  assert.deepEqual(m.did(), ["start"])
  assert.deepEqual([m.live.pusher?.url, m.live.players[0]?.src, m.asked()], ["rtmp://s/1/push", "rtmp://s/1/B", 1])
  assert.deepEqual(m.told(), ["connecting"])
  m.live.pusherState(1002)
  assert.deepEqual([m.told(), m.did()], [["connected"], ["volume 1"]])
})

test("a callee opens and asks nothing before it has answered; by voice there is no camera", async () => {
  const m = made({ role: "callee", media: "audio" })
  m.live.connect()
  await settle()
  assert.deepEqual([m.live.pusher, m.asked()], [null, 0])
  m.live.openDevices()
  await settle()
  assert.equal(m.live.pusher, null)
  await m.answered()
  assert.deepEqual(m.live.pusher, { url: "rtmp://s/1/push", enableCamera: false })
})

test("mute is volume, camera is an attribute: nothing is mounted or asked for anew", async () => {
  const m = made()
  await m.talks()
  m.live.setSources(["camera"])
  m.live.setSources([])
  assert.deepEqual([m.did(), m.live.pusher?.enableCamera, m.asked()], [["volume 0"], false, 1])
  m.live.pusherState(-1307)
  await m.world.pass(1000)
  m.live.pusherState(1002)
  assert.deepEqual(m.did(), ["stop", "start", "volume 0"], "a new push is as mute as the old one")
})

for (const [code, does, tells] of [
  [-1307, ["stop", "start"], ["error -1307", "reconnecting"]],
  [-1304, ["stop", "start"], ["error -1304", "reconnecting"]],
  [1102, [], ["reconnecting"]],
  [5000, ["stop", "start"], ["reconnecting"]],
  [5001, [], ["closed"]],
  [1101, [], ["weak A"]],
  [1005, [], []],
  [3005, [], []],
] as const) {
  test(`live-pusher tells ${code}`, async () => {
    const m = made()
    await m.talks()
    m.live.pusherState(code)
    await m.world.pass(1000)
    assert.deepEqual([m.did(), m.told()], [does, tells])
    if (does.length > 0) assert.equal(m.live.pusher?.url, "rtmp://s/2/push", "the addresses are asked for anew")
  })
}

for (const [codes, does] of [
  [[-2301], ["player0 stop", "player0 play"]],
  [[2006], ["player0 stop", "player0 play"]],
  [[2103, 2103, 2103], []],
  [
    [2103, 2103, 2103, 2103],
    ["player0 stop", "player0 play"],
  ],
  [[2103, 2103, 2004, 2103, 2103], []],
  [[2105], []],
] as const) {
  test(`live-player tells ${codes.join(", ")}`, async () => {
    const m = made()
    await m.talks()
    codes.forEach((code) => m.live.playerState("player0", code))
    await m.world.pass(1000)
    assert.deepEqual(m.did(), does)
    if (does.length > 0) assert.equal(m.live.players[0]?.src, "rtmp://s/2/B")
  })
}

test("each failed push waits longer, until one succeeds; a server that says nothing is asked again", async () => {
  const m = made()
  await m.talks()
  for (const ms of [187, 374, 749]) {
    m.live.pusherState(-1307)
    await m.world.pass(ms)
    assert.deepEqual(m.did(), [])
    await m.world.pass(2)
    assert.deepEqual(m.did(), ["stop", "start"])
  }
  m.refuse(new Error("out of reach"))
  m.live.pusherState(-1307)
  await m.world.pass(20_000)
  assert.deepEqual(m.did(), [])
  m.refuse(null)
  await m.world.pass(10_000)
  assert.deepEqual(m.did(), ["stop", "start"])
})

test("a cache that stays high starts the player anew, but not again and again", async () => {
  const m = made()
  await m.talks()
  const report = (audioCache: number) => m.live.playerNetStatus("player0", { audioCache })
  ;[3000, 3000, 100, 3000, 3000].forEach(report)
  await m.world.pass(10)
  assert.deepEqual(m.did(), [], "a peak is no delay")
  report(3000)
  await m.world.pass(10)
  assert.deepEqual(m.did(), ["player0 stop", "player0 play"])
  m.live.playerState("player0", 2004)
  ;[3000, 3000, 3000].forEach(report)
  await m.world.pass(10)
  assert.deepEqual(m.did(), [])
})

test("5000 while the app is away: it pushes again when it is shown, and its camera is told as off meanwhile", async () => {
  const m = made()
  await m.talks()
  m.live.away()
  m.live.pusherState(5000)
  await m.world.pass(5000)
  assert.deepEqual([m.did(), m.told(), m.live.pusher?.enableCamera], [[], ["devices m-", "reconnecting"], true])
  m.live.back()
  await m.world.pass(10)
  assert.deepEqual([m.did(), m.told()], [["stop", "start"], ["devices mc"]])
})

test("no microphone: nothing is pushed, the other is heard; allowed in the settings, all that was wanted comes", async () => {
  const m = made({ allowed: ["camera"] })
  m.live.openDevices()
  await settle()
  await m.answered()
  m.live.playerState("player0", 2004)
  assert.deepEqual([m.live.pusher, m.live.players.length], [null, 1])
  assert.deepEqual(m.told(), ["devices --", "error -1302", "connecting", "connected"])
  m.live.permitted(ALL)
  assert.deepEqual([m.did(), m.told(), m.live.pusher?.enableCamera], [["start"], ["devices mc"], true])
})

test("no camera, told twice by the tag: told once, and sound goes on", async () => {
  const m = made()
  m.live.openDevices()
  m.live.connect()
  await settle()
  await m.answered()
  m.did()
  m.told()
  m.live.pusherState(-1301)
  m.live.pusherError(10001)
  assert.deepEqual([m.did(), m.told(), m.live.pusher?.enableCamera], [["start"], ["devices m-", "error -1301"], false])
  m.grant(["microphone"])
  m.live.setSources(ALL)
  await settle()
  assert.deepEqual(m.told(), ["devices m-", "error -1301"], "still refused: told again")
})

test("another network: both are made anew at once; another page: both are started there", async () => {
  const m = made()
  await m.talks()
  m.live.reconnect()
  await m.world.pass(1)
  assert.deepEqual(m.did(), ["stop", "start", "player0 stop", "player0 play"])
  m.live.useFront(false)
  m.live.restage()
  assert.deepEqual([m.did(), m.live.front], [["flip", "start", "player0 play"], true])
})

test("the end stops the pusher and every timer; what comes late changes nothing", async () => {
  const m = made()
  await m.talks()
  m.live.pusherState(-1307)
  m.live.playerState("player0", -2301)
  m.told()
  m.live.end()
  await m.world.pass(60_000)
  m.live.pusherState(5001)
  m.live.playerState("player0", 2004)
  assert.deepEqual([m.did(), m.told(), m.live.pusher, m.live.players], [["stop"], [], null, []])
})

test("a voice call that becomes a video call asks for the camera first, and mounts and pushes nothing anew", async () => {
  const m = made({ media: "audio" })
  await m.talks()
  m.become("video")
  assert.equal(m.live.pusher?.enableCamera, false)
  m.live.setSources(ALL)
  assert.equal(m.live.pusher?.enableCamera, false, "not before the user has said yes")
  await settle()
  assert.deepEqual([m.live.pusher?.enableCamera, m.questions()], [true, [false, true]])
  m.become("audio")
  m.live.setSources(["microphone"])
  assert.equal(m.live.pusher?.enableCamera, false)
  m.become("video")
  m.live.setSources(ALL)
  assert.equal(m.live.pusher?.enableCamera, true, "asked once")
  assert.deepEqual([m.did(), m.told(), m.asked()], [[], [], 1])
})

test("a camera that is refused when the call becomes a video call stays off, and sound goes on", async () => {
  const m = made({ media: "audio" })
  await m.talks()
  m.become("video")
  m.grant(["microphone"])
  m.live.setSources(ALL)
  await settle()
  assert.deepEqual(m.told(), ["devices m-", "error -1301"])
  assert.equal(m.live.pusher?.enableCamera, false)
})

test("a camera that stopped in the background, or for want of a permission, is not brought back by a video call of the other's", async () => {
  const away = made()
  await away.talks()
  away.live.away()
  assert.deepEqual(away.told(), ["devices m-"])
  for (const media of ["audio", "video"] as const) {
    away.become(media)
    away.live.switched()
  }
  away.live.back()
  assert.deepEqual([away.told(), away.live.pusher?.enableCamera], [[], false])
  const refused = made({ allowed: ["microphone"] })
  refused.live.openDevices()
  await settle()
  await refused.answered()
  refused.become("audio")
  refused.live.switched()
  refused.told()
  refused.live.permitted(ALL)
  assert.deepEqual(refused.told(), ["devices m-"])
  refused.become("video")
  assert.equal(refused.live.pusher?.enableCamera, false)
})
