// The one file of this component that you edit.
module.exports = {
  // Your Tring server. The release of a mini-program needs https here, and the address in WeChat's list of socket domains
  // (as wss://…). 服务器地址：正式版必须是 https，并在微信公众平台的 socket 合法域名中填写对应的 wss 地址。
  server: "https://calls.example.com",

  // How the other side's stream is fetched: 'rtmp', or 'flv' (HTTP-FLV from the server above, where a network lets only
  // HTTPS pass). 播放协议：'rtmp' 或 'flv'。
  player: "rtmp",

  // true: CALL_END comes after REJECT, LINE_BUSY and CALLING_CANCEL too, and to who refuses, as in TUICalling. false: as in
  // TRTCCalling. 设为 true 时，任何通话结束都有 CALL_END，与 TUICalling 相同。
  strictCallEnd: false,
}
