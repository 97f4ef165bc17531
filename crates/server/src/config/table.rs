//! The table of all settings: names, defaults, ranges, units and meanings. The head of `config/mod.rs` says how to add one.

use super::setting::{Holds, Section, Setting, Text, Unit, Value, between, option, section, text};
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Most sockets and connections of a kind. Higher than what any machine has files for.
const MAX_SOCKETS: f64 = 10_000_000.0;

/// Most of what is limited by a rate: as good as no limit.
const MAX_RATE: f64 = 1_000_000.0;

/// Longest time for which rows are kept, in days: a century.
const MAX_DAYS: f64 = 36_500.0;

/// Shortest life of a UserSig that the signing service gives, in seconds. Higher: apps must let their users sign in for
/// longer than they may want. Lower: a UserSig is over before its user has signed in.
pub(crate) const SIGNATURE_MIN_S: u32 = 60;

const DAY_S: u32 = 24 * 3600;

section! {
    Config = "",
        "All settings of `tring serve`. Everything has a default: an empty file is a configuration.",
        "`tring serve` 的全部设置。一切都有默认值：空文件也是有效的配置。";
    [sections:
        tls: TlsSettings,
        media: MediaSettings,
        rtmp: RtmpSettings,
        calls: CallSettings,
        limits: LimitSettings,
        retention: RetentionSettings,
    ]

    listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080) => {
        en: "Address and port of HTTP and WebSocket.",
        zh: "HTTP 和 WebSocket 的地址和端口。",
        command_line: option("listen", "TRING_LISTEN", "IP:PORT"),
    }
    data: PathBuf = PathBuf::from("data") => {
        en: "Folder of the database. Created if absent.",
        zh: "数据库所在目录；不存在则创建。",
        command_line: option("data", "TRING_DATA", "DIR"),
    }
    demo: bool = false => {
        en: "Creates the app `demo` at the first start, serves the demo page, and signs for anybody in that app: whoever can reach the server may sign in to it as anybody. Not for production.",
        zh: "首次启动时创建应用 `demo`，提供演示页，并在该应用中为任何人签名：能访问服务器的人都可以以任何身份登录该应用。不要用于生产环境。",
        command_line: option("demo", "", ""),
    }
    metrics_listen: Option<SocketAddr> = None => {
        en: "Address of the Prometheus page, apart from the public port.",
        zh: "Prometheus 页面的地址，与对外端口分开。",
        unset: text("no such page", "没有该页面"),
        example: Some("\"127.0.0.1:9100\""),
    }
}

section! {
    #[derive(Eq)]
    TlsSettings = "tls",
        "HTTPS and secure WebSockets, on a port of their own beside the plain one.",
        "HTTPS 和安全 WebSocket，使用明文端口之外的单独端口。";

    listen: Option<SocketAddr> = None => {
        en: "Address and port of HTTPS and secure WebSockets. HTTPS is on with a certificate, with `demo`, or if this is set.",
        zh: "HTTPS 和安全 WebSocket 的地址和端口。有证书、开启 `demo` 或设置了此项时启用 HTTPS。",
        command_line: option("tls-listen", "TRING_TLS_LISTEN", "IP:PORT"),
        unset: text(
            "that of `listen`, 363 ports higher: 80 and 443, 8080 and 8443",
            "`listen` 的地址，端口加 363：80 与 443，8080 与 8443",
        ),
        example: Some("\"0.0.0.0:8443\""),
    }
    cert: Option<PathBuf> = None => {
        en: "Certificate chain of HTTPS (PEM), the server's own first.",
        zh: "HTTPS 的证书链（PEM），服务器自己的证书在前。",
        command_line: option("tls-cert", "TRING_TLS_CERT", "FILE"),
        holds: Holds::WhenTheFileChanges,
        unset: text("the local CA signs, or there is no HTTPS", "由本地 CA 签发，或没有 HTTPS"),
        example: Some("\"/etc/tring/fullchain.pem\""),
    }
    key: Option<PathBuf> = None => {
        en: "Private key of `tls.cert` (PEM), not encrypted.",
        zh: "`tls.cert` 的私钥（PEM），未加密。",
        command_line: option("tls-key", "TRING_TLS_KEY", "FILE"),
        holds: Holds::WhenTheFileChanges,
        unset: text("as for `tls.cert`", "同 `tls.cert`"),
        example: Some("\"/etc/tring/privkey.pem\""),
    }
    local_ca: Option<bool> = None => {
        en: "Signs with a CA of this server's own, made at the first start in `ca/` of the data folder. Phones take its certificates when their owners have installed it.",
        zh: "用服务器自己的 CA 签发证书；CA 在首次启动时生成，保存在数据目录的 `ca/` 中，手机主人安装该 CA 后即信任其证书。",
        unset: text(
            "on if there is no `tls.cert`, and `demo` is on or `tls.listen` is given",
            "没有 `tls.cert`，并且开启了 `demo` 或设置了 `tls.listen` 时启用",
        ),
        example: Some("false"),
    }
}

section! {
    MediaSettings = "media",
        "Where sound and picture travel.",
        "声音和画面的传输。";

    bind: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED) => {
        en: "Address that the UDP sockets bind.",
        zh: "UDP 套接字绑定的地址。",
    }
    udp_port: u16 = tring_medianet::DEFAULT_UDP_PORT => {
        en: "First UDP port; worker n takes port + n. 0 lets the system choose (tests).",
        zh: "第一个 UDP 端口；第 n 个工作线程使用该端口加 n。0 表示由系统选择（测试用）。",
        command_line: option("media-port", "TRING_MEDIA_PORT", "PORT"),
    }
    workers: usize = tring_medianet::DEFAULT_WORKERS => {
        en: "Workers, each with a thread and a port of its own. Fixed, so that firewall rules survive a larger machine.",
        zh: "工作线程数，每个有自己的线程和端口。数目固定，更换更大的机器不必改防火墙规则。",
        range: between(1.0, tring_medianet::MAX_WORKERS as f64),
        higher: text("more cores carry media, and more ports are to be opened", "更多核心传输媒体，要开放更多端口"),
        lower: text("fewer ports", "端口更少"),
        command_line: option("media-workers", "TRING_MEDIA_WORKERS", "N"),
    }
    advertise: Vec<String> = Vec::new() => {
        en: "Addresses given to clients, `ip` or `ip:port` (port of worker 0), for a server behind NAT or in a container. As an option or a variable several with commas between them.",
        zh: "服务器在 NAT 之后或容器中时告知客户端的地址，`ip` 或 `ip:port`（第 0 个工作线程的端口）。作为选项或环境变量时多个用逗号分隔。",
        command_line: option("advertise", "TRING_ADVERTISE", "IP[:PORT]"),
        unset: text("the machine's own addresses", "本机地址"),
    }
}

section! {
    RtmpSettings = "rtmp",
        "Where mini-programs push and play.",
        "小程序推流和播放。";

    enabled: bool = true => {
        en: "Off, no mini-program is carried.",
        zh: "关闭后不支持小程序。",
    }
    listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 1935) => {
        en: "Address and TCP port of RTMP, by which mini-programs push and play. Port 0 lets the system choose (tests).",
        zh: "RTMP 的地址和 TCP 端口，小程序由此推流和播放。端口 0 表示由系统选择（测试用）。",
        command_line: option("rtmp-listen", "TRING_RTMP_LISTEN", "IP:PORT"),
    }
    advertise: Option<String> = None => {
        en: "`host` or `host:port` that mini-programs are told, where it is not the name by which they reach the server, or not the port of `rtmp.listen`.",
        zh: "告知小程序的 `host` 或 `host:port`，用于它与小程序访问服务器所用的名称不同，或端口与 `rtmp.listen` 不同的情况。",
        unset: text("the name by which a client came", "客户端访问时所用的名称"),
        example: Some("\"calls.example.com\""),
    }
}

section! {
    #[derive(Eq)]
    CallSettings = "calls",
        "How long things may take, and how many devices take part.",
        "各种时限，以及参与的设备数。";

    ring_grace_s: u16 = tring_calls::RING_GRACE.as_secs() as u16 => {
        en: "How long a device may be without its socket while it rings. At most `limits.resume_s`.",
        zh: "响铃中的设备可以断线多久。不超过 `limits.resume_s`。",
        range: between(1.0, 120.0),
        unit: Some(Unit::Seconds),
        higher: text("a frozen phone still answers", "卡住的手机仍能接听"),
        lower: text("the caller hears sooner that nobody can", "主叫更早得知无人能接听"),
    }
    talk_grace_s: u16 = tring_calls::TALK_GRACE.as_secs() as u16 => {
        en: "How long a device may be without its socket while it talks. At most `limits.resume_s`.",
        zh: "通话中的设备可以断线多久。不超过 `limits.resume_s`。",
        range: between(1.0, 600.0),
        unit: Some(Unit::Seconds),
        higher: text("a longer tunnel is survived", "能挺过更长的隧道"),
        lower: text("the other side looks at a frozen picture for less time", "对方看静止画面的时间更短"),
    }
    preconnect_devices: usize = tring_calls::PRECONNECT_DEVICES => {
        en: "Devices of one callee that connect their transport while they ring.",
        zh: "一个被叫在响铃时最多有几台设备预先建立传输。",
        range: between(0.0, tring_media::MAX_PRECONNECT_DEVICES as f64),
        higher: text("whichever device answers is heard at once", "无论哪台设备接听都能立即听到"),
        lower: text("less work on a stranger's demand", "陌生人能引起的工作更少"),
    }
    max_devices_per_user: usize = tring_calls::MAX_DEVICES_PER_USER => {
        en: "Devices that one user may have signed in.",
        zh: "一个用户可以同时登录的设备数。",
        range: between(1.0, 64.0),
        higher: text("more tabs and phones ring", "更多页面和手机响铃"),
        lower: text("less memory for a user, and fewer messages for a call", "每个用户占用的内存和每次呼叫的消息更少"),
    }
}

section! {
    LimitSettings = "limits",
        "What one client, or all of them, may take.",
        "一个客户端或所有客户端合计可以占用多少。";

    max_sockets: usize = 10_000 => {
        en: "Sessions, which have one WebSocket each, or are kept for `limits.resume_s` without one.",
        zh: "会话数。每个会话有一个 WebSocket，或在 `limits.resume_s` 之内没有连接也保留。",
        range: between(1.0, MAX_SOCKETS),
        higher: text("more devices, each with an open file of the system's", "更多设备，每个需要系统的一个打开文件"),
        lower: text("less memory and fewer files", "内存和文件更少"),
    }
    max_pending_sockets: usize = 2_000 => {
        en: "Open WebSockets that have not signed in. When there are as many, the oldest of the address that has most makes way.",
        zh: "尚未登录的 WebSocket 数。达到上限时，占用最多的地址中最早的一个让位。",
        range: between(1.0, MAX_SOCKETS),
        higher: text("more can sign in at the same moment", "更多客户端可以同时登录"),
        lower: text("strangers hold less", "陌生人占用更少"),
    }
    max_connections: usize = 2_000 => {
        en: "Open HTTP connections that are no WebSocket, or not yet. When there are as many, one that does not take its answer or asks for nothing makes way, of the address that has most.",
        zh: "不是（或尚未成为）WebSocket 的 HTTP 连接数。达到上限时，占用最多的地址中不接收应答或没有请求的一个让位。",
        range: between(1.0, MAX_SOCKETS),
        higher: text("more pages and FLV players at once, each with up to three files", "同时有更多页面和 FLV 播放，每个最多三个文件"),
        lower: text("strangers hold less", "陌生人占用更少"),
    }
    max_rtmp_connections: usize = tring_medianet::DEFAULT_RTMP_CONNECTIONS => {
        en: "Open RTMP connections, of which a call of two phones has four. One whose ticket was not seen yet makes room for a newer one when there is no other.",
        zh: "RTMP 连接数；两部手机的一次通话有四个。没有空位时，尚未出示票据的连接为新的连接让位。",
        range: between(1.0, MAX_SOCKETS),
        higher: text("more phones, each connection with a file and up to some 300 KB of the system's memory", "更多手机，每个连接需要一个文件和最多约 300 KB 的系统内存"),
        lower: text("strangers hold less", "陌生人占用更少"),
    }
    address_share: f64 = 0.5 => {
        en: "Part of `limits.max_sockets`, `limits.max_pending_sockets`, `limits.max_connections` and `limits.max_rtmp_connections` that one address may hold. An IPv6 network of 64 bits counts as one address; this machine's own address has no such bound, for a proxy on it speaks for everybody.",
        zh: "一个地址可以占用 `limits.max_sockets`、`limits.max_pending_sockets`、`limits.max_connections` 和 `limits.max_rtmp_connections` 的比例。一个 64 位前缀的 IPv6 网络算一个地址；本机自己的地址不受此限，因为本机上的代理代表所有人。",
        range: between(0.001, 1.0),
        higher: text("more users behind one address; with a proxy on another machine set 1", "同一地址后面可以有更多用户；代理在另一台机器上时设为 1"),
        lower: text("one address takes less from the others", "一个地址占用他人的更少"),
    }
    heartbeat_s: u16 = 15 => {
        en: "From one ping of a client to the next. A socket silent for two and a half of them is closed.",
        zh: "客户端两次 ping 的间隔。超过两个半间隔没有消息的连接会被关闭。",
        range: between(5.0, 300.0),
        unit: Some(Unit::Seconds),
        higher: text("fewer messages", "消息更少"),
        lower: text("a lost client is noticed sooner, and proxies keep its connection", "更早发现断线的客户端，代理也不会断开连接"),
    }
    resume_s: u16 = 60 => {
        en: "How long a session without a socket is kept.",
        zh: "没有连接的会话保留多久。",
        range: between(5.0, 3_600.0),
        unit: Some(Unit::Seconds),
        higher: text("a client that was away for longer misses nothing", "离开更久的客户端也不会错过消息"),
        lower: text("less memory for those who left", "离开者占用的内存更少"),
    }
    messages_per_second: f64 = 20.0 => {
        en: "Messages of one socket in the long run.",
        zh: "一个连接长期的消息数。",
        range: between(1.0, MAX_RATE),
        unit: Some(Unit::PerSecond),
        higher: text("busier programs are served", "可以服务更繁忙的程序"),
        lower: text("one socket costs the others less", "一个连接对他人的影响更小"),
    }
    messages_burst: f64 = 60.0 => {
        en: "Messages of one socket at once.",
        zh: "一个连接一次可以连续发送的消息数。",
        range: between(1.0, MAX_RATE),
        higher: text("a client that was away repeats more", "离开过的客户端可以重发更多"),
        lower: text("a flood is stopped sooner", "更早制止泛滥"),
    }
    calls_per_minute: f64 = 20.0 => {
        en: "Calls of one user, on whatever devices, in the long run.",
        zh: "一个用户（不论用几台设备）长期的呼叫数。",
        range: between(1.0, MAX_RATE),
        unit: Some(Unit::PerMinute),
        higher: text("for programs that call", "适合由程序发起的呼叫"),
        lower: text("a nuisance rings fewer people", "骚扰者打扰的人更少"),
    }
    calls_burst: f64 = 10.0 => {
        en: "Calls of one user at once.",
        zh: "一个用户一次可以连续发起的呼叫数。",
        range: between(1.0, MAX_RATE),
        higher: text("for programs that call many at the same moment", "适合同时呼叫许多人的程序"),
        lower: text("a nuisance is stopped sooner", "更早制止骚扰"),
    }
    calls_to_one_share: f64 = 0.5 => {
        en: "Part of a user's calls that may go to one and the same callee: nobody is rung without end by one other. A few calls always may.",
        zh: "一个用户的呼叫中可以打给同一个被叫的比例：没有人会被另一个人不停地呼叫。少量呼叫总是允许的。",
        range: between(0.01, 1.0),
        higher: text("a callee can be tried again more often", "可以更多次地重拨同一个被叫"),
        lower: text("a callee is protected better", "被叫受到更好的保护"),
    }
    calls_received_factor: f64 = 6.0 => {
        en: "How many times as many calls as one user may make, one user may be called by everybody together. Past that callers are refused.",
        zh: "所有人合计呼叫一个用户的数目，可以是一个用户自己可发起呼叫数的多少倍。超过后拒绝主叫。",
        range: between(1.0, 10_000.0),
        higher: text("for whoever serves many callers under one name", "适合以一个名称接听许多来电"),
        lower: text("a crowd rings one user less", "一个用户被众人呼叫得更少"),
    }
    devices_per_second: f64 = 2.0 => {
        en: "Microphone and camera changes of one device in the long run.",
        zh: "一台设备长期的麦克风和摄像头开关次数。",
        range: between(1.0, MAX_RATE),
        unit: Some(Unit::PerSecond),
        higher: text("programs that switch often are served", "可以服务频繁开关的程序"),
        lower: text("the others of a call are told less", "通话中其他人收到的消息更少"),
    }
    devices_burst: f64 = 20.0 => {
        en: "Microphone and camera changes of one device at once.",
        zh: "一台设备一次可以连续进行的麦克风和摄像头开关次数。",
        range: between(1.0, MAX_RATE),
        higher: text("quick fingers are never refused", "快速操作不会被拒绝"),
        lower: text("a flood is stopped sooner", "更早制止泛滥"),
    }
    offers_per_second: f64 = 1.0 => {
        en: "Offers (`transport`) of one device in the long run.",
        zh: "一台设备长期的 offer（`transport`）数。",
        range: between(1.0, MAX_RATE),
        unit: Some(Unit::PerSecond),
        higher: text("a device on a bad network connects anew more often", "网络不好的设备可以更频繁地重新连接"),
        lower: text("fewer DTLS certificates and sessions on one device's demand", "一台设备能引起的 DTLS 会话更少"),
    }
    offers_burst: f64 = 10.0 => {
        en: "Offers of one device at once.",
        zh: "一台设备一次可以连续发送的 offer 数。",
        range: between(1.0, MAX_RATE),
        higher: text("several quick changes of the network are survived", "可以连续快速切换网络"),
        lower: text("a flood is stopped sooner", "更早制止泛滥"),
    }
    signatures_per_second: f64 = 20.0 => {
        en: "UserSigs that one app may have signed in the long run.",
        zh: "一个应用长期可以签发的 UserSig 数。",
        range: between(1.0, MAX_RATE),
        unit: Some(Unit::PerSecond),
        higher: text("for an app's server that asks for many", "适合请求许多 UserSig 的应用服务器"),
        lower: text("a leaked API secret does less", "泄露的 API 密钥危害更小"),
    }
    signatures_burst: f64 = 100.0 => {
        en: "UserSigs of one app at once.",
        zh: "一个应用一次可以连续签发的 UserSig 数。",
        range: between(1.0, MAX_RATE),
        higher: text("more users come at the same moment", "更多用户可以同时到来"),
        lower: text("a leaked API secret does less", "泄露的 API 密钥危害更小"),
    }
    signature_max_s: u32 = 7 * DAY_S => {
        en: "Longest life of a UserSig from the signing service.",
        zh: "签名服务签发的 UserSig 的最长有效期。",
        range: between(SIGNATURE_MIN_S as f64, (366 * DAY_S) as f64),
        unit: Some(Unit::Seconds),
        higher: text("clients ask for a new one less often", "客户端更少请求新的签名"),
        lower: text("a stolen one is good for less time", "被盗的签名有效时间更短"),
    }
}

section! {
    #[derive(Copy, Eq)]
    RetentionSettings = "retention",
        "How long what is written down is kept. What is older is deleted while the server runs.",
        "记录保留多久。更早的记录在服务器运行中删除。";

    signatures_days: u32 = 90 => {
        en: "How long it is kept who got a UserSig; 0 keeps it for ever.",
        zh: "谁得到过 UserSig 的记录保留多久；0 表示永久保留。",
        range: between(0.0, MAX_DAYS),
        unit: Some(Unit::Days),
        higher: text("it can be looked up for longer", "可以查询更久以前的记录"),
        lower: text("a smaller database", "数据库更小"),
    }
    calls_days: u32 = 0 => {
        en: "How long call records are kept, from the start of the call; 0 keeps them for ever.",
        zh: "通话记录从通话开始起保留多久；0 表示永久保留。",
        range: between(0.0, MAX_DAYS),
        unit: Some(Unit::Days),
        higher: text("they can be looked up for longer", "可以查询更久以前的记录"),
        lower: text("a smaller database", "数据库更小"),
    }
}
