/** The page of docs/miniprogram, in both languages, as it stands there: it signs in, calls, rings, and keeps the records. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, builtApp, Rig } from '../lib/rig.js'

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url))

/** The blocks of the section, by their language. */
function pageOf(doc) {
  const text = readFileSync(`${DOCS}${doc}`, 'utf8')
  const section = /^## (?:The page|页面)\n([\s\S]*?)^### /m.exec(text)?.[1]
  assert.ok(section, `${doc} has the section`)
  const block = (language) => {
    const found = [...section.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))]
    assert.equal(found.length, 1, `${doc} has one block of ${language}`)
    return found[0][1]
  }
  return { json: block('json'), wxml: block('xml'), js: block('js') }
}

describe('the page of the documents', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  const PATH = 'pages/own/own'

  /** The page with nothing changed, in an app whose `session()` is what the text says that it stands for. */
  async function open(name, doc) {
    const { sdkAppID, userID, userSig } = await rig.server.sign(name)
    const app = builtApp(rig.server, {
      app: `App({ session: () => Promise.resolve(${JSON.stringify({ sdkAppID, userID, userSig })}) })`,
      pages: { [PATH]: pageOf(doc) },
    })
    return rig.open(name, { app, entry: PATH })
  }
  const signedIn = (phone) => until(`${phone.userID} is signed in`, () => phone.sockets.size === 1)

  for (const [doc, calls, seconds] of [
    ['miniprogram.md', 'alice calls', /^\d+ s$/],
    ['miniprogram.zh-CN.md', 'alice 来电', /^\d+ 秒$/],
  ]) {
    it(`${doc}: calls by video, and each side has its records`, async () => {
      const [alice, bob] = await Promise.all([open('alice', doc), open('bob', doc)])
      await Promise.all([signedIn(alice), signedIn(bob)])
      await alice.type('#whom', 'bob')
      await alice.tap('#video')
      await until('it rings', () => bob.rings)
      await bob.reads(calls)
      await bob.tap('#accept')
      await bothWays(alice, bob, 2)
      await bob.tap('#hangup')
      await Promise.all([alice.reads(seconds), bob.reads(seconds)])
      const lines = (phone) => phone.peek('page.data.records').map(({ payload }) => payload.description.replace(/\d\d$/, ''))
      await until('the records are there', () => lines(alice).length === 2 && lines(bob).length === 2)
      assert.deepEqual(
        [lines(alice), lines(bob)],
        [
          ['发起通话', '结束通话，通话时长：00:00:'],
          ['已接听', '结束通话，通话时长：00:00:'],
        ],
      )
      for (const phone of [alice, bob]) assert.deepEqual(phone.errors, [])
    })
  }

  it('says why a call failed', async () => {
    const alice = await open('alice', 'miniprogram.md')
    await signedIn(alice)
    await alice.type('#whom', 'alice')
    await alice.tap('#voice')
    await alice.reads('call_self: ')
  })
})
