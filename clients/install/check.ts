/** What this device trusts of the server now: judged by what the calls need, a secure page and a secure socket. */

/** How long an answer may take, in milliseconds. Higher: slow phones are not told "no". Lower: a closed port is named sooner. */
const ANSWER_MS = 6000

export interface Trust {
  /** A request over https was answered. */
  page: boolean
  /** A secure socket opened. */
  socket: boolean
  /** Nobody answered in time, so that nothing is known about trust. */
  away: boolean
}

/** Asks both. `host` is `name:port`. */
export async function check(host: string): Promise<Trust> {
  const [page, socket] = await Promise.all([pageOpens(`https://${host}/healthz`), socketOpens(`wss://${host}/v1/socket`)])
  return { page: page === true, socket: socket === true, away: page === undefined }
}

/** Undefined: no answer in time. A refused certificate is refused at once. */
async function pageOpens(url: string): Promise<boolean | undefined> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), ANSWER_MS)
  try {
    // An opaque answer is enough: the handshake went through.
    await fetch(url, { mode: "no-cors", cache: "no-store", signal: stop.signal })
    return true
  } catch {
    return stop.signal.aborted ? undefined : false
  } finally {
    clearTimeout(timer)
  }
}

function socketOpens(url: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url)
    const timer = setTimeout(() => resolve(undefined), ANSWER_MS)
    const end = (opened: boolean) => {
      clearTimeout(timer)
      resolve(opened)
      socket.close()
    }
    socket.addEventListener("open", () => end(true))
    socket.addEventListener("error", () => end(false))
  })
}
