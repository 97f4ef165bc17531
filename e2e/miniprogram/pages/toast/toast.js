// Shows toasts of its own: when a call is over, however that is told, and, on the other phone, just before.
const SHOWN_MS = 5000

Page({
  data: { config: { sdkAppID: 0, userID: '', userSig: '', type: 1 } },

  onLoad() {
    this.setData({ config: { ...this.data.config, ...getApp().session } })
    this.TRTCCalling = this.selectComponent('#TRTCCalling-component')
    const { EVENT } = this.TRTCCalling
    for (const event of [EVENT.CALL_END, EVENT.REJECT, EVENT.LINE_BUSY]) this.TRTCCalling.on(event, () => this.say(`lesson over: ${event}`))
  },

  say(title) {
    wx.showToast({ title, icon: 'none', duration: SHOWN_MS })
  },

  /** Its own toast lies there already when the call ends. */
  sayAndHangUp() {
    for (const event of Object.keys(this.TRTCCalling.EVENT)) this.TRTCCalling.off(event)
    this.say('good bye')
    this.TRTCCalling.hangup()
  },
})
