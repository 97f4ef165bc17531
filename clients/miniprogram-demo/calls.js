/**
 * 登录和来电监听，所有页面共用。
 * Signing in, and listening for calls on any page.
 *
 * 演示用：UserSig 向 `tring serve --demo` 索取，任何人都能以任何身份登录。正式的小程序请向您自己的服务器索取（见
 * docs/usersig.zh-CN.md），服务器地址写在 components/TRTCCalling/config.js 里，不需要本文件的 useServer()。
 * For the demo only: its UserSig is made for whoever asks. A real mini-program asks its own server (docs/usersig.md) and
 * has the address in components/TRTCCalling/config.js.
 */

var config = require('./components/TRTCCalling/config')
var listener = require('./components/TRTCCalling/listen')

var STORED = 'tring-demo-session'
var STORED_CONTACTS = 'tring-demo-contacts'

/** 保存的联系人个数。How many contacts are remembered. */
var CONTACTS = 8

/** 剩余有效期少于此值（秒）的 UserSig 不再使用。A UserSig with less left, in seconds, is not used any more. */
var FRESH_S = 3600

var CALL_PAGE = 'pages/call/call'

var current = null
var stop = null

restore()

function restore() {
  var stored = wx.getStorageSync(STORED)
  if (!stored || !stored.server) return
  useServer(stored.server)
  if (stored.userSig && stored.expireAt - Date.now() / 1000 > FRESH_S) current = stored
}

/** 组件登录时读取此地址。The component reads it when it signs in. */
function useServer(server) {
  config.server = server
}

/** 上次填写的内容。What was typed last time. */
function last() {
  var stored = wx.getStorageSync(STORED)
  return { server: (stored && stored.server) || config.server, userID: (stored && stored.userID) || '' }
}

/** 已登录的用户；没有则为 null。Who is signed in, or null. */
function session() {
  return current
}

/** 组件的 config 属性。The component's property `config`. */
function trtcConfig(type) {
  return { sdkAppID: current.sdkAppID, userID: current.userID, userSig: current.userSig, type: type }
}

/** 规范的服务器地址；不是地址则为空。The address without slashes at its end; empty if it is none. */
function address(text) {
  var found = /^(https?):\/\/([A-Za-z0-9.\-:\[\]]+)\/*$/i.exec(String(text).trim())
  return found === null ? '' : found[1].toLowerCase() + '://' + found[2]
}

/**
 * 索取 UserSig。done(null)，或 done(原因, 细节)；原因是 texts.js 里的键。
 * Asks for a UserSig. done(null), or done(reason, detail); the reason is a key of texts.js.
 */
function signIn(server, userID, done) {
  wx.request({
    url: server + '/demo/usersig',
    method: 'POST',
    data: { userID: userID },
    success: function (res) {
      var body = res.data || {}
      var error = body.error || {}
      if (res.statusCode === 200 && body.userSig) {
        current = { server: server, sdkAppID: body.sdkAppID, userID: body.userID, userSig: body.userSig, expireAt: body.expireAt }
        wx.setStorageSync(STORED, current)
        useServer(server)
        done(null)
      } else if (error.code === 'user_id_invalid') {
        done('badUser', '')
      } else if (error.code) {
        done('refused', error.message || error.code)
      } else {
        done('noDemo', 'HTTP ' + res.statusCode)
      }
    },
    fail: function (res) {
      var text = res.errMsg || ''
      done(text.indexOf('domain list') >= 0 ? 'notInList' : 'unreachable', text)
    },
  })
}

/** 退出登录，保留填写过的内容。What was typed is kept. */
function signOut() {
  deaf()
  if (current) wx.setStorageSync(STORED, { server: current.server, userID: current.userID })
  current = null
}

/** 在任何页面上响铃：来电时打开通话页。On any page: an incoming call opens the call page. */
function listen() {
  deaf()
  if (current) stop = listener.listen(trtcConfig(1), ring)
}

function deaf() {
  if (typeof stop === 'function') stop()
  stop = null
}

function ring(event) {
  var pages = getCurrentPages()
  var top = pages[pages.length - 1]
  if (top && top.route === CALL_PAGE) return
  wx.navigateTo({ url: '/' + CALL_PAGE + '?from=' + encodeURIComponent(event.data.sponsor) })
}

/** 最近联系人，最新的在前。Newest first. */
function contacts() {
  return wx.getStorageSync(STORED_CONTACTS) || []
}

function remember(userID) {
  var others = contacts().filter(function (known) {
    return known !== userID
  })
  wx.setStorageSync(STORED_CONTACTS, [userID].concat(others).slice(0, CONTACTS))
}

/** 头像的文字和颜色。Letter and colour of a face. */
function face(userID) {
  var hue = 0
  for (var n = 0; n < userID.length; n++) hue = (hue * 31 + userID.charCodeAt(n)) % 360
  return { userID: userID, letter: userID.charAt(0).toUpperCase(), hue: hue }
}

module.exports = {
  last: last,
  session: session,
  trtcConfig: trtcConfig,
  address: address,
  signIn: signIn,
  signOut: signOut,
  listen: listen,
  contacts: contacts,
  remember: remember,
  face: face,
}
