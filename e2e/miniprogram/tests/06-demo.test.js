/** The demo project, as it is built for WeChat's developer tools: two people sign in, call by its buttons, talk and see. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MINIPROGRAM_DEMO } from '../../lib/paths.js'
import { readGuide } from '../lib/guide.js'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, GUIDE, Rig } from '../lib/rig.js'

const CONTACTS = 'pages/contacts/contacts'
const CALL = 'pages/call/call'

describe('the demo project', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  const at = (phone, path) => until(`${phone.userID} is on ${path}`, () => phone.pages.top.path === path, { last: () => phone.texts() })
  const events = (phone) => phone.peek('page.data.lines').map(({ name }) => name)

  /** Opens the app, and signs in on its first page. */
  async function signedIn(name, { storage } = /** @type {{ storage?: Map<string, string> }} */ ({})) {
    const phone = await rig.open(name, { app: { folder: MINIPROGRAM_DEMO }, entry: 'pages/signin/signin', ...(storage ? { storage } : {}) })
    if (storage) return phone
    await phone.type('#server', rig.server.url)
    await phone.type('#user', name)
    await phone.tap('#signin')
    await at(phone, CONTACTS)
    await phone.reads('已登录，等待来电')
    return phone
  }

  async function calls(phone, userID, button) {
    await phone.type('#whom', userID)
    await phone.tap(button)
    await at(phone, CALL)
  }

  it('has the tag of the guide to the letter', () => {
    const { wxml } = readGuide(GUIDE)
    const tag = wxml.slice(wxml.indexOf('<TRTCCalling'))
    assert.ok(readFileSync(join(MINIPROGRAM_DEMO, `${CALL}.wxml`), 'utf8').startsWith(tag.trimEnd()))
  })

  it('calls by video: it rings on the contacts page, is answered, both hear and see, and both are back', async () => {
    const [alice, bob] = await Promise.all([signedIn('alice'), signedIn('bob')])
    await calls(alice, 'bob', '#video')
    await at(bob, CALL)
    await until('it rings', () => bob.rings)
    await bob.reads('alice')
    await bob.tap('#accept')
    await bothWays(alice, bob, 2)
    assert.deepEqual(await Promise.all([alice.hears(), bob.hears(), alice.sees(), bob.sees()]), ['bob', 'alice', 'bob', 'alice'])
    assert.deepEqual(events(alice), ['USER_ENTER'])
    await bob.tap('#hangup')
    await Promise.all([at(alice, CONTACTS), at(bob, CONTACTS)])
    for (const phone of [alice, bob]) {
      assert.equal(phone.pusher, undefined)
      assert.equal(phone.sockets.size, 1, 'still signed in')
    }
    await alice.reads('bob') // among the newest contacts
    // And back, from the phone that was called.
    await calls(bob, 'alice', '#voice')
    await at(alice, CALL)
    await alice.tap('#accept')
    await bothWays(alice, bob, 1)
    await alice.tap('#hangup')
    await Promise.all([at(alice, CONTACTS), at(bob, CONTACTS)])
  })

  it('leaves the call page on both phones when the callee refuses, also where it was opened for a call before', async () => {
    const [alice, bob] = await Promise.all([signedIn('alice'), signedIn('bob')])
    await calls(alice, 'bob', '#voice')
    await at(bob, CALL)
    await bob.tap('#reject')
    await alice.reads('对方已拒绝')
    await Promise.all([at(alice, CONTACTS), at(bob, CONTACTS)])
    // Alice's page of an outgoing call is in front when she is called, and refuses.
    await bob.type('#whom', 'alice')
    await calls(alice, 'nobody-of-this-name', '#voice')
    await alice.tap('#hangup')
    await until('her call is over', () => events(alice).includes('CALL_END')) // until then she is busy
    await bob.tap('#voice')
    await until('it rings at alice', () => alice.rings)
    await alice.tap('#reject')
    await Promise.all([at(alice, CONTACTS), at(bob, CONTACTS)])
    assert.deepEqual([alice.pages.stack.length, bob.pages.stack.length], [1, 1])
  })

  it('says what is wrong with a server or a name', async () => {
    const phone = await rig.open('alice', { app: { folder: MINIPROGRAM_DEMO }, entry: 'pages/signin/signin' })
    await phone.type('#server', 'calls.example.com')
    await phone.type('#user', 'alice')
    await phone.tap('#signin')
    await phone.reads('请填写完整的服务器地址')
    await phone.type('#server', rig.server.url)
    await phone.type('#user', 'undefined')
    await phone.tap('#signin')
    await phone.reads('这个用户名不能使用')
    assert.deepEqual(phone.connects, [])
  })

  it('remembers who was signed in when it is opened again', async () => {
    const before = await signedIn('alice')
    const { storage } = before
    await before.kill()
    const again = await signedIn('alice', { storage })
    await at(again, CONTACTS)
    await again.reads('已登录，等待来电')
    await again.tap('#signout')
    await again.reads('服务器地址')
    await until('it is signed out', () => again.sockets.size === 0)
  })

  it('asks for another UserSig where the phone’s clock is slow, and what it takes for fresh has expired', async () => {
    const server = rig.server.url
    const { sdkAppID } = await rig.server.sign('alice')
    const day = 24 * 3600
    // Valid for a second from now; the phone's clock, which is a day slow, gives it 24 hours more.
    const userSig = (await rig.server.command('usersig', 'sign', '--user', 'alice', '--app', String(sdkAppID), '--expire', '1')).trim()
    const expireAt = Math.floor(Date.now() / 1000) + 1
    await until('it has expired', () => Date.now() / 1000 > expireAt + 1)
    const storage = new Map([['tring-demo-session', JSON.stringify({ server, sdkAppID, userID: 'alice', userSig, expireAt })]])
    const phone = await rig.open('alice', { app: { folder: MINIPROGRAM_DEMO }, entry: 'pages/signin/signin', storage, ahead: -day * 1000 })
    await at(phone, CONTACTS)
    await phone.reads('已登录，等待来电')
    assert.notEqual(JSON.parse(storage.get('tring-demo-session')).userSig, userSig)
  })
})
