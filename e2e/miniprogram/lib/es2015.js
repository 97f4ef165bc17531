/**
 * What ECMAScript 2015 had. A phone can be made to have no more than this: an old phone's engine has no more, and what
 * a newer base library adds to it is not promised at 2.10.0.
 */

const words = (text) => text.trim().split(/\s+/)

const TYPED = words(`Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array`)

const HTML = words(`anchor big blink bold fixed fontcolor fontsize italics link small strike sub sup`)

/** Own members that stay, by object. Symbols are kept but for `Symbol`'s own; `Symbol` lists the well-known ones. */
export const ES2015 = {
  globals: [
    ...words(`Object Function Array String Boolean Number Symbol Date RegExp Error EvalError RangeError ReferenceError
      SyntaxError TypeError URIError Math JSON Promise Proxy Reflect Map Set WeakMap WeakSet ArrayBuffer DataView
      parseInt parseFloat isNaN isFinite encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape eval
      NaN Infinity undefined`),
    ...TYPED,
  ],
  Symbol: words(`for keyFor hasInstance isConcatSpreadable iterator match replace search species split toPrimitive
    toStringTag unscopables`),
  Object: words(`length name prototype assign create defineProperties defineProperty freeze getOwnPropertyDescriptor
    getOwnPropertyNames getOwnPropertySymbols getPrototypeOf is isExtensible isFrozen isSealed keys preventExtensions
    seal setPrototypeOf`),
  Array: words(`length name prototype from isArray of`),
  'Array.prototype': words(`length constructor concat copyWithin entries every fill filter find findIndex forEach indexOf
    join keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort splice toLocaleString toString
    unshift values`),
  String: words(`length name prototype fromCharCode fromCodePoint raw`),
  'String.prototype': [
    ...words(`length constructor charAt charCodeAt codePointAt concat endsWith includes indexOf lastIndexOf localeCompare
      match normalize repeat replace search slice split startsWith substr substring toLocaleLowerCase toLocaleUpperCase
      toLowerCase toString toUpperCase trim valueOf`),
    ...HTML,
  ],
  'Symbol.prototype': words(`constructor toString valueOf`),
  'RegExp.prototype': words(`constructor compile exec flags global ignoreCase multiline source sticky test toString unicode`),
  Promise: words(`length name prototype all race reject resolve`),
  'Promise.prototype': words(`constructor then catch`),
  Math: words(`E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos acosh asin asinh atan atan2 atanh cbrt ceil clz32 cos
    cosh exp expm1 floor fround hypot imul log log10 log1p log2 max min pow random round sign sin sinh sqrt tan tanh
    trunc`),
  Reflect: words(`apply construct defineProperty deleteProperty get getOwnPropertyDescriptor getPrototypeOf has
    isExtensible ownKeys preventExtensions set setPrototypeOf`),
  Map: words(`length name prototype`),
  'Set.prototype': words(`constructor add clear delete entries forEach has keys size values`),
  'ArrayBuffer.prototype': words(`constructor byteLength slice`),
  JSON: words(`parse stringify`),
  'Error.prototype': words(`constructor message name toString`),
}
