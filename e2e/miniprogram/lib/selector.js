/** Selectors of style sheets, and of tests: the framework's own know no tags. */

/** A tag, an id and classes, of which one at least is there. */
const COMPOUND = /^([A-Za-z][\w-]*)?((?:[#.][\w-]+)*)$/

/** @typedef {{ tag?: string, id?: string, classes: string[], child: boolean }} Step `child`: what it is in is the one before, at once */

/** @param {string} text `view.big > #name` @returns {Step[] | undefined} nothing for what is no selector of these */
function parse(text) {
  const steps = []
  let child = false
  for (const part of text.replaceAll('>', ' > ').trim().split(/\s+/)) {
    if (part === '>') {
      child = true
      continue
    }
    const [, tag, rest] = COMPOUND.exec(part) ?? []
    if (!tag && !rest) return undefined
    const named = (sign) => [...rest.matchAll(/([#.])([\w-]+)/g)].filter(([, s]) => s === sign).map(([, , name]) => name)
    steps.push({ tag, id: named('#')[0], classes: named('.'), child })
    child = false
  }
  return child ? undefined : steps
}

/** @param {any} node @param {Step} step */
const fits = (node, { tag, id, classes }) =>
  (tag === undefined || (node.tagName ?? node.is) === tag) && (id === undefined || node.id === id) && classes.every((name) => node.classList?.contains(name))

/** @param {Step[]} steps @param {any} node @param {(node: any) => boolean} isElement */
function fitsAt(steps, node, isElement) {
  const [before, step] = [steps.slice(0, -1), steps.at(-1)]
  if (!fits(node, step)) return false
  if (!before.length) return true
  for (let at = node.parentNode; at; at = at.parentNode) {
    if (!isElement(at)) continue
    if (fitsAt(before, at, isElement)) return true
    if (step.child) return false
  }
  return false
}

/**
 * @param {string} selector
 * @param {any} node an element; those around it count as far as they are in the same template
 * @param {(node: any) => boolean} isElement false for what stands for `wx:if` and the like, and is passed over
 */
export function matches(selector, node, isElement) {
  return selector.split(',').some((one) => {
    const steps = parse(one)
    return steps !== undefined && fitsAt(steps, node, isElement)
  })
}
