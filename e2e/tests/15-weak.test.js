/** A slow or dead network is said on both screens within seconds, with whose it is, and taken back; a little loss is not said. */

import { it } from '../lib/test.js'
import { describeHint } from '../lib/weak-hint.js'

describeHint(({ hint, calm, blackout }) => {
  it('a round trip of a second', () => hint(2, { up: 'delay=500ms', down: 'delay=500ms' }))
  it('a round trip of half a second', () => hint(2, { up: 'delay=250ms', down: 'delay=250ms' }))

  it('nothing passes for five seconds', () => blackout({ up: 'down', down: 'down' }))
  it('nothing reaches one side for five seconds, though what it sends arrives', () => blackout({ down: 'down' }))

  it('says nothing of 2 % loss', () => calm('2%'))
  it('says nothing of 3 % loss', () => calm('3%'))
})
