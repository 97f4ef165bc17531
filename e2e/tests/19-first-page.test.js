/**
 * The README's page as somebody uses it who pastes it: its two blocks as they stand, on a machine where the server has the
 * documented ports, in a real browser. Bob's phone is the demo's.
 */

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { PATIENCE_MS, until } from '../lib/deadline.js'
import { DemoPhone } from '../lib/demo.js'
import { closePages, Device } from '../lib/device.js'
import { ended, started } from '../lib/ending.js'
import { Lab } from '../lib/lab.js'
import { Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

const run = promisify(execFile)

/** Where the server of the README is. */
const SERVER_PORT = 8080
const DEMO = `http://localhost:${SERVER_PORT}`
/** Another server of the same machine, as developers have one. */
const OTHER_PORT = 5173

/** Serves the folder in which it is started. */
const STATIC = `
  const { createServer } = require('node:http')
  const { readFile } = require('node:fs/promises')
  const types = { '.html': 'text/html', '.js': 'text/javascript' }
  createServer(async ({ url }, answer) => {
    const body = await readFile('.' + url).catch(() => undefined)
    answer.writeHead(body ? 200 : 404, { 'content-type': types[/\\.\\w+$/.exec(url)?.[0]] ?? 'text/plain' }).end(body)
  }).listen(${OTHER_PORT}, '127.0.0.1', () => console.log('ready'))`

/** The first block of a language in a document. @param {string} file @param {string} language @param {string} part what it holds */
function block(file, language, part) {
  const text = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')
  const found = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].find(([, l, body]) => l === language && body.includes(part))
  assert.ok(found, `${file} has a block of ${language} with ${part}`)
  return found[2]
}

for (const readme of ['README.md', 'README.zh-CN.md']) {
  describe(`the page of ${readme}`, () => {
    /** @type {Lab} */ let lab
    /** @type {Rig} */ let rig
    /** @type {string} */ let folder
    /** @type {import('../lib/device.js').Page[]} */ const pages = []
    const other = {}

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tring-page-'))
      lab = await Lab.start({ hosts: { desk: {} } })
      const desk = lab.host('desk')
      rig = await Rig.start([], { server: { host: desk, port: SERVER_PORT } })
      for (const name of ['carol', 'bob']) rig.devices[name] = await Device.start(name, { host: desk })

      // The command as it stands, in an empty folder.
      const [program, ...args] = desk.wrap('bash', '-ec', block(readme, 'sh', 'carol.js'))
      await run(program, args, { cwd: folder, timeout: PATIENCE_MS })
      writeFileSync(join(folder, 'page.html'), block(readme, 'html', 'carol.js'))

      const [node, ...rest] = desk.wrap(process.execPath, '--eval', STATIC)
      other.process = spawn(node, rest, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
      started(other, 'the other server', () => other.process.kill('SIGKILL'))
      let said = ''
      other.process.stdout.setEncoding('utf8').on('data', (chunk) => (said += chunk))
      await until('the other server is ready', () => said.includes('ready'))
    })
    afterEach(async () => {
      const faults = await closePages(pages)
      await rig.clear()
      assert.deepEqual(faults, [])
    })
    after(async () => {
      try {
        await rig?.stop()
      } finally {
        other.process?.kill('SIGKILL')
        ended(other)
        await lab?.stop()
        rmSync(folder, { recursive: true, force: true })
      }
    })

    const open = async (who, url) => {
      const page = await rig.devices[who].open(url)
      pages.push(page)
      return page
    }

    for (const [how, url] of /** @type {[string, () => string][]} */ ([
      ['opened as a file', () => pathToFileURL(join(folder, 'page.html')).href],
      ['from another port of this machine', () => `http://localhost:${OTHER_PORT}/page.html`],
    ])) {
      it(`${how} it signs in and calls bob, who answers: both hear and see each other`, async () => {
        const bob = await open('bob', `${DEMO}/?phone=bob`)
        const phone = new DemoPhone(bob, 'bob')
        await phone.until('online', (seen) => seen.state === 'online')
        const carol = await open('carol', url())
        await phone.until('called by carol', (seen) => seen.phase === 'ringing' && seen.name.includes('carol'))
        await phone.key('answer')
        await phone.phase('connected')
        await Promise.all([carol.hears('bob'), carol.sees('bob', { shown: true }), bob.hears('carol'), bob.sees('carol')])
        await phone.key('end')
        await until('carol’s call is over', () => carol.evaluate(() => !document.getElementById('calling').hasAttribute('phase')))
      })
    }

    it('a page of this machine may ask the demo’s signer, and one that was opened as a file may not', async () => {
      const ask = (page) =>
        page.evaluate(async (demo) => {
          const asked = fetch(`${demo}/demo/usersig`, { method: 'POST', body: JSON.stringify({ userID: 'carol' }) })
          return asked.then(
            async (answer) => (await answer.json()).userID,
            () => 'refused',
          )
        }, DEMO)
      const served = await open('carol', `http://localhost:${OTHER_PORT}/carol.js`)
      assert.equal(await ask(served), 'carol')
      const file = await open('carol', pathToFileURL(join(folder, 'carol.js')).href)
      assert.equal(await ask(file), 'refused')
    })
  })
}
