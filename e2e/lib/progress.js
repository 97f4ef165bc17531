/** A reporter for a log that somebody reads while it grows: each test when it begins and when it ends. */

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`
const indent = (nesting) => '  '.repeat(nesting + 1)

/** @param {AsyncIterable<{ type: string, data: any }>} source */
export default async function* progress(source) {
  for await (const { type, data } of source) {
    if (type === 'test:dequeue') {
      yield `${indent(data.nesting)}▸ ${data.name}\n`
    } else if (type === 'test:pass') {
      const how = data.skip !== undefined ? `skipped${data.skip === true ? '' : `: ${data.skip}`}` : seconds(data.details.duration_ms)
      yield `${indent(data.nesting)}✔ ${data.name} (${how})\n`
    } else if (type === 'test:fail') {
      yield `${indent(data.nesting)}✖ ${data.name} (${seconds(data.details.duration_ms)})\n`
      const { error } = data.details
      // A suite has failed because a test of it has, and that was said.
      if (error.failureType === 'subtestsFailed') continue
      const why = String(error.cause?.stack ?? error.cause ?? error.stack ?? error)
      yield `${why.replace(/^/gm, indent(data.nesting + 1))}\n`
    } else if (type === 'test:diagnostic' && /Error|Warning/.test(data.message)) {
      yield `${indent(data.nesting)}! ${data.message}\n`
    }
  }
}
