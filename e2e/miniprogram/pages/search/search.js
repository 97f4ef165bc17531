// In the manner of 2022: the component is TUICalling, it is initialised when the page's data is there, and whoever is to be
// called is looked up in the IM instance first.
Page({
  data: {
    config: { sdkAppID: 0, userID: '', userSig: '', type: 1, tim: null },
    wanted: '',
    searched: false,
    found: {},
  },

  onLoad() {
    this.setData({ config: { ...this.data.config, ...getApp().session } }, () => {
      this.TUICalling = this.selectComponent('#TUICalling-component')
      this.ready = this.TUICalling.init()
    })
  },

  onUnload() {
    this.TUICalling.destroyed()
  },

  onWanted(event) {
    this.setData({ wanted: event.detail.value })
  },

  onSearch() {
    const { wanted } = this.data
    this.TUICalling.getTim()
      .getUserProfile({ userIDList: [wanted] })
      .then(({ data }) => this.setData({ searched: true, found: { ...data[0] } }))
  },

  async onCall() {
    await this.TUICalling.call({ userID: this.data.found.userID, type: this.data.config.type })
  },
})
