var calls = require('../../calls')
var texts = require('../../texts')

Page({
  data: { t: texts.now(), server: '', userID: '', busy: false, problem: '' },

  onLoad: function () {
    if (calls.session()) {
      wx.redirectTo({ url: '/pages/contacts/contacts' })
      return
    }
    var last = calls.last()
    this.setData({ server: last.server, userID: last.userID })
    this.speak()
  },

  speak: function () {
    var t = texts.now()
    this.setData({ t: t, problem: '' })
    wx.setNavigationBarTitle({ title: t.signInTitle })
  },

  toggleLanguage: function () {
    texts.toggle()
    this.speak()
  },

  onServer: function (event) {
    this.setData({ server: event.detail.value })
  },

  onUser: function (event) {
    this.setData({ userID: event.detail.value })
  },

  signIn: function () {
    var page = this
    var t = this.data.t
    var server = calls.address(this.data.server)
    var userID = this.data.userID.trim()
    if (this.data.busy) return
    if (server === '') return this.setData({ problem: t.badServer })
    if (userID === '') return this.setData({ problem: t.noUser })
    this.setData({ busy: true, problem: '' })
    calls.signIn(server, userID, function (reason, detail) {
      page.setData({ busy: false })
      if (reason === null) return wx.redirectTo({ url: '/pages/contacts/contacts' })
      page.setData({ problem: t[reason] + detail })
    })
  },
})
