// After the compiler: the mini-program's component as a folder to copy, dist/miniprogram/components/TRTCCalling, the same
// under the name of the later component, components/TUICalling, and what makes the first an npm package. A mini-program's
// package may have 2 MB in all, so this takes little of it: the core becomes one file, core.js, without what only the web
// uses; names of this code's own are shortened, and comments go. What the folder weighs is printed, and too much fails.

import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parse } from "acorn"
import { build as bundle } from "esbuild"
import { minify } from "terser"
import ts from "typescript"
import { MODULES } from "./link-workspaces.mjs"

/** What a folder may weigh, bytes. */
const MAX_BYTES = 100_000

const clients = join(dirname(fileURLToPath(import.meta.url)), "..")
const compiled = join(clients, "dist/.miniprogram")
const sources = join(compiled, "miniprogram/src")
const core = join(clients, "core/src")
const coreIndex = join(core, "index.ts")
const home = join(clients, "dist/miniprogram")
const folder = join(home, "components/TRTCCalling")

rmSync(home, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
cpSync(join(clients, "miniprogram/assets"), folder, { recursive: true })

/** Where a compiled module goes. */
const placeOf = (file) => (file === coreIndex ? join(folder, "core.js") : join(folder, relative(sources, file)))

/** What the compiler writes for `extends` is for machines older than ES2015, and for classes that inherit static members: none here does. */
const EXTENDS = `var __extends = function (d, b) {
    function C() { this.constructor = d; }
    C.prototype = b.prototype;
    d.prototype = new C();
};
`

/** Without what the compiler writes for importers that expect an ES module, or modules in a circle: there are none; and for
 * machines older than ES2015, which the guide's oldest phone is not. A getter is hidden from loops without being told so,
 * and no imported function asks for its `this`. */
function plain(text) {
  return text
    .replace(/^var __extends = [\s\S]*?^}\)\(\);\n/m, EXTENDS)
    .replace(/^var __assign = [\s\S]*?^};\n/m, "var __assign = Object.assign;\n")
    .replace(/^Object\.defineProperty\(exports, "__esModule", \{ value: true \}\);\n/m, "")
    .replace(/^exports\.\w+ = .*void 0;\n/m, "")
    .replace(/,\n\s*enumerable: false,\n\s*configurable: true\n/g, "\n")
    .replace(/\(0, (\w+\.\w+)\)\(/g, "$1(")
    .replace(/^Object\.defineProperty\(exports, "(\w+)", \{ enumerable: true, get: function \(\) \{ return ([\w.]+); \} \}\);$/gm, "exports.$1 = $2;")
}

/** The compiler writes `Name.prototype` before each method of a class; once is enough. */
function shortClasses(text) {
  return text.replace(/^var (\w+) = \(function \([\s\S]*?^ {4}return \1;\n/gm, (whole, name) => {
    const prototype = new RegExp(`^ {4}(Object\\.defineProperty\\()?${name}\\.prototype`, "gm")
    const methods = whole.search(prototype)
    if (methods < 0) return whole
    return `${whole.slice(0, methods)}    var proto = ${name}.prototype;\n${whole.slice(methods).replace(prototype, "    $1proto")}`
  })
}

/** Style sheets need blanks between words only. */
const shortStyles = (text) =>
  text
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,]) ?|(:) /g, "$1$2")
    .replace(/;}/g, "}")

/** Where a module came from. */
const sourceOf = (file) => (file.startsWith(compiled) ? join(clients, relative(compiled, file)).replace(/\.js$/, ".ts") : file)

/** A module's syntax tree: those of the core are ES modules until they are one file. */
const treeOf = (text) => parse(text, { ecmaVersion: 2015, sourceType: "module" })

/** Every node of a syntax tree. */
function* nodes(value) {
  if (Array.isArray(value)) for (const item of value) yield* nodes(item)
  else if (typeof value === "object" && value !== null) {
    if (typeof value.type === "string") yield value
    for (const child of Object.values(value)) yield* nodes(child)
  }
}

/** `text` with other texts in the places of some nodes. */
const replaced = (text, places) => places.sort(([a], [b]) => b.start - a.start).reduce((t, [{ start, end }, by]) => t.slice(0, start) + by + t.slice(end), text)

/**
 * Members that only their own class may touch: the compiler has checked that. They are marked for the mangler where the class
 * names them by its own object, whatever else in the module has the same name. One that is taken out of an object whose own name the
 * compiler has hidden (`_a = this`) stays.
 */
function markPrivates(file, text) {
  const source = readFileSync(sourceOf(file), "utf8")
  const names = new Set(Array.from(source.matchAll(/\bprivate (?:readonly )?(\w+)/g), (m) => m[1]))
  const hidden = new Set(Array.from(text.matchAll(/\b(_\w+) = (?:this|_this)[,;]/g), (m) => m[1]))
  const own = []
  for (const node of nodes(treeOf(text))) {
    if (node.type !== "MemberExpression" || node.computed) continue
    const { name, type } = node.object
    if (type === "ThisExpression" || /^(_this|proto)$/.test(name)) own.push(node.property)
    else if (hidden.has(name)) names.delete(node.property.name)
  }
  for (const [, name] of source.matchAll(/^ {2}(?:readonly |(?:get|set) )?(\w+)(?:\(|:|\?:)/gm)) names.delete(name)
  return replaced(
    text,
    own.filter(({ name }) => names.has(name)).map((node) => [node, `${PRIVATE}${node.name}`]),
  )
}

const PRIVATE = "$private$"

/** The compiler joins texts by a method of the first; `+` is shorter. */
function plusses(text) {
  const simple = ["Identifier", "MemberExpression", "CallExpression", "Literal"]
  for (;;) {
    const node = [...nodes(parse(text, { ecmaVersion: 5 }))].find(
      ({ type, callee }) => type === "CallExpression" && callee.property?.name === "concat" && typeof callee.object.value === "string",
    )
    if (node === undefined) return text
    const parts = [node.callee.object, ...node.arguments].map((part) => {
      const code = text.slice(part.start, part.end)
      return simple.includes(part.type) ? code : `(${code})`
    })
    text = replaced(text, [[node, `(${parts.join(" + ")})`]])
  }
}

/** The component's own modules by their compiled files, and those of the core by their sources. @type {Map<string, string>} */
const modules = new Map()
function collect(file) {
  if (modules.has(file) || file === coreIndex || !existsSync(file)) return
  const place = placeOf(file)
  const needs = []
  const text = shortClasses(plain(readFileSync(file, "utf8"))).replace(/require\("((?:\.|@tring\/)[^"]+)"\)/g, (_, path) => {
    const needed = MODULES.has(path) ? join(clients, MODULES.get(path)).replace(/\.js$/, ".ts") : join(dirname(file), path)
    needs.push(needed)
    const to = relative(dirname(place), placeOf(needed)).replace(/\.js$/, "")
    return `require("${to.startsWith(".") ? to : `./${to}`}")`
  })
  modules.set(file, text)
  needs.forEach(collect)
}

/** Those that require this module, each with what it calls it. */
function* importers(file) {
  for (const [other, text] of modules) {
    for (const [, name, path] of text.matchAll(/^var (\w+) = require\("(.+)"\);$/gm)) {
      if (join(dirname(placeOf(other)), `${path}.js`) === placeOf(file)) yield { other, member: new RegExp(`\\b${name}\\.(\\w+)`, "g") }
    }
  }
}

/** What other modules of the folder take from this one. */
function takenFrom(file) {
  const taken = new Set()
  for (const { other, member } of importers(file)) {
    for (const [, name] of modules.get(other).matchAll(member)) taken.add(name)
  }
  return taken
}

/** The core's sources as ES modules of ES5; the compiler has checked them before. */
function collectCore() {
  const compilerOptions = { target: ts.ScriptTarget.ES5, module: ts.ModuleKind.ES2015, removeComments: true, isolatedModules: true }
  for (const name of readdirSync(core, { recursive: true })) {
    if (!name.endsWith(".ts")) continue
    const file = join(core, name)
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), { fileName: file, compilerOptions })
    modules.set(file, shortClasses(plain(outputText)))
  }
}

/** The core in one file, with what the component takes of it and what that needs. `names`: what each export is called here. */
async function joinedCore(names) {
  const virtual = {
    name: "core",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => ({ path: join(resolveDir, path).replace(/\.js$/, ".ts"), sideEffects: false }))
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => ({ contents: markPrivates(path, modules.get(path)), loader: "js", resolveDir: dirname(path) }))
    },
  }
  const list = [...names].map(([name, short]) => `${name} as ${short}`).join(", ")
  const { outputFiles } = await bundle({
    stdin: { contents: `export { ${list} } from "./index.js"`, resolveDir: core },
    bundle: true,
    format: "esm",
    target: "es5",
    write: false,
    plugins: [virtual],
    logLevel: "warning",
  })
  // CommonJS asks for an assignment each where an ES module has one list.
  return outputFiles[0].text.replace(/^export \{([\s\S]*?)\};$/m, (_, exported) =>
    exported.replace(/(\w+)(?: as (\w+))?,?/g, (_, name, as) => `exports.${as ?? name} = ${name};`),
  )
}

/** a, b, … z, aa, ab, … */
const letters = (n) => (n < 26 ? "" : letters(Math.floor(n / 26) - 1)) + String.fromCharCode(97 + (n % 26))

/** What apps require, and what the unit tests do. */
const LOADED_BY_NAME = ["TRTCCalling.js", "listen.js", ...["call-view", "environment", "platform", "media/live-media"].map((name) => `lib/${name}.js`)]

/** The other modules hand each other what they export under short names, which this returns: nobody else reads them. */
function shortExports(file) {
  const short = new Map([...takenFrom(file)].map((name, n) => [name, letters(n)]))
  modules.set(
    file,
    modules.get(file).replace(/\bexports\.(\w+)/g, (whole, name) => (short.has(name) ? `exports.${short.get(name)}` : whole)),
  )
  for (const { other, member } of importers(file)) {
    modules.set(
      other,
      modules.get(other).replace(member, (whole, name) => whole.replace(/\w+$/, short.get(name))),
    )
  }
  return short
}

/**
 * Members of the types that are marked `@internal`: modules of this component hand their objects to each
 * other and to nobody else. A name that an unmarked type has too keeps its letters, and so does one of the texts, of the tags'
 * data, of the protocol or of `wx`.
 */
function internalNames(sources) {
  const internal = new Set()
  const kept = new Set()
  const look = (file, declared) => {
    const marks = (node) =>
      (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) &&
      ts.getJSDocTags(node).some((tag) => tag.tagName.text === "internal")
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true)
    const keysAreData = !source.statements.some(marks)
    const visit = (node, marked) => {
      const member = ts.isTypeElement(node) || ts.isClassElement(node) || ts.isParameterPropertyDeclaration(node, node.parent)
      const isPrivate = member && ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private
      if (member && node.name !== undefined && !isPrivate) (marked ? declared : kept).add(node.name.text)
      if (ts.isStringLiteralLike(node) || (keysAreData && (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node))))
        kept.add(node.text ?? node.name.text)
      ts.forEachChild(node, (child) => visit(child, marked || marks(child)))
    }
    visit(source, false)
  }
  for (const file of sources) look(file, internal)
  const libraries = ["typescript/lib/lib.es5.d.ts", "typescript/lib/lib.es2015.core.d.ts", "typescript/lib/lib.es2015.promise.d.ts"]
  for (const file of [
    ...libraries,
    ...readdirSync(join(modulesOf("miniprogram-api-typings"), "types/wx")).map((name) => `miniprogram-api-typings/types/wx/${name}`),
  ]) {
    look(modulesOf(file), kept)
  }
  return [...internal].filter((name) => !kept.has(name))
}

const modulesOf = (name) => join(clients, "node_modules", name)

/** Such members have the same short name in all modules; `$` is in no other. */
function shortMembers() {
  const sources = ["core/src", "miniprogram/src"].flatMap((folder) =>
    readdirSync(join(clients, folder), { recursive: true })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(clients, folder, name)),
  )
  const exported = new Set([...modules.values()].flatMap((text) => Array.from(text.matchAll(/\bexports\.(\w+)/g), (m) => m[1])))
  const names = internalNames(sources).filter((name) => !exported.has(name))
  const short = new Map(names.map((name, n) => [name, `${letters(n)}$`]))
  for (const [file, text] of modules) {
    const places = []
    for (const node of nodes(treeOf(text))) {
      const name = node.type === "MemberExpression" && !node.computed ? node.property : node.type === "Property" ? node.key : null
      if (name?.type === "Identifier" && short.has(name.name)) places.push([name, short.get(name.name)])
      // A getter's name is a text.
      const getter = node.type === "CallExpression" && node.callee.property?.name === "defineProperty" ? node.arguments[1] : null
      if (getter !== null && short.has(getter.value)) places.push([getter, `"${short.get(getter.value)}"`])
    }
    modules.set(file, replaced(text, places))
  }
}

async function write(file, text) {
  const { code } = await minify(plusses(text), {
    ecma: 5,
    toplevel: true,
    mangle: { properties: { regex: /^\$private\$/ } },
    compress: { passes: 3, pure_getters: true, keep_fargs: false, unsafe_arrows: false },
    format: { ecma: 5, comments: false, max_line_len: 400 },
  })
  const place = placeOf(file)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, `${code}\n`)
}
for (const entry of ["TRTCCalling.js", "listen.js"]) collect(join(sources, entry))
const own = [...modules.keys()]
collectCore()
for (const file of own) if (!LOADED_BY_NAME.includes(relative(sources, file))) shortExports(file)
const coreNames = shortExports(coreIndex)
shortMembers()
for (const file of own) await write(file, markPrivates(file, modules.get(file)))
await write(coreIndex, await joinedCore(coreNames))

for (const name of ["TRTCCalling.wxml", "TRTCCalling.wxss"]) {
  const file = join(folder, name)
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->/g, "")
  writeFileSync(file, (name.endsWith("wxml") ? text.replace(/\n\s*/g, "\n") : shortStyles(text)).trim() + "\n")
}

// Pages of TUICalling name `TUICalling/TUICalling`.
const later = join(home, "components/TUICalling")
cpSync(folder, later, { recursive: true })
for (const ending of ["js", "json", "wxml", "wxss"]) renameSync(join(later, `TRTCCalling.${ending}`), join(later, `TUICalling.${ending}`))
for (const name of readdirSync(join(later, "lib"), { recursive: true })) {
  const file = join(later, "lib", name)
  if (name.endsWith(".js")) writeFileSync(file, readFileSync(file, "utf8").replace(/\bTRTCCalling\//g, "TUICalling/"))
}

const { version, license } = JSON.parse(readFileSync(join(clients, "package.json"), "utf8"))
const about = {
  name: "tring-miniprogram",
  version,
  license,
  description: "<TRTCCalling>: voice and video calls in a WeChat mini-program, on a Tring server of your own",
  main: "components/TRTCCalling/TRTCCalling.js",
  miniprogram: "components/TRTCCalling",
}
writeFileSync(join(home, "package.json"), `${JSON.stringify(about, null, 2)}\n`)

const files = readdirSync(folder, { recursive: true })
  .map((name) => join(folder, name))
  .filter((file) => statSync(file).isFile())
const weigh = (ending) => files.filter((file) => file.endsWith(ending)).reduce((sum, file) => sum + statSync(file).size, 0)
const kb = (bytes) => (bytes / 1000).toFixed(1)
console.log(`TRTCCalling for mini-programs: ${files.length} files, ${kb(weigh(""))} kB (scripts ${kb(weigh(".js"))}, bound ${kb(MAX_BYTES)})`)
if (weigh("") >= MAX_BYTES) throw new Error("the mini-program's component is too heavy")

// The demo project with the component inside: what WeChat's developer tools open.
const demo = join(clients, "dist/miniprogram-demo")
rmSync(demo, { recursive: true, force: true })
cpSync(join(clients, "miniprogram-demo"), demo, { recursive: true })
cpSync(folder, join(demo, "components/TRTCCalling"), { recursive: true })
console.log("Demo project for WeChat's developer tools: clients/dist/miniprogram-demo")
