// Browsers know no package names, and pages of users load the modules as they are. So `@tring/core` in a compiled file becomes the
// path of what the workspace's package.json exports under that name.
//
//   node scripts/link-workspaces.mjs FOLDER    links all compiled files in clients/FOLDER

import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const clients = join(dirname(fileURLToPath(import.meta.url)), "..")
const read = (file) => JSON.parse(readFileSync(file, "utf8"))

/** Names of modules, and their compiled files below the folder that the compiler writes to. */
export const MODULES = new Map()
for (const workspace of read(join(clients, "package.json")).workspaces) {
  const { name, exports = {} } = read(join(clients, workspace, "package.json"))
  for (const [path, source] of Object.entries(exports)) {
    MODULES.set(join(name, path), join(workspace, source).replace(/\.ts$/, ".js"))
  }
}

/** The text of a compiled file with paths for names: relative to `file`, or below `base`. An unknown name throws. */
export function linked(text, file, base = null) {
  return text.replace(/"(@tring\/[^"]+)"/g, (_, name) => {
    const module = MODULES.get(name)
    if (module === undefined) throw new Error(`${file} imports ${name}, which no workspace exports`)
    if (base !== null) return `"${base}${module}"`
    const path = relative(dirname(file), module)
    return `"${path.startsWith(".") ? path : `./${path}`}"`
  })
}

const folder = process.argv[1] === fileURLToPath(import.meta.url) ? process.argv[2] : undefined
if (folder !== undefined) {
  for (const name of readdirSync(join(clients, folder), { recursive: true })) {
    if (!/\.(js|d\.ts)$/.test(name)) continue
    const file = join(clients, folder, name)
    const text = readFileSync(file, "utf8")
    const done = linked(text, name)
    if (done !== text) writeFileSync(file, done)
  }
}
