/** AMF0, as far as RTMP's commands need it. */

const [NUMBER, BOOLEAN, STRING, OBJECT, NULL, UNDEFINED, MAP, END, LIST, DATE, LONG] = [0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12]

const text16 = (text) => {
  const bytes = Buffer.from(text)
  const size = Buffer.alloc(2)
  size.writeUInt16BE(bytes.length)
  return Buffer.concat([size, bytes])
}

/** @param {any[]} values @returns {Buffer} */
export const encode = (...values) => Buffer.concat(values.map(one))

function one(value) {
  if (value === null) return Buffer.from([NULL])
  if (value === undefined) return Buffer.from([UNDEFINED])
  if (typeof value === 'boolean') return Buffer.from([BOOLEAN, value ? 1 : 0])
  if (typeof value === 'string') return Buffer.concat([Buffer.from([STRING]), text16(value)])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9)
    bytes.writeDoubleBE(value, 1)
    return bytes
  }
  const fields = Object.entries(value).flatMap(([key, field]) => [text16(key), one(field)])
  return Buffer.concat([Buffer.from([OBJECT]), ...fields, Buffer.from([0, 0, END])])
}

/** Every value of a message. @param {Buffer} bytes @returns {any[]} */
export function decode(bytes) {
  let at = 0
  const take = (count) => {
    if (at + count > bytes.length) throw new Error('an AMF value is cut off')
    at += count
    return at - count
  }
  const text = (size) => {
    const from = take(size)
    return bytes.toString('utf8', from, from + size)
  }
  const fields = () => {
    const object = {}
    for (;;) {
      const key = text(bytes.readUInt16BE(take(2)))
      if (key === '' && bytes[at] === END) break
      object[key] = value()
    }
    take(1)
    return object
  }
  const value = () => {
    const kind = bytes[take(1)]
    switch (kind) {
      case NUMBER:
        return bytes.readDoubleBE(take(8))
      case BOOLEAN:
        return bytes[take(1)] !== 0
      case STRING:
        return text(bytes.readUInt16BE(take(2)))
      case LONG:
        return text(bytes.readUInt32BE(take(4)))
      case OBJECT:
        return fields()
      case MAP:
        take(4)
        return fields()
      case LIST:
        return Array.from({ length: bytes.readUInt32BE(take(4)) }, value)
      case DATE:
        return new Date(bytes.readDoubleBE(take(10)))
      case NULL:
        return null
      case UNDEFINED:
        return undefined
    }
    throw new Error(`no such AMF type: ${kind}`)
  }
  const all = []
  while (at < bytes.length) all.push(value())
  return all
}
