/** A phone and a browser in one call: whoever calls, each hears and sees the other. */

import { after, afterEach, before, describe, it } from '../../lib/test.js'
import { Rig } from '../lib/rig.js'
import { bothWays, connect } from '../lib/sides.js'

describe('a phone and a browser', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  for (const type of /** @type {const} */ ([1, 2])) {
    const kind = type === 1 ? 'voice' : 'video'
    it(`${kind}: the phone calls`, async () => {
      const [phone, browser] = await rig.sides()
      await connect(phone, browser, type)
      await bothWays(phone, browser, type)
    })

    it(`${kind}: the browser calls`, async () => {
      const [phone, browser] = await rig.sides()
      await connect(browser, phone, type)
      await bothWays(phone, browser, type)
    })
  }
})
