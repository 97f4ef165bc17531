/** The guide's page is the guide's, byte for byte. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readGuide, readJson } from '../lib/guide.js'
import { describe, it } from '../lib/shared.js'
import { GUIDE, stubApp } from './stub/rig.js'

const text = readFileSync(GUIDE, 'utf8')

describe('the guide', () => {
  it('has four blocks, each of them a part of it', () => {
    const { json, wxml, pages } = readGuide(GUIDE)
    assert.match(json, /^\/\/ index\.json\n"usingComponents": \{\n {2}"TRTCCalling": "\.\.\/\.\.\/components\/TRTCCalling\/TRTCCalling",\n\}\n$/)
    assert.match(wxml, /backgroundMute="\{\{true\}\}"\n><\/TRTCCalling>\n$/)
    assert.equal(pages.length, 2)
    for (const block of [json, wxml, ...pages]) assert.ok(text.includes(block))
  })

  it('becomes a page whose files hold nothing else', () => {
    const { folder, guide } = stubApp()
    const file = (ending) => readFileSync(join(folder, `pages/index/index.${ending}`), 'utf8')
    assert.equal(file('json'), guide.json)
    assert.equal(file('wxml'), guide.wxml)
    assert.equal(file('js'), guide.pages.join('\n'))
  })

  it('has a fragment of json that is read all the same', () => {
    assert.deepEqual(readJson(readGuide(GUIDE).json), { usingComponents: { TRTCCalling: '../../components/TRTCCalling/TRTCCalling' } })
  })

  it('is not misread: a text that looks like a comment or has a comma stays', () => {
    assert.deepEqual(readJson('{"a": "http://x, }", /* c */ "b": [1, 2,], // d\n}'), { a: 'http://x, }', b: [1, 2] })
    assert.throws(() => readJson('"a": 1, "b"'))
  })

  it('is refused when a block is missing', () => {
    assert.throws(() => readGuide(new URL('../README.md', import.meta.url).pathname), /0 blocks for index.json/)
  })
})
