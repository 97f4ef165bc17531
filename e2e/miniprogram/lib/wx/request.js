/** `wx.request` over real HTTP. */

import { request as http } from 'node:http'
import { request as https } from 'node:https'
import { reply, Refused } from './reply.js'

/** How long an answer may take if the app does not say. */
const ANSWER_MS = 60_000

/** As many may be under way at once. */
const MOST = 10

/** What is sent for what the app gave. */
function body(data, type) {
  if (data === undefined || typeof data === 'string') return data
  if (data.byteLength !== undefined) return Buffer.from(new Uint8Array(data))
  if (/json/.test(type)) return JSON.stringify(data)
  return new URLSearchParams(Object.entries(data)).toString()
}

/** @param {import('../phone.js').Phone} phone */
export function request(phone) {
  const { requests } = phone
  const send = async (options, job) => {
    if (requests.size > MOST) throw new Refused('exceed max request count')
    if (!/^https?:\/\//.test(options.url) || !URL.canParse(options.url)) throw new Refused('invalid url')
    const url = new URL(options.url)
    const method = (options.method ?? 'GET').toUpperCase()
    const header = { 'content-type': 'application/json', ...options.header, Referer: phone.referer }
    let data = body(options.data, header['content-type'])
    if (method === 'GET' && options.data && typeof options.data === 'object') {
      for (const [key, value] of Object.entries(options.data)) url.searchParams.set(key, value)
      data = undefined
    }
    const route = await phone.network.route(url)
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Refused(why))
      const going = (url.protocol === 'https:' ? https : http)(url, { ...route, method, headers: header, timeout: options.timeout ?? ANSWER_MS })
      job.stop = (why) => {
        fail(why)
        going.destroy()
      }
      if (job.why) job.stop(job.why)
      going.on('timeout', () => job.stop('timeout'))
      going.on('error', (error) => fail(error.message))
      going.on('response', (answer) => {
        const parts = []
        answer.on('data', (part) => parts.push(part))
        answer.on('error', (error) => fail(error.message))
        answer.on('end', () => {
          const bytes = Buffer.concat(parts)
          const result = { statusCode: answer.statusCode, header: answer.headers, cookies: answer.headers['set-cookie'] ?? [] }
          resolve({ ...result, data: options.responseType === 'arraybuffer' ? bytes : read(bytes.toString(), options.dataType) })
        })
      })
      going.end(data)
    })
  }
  return {
    request: (options) => {
      const job = { stop: (why) => (job.why = why) }
      requests.add(job)
      reply(phone, 'request', options, () => send(options, job).finally(() => requests.delete(job)))
      return { abort: () => job.stop('abort'), onHeadersReceived() {}, offHeadersReceived() {} }
    },
  }
}

/** A text that is no JSON stays a text. */
function read(text, type = 'json') {
  if (type !== 'json') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
