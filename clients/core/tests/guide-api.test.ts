/** What a page is told when it asks for what only a signed-in user can do. */

import assert from "node:assert/strict"
import { test } from "node:test"
import { CallError, GuideApi } from "../src/index.js"
import { settle, User, WELCOME } from "./world.js"

const GOOD = { sdkAppID: 1400000001, userID: "A", userSig: "sig" }

/** Each method that needs a sign-in, with arguments that are right. */
const METHODS: Array<[string, (guide: GuideApi) => Promise<unknown>]> = [
  ["call", (guide) => guide.call({ userID: "B", type: 1 })],
  ["accept", (guide) => guide.accept()],
  ["setCamera", (guide) => guide.setCamera(true)],
  ["setMicMute", (guide) => guide.setMicMute(true)],
]

/** A page's guide, and what its ERROR handler hears. */
function guide(user: User, fault: CallError | null = null) {
  const heard: string[] = []
  const deliver = ({ name, payload }: { name: string; payload: Record<string, unknown> | undefined }) => {
    if (name === "ERROR") heard.push(String(payload?.["code"]))
  }
  return { heard, guide: new GuideApi(user.client, { surface: "element", deliver, warn: () => {}, fault: () => fault }) }
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (error: CallError) => error.code,
  )

for (const [name, act] of METHODS) {
  test(`${name}() on a phone that can never sign in says why, before and after a sign-in`, async () => {
    const page = guide(new User("A"), new CallError("unsupported", "this WeChat is too old"))
    assert.equal(await codeOf(act(page.guide)), "unsupported")
    assert.equal(await codeOf(page.guide.login(GOOD)), "unsupported")
    assert.equal(await codeOf(act(page.guide)), "unsupported")
    assert.deepEqual(page.heard, ["unsupported", "unsupported", "unsupported"], "told as ERROR too")
  })

  test(`${name}() after a sign-in with a placeholder says what was wrong with it`, async () => {
    const user = new User("A")
    const page = guide(user)
    await codeOf(page.guide.login({ ...GOOD, userID: 0 }))
    await assert.rejects(act(page.guide), /userID is 0/)
    assert.deepEqual(page.heard, ["config_invalid", "config_invalid"])
    assert.equal(user.world.sockets.length, 0)
  })

  test(`${name}() after the server has refused the sign-in says what the server said`, async () => {
    const user = new User("A")
    const page = guide(user)
    const login = codeOf(page.guide.login(GOOD))
    user.server.open()
    user.server.refuse("login", "sig_expired")
    assert.equal(await login, "sig_expired")
    assert.equal(await codeOf(act(page.guide)), "sig_expired")
  })
}

test("call() after a kick says that the account is on another device", async () => {
  const user = await User.signedIn("A")
  const page = guide(user)
  await user.told({ type: "kicked_out", reason: "signed_in_elsewhere" })
  await assert.rejects(page.guide.call({ userID: "B", type: 1 }), (error: CallError) => error.code === "not_logged_in" && /another device/.test(error.message))
})

test("call() before any sign-in, and after a sign-out, asks for one", async () => {
  const user = new User("A")
  const page = guide(user)
  assert.equal(await codeOf(page.guide.call({ userID: "B", type: 1 })), "not_logged_in")
  const login = page.guide.login(GOOD)
  user.server.open()
  user.server.ok("login", WELCOME)
  await login
  const logout = page.guide.logout()
  await settle()
  user.server.ok("logout")
  await logout
  assert.equal(await codeOf(page.guide.call({ userID: "B", type: 1 })), "not_logged_in")
})

test("a sign-in that succeeds makes the refused one before it forgotten", async () => {
  const user = new User("A")
  const page = guide(user)
  await codeOf(page.guide.login({ ...GOOD, userSig: "" }))
  const login = page.guide.login(GOOD)
  user.server.open()
  user.server.ok("login", WELCOME)
  await login
  const call = codeOf(page.guide.call({ userID: "B", type: 1 }))
  user.server.ok("call", { callID: "c1", roomID: 7 })
  assert.equal(await call, "done")
  await settle()
})
