/**
 * Runs in pages of browsers that take no film for a camera: the camera is opened as the page asks, and its picture is painted
 * over with a person's colour and the white bar of `fake-media.js`.
 *
 * @param {number[]} rgb
 */
export function paintCamera(rgb) {
  const [WIDTH, HEIGHT, BAR, FRAMES_PER_SECOND, STEPS] = [320, 240, 16, 15, 30]
  if (!navigator.mediaDevices) return
  const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)

  /** The painted track in the place of a camera's: it ends with it. @param {MediaStreamTrack} camera */
  function painted(camera) {
    const canvas = document.createElement('canvas')
    Object.assign(canvas, { width: WIDTH, height: HEIGHT })
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
    let step = 0
    const paint = () => {
      pen.fillStyle = `rgb(${rgb.join()})`
      pen.fillRect(0, 0, WIDTH, HEIGHT)
      pen.fillStyle = 'white'
      pen.fillRect(Math.floor((step++ / STEPS) * (WIDTH - BAR)), 0, BAR, HEIGHT)
      step %= STEPS
    }
    paint()
    const timer = setInterval(paint, 1000 / FRAMES_PER_SECOND)
    const track = /** @type {MediaStreamTrack} */ (canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0])
    const stop = track.stop.bind(track)
    track.stop = () => {
      clearInterval(timer)
      stop()
      camera.stop()
    }
    return track
  }

  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = await native(constraints)
    return new MediaStream(stream.getTracks().map((track) => (track.kind === 'video' ? painted(track) : track)))
  }
}
