//! What is printed when the server has started: where to click, and a QR code for the phone.

use crate::tls::Machine;
use qrcode::{Color, EcLevel, QrCode};
use serde_json::{Map, Value};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tring_protocol::SdkAppId;

/// Light modules around a QR code (ISO/IEC 18004: four). Fewer, and cameras do not find it.
const QUIET: usize = 4;

/// Black on white, whatever the terminal's own colours are: some cameras read no inverted code.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

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
    /// The same for programs, by name.
    pub fields: Map<String, Value>,
}

impl Announcement {
    /// That the server stops.
    pub(crate) fn stopping() -> Self {
        let text = "\nstopping: calls end, clients are told".to_owned();
        Self { text, message: "stopping", fields: Map::new() }
    }
}

/// Everything that the greeting tells.
pub(crate) struct Greeting<'a> {
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
    /// Of the local CA, if it is used.
    pub(crate) fingerprint: Option<String>,
    /// The host name of a certificate from files.
    pub(crate) certified: Option<String>,
    pub(crate) machine: &'a Machine,
}

impl Greeting<'_> {
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

    /// The same for programs, with all addresses.
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

/// A QR code in half blocks, two rows of modules a line. None for a text that is too long for one.
fn qr(text: &str) -> Option<String> {
    // A screen is not dirty: the lowest correction makes the smallest code.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (colors, width) = (code.to_colors(), code.width());
    let dark = |row: usize, column: usize| {
        let inside = |n: usize| n.checked_sub(QUIET).filter(|n| *n < width);
        matches!((inside(row), inside(column)), (Some(r), Some(c)) if colors[r * width + c] == Color::Dark)
    };
    let side = width + 2 * QUIET;
    let mut out = String::new();
    for row in (0..side).step_by(2) {
        out += &format!("  {BLACK_ON_WHITE}");
        for column in 0..side {
            out.push(match (dark(row, column), dark(row + 1, column)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out += &format!("{PLAIN}\n");
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let addresses = ["192.168.1.5", "2001:db8::5"].map(|a| a.parse().unwrap()).into();
        Machine { host: Some("desk".into()), addresses }
    }

    fn greeting<'a>(machine: &'a Machine, plain: &str, tls: Option<&str>) -> Greeting<'a> {
        Greeting {
            plain: plain.parse().unwrap(),
            tls: tls.map(|a| a.parse().unwrap()),
            udp: (7700..7704).map(|port| SocketAddr::new([192, 168, 1, 5].into(), port)).collect(),
            rtmp: None,
            data: "/srv/tring".into(),
            apps: 1,
            demo_app: Some(SdkAppId::new(1_400_000_000).unwrap()),
            fingerprint: Some("AB:CD".into()),
            certified: None,
            machine,
        }
    }

    #[test]
    fn a_phone_is_sent_to_the_page_that_works_before_the_ca_is_trusted() {
        let machine = machine();
        let text = greeting(&machine, "0.0.0.0:8080", Some("0.0.0.0:8443")).text(false);
        for part in [
            "ws://localhost:8080/v1/socket",
            "https://192.168.1.5:8443/",
            "http://192.168.1.5:8080/install",
            "AB:CD",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("2001:db8") && !text.contains('█') && !text.contains('\x1b'), "{text}");
        let both = greeting(&machine, "[::]:8080", Some("[::]:8443")).text(false);
        assert!(both.contains("https://[2001:db8::5]:8443/"), "{both}");
    }

    /// The lines from the one on that says how to stop.
    fn ending(text: &str) -> Vec<&str> {
        text.lines().skip_while(|line| !line.contains("Ctrl-C")).map(str::trim).collect()
    }

    #[test]
    fn what_to_open_is_last_and_one_address_a_line() {
        let machine = machine();
        for terminal in [false, true] {
            let text = greeting(&machine, "0.0.0.0:8080", Some("0.0.0.0:8443")).text(terminal);
            let last = ending(&text);
            assert_eq!(last.len(), 4, "{text}");
            assert_eq!((last[1], last[3]), ("http://192.168.1.5:8080/install", "http://localhost:8080/"));
            assert_eq!(text.lines().last(), Some("  http://localhost:8080/"));
        }
    }

    #[test]
    fn many_addresses_are_no_long_list() {
        let all: Vec<IpAddr> = (1..=9).map(|n| IpAddr::from([10, 0, n, 1])).collect();
        let machine = Machine { host: None, addresses: all.clone() };
        let mut it = greeting(&machine, "0.0.0.0:8080", Some("0.0.0.0:8443"));
        it.udp = all.iter().flat_map(|ip| (7700..7704).map(|port| SocketAddr::new(*ip, port))).collect();
        let text = it.text(false);
        let lines = |part: &str| text.lines().filter(|line| line.contains(part)).count();
        assert_eq!((lines("https://10.0."), lines(", ports 7700 to 7703")), (3, 3), "{text}");
        assert!(text.contains("and 6 addresses more"), "{text}");
        assert!(text.contains("https://10.0.1.1:8443/\n") && text.contains("10.0.1.1, ports"), "{text}");
        // A line has one address.
        assert!(text.lines().all(|line| line.matches("10.0.").count() <= 1), "{text}");
        // Programs are told all of them.
        let fields = it.announcement(false).fields;
        assert_eq!(fields["udp"].as_array().map(Vec::len), Some(36));
        assert_eq!(fields["https"].as_array().map(Vec::len), Some(9));
    }

    #[test]
    fn ports_are_written_as_spans() {
        assert_eq!(spans(&[7700]), "port 7700");
        assert_eq!(spans(&[7703, 7701, 7700, 7702]), "ports 7700 to 7703");
        assert_eq!(spans(&[5009, 5001, 5002, 65_535]), "ports 5001 to 5002, 5009, 65535");
    }

    #[test]
    fn without_an_app_the_last_line_makes_one_in_the_folder_that_is_served() {
        let machine = machine();
        let mut it = greeting(&machine, "0.0.0.0:8080", None);
        (it.demo_app, it.apps, it.fingerprint) = (None, 0, None);
        let text = it.text(false);
        assert_eq!(ending(&text)[1..], ["tring app create NAME --data /srv/tring"], "{text}");
        it.apps = 2;
        let text = it.text(false);
        assert!(text.contains("/srv/tring (apps: 2)"), "{text}");
        assert_eq!(ending(&text)[1..], ["http://localhost:8080/"], "{text}");
        assert!(!text.contains("app create"), "{text}");
    }

    #[test]
    fn with_a_real_certificate_a_phone_is_sent_to_its_name() {
        let machine = machine();
        let mut it = greeting(&machine, "0.0.0.0:80", Some("0.0.0.0:443"));
        (it.fingerprint, it.certified) = (None, Some("call.example.org".into()));
        let text = it.text(false);
        assert!(text.contains("  https://call.example.org/\n"), "{text}");
        assert!(!text.contains("install") && !text.contains("192.168.1.5/"), "{text}");
    }

    #[test]
    fn without_https_or_on_loopback_there_is_nothing_for_a_phone() {
        let machine = machine();
        for it in [
            greeting(&machine, "0.0.0.0:8080", None),
            greeting(&machine, "127.0.0.1:8080", Some("127.0.0.1:8443")),
        ] {
            let text = it.text(true);
            assert!(!text.contains("phone, in") && !text.contains('█'), "{text}");
            assert!(text.ends_with("\n  http://localhost:8080/"), "{text}");
            assert!(text.contains("http://localhost:8080/"), "{text}");
        }
    }

    #[test]
    fn a_demo_that_others_can_reach_says_so_and_how_to_keep_it_to_oneself() {
        let machine = machine();
        let said = |plain: &str| greeting(&machine, plain, None).text(false);
        let text = said("0.0.0.0:8080");
        assert!(
            text.contains("every interface: anybody in the network can sign in too, also as alice"),
            "{text}"
        );
        assert!(text.contains("--listen 127.0.0.1:8080\n"), "{text}");
        assert!(said("192.168.1.5:80").contains("listens on 192.168.1.5: anybody"));
        assert!(!said("127.0.0.1:8080").contains("anybody"));
        let secure_only = greeting(&machine, "127.0.0.1:8080", Some("0.0.0.0:8443")).text(false);
        assert!(
            secure_only.contains("every interface")
                && secure_only.contains(": --tls-listen 127.0.0.1:8443\n"),
            "{secure_only}"
        );
        let mut it = greeting(&machine, "0.0.0.0:8080", None);
        it.demo_app = None;
        assert!(!it.text(false).contains("anybody"), "without the demo a UserSig is needed");
    }

    #[test]
    fn the_code_is_small_and_has_its_quiet_zone_and_its_corners() {
        let code = qr("http://192.168.100.100:8080/install").unwrap();
        let lines: Vec<Vec<char>> = code
            .lines()
            .map(|l| {
                l.trim_start().trim_start_matches(BLACK_ON_WHITE).trim_end_matches(PLAIN).chars().collect()
            })
            .collect();
        assert!(lines.len() < 24, "{} lines", lines.len());
        let side = lines[0].len();
        assert!(side < 60 && lines.iter().all(|l| l.len() == side));
        let dark = |row: usize, column: usize| match lines[row / 2][column] {
            '█' => true,
            '▀' => row.is_multiple_of(2),
            '▄' => !row.is_multiple_of(2),
            _ => false,
        };
        for row in 0..side {
            for column in 0..side {
                let rim = row.min(column).min(side - 1 - row).min(side - 1 - column);
                assert!(rim >= QUIET || !dark(row, column), "dark in the quiet zone");
            }
        }
        // The finder patterns: a ring of seven, a light one, a dark middle.
        for (top, left) in [(QUIET, QUIET), (QUIET, side - QUIET - 7), (side - QUIET - 7, QUIET)] {
            for n in 0..7 {
                assert!(dark(top, left + n) && dark(top + 6, left + n) && dark(top + n, left), "ring");
            }
            assert!(!dark(top + 1, left + 1) && dark(top + 3, left + 3));
        }
    }
}
