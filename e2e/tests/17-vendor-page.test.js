/**
 * A page of ours that is written as pages for `trtc-calling-js` were from 2021 to 2023 (`vendor-page/page.html`), and the
 * pages of docs/web.md as they stand there. They know nothing of these tests, which press their keys.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { until } from '../lib/deadline.js'
import { Pages } from '../lib/pages.js'
import { Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

const text = (path) => readFileSync(new URL(path, import.meta.url), 'utf8')

const GETTERS = [
  'getCallStatus',
  'getUserID',
  'getVideoQuality',
  'getInviterID',
  'getInviteeList',
  'isInviter',
  'isGroupCall',
  'getGroupID',
  'getCallType',
  'getRemoteStreamCount',
  'hasRemoteConnectedUsers',
]

/** What the getters of alice's page and of bob's give, where alice calls bob by video; in the order of {@link GETTERS}. */
const STATES = {
  idle: {
    alice: ['idle', 'alice', '480p', '', [], false, false, '', 0, 0, false],
    bob: ['idle', 'bob', '480p', '', [], false, false, '', 0, 0, false],
  },
  ringing: {
    alice: ['calling', 'alice', '480p', 'alice', ['bob'], true, false, '', 2, 0, false],
    bob: ['calling', 'bob', '480p', 'alice', ['bob'], false, false, '', 2, 0, false],
  },
  talking: {
    alice: ['connected', 'alice', '480p', 'alice', ['bob'], true, false, '', 2, 1, true],
    bob: ['connected', 'bob', '480p', 'alice', ['bob'], false, false, '', 2, 1, true],
  },
}

/** Pages of one test. @type {import('../lib/device.js').Page[]} */
const open = []

/** @param {import('../lib/device.js').Device} device */
async function opens(device, url) {
  const page = await device.open(url)
  open.push(page)
  return page
}

/** Ends the pages of one test. Throws if a script of them failed. @param {Rig} rig */
async function closeAll(rig) {
  const faults = open.flatMap((page) => page.faults)
  await Promise.all(open.splice(0).map((page) => page.close()))
  assert.deepEqual(faults, [], 'a script of a page failed')
  await rig.clear()
}

describe('pages that were written for trtc-calling-js', () => {
  /** @type {Rig} */ let rig
  /** @type {Pages} at an origin of their own */ let pages
  before(async () => {
    rig = await Rig.start(['alice', 'bob'])
    pages = await Pages.start({ '/page.html': text('../vendor-page/page.html').replaceAll('{{tring}}', rig.server.url) })
  })
  afterEach(() => closeAll(rig))
  after(async () => {
    await pages?.close()
    await rig?.stop()
  })

  /** The page, opened by this person and signed in as the person would. */
  async function signedIn(name) {
    const page = await opens(rig.devices[name], `${pages.url}/page.html`)
    const { sdkAppID, userID, userSig } = await rig.server.sign(name)
    for (const [field, value] of [
      ['#sdk-app-id', String(sdkAppID)],
      ['#user-id', userID],
      ['#user-sig', userSig],
    ]) {
      await page.raw.fill(field, value)
    }
    await page.raw.fill('#callee', name === 'alice' ? 'bob' : 'alice')
    await page.click('#login')
    await told(page, 'SDK_READY')
    return page
  }
  const both = () => Promise.all([signedIn('alice'), signedIn('bob')])

  /** Waits until the page was told this so often. */
  const told = (page, name, times = 1) =>
    until(`${name} was told`, () => page.evaluate(`window.app.told.filter((t) => t.name === '${name}')`).then((all) => (all.length >= times ? all : null)))
  const names = (page) => page.evaluate(`window.app.told.map((t) => t.name)`)
  const getters = (page) => page.evaluate((list) => list.map((name) => window.app.trtcCalling[name]()), GETTERS)
  const status = (page, is) => until(`the page says ${is}`, () => page.evaluate(`document.getElementById('status').textContent`).then((now) => now === is))
  const dialog = (page) => page.evaluate(`document.getElementById('dialog').hidden ? null : document.getElementById('dialog-text').textContent`)

  async function rings(alice, bob, key = '#call-video') {
    await alice.click(key)
    await told(bob, 'INVITED')
    await status(alice, 'calling')
  }

  it('a video call: every getter in every state, devices, views, the end', async () => {
    const [alice, bob] = await both()
    const are = async (state) => assert.deepEqual({ alice: await getters(alice), bob: await getters(bob) }, STATES[state], state)
    await are('idle')

    await rings(alice, bob)
    assert.equal(await dialog(bob), 'Video call from alice')
    await are('ringing')

    await bob.click('#accept')
    await Promise.all([told(alice, 'USER_VIDEO_AVAILABLE'), told(bob, 'USER_VIDEO_AVAILABLE')])
    await are('talking')
    await Promise.all([alice.hears('bob'), bob.hears('alice')])
    await Promise.all([alice.sees('bob', { shown: true }), bob.sees('alice', { shown: true })])
    const own = (page) => page.evaluate(`document.querySelector('#local video')?.srcObject?.getVideoTracks().length ?? 0`)
    assert.deepEqual([await own(alice), await own(bob)], [1, 1])

    await alice.click('#microphone')
    const [, muted] = await told(bob, 'USER_AUDIO_AVAILABLE', 2)
    assert.deepEqual(muted.payload, { userID: 'alice', isAudioAvailable: false })
    await bob.hearsNobody()
    await alice.click('#microphone')
    await bob.hears('alice')

    await alice.click('#camera')
    const [, dark] = await told(bob, 'USER_VIDEO_AVAILABLE', 2)
    assert.deepEqual(dark.payload, { userID: 'alice', isVideoAvailable: false })
    await bob.seesNobody()
    await alice.click('#camera')
    await bob.sees('alice', { shown: true })

    // Their picture is put away and shown again by this page alone; the getters say whose it is.
    const shown = (page) => page.evaluate(`document.querySelectorAll('#remote video').length`)
    await alice.click('#picture')
    await until('the picture is put away', async () => (await shown(alice)) === 0)
    await alice.click('#picture')
    await alice.sees('bob', { shown: true })

    await bob.click('#hangup')
    const [[end], [same]] = await Promise.all([told(alice, 'CALLING_END'), told(bob, 'CALLING_END')])
    assert.equal(end.payload.callEnd, same.payload.callEnd)
    assert.equal(end.payload.userID, 'bob')
    assert.equal(end.status, 'idle')
    await are('idle')
    for (const page of [alice, bob]) {
      await page.tracks([])
      assert.equal(await shown(page), 0)
      assert.equal((await names(page)).includes('ERROR'), false)
    }
  })

  it('a voice call that is refused, one that is cancelled, and then one that goes through', async () => {
    const [alice, bob] = await both()
    await rings(alice, bob, '#call-audio')
    assert.equal(await dialog(bob), 'Voice call from alice')
    await bob.click('#reject')
    const [refusal] = await told(alice, 'over')
    assert.equal(refusal.payload.userID, 'bob')
    await status(alice, 'idle')

    await rings(alice, bob, '#call-audio')
    await told(bob, 'INVITED', 2)
    await alice.click('#hangup')
    await Promise.all([told(alice, 'CALLING_END'), told(bob, 'over')])
    assert.equal(await dialog(bob), null)

    await rings(alice, bob, '#call-audio')
    await told(bob, 'INVITED', 3)
    await bob.click('#accept')
    await Promise.all([alice.hears('bob'), bob.hears('alice')])
    await bob.click('#logout')
    await told(alice, 'CALLING_END', 2)
  })

  it('a group call is refused with a reason, by the promise and by ERROR, and the page goes on', async () => {
    const [alice, bob] = await both()
    await alice.raw.fill('#callee', 'bob,carol')
    await alice.click('#call-group')
    const [{ payload }] = await told(alice, 'ERROR')
    assert.equal(payload.code, 'not_available')
    assert.match(payload.msg, /group calls are not possible/)
    assert.equal(payload.message, payload.msg)
    assert.deepEqual(await until('the promise has rejected', () => alice.evaluate('window.app.errors.length && window.app.errors')), [payload.msg])
    assert.equal((await getters(alice))[0], 'idle')
    await alice.raw.fill('#callee', 'bob')
    await rings(alice, bob, '#call-audio')
    await alice.click('#hangup')
    await told(bob, 'over')
  })

  it('handlers have the context that the page gave, and off() takes them away', async () => {
    const alice = await signedIn('alice')
    const heard = await alice.evaluate(() => {
      const { EVENT } = window.TRTCCalling
      const calling = window.app.trtcCalling
      const heard = []
      /** @this {any} */
      function note() {
        heard.push(this === calling ? 'the instance' : this.name)
      }
      const context = { name: 'a page' }
      calling.on(EVENT.ERROR, note)
      calling.on(EVENT.ERROR, note, context)
      return calling.groupCall({ userIDList: [], type: 1 }).catch(() => {
        calling.off(EVENT.ERROR, note, context)
        calling.off(EVENT.ERROR, note)
        return calling.groupCall({ userIDList: [], type: 1 }).catch(() => heard)
      })
    })
    assert.deepEqual(heard, ['the instance', 'a page'])
  })
})

describe('the pages of docs/web.md', () => {
  const BLOCK = /^```html\n([\s\S]*?)^```$/gm
  const blocks = (path) => [...text(path).matchAll(BLOCK)].map(([, html]) => html)
  const html = blocks('../../docs/web.md')
  /** @type {Rig} */ let rig
  /** @type {Pages} beside the server, at one origin */ let pages
  before(async () => {
    rig = await Rig.start(['alice', 'bob'])
    pages = await Pages.start(Object.fromEntries(html.map((page, n) => [`/docs/${n}.html`, page])), rig.server.port)
  })
  afterEach(() => closeAll(rig))
  after(async () => {
    await pages?.close()
    await rig?.stop()
  })

  /** The page that holds this, opened by both. */
  const opened = async (mark) => {
    const found = html.flatMap((page, n) => (page.includes(mark) ? [n] : []))
    assert.equal(found.length, 1, `one page has ${mark}`)
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async (name) => {
        const page = await opens(rig.devices[name], `${pages.url}/docs/${found[0]}.html?user=${name}`)
        await until(`${name} is signed in`, async () => (await page.session()).logins === 1)
        return page
      }),
    )
    return { alice, bob }
  }

  it('the Chinese page has the same ones, but for the comments', () => {
    const code = (page) => page.replace(/<!--[\s\S]*?-->|[ \t]*\/\/ .*$/gm, '').replace(/>[^<>{}]*[^\x00-\x7f\s][^<>{}]*</g, '><')
    const english = html.map((page) => code(page.replace(/>(Call bob|Answer|Hang up)</g, '><')))
    assert.deepEqual(blocks('../../docs/web.zh-CN.md').map(code), english)
  })

  it('the element: a call by its own screen', async () => {
    const { alice, bob } = await opened('<trtc-calling id="calling">')
    await alice.click('#call')
    await bob.click('.key.answer')
    await Promise.all([alice.hears('bob'), bob.hears('alice')])
    await Promise.all([alice.sees('bob', { shown: true }), bob.sees('alice', { shown: true })])
    const more = await alice.evaluate(async () => {
      /** @type {any} */ const calling = document.getElementById('calling')
      const speakers = await calling.getSpeakers()
      return [calling.connectionState, calling.currentCall.phase, Array.isArray(speakers), (await calling.getStats()).size > 0]
    })
    assert.deepEqual(more, ['online', 'connected', true, true])
    await alice.click('.key.end')
    await Promise.all([alice.tracks([]), bob.tracks([])])
  })

  for (const [what, mark] of [
    ['the class as a module', "import { TRTCCalling } from '/sdk/web/index.js'"],
    ['the class by a script tag', '<script src="/sdk/web/trtc-calling-js.js">'],
  ]) {
    it(`${what}: a call, seen in the page's own boxes`, async () => {
      const { alice, bob } = await opened(mark)
      await alice.click('#call')
      await bob.click('#answer')
      await Promise.all([alice.hears('bob'), bob.hears('alice')])
      await Promise.all([alice.sees('bob', { shown: true }), bob.sees('alice', { shown: true })])
      await alice.click('#hangup')
      await Promise.all([alice.tracks([]), bob.tracks([])])
    })
  }

  it('a page that imports trtc-calling-js by its name, unchanged, through an import map', async () => {
    const { alice, bob } = await opened("import TRTCCalling from 'trtc-calling-js'")
    await alice.click('#call')
    await Promise.all([alice.hears('bob'), bob.hears('alice')])
  })
})
