/** Encoders that do what a phone's do not: the call goes on with what is left, and both pages and the log say once why. */

import assert from 'node:assert/strict'
import { allDone, until } from '../../lib/deadline.js'
import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { encoder, PLAIN, resized } from '../lib/encoders.js'
import { Line, phoneWithoutTags } from '../lib/line.js'
import { BROWSER, PHONE, Rig } from '../lib/rig.js'
import { connect, onBrowser, onPhone } from '../lib/sides.js'

/** The lines of a log that say this. @param {string} log @param {RegExp} what */
const lines = (log, what) => log.split('\n').filter((line) => what.test(line))

describe('an encoder', () => {
  /** @type {Rig} */ let rig
  /** @type {Line | undefined} */ let line
  before(async () => void (rig = await Rig.start()))
  afterEach(async () => {
    await line?.close()
    line = undefined
    await rig.clear()
  })
  after(() => rig?.stop())

  /** A video call in which ffmpeg is to push for the phone. */
  async function talking() {
    const [phone, browser] = await Promise.all([phoneWithoutTags(rig), rig.browser()])
    await connect(onPhone(phone), onBrowser(browser), 2)
    line = await Line.of(phone, rig.server)
    return { phone, browser }
  }

  /** Both pages hear once that something of the phone's does not reach everybody. @param {Awaited<ReturnType<typeof talking>>} call @param {RegExp} why */
  async function bothAreTold({ phone, browser }, why) {
    for (const [who, of] of /** @type {const} */ ([
      [PHONE, phone.eventLog],
      [BROWSER, browser],
    ])) {
      const said = () => of.events.filter(({ event, data }) => event === 'ERROR' && data.code === 'stream_fault')
      await until(`${who}'s page is told`, () => said().length > 0)
      for (const told of said()) told.expected = true
      assert.deepEqual(
        said().map(({ data }) => data.message.includes(PHONE) && why.test(data.message)),
        [true],
        said()[0].data.message,
      )
    }
  }

  it('with B-frames: its voice is heard, no broken picture is seen, and the log says so once', async () => {
    const call = await talking()
    const { browser } = call
    const from = rig.server.log.length
    // No tuning for low delay: that would do without them.
    line.publish(...encoder(PHONE, { video: ['-profile:v', 'main', '-bf', '2', '-tune', 'film', '-b_strategy', '0'] }))
    await browser.page.hears(PHONE)
    await browser.page.seesNobody()
    const said = lines(rig.server.log.slice(from), /B-frames/)
    assert.equal(said.length, 1, said.join('\n'))
    assert.match(said[0], /encode without them/)
    await bothAreTold(call, /B-frames.*encode without them/)
    // A better one is seen at once.
    line.publish(...encoder(PHONE))
    await browser.page.sees(PHONE, { shown: true })
    await browser.page.hears(PHONE)
  })

  for (const [what, audio] of Object.entries({
    'of 44.1 kHz in stereo': ['-ar', '44100', '-ac', '2'],
    'of 44.1 kHz': ['-ar', '44100', '-ac', '1'],
    'of 16 kHz': ['-ar', '16000', '-ac', '1'],
    'of 48 kHz in stereo': ['-ar', '48000', '-ac', '2'],
  })) {
    it(`with AAC ${what}: it is heard`, async () => {
      const { browser } = await talking()
      line.publish(...encoder(PHONE, { audio }))
      await browser.page.hears(PHONE)
      await browser.page.sees(PHONE, { shown: true })
    })
  }

  it('with AAC of six channels: its picture is seen, and the log says so once', async () => {
    const call = await talking()
    const { browser } = call
    const from = rig.server.log.length
    line.publish(...encoder(PHONE, { audio: ['-ar', '48000', '-ac', '6'] }))
    await browser.page.sees(PHONE, { shown: true })
    const said = await until('the log says so', () => {
      const found = lines(rig.server.log.slice(from), /more than two channels/)
      return found.length && found
    })
    assert.equal(said.length, 1, said.join('\n'))
    await bothAreTold(call, /more than two channels: send AAC-LC/)
  })

  it('with sound that is no AAC: both pages are told, and a better encoder is heard', async () => {
    const call = await talking()
    line.publish(...encoder(PHONE, { audio: ['-c:a', 'libmp3lame', '-ar', '44100'] }))
    await bothAreTold(call, /MP3 sound is not carried: send H\.264 and AAC/)
    await call.browser.page.hearsNobody()
    line.publish(...encoder(PHONE))
    await call.browser.page.hears(PHONE)
  })

  it('whose pictures stop: its voice goes on, and a new encoder is seen again', async () => {
    const { browser } = await talking()
    line.publish(...encoder(PHONE, { pictureS: 6 }))
    await browser.page.sees(PHONE, { shown: true })
    await browser.page.seesNobody()
    await browser.page.hears(PHONE)
    line.publish(...encoder(PHONE))
    await browser.page.sees(PHONE, { shown: true })
    await browser.page.hears(PHONE)
  })

  it('that goes on at another size, larger and smaller: it is seen at each', async () => {
    /** @type {[number, number][]} */ const sizes = [
      [320, 240],
      [480, 640],
      [176, 144],
    ]
    const file = await resized(PHONE, sizes, 6)
    const { browser } = await talking()
    line.publish(['-re', '-i', file])
    for (const [width, height] of sizes) {
      let seen
      await until(`a picture of ${width}x${height}`, async () => (seen = await browser.page.look()).size === `${width}x${height}`, { last: () => seen })
      const person = until('it is the person', async () => (seen = await browser.page.look()).who === PHONE, { last: () => seen })
      // Together: the film is short.
      await allDone([person, browser.page.hears(PHONE)])
    }
  })

  it('of High profile without B-frames is seen, or is refused with its reason', async () => {
    const { browser } = await talking()
    line.publish(...encoder(PHONE, { video: ['-profile:v', 'high', ...PLAIN.slice(2)] }))
    await browser.page.hears(PHONE)
    await browser.page.sees(PHONE, { shown: true })
  })
})

describe('a browser', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  it('that sends a smaller picture in mid-call, and the first one again, is seen all the time', async () => {
    const [phone, browser] = await rig.pair()
    await connect(onPhone(phone), onBrowser(browser), 2)
    await phone.sees(BROWSER)
    const { size: first } = await browser.page.counts()
    for (const scaleResolutionDownBy of [2, 1]) {
      await browser.page.evaluate(async (by) => {
        const sender = window.__e2e
          .live()
          .getSenders()
          .find((s) => s.track?.kind === 'video')
        const parameters = sender.getParameters()
        for (const encoding of parameters.encodings) encoding.scaleResolutionDownBy = by
        await sender.setParameters(parameters)
      }, scaleResolutionDownBy)
      await until('it sends another size', async () => ((await browser.page.counts()).size === first) === (scaleResolutionDownBy === 1))
      await phone.sees(BROWSER)
      await phone.hears(BROWSER)
    }
  })
})
