/** A network that loses is said on both screens within seconds, with whose it is, and taken back. */

import { it } from '../lib/test.js'
import { describeHint, LOSSY } from '../lib/weak-hint.js'

describeHint(({ hint }) => {
  for (const [type, name] of /** @type {const} */ ([
    [2, 'a video call'],
    [1, 'a voice call'],
  ])) {
    it(`${name}: 10 % of what comes is lost`, () => hint(type, { down: LOSSY }))
    it(`${name}: 10 % of what is sent is lost`, () => hint(type, { up: LOSSY }))
  }
})
