// After the compiler: what earlier sources left is removed, the pages' own files are copied, comments are taken out of the
// scripts (they stay in the .d.ts, where editors look), names of workspaces become addresses that a browser finds, the class is
// bundled for pages that load it by a plain script tag (esbuild: one small tool that joins modules and shortens them), and
// what the SDK weighs for a page that loads it is printed.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import ts from "typescript"
import { linked } from "./link-workspaces.mjs"

const clients = join(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(clients, "dist")
const { license } = JSON.parse(readFileSync(join(clients, "package.json"), "utf8"))

for (const page of ["demo", "install"]) {
  mkdirSync(join(dist, page), { recursive: true })
  for (const name of readdirSync(join(clients, page))) {
    if (/\.(html|css|svg)$/.test(name)) cpSync(join(clients, page, name), join(dist, page, name))
  }
}

for (const name of readdirSync(dist, { recursive: true })) {
  if (/^\.?miniprogram/.test(name)) continue // it has a script of its own
  const source = name.replace(/(\.d\.ts|\.js)$/, ".ts")
  if (source === name) continue
  const file = join(dist, name)
  if (!existsSync(join(clients, source))) {
    rmSync(file)
    continue
  }
  // The demo is served beside the SDK, not above it.
  writeFileSync(file, linked(readFileSync(file, "utf8"), name, name.startsWith("demo") ? "/sdk/" : null))
  if (name.endsWith(".js")) {
    const compilerOptions = { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, removeComments: true }
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions })
    writeFileSync(file, outputText)
  }
}

// The class as one classic script: a global, or what a loader of CommonJS or AMD modules expects.
await build({
  entryPoints: [join(dist, "web/script.js")],
  outfile: join(dist, "web/trtc-calling-js.js"),
  bundle: true,
  minify: true,
  keepNames: true, // a stack trace that somebody sends says where
  charset: "utf8",
  target: "es2019",
  format: "iife",
  globalName: "sdk",
  banner: {
    js: `/*! Tring: the TRTCCalling class. ${license} */
(function (root, make) {
  if (typeof exports === "object" && typeof module === "object") module.exports = make()
  else if (typeof define === "function" && define.amd) define([], make)
  else root.TRTCCalling = make()
})(typeof self === "undefined" ? this : self, function () {`,
  },
  footer: { js: "return sdk.TRTCCalling\n})" },
})

/** A module and all that it imports, with relative addresses. */
function reach(file, seen = new Set()) {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*"(\.[^"]+)"/g)) {
    reach(join(dirname(file), path), seen)
  }
  return seen
}

const entries = [
  ["TRTCCalling class", "web/index.js"],
  ["TRTCCalling class, one script", "web/trtc-calling-js.js"],
  ["<trtc-calling> element", "web/define.js"],
]
for (const [what, entry] of entries) {
  const files = [...reach(join(dist, entry))]
  const text = files.map((file) => readFileSync(file, "utf8")).join("\n")
  const kib = (bytes) => (bytes / 1024).toFixed(1)
  console.log(`${what}: ${files.length} file${files.length === 1 ? "" : "s"}, ${kib(text.length)} KiB, ${kib(gzipSync(text, { level: 9 }).length)} KiB gzip`)
}
