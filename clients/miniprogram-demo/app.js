var calls = require('./calls')

App({
  // 上次登录仍有效时，打开小程序即可接听来电。
  // Signed in before: an incoming call rings as soon as the mini-program is open.
  onLaunch: function () {
    if (calls.session()) calls.start()
  },
})
