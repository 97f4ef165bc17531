import assert from "node:assert/strict"
import { test } from "node:test"
import { Emitter } from "../src/index.js"

test("what a handler causes is told when everybody has heard what there was before", () => {
  const emitter = new Emitter<string>(() => {})
  const heard: string[] = []
  emitter.on((event) => {
    heard.push(`1 ${event}`)
    if (event === "end") emitter.emit("begin")
  })
  emitter.on((event) => void heard.push(`2 ${event} during ${emitter.current}`))
  emitter.emit("end")
  assert.deepEqual(heard, ["1 end", "2 end during end", "1 begin", "2 begin during begin"])
  assert.equal(emitter.current, null)
})

test("a handler that throws is reported, and the events after it are told", () => {
  const reported: unknown[] = []
  const emitter = new Emitter<number>((error) => void reported.push(error))
  const heard: number[] = []
  emitter.on((n) => {
    if (n === 1) emitter.emit(2)
    throw new Error("page")
  })
  emitter.on((n) => void heard.push(n))
  emitter.emit(1)
  assert.deepEqual(heard, [1, 2])
  assert.equal(reported.length, 2)
})
