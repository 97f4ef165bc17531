/** The instruments themselves: each can say yes, no and "somebody else". No server takes part. */

import assert from 'node:assert/strict'
import { Device } from '../lib/device.js'
import { PALETTE } from '../lib/people.js'
import { after, before, describe, it } from '../lib/test.js'

describe('the instruments', () => {
  /** @type {Device} */ let device
  /** @type {import('../lib/device.js').Page} */ let page

  before(async () => {
    device = await Device.start('alice')
    page = await device.open('http://127.0.0.1:1/', {
      onPage: (raw) => raw.route('**', (route) => route.fulfill({ contentType: 'text/html', body: '<title>x</title>' })),
    })
    // A connection of the page with itself: what goes through it is what a browser encodes and decodes.
    await page.evaluate(async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } })
      const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()]
      a.onicecandidate = (e) => b.addIceCandidate(e.candidate)
      b.onicecandidate = (e) => a.addIceCandidate(e.candidate)
      window.senders = stream.getTracks().map((track) => a.addTrack(track, stream))
      await a.setLocalDescription()
      await b.setRemoteDescription(a.localDescription)
      await b.setLocalDescription()
      await a.setRemoteDescription(b.localDescription)
      window.microphone = stream.getAudioTracks()[0]
      window.players = ['audio', 'video'].map((kind) => {
        const player = /** @type {HTMLMediaElement} */ (document.createElement(kind))
        player.srcObject = new MediaStream(b.getReceivers().map((r) => r.track))
        document.body.append(player)
        return player
      })
    })
    await page.connection()
  })
  after(() => device?.stop())

  it('names the sender of a picture and a tone through encoder and decoder', async () => {
    await page.evaluate(() => Promise.all(window.players.map((p) => p.play())))
    const seen = await page.sees('alice', { shown: true })
    assert.ok(seen.frames >= 2)
    await page.hears('alice')
    const heard = await page.listen()
    assert.ok(heard.loud > 0.5, `a burst is three quarters of the time: ${JSON.stringify(heard)}`)
  })

  it('tells what is played to the user from what only arrives', async () => {
    const played = async (kind, how) => {
      await page.evaluate(`(([audio, video]) => { ${how} })(window.players)`)
      return (kind === 'audio' ? await page.listen({ ms: 400 }) : await page.look({ frames: 3 })).played
    }
    assert.equal(await played('video', 'video.muted = true'), true)
    assert.equal(await played('video', 'video.style.display = "none"'), false)
    assert.equal(await played('video', 'video.style.display = "block"; video.pause()'), false)
    assert.equal(await played('audio', 'audio.muted = false'), true)
    assert.equal(await played('audio', 'audio.muted = true'), false)
    assert.equal(await played('audio', 'audio.muted = false; audio.volume = 0'), false)
    assert.equal(await played('audio', 'audio.volume = 1; audio.pause()'), false)
    assert.equal(await played('audio', 'audio.play()'), true)
  })

  it('says unclear when the picture and the tone are nobody of the palette', async () => {
    const others = PALETTE.filter((p) => p.name !== 'alice')
    assert.equal((await page.look({ palette: others })).who, 'unclear')
    assert.equal((await page.listen({ palette: others })).who, 'unclear')
  })

  it('does not take a still picture for a moving one', async () => {
    const seen = await page.evaluate(async (palette) => {
      const canvas = document.createElement('canvas')
      const pen = canvas.getContext('2d')
      ;[canvas.width, canvas.height] = [320, 240]
      const track = canvas.captureStream(15).getVideoTracks()[0]
      const paint = setInterval(() => {
        pen.fillStyle = `rgb(${palette[1].rgb})`
        pen.fillRect(0, 0, 320, 240)
      }, 50)
      const result = await window.__e2e.lookAt(track, { palette, ms: 2000, frames: 5 })
      clearInterval(paint)
      return result
    }, PALETTE)
    assert.equal(seen.who, 'bob')
    assert.equal(seen.moving, false)
  })

  it('tells two tones at once from one', async () => {
    const heard = await page.evaluate(async (palette) => {
      const context = new AudioContext()
      const out = context.createMediaStreamDestination()
      for (const { hz } of palette.slice(0, 2)) {
        const tone = new OscillatorNode(context, { frequency: hz })
        tone.connect(new GainNode(context, { gain: 0.2 })).connect(out)
        tone.start()
      }
      return window.__e2e.listenTo(out.stream.getAudioTracks()[0], { palette, ms: 1000 })
    }, PALETTE)
    assert.equal(heard.who, 'unclear')
  })

  it('hears silence and sees no frame when the devices are off', async () => {
    await page.evaluate(async () => {
      window.microphone.enabled = false
      await window.senders.find((s) => s.track.kind === 'video').replaceTrack(null)
    })
    await page.hearsNobody()
    const before = await page.counts()
    await page.seesNobody()
    const now = await page.counts()
    assert.equal(now.in.video.frames, before.in.video.frames)
    assert.ok(now.in.audio.packets > before.in.audio.packets)
  })

  it('fails where nothing can arrive, instead of hearing and seeing nobody', async () => {
    const empty = await device.open('http://127.0.0.1:1/', {
      onPage: (raw) => raw.route('**', (route) => route.fulfill({ contentType: 'text/html', body: '<title>x</title>' })),
    })
    await assert.rejects(empty.listen(), /no live audio receiver/)
    await assert.rejects(empty.look(), /no live video receiver/)
    await assert.rejects(empty.counts(), /no live connection/)
  })
})
