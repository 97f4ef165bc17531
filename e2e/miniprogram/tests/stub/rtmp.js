/** An RTMP relay for the harness's own tests: Debian's nginx with its RTMP module stands in for the product. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ended, LEAVING_MS, started, until, within } from '../../lib/shared.js'

const MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so'

/** True where the relay is installed: `apt-get install nginx-light libnginx-mod-rtmp`. */
export const installed = existsSync(MODULE)

/** A port that is free now. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await within(LEAVING_MS, 'a TCP port', once(server, 'listening'))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  await new Promise((resolve) => server.close(resolve))
  return port
}

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true))).once('error', () => resolve(false))
  })

/** The relay. */
export class Rtmp {
  /** @type {string} of its configuration and log */ folder
  /** @type {number} */ port
  /** @type {string} where streams go */ url

  static async start() {
    const relay = new Rtmp()
    relay.folder = mkdtempSync(join(tmpdir(), 'tring-rtmp-'))
    relay.port = await freePort()
    relay.url = `rtmp://127.0.0.1:${relay.port}/live/`
    await relay.run()
    return relay
  }

  async run() {
    const config = join(this.folder, 'nginx.conf')
    writeFileSync(
      config,
      `load_module ${MODULE};
      worker_processes 1; daemon off; master_process off;
      pid ${this.folder}/pid; error_log ${this.folder}/log info;
      events { worker_connections 64; }
      rtmp { server { listen 127.0.0.1:${this.port}; access_log off; chunk_size 4096;
        application live { live on; wait_key off; wait_video off; interleave off; sync 10ms; }
        application shut { live on; deny publish all; deny play all; }
      } }`
    )
    this.process = spawn('nginx', ['-p', this.folder, '-c', config, '-e', join(this.folder, 'log')], { stdio: 'ignore' })
    started(this, 'an RTMP relay', () => this.#clear())
    await until('the RTMP relay listens', () => answers(this.port))
  }

  #clear() {
    this.process.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Ends it as a crash does. */
  async crash() {
    const gone = once(this.process, 'exit')
    this.process.kill('SIGKILL')
    await within(LEAVING_MS, 'the relay to end', gone)
    ended(this)
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.crash()
    this.#clear()
    ended(this)
  }
}
