/** What the demo page says. */

const EN = {
  languages: "Language",
  subtitle: "Two phones on one page: voice and video calls through your own server",
  step1: "Press voice or video on one phone",
  step2: "Allow the microphone and camera",
  step3: "Answer on the other phone",
  alone1: "Open this page for the other user: in another window, or on another device",
  alone2: "Allow the microphone and camera",
  alone3: "Call, or wait for a call",
  foot: "Both phones of this page use the same microphone, so their loudspeakers are off at first: “Listen” turns one on. In two windows or on two devices sound is on.",
  footPhone: "Your own phone joins as carol: scan the code in the server’s terminal.",
  footAlone: "Sound is on. If you hear yourself, the two phones are too close to each other.",
  connecting: "signing in…",
  online: "online",
  resuming: "connection lost, restoring…",
  closed: "signed out",
  idle: "not signed in",
  listen: "Listen",
  alone: "Own window",
  both: "Both phones",
  voice: "voice call",
  video: "video call",
  you: "This phone",
  log: "Events",
  clear: "Clear",
  empty: "The events that a page hears appear here.",
  insecure:
    "This page is neither https nor localhost, so the browser gives it no microphone and no camera. Open it as http://localhost on the server's machine, or put https in front of it.",
  insecureHere: "This page is neither https nor localhost, so the browser gives it no microphone and no camera.",
  socketRefused: "The browser refuses this server’s secure socket, because its certificate is not trusted yet: no call is possible.",
  openInstall: "Trust this server",
  openSecure: "Open the secure page",
  noServer: "The demo is not to be had from this server: start it with --demo.",
  signInAgain: "Sign in again",
}

const ZH: typeof EN = {
  languages: "语言",
  subtitle: "一页两部电话：通过您自己的服务器进行语音和视频通话",
  step1: "在任一电话上点语音或视频",
  step2: "允许使用麦克风和摄像头",
  step3: "在另一部电话上接听",
  alone1: "在另一窗口或另一设备上，以另一用户打开本页",
  alone2: "允许使用麦克风和摄像头",
  alone3: "呼叫，或等待来电",
  foot: "本页两部电话共用一个麦克风，为避免啸叫，扬声器默认关闭，可点「收听」打开其中一部。分开在两个窗口或两台设备上时，声音默认打开。",
  footPhone: "您自己的手机可以作为 carol 加入：请扫描服务器终端里的二维码。",
  footAlone: "声音已打开。如听到自己的回声，请让两台设备离远一些。",
  connecting: "正在登录…",
  online: "在线",
  resuming: "连接中断，正在恢复…",
  closed: "已退出登录",
  idle: "未登录",
  listen: "收听",
  alone: "单独窗口",
  both: "两部电话",
  voice: "语音通话",
  video: "视频通话",
  you: "本机",
  log: "事件",
  clear: "清空",
  empty: "页面收到的事件会显示在这里。",
  insecure: "当前页面既不是 https 也不是 localhost，浏览器不会提供麦克风和摄像头。请在服务器本机以 http://localhost 打开，或在前面加上 https。",
  insecureHere: "当前页面既不是 https 也不是 localhost，浏览器不会提供麦克风和摄像头。",
  socketRefused: "证书尚未受信任，浏览器拒绝了与此服务器的安全连接，无法通话。",
  openInstall: "信任此服务器",
  openSecure: "打开安全页面",
  noServer: "此服务器没有演示服务，请使用 --demo 启动。",
  signInAgain: "重新登录",
}

export type DemoTexts = typeof EN
export type DemoLanguage = "zh" | "en"

export function demoTexts(language: DemoLanguage): DemoTexts {
  return language === "zh" ? ZH : EN
}
