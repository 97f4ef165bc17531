/**
 * The demo in each state and the page of the local CA, in two languages, wide and as narrow as a telephone: PNG files in
 * `out/`, to be looked at. `--install`: the latter only.
 */

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './lib/deadline.js'
import { Demo } from './lib/demo.js'
import { Device } from './lib/device.js'
import { Rig } from './lib/rig.js'
import { outsideAddress, Server } from './lib/server.js'
import { Home } from './lib/trust.js'

const OUT = fileURLToPath(new URL('out', import.meta.url))
const LANGUAGES = ['en', 'zh']
const VIEWPORTS = { wide: { width: 1440, height: 860 }, narrow: { width: 360, height: 780 } }

/** Who reads the install page: a telephone where it is narrow. */
const AGENTS = {
  wide: undefined,
  narrow: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1',
}

/** Datagrams that are lost while the network is weak. */
const WEAK = 0.25
/** One call, and no second one: then it is refused. */
const ONE_CALL = { limits: { calls_burst: 1, calls_per_minute: 1 } }

const talking = ({ phase, status, notices }) => phase === 'connected' && /^\d\d:\d\d/.test(status) && notices.length === 0

/** Waits until nothing on the page moves but what always moves. */
const settled = (page) =>
  until('the animations are over', () =>
    page.evaluate(() => {
      const roots = [
        document,
        ...window.__e2e
          .findAll('trtc-calling')
          .map((e) => e.shadowRoot)
          .filter(Boolean),
      ]
      const running = roots.flatMap((root) => root.getAnimations())
      return running.every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)
    }),
  )

/** @param {Demo['phones']} phones @param {'voice' | 'video'} kind */
async function call([alice, bob], kind) {
  await alice.dial(kind)
  await bob.until('ringing', ({ phase, name }) => phase === 'ringing' && name)
  await bob.key('answer')
  for (const phone of [alice, bob]) await phone.until('talking', talking)
}

/** @param {Rig} rig @param {Server} strict one that refuses the second call @param {Device} refuser whose person allows nothing */
async function album(rig, strict, refuser, language, size) {
  const take = async ({ page }, state) => {
    await settled(page)
    await page.raw.screenshot({ path: join(OUT, `${language}-${size}-${state}.png`), fullPage: true })
    console.log(`${language}-${size}-${state}.png`)
  }
  const view = { language, viewport: VIEWPORTS[size] }
  const over = async (phones) => {
    for (const phone of phones) await phone.phase(null)
  }

  const proxy = await rig.proxy()
  const demo = await Demo.open(rig.devices.alice, proxy.url, view)
  const [alice, bob] = demo.phones
  await take(demo, '01-idle')

  proxy.freeze()
  await alice.dial('video')
  await alice.until('dialing', ({ phase, status }) => phase === 'calling' && status)
  await take(demo, '02-dialing')
  proxy.heal()
  await bob.until('ringing', ({ phase, name }) => phase === 'ringing' && name)
  await take(demo, '03-ringing-video')
  await bob.key('end')
  await Promise.all([alice, bob].map((phone) => phone.phase('ended')))
  await take(demo, '04-ended-declined')
  await over(demo.phones)

  await alice.dial('voice')
  await bob.until('ringing', ({ phase, name }) => phase === 'ringing' && name)
  await take(demo, '05-ringing-voice')
  await bob.key('answer')
  for (const phone of demo.phones) await phone.until('talking', talking)
  await take(demo, '06-voice')
  await alice.key('mic')
  await bob.until('told that the other is muted', (s) => s.notices.length === 1)
  await take(demo, '07-voice-muted')
  await alice.key('mic')
  await alice.key('end')
  const said = ({ phase, status }) => phase === 'ended' && /\d\d:\d\d/.test(status)
  await Promise.all([alice, bob].map((phone) => phone.until('saying how it ended', said)))
  await take(demo, '08-ended-hung-up')
  await over(demo.phones)

  await call(demo.phones, 'video')
  for (const phone of demo.phones) await phone.until('with pictures', (s) => s.pictures.length === 2)
  await take(demo, '09-video')
  await alice.key('cam')
  await bob.until('without picture', (s) => s.notices.length === 1)
  await take(demo, '10-video-camera-off')
  await alice.key('cam')
  await bob.until('with a picture again', (s) => s.notices.length === 0 && s.pictures.length === 2)
  await alice.key('devices')
  await alice.until('showing devices', (s) => s.sheet)
  await until('the devices are listed', () => demo.page.evaluate(() => window.__e2e.findAll('.sheet option').length > 1))
  await take(demo, '11-devices')
  await alice.click('.sheet .close')
  rig.server.relay.lose(WEAK)
  for (const phone of demo.phones) await phone.until('hinting at a weak network', (s) => s.notices.length > 0)
  await take(demo, '12-weak-network')
  rig.server.relay.lose(0)
  proxy.cut()
  for (const phone of demo.phones) {
    await phone.until('without the server', (s) => s.state === 'resuming' && s.notices.length > 0)
  }
  await take(demo, '13-server-lost')
  proxy.heal()
  await alice.until('back', (s) => s.state === 'online')
  await alice.key('end')
  await over(demo.phones)
  await demo.close()
  await proxy.close()

  const refused = await Demo.open(refuser, rig.server.url, view)
  await refused.phones[0].dial('video')
  await refused.phones[1].until('ringing', ({ phase, name }) => phase === 'ringing' && name)
  await refused.phones[1].key('answer')
  await refused.phones[1].until('saying what is refused', (s) => s.phase === 'connected' && s.notices.length > 0)
  await take(refused, '14-device-refused')
  await refused.close()

  const second = await Demo.open(rig.devices.alice, strict.url, view)
  await second.phones[0].dial('voice')
  await second.phones[0].phase('calling')
  await second.phones[0].key('end')
  await over(second.phones)
  await second.phones[0].dial('voice')
  await second.phones[0].phase('ended')
  await take(second, '15-error-refused')
  await over(second.phones)
  await take(second, '16-error-idle')
  await second.close()
}

/** The page of the local CA, for a device that does not trust it and for one that does. */
async function installPages(language, size) {
  const address = outsideAddress()
  if (!address) throw new Error('this machine has no address besides loopback: connect it to a network for these pictures')
  const server = await Server.start({ outside: true })
  const [stranger, friend] = [Home.make(), Home.make()]
  try {
    await friend.trust(join(server.folder, 'data/ca/ca.crt'))
    for (const [state, home] of /** @type {const} */ ([
      ['untrusted', stranger],
      ['trusted', friend],
    ])) {
      const device = await Device.start('carol', { home: home.path })
      try {
        for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
          const view = { locale: language === 'zh' ? 'zh-CN' : 'en-US', viewport: VIEWPORTS[size], colorScheme }
          const page = await device.open(`http://${address}:${server.port}/install?stay`, { ...view, userAgent: AGENTS[size] })
          const sure = () => page.evaluate((s) => document.getElementById('status').dataset.state === s, state)
          await until(`the page is sure: ${state}`, sure)
          const name = `${language}-${size}-install-${state}-${colorScheme}.png`
          await page.raw.screenshot({ path: join(OUT, name), fullPage: true })
          console.log(name)
          await page.close()
        }
      } finally {
        await device.stop()
      }
    }
  } finally {
    await server.stop()
    for (const home of [stranger, friend]) home.remove()
  }
}

rmSync(OUT, { recursive: true, force: true })
mkdirSync(OUT, { recursive: true })
for (const language of LANGUAGES) for (const size of Object.keys(VIEWPORTS)) await installPages(language, size)
if (process.argv.includes('--install')) process.exit()
const rig = await Rig.start(['alice'], { server: { relay: true } })
try {
  rig.devices.refuser = await Device.start('bob', { prompts: 'deny' })
  for (const language of LANGUAGES) {
    for (const size of Object.keys(VIEWPORTS)) {
      // A new one each time: the calls of a page are counted by its user.
      const strict = await Server.start({ settings: ONE_CALL })
      try {
        await album(rig, strict, rig.devices.refuser, language, size)
      } finally {
        await strict.stop()
      }
    }
  }
} finally {
  await rig.stop()
}
