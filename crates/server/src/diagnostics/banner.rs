//! What is printed when the server has started: where to click, and a QR code for the phone.

use super::qr::qr;
use crate::tls::Machine;
use serde_json::{Map, Value};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tring_protocol::SdkAppId;

/// Lines of one kind that are shown: a machine with many interfaces has many addresses, of which few are of use. The best
/// come first. Higher: the lines that say what to open move down. Lower: an address that somebody needs is missing.
const FEW: usize = 3;

/// What a server says about itself, beside its log: for people and for programs.
#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// For people; the last line break is left out.
    pub text: String,
    /// One word for programs: `running`, `stopping`.
    pub message: &'static str,
    /// What the text says, for programs, by name.
    pub fields: Map<String, Value>,
}

impl Announcement {
    /// Says that the server stops.
    pub(crate) fn stopping() -> Self {
        let text = "\nstopping: calls end, clients are told".to_owned();
        Self { text, message: "stopping", fields: Map::new() }
    }
}

/// What a server knows of itself when it has started.
pub(crate) struct Banner<'a> {
    /// Where plain HTTP listens.
    pub(crate) plain: SocketAddr,
    /// Where HTTPS listens.
    pub(crate) tls: Option<SocketAddr>,
    /// What clients are told for media.
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) rtmp: Option<SocketAddr>,
    /// The data folder, whole.
    pub(crate) data: PathBuf,
    /// Apps that are served.
    pub(crate) apps: usize,
    pub(crate) demo_app: Option<SdkAppId>,
    /// SHA-256 of the local CA, if it is used.
    pub(crate) fingerprint: Option<String>,
    /// The host name of a certificate from files.
    pub(crate) certified: Option<String>,
    pub(crate) machine: &'a Machine,
}

impl Banner<'_> {
    /// What is said; the text with a QR code if it goes to a `terminal`.
    pub(crate) fn announcement(&self, terminal: bool) -> Announcement {
        Announcement { text: self.text(terminal), message: "running", fields: self.fields() }
    }

    /// What to open comes last, one address a line: it is what stays in sight.
    fn text(&self, terminal: bool) -> String {
        let mut text = "\nTring is running.\n".to_owned();
        let mut row = |name: &str, values: &[String]| {
            for (n, value) in values.iter().enumerate() {
                text += &format!("  {:<13} {value}\n", if n == 0 { name } else { "" });
            }
        };
        row("data folder", &[format!("{} (apps: {})", self.data.display(), self.apps)]);
        row("signalling", &[self.signalling()]);
        row("HTTPS", few(&self.secure_urls()));
        row("media (UDP)", &self.udp_by_address());
        row("media (RTMP)", &self.rtmp.iter().map(ToString::to_string).collect::<Vec<_>>());
        row("demo app", &self.demo_app.iter().map(|app| format!("sdkAppID {app}")).collect::<Vec<_>>());
        let phone = self.phone_url();
        if terminal && let Some(code) = phone.as_deref().and_then(qr) {
            text += &format!("\n{code}");
        }
        if let Some(fingerprint) = &self.fingerprint {
            text += &format!(
                "\n  Phones are led to trust in this server's local CA. Its fingerprint (SHA-256):\n  {fingerprint}\n"
            );
        }
        if let Some(who) = self.not_alone() {
            text += &format!("\n  {who}\n");
        }
        text += "\n  Stop with Ctrl-C.";
        if let Some(url) = phone {
            text += &format!(" On your own phone, in the same network, open\n  {url}\n ");
        }
        text + &match self.demo_url() {
            Some(url) => format!(" On this machine open, and call from one phone to the other:\n  {url}"),
            None if self.apps == 0 => format!(
                " Nobody can sign in yet, for this data folder has no app. Make one with:\n  tring app create NAME --data {}",
                self.data.display()
            ),
            None => format!(" Pages and programs sign in at:\n  {}", self.best_url()),
        }
    }

    /// Who else can use the demo.
    fn not_alone(&self) -> Option<String> {
        self.demo_app?;
        let open = [(Some(self.plain), "--listen"), (self.tls, "--tls-listen")];
        let open = open.into_iter().filter_map(|(address, option)| Some((address?, option)));
        let open: Vec<_> = open.filter(|(address, _)| !address.ip().is_loopback()).collect();
        let (first, _) = open.first()?;
        let place =
            if first.ip().is_unspecified() { "every interface".to_owned() } else { first.ip().to_string() };
        // Where nobody has chosen the place of HTTPS, it goes with the plain one.
        let follows = self.tls.is_some_and(|tls| tls.ip() == self.plain.ip());
        let options = open.iter().filter(|(_, option)| *option == "--listen" || !follows);
        let options: Vec<String> =
            options.map(|(address, option)| format!("{option} 127.0.0.1:{}", address.port())).collect();
        Some(format!(
            "The demo listens on {place}: anybody in the network can sign in too, also as alice. Only for this machine: {}",
            options.join(" ")
        ))
    }

    /// What the text says, for programs, with all addresses.
    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.into(), value);
        put("dataFolder", self.data.display().to_string().into());
        put("apps", self.apps.into());
        put("signalling", self.signalling().into());
        put("https", self.secure_urls().into());
        put("udp", self.udp.iter().map(ToString::to_string).collect());
        put("rtmp", self.rtmp.map(|address| address.to_string()).into());
        put("demoApp", self.demo_app.map(SdkAppId::get).into());
        put("open", self.demo_url().into());
        put("openOnPhone", self.phone_url().into());
        put("caFingerprint", self.fingerprint.clone().into());
        fields
    }

    fn signalling(&self) -> String {
        format!("ws://{}:{}/v1/socket", local_host(self.plain.ip()), self.plain.port())
    }

    fn demo_url(&self) -> Option<String> {
        self.demo_app?;
        Some(format!("http://{}/", authority(&local_host(self.plain.ip()), self.plain.port(), 80)))
    }

    /// The address of the server for clients: secure if it can be.
    fn best_url(&self) -> String {
        let plain = || format!("http://{}/", authority(&local_host(self.plain.ip()), self.plain.port(), 80));
        self.secure_urls().into_iter().next().unwrap_or_else(plain)
    }

    /// The UDP ports of each address, one address a line.
    fn udp_by_address(&self) -> Vec<String> {
        let mut by_ip: Vec<(IpAddr, Vec<u16>)> = Vec::new();
        for address in &self.udp {
            match by_ip.iter_mut().find(|(ip, _)| *ip == address.ip()) {
                Some((_, ports)) => ports.push(address.port()),
                None => by_ip.push((address.ip(), vec![address.port()])),
            }
        }
        let mut lines: Vec<String> =
            by_ip.iter().take(FEW).map(|(ip, ports)| format!("{ip}, {}", spans(ports))).collect();
        if let Some(more) = by_ip.len().checked_sub(FEW).filter(|more| *more > 0) {
            lines.push(format!("and {more} addresses more: `tring doctor` names them"));
        }
        lines
    }

    /// What a phone opens first: with the local CA a page that works before the CA is trusted.
    fn phone_url(&self) -> Option<String> {
        let tls = self.tls?;
        if self.fingerprint.is_some() {
            let ip = *self.machine.reached_at(self.plain.ip()).first()?;
            return Some(format!("http://{}/install", authority(&bracketed(ip), self.plain.port(), 80)));
        }
        self.demo_app?;
        let host = self.secure_hosts(tls).into_iter().next()?;
        Some(format!("https://{}/", authority(&host, tls.port(), 443)))
    }

    fn secure_urls(&self) -> Vec<String> {
        let Some(tls) = self.tls else { return Vec::new() };
        let mut hosts = self.secure_hosts(tls);
        if hosts.is_empty() {
            hosts.push(local_host(tls.ip()));
        }
        hosts.iter().map(|host| format!("https://{}/", authority(host, tls.port(), 443))).collect()
    }

    /// The host names and addresses under which HTTPS is reached from outside, the best first.
    fn secure_hosts(&self, tls: SocketAddr) -> Vec<String> {
        match &self.certified {
            Some(name) => vec![name.clone()],
            None => self.machine.reached_at(tls.ip()).into_iter().map(bracketed).collect(),
        }
    }
}

/// The first of many.
fn few<T>(all: &[T]) -> &[T] {
    &all[..all.len().min(FEW)]
}

/// Ports as people write them: `port 7700`, `ports 7700 to 7703`, `ports 5001, 5009`.
fn spans(ports: &[u16]) -> String {
    let mut sorted = ports.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for port in sorted {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => runs.push((port, port)),
        }
    }
    let run = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first} to {last}") }
    };
    let list: Vec<String> = runs.iter().map(run).collect();
    let word = if ports.len() == 1 { "port" } else { "ports" };
    format!("{word} {}", list.join(", "))
}

/// `host:port`, without the port that the scheme has anyway.
fn authority(host: &str, port: u16, default: u16) -> String {
    if port == default { host.to_owned() } else { format!("{host}:{port}") }
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// How a browser on this machine reaches a socket bound to an address.
fn local_host(ip: IpAddr) -> String {
    if ip.is_unspecified() || ip.is_loopback() { "localhost".into() } else { bracketed(ip) }
}

#[cfg(test)]
mod tests;
