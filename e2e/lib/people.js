/**
 * The people of the tests. Each has a colour that its camera shows and a tone that its microphone hears, so that a
 * picture or a sound names its sender.
 *
 * @typedef {{ name: string, colour: string, rgb: [number, number, number], hz: number }} Person
 */

/**
 * Tones are multiples of 20 Hz (the width of one analysis block's bin) and no tone is a multiple of another, so that
 * neither leakage nor distortion makes one person sound like another.
 *
 * @type {Record<string, Person>}
 */
export const PEOPLE = {
  alice: { name: 'alice', colour: 'red', rgb: [214, 40, 40], hz: 500 },
  bob: { name: 'bob', colour: 'blue', rgb: [36, 60, 214], hz: 740 },
  carol: { name: 'carol', colour: 'green', rgb: [30, 170, 60], hz: 1120 },
}

/** What the page needs to know to name a sender. */
export const PALETTE = Object.values(PEOPLE).map(({ name, rgb, hz }) => ({ name, rgb, hz }))
