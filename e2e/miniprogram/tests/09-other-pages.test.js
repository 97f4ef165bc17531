/**
 * Pages in the manner of those that were written for the component's predecessors, in `pages/`: a search that asks the IM
 * instance, a chat that keeps the records of calls, handlers that say `this`, and a page with toasts of its own.
 */

import assert from 'node:assert/strict'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nothingMore } from '../../lib/expect-events.js'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'
import { bothWays, builtApp, call, configure, connect, gone, pageFiles, Rig, ring, TUICALLING } from '../lib/rig.js'
import { EventLog } from '../lib/event-log.js'

/** The shortest ring that a caller may ask for, in seconds. */
const SHORT_RING = 5

describe('pages that were written for the predecessors', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  const EMPTY = { wxml: '<text>elsewhere</text>' }

  /** An app whose user is known, as its pages find it in `getApp()`. */
  async function appOf(name, options) {
    const { sdkAppID, userID, userSig } = await rig.server.sign(name)
    const session = { sdkAppID, userID, userSig }
    return builtApp(rig.server, { ...options, app: `App(${JSON.stringify({ session, peer: name === 'bob' ? 'alice' : 'bob' })})` })
  }

  /** A phone with one of the pages open, signed in. */
  async function phone(name, page, { more, ...options } = /** @type {Parameters<typeof builtApp>[1]} */ ({})) {
    const path = `pages/${page}/${page}`
    const app = await appOf(name, { pages: { [path]: pageFiles(page), 'pages/empty/empty': EMPTY }, more, ...options })
    const opened = await rig.open(name, { app, entry: path })
    // The page takes it when its data is shown, which is after its onLoad.
    await until('the page has its component', () => opened.run((it) => it.TRTCCalling !== undefined))
    opened.eventLog = await EventLog.by(opened)
    await opened.run((it) => it.TRTCCalling.login().then(() => {}))
    await opened.settled()
    opened.eventLog.forget()
    return opened
  }

  // A search page of 2022, with TUICalling.

  /** The vendor's layout: the component's folder lies beside `pages`. */
  async function searching(name) {
    const path = 'pages/search/search'
    const app = await appOf(name, { pages: { [path]: pageFiles('search') } })
    rmSync(join(app.folder, 'components'), { recursive: true })
    rmSync(join(app.folder, 'pages/index'), { recursive: true })
    cpSync(TUICALLING, join(app.folder, 'TUICalling'), { recursive: true })
    configure(join(app.folder, 'TUICalling'), { server: `'${rig.server.url}'` })
    writeFileSync(join(app.folder, 'app.json'), JSON.stringify({ pages: [path] }))
    const opened = await rig.open(name, { app, entry: path })
    await opened.run((page) => page.ready.then(() => void (page.TRTCCalling = page.TUICalling)))
    opened.eventLog = await EventLog.by(opened)
    return opened
  }

  it('a search page of 2022, with TUICalling: finds whom it looks for, calls, and both hear each other; an empty name is nobody', async () => {
    const [alice, bob] = await Promise.all([searching('alice'), searching('bob')])
    await alice.tap('#search')
    await alice.reads('nobody of this name')
    await alice.type('#whom', 'bob')
    await alice.tap('#search')
    await until('he is found', () => alice.screen.find('#found').length === 1)
    assert.deepEqual(alice.peek('page.data.found'), { userID: 'bob', nick: 'bob', avatar: '' })
    await alice.tap('#call')
    await bob.eventLog.event('INVITED')
    await until('it rings', () => bob.rings)
    assert.equal(bob.sounds.at(-1).src, '/TUICalling/static/ring.mp3')
    await bob.tap('#accept')
    await bothWays(alice, bob, 1)
    await alice.tap('#hangup')
    await gone(alice, bob)
  })

  // A chat page keeps of a call, on each side.

  const lines = (chat) => chat.peek('page.data.records').map(({ line }) => line)
  const TALKED = 'talked 00:0'

  /** The lines of both pages are these: no more come. A line may go on: how long they talked is not known here. */
  async function kept(alice, bob, expected) {
    const both = () => [lines(alice), lines(bob)]
    const fits = (found, wanted) => found.length === wanted.length && found.every((line, n) => line.startsWith(wanted[n]))
    const all = () => both().every((found, n) => fits(found, expected[n]))
    await until('both have their records', all, { last: both })
    await nothingMore(alice, bob)
    assert.ok(all(), JSON.stringify(both()))
  }

  /** @type {{ flow: string, run: (alice: any, bob: any, carol: any) => Promise<void>, alice: string[], bob: string[], strict?: true }[]} */
  const TABLE = [
    {
      flow: 'that it was made, answered, and how long they talked',
      run: async (alice, bob) => {
        await connect(alice, bob, 2)
        await alice.tap('#hangup')
      },
      alice: ['video call', TALKED],
      bob: ['answered', TALKED],
    },
    {
      flow: 'that it was made, and refused by the key',
      run: async (alice, bob) => {
        await ring(alice, bob)
        await bob.tap('#reject')
      },
      alice: ['voice call'],
      bob: ['refused'],
    },
    {
      flow: 'the same of a refusal by hangup()',
      run: async (alice, bob) => {
        await ring(alice, bob)
        await bob.run((page) => page.TRTCCalling.hangup().then(() => {}))
      },
      alice: ['voice call'],
      bob: ['refused'],
    },
    {
      flow: 'the refusal once, on both sides, where CALL_END follows it',
      strict: true,
      run: async (alice, bob) => {
        await ring(alice, bob)
        await bob.tap('#reject')
      },
      alice: ['voice call', 'refused'],
      bob: ['refused'],
    },
    {
      flow: 'that it was cancelled, at who did it',
      run: async (alice, bob) => {
        await ring(alice, bob)
        await alice.tap('#hangup')
      },
      alice: ['voice call', 'cancelled'],
      bob: [],
    },
    {
      flow: 'that nobody answered',
      run: (alice, bob) => ring(alice, bob, { timeout: SHORT_RING }),
      alice: ['voice call', 'no answer'],
      bob: ['no answer'],
    },
    {
      flow: 'that it changed from video to voice and back, and that they talked',
      run: async (alice, bob) => {
        await connect(alice, bob, 2)
        await alice.tap('#voice')
        await bob.eventLog.event('CALL_MODE')
        await bob.run((page) => page.TRTCCalling.switchVideoCall().then(() => {}))
        await alice.eventLog.event('CALL_MODE')
        await bob.run((page) => page.TRTCCalling.switchAudioCall().then(() => {}))
        for (const side of [alice, bob]) {
          await until(`${side.userID} is told of the third`, () => side.eventLog.names().filter((event) => event === 'CALL_MODE').length === 3)
        }
        await bob.tap('#hangup')
      },
      alice: ['video call', 'to voice', 'to video', 'to voice', TALKED],
      bob: ['answered', 'to voice', 'to video', 'to voice', TALKED],
    },
    {
      flow: 'that it was answered, where the callee calls back while it rings',
      run: async (alice, bob) => {
        await ring(alice, bob)
        await call(bob, 'alice')
        await Promise.all([alice.eventLog.event('USER_ENTER'), bob.eventLog.event('USER_ENTER')])
        await alice.tap('#hangup')
      },
      alice: ['voice call', TALKED],
      bob: ['answered', TALKED],
    },
    {
      flow: 'that it was made, where the callee is busy',
      run: async (alice, bob, carol) => {
        await call(carol, 'bob')
        await bob.eventLog.event('INVITED')
        await call(alice, 'bob')
        await alice.eventLog.event('LINE_BUSY')
        await bob.tap('#reject')
      },
      alice: ['voice call'],
      bob: [],
    },
  ]

  for (const { flow, run, strict = false, ...expected } of TABLE) {
    it(`a chat page keeps of a call, on each side: ${flow}`, async () => {
      const open = (name) => phone(name, 'chat', { strictCallEnd: strict })
      const [alice, bob, carol] = await Promise.all([open('alice'), open('bob'), expected.bob.length || strict ? undefined : open('carol')])
      const began = Math.floor(Date.now() / 1000)
      await run(alice, bob, carol)
      await kept(alice, bob, [expected.alice, expected.bob])
      for (const [chat, self, to] of /** @type {const} */ ([
        [alice, 'alice', 'bob'],
        [bob, 'bob', 'alice'],
      ])) {
        const records = chat.peek('page.data.records')
        assert.equal(new Set(records.map(({ ID }) => ID)).size, records.length, 'each has an ID of its own')
        for (const { from, flow: side, nick, avatar, status, time, payload, conversationType, ...record } of records) {
          assert.deepEqual(
            { from, to: record.to, side, nick, avatar, status, conversationType },
            {
              from: self,
              to,
              side: 'out',
              nick: self,
              avatar: '',
              status: 'success',
              conversationType: 'C2C',
            },
          )
          assert.ok(Number.isInteger(time) && time >= began && time <= Date.now() / 1000, `${time}`)
          const text = await chat.run((page, give) => page.TRTCCalling.extractCallingInfoFromMessage(give({ payload })))
          assert.notEqual(text, '')
          assert.deepEqual([payload.description, payload.extension], [text, text])
        }
      }
    })
  }

  it('a chat page keeps of a call, on each side: the seconds that CALL_END says, and the calls one after the other, each under IDs of its own', async () => {
    const [alice, bob] = await Promise.all([phone('alice', 'chat'), phone('bob', 'chat')])
    for (let n = 0; n < 2; n++) {
      await connect(alice, bob, 1)
      await bob.tap('#hangup')
      const { call_end: seconds, message } = await alice.eventLog.event('CALL_END')
      await kept(
        alice,
        bob,
        n
          ? [
              ['voice call', TALKED, 'voice call', TALKED],
              ['answered', TALKED, 'answered', TALKED],
            ]
          : [
              ['voice call', TALKED],
              ['answered', TALKED],
            ],
      )
      const record = alice.peek('page.data.records').at(-1)
      assert.equal(record.line, `talked 00:0${seconds}`)
      assert.equal(record.ID, message.ID)
      assert.equal(record.payload.description, `结束通话，通话时长：00:00:0${seconds}`)
    }
    assert.equal(new Set(alice.peek('page.data.records').map(({ ID }) => ID)).size, 4)
  })

  // Handlers that are neither bound nor given a context.

  it('handlers that are neither bound nor given a context have the page as their `this`, those of a component in it that component, and a context that is given holds', async () => {
    const more = { 'pages/plain/dialer': pageFiles('dialer', 'plain') }
    const [alice, bob] = await Promise.all([rig.phone('alice'), phone('bob', 'plain', { more })])
    await connect(alice, bob, 1)
    assert.equal(bob.peek('page.data.state'), 'alice calls')
    await alice.tap('#hangup')
    await bob.reads('over, alice calls')
    assert.equal(bob.peek('page.counter.ends'), 1)
    assert.deepEqual([bob.peek('page.data.method'), bob.peek('page.data.arrow')], [true, true])
    assert.equal(await bob.run((page) => page.selectComponent('#dialer').data.ends), 1)
    assert.deepEqual(bob.errors, [])
  })

  // A page with toasts of its own.

  const END = /^对方已挂断 · 00:00:\d\d$/

  /** The page's toast and the reason of the end are there together, and when the reason goes the toast stays. */
  async function bothThere(phone, toast, reason) {
    const read = await until(
      'both can be read',
      () => {
        const texts = phone.texts()
        return texts.includes(toast) && texts.some((text) => reason.test(text)) ? texts : undefined
      },
      { last: () => phone.texts() },
    )
    assert.equal(read.filter((text) => reason.test(text)).length, 1)
    await until('the reason goes', () => !phone.texts().some((text) => reason.test(text)), { last: () => phone.texts() })
    assert.equal(phone.overlay.toast?.title, toast)
    assert.deepEqual(phone.overlay.toasts, [toast])
  }

  it('a page with toasts of its own keeps the one that it shows at the end, and its user reads the reason besides', async () => {
    const [alice, bob] = await Promise.all([phone('alice', 'toast'), phone('bob', 'toast')])
    await connect(alice, bob, 1)
    await bob.run((page) => void page.sayAndHangUp())
    await Promise.all([bothThere(alice, 'lesson over: CALL_END', END), bothThere(bob, 'good bye', /^通话结束 · 00:00:\d\d$/)])
  })

  it('a page with toasts of its own keeps it where the call was refused', async () => {
    const [alice, bob] = await Promise.all([phone('alice', 'toast'), rig.phone('bob')])
    await ring(alice, bob)
    await bob.tap('#reject')
    await Promise.all([bothThere(alice, 'lesson over: REJECT', /^对方已拒绝$/), bob.reads(/^已拒绝$/)])
  })

  it('a page with toasts of its own does not lie over the next call: the reason of the last one is gone when that rings', async () => {
    const [alice, bob] = await Promise.all([phone('alice', 'toast'), rig.phone('bob')])
    await ring(bob, alice)
    await bob.tap('#hangup')
    await alice.reads('对方已取消')
    await ring(bob, alice)
    assert.deepEqual(
      alice.texts().filter((text) => text === '对方已取消'),
      [],
    )
    await alice.tap('#reject')
    await bob.eventLog.event('REJECT')
  })

  it('a page with toasts of its own is told by a toast where a page without the tag is in front: nothing else can say it', async () => {
    const [alice, bob] = await Promise.all([phone('alice', 'toast'), rig.phone('bob')])
    await connect(alice, bob, 1)
    await alice.run((page) => page.TRTCCalling.off())
    await alice.visit('pages/empty/empty')
    await bob.tap('#hangup')
    await until('the toast says it', () => END.test(alice.overlay.toast?.title ?? ''), { last: () => alice.overlay.toasts })
  })
})
