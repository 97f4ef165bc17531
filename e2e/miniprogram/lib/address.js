/** Where media goes to and comes from: an address as an app writes it, through a forwarder of the phone's network. */

const RTMP_PORT = 1935

/**
 * @typedef {object} Way
 * @property {any} forwarder of the phone's network
 * @property {'rtmp' | 'http'} scheme
 * @property {string} host as the app wrote it, with its port
 * @property {string} path with its query
 * @property {string} app RTMP's application: all up to the last slash before the query
 * @property {string} name RTMP's stream: the rest, with the query
 * @property {string} tcUrl what RTMP's client says that it connects to
 */

/** The parts of an address. @param {string} address @returns {(Omit<Way, 'forwarder'> & { hostname: string, port: number }) | undefined} */
export function partsOf(address) {
  const found = /^(rtmp|http):\/\/([^/:?]+|\[[^\]]+\])(?::(\d+))?\/([^?]*)(\?.*)?$/.exec(address)
  if (!found) return undefined
  const [, scheme, hostname, given, path, query = ''] = found
  const port = Number(given ?? (scheme === 'rtmp' ? RTMP_PORT : 80))
  const cut = path.lastIndexOf('/')
  if (scheme === 'rtmp' && cut < 1) return undefined
  const app = path.slice(0, cut)
  const host = `${hostname}:${port}`
  const rest = { app, name: `${path.slice(cut + 1)}${query}`, tcUrl: `rtmp://${host}/${app}` }
  return { scheme: /** @type {Way['scheme']} */ (scheme), hostname, port, host, path: `/${path}${query}`, ...rest }
}

/**
 * @param {import('./network.js').Network} network
 * @param {string} address `rtmp://host/app/name?ticket` or `http://host/app/name.flv`
 * @returns {Promise<Way | undefined>} nothing if it is no such address
 */
export async function reach(network, address) {
  const parts = partsOf(address)
  return parts && { forwarder: await network.forwarder(parts.hostname, parts.port), ...parts }
}
