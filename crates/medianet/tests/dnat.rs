//! A server with a private address behind destination NAT: clients outside reach it through `media.advertise`.
//!
//! Three network namespaces, each a run of this very test in another role: the client outside, the router with the
//! public address, the server inside. They end with their processes, so nothing is left behind. It works as root, or
//! for an ordinary user where user namespaces are allowed; elsewhere the test says that it was left out, and fails if
//! `CI=true`.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Phones, Server, room};
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tring_media::MediaKind;
use tring_medianet::Config;

const TEST: &str = "a_client_outside_reaches_a_server_behind_nat";
const ROLE: &str = "TRING_NAT_ROLE";
const CLIENT: &str = "203.0.113.2";
const PUBLIC: &str = "203.0.113.1";
const PUBLIC_PORT: u16 = 40_000;
const INNER: &str = "10.7.0.2";
const INNER_PORT: u16 = 7_700;

/// Marks the lines of a role among those of the test harness.
const MARK: &str = "@@";

/// Longest wait for a role's next line.
const PATIENCE: Duration = Duration::from_secs(45);

#[test]
fn a_client_outside_reaches_a_server_behind_nat() {
    match std::env::var(ROLE).as_deref() {
        Ok("router") => router(),
        Ok("server") => server(),
        Ok("client") => client(),
        _ => outside(),
    }
}

/// The test itself: everything else happens in namespaces.
fn outside() {
    let Some(flags) = ["-n", "-Urn"].into_iter().find(|f| run("unshare", &[f, "ip", "link"]).is_ok()) else {
        let why =
            "left out: network namespaces are not allowed here (needs root, or unprivileged user namespaces)";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
        println!("{TEST}: {why}");
        return;
    };
    let status = role("router", &[flags]).stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "see the output of the roles above");
}

fn router() {
    let mut server = Role::spawn("server");
    let mut client = Role::spawn("client");
    for (role, link, own, theirs) in [
        (&server, "in", "10.7.0.1/24", format!("{INNER}/24")),
        (&client, "out", "203.0.113.1/24", format!("{CLIENT}/24")),
    ] {
        let pid = role.child.id().to_string();
        ip(&format!("link add {link} type veth peer name eth netns {pid}"));
        ip(&format!("address add {own} dev {link}"));
        ip(&format!("link set {link} up"));
        for command in
            [format!("address add {theirs} dev eth"), "link set eth up".into(), "link set lo up".into()]
        {
            let mut args = vec!["-t", &pid, "-n", "ip"];
            args.extend(command.split(' '));
            run("nsenter", &args).unwrap();
        }
        if link == "in" {
            run("nsenter", &["-t", &pid, "-n", "ip", "route", "add", "default", "via", "10.7.0.1"]).unwrap();
        }
    }
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    translate();
    server.tell("go");
    assert_eq!(server.hear(), "ready");
    client.tell("go");
    for _ in 0..2 {
        let offer = client.hear();
        server.tell(&offer);
        client.tell(&server.hear());
    }
    assert_eq!(client.hear(), "heard");
}

/// Sends what comes to the public address on to the server.
fn translate() {
    let rules = format!(
        "table ip nat {{ chain pre {{ type nat hook prerouting priority dstnat; \
         ip daddr {PUBLIC} udp dport {PUBLIC_PORT} dnat to {INNER}:{INNER_PORT}; }} }}"
    );
    let nft = run("nft", &[&rules]);
    let to = format!("{INNER}:{INNER_PORT}");
    let port = PUBLIC_PORT.to_string();
    let iptables = || {
        let rule =
            ["-t", "nat", "-A", "PREROUTING", "-d", PUBLIC, "-p", "udp", "--dport", &port, "-j", "DNAT"];
        run("iptables", &[&rule[..], &["--to-destination", &to]].concat())
    };
    if let Err(nft) = nft {
        iptables().unwrap_or_else(|iptables| panic!("no address translation: {nft}; {iptables}"));
    }
}

fn server() {
    assert_eq!(listen(), "go");
    let server = Server::start(Config {
        bind: IpAddr::from([0, 0, 0, 0]),
        udp_port: INNER_PORT,
        workers: 1,
        advertise: vec![format!("{PUBLIC}:{PUBLIC_PORT}")],
        ..Config::default()
    });
    say("ready");
    for session in 1..=2 {
        let offer = decode(&listen());
        let answer = server.open(session, room(1), &format!("user{session}"), offer, true);
        assert!(answer.contains(&format!("{PUBLIC} {PUBLIC_PORT} typ srflx")), "{answer}");
        assert!(!answer.contains(INNER), "the private address stays private: {answer}");
        say(&encode(&answer));
    }
    // Until the router has heard the client and leaves.
    let mut rest = String::new();
    let _ = std::io::stdin().read_line(&mut rest);
    server.net.shutdown();
}

fn client() {
    assert_eq!(listen(), "go");
    let mut phones = Phones::new();
    for _ in 0..2 {
        let (phone, offer) = phones.add(CLIENT.parse().unwrap(), true);
        say(&encode(&offer));
        phones.all[phone].answer(&decode(&listen()));
    }
    phones.until("both connect through the router", |p| p.iter().all(|p| p.connected));
    phones.talk_until("both hear and see each other", true, |p| {
        p.iter().all(|p| p.count(MediaKind::Audio) >= 20 && p.count(MediaKind::Video) >= 20)
    });
    say("heard");
}

/// A role in a namespace of its own. Killed when dropped.
struct Role {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Role {
    fn spawn(name: &str) -> Self {
        let mut child = role(name, &["-n"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let lines = marked_lines(child.stdout.take().unwrap());
        let role = Self { child, input, lines };
        // Its namespace exists once it speaks.
        assert_eq!(role.hear(), "here");
        role
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    fn hear(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the role's next line")
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This test in a role, inside new namespaces.
fn role(name: &str, flags: &[&str]) -> Command {
    let mut c = Command::new("unshare");
    c.args(flags)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(ROLE, name);
    c
}

fn marked_lines(output: ChildStdout) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The harness may have begun the line.
            if let Some((_, text)) = line.split_once(MARK)
                && tell.send(text.to_owned()).is_err()
            {
                return;
            }
        }
    });
    lines
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// The next line for this role. The first call says that it is there.
fn listen() -> String {
    static HERE: std::sync::Once = std::sync::Once::new();
    HERE.call_once(|| say("here"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn encode(sdp: &str) -> String {
    sdp.replace('\r', "").replace('\n', "\u{1f}")
}

fn decode(line: &str) -> String {
    line.replace('\u{1f}', "\r\n")
}

fn ip(arguments: &str) {
    run("ip", &arguments.split(' ').collect::<Vec<_>>()).unwrap();
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let out = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr)))
}
