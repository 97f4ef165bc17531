/** What the built folder must be: ES5 without code from strings, small, and complete. */

import assert from "node:assert/strict"
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { test } from "node:test"
import { parse, type Node } from "acorn"
import { FOLDER } from "./built.js"

const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => statSync(file).isFile())
const files = filesOf(FOLDER)
const scripts = files.filter((file) => file.endsWith(".js"))
const read = (file: string) => readFileSync(file, "utf8")

/** Newer than ES2015, or of a browser or Node: the oldest phone of the guide has none of them. */
const NEWER = ["includes", "padStart", "padEnd", "flat", "flatMap", "finally", "allSettled", "matchAll", "replaceAll", "fromEntries", "trimStart", "trimEnd"]
const ABSENT = [
  "URL",
  "URLSearchParams",
  "TextEncoder",
  "TextDecoder",
  "WebSocket",
  "fetch",
  "window",
  "document",
  "navigator",
  "crypto",
  "performance",
  "queueMicrotask",
  "structuredClone",
  "globalThis",
  "AbortController",
  "eval",
  "Function",
  "process",
  "Buffer",
]

function* nodes(value: unknown): Generator<Node & { [key: string]: unknown }> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodes(item)
  } else if (typeof value === "object" && value !== null) {
    const node = value as Node & { [key: string]: unknown }
    if (typeof node.type === "string") yield node
    for (const key of Object.keys(node)) yield* nodes(node[key])
  }
}

test("every script is ES5, uses nothing newer than ES2015 and makes no code from strings", () => {
  const names = scripts.map((file) => relative(FOLDER, file))
  for (const name of ["TRTCCalling.js", "config.js", "core.js", "listen.js", "lib/phone.js", "lib/media/pusher.js"]) assert.ok(names.includes(name), name)
  for (const file of scripts) {
    for (const node of nodes(parse(read(file), { ecmaVersion: 5, sourceType: "script" }))) {
      if (node.type === "MemberExpression") {
        const { object, property, computed } = node as unknown as { object: { name?: string }; property: { name: string }; computed: boolean }
        if (computed) continue
        assert.ok(!NEWER.includes(property.name), `${file}: .${property.name}`)
        assert.ok(!(object.name === "Object" && ["entries", "values"].includes(property.name)), `${file}: Object.${property.name}`)
      } else if (node.type === "CallExpression" || node.type === "NewExpression") {
        const { callee } = node as unknown as { callee: { name?: string } }
        assert.ok(!ABSENT.includes(callee.name ?? ""), `${file}: ${callee.name}()`)
      }
    }
  }
})

test("what a script requires is in the folder", () => {
  for (const file of scripts) {
    for (const [, path = ""] of read(file).matchAll(/require\("([^"]+)"\)/g)) {
      assert.match(path, /^\.{1,2}\//, "a path of this folder")
      assert.ok(existsSync(join(dirname(file), `${path}.js`)), `${file} requires ${path}`)
    }
  }
})

test("the whole folder weighs less than 100 kB, its pictures a few hundred bytes each", () => {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  assert.ok(bytes < 100_000, `${bytes} bytes`)
  for (const file of files.filter((f) => f.endsWith(".png"))) assert.ok(statSync(file).size < 1000, file)
  assert.ok(statSync(join(FOLDER, "static/ring.mp3")).size <= 12_000)
})

test("it loads nothing from elsewhere; every picture is there, every handler is a method", () => {
  const wxml = read(join(FOLDER, "TRTCCalling.wxml"))
  const wxss = read(join(FOLDER, "TRTCCalling.wxss"))
  const script = read(join(FOLDER, "TRTCCalling.js"))
  assert.doesNotMatch(wxml + wxss, /https?:\/\/|wx:\/\//)
  for (const [, handler] of wxml.matchAll(/(?:bind|catch)\w+="(\w+)"/g)) assert.ok(script.includes(`${handler}:function`), handler)
  for (const [, names = ""] of wxml.matchAll(/static\/([^"]+?)\.png/g)) {
    const choices = names.startsWith("{{") ? [...names.matchAll(/'([\w-]+)'/g)].map((m) => m[1]) : [names]
    for (const name of choices) assert.ok(existsSync(join(FOLDER, `static/${name}.png`)), `${name}.png`)
  }
  for (const id of ["accept", "reject", "hangup", "mic", "camera", "switch", "speaker"]) assert.ok(wxml.includes(`id="${id}"`), id)
})

test("TUICalling is the same under its own name", () => {
  const folder = join(FOLDER, "../TUICalling")
  const here = files.map((file) => relative(FOLDER, file))
  const there = filesOf(folder).map((file) => relative(folder, file))
  const named = here.map((name) => name.replace(/^TRTCCalling\./, "TUICalling."))
  assert.deepEqual(there.sort(), named.sort())
  for (const ending of ["js", "json", "wxml", "wxss"])
    assert.equal(read(join(folder, `TUICalling.${ending}`)), read(join(FOLDER, `TRTCCalling.${ending}`)), ending)
  for (const file of filesOf(join(folder, "lib"))) assert.doesNotMatch(read(file), /TRTCCalling\//, file)
  const bytes = filesOf(folder).reduce((sum, file) => sum + statSync(file).size, 0)
  assert.ok(bytes < 100_000, `${bytes} bytes`)
})

const DOCS = join(FOLDER, "../../../../../docs")

test("the tables of the docs say of each method whether it was kept, changed or is absent", () => {
  const [, methods = ""] = /methods:\{(.*)\}\}\)/s.exec(read(join(FOLDER, "TRTCCalling.js")).replace(/\n/g, "")) ?? []
  const names = [...methods.matchAll(/(?:^|\},)(\w+):function/g)].map(([, name = ""]) => name).filter((name) => !/^on[A-Z]/.test(name))
  assert.ok(names.length > 20, names.join())
  for (const [language, words] of [
    ["", "kept|changed|absent"],
    [".zh-CN", "保留|变更|没有"],
  ]) {
    const table = read(join(DOCS, `miniprogram-api${language}.md`))
    for (const name of names) assert.match(table, new RegExp(`^\\|[^|]*\\b${name}\\b[^|]*\\| (${words}) \\|`, "m"), name)
  }
})

test("each test that the documents name for an item of the guide is there", () => {
  const named = [...read(join(DOCS, "../e2e/miniprogram/README.md")).matchAll(/\b(\d\d-[\w-]+)\.test\.js/g)].map(([, name = ""]) => name)
  assert.ok(named.length > 30)
  for (const name of new Set(named)) assert.ok(existsSync(join(DOCS, `../e2e/miniprogram/tests/${name}.test.js`)), name)
})

test("it is an npm package for mini-programs besides", () => {
  const about = JSON.parse(read(join(FOLDER, "../../package.json"))) as { main: string; miniprogram: string; type?: string }
  assert.ok(existsSync(join(FOLDER, "../..", about.main)))
  assert.ok(existsSync(join(FOLDER, "../..", about.miniprogram, "TRTCCalling.json")))
  assert.equal(about.type, undefined)
})
