/**
 * Writes lib/wx-2.10.0.json: what base library 2.10.0 has, from the published typings of exactly that version.
 * `node tools/wx-members.js`
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const typings = '../node_modules/miniprogram-api-typings'
const { version } = JSON.parse(readFileSync(at(`${typings}/package.json`), 'utf8'))
const source = readFileSync(at(`${typings}/types/wx/lib.wx.api.d.ts`), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')

/** Members of each interface, and the type that each method gives. @type {Map<string, Map<string, string | undefined>>} */
const interfaces = new Map()
for (const [, name, body] of source.matchAll(/^ {4}interface (\w+)(?:<[^>]*>)?(?: extends [^{]*)? \{\n([\s\S]*?)^ {4}\}/gm)) {
  const members = interfaces.get(name) ?? new Map()
  for (const [, member, rest] of body.matchAll(/^ {8}(\w+)\??((?:[(:<])[\s\S]*?)(?=^ {8}\w|(?![\s\S]))/gm)) {
    members.set(member, /\)\s*:\s*(\w+)/.exec(rest)?.[1])
  }
  interfaces.set(name, members)
}

const fields = (name) => [...(interfaces.get(name)?.keys() ?? [])].filter((f) => !['success', 'fail', 'complete'].includes(f)).sort()
const api = {}
for (const [name, gives] of [...interfaces.get('Wx')].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const Name = name[0].toUpperCase() + name.slice(1)
  const entry = { object: fields(`${Name}Option`), success: fields(`${Name}SuccessCallbackResult`), return: fields(gives) }
  api[name] = Object.fromEntries(Object.entries(entry).filter(([, list]) => list.length))
}

const lines = Object.entries(api).map(([name, entry]) => `    ${JSON.stringify(name)}: ${JSON.stringify(entry)}`)
writeFileSync(at('../lib/wx-2.10.0.json'), `{\n  "version": ${JSON.stringify(version)},\n  "api": {\n${lines.join(',\n')}\n  }\n}\n`)
console.log(`${lines.length} members of wx at ${version}`)
