/** How soon a player that joins late has a picture. It measures time: nothing runs beside it. */

import assert from 'node:assert/strict'
import { bothWays, connect, over, Rig } from '../lib/rig.js'
import { after, afterEach, before, describe, it, until } from '../lib/shared.js'

/** From the connection to the first picture: far less than from one key frame to the next. */
const FIRST_PICTURE_MS = 1200

describe('media between mini-programs', () => {
  /** @type {Rig} */ let rig
  before(async () => void (rig = await Rig.start()))
  after(() => rig?.stop())
  afterEach(() => rig.clear())

  it('reach a player that joins late at once, and as they are now', async () => {
    const [alice, bob] = await Promise.all([rig.phone('alice'), rig.phone('bob')])
    await connect(alice, bob, 2)
    await bothWays(alice, bob, 2)
    const waits = []
    for (let n = 0; n < 3; n++) {
      const from = bob.media.states.length
      await bob.network.block(rig.rtmpPort)
      await until('the player has lost it', () => bob.media.states.slice(from).some(({ code }) => code === 2103))
      bob.network.unblock(rig.rtmpPort)
      const at = (code) => bob.media.states.slice(from).find((state) => state.tag === 'live-player' && state.code === code)?.at
      await until('there is a picture', () => at(2003))
      waits.push(at(2003) - at(2001))
      await bob.sees('alice')
    }
    await bothWays(alice, bob, 2)
    // Key frames are 3 s apart: who waits for one waits for half of that.
    assert.ok(Math.max(...waits) < FIRST_PICTURE_MS, `${waits} ms until there was a picture`)
    await over(alice, bob)
  })
})
