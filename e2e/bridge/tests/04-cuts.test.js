/** What is cut between a phone and a browser while they talk: each is heard and seen again, or the other is told one end. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../lib/deadline.js'
import { Proxy } from '../../lib/proxy.js'
import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { answers, enters, exactly, noEvents, sentence } from '../../lib/expect-events.js'
import { cleared } from '../../miniprogram/lib/rig.js'
import { BROWSER, PHONE, Rig } from '../lib/rig.js'
import { bothWays, connect, onBrowser, onPhone, ring } from '../lib/sides.js'
import { talking } from '../lib/talk.js'

/** How long a network is away. */
const AWAY_MS = 2000
/** Pause of a real tag between two of its tries, about. */
const PHONE_RETRY_MS = 3000
/** Share of datagrams that a bad network loses. */
const BAD = 0.05

describe('a call between a phone and a browser', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  describe("when the browser's page", () => {
    it('is reloaded in mid-call: the phone is told one end, at once, and the next page can call', async () => {
      const { phone, browser, p } = await talking(rig)
      await browser.page.raw.reload()
      const { inviteID } = await phone.eventLog.event('CALL_END')
      // The page has said so: whoever is only missed for the grace is lost.
      assert.equal((await rig.server.outcome(inviteID)).reason, 'Hangup')
      await exactly([p.eventLog, ['USER_LEAVE', 'CALL_END']])
      await cleared(phone)
      await browser.page.close()
      p.eventLog.forget()
      const next = onBrowser(await rig.browser())
      await connect(next, p, 2)
      await bothWays(next, p, 2)
    })

    it('is reloaded while it rings: the next page answers', async () => {
      const [phone, browser] = await rig.pair()
      const p = onPhone(phone)
      await ring(p, onBrowser(browser), { type: 2 })
      await browser.page.raw.reload()
      await browser.page.close()
      const next = onBrowser(await rig.browser())
      await next.event('INVITED')
      await next.accept()
      await bothWays(next, p, 2)
      await exactly([p.eventLog, answers(BROWSER, 2)], [next.eventLog, ['INVITED', ...enters(PHONE, 2)]])
    })

    it('loses its socket for two seconds: sound and picture go on, and no event comes of it', async () => {
      const proxy = await Proxy.start(rig.server.port)
      try {
        const { browser, p, b, both } = await talking(rig, { browser: { url: proxy.url } })
        const before = [await p.same(), await b.same()]
        const { resumed } = await browser.page.session()
        proxy.cut()
        const back = delay(AWAY_MS)
        await both()
        await back
        proxy.heal()
        await until('it has resumed', async () => (await browser.page.session()).resumed > resumed)
        await both()
        assert.deepEqual([await p.same(), await b.same()], before)
        await noEvents(p, b)
        await browser.close()
      } finally {
        await proxy.close()
      }
    })
  })

  describe("when the phone's", () => {
    it('push connection is cut: it pushes again, the browser keeps its connection, and nobody is told', async () => {
      const { phone, p, b, both } = await talking(rig)
      const [player, path] = [phone.players[0].connections, await b.same()]
      const { pid, connections } = phone.pusher
      process.kill(pid)
      await until('it pushes again', () => phone.pusher.connections === connections + 1 && phone.pusher.publishing)
      await both()
      assert.equal(phone.players[0].connections, player)
      assert.deepEqual(await b.same(), path)
      await noEvents(p, b)
    })

    it('RTMP connections are cut three times, both: they come back, and nobody is told', async () => {
      const { phone, p, b, both } = await talking(rig)
      const path = await b.same()
      for (let n = 0; n < 3; n++) {
        const [pusher, player] = [phone.pusher.connections, phone.players[0].connections]
        await phone.network.block(rig.phones.rtmpPort)
        phone.network.unblock(rig.phones.rtmpPort)
        await until('both connect anew', () => phone.pusher.connections > pusher && phone.players[0].connections > player)
        await both()
      }
      assert.deepEqual(await b.same(), path)
      await noEvents(p, b)
    })

    it('tags have given up: they begin anew, and only the phone is told', async () => {
      const { phone, p, b, both } = await talking(rig, { phone: { retryMs: 50 } })
      const from = [phone.codes('live-pusher').length, phone.codes('live-player').length]
      await phone.network.block(rig.phones.rtmpPort)
      await phone.code('live-pusher', -1307, { from: from[0] })
      await phone.code('live-player', -2301, { from: from[1] })
      phone.network.unblock(rig.phones.rtmpPort)
      await both()
      await exactly([p.eventLog, [['ERROR', { code: -1307, message: sentence }]]], [b.eventLog, []])
    })

    it('network is away for two seconds: they go on, and no page is told', async () => {
      // As patient as a phone: its tags do not give up meanwhile.
      const { phone, p, b, both } = await talking(rig, { phone: { retryMs: PHONE_RETRY_MS } })
      const path = await b.same()
      await phone.network.cut()
      await delay(AWAY_MS)
      await phone.network.heal()
      await both()
      assert.deepEqual(await b.same(), path)
      await noEvents(p, b)
    })

    it('network becomes another one', async () => {
      const { phone, p, b, both } = await talking(rig)
      await phone.network.change('4g')
      await both()
      await noEvents(p, b)
    })
  })
})

describe("a browser's media network", () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start({ relay: true })))
  afterEach(async () => {
    rig.server.relay.lose(0)
    await rig.clear()
  })
  after(() => rig?.stop())

  it('that is cut for a moment: the same path goes on, and the phone keeps its connections', async () => {
    const { p, b, both } = await talking(rig)
    const before = [await p.same(), await b.same()]
    rig.server.relay.lose(1)
    await p.hearsNobody() // silence, not nothing
    rig.server.relay.lose(0)
    await both()
    assert.deepEqual([await p.same(), await b.same()], before)
    await noEvents(p, b)
  })

  it('that is cut until the browser gives its path up: both are heard and seen again, and no event comes of it', async () => {
    const { browser, p, b, both } = await talking(rig)
    const before = await p.same()
    rig.server.relay.lose(1)
    await until('the first path is given up', () => browser.page.evaluate(() => window.__e2e.connections().length > 1))
    rig.server.relay.lose(0)
    await both()
    assert.deepEqual(await p.same(), before, 'the phone has not noticed')
    await noEvents(p, b)
  })

  it('that loses one datagram in twenty: both are heard and seen', async () => {
    const { both, p, b } = await talking(rig)
    rig.server.relay.lose(BAD)
    await delay(AWAY_MS)
    await both()
    await noEvents(p, b)
  })
})
