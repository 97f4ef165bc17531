/** What is done to the receiver's link, and what LiveKit gave on the same. */

/** The receiver's link at rest: 40 ms round trip, nothing else. */
export const REST = 'delay=20ms'

/** The receiver's other address. */
const NEW_ADDRESS = '10.9.0.77'

/**
 * @typedef {object} Case
 * @property {string} id for `--only`
 * @property {string} name
 * @property {number} seconds how long it lasts, and over which its figures are
 * @property {string} [link] shape of both directions, with the 40 ms of {@link REST} in it
 * @property {string} [address] instead: the address that the receiver has from now on
 * @property {string} [livekit] concealed % / frozen s / pictures a second, and the time to recover
 */

/** @type {Case[]} */
export const CASES = [
  { id: 'loss0', name: 'loss 0 %', seconds: 20, link: REST },
  { id: 'loss5', name: 'loss 5 %', seconds: 20, link: `${REST} loss=5%`, livekit: '0.3–0.6 / 4.4–5.0 / 20; 0 s' },
  { id: 'loss10', name: 'loss 10 %', seconds: 20, link: `${REST} loss=10%`, livekit: '1.1 / 6.1–8.3 / 20; 0 s' },
  { id: 'loss20', name: 'loss 20 %', seconds: 20, link: `${REST} loss=20%`, livekit: '3.5–4.3 / 13–14 / 10–15; 0–1 s' },
  { id: 'loss30', name: 'loss 30 %', seconds: 20, link: `${REST} loss=30%`, livekit: '8.6–10 / 14 / 6–7; 0 s' },
  {
    id: 'jitter',
    name: 'round trip 100 ± 30 ms, 5 % overtaken',
    seconds: 20,
    link: 'delay=35ms jitter=30ms reorder=5% hold=30ms',
    livekit: '0.2 / 0 / 12–20; one of two > 30 s',
  },
  { id: 'blackout', name: 'blackout of 3 s', seconds: 3, link: 'down', livekit: 'all of it, 3 s / 3.1 / –; 0 s' },
  { id: '1000k', name: '1 Mb/s', seconds: 20, link: `${REST} rate=1000kbps` },
  { id: '300k', name: '300 kb/s', seconds: 20, link: `${REST} rate=300kbps`, livekit: '3.3–4.0 / 2.5–9.4 / 12–18; > 30 s' },
  { id: '200k', name: '200 kb/s', seconds: 20, link: `${REST} rate=200kbps` },
  { id: '150k', name: '150 kb/s', seconds: 20, link: `${REST} rate=150kbps`, livekit: '16–18 / 20 / 0–0.5; > 30 s' },
  { id: 'collapse', name: '100 kb/s for 10 s', seconds: 10, link: `${REST} rate=100kbps` },
  { id: 'address', name: 'another address in mid-call', seconds: 10, address: NEW_ADDRESS },
]

/** Round trips between each client and the server, of the second table, ms. */
export const ROUND_TRIPS = [0, 50, 100, 200]

/** `accept` names the second table for `--only`. */
export const ACCEPT = 'accept'

/** The cases of `--only`; all without one. Throws with the names if one is unknown. */
export function chosen(only, cases = CASES) {
  if (!only.length) return { cases, accept: true }
  const known = [...cases.map(({ id }) => id), ACCEPT]
  const wrong = only.find((id) => !known.includes(id))
  if (wrong !== undefined) throw new Error(`there is no ${wrong}: --only takes ${known.join(', ')}`)
  return { cases: cases.filter(({ id }) => only.includes(id)), accept: only.includes(ACCEPT) }
}
