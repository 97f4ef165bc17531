// After the compiler: what earlier sources left is removed, the pages' own files are copied, comments are taken out of the
// scripts (they stay in the .d.ts, where editors look), the demo is pointed to the SDK where the server has it, and what
// the SDK weighs for a page that loads it is printed.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import ts from "typescript"

const clients = join(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(clients, "dist")

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
  if (!existsSync(join(clients, source))) rmSync(file)
  else if (name.endsWith(".js")) {
    const compilerOptions = { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, removeComments: true }
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions })
    writeFileSync(file, name.startsWith("demo") ? outputText.replace(/"\.\.\/(web|core)\//g, '"/sdk/$1/') : outputText)
  }
}

/** A module and all that it imports, with relative addresses. */
function reach(file, seen = new Set()) {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*"(\.[^"]+)"/g)) {
    reach(join(dirname(file), path), seen)
  }
  return seen
}

for (const [what, entry] of [["TRTCCalling class", "web/index.js"], ["<trtc-calling> element", "web/define.js"]]) {
  const files = [...reach(join(dist, entry))]
  const text = files.map((file) => readFileSync(file, "utf8")).join("\n")
  const kib = (bytes) => (bytes / 1024).toFixed(1)
  console.log(`${what}: ${files.length} modules, ${kib(text.length)} KiB, ${kib(gzipSync(text, { level: 9 }).length)} KiB gzip`)
}
