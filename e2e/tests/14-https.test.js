/**
 * The third device: a browser that reaches the server at an address of the network, over HTTPS with the server's own CA.
 * One person has imported the CA, the other has not; nothing is switched off in either browser.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { PATIENCE_MS, until } from '../lib/deadline.js'
import { Demo, DemoPhone } from '../lib/demo.js'
import { closePages, Device } from '../lib/device.js'
import { Rig } from '../lib/rig.js'
import { outsideAddress } from '../lib/server.js'
import { Home } from '../lib/trust.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

/** Keys of the keyboard until something must have been reached. */
const MOST_TABS = 20

/** The screen of a small telephone, in CSS pixels. */
const PHONE = { width: 360, height: 640 }

/** @typedef {{ state: string, verdict: string, checks: string[], open: string[], go: string | null }} Install */

/** What a person sees of the install page. @returns {Promise<Install>} */
const seen = (page) =>
  page.evaluate(() => {
    const { visible } = window.__e2e
    const go = /** @type {HTMLAnchorElement} */ (document.getElementById('go'))
    return {
      state: document.getElementById('status').dataset.state,
      verdict: document.getElementById('verdict').innerText,
      checks: [...document.querySelectorAll('.checks li')].filter(visible).map((li) => li.className),
      open: [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('details[open]'))].map((d) => d.dataset.platform),
      go: visible(go) ? go.href : null,
    }
  })

/** @param {import('../lib/device.js').Page} page @param {string} what @param {(seen: any) => boolean} is @returns {Promise<any>} */
const install = async (page, what, is) => {
  /** @type {any} */ let last
  await until(`the install page is ${what}`, async () => is((last = await seen(page))), { last: () => last })
  return last
}

describe('a third device over https', () => {
  /** @type {Rig} */ let rig
  /** @type {Home[]} */ const homes = []
  /** @type {import('../lib/device.js').Page[]} */ let pages = []
  let plain, secure, ca, laptop
  before(async () => {
    const address = outsideAddress()
    assert.ok(address, 'this machine has no address besides loopback: connect it to a network for this test')
    rig = await Rig.start([], { server: { loopback: false, outside: true } })
    laptop = `http://127.0.0.1:${rig.server.port}`
    plain = `http://${address}:${rig.server.port}`
    const { httpsPort } = await (await fetch(`${laptop}/demo/config.json`)).json()
    secure = `https://${address}:${httpsPort}`
    ca = join(rig.server.folder, 'data/ca/ca.crt')
    homes.push(Home.make(), Home.make(), Home.make())
    await homes[0].trust(ca)
    const of = (home) => ({ loopback: false, home: home.path })
    rig.devices.carol = await Device.start('carol', { ...of(homes[0]), hosts: { 'bank.example': '127.0.0.1' } })
    rig.devices.bob = await Device.start('bob', of(homes[1]))
    rig.devices.alice = await Device.start('alice', of(homes[2]))
  })
  afterEach(async () => {
    const faults = await closePages(pages)
    await rig.clear()
    assert.deepEqual(faults, [])
  })
  after(async () => {
    await rig?.stop()
    for (const home of homes) home.remove()
  })

  /** @returns {Promise<import('../lib/device.js').Page>} */
  const open = async (who, url, options) => {
    const page = await rig.devices[who].open(url, options)
    pages.push(page)
    return page
  }

  it('the greeting names the secure address and the page for phones, and the fingerprint is the CA’s', () => {
    const { greeting } = rig.server
    assert.ok(greeting.includes(`${secure}/`), greeting)
    assert.ok(greeting.includes(`${plain}/install`), greeting)
    assert.ok(greeting.includes(new X509Certificate(readFileSync(ca)).fingerprint256), greeting)
  })

  it('who has not imported the CA is refused the page', async () => {
    await assert.rejects(rig.devices.bob.open(secure), /ERR_CERT_AUTHORITY_INVALID/)
  })

  it('the install page says so to them, opens the steps of their device and gives the CA', async () => {
    const page = await open('bob', `${plain}/install`)
    const told = await install(page, 'sure', (s) => s.state === 'untrusted')
    assert.deepEqual(told.checks, ['no', 'no'])
    assert.equal(told.go, null)
    assert.deepEqual(told.open, ['linux'])
    const print = await page.evaluate(() => document.getElementById('fingerprint').textContent)
    assert.equal(print, new X509Certificate(readFileSync(ca)).fingerprint256)
    const [download] = await Promise.all([page.raw.waitForEvent('download'), page.click('details[open] .button')])
    assert.equal(download.suggestedFilename(), 'tring-ca.crt')
    const der = readFileSync(await download.path())
    assert.equal(new X509Certificate(der).fingerprint256, print)
    await page.click('[data-language="zh"]')
    await install(page, 'Chinese', (s) => s.verdict.startsWith('尚未信任'))
  })

  for (const [agent, platform] of [
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1', 'ios'],
    ['Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36', 'android'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'firefox'],
  ]) {
    it(`the steps for ${platform} are open on such a device, and fit its screen`, async () => {
      const page = await open('bob', `${plain}/install`, { userAgent: agent, viewport: { width: 360, height: 780 } })
      const told = await install(page, 'sure', (s) => s.state === 'untrusted')
      assert.deepEqual(told.open, [platform])
      const link = await page.evaluate(() => document.querySelector('details[open] .button').getAttribute('href'))
      assert.equal(link, `/install/tring-ca.${platform === 'ios' ? 'mobileconfig' : 'crt'}`)
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, 'nothing is cut off')
    })
  }

  it('the install page works by keyboard', async () => {
    const page = await open('bob', `${plain}/install`)
    await install(page, 'sure', (s) => s.state === 'untrusted')
    const focus = () => page.evaluate(() => document.activeElement.closest('details')?.dataset.platform ?? document.activeElement.id)
    const tabTo = async (what) => {
      for (let n = 0; n < MOST_TABS; n++) {
        await page.press('Tab')
        if ((await focus()) === what) return
      }
      assert.fail(`${what} cannot be reached by Tab`)
    }
    await tabTo('again')
    await page.press('Enter')
    await install(page, 'sure again', (s) => s.state === 'untrusted')
    await tabTo('ios')
    await page.press('Enter')
    await install(page, 'unfolded', (s) => s.open.includes('ios'))
  })

  it('who has imported it is told so, may stay, and is led to the call page', async () => {
    const page = await open('carol', `${plain}/install?stay`)
    const told = await install(page, 'sure', (s) => s.state === 'trusted')
    assert.deepEqual(told.checks, ['yes', 'yes'])
    assert.equal(told.go, `${secure}/?phone=carol`)
    await page.raw.goto(`${plain}/install`)
    await page.raw.waitForURL(`${secure}/?phone=carol`)
    const carol = new DemoPhone(page, 'carol')
    await carol.until('online', (s) => s.state === 'online')
  })

  it('a thief of the CA’s key is not believed to be another site, even by who has imported it', async () => {
    const folder = join(rig.server.folder, 'thief')
    mkdirSync(folder)
    const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe', timeout: PATIENCE_MS })
    const forge = (name) => {
      openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x', '-keyout', 'key.pem', '-out', 'csr.pem')
      writeFileSync(join(folder, 'ext'), `subjectAltName = DNS:${name}\nextendedKeyUsage = serverAuth\n`)
      const by = ['-CA', ca, '-CAkey', join(rig.server.folder, 'data/ca/ca.key')]
      openssl('x509', '-req', '-in', 'csr.pem', ...by, '-days', '30', '-extfile', 'ext', '-out', 'cert.pem')
      return { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem')) }
    }
    const thief = createServer(forge('thief.localhost'), (_, response) => response.end('yours'))
    await new Promise((resolve) => thief.listen(0, '127.0.0.1', () => resolve(undefined)))
    try {
      const { port } = /** @type {import('node:net').AddressInfo} */ (thief.address())
      // What the CA may sign for is believed: the forgery itself is no bad one. (`localhost` needs no name server.)
      await open('carol', `https://thief.localhost:${port}/`)
      thief.setSecureContext(forge('bank.example'))
      await assert.rejects(rig.devices.carol.open(`https://bank.example:${port}/`), /ERR_CERT_/)
    } finally {
      thief.closeAllConnections()
      await new Promise((resolve) => thief.close(resolve))
    }
  })

  for (const [from, kind] of [
    ['laptop', 'video'],
    ['carol', 'voice'],
  ]) {
    it(`${from} calls over https and wss: both are heard${kind === 'video' ? ' and seen' : ''}`, async () => {
      const page = await open('carol', `${secure}/?phone=carol`, { viewport: PHONE })
      const carol = new DemoPhone(page, 'carol')
      await carol.until('online', (s) => s.state === 'online')
      const demo = await Demo.open(rig.devices.alice, laptop)
      pages.push(demo.page)
      const [alice] = demo.phones
      await alice.click('.extras [aria-pressed="false"]') // its loudspeaker
      const key = kind === 'video' ? '.dial.video' : '.dial:not(.video)'
      const [caller, callee] = from === 'laptop' ? [alice, carol] : [carol, alice]
      await caller.click(`.contact:has([aria-label^="${callee.user}:"]) ${key}`)
      await callee.until('ringing', (s) => s.phase === 'ringing' && s.name === caller.user)
      await callee.key('answer')
      for (const phone of [alice, carol]) await phone.phase('connected')
      await page.hears('alice')
      await demo.page.hears('carol')
      if (kind === 'video') {
        await page.sees('alice', { shown: true })
        await demo.page.sees('carol', { shown: true })
      }
      const bottom = () => Math.max(...window.__e2e.findAll('.key').map((key) => key.getBoundingClientRect().bottom + scrollY))
      assert.ok((await page.evaluate(bottom)) <= PHONE.height, 'a phone shows all keys without scrolling')
      await caller.key('end')
      for (const phone of [alice, carol]) await phone.phase(null)
    })
  }

  it('a page without https says where to go', async () => {
    const page = await open('bob', plain)
    const link = () => page.evaluate(() => /** @type {HTMLAnchorElement | null} */ (document.querySelector('#banner:not([hidden]) a'))?.href)
    assert.equal(await until('the banner has a link', link), `${plain}/install`)
  })

  it('a browser that opens the page but refuses the socket is told why, as iOS does', async () => {
    // Chromium has no such browser to offer: the socket of this page leads to a port that nobody has.
    const onPage = (raw) =>
      raw.addInitScript(() => {
        const Real = window.WebSocket
        window.WebSocket = class extends Real {
          constructor(url, ...more) {
            super(String(url).replace(/:\d+\//, ':1/'), ...more)
          }
        }
      })
    const page = await open('carol', `${secure}/?phone=carol`, { onPage })
    const text = () => page.evaluate(() => /** @type {HTMLElement | null} */ (document.querySelector('#banner:not([hidden])'))?.innerText)
    assert.match(await until('the banner says something', text), /refuses this server’s secure socket/)
    const half = await open('carol', `${plain}/install?stay`, { onPage })
    const told = await install(half, 'sure', (s) => s.state === 'half')
    assert.deepEqual(told.checks, ['yes', 'no'])
  })
})
