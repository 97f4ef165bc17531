// Runs jobs of crates/usersig/tests/interop.rs with the npm library: a JSON array in on stdin, one out on stdout.
'use strict'

const zlib = require('node:zlib')
const { Api } = require('tls-sig-api-v2')

function run(job) {
  Date.now = () => job.now * 1000
  const api = new Api(job.app, job.key)
  switch (job.what) {
    case 'sign':
      return api.genUserSig(job.user, job.lifetime)
    case 'sign_userbuf':
      return api.genSig(job.user, job.lifetime, Buffer.from(job.userbuf, 'base64'))
    case 'sign_room':
      return api.genPrivateMapKey(job.user, job.lifetime, job.room, job.privileges)
    case 'sign_string_room':
      return api.genPrivateMapKeyWithStringRoomID(job.user, job.lifetime, job.room, job.privileges)
    // The library only signs; this is what a reader built on Node's own zlib and JSON sees.
    case 'read': {
      const base64 = job.text.replace(/\*/g, '+').replace(/-/g, '/').replace(/_/g, '=')
      return JSON.parse(zlib.inflateSync(Buffer.from(base64, 'base64')).toString('utf8'))
    }
    default:
      throw new Error(`unknown job ${job.what}`)
  }
}

const jobs = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
process.stdout.write(JSON.stringify(jobs.map(run)))
