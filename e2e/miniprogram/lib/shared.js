/** What the phones share with the tests of the browsers: deadlines, endings, people and the test runner's limits. */

export { allDone, LEAVING_MS, PATIENCE_MS, until, within } from '../../lib/deadline.js'
export { ended, started } from '../../lib/ending.js'
export { PALETTE, PEOPLE } from '../../lib/people.js'
export { after, afterEach, before, beforeEach, describe, it } from '../../lib/test.js'
