/** FLV, the form in which sound and picture travel through RTMP and in files. */

export const AUDIO = 8
export const VIDEO = 9
const SIGNATURE = 13

/** The beginning of a file. @param {{ video: boolean }} has */
export const flvHeader = ({ video }) => Buffer.from([0x46, 0x4c, 0x56, 1, video ? 5 : 4, 0, 0, 0, 9, 0, 0, 0, 0])

/** A tag, and the size that follows it. @param {number} kind {@link AUDIO} or {@link VIDEO} @param {number} ms @param {Buffer} body */
export function flvTag(kind, ms, body) {
  const tag = Buffer.alloc(11 + body.length + 4)
  tag[0] = kind
  tag.writeUIntBE(body.length, 1, 3)
  tag.writeUIntBE(ms & 0xffffff, 4, 3)
  tag[7] = (ms >> 24) & 0x7f
  body.copy(tag, 11)
  tag.writeUInt32BE(11 + body.length, 11 + body.length)
  return tag
}

/** Cuts what comes of a file into its tags. */
export class FlvReader {
  #bytes = Buffer.alloc(0)
  #begun = false

  /** @param {Buffer} bytes @returns {{ kind: number, ms: number, body: Buffer }[]} */
  read(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    const found = []
    if (!this.#begun) {
      if (this.#bytes.length < SIGNATURE) return found
      if (this.#bytes.toString('latin1', 0, 3) !== 'FLV') throw new Error('this is no FLV')
      this.#begun = true
      this.#bytes = this.#bytes.subarray(SIGNATURE)
    }
    for (;;) {
      if (this.#bytes.length < 11) return found
      const size = this.#bytes.readUIntBE(1, 3)
      if (this.#bytes.length < 11 + size + 4) return found
      const ms = this.#bytes.readUIntBE(4, 3) + this.#bytes[7] * 0x1000000
      found.push({ kind: this.#bytes[0] & 31, ms, body: this.#bytes.subarray(11, 11 + size) })
      this.#bytes = this.#bytes.subarray(11 + size + 4)
    }
  }
}
