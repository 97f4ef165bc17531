import assert from "node:assert/strict"
import { test } from "node:test"
import { mediaOf, sdkAppIDNumber, userIDText, userSigText } from "../src/index.js"

test("a userID of 0, empty or not set is refused with a sentence that says what to do", () => {
  for (const value of [0, "0", "", undefined, null, "undefined", "null", NaN, "NaN", Infinity, {}, [], true]) {
    assert.throws(
      () => userIDText(value, () => {}),
      (e: { code: string; message: string }) => {
        return e.code === "config_invalid" && e.message.includes("set it")
      },
      String(value),
    )
  }
})

test("another number becomes its decimal text with one warning", () => {
  const warnings: string[] = []
  assert.equal(
    userIDText(42, (w) => warnings.push(w)),
    "42",
  )
  assert.equal(warnings.length, 1)
  assert.equal(
    userIDText("42", (w) => warnings.push(w)),
    "42",
  )
  assert.equal(
    userIDText("用户", (w) => warnings.push(w)),
    "用户",
  )
  assert.equal(warnings.length, 1)
})

test("type is 1 or 2", () => {
  assert.equal(mediaOf(1), "audio")
  assert.equal(mediaOf("2"), "video")
  for (const type of [0, 3, undefined, "voice", null]) assert.throws(() => mediaOf(type), { code: "call_options" })
})

test("an SDKAppID is a number from 1, a UserSig a text", () => {
  assert.equal(sdkAppIDNumber(1400000000), 1400000000)
  assert.equal(sdkAppIDNumber("1400000000"), 1400000000)
  for (const value of [0, "", "x", 1.5, -1, 2 ** 32, undefined]) assert.throws(() => sdkAppIDNumber(value), { code: "config_invalid" })
  for (const value of ["", undefined, 7]) assert.throws(() => userSigText(value), { code: "config_invalid" })
})
