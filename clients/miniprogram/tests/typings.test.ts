/**
 * The built scripts, component and demo project, checked by TypeScript against the `wx` of base library 2.10.0 and no other
 * library: what is newer, or of a browser, is named. Types of what was minified say nothing and are left out.
 */

import assert from "node:assert/strict"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import ts from "typescript"
import { FOLDER } from "./built.js"

/** Beside the sources, where the typings are installed. */
const MODULES = join(FOLDER, "../../../../node_modules")
const DEMO = join(FOLDER, "../../../miniprogram-demo")

/** Of `wx` and of the built-ins, a member that is not there; a global that is not there. */
const FOREIGN =
  /does not exist on type '(Wx|ObjectConstructor|ArrayConstructor|Promise<.*|PromiseConstructor|StringConstructor|NumberConstructor|\w+\[\]|string|number)'|Cannot find name/

/** What is newer, and is used only where `wx.canIUse` says that it is there. */
const ASKED_FIRST = ["getPerformance"]

const scriptsOf = (folder: string) =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".js"))
    .map((name) => join(folder, name))

/** What is wrong in these files. */
function faults(files: string[]): string[] {
  const program = ts.createProgram(files, {
    allowJs: true,
    checkJs: true,
    noEmit: true,
    strict: false,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES5,
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    lib: ["lib.es2015.d.ts"],
    types: ["miniprogram-api-typings"],
    typeRoots: [MODULES],
  })
  return ts
    .getPreEmitDiagnostics(program)
    .filter(
      ({ file, messageText }) =>
        !ASKED_FIRST.some((name) => String(messageText).startsWith(`Property '${name}'`) && file?.text.includes(`wx.canIUse("${name}")?wx.${name}()`)),
    )
    .map(({ file, messageText }) => `${file?.fileName.split("/").pop()}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`)
    .filter((text) => FOREIGN.test(text))
}

test("nothing newer than base library 2.10.0 is used, and nothing of a browser", () => {
  const files = [...scriptsOf(FOLDER), ...scriptsOf(DEMO)]
  for (const name of ["TRTCCalling/core.js", "TRTCCalling/TRTCCalling.js", "media/live-media.js", "miniprogram-demo/calls.js"])
    assert.ok(
      files.some((file) => file.endsWith(name)),
      name,
    )
  // The demo's own fields of a stored session: it checks that they are there.
  assert.deepEqual(
    faults(files).filter((text) => !/^calls\.js: .*(error|userSig|sdkAppID|userID|expireAt)' does not exist on type 'string/.test(text)),
    [],
  )
})

test("and the check finds what is newer", () => {
  const folder = mkdtempSync(join(tmpdir(), "tring-typings-"))
  const file = join(folder, "newer.js")
  writeFileSync(
    file,
    `wx.getPerformance(); wx.getWindowInfo(); wx.join1v1Chat({}); new URL("a:b"); fetch("x"); [1].includes(1); Object.entries({}); "a".trim().padStart(2); wx.canIUse("x")`,
  )
  try {
    assert.equal(faults([file]).length, 8)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
