//! A server with a private address behind destination NAT: clients outside reach it through `media.advertise`.
//!
//! Three network namespaces, each a run of this very test in another role: the client outside, the router with the
//! public address, the server inside. They end with their processes, so nothing is left behind. It works as root, or
//! for an ordinary user where user namespaces are allowed; elsewhere the test says that it was left out, and fails if
//! `CI=true`.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::process::{listen, marked_lines, say};
use crate::common::{Phones, Server, room};
use std::io::Write;
use std::net::IpAddr;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tring_media::MediaKind;
use tring_medianet::Config;
use tring_testkit::namespace::{allowed, ip};
use tring_testkit::process::{again, role, run, succeeds};

const PUBLIC_PORT: u16 = 40_000;
const INNER_PORT: u16 = 7_700;

/// One arrangement of the three.
struct Case {
    /// The test's name: each role runs it again.
    test: &'static str,
    /// Addresses of the client, of the router's side outside and inside, and of the server.
    client: &'static str,
    public: &'static str,
    gateway: &'static str,
    inner: &'static str,
    prefix: u8,
    /// Workers of the server, and the one that the call must be on: its port is the first one's and that many more.
    workers: usize,
    worker: u16,
}

const IPV4: Case = Case {
    test: "dnat::a_client_outside_reaches_a_server_behind_nat",
    client: "203.0.113.2",
    public: "203.0.113.1",
    gateway: "10.7.0.1",
    inner: "10.7.0.2",
    prefix: 24,
    workers: 1,
    worker: 0,
};

const LATER_WORKER: Case = Case {
    test: "dnat::a_client_outside_reaches_each_workers_port_behind_nat",
    workers: 3,
    worker: 2,
    ..IPV4
};

const IPV6: Case = Case {
    test: "dnat::a_client_outside_reaches_a_server_behind_nat_over_ipv6",
    client: "2001:db8:1::2",
    public: "2001:db8:1::1",
    gateway: "fd07::1",
    inner: "fd07::2",
    prefix: 64,
    workers: 2,
    worker: 1,
};

#[test]
fn a_client_outside_reaches_a_server_behind_nat() {
    IPV4.play();
}

#[test]
fn a_client_outside_reaches_each_workers_port_behind_nat() {
    LATER_WORKER.play();
}

#[test]
fn a_client_outside_reaches_a_server_behind_nat_over_ipv6() {
    IPV6.play();
}

/// Longest wait for a role's next line.
const PATIENCE: Duration = Duration::from_secs(45);

impl Case {
    fn play(&self) {
        match role().as_deref() {
            Some("router") => self.router(),
            Some("server") => self.server(),
            Some("client") => self.client(),
            _ => self.outside(),
        }
    }

    /// The test itself: everything else happens in namespaces.
    fn outside(&self) {
        if let Some(way) = allowed(self.test) {
            succeeds(again(&["unshare", way], self.test, "router"));
        }
    }

    fn is_ipv6(&self) -> bool {
        self.inner.contains(':')
    }

    /// An address with a port, as it is written.
    fn at(&self, address: &str, port: u16) -> String {
        if self.is_ipv6() { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    }

    fn router(&self) {
        let mut server = Role::spawn(self, "server");
        let mut client = Role::spawn(self, "client");
        // Without duplicate address detection an IPv6 address is there at once.
        let nodad = if self.is_ipv6() { " nodad" } else { "" };
        for (role, link, own, theirs) in
            [(&server, "in", self.gateway, self.inner), (&client, "out", self.public, self.client)]
        {
            let (pid, prefix) = (role.child.id().to_string(), self.prefix);
            ip(&format!("link add {link} type veth peer name eth netns {pid}"));
            ip(&format!("address add {own}/{prefix} dev {link}{nodad}"));
            ip(&format!("link set {link} up"));
            let route = (link == "in").then(|| format!("route add default via {own}"));
            let commands = [
                format!("address add {theirs}/{prefix} dev eth{nodad}"),
                "link set eth up".into(),
                "link set lo up".into(),
            ];
            for command in commands.into_iter().chain(route) {
                let mut args = vec!["-t", &pid, "-n", "ip"];
                args.extend(command.split(' '));
                run("nsenter", &args).unwrap();
            }
        }
        let forwarding = if self.is_ipv6() {
            "/proc/sys/net/ipv6/conf/all/forwarding"
        } else {
            "/proc/sys/net/ipv4/ip_forward"
        };
        std::fs::write(forwarding, "1").unwrap();
        self.translate();
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

    /// Sends what comes to the public address on to the server, each worker's port to its own.
    fn translate(&self) {
        let (family, tables) = if self.is_ipv6() { ("ip6", "ip6tables") } else { ("ip", "iptables") };
        let public = self.public;
        for worker in 0..self.workers as u16 {
            let (port, to) = (PUBLIC_PORT + worker, self.at(self.inner, INNER_PORT + worker));
            let rules = format!(
                "table {family} nat {{ chain pre {{ type nat hook prerouting priority dstnat; \
                 {family} daddr {public} udp dport {port} dnat to {to}; }} }}"
            );
            let Err(nft) = run("nft", &[&rules]) else { continue };
            let port = port.to_string();
            let rule =
                ["-t", "nat", "-A", "PREROUTING", "-d", public, "-p", "udp", "--dport", &port, "-j", "DNAT"];
            run(tables, &[&rule[..], &["--to-destination", &to]].concat())
                .unwrap_or_else(|tables| panic!("no address translation: {nft}; {tables}"));
        }
    }

    fn server(&self) {
        assert_eq!(listen(), "go");
        let any: IpAddr = if self.is_ipv6() { "::" } else { "0.0.0.0" }.parse().unwrap();
        let server = Server::start(Config {
            bind: any,
            udp_port: INNER_PORT,
            workers: self.workers,
            advertise: vec![self.at(self.public, PUBLIC_PORT)],
            // Two rooms that stay fill a worker: the next room is another worker's, which has a place for either of a call.
            max_sessions_per_worker: 2,
            ..Config::default()
        });
        say("ready");
        let wanted = format!("{} {} typ srflx", self.public, PUBLIC_PORT + self.worker);
        let (mut session, mut room_number) = (0, 1);
        for user in ["alice", "bob"] {
            let offer = decode(&listen());
            let answer = loop {
                session += 1;
                let answer = server.open(session, room(room_number), user, offer.clone(), true);
                assert!(!answer.contains(self.inner), "the private address stays private: {answer}");
                if answer.contains(&wanted) {
                    break answer;
                }
                // The room is on another worker, and takes one of its places. Bob's is Alice's.
                assert!(user == "alice" && room_number < 10, "{wanted} is not in {answer}");
                room_number += 1;
            };
            say(&encode(&answer));
        }
        // Until the router has heard the client and leaves.
        let mut rest = String::new();
        let _ = std::io::stdin().read_line(&mut rest);
        server.net.shutdown();
    }

    fn client(&self) {
        assert_eq!(listen(), "go");
        let mut phones = Phones::new();
        for _ in 0..2 {
            let (phone, offer) = phones.add(self.client.parse().unwrap(), true);
            say(&encode(&offer));
            phones.all[phone].answer(&decode(&listen()));
        }
        phones.until("both connect through the router", |p| p.iter().all(|p| p.connected));
        phones.talk_until("both hear and see each other", true, |p| {
            p.iter().all(|p| p.count(MediaKind::Audio) >= 20 && p.count(MediaKind::Video) >= 20)
        });
        say("heard");
    }
}

/// A role in a namespace of its own. Killed when dropped.
struct Role {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Role {
    fn spawn(case: &Case, name: &str) -> Self {
        let mut command = again(&["unshare", "-n"], case.test, name);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
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

fn encode(sdp: &str) -> String {
    sdp.replace('\r', "").replace('\n', "\u{1f}")
}

fn decode(line: &str) -> String {
    line.replace('\u{1f}', "\r\n")
}
