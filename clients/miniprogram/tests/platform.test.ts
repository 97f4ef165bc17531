/** The socket and the addresses of a mini-program. */

import assert from "node:assert/strict"
import { afterEach, test } from "node:test"
import type { Platform } from "@tring/core"
import { built, setWx } from "./built.js"

interface Module {
  wxPlatform(devtools?: boolean): Platform
  socketURL(server: unknown): string
  httpURL(server: unknown, path: string): string
}

const { wxPlatform, socketURL, httpURL } = built<Module>("lib/platform.js")
const { older, environment } = built<{ older(a: string, b: string): boolean; environment(): { devtools: boolean; language: string; tooOld: Error | null } }>(
  "lib/environment.js",
)

type Heard = (result: { data?: unknown }) => void

function opened() {
  const heard: { [event: string]: Heard } = {}
  const sent: Array<{ data: string; fail(): void }> = []
  let closes = 0
  let options: { url: string; fail(): void } = { url: "", fail: () => {} }
  setWx({
    canIUse: () => false,
    connectSocket: (given: typeof options) => {
      options = given
      return {
        onOpen: (fn: Heard) => (heard["open"] = fn),
        onMessage: (fn: Heard) => (heard["message"] = fn),
        onClose: (fn: Heard) => (heard["close"] = fn),
        onError: (fn: Heard) => (heard["error"] = fn),
        send: (given: { data: string; fail(): void }) => void sent.push(given),
        close: () => void closes++,
      }
    },
  })
  const told: string[] = []
  const socket = wxPlatform().socket("wss://s/v1/socket", {
    opened: () => void told.push("opened"),
    received: (text) => void told.push(text),
    closed: () => void told.push("closed"),
  })
  const say = (event: string, result = {}) => heard[event]?.(result)
  return { socket, told, say, sent, options: () => options, closes: () => closes }
}

test("a socket tells what it hears: text only, and its end once", () => {
  const { socket, told, say, sent, options } = opened()
  assert.equal(options().url, "wss://s/v1/socket")
  say("open")
  say("message", { data: "hello" })
  say("message", { data: new ArrayBuffer(2) })
  socket.send("x")
  assert.equal(sent[0]?.data, "x")
  say("error")
  say("close")
  assert.deepEqual(told, ["opened", "hello", "closed"])
})

test("what cannot be opened or sent on is closed; what is closed here tells nothing more", () => {
  const refused = opened()
  refused.options().fail()
  assert.deepEqual(refused.told, ["closed"])
  const broken = opened()
  broken.say("open")
  broken.socket.send("x")
  broken.sent[0]?.fail()
  assert.deepEqual(broken.told, ["opened", "closed"])
  const left = opened()
  left.socket.close()
  left.say("close")
  left.say("message", { data: "late" })
  assert.deepEqual(left.told, [])
  assert.equal(left.closes(), 1)
})

test("the server's address, as a team writes it", () => {
  for (const [server, socket] of [
    ["https://calls.example.com", "wss://calls.example.com/v1/socket"],
    ["https://calls.example.com/", "wss://calls.example.com/v1/socket"],
    [" HTTP://192.168.1.5:8080 ", "ws://192.168.1.5:8080/v1/socket"],
    ["wss://calls.example.com/other/socket", "wss://calls.example.com/other/socket"],
    ["https://[::1]:8443?x=1", "wss://[::1]:8443/v1/socket"],
  ])
    assert.equal(socketURL(server), socket)
  assert.equal(httpURL("wss://calls.example.com/v1/socket", "/live/a.flv?t=1"), "https://calls.example.com/live/a.flv?t=1")
  for (const bad of ["", "calls.example.com", undefined, "ftp://x", "https://"]) assert.throws(() => socketURL(bad), { code: "config_invalid" })
})

test("versions are compared number by number; what is too old is named with what it needs", () => {
  assert.deepEqual([older("2.9.5", "2.10.0"), older("2.10.0", "2.10.0"), older("3.0", "2.10.0"), older("7.0.8", "7.0.9")], [true, false, false, true])
  const info = (more: object) => setWx({ getSystemInfoSync: () => ({ platform: "ios", version: "7.0.9", SDKVersion: "2.10.0", language: "zh_CN", ...more }) })
  info({})
  assert.deepEqual(environment(), { devtools: false, language: "zh", tooOld: null })
  info({ version: "7.0.8", language: "en" })
  assert.match(environment().tooOld?.message ?? "", /7\.0\.9.*2\.10\.0/)
  assert.equal(environment().language, "en")
  info({ platform: "android", version: "7.0.8" })
  assert.equal(environment().tooOld, null)
  info({ SDKVersion: "2.9.5" })
  assert.match(environment().tooOld?.message ?? "", /2\.10\.0/)
  info({ platform: "devtools", version: "0" })
  assert.deepEqual([environment().devtools, environment().tooOld], [true, null])
})

/** A phone whose time of day and timers the test has; `later`: what its `wx` has besides that of 2.10.0. */
function timed(later: { [name: string]: unknown } = {}, devtools = false) {
  const real = { now: Date.now, setTimeout: globalThis.setTimeout }
  let [time, ahead] = [0, 1_700_000_000_000]
  let timers: Array<{ at: number; fire: () => void }> = []
  Date.now = () => time + ahead
  globalThis.setTimeout = ((fire: () => void, ms: number) => timers.push({ at: time + ms, fire })) as unknown as typeof setTimeout
  ends.push(() => {
    Date.now = real.now
    globalThis.setTimeout = real.setTimeout
  })
  setWx({ canIUse: (name: string) => name in later, ...later })
  const pass = (ms: number) => {
    const until = time + ms
    for (;;) {
      const [next] = timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      timers = timers.filter((t) => t !== next)
      time = next.at
      next.fire()
    }
    time = until
  }
  return { platform: wxPlatform(devtools), pass, set: (ms: number) => void (ahead += ms), time: () => time }
}

const ends: Array<() => void> = []
afterEach(() => ends.splice(0).forEach((end) => end()))

for (const set of [-120_000, 600_000]) {
  test(`a phone's clock is put by ${set / 1000} s: the platform's is not`, () => {
    const { platform, pass, set: put } = timed()
    const answered = platform.now()
    pass(3000)
    assert.equal(platform.now() - answered, 3000)
    put(set)
    pass(4000)
    assert.equal(platform.now() - answered, 7000)
  })
}

test("a phone with a clock of its own for measuring: nothing of the time of day is seen any more, be it in µs, or in ms as in the developer tools", () => {
  for (const devtools of [false, true]) {
    const phone = timed({ getPerformance: () => ({ now: () => phone.time() * (devtools ? 1 : 1000) }) }, devtools)
    const { platform, pass, set } = phone
    const answered = platform.now()
    for (let n = 1; n <= 50; n++) {
      pass(130)
      set(200)
      assert.ok(Math.abs(platform.now() - answered - n * 130) < 0.001, `devtools ${devtools}: ${platform.now() - answered} after ${n * 130} ms`)
    }
  }
})

test("a phone whose performance object measures nothing has the clock of the others", () => {
  const { platform, pass, set } = timed({ getPerformance: () => ({ getEntries: () => [] }) })
  const answered = platform.now()
  pass(3000)
  set(600_000)
  pass(4000)
  assert.equal(platform.now() - answered, 7000)
})
