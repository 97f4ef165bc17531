/** The demo page, by mouse and by keyboard: what a person does, and what they see, hear and can reach. */

import assert from 'node:assert/strict'
import { until } from '../lib/deadline.js'
import { Demo } from '../lib/demo.js'
import { Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'

/** Widths of telephones, in CSS pixels, and a height of one. */
const WIDTHS = [320, 360, 390]
const HEIGHT = 780

/** Datagrams that a bad network loses, and how soon the hint must come and go, in milliseconds. */
const BAD = 0.25
const HINT_MS = 15_000

/** Keys of the keyboard until something must have been reached. */
const MOST_TABS = 60

const CLOCK = /^\d\d:\d\d:\d\d$/

describe('the demo page', () => {
  /** @type {Rig} */ let rig
  /** @type {Demo | undefined} */ let demo
  before(async () => {
    rig = await Rig.start(['alice'], { server: { relay: true } })
  })
  afterEach(async () => {
    rig.server.relay.lose(0)
    const closing = demo?.close()
    demo = undefined
    await closing
    await rig.clear()
  })
  after(() => rig?.stop())

  /** @param {Parameters<typeof Demo.open>[2]} [options] */
  const open = async (options) => (demo = await Demo.open(rig.devices.alice, rig.server.url, options))

  for (const [language, kind] of /** @type {const} */ ([
    ['en', 'video'],
    ['zh', 'voice'],
  ])) {
    it(`by mouse, in ${language}: a ${kind} call from ring to hang-up`, async () => {
      const {
        page,
        phones: [alice, bob],
      } = await open({ language })
      await bob.click('.extras button') // its loudspeaker

      await alice.dial(kind)
      const ringing = await bob.until('ringing', ({ phase, name }) => phase === 'ringing' && name)
      const calling = await alice.until('told that it rings', ({ phase, name, status }) => phase === 'calling' && name && status)
      assert.deepEqual([ringing.name, calling.name], ['alice', 'bob'])
      assert.deepEqual([Object.keys(ringing.keys).sort(), ringing.pictures], [['answer', 'end'], []])
      await page.tracks(kind === 'video' ? ['audio', 'video'] : ['audio']) // the caller's; nobody else has agreed

      await bob.key('answer')
      for (const phone of [alice, bob]) {
        const first = await phone.until('counting', ({ phase, status }) => phase === 'connected' && CLOCK.test(status))
        await phone.until('counting on', ({ status }) => CLOCK.test(status) && status > first.status)
      }
      const keys = kind === 'video' ? ['cam', 'devices', 'end', 'mic', 'voice'] : ['devices', 'end', 'mic']
      const pictures = kind === 'video' ? ['big', 'small'] : []
      for (const phone of [alice, bob]) {
        const now = await phone.until('complete', (s) => s.pictures.length === pictures.length)
        assert.deepEqual([Object.keys(now.keys).sort(), now.pictures, now.notices], [keys, pictures, []])
      }
      if (kind === 'video') for (const at of [0, 1]) await page.sees('alice', { at, shown: true })
      // Both receive, and only the one whose loudspeaker is on plays.
      const played = async () => (await Promise.all([0, 1].map((at) => page.listen({ at })))).map((h) => h.played).sort()
      await until('one of them is heard', async () => String(await played()) === 'false,true')

      const said = (await alice.seen()).keys
      await alice.key('mic')
      await bob.until('told that the other is muted', (s) => s.notices.length === 1)
      assert.notEqual((await alice.seen()).keys.mic, said.mic, 'the key says what it does next')
      await alice.key('mic')
      await bob.until('told that the other is back', (s) => s.notices.length === 0)
      assert.equal((await alice.seen()).keys.mic, said.mic)

      if (kind === 'video') {
        await alice.key('cam')
        const without = await bob.until('without picture', (s) => s.notices.length === 1 && !s.pictures.includes('big'))
        assert.notEqual((await alice.seen()).keys.cam, said.cam)
        assert.equal(without.phase, 'connected')
        await alice.key('cam')
        await bob.until('with a picture again', (s) => s.notices.length === 0 && s.pictures.includes('big'))
      }

      const spoken = [ringing, calling, await alice.seen(), await bob.seen()]
      await bob.key('end')
      const over = ({ phase, status }) => phase === 'ended' && /\d\d:\d\d:\d\d/.test(status)
      const ends = await Promise.all([alice, bob].map((phone) => phone.until('saying how long it was', over)))
      assert.notEqual(ends[0].status, ends[1].status, 'and who has hung up')
      for (const seen of [...spoken, ...ends]) speaks(language, seen.text)
      await Promise.all([alice.phase(null), bob.phase(null)])
      await page.tracks([])
    })
  }

  it('says how each unanswered call ended: cancelled, refused', async () => {
    const {
      phones: [alice, bob],
    } = await open({ language: 'zh' })
    for (const leaves of [alice, bob]) {
      await alice.dial('voice')
      await bob.phase('ringing')
      await leaves.key('end')
      const ends = await Promise.all([alice, bob].map((phone) => phone.phase('ended')))
      for (const { status, text } of ends) {
        assert.ok(status, 'a reason')
        speaks('zh', text)
      }
      assert.notEqual(ends[0].status, ends[1].status)
      await Promise.all([alice.phase(null), bob.phase(null)])
    }
  })

  it('the device sheet changes the microphone, and is closed by its button and by Escape', async () => {
    const {
      page,
      phones: [alice, bob],
    } = await open({ language: 'en' })
    await alice.dial('voice')
    await bob.phase('ringing')
    await bob.key('answer')
    await alice.phase('connected')
    await page.tracks(['audio', 'audio'])
    await alice.key('devices')
    await alice.until('showing devices', (s) => s.sheet)
    const value = () => page.evaluate((box) => window.__e2e.findAll('.sheet select', document.querySelector(box))[0].value, alice.box)
    const before = await until('the microphones are listed', value)
    await tabTo(page, (now) => now.tag === 'select' && now.phone === 'alice')
    await page.press('ArrowDown')
    const chosen = await value()
    assert.notEqual(chosen, before)
    const openIDs = async () =>
      (await page.deviceRequests())
        .flatMap((r) => r.tracks)
        .filter((t) => t.state === 'live')
        .map((t) => t.deviceId)
    await until('the chosen microphone is open', async () => (await openIDs()).includes(chosen))
    assert.equal((await openIDs()).length, 2, 'the one before is closed')
    await alice.click('.sheet .close')
    await alice.until('without the sheet', (s) => !s.sheet)
    await alice.key('devices')
    await alice.until('showing devices', (s) => s.sheet)
    await page.press('Escape')
    const { phase } = await alice.until('without the sheet', (s) => !s.sheet)
    assert.equal(phase, 'connected', 'Escape has closed the sheet, not the call')
  })

  it('by keyboard alone: call, answer, mute, camera, devices, hang up', async () => {
    const {
      page,
      phones: [alice, bob],
    } = await open({ language: 'en' })
    await tabTo(page, (now) => now.phone === 'alice' && /video/.test(now.classes) && now.tag === 'button')
    await page.press('Enter')
    await bob.phase('ringing')
    await tabTo(page, (now) => now.phone === 'bob' && /\banswer\b/.test(now.classes))
    // A key that comes with the ring was meant for the page: a person presses it again.
    const answered = async () => {
      await page.press('Enter')
      return (await bob.seen()).phase !== 'ringing'
    }
    await until('the call is answered', answered, { every: 500 })
    const { keys } = await bob.until('talking', ({ phase, status }) => phase === 'connected' && CLOCK.test(status))
    const onScreen = (phone) => tabTo(page, (now) => now.phone === phone.user && /\bkey\b/.test(now.classes))

    await onScreen(bob)
    await page.press('m')
    await bob.until('muted', (s) => s.keys.mic !== keys.mic)
    await page.press('m')
    await bob.until('heard again', (s) => s.keys.mic === keys.mic)
    await page.press('v')
    await bob.until('without camera', (s) => s.keys.cam !== keys.cam)
    await page.press('v')
    await bob.until('with its camera again', (s) => s.keys.cam === keys.cam)
    await page.press('d')
    await bob.until('showing devices', (s) => s.sheet)
    await page.press('Escape')
    await bob.until('without the sheet', (s) => !s.sheet)
    const now = await focused(page)
    assert.match(now.classes, /\bdevices\b/, `the focus is back where the sheet came from: ${JSON.stringify(now)}`)
    await page.press('Escape')
    await Promise.all([alice.phase('ended'), bob.phase('ended')])
    await Promise.all([alice.phase(null), bob.phase(null)])
    assert.notEqual((await focused(page)).tag, 'trtc-calling', 'the focus is on nothing that is gone')
  })

  it('reaches nothing by Tab that a call screen covers', async () => {
    const {
      page,
      phones: [alice, bob],
    } = await open({ language: 'en' })
    await alice.dial('voice')
    await bob.phase('ringing')
    await bob.key('answer')
    await bob.phase('connected')
    const covered = []
    for (let n = 0; n < MOST_TABS / 2; n++) {
      await page.press('Tab')
      const now = await focused(page)
      if (now.covered) covered.push(`${now.phone} ${now.classes} ${now.name}`)
    }
    assert.deepEqual(covered, [])
  })

  it('has an order of focus from top to bottom, a name for everything, and a visible focus', async () => {
    const { page } = await open()
    const all = await page.evaluate(() => {
      const { findAll, visible, nameOf } = window.__e2e
      return findAll('a[href], button:not(:disabled), select, [tabindex="0"]').filter(visible).map(nameOf)
    })
    assert.ok(all.length > 8 && all.every(Boolean), `all have names: ${JSON.stringify(all)}`)
    const order = []
    for (let n = 0; n < all.length; n++) {
      await page.press('Tab')
      const now = await focused(page)
      order.push(now.name)
      assert.ok(now.outlined, `the focus is to be seen on ${now.name}`)
    }
    assert.deepEqual(order, all)
  })

  it('tells a screen reader what it is: roles, names, one live region, in each state', async () => {
    const {
      page,
      phones: [alice, bob],
    } = await open({ language: 'en' })
    const live = (phone) =>
      page.evaluate((box) => {
        const regions = window.__e2e.findAll('.screen [aria-live]', document.querySelector(box))
        return regions.map((r) => r.textContent)
      }, phone.box)
    const check = async (phone, other, before = '') => {
      const { role, label, keys } = await phone.seen()
      assert.match(role, /^(region|dialog|alertdialog)$/)
      assert.ok(label.includes(other.user), `the call screen is called by who it is with: ${label}`)
      assert.ok(Object.values(keys).every(Boolean), JSON.stringify(keys))
      /** @type {string[]} */ let spoken = []
      const says = async () => (spoken = await live(phone)).length === 1 && spoken[0].includes(other.user) && spoken[0] !== before
      await until('the state is spoken', says, { last: () => spoken })
      return spoken[0]
    }
    await alice.dial('voice')
    await bob.phase('ringing')
    const rings = await check(bob, alice)
    await check(alice, bob)
    await bob.key('answer')
    await bob.until('talking', ({ phase, status }) => phase === 'connected' && CLOCK.test(status))
    await check(bob, alice, rings)
    await check(alice, bob)
    await bob.until('two seconds on', ({ status }) => status >= '00:00:02')
    assert.doesNotMatch((await live(bob))[0], /\d\d:\d\d:\d\d/, 'the seconds are not spoken')
    await alice.key('devices')
    await alice.until('showing devices', (s) => s.sheet)
    const sheet = await page.evaluate(() => {
      const { findAll, visible } = window.__e2e
      const [it] = findAll('.sheet').filter(visible)
      const fields = [...it.querySelectorAll('select')].filter(visible).map((s) => s.labels[0]?.innerText.trim())
      return { role: it.getAttribute('role'), label: it.getAttribute('aria-label'), fields }
    })
    assert.match(sheet.role, /^(group|dialog)$/)
    assert.ok(sheet.label && sheet.fields.length >= 1 && sheet.fields.every(Boolean), JSON.stringify(sheet))
  })

  it('fits narrow screens, in both languages and in each state: nothing overflows and no key is clipped', async () => {
    const {
      page,
      phones: [alice, bob],
    } = await open({ viewport: { width: WIDTHS[0], height: HEIGHT } })
    const fits = async (state) => {
      for (const language of /** @type {const} */ (['en', 'zh'])) {
        await demo.speak(language)
        for (const width of WIDTHS) {
          await page.raw.setViewportSize({ width, height: HEIGHT })
          let wrong
          // Sizes follow by transitions.
          const none = async () => (wrong = await page.evaluate(misfits)).length === 0
          await until(`all fits: ${state}, ${language}, ${width} px`, none, { last: () => wrong })
        }
      }
    }
    await fits('idle')
    await alice.dial('video')
    await bob.phase('ringing')
    await fits('ringing')
    await bob.key('answer')
    for (const phone of [alice, bob]) await phone.until('talking', ({ pictures }) => pictures.length === 2)
    await bob.key('mic')
    await alice.until('with a notice', (s) => s.notices.length === 1)
    await fits('talking')
    await alice.key('devices')
    await alice.until('showing devices', (s) => s.sheet)
    await fits('devices')
    await alice.click('.sheet .close')
    await alice.key('end')
    await alice.phase(null)
    await alice.dial('voice')
    await bob.phase('ringing')
    await bob.key('answer')
    for (const phone of [alice, bob]) await phone.until('talking', ({ phase, status }) => phase === 'connected' && CLOCK.test(status))
    await fits('talking by voice')
  })

  it('hints at a weak network while it is weak, and no longer', async () => {
    const {
      phones: [alice, bob],
    } = await open({ language: 'en' })
    await alice.dial('video')
    await bob.phase('ringing')
    await bob.key('answer')
    for (const phone of [alice, bob]) {
      await phone.until('talking', ({ phase, status, notices }) => phase === 'connected' && CLOCK.test(status) && !notices.length)
    }
    rig.server.relay.lose(BAD)
    await Promise.all([alice, bob].map((phone) => phone.until('hinting', (s) => s.notices.length > 0, HINT_MS)))
    rig.server.relay.lose(0)
    await Promise.all([alice, bob].map((phone) => phone.until('calm again', (s) => s.notices.length === 0, HINT_MS)))
  })
})

/** The words of a screen are of one language; names and times are of none. */
function speaks(language, text) {
  const words = text.replace(/alice|bob|\b[AB]\b|AL|BO/g, '')
  assert.doesNotMatch(words, language === 'zh' ? /[A-Za-z]{2,}/ : /\p{Script=Han}/u, text)
  assert.match(words, language === 'zh' ? /\p{Script=Han}/u : /[A-Za-z]{2,}/, text)
}

/** What has the focus, in whatever shadow tree. */
function focused(page) {
  return page.evaluate(() => {
    let element = document.activeElement
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
    const host = /** @type {ShadowRoot} */ (element.getRootNode()).host ?? element
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    return {
      tag: element.localName,
      classes: element.className,
      name: window.__e2e.nameOf(element),
      covered: element !== document.body && window.__e2e.isCovered(element),
      phone: host.closest('.phone')?.querySelector('trtc-calling').id.replace('phone-', ''),
      outlined: outlineStyle !== 'none' && parseFloat(outlineWidth) > 0,
    }
  })
}

/** Presses Tab until the focus is there. */
async function tabTo(page, there) {
  const passed = []
  for (let n = 0; n < MOST_TABS; n++) {
    const now = await focused(page)
    if (there(now)) return
    passed.push(`${now.phone ?? ''} ${now.tag}.${now.classes}`)
    await page.press('Tab')
  }
  assert.fail(`not reached by Tab: ${passed.join(', ')}`)
}

/** Runs in the page: what sticks out, is cut off or lies over something else. */
function misfits() {
  const { findAll, visible } = window.__e2e
  const { clientWidth: width, scrollWidth } = document.documentElement
  const wrong = scrollWidth > width ? [`the page is ${scrollWidth} px wide`] : []
  const said = (e) => `${e.className} "${(e.innerText ?? '').trim()}"`
  const boxes = new Map()
  // A sheet lies over the rest by design.
  const apart = (e) => !e.closest('.sheet') && !findAll('.sheet').some((sheet) => visible(sheet) && sheet.getRootNode() === e.getRootNode())
  for (const e of findAll('button, a, select, .pill, .name, .status, .state').filter(visible)) {
    const box = e.getBoundingClientRect()
    const screen = e.closest('.screen')?.getBoundingClientRect() ?? { left: 0, right: width, top: -Infinity, bottom: Infinity }
    if (box.left < screen.left - 0.5 || box.right > screen.right + 0.5) wrong.push(`${said(e)} sticks out sideways`)
    if (box.top < screen.top - 0.5 || box.bottom > screen.bottom + 0.5) wrong.push(`${said(e)} sticks out at the top or bottom`)
    if (apart(e)) boxes.set(e, box)
  }
  for (const e of findAll('.key .label, .pill span, .sheet span, .languages button, .extras *, .dial').filter(visible)) {
    if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline') wrong.push(`${said(e)} is cut off`)
  }
  const list = [...boxes]
  list.forEach(([a, one], n) => {
    for (const [b, two] of list.slice(n + 1)) {
      // A call screen lies over the page by design.
      if (a.getRootNode() !== b.getRootNode()) continue
      const over = Math.min(one.right, two.right) - Math.max(one.left, two.left)
      const under = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top)
      if (over > 0.5 && under > 0.5) wrong.push(`${said(a)} lies over ${said(b)}`)
    }
  })
  return wrong
}
