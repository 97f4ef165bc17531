//! What is printed when the server has started: where to click, and a QR code for the phone.

use crate::tls::Machine;
use qrcode::{Color, EcLevel, QrCode};
use std::net::{IpAddr, SocketAddr};
use tring_protocol::SdkAppId;

/// Light modules around a QR code (ISO/IEC 18004: four). Fewer, and cameras do not find it.
const QUIET: usize = 4;

/// Black on white, whatever the terminal's own colours are: some cameras read no inverted code.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// Everything that the greeting tells.
pub(crate) struct Greeting<'a> {
    /// Where plain HTTP listens.
    pub(crate) plain: SocketAddr,
    /// Where HTTPS listens.
    pub(crate) tls: Option<SocketAddr>,
    /// What clients are told for media.
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) rtmp: Option<SocketAddr>,
    pub(crate) demo_app: Option<SdkAppId>,
    /// Of the local CA, if it is used.
    pub(crate) fingerprint: Option<String>,
    /// The host name of a certificate from files.
    pub(crate) certified: Option<String>,
    pub(crate) machine: &'a Machine,
}

impl Greeting<'_> {
    /// The text; with a QR code if it goes to a `terminal`.
    pub(crate) fn text(&self, terminal: bool) -> String {
        let host = local_host(self.plain.ip());
        let port = self.plain.port();
        let udp: Vec<String> = self.udp.iter().map(ToString::to_string).collect();
        let mut text = format!("\nTring is running.\n  signalling   ws://{host}:{port}/v1/socket\n");
        for (n, url) in self.secure_urls().iter().enumerate() {
            text += &format!("  {:<12} {url}\n", if n == 0 { "HTTPS" } else { "" });
        }
        text += &format!("  media (UDP)  {}\n", udp.join(", "));
        if let Some(rtmp) = self.rtmp {
            text += &format!("  media (RTMP) {rtmp}\n");
        }
        match self.demo_app {
            Some(app) => {
                text += &format!(
                    "  demo app     sdkAppID {app}\n\n  Open  http://{host}:{port}/  and call from one phone to the other.\n"
                );
                text += &self.not_alone();
            }
            None => {
                text += "\n  No demo page (start with --demo for one). Create an app with: tring app create <name>\n";
            }
        }
        text += &self.phone(terminal);
        text + "  Stop with Ctrl-C.\n"
    }

    /// Who else can use the demo.
    fn not_alone(&self) -> String {
        let place = match self.plain.ip() {
            ip if ip.is_loopback() => return String::new(),
            ip if ip.is_unspecified() => "every interface".to_owned(),
            ip => ip.to_string(),
        };
        let port = self.plain.port();
        format!(
            "  It listens on {place}: anybody in the network can sign in too, also as alice. Only for this machine: --listen 127.0.0.1:{port}\n"
        )
    }

    /// How one's own phone gets in.
    fn phone(&self, terminal: bool) -> String {
        let Some(url) = self.phone_url() else { return String::new() };
        let mut text = format!("\n  On your own phone, in the same network, open  {url}\n");
        if terminal && let Some(code) = qr(&url) {
            text += &format!("\n{code}\n");
        }
        if let Some(fingerprint) = &self.fingerprint {
            text += &format!(
                "  The page leads to trust in this server's local CA. Its fingerprint (SHA-256):\n  {fingerprint}\n"
            );
        }
        text + "\n"
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
            udp: vec!["192.168.1.5:7700".parse().unwrap()],
            rtmp: None,
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
