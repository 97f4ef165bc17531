/** What stands for a face that nobody has sent. */

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s_.-]+/)
    .filter((w) => w !== "")
  const first = Array.from(words[0] || "?")
  if (/[\u3400-\u9fff]/.test(name)) return Array.from(name).slice(-2).join("")
  const second = words.length > 1 ? Array.from(words[words.length - 1] || "")[0] || "" : ""
  return ((first[0] || "?") + second).toUpperCase()
}

/** A name's own colour, degrees: names that differ little stand far apart. */
export function hueOf(name: string): number {
  let hash = 7
  Array.from(name).forEach((letter) => {
    hash = (hash * 31 + (letter.codePointAt(0) || 0)) % 9973
  })
  return Math.round((hash * 137.508) % 360)
}
