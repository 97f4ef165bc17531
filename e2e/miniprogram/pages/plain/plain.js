// Handlers that say `this` and are handed over as they are: neither bound nor with a context.
function invited({ data }) {
  this.setData({ state: `${data.sponsor} calls` })
}

function over() {
  this.setData({ state: `over, ${this.data.state}` })
  this.TRTCCalling.hangup()
}

/** One that is given what its `this` shall be. */
const counter = {
  ends: 0,
  count() {
    this.ends++
  },
}

Page({
  data: { config: { sdkAppID: 0, userID: '', userSig: '', type: 1 }, state: 'quiet' },

  onLoad() {
    this.setData({ config: { ...this.data.config, ...getApp().session } })
    this.counter = counter
    this.TRTCCalling = this.selectComponent('#TRTCCalling-component')
    const { EVENT } = this.TRTCCalling
    this.TRTCCalling.on(EVENT.INVITED, invited)
    this.TRTCCalling.on(EVENT.CALL_END, over)
    this.TRTCCalling.on(EVENT.CALL_END, this.onOver)
    this.TRTCCalling.on(EVENT.CALL_END, counter.count, counter)
    this.TRTCCalling.on(EVENT.CALL_END, () => this.setData({ arrow: true }))
  },

  onOver() {
    this.setData({ method: true })
  },
})
