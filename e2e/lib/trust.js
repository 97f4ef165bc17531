/** Homes of people whose browsers trust a CA, or do not: a folder with the database in which Chromium looks for them. */

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PATIENCE_MS } from './deadline.js'
import { ended, started } from './ending.js'

const run = promisify(execFile)

/** A person's folder. */
export class Home {
  constructor(path) {
    this.path = path
  }

  /** An empty one. */
  static make() {
    const home = new Home(mkdtempSync(join(tmpdir(), 'tring-e2e-home-')))
    started(home, 'a home folder', () => home.#remove())
    return home
  }

  /** Trusts a CA as one does who imports it: for web sites. @param {string} file its certificate, PEM */
  async trust(file) {
    const database = join(this.path, '.pki/nssdb')
    mkdirSync(database, { recursive: true })
    const certutil = (...args) => run('certutil', ['-d', `sql:${database}`, ...args], { timeout: PATIENCE_MS })
    await certutil('-N', '--empty-password')
    await certutil('-A', '-n', 'the local CA', '-t', 'C,,', '-i', file)
  }

  #remove() {
    rmSync(this.path, { recursive: true, force: true })
  }

  remove() {
    this.#remove()
    ended(this)
  }
}
