var calls = require('../../calls')
var texts = require('../../texts')

Page({
  data: { t: texts.now(), me: null, state: 'connecting', problem: '', server: '', whom: '', contacts: [] },

  onShow: function () {
    var session = calls.session()
    if (!session) {
      wx.reLaunch({ url: '/pages/signin/signin' })
      return
    }
    var t = texts.now()
    this.setData({ t: t, me: calls.face(session.userID), server: session.server, contacts: calls.contacts().map(calls.face) })
    wx.setNavigationBarTitle({ title: t.contactsTitle })
    var page = this
    calls.watch(function (state) {
      page.setData({ state: state.name, problem: state.problem })
    })
  },

  onHide: function () {
    calls.watch(null)
  },

  onUnload: function () {
    calls.watch(null)
  },

  onWhom: function (event) {
    this.setData({ whom: event.detail.value })
  },

  voice: function (event) {
    this.call(event, 1)
  },

  video: function (event) {
    this.call(event, 2)
  },

  call: function (event, type) {
    var userID = event.currentTarget.dataset.user || this.data.whom.trim()
    var t = this.data.t
    if (userID === '') return wx.showToast({ title: t.whom, icon: 'none' })
    if (userID === this.data.me.userID) return wx.showToast({ title: t.noSelf, icon: 'none' })
    calls.remember(userID)
    wx.navigateTo({ url: '/pages/call/call?type=' + type + '&userID=' + encodeURIComponent(userID) })
  },

  signOut: function () {
    calls.signOut()
    wx.reLaunch({ url: '/pages/signin/signin' })
  },
})
