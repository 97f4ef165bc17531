/**
 * ffmpeg in the place of a phone's tags: the phone signs in, rings and answers as ever, and what its page was given to push
 * to and to play is a test's.
 */

import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { LEAVING_MS, until, within } from '../../lib/deadline.js'
import { partsOf } from '../../miniprogram/lib/address.js'
import { Ffmpeg } from '../../miniprogram/lib/ffmpeg.js'
import { FlvReader } from '../../miniprogram/lib/flv.js'

/** A tag that found no way tries again after this: in no test. */
const NEVER_MS = 3_600_000

/** Holds what is recorded. */
const folder = mkdtempSync(join(tmpdir(), 'tring-e2e-line-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
let files = 0

/** A file that goes with the process. @param {string} kind the end of its name */
export const scratch = (kind) => join(folder, `${++files}.${kind}`)

/** A phone whose tags never reach the server. @param {import('./rig.js').Rig} rig @param {Parameters<import('./rig.js').Rig['phone']>[0]} [options] */
export async function phoneWithoutTags(rig, options) {
  const phone = await rig.phone({ retryMs: NEVER_MS, ...options })
  await phone.network.block(rig.phones.rtmpPort)
  return phone
}

/** The line of such a phone, once it talks. */
export class Line {
  /** @type {Set<Ffmpeg>} */ #pushing = new Set()
  /** @type {string} where the phone would push */ push
  /** @type {string} where it would play */ play
  /** @type {string} the same, over HTTP */ flv

  /** @param {any} phone @param {import('../../lib/server.js').Server} server */
  static async of(phone, server) {
    const line = new Line()
    const address = (tag, name) => until(`the page has an address for its ${name}`, () => tag()?.attributes[name])
    line.push = await address(() => phone.pusher, 'url')
    line.play = await address(() => phone.players[0], 'src')
    const { name } = partsOf(line.play)
    // The same player, with other framing.
    line.flv = `${server.url}/live/${name.replace('?', '.flv?')}`
    return line
  }

  /**
   * Pushes what ffmpeg makes of its input, until {@link close} or its end.
   *
   * @param {string[]} input
   * @param {string[]} [output]
   * @returns {Ffmpeg}
   */
  publish(input, output = ['-c', 'copy']) {
    const { host, app, name, tcUrl } = partsOf(this.push)
    const to = ['-f', 'flv', '-rtmp_app', app, '-rtmp_playpath', name, '-rtmp_tcurl', tcUrl, '-tcp_nodelay', '1', `rtmp://${host}/${app}`]
    const ffmpeg = new Ffmpeg('a pusher', ['-loglevel', 'warning', ...input, ...output, '-flvflags', 'no_duration_filesize', ...to])
    this.#pushing.add(ffmpeg)
    return ffmpeg
  }

  /** Ends one of the pushers. @param {Ffmpeg} ffmpeg */
  async unpublish(ffmpeg) {
    this.#pushing.delete(ffmpeg)
    await ffmpeg.kill()
  }

  /**
   * What a player is given in so many milliseconds.
   *
   * @param {number} ms
   * @param {(tag: { kind: number, ms: number }) => void} [onTag] as each comes
   * @returns {Promise<string>} a file of FLV, with the server's times
   */
  async record(ms, onTag = () => {}) {
    const path = scratch('flv')
    const file = createWriteStream(path)
    const asked = get(this.flv)
    const answer = await within(LEAVING_MS, 'an answer to a player', new Promise((resolve, reject) => asked.on('response', resolve).on('error', reject)))
    if (answer.statusCode !== 200) throw new Error(`a player was answered ${answer.statusCode}`)
    const reader = new FlvReader()
    answer
      .on('data', (bytes) => reader.read(bytes).forEach(onTag))
      .on('error', () => {})
      .pipe(file)
    await new Promise((resolve) => setTimeout(resolve, ms))
    asked.destroy()
    file.end()
    await within(LEAVING_MS, 'a recording', finished(file))
    return path
  }

  async close() {
    await Promise.all([...this.#pushing].map((ffmpeg) => this.unpublish(ffmpeg)))
  }
}
