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
var listen = require('./components/TRTCCalling/listen').listen
var texts = require('./texts')

var STORED = 'tring-demo-session'
var STORED_CONTACTS = 'tring-demo-contacts'

/** 保存的联系人个数。How many contacts are remembered. */
var CONTACTS = 8

/**
 * 剩余有效期少于此值（秒）的 UserSig 不再使用。按手机的时间判断，可能不准：服务器说已过期，就重新索取。
 * A UserSig with less left, in seconds, is not used any more. By the phone's clock, which may be wrong: where the server says
 * that it has expired, another one is asked for.
 */
var FRESH_S = 3600

var CALL_PAGE = 'pages/call/call'

var current = null

/** current 的 UserSig 是上次保存的，不是刚索取的。The UserSig of `current` was stored, not just made. */
var remembered = false

/** listen() 的返回值；第一次登录时创建，此后服务器地址不变。Made at the first sign-in; its server stays. */
var phone = null
var phoneServer = ''

/** 联系人页显示的状态。What the contacts page shows. */
var state = { name: 'connecting', problem: '' }
var watcher = null

/** 正在响铃的来电方；没有则为空。Who rings here; empty if nobody does. */
var caller = ''

/** 通话结束时告知通话页。Tells the call page that the call is over. */
var over = null

restore()

function restore() {
  var stored = wx.getStorageSync(STORED)
  if (!stored || !stored.server) return
  useServer(stored.server)
  if (stored.userSig && stored.expireAt - Date.now() / 1000 > FRESH_S) current = stored
  remembered = current !== null
}

/** 须在 listen() 之前。Before listen(). */
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
        remembered = false
        wx.setStorageSync(STORED, current)
        if (phone !== null && phoneServer !== server) return done('reopen', '')
        useServer(server)
        start()
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
  if (current) wx.setStorageSync(STORED, { server: current.server, userID: current.userID })
  current = null
  if (phone !== null) phone.logout()
}

/**
 * 登录并开始监听：来电时在任何页面上响铃，并打开通话页。
 * Signs in and listens: an incoming call rings on any page and opens the call page.
 */
function start() {
  if (phone === null) {
    phoneServer = current.server
    phone = listen({ page: '/' + CALL_PAGE, onInvited: invited, onEvent: told, onStatus: stands })
  }
  become('connecting', '')
  phone.login({ sdkAppID: current.sdkAppID, userID: current.userID, userSig: current.userSig }).then(
    function () {
      become('ready', '')
    },
    function (error) {
      if (error.code !== 'sig_expired' || !remembered) return become('failed', error.message)
      signIn(current.server, current.userID, function (reason) {
        if (reason !== null) become('failed', error.message)
      })
    }
  )
}

function invited(event) {
  caller = event.data.sponsor
}

function told(event) {
  var name = event.eventCode
  if (name === 'SDK_READY') become('ready', '')
  if (name === 'KICKED_OUT') {
    signOut()
    wx.reLaunch({ url: '/pages/signin/signin' })
    wx.showToast({ title: texts.now().kicked, icon: 'none' })
  }
}

/** 无论怎样结束都会知道，包括在本机拒接。Hears of every end, also of a refusal on this phone. */
function stands(status) {
  if (status.callStatus !== 'calling') caller = ''
  if (status.callStatus === 'idle' && over !== null) over()
}

/** 通话结束时调用；null 表示不再需要。Called at the end of a call; null stops it. */
function whenOver(fn) {
  over = fn
}

function become(name, problem) {
  state = { name: name, problem: problem }
  if (watcher !== null) watcher(state)
}

/** 立即告知，以后每次变化再告知；null 表示不再需要。Tells now and at each change; null stops it. */
function watch(fn) {
  watcher = fn
  if (fn !== null) fn(state)
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
  start: start,
  watch: watch,
  whenOver: whenOver,
  caller: function () {
    return caller
  },
  last: last,
  session: session,
  trtcConfig: trtcConfig,
  address: address,
  signIn: signIn,
  signOut: signOut,
  contacts: contacts,
  remember: remember,
  face: face,
}
