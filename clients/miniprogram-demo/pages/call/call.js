var calls = require('../../calls')
var texts = require('../../texts')

/** 指南中的十个事件，以及 ERROR。The ten events of the guide, and ERROR. */
var EVENTS = ['INVITED', 'HANG_UP', 'REJECT', 'USER_LEAVE', 'NO_RESP', 'CALLING_TIMEOUT', 'LINE_BUSY', 'CALLING_CANCEL', 'USER_ENTER', 'CALL_END', 'ERROR']

/** 这些事件说明通话怎样结束，之后的不再显示。These say how the call has ended; what comes after them is not shown. */
var LAST = ['HANG_UP', 'REJECT', 'LINE_BUSY', 'CALLING_CANCEL', 'CALL_END']

/** 显示结果多久后返回，毫秒。How long the outcome is shown, ms. */
var SHOWN_MS = 1200
var PROBLEM_SHOWN_MS = 4000

/** 页面参数在手机上是编码过的。On a phone the parameters of a page come as they were written. */
function plain(text) {
  try {
    return decodeURIComponent(text)
  } catch (_) {
    return text
  }
}

Page({
  data: { trtcConfig: { sdkAppID: 0, userID: '', userSig: '', type: 1 }, t: texts.now(), peer: {}, state: '', problem: '', lines: [] },

  onLoad: function (options) {
    if (!calls.session()) {
      wx.reLaunch({ url: '/pages/signin/signin' })
      return
    }
    var t = texts.now()
    var to = options.userID ? { userID: plain(options.userID), type: Number(options.type) } : null
    var peer = to ? to.userID : calls.caller()
    this.setData({ trtcConfig: calls.trtcConfig(to ? to.type : 1), t: t, peer: calls.face(peer), state: to ? t.calling : t.incoming })

    this.TRTCCalling = this.selectComponent('#TRTCCalling-component')
    this.bindTRTCCallingRoomEvent()
    calls.whenOver(this.ended.bind(this))
    this.start(to)
    // 页面打开之前，对方已取消。It was taken back before this page was there.
    if (!to && peer === '') this.leaveAfter(SHOWN_MS)
  },

  onUnload: function () {
    this.gone = true
    clearTimeout(this.timer)
    if (!this.TRTCCalling) return
    this.unbindTRTCCallingRoomEvent()
    calls.whenOver(null)
    // 离开本页即结束通话；没有通话时不起作用。指南在此处调用 logout()：本应用由 calls.js 登录，离开页面后仍可接听来电。
    // Who leaves this page ends the call. The guide says logout() here; this app stays signed in (calls.js).
    this.TRTCCalling.hangup()
  },

  /** 登录，然后呼叫；来电由组件自己显示。Signs in, then calls. An incoming call is shown by the component. */
  start: function (to) {
    var page = this
    this.TRTCCalling.login()
      .then(function () {
        if (to && !page.gone) return page.TRTCCalling.call(to)
      })
      .then(null, function (error) {
        page.fail(error)
      })
  },

  fail: function (error) {
    if (this.gone) return
    this.setData({ problem: this.data.t.failed + ((error && error.message) || error) })
    this.leaveAfter(PROBLEM_SHOWN_MS)
  },

  bindTRTCCallingRoomEvent: function () {
    var page = this
    this.handlers = {}
    EVENTS.forEach(function (name) {
      page.handlers[name] = function (event) {
        page.told(name, event.data)
      }
      page.TRTCCalling.on(page.TRTCCalling.EVENT[name], page.handlers[name])
    })
  },

  unbindTRTCCallingRoomEvent: function () {
    var page = this
    EVENTS.forEach(function (name) {
      page.TRTCCalling.off(page.TRTCCalling.EVENT[name], page.handlers[name])
    })
  },

  told: function (name, data) {
    var t = this.data.t
    var lines = this.data.lines.concat({ n: this.data.lines.length, name: name, text: t[name] })
    this.setData({ lines: lines })
    if (name === 'INVITED') {
      this.over = false
      clearTimeout(this.timer)
      this.setData({ peer: calls.face(data.sponsor), state: t.incoming })
    } else if (name === 'ERROR') {
      this.setData({ problem: t.failed + data.message })
    } else if (!this.over) {
      this.setData({ state: t[name] })
    }
    if (LAST.indexOf(name) >= 0) this.over = true
  },

  /** 在本机拒接时没有事件。Of a refusal on this phone no event tells. */
  ended: function () {
    var page = this
    // 事件的说明优先。The event's own words go first.
    setTimeout(function () {
      if (!page.gone && !page.over) page.setData({ state: page.data.t.HANG_UP })
    }, 0)
    this.leaveAfter(SHOWN_MS)
  },

  leaveAfter: function (ms) {
    var page = this
    clearTimeout(this.timer)
    this.timer = setTimeout(function () {
      page.goBack()
    }, ms)
  },

  goBack: function () {
    if (this.gone) return
    if (getCurrentPages().length > 1) wx.navigateBack({ delta: 1 })
    else wx.reLaunch({ url: '/pages/contacts/contacts' })
  },
})
