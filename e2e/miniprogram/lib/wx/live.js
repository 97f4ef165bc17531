/** `wx.createLivePusherContext` and `wx.createLivePlayerContext`: they act on the tags of the page. */

import { reply, Refused } from './reply.js'

/** @param {import('../phone.js').Phone} phone */
export function live(phone) {
  /** @param {string} what @param {() => any} find the tag's device @param {Record<string, (device: any, options: any) => any>} acts */
  const context = (what, find, acts) =>
    Object.fromEntries(
      Object.entries(acts).map(([name, act]) => [
        name,
        (options) =>
          reply(phone, `${what}.${name}`, options, () => {
            const device = find()
            if (!device) throw new Refused(`there is no ${what} on the page`)
            return act(device, options ?? {})
          }),
      ]),
    )
  const nothing = () => {}
  return {
    // One pusher a page, so that nothing says which.
    createLivePusherContext: () =>
      context('live-pusher', () => phone.media.pusher, {
        start: (pusher) => pusher.start(),
        stop: (pusher) => pusher.stop(),
        pause: (pusher) => pusher.pause(),
        resume: (pusher) => pusher.resume(),
        switchCamera: (pusher) => pusher.switchCamera(),
        setMICVolume: (pusher, { volume }) => pusher.setVolume(Number(volume)),
        startPreview: (pusher) => pusher.preview(true),
        stopPreview: (pusher) => pusher.preview(false),
        toggleTorch: nothing,
        snapshot: nothing,
        playBGM: nothing,
        stopBGM: nothing,
        pauseBGM: nothing,
        resumeBGM: nothing,
        setBGMVolume: nothing,
      }),
    createLivePlayerContext: (id, component) =>
      context('live-player', () => phone.media.playerById(String(id), component), {
        play: (player) => player.play(),
        stop: (player) => player.stop(),
        mute: (player) => player.mute(),
        pause: (player) => player.pause(),
        resume: (player) => player.resume(),
        requestFullScreen: nothing,
        exitFullScreen: nothing,
        snapshot: nothing,
      }),
  }
}
