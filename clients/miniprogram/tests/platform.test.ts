/** The socket and the addresses of a mini-program. */

import assert from "node:assert/strict"
import { test } from "node:test"
import type { Platform } from "../../core/src/index.js"
import { built, setWx } from "./built.js"

interface Module {
  wxPlatform(): Platform
  socketURL(server: unknown): string
  httpURL(server: unknown, path: string): string
}

const { wxPlatform, socketURL, httpURL } = built<Module>("lib/platform.js")
const { older, environment } = built<{ older(a: string, b: string): boolean; environment(): { devtools: boolean; language: string; tooOld: Error | null } }>("lib/environment.js")

type Heard = (result: { data?: unknown }) => void

function opened() {
  const heard: { [event: string]: Heard } = {}
  const sent: Array<{ data: string; fail(): void }> = []
  let closes = 0
  let options: { url: string; fail(): void } = { url: "", fail: () => {} }
  setWx({
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
  ]) assert.equal(socketURL(server), socket)
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
