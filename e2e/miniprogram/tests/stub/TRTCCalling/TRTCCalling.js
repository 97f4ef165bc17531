/**
 * NOT the product: the test fixture of the simulated phones themselves. It does just enough of a call to show that the
 * phones work, against the exchange and the relay of the same folder.
 */
var EVENT = require('./events')

Component({
  properties: {
    config: { type: Object, value: {} },
    backgroundMute: { type: Boolean, value: false },
  },
  data: { state: 'idle', peer: '', push: '', plays: [], camera: true, microphone: true, deaf: false },
  observers: {
    'config.userID': function (userID) {
      this.seen.push('config ' + userID)
    },
  },
  lifetimes: {
    created: function () {
      this.EVENT = EVENT
      this.handlers = []
      this.seen = ['created']
    },
    attached: function () {
      this.seen.push('attached')
    },
    ready: function () {
      this.seen.push('ready')
    },
    detached: function () {
      this.seen.push('detached')
    },
  },
  pageLifetimes: {
    show: function () {
      this.seen.push('show')
    },
    hide: function () {
      this.seen.push('hide')
      if (!this.data.backgroundMute) this.hangup()
    },
  },
  methods: {
    on: function (name, fn) {
      this.handlers.push({ name: name, fn: fn })
    },
    off: function (name, fn) {
      this.handlers = this.handlers.filter(function (h) {
        return h.name !== name || h.fn !== fn
      })
    },
    emit: function (name, data) {
      this.handlers.forEach(function (h) {
        if (h.name === name) h.fn({ eventCode: name, data: data })
      })
    },
    login: function () {
      var self = this
      self.seen.push('login')
      return new Promise(function (resolve) {
        self.socket = wx.connectSocket({ url: wx.getStorageSync('stub').socket })
        self.socket.onOpen(function () {
          self.send({ login: String(self.data.config.userID) })
          resolve()
        })
        self.socket.onMessage(function (message) {
          self.receive(JSON.parse(message.data))
        })
        self.socket.onClose(function (end) {
          console.log('socket closed ' + end.code)
        })
      })
    },
    logout: function () {
      if (this.socket) this.socket.close({})
    },
    send: function (message) {
      this.socket.send({ data: JSON.stringify(message) })
    },
    call: function (options) {
      this.type = options.type
      this.setData({ state: 'calling', peer: options.userID, camera: options.type === 2 })
      this.send({ to: options.userID, what: 'invite', type: options.type })
    },
    accept: function () {
      this.ring(false)
      this.send({ to: this.data.peer, what: 'accept' })
      this.talk()
    },
    reject: function () {
      this.ring(false)
      this.send({ to: this.data.peer, what: 'reject' })
      this.idle()
    },
    hangup: function () {
      if (this.data.state === 'idle') return
      this.send({ to: this.data.peer, what: 'hangup' })
      this.idle()
      this.emit(EVENT.HANG_UP)
    },
    receive: function (message) {
      if (message.what === 'invite') {
        this.setData({ state: 'invited', peer: message.from, camera: message.type === 2 })
        this.ring(true)
        this.emit(EVENT.INVITED, { sponsor: message.from })
      } else if (message.what === 'accept') {
        this.talk()
      } else if (message.what === 'reject') {
        this.idle()
        this.emit(EVENT.REJECT, { invitee: message.from })
      } else if (message.what === 'hangup') {
        this.ring(false)
        this.idle()
        this.emit(EVENT.CALL_END, {})
      }
    },
    ring: function (on) {
      if (on) {
        this.sound = wx.createInnerAudioContext()
        this.sound.loop = true
        this.sound.src = '/components/TRTCCalling/static/ring.mp3'
        this.sound.play()
      } else if (this.sound) {
        this.sound.stop()
      }
    },
    talk: function () {
      var media = wx.getStorageSync('stub').media
      this.setData({
        state: 'talking',
        push: media + this.data.config.userID,
        plays: [{ user: this.data.peer, src: media + this.data.peer }],
      })
    },
    idle: function () {
      this.setData({ state: 'idle', push: '', plays: [] })
    },
    toggleMicrophone: function () {
      this.setData({ microphone: !this.data.microphone })
    },
    toggleCamera: function () {
      this.setData({ camera: !this.data.camera })
    },
    pusherState: function (e) {
      this.seen.push('pusher ' + e.detail.code)
    },
    pusherError: function (e) {
      this.seen.push('error ' + e.detail.errCode)
    },
    pusherStatus: function () {},
    playerState: function (e) {
      this.seen.push('player ' + e.detail.code)
      if (e.detail.code === 2004 && e.currentTarget.dataset.user === this.data.peer) this.emit(EVENT.USER_ENTER, { userID: this.data.peer })
    },
  },
})
