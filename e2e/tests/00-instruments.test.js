/** The instruments themselves: each can say yes, no and "somebody else". No server takes part. */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Device } from '../lib/device.js'
import { PALETTE } from '../lib/people.js'

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
    })
    await page.connection()
  })
  after(() => device?.stop())

  it('names the sender of a picture and a tone through encoder and decoder', async () => {
    const seen = await page.sees('alice')
    assert.ok(seen.frames >= 2)
    const heard = await page.hears('alice')
    assert.ok(heard.loud > 0.5, `a burst is three quarters of the time: ${JSON.stringify(heard)}`)
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
    const heard = await page.hearsNobody()
    assert.ok(heard.heardMs > 1000, `silence is sound that arrives and is silent: ${JSON.stringify(heard)}`)
    const before = await page.counts()
    assert.equal((await page.look()).who, 'nobody')
    const now = await page.counts()
    assert.equal(now.in.video.frames, before.in.video.frames)
    assert.ok(now.in.audio.packets > before.in.audio.packets)
  })
})
