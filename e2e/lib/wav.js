/** Sound as a file that a browser takes for its microphone. */

/** Bytes before the first sample. */
const HEADER = 44

/**
 * A WAV file of one channel.
 *
 * @param {number} rate samples a second
 * @param {number} samples how many
 * @param {(n: number) => number} at the n-th sample, from -1 to 1; called once each, in order
 */
export function wav(rate, samples, at) {
  const data = Buffer.alloc(HEADER + samples * 2)
  data.write('RIFF', 0)
  data.writeUInt32LE(HEADER - 8 + samples * 2, 4)
  data.write('WAVEfmt ', 8)
  data.writeUInt32LE(16, 16)
  data.writeUInt16LE(1, 20) // PCM
  data.writeUInt16LE(1, 22) // mono
  data.writeUInt32LE(rate, 24)
  data.writeUInt32LE(rate * 2, 28)
  data.writeUInt16LE(2, 32)
  data.writeUInt16LE(16, 34)
  data.write('data', 36)
  data.writeUInt32LE(samples * 2, 40)
  for (let n = 0; n < samples; n++) data.writeInt16LE(Math.round(at(n) * 32767), HEADER + n * 2)
  return data
}
