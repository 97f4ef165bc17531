/**
 * Which file may import which. In the core: `session` ← `calls` ← `guide` ← `view` ← `index`, each what is left of it; errors, the
 * emitter and the protocol are below all of them. Nowhere is a circle, not even one of types.
 */

import assert from "node:assert/strict"
import { readFileSync, readdirSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const CLIENTS = fileURLToPath(new URL("../../..", import.meta.url))

/** From below to above. A file of the core that is in no folder is at the very bottom, but for its face. */
const LAYERS = ["", "session", "calls", "guide", "view", "index"]

/** The files that each file of some folders names in an import, by their paths below `clients`. */
function importsOf(folders: string[]): Map<string, string[]> {
  const names = folders.flatMap((folder) => readdirSync(join(CLIENTS, folder), { recursive: true }).map((name) => join(folder, String(name))))
  const files = names.filter((name) => name.endsWith(".ts") && !name.includes("/tests/"))
  const read = (file: string) => readFileSync(join(CLIENTS, file), "utf8")
  return new Map(
    files.map((file) => {
      const paths = [...read(file).matchAll(/(?:from|import) "(\.[^"]+)\.js"/g)].map(([, path = ""]) => normalize(join(dirname(file), `${path}.ts`)))
      return [file, paths.filter((path) => files.includes(path))]
    }),
  )
}

/** A circle of imports, as the files on its way; null if there is none. */
function circle(imports: Map<string, string[]>): string[] | null {
  const done = new Set<string>()
  const walk = (file: string, way: string[]): string[] | null => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return null
    for (const next of imports.get(file) ?? []) {
      const found = walk(next, [...way, file])
      if (found !== null) return found
    }
    done.add(file)
    return null
  }
  for (const file of imports.keys()) {
    const found = walk(file, [])
    if (found !== null) return found
  }
  return null
}

function layerOf(file: string): number {
  const path = file.replace(/^core\/src\//, "")
  return path === "index.ts" ? LAYERS.indexOf("index") : LAYERS.indexOf(path.includes("/") ? (path.split("/")[0] ?? "") : "")
}

/** Imports of the core that point upwards, or into a folder without a layer. */
function upwards(imports: Map<string, string[]>): string[] {
  return [...imports].flatMap(([file, paths]) =>
    paths.filter((path) => layerOf(file) < 0 || layerOf(path) < 0 || layerOf(path) > layerOf(file)).map((path) => `${file} → ${path}`),
  )
}

test("no file of the clients imports one that imports it", () => {
  for (const folders of [["core/src"], ["web"], ["miniprogram/src"], ["demo"], ["install"]]) {
    const imports = importsOf(folders)
    assert.ok(imports.size > 2 && [...imports.values()].flat().length > 1, folders.join())
    assert.equal(circle(imports)?.join(" → "), undefined)
  }
})

test("the folders of the core import downwards only", () => {
  assert.deepEqual(upwards(importsOf(["core/src"])), [])
})

test("and both checks find what they look for", () => {
  const imports = importsOf(["core/src"])
  imports.get("core/src/session/backoff.ts")?.push("core/src/calls/call-client.ts")
  assert.deepEqual(upwards(imports), ["core/src/session/backoff.ts → core/src/calls/call-client.ts"])
  assert.deepEqual(circle(imports)?.includes("core/src/calls/call-client.ts"), true)
})
