import assert from "node:assert/strict"
import { test } from "node:test"
import { Handlers } from "../src/index.js"

function made() {
  const reports: string[] = []
  const heard: string[] = []
  return { handlers: new Handlers((text) => void reports.push(text)), reports, heard, hears: (name: string) => () => void heard.push(name) }
}

test("off() matches a handler by identity: another of the same text stays", () => {
  const { handlers, heard, hears } = made()
  const [first, second] = [hears("same"), hears("same")]
  handlers.on("CALL_END", first)
  handlers.on("CALL_END", second)
  handlers.off("CALL_END", first)
  handlers.call("CALL_END", {})
  assert.deepEqual(heard, ["same"])
  handlers.off("CALL_END", hears("same"))
  handlers.call("CALL_END", {})
  assert.equal(heard.length, 2)
  handlers.off("CALL_END", second)
  handlers.call("CALL_END", {})
  assert.equal(heard.length, 2)
})

test("registered twice, a handler is called twice, and off() removes one of the two", () => {
  const { handlers, heard, hears } = made()
  const handler = hears("x")
  handlers.on("INVITED", handler)
  handlers.on("INVITED", handler)
  handlers.call("INVITED", {})
  assert.equal(heard.length, 2)
  handlers.off("INVITED", handler)
  handlers.call("INVITED", {})
  assert.equal(heard.length, 3)
})

test("off() of an event removes all of it, off() without arguments everything, and a name that is not declared nothing", () => {
  const { handlers, heard, hears, reports } = made()
  for (const event of ["INVITED", "INVITED", "HANG_UP"]) handlers.on(event, hears(event))
  handlers.off(undefined)
  assert.equal(reports.length, 1)
  handlers.off("INVITED")
  handlers.call("INVITED", {})
  handlers.call("HANG_UP", {})
  assert.deepEqual(heard, ["HANG_UP"])
  handlers.off()
  handlers.call("HANG_UP", {})
  assert.deepEqual(heard, ["HANG_UP"])
})

test("a handler has its context, or none; one that throws, or is none, is reported", () => {
  const { handlers, heard, hears, reports } = made()
  const contexts: unknown[] = []
  function keeps(this: unknown) {
    contexts.push(this)
  }
  const context = {}
  handlers.on("INVITED", keeps, context)
  handlers.on("INVITED", keeps)
  handlers.on("INVITED", () => {
    throw new Error("page")
  })
  handlers.on("INVITED", hears("after"))
  handlers.on("INVITED", "not a function")
  handlers.on(undefined as never, hears("never"))
  handlers.call("INVITED", {})
  assert.deepEqual(contexts, [context, undefined])
  assert.deepEqual(heard, ["after"])
  assert.equal(reports.length, 3)
})
