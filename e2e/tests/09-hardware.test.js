/** Cameras and microphones: choosing, changing, sizes and views; what is refused, absent or taken. */

import assert from 'node:assert/strict'
import { until } from '../lib/deadline.js'
import { Device } from '../lib/device.js'
import { SURFACES } from '../lib/phone.js'
import { connect, Rig, ring } from '../lib/rig.js'
import { after, afterEach, before, describe, it } from '../lib/test.js'
import { altogether, answers, enters, exactly, holds, refused, sentence } from '../lib/expect-events.js'

/** The device of each open track of a kind, as the browser says it. */
async function inUse(phone, kind) {
  const tracks = (await phone.page.deviceRequests()).flatMap((r) => r.tracks)
  return tracks.filter((t) => t.kind === kind && t.state === 'live').map((t) => t.deviceId)
}

describe('choosing devices', () => {
  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice'])
    rig.devices.bob = await Device.start('bob', { hardware: 'several cameras' })
  })
  afterEach(() => rig.clear())
  after(() => rig?.stop())

  const pair = (surface) => Promise.all([rig.phone('alice', surface), rig.phone('bob', surface)])

  for (const surface of SURFACES) {
    it(`${surface}: another camera and another microphone in a call, without a negotiation or an event`, async () => {
      const [alice, bob] = await pair(surface)
      await connect(alice, bob, 2)
      await Promise.all([alice.page.hears('bob'), bob.page.sees('alice')])
      const negotiations = async () => (await bob.page.counts()).negotiations
      const before = await negotiations()
      const cameras = await bob.do('getCameras')
      const microphones = await bob.do('getMicrophones')
      assert.equal(cameras.length, 3)
      assert.ok(microphones.length >= 2)
      for (const { deviceId, label } of [...cameras, ...microphones]) assert.ok(deviceId && label)

      for (const { deviceId } of [cameras[2], cameras[0]]) {
        await bob.do('switchDevice', { deviceType: 'video', deviceId })
        assert.deepEqual(await inUse(bob, 'video'), [deviceId], 'that one is open and no other')
        await frames(alice)
      }
      const { deviceId } = microphones.at(-1)
      await bob.do('switchDevice', { deviceType: 'audio', deviceId })
      assert.deepEqual(await inUse(bob, 'audio'), [deviceId])
      await alice.page.hears('bob')
      assert.equal(await negotiations(), before)
      await exactly([alice, answers('bob', 2)], [bob, ['INVITED', ...enters('alice', 2)]])
    })
  }

  it('class: a choice made while muted and without camera opens nothing, and holds when they are on again', async () => {
    const [alice, bob] = await pair('class')
    await connect(alice, bob, 2)
    await bob.do('closeCamera')
    await bob.page.tracks(['audio'])
    const { deviceId } = (await bob.do('getCameras')).at(-1)
    await bob.do('switchDevice', { deviceType: 'video', deviceId })
    await bob.do('setMicMute', true)
    assert.deepEqual(await bob.page.openTracks(), ['audio'], 'its light stays off')
    await bob.do('openCamera')
    await until('the chosen camera is open', async () => (await inUse(bob, 'video')).join() === deviceId)
    await frames(alice)
    await alice.page.hearsNobody()
  })

  it('class: a device or a size that is none is refused by one clear error, and the call goes on', async () => {
    const [alice, bob] = await pair('class')
    await connect(alice, bob, 1)
    await refused(bob, 'bad_argument', () => bob.do('switchDevice', { deviceType: 'smell', deviceId: 'x' }))
    await refused(bob, 'bad_argument', () => bob.do('setVideoQuality', '8k'))
    await Promise.all([alice.page.hears('bob'), bob.page.hears('alice')])
  })

  it('class: the size of the own picture can be set in a call', async () => {
    const [alice, bob] = await pair('class')
    await connect(alice, bob, 2)
    await frames(alice)
    const arrives = async (size) => {
      let last
      const same = async () => (last = (await alice.page.look({ frames: 2 })).size) === size
      await until(`a picture of ${size} arrives`, same, { last: () => last })
    }
    await bob.do('setVideoQuality', '240p')
    await arrives('320x240')
    await bob.do('setVideoQuality', '480p')
    await arrives('640x480')
  })

  it('class: shows the pictures where it is told, and takes them away', async () => {
    const [alice, bob] = await pair('class')
    await bob.page.evaluate(() => {
      for (const id of ['near', 'far']) {
        const box = document.createElement('div')
        box.id = id
        box.style.cssText = 'width:200px;height:150px'
        document.body.append(box)
      }
    })
    await connect(alice, bob, 2)
    const videos = (id) => bob.page.evaluate((i) => document.querySelectorAll(`#${i} video`).length, id)
    await bob.page.sees('alice')
    assert.equal((await bob.page.look()).played, false, 'nothing shows it yet')
    await bob.do('startRemoteView', { userID: 'alice', videoViewDomID: 'far' })
    await bob.page.sees('alice', { shown: true })
    await bob.do('startLocalView', { userID: 'bob', videoViewDomID: 'near' })
    const moves = () =>
      bob.page.evaluate(() => {
        const video = /** @type {HTMLVideoElement} */ (document.querySelector('#near video'))
        return Boolean(video && !video.paused && video.videoWidth && video.currentTime > 0)
      })
    await until('the own picture is shown', moves)
    await bob.do('stopRemoteView', { userID: 'alice', videoViewDomID: 'far' })
    assert.deepEqual([await videos('far'), await videos('near')], [0, 1])
    await bob.page.sees('alice') // it still arrives
    await bob.do('stopLocalView', { userID: 'bob', videoViewDomID: 'near' })
    assert.equal(await videos('near'), 0)
    await alice.page.hears('bob')
    assert.ok((await alice.page.look()).frames > 0, 'the other side still sees')
    await refused(bob, 'bad_argument', () => bob.do('startRemoteView', { userID: 'alice', videoViewDomID: 'nowhere' }))
  })

  it('element: hides and shows the other picture', async () => {
    const [alice, bob] = await pair('element')
    await connect(alice, bob, 2)
    await bob.page.sees('alice', { shown: true })
    await bob.do('stopRemoteView', 'alice')
    await until('it is hidden', async () => !(await bob.page.look()).played)
    await bob.do('startRemoteView', 'alice')
    await bob.page.sees('alice', { shown: true })
  })

  for (const surface of SURFACES) {
    it(`${surface}: off() ends a handler, all of an event, everything`, async () => {
      const [alice, bob] = await pair(surface)
      const counts = await bob.page.evaluate(() => {
        const { calling } = window
        const { INVITED, CALLING_CANCEL } = calling.EVENT
        window.heard = { once: 0, twice: 0, other: 0 }
        window.count = () => window.heard.once++
        window.double = () => window.heard.twice++
        calling.on(INVITED, window.count)
        calling.on(INVITED, window.double)
        calling.on(INVITED, window.double) // twice, as the guide has no rule against it
        calling.on(CALLING_CANCEL, () => window.heard.other++)
        return window.heard
      })
      assert.deepEqual(counts, { once: 0, twice: 0, other: 0 })
      const off = (which) =>
        bob.page.evaluate((w) => {
          const { calling } = window
          const { INVITED } = calling.EVENT
          if (w === 'one') calling.off(INVITED, window.count)
          if (w === 'first') calling.off(INVITED, window.double)
          if (w === 'event') calling.off(INVITED)
          if (w === 'all') calling.off()
        }, which)
      const heard = async (expected) => {
        await alice.call({ userID: 'bob', type: 1 })
        const rings = () => bob.page.evaluate(() => window.__e2e.connections().some((c) => c.state !== 'closed'))
        await until('it rings', rings)
        await alice.hangup()
        await until('it rings no more', async () => !(await rings()))
        assert.deepEqual(await bob.page.evaluate(() => window.heard), expected)
      }
      await heard({ once: 1, twice: 2, other: 1 })
      await off('one')
      await heard({ once: 1, twice: 4, other: 2 })
      await off('first')
      await heard({ once: 1, twice: 5, other: 3 })
      await off('event')
      await heard({ once: 1, twice: 5, other: 4 })
      await off('all')
      await heard({ once: 1, twice: 5, other: 4 })
    })
  }
})

describe('devices that are refused, absent or taken', () => {
  /** What is wrong at bob's, what he is told, and what still goes. */
  const CASES = [
    {
      what: 'no camera',
      on: ['class'],
      device: { hardware: 'no camera' },
      errors: [60004],
      microphone: true,
      camera: false,
    },
    {
      what: 'no camera and no microphone',
      on: ['element'],
      device: { hardware: 'nothing' },
      errors: [60003, 60004],
      microphone: false,
      camera: false,
    },
    {
      what: 'both refused',
      on: SURFACES,
      device: { prompts: 'deny' },
      errors: [60005, 60005],
      microphone: false,
      camera: false,
    },
    {
      what: 'only the camera refused',
      on: ['element'],
      device: { prompts: 'deny' },
      view: { permissions: ['microphone'] },
      errors: [60005],
      microphone: true,
      camera: false,
    },
    {
      what: 'only the microphone refused',
      on: ['class'],
      device: { prompts: 'deny' },
      view: { permissions: ['camera'] },
      errors: [60005],
      microphone: false,
      camera: true,
    },
    {
      what: 'the camera taken by another program',
      on: ['class'],
      device: {},
      // What a browser says then; a test cannot take a camera that is none.
      view: {
        onPage: (raw) =>
          raw.addInitScript(() => {
            const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
            navigator.mediaDevices.getUserMedia = async (constraints) => {
              if (constraints.video) throw new DOMException('Could not start video source', 'NotReadableError')
              return open(constraints)
            }
          }),
      },
      errors: [60005],
      microphone: true,
      camera: false,
    },
  ]

  /** @type {Rig} */ let rig
  before(async () => {
    rig = await Rig.start(['alice'])
  })
  after(() => rig?.stop())

  for (const device of new Set(CASES.map((c) => JSON.stringify(c.device)))) {
    describe(`bob's: ${device}`, () => {
      before(async () => {
        rig.devices.bob = await Device.start('bob', JSON.parse(device))
      })
      afterEach(() => rig.clear())
      after(async () => {
        const { bob } = rig.devices
        delete rig.devices.bob
        await bob?.stop()
      })

      for (const { what, on, view, errors, microphone, camera } of CASES.filter((c) => JSON.stringify(c.device) === device)) {
        for (const surface of on) {
          it(`${surface}: ${what}: the video call goes on with what there is, and says so`, async () => {
            const [alice, bob] = await Promise.all([rig.phone('alice', surface), rig.phone('bob', surface, { view })])
            await ring(alice, bob, { type: 2 })
            await bob.accept()
            // The browser's answer and the server's race each other.
            await altogether(
              [
                alice,
                [...answers('bob', 2).map(([name]) => name), ...(microphone ? [] : ['USER_AUDIO_AVAILABLE']), ...(camera ? [] : ['USER_VIDEO_AVAILABLE'])],
              ],
              [bob, ['INVITED', ...enters('alice', 2).map(([name]) => name), ...errors.map(() => 'ERROR')]],
            )
            const told = bob.sequence.filter(({ event }) => event === 'ERROR').map(({ data }) => data)
            assert.deepEqual(told.map(({ code }) => code).sort(), errors)
            for (const { message } of told) holds(message, sentence, 'the error')
            assert.equal(new Set(told.map(({ message }) => message)).size, errors.length, 'each names its device')

            await Promise.all([bob.page.hears('alice'), bob.page.sees('alice')])
            if (microphone) await alice.page.hears('bob')
            else await alice.page.hearsNobody()
            if (camera) await alice.page.sees('bob')
            else await alice.page.seesNobody()
            const last = (event) => alice.sequence.filter((t) => t.event === event).at(-1).data
            assert.equal(last('USER_AUDIO_AVAILABLE').isAudioAvailable, microphone)
            assert.equal(last('USER_VIDEO_AVAILABLE').isVideoAvailable, camera)
            await alice.hangup()
            await bob.event('CALL_END')
            await bob.page.tracks([])
          })
        }
      }
    })
  }
})

/** Waits until new frames are decoded at a phone. */
async function frames(phone) {
  const decoded = async () => (await phone.page.counts()).in.video.frames
  const before = await decoded()
  await until(`new frames arrive at ${phone.userID}`, async () => (await decoded()) > before + 5)
}
