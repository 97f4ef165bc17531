/** What the page says, in Chinese and English. */

/** One kind of device. */
export type Platform = "ios" | "android" | "windows" | "macos" | "linux" | "firefox"

export const PLATFORMS: readonly Platform[] = ["ios", "android", "windows", "macos", "linux", "firefox"]

/** The file under a step. */
export type Download = "crt" | "mobileconfig"

/** A step, and the file that it starts with. */
export type Step = readonly [text: string, download?: Download]

const EN = {
  title: "Trust this Tring server",
  languages: "Language",
  lead: "A browser gives a page its microphone and camera only over a connection that it trusts. This server has signed its certificate itself, so this device must be told once to trust it.",
  checkTitle: "Is it trusted now?",
  asking: "Checking…",
  trusted: "Yes: this device trusts the server",
  untrusted: "Not yet: follow the steps below",
  half: "Half: the page opens, calls do not",
  away: "The HTTPS port does not answer",
  pageAsk: "Secure page (https)",
  pageYes: "The secure page (https) opens",
  pageNo: "The secure page (https) is refused",
  socketAsk: "Secure socket (wss), which carries the calls",
  socketYes: "Secure sockets (wss) open: calls work",
  socketNo: "Secure sockets (wss) are refused until the certificate is trusted",
  adviceUntrusted: "Tapping the browser’s warning away is not enough: iOS refuses the socket even after the page was accepted.",
  adviceAway: "The server may have been stopped, or a firewall closes the port: ",
  adviceForward: "You are led on in a moment.",
  go: "Go on to the call page",
  stay: "Stay here",
  again: "Check again",
  stepsTitle: "How to trust it",
  here: "this device",
  download: "Download the certificate",
  profile: "Download the profile",
  compareTitle: "Compare before you trust",
  compare: "The SHA-256 fingerprint that your device shows must be the one in the server’s terminal. On this page it may have been changed on its way.",
  bounds:
    "The certificate authority was made by this server, its key stays there, and it can vouch for private networks and this machine only, not for sites of the internet.",
  remove: "When you need it no more, remove it where you installed it.",
  missing: "This server uses no local certificate authority: there is nothing to install.",
  names: {
    ios: "iPhone, iPad",
    android: "Android",
    windows: "Windows: Chrome, Edge",
    macos: "macOS: Safari, Chrome",
    linux: "Linux: Chrome, Chromium",
    firefox: "Firefox on a computer",
  },
  steps: {
    ios: [
      ["In Safari: download the profile and tap “Allow”.", "mobileconfig"],
      ["Open Settings. Tap “Profile Downloaded” at the top (or General → VPN & Device Management), then “Install”."],
      ["Settings → General → About → Certificate Trust Settings: switch this certificate on. Without this step nothing works."],
      ["Come back to this page: it checks again by itself."],
    ],
    android: [
      ["Get the file tring-ca.crt.", "crt"],
      ["Open Settings and search for “CA certificate” (Security & privacy → More security settings → Encryption & credentials → Install a certificate)."],
      ["Choose “CA certificate”, “Install anyway”, then the file tring-ca.crt."],
      ["Come back to this page in Chrome: it checks again by itself."],
    ],
    windows: [
      ["Download the certificate and open it.", "crt"],
      ["“Install Certificate…” → Current User → “Place all certificates in the following store” → Trusted Root Certification Authorities."],
      ["Compare the fingerprint and confirm. Close all windows of the browser and open this page again."],
    ],
    macos: [
      ["Download the certificate and open it: Keychain Access asks where to add it; choose “login”.", "crt"],
      ["Find it under Certificates, open it, and under Trust set “Always Trust”."],
      ["Load this page again."],
    ],
    linux: [
      ["Get the file tring-ca.crt.", "crt"],
      [
        "Open chrome://certificate-manager → Custom → Installed by you → Trusted certificates → Import, and choose the file. In older versions: chrome://settings/certificates → Authorities → Import, “Trust this certificate for identifying websites”.",
      ],
      ["Load this page again."],
    ],
    firefox: [
      ["Get the file tring-ca.crt.", "crt"],
      ["Settings → Privacy & Security → Certificates → View Certificates → Authorities → Import, and choose the file."],
      ["Tick “Trust this CA to identify websites”, then load this page again."],
    ],
  } as { [platform in Platform]: readonly Step[] },
}

const ZH: typeof EN = {
  title: "信任此 Tring 服务器",
  languages: "语言",
  lead: "浏览器只在受信任的连接上提供麦克风和摄像头。此服务器的证书由它自己签发，因此需要在本设备上设置一次信任。",
  checkTitle: "现在已信任吗？",
  asking: "正在检查…",
  trusted: "是：本设备已信任此服务器",
  untrusted: "尚未信任：请按以下步骤操作",
  half: "还差一步：页面能打开，但无法通话",
  away: "HTTPS 端口没有响应",
  pageAsk: "安全页面（https）",
  pageYes: "安全页面（https）可以打开",
  pageNo: "安全页面（https）被拒绝",
  socketAsk: "安全连接（wss），通话所需",
  socketYes: "安全连接（wss）正常，可以通话",
  socketNo: "信任证书之前，安全连接（wss）会被拒绝",
  adviceUntrusted: "仅忽略浏览器的警告是不够的：在 iOS 上即使继续访问了页面，安全连接仍会被拒绝。",
  adviceAway: "服务器可能已停止，或防火墙未放行端口：",
  adviceForward: "即将自动前往。",
  go: "前往通话页面",
  stay: "留在本页",
  again: "重新检查",
  stepsTitle: "如何设置信任",
  here: "本设备",
  download: "下载证书",
  profile: "下载描述文件",
  compareTitle: "信任之前请核对",
  compare: "设备上显示的 SHA-256 指纹必须与服务器终端中显示的一致。本页上的指纹可能在传输途中被篡改。",
  bounds: "此证书颁发机构由本服务器生成，私钥不会离开服务器，且只能为专用网络和这台机器作证，不能用于互联网上的网站。",
  remove: "不再需要时，请在安装的位置将其移除。",
  missing: "此服务器未使用本地证书颁发机构，无需安装。",
  names: {
    ios: "iPhone、iPad",
    android: "安卓（Android）",
    windows: "Windows：Chrome、Edge",
    macos: "macOS：Safari、Chrome",
    linux: "Linux：Chrome、Chromium",
    firefox: "电脑上的 Firefox",
  },
  steps: {
    ios: [
      ["在 Safari 中下载描述文件，并点「允许」。", "mobileconfig"],
      ["打开「设置」，点顶部的「已下载描述文件」（或「通用」→「VPN 与设备管理」），再点「安装」。"],
      ["「设置」→「通用」→「关于本机」→「证书信任设置」：打开此证书的开关。缺少这一步将无法通话。"],
      ["回到本页，会自动重新检查。"],
    ],
    android: [
      ["获取文件 tring-ca.crt。", "crt"],
      ["打开「设置」，搜索「CA 证书」（「安全和隐私」→「更多安全设置」→「加密与凭据」→「安装证书」）。"],
      ["选择「CA 证书」→「仍然安装」，再选择文件 tring-ca.crt。"],
      ["在 Chrome 中回到本页，会自动重新检查。"],
    ],
    windows: [
      ["下载证书并打开。", "crt"],
      ["「安装证书…」→「当前用户」→「将所有的证书都放入下列存储」→「受信任的根证书颁发机构」。"],
      ["核对指纹后确认。关闭浏览器的所有窗口，再重新打开本页。"],
    ],
    macos: [
      ["下载证书并打开，「钥匙串访问」会询问添加到哪里，请选择「登录」。", "crt"],
      ["在「证书」中找到并打开它，将「信任」设为「始终信任」。"],
      ["重新加载本页。"],
    ],
    linux: [
      ["获取文件 tring-ca.crt。", "crt"],
      [
        "打开 chrome://certificate-manager →「自定义」→「由您安装」→「受信任的证书」→「导入」，选择该文件。旧版本：chrome://settings/certificates →「授权机构」→「导入」，勾选「信任该证书，以标识网站的身份」。",
      ],
      ["重新加载本页。"],
    ],
    firefox: [
      ["获取文件 tring-ca.crt。", "crt"],
      ["「设置」→「隐私与安全」→「证书」→「查看证书」→「证书颁发机构」→「导入」，选择该文件。"],
      ["勾选「信任由此证书颁发机构来标识网站」，再重新加载本页。"],
    ],
  },
}

export type Texts = typeof EN
export type PageLanguage = "zh" | "en"

export function textsOf(language: PageLanguage): Texts {
  return language === "zh" ? ZH : EN
}
