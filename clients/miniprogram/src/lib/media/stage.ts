/** What the media asks of the page in front: to mount a pusher and players, and to reach them. */

/** The pusher, as it shall be mounted. */
export interface PusherTag {
  /** Empty before the answer: the camera is shown, nothing is pushed. */
  url: string
  enableCamera: boolean
}

/** A player, as it shall be mounted. */
export interface PlayerTag {
  /** Of the tag. */
  id: string
  userID: string
  src: string
  /** Their picture was put away by stopRemoteView(). */
  hidden: boolean
}

/** How a live-pusher is handled; `wx.createLivePusherContext()` gives one. */
export interface PusherControl {
  start(): void
  stop(options?: { complete?: () => void }): void
  startPreview(): void
  setMICVolume(options: { volume: number }): void
  switchCamera(): void
}

/** How a live-player is handled. */
export interface PlayerControl {
  play(): void
  stop(options?: { complete?: () => void }): void
}

/** The page in front, as the media sees it: it mounts tags and hands out their controls. */
export interface Stage {
  /** Shows what the media has now, and calls back once it is on the page; never if there is no page. */
  refresh(done?: () => void): void
  /** Null where nothing is mounted. */
  pusher(): PusherControl | null
  player(id: string): PlayerControl | null
}
