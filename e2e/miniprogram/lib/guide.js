/** The guide as an app: its code blocks, cut byte for byte, are the page of the tests. */

import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Where the guide's page is, and where it looks for the component: `../../components/TRTCCalling/TRTCCalling`. */
export const GUIDE_PAGE = 'pages/index/index'
const COMPONENT = 'components/TRTCCalling'

/**
 * @typedef {object} Guide
 * @property {string} json the fragment of the page's json
 * @property {string} wxml the page's wxml
 * @property {string[]} pages the two snippets of the page's script
 */

/**
 * @param {string} path of the guide
 * @returns {Guide}
 */
export function readGuide(path) {
  const text = readFileSync(path, 'utf8')
  const blocks = [...text.matchAll(/^```[a-z]*\n([\s\S]*?)^```/gm)].map(([, block]) => block)
  const one = (what, fits) => {
    const found = blocks.filter(fits)
    assert.equal(found.length, 1, `the guide has ${found.length} blocks for ${what}`)
    return found[0]
  }
  const guide = {
    json: one('index.json', (b) => b.includes('"usingComponents"')),
    wxml: one('index.wxml', (b) => b.includes('<TRTCCalling')),
    pages: blocks.filter((b) => b.startsWith('Page({')),
  }
  assert.equal(guide.pages.length, 2, 'the guide has two snippets of a page')
  for (const block of [guide.json, guide.wxml, ...guide.pages]) assert.ok(text.includes(block), 'a block is not as in the guide')
  return guide
}

/**
 * Reads a json file of an app. A fragment will do: braces may be missing, and comments and trailing commas may be there.
 *
 * @param {string} text
 */
export function readJson(text) {
  // A text is kept as it is; a comment goes.
  const bare = text.replace(/("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string) => string ?? '').trim()
  const whole = bare.startsWith('{') ? bare : `{${bare}}`
  return JSON.parse(whole.replace(/("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])/g, (_, string) => string ?? ''))
}

/** Folders of apps that were written. @type {Set<string>} */
const written = new Set()
process.on('exit', () => written.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** @typedef {{ js?: string, wxml?: string, json?: string, wxss?: string, wxs?: string }} Files by ending */

/**
 * Writes an app with the guide's page.
 *
 * @param {object} options
 * @param {string} options.guide path of the guide
 * @param {string} options.component the folder that a user would copy, as it was built
 * @param {Record<string, Files>} [options.pages] more pages, by path
 * @param {Record<string, Files>} [options.more] files that are no pages: components, what pages include
 * @param {string} [options.app] its `app.js`
 * @returns {App & { guide: Guide }}
 */
export function writeApp({ guide: path, component, pages = {}, more = {}, app }) {
  const guide = readGuide(path)
  if (!existsSync(join(component, 'TRTCCalling.js'))) throw new Error(`${component} is no built component`)
  const folder = mkdtempSync(join(tmpdir(), 'tring-miniprogram-'))
  written.add(folder)
  const write = (file, text) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  write('app.json', JSON.stringify({ pages: [GUIDE_PAGE, ...Object.keys(pages)] }))
  if (app !== undefined) write('app.js', app)
  write(`${GUIDE_PAGE}.json`, guide.json)
  write(`${GUIDE_PAGE}.wxml`, guide.wxml)
  // One page in two snippets: a developer merges them, and so does the phone.
  write(`${GUIDE_PAGE}.js`, guide.pages.join('\n'))
  const whole = Object.entries(pages).map(([page, files]) => [page, { js: 'Page({})', wxml: '', json: '{}', ...files }])
  for (const [name, files] of [...whole, ...Object.entries(more)]) {
    for (const [ending, text] of Object.entries(files)) write(`${name}.${ending}`, text)
  }
  cpSync(component, join(folder, COMPONENT), { recursive: true })
  return { folder, guide }
}

/** @typedef {{ folder: string }} App */
