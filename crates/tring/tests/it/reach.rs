//! `tring doctor --media` through real address translation: a server behind DNAT, as in a container or behind a router,
//! and a client behind none, one or two NATs, over IPv4 and IPv6.
//!
//! Each test runs itself again in a network namespace of its own, and makes those of the machines in it; all end with
//! their processes. It works as root, or for an ordinary user where user namespaces are allowed; elsewhere the test says
//! that it was left out, and fails if `CI=true`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use crate::common::serve::Running;
use crate::common::{Place, Said, tring};
use serde_json::Value;
use std::process::{Command, Stdio};
use tring_testkit::namespace::{Namespace, inside};
use tring_testkit::test_name;

const TCP: [u16; 2] = [8080, 1935];
const UDP: [u16; 4] = [7700, 7701, 7702, 7703];

/// Addresses of the chain: server - router - NAT - NAT - client, with fewer NATs as wished.
struct Family {
    v6: bool,
    prefix: &'static str,
    /// The networks, from the server's own to that behind the last NAT: their first part.
    networks: [&'static str; 4],
    tables: &'static str,
    any: &'static str,
    forwarding: &'static str,
}

const IPV4: Family = Family {
    v6: false,
    prefix: "24",
    networks: ["10.7.0.", "203.0.113.", "10.8.0.", "10.9.0."],
    tables: "iptables",
    any: "0.0.0.0",
    forwarding: "/proc/sys/net/ipv4/ip_forward",
};

const IPV6: Family = Family {
    v6: true,
    prefix: "64",
    networks: ["fd07::", "2001:db8:1::", "fd08::", "fd09::"],
    tables: "ip6tables",
    any: "::",
    forwarding: "/proc/sys/net/ipv6/conf/all/forwarding",
};

impl Family {
    /// The upper end of a network is .1, the lower one .2; on the public one the router is .1.
    fn address(&self, network: usize, host: u8) -> String {
        format!("{}{host}", self.networks[network])
    }

    fn with_port(&self, ip: &str, port: u16) -> String {
        if self.v6 { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
    }
}

/// A machine of the chain.
struct Machine(Namespace);

impl Machine {
    fn new() -> Self {
        let machine = Self(Namespace::new().unwrap());
        machine.run("ip link set lo up");
        machine
    }

    fn pid(&self) -> String {
        self.0.pid().to_string()
    }

    /// A command on this machine.
    fn enter(&self, program: &str) -> Command {
        self.0.command(program)
    }

    fn run(&self, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        let out = self.enter(words[0]).args(&words[1..]).output().unwrap();
        assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// `tring` on this machine.
    fn tring(&self, args: &[&str]) -> Command {
        let clean = tring();
        let mut command = self.enter(clean.get_program().to_str().unwrap());
        for (name, value) in clean.get_envs().filter(|(_, value)| value.is_none()) {
            assert!(value.is_none());
            command.env_remove(name);
        }
        command.args(args).stdin(Stdio::null());
        command
    }
}

/// The machines, joined: each with the next.
struct Net {
    family: &'static Family,
    server: Machine,
    router: Machine,
    _nats: Vec<Machine>,
    client: Machine,
    place: Place,
    app: String,
    _running: Option<Running>,
}

fn join(family: &Family, network: usize, upper: &Machine, lower: &Machine) {
    let Family { prefix, .. } = family;
    let nodad = if family.v6 { " nodad" } else { "" };
    let lower_pid = lower.pid();
    upper.run(&format!("ip link add down{network} type veth peer name up{network} netns {lower_pid}"));
    for (machine, name, host) in [(upper, "down", 1), (lower, "up", 2)] {
        let own = family.address(network, host);
        machine.run(&format!("ip address add {own}/{prefix} dev {name}{network}{nodad}"));
        machine.run(&format!("ip link set {name}{network} up"));
    }
}

impl Net {
    /// A server behind a router that forwards its ports, and a client outside behind that many NATs. `random`: the outer
    /// NAT draws a new port for each flow.
    fn new(family: &'static Family, nats: usize, random: bool) -> Self {
        let (server, router, client) = (Machine::new(), Machine::new(), Machine::new());
        join(family, 0, &router, &server);
        let nat_machines: Vec<Machine> = (0..nats).map(|_| Machine::new()).collect();
        // From the router outwards.
        let chain: Vec<&Machine> = std::iter::once(&router).chain(&nat_machines).chain([&client]).collect();
        for (at, pair) in chain.windows(2).enumerate() {
            join(family, at + 1, pair[0], pair[1]);
        }
        let six = if family.v6 { " -6" } else { "" };
        server.run(&format!("ip{six} route add default via {}", family.address(0, 1)));
        for machine in chain.iter().take(nats + 1) {
            let on = format!("echo 1 > {}", family.forwarding);
            assert!(machine.enter("sh").args(["-c", &on]).status().unwrap().success(), "{on}");
        }
        // A client on the public network knows no way to private ones: there is none on the internet.
        for (at, machine) in chain.iter().enumerate().skip(2) {
            machine.run(&format!("ip{six} route add default via {}", family.address(at, 1)));
        }
        for (at, nat) in nat_machines.iter().enumerate() {
            let random = if random && at == 0 { " --random-fully" } else { "" };
            nat.run(&format!(
                "{} -t nat -A POSTROUTING -o up{} -p udp -j MASQUERADE{random}",
                family.tables,
                at + 1
            ));
            nat.run(&format!("{} -t nat -A POSTROUTING -o up{} -p tcp -j MASQUERADE", family.tables, at + 1));
        }
        let (public, inner) = (family.address(1, 1), family.address(0, 2));
        for (protocol, ports) in [("tcp", &TCP[..]), ("udp", &UDP[..])] {
            for &port in ports {
                router.run(&format!(
                    "{} -t nat -A PREROUTING -d {public} -p {protocol} --dport {port} -j DNAT --to-destination {}",
                    family.tables,
                    family.with_port(&inner, port)
                ));
            }
        }
        let place = Place::new();
        let app = place.create("shop");
        std::fs::write(place.path().join("key"), app["secretKey"].as_str().unwrap()).unwrap();
        let app = app["sdkAppID"].to_string();
        Self { family, server, router, _nats: nat_machines, client, place, app, _running: None }
    }

    /// Starts the server. `advertise`: what clients are told, if anything.
    fn serve(&mut self, advertise: Option<&str>) {
        let any = self.family.with_port(self.family.any, 0);
        let any = any.trim_end_matches(":0");
        let advertise = advertise.map_or(String::new(), |a| format!("advertise = [\"{a}\"]\n"));
        let text = format!(
            "listen = \"{any}:8080\"\n[rtmp]\nlisten = \"{any}:1935\"\n[media]\nbind = \"{}\"\n{advertise}",
            self.family.any
        );
        let config = self.place.path().join("tring.toml");
        std::fs::write(&config, text).unwrap();
        let data = self.place.data();
        let args = [
            "serve",
            "--log",
            "warn",
            "--config",
            config.to_str().unwrap(),
            "--data",
            data.to_str().unwrap(),
        ];
        self._running = Some(Running::start(&mut self.server.tring(&args)));
    }

    /// What the doctor says on the client's machine.
    fn doctor(&self) -> Report {
        let server = format!("http://{}", self.family.with_port(&self.family.address(1, 1), 8080));
        let key = self.place.path().join("key");
        let key = key.to_str().unwrap();
        let args = ["doctor", "--media", "--json", "--wait", "3", "--server", &server];
        let said: Said = self
            .client
            .tring(&[&args[..], &["--app", &self.app, "--key-file", key]].concat())
            .output()
            .unwrap()
            .into();
        let value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {said:?}"));
        println!("{value:#}");
        Report { code: said.code, value }
    }
}

struct Report {
    code: i32,
    value: Value,
}

impl Report {
    /// Ports by how they were reached at an address.
    fn ports(&self, ip: &str, reached: &str) -> Vec<u16> {
        let probes = self.value["media"]["probes"].as_array().unwrap();
        let found = probes.iter().filter(|p| p["reached"] == reached);
        let addresses =
            found.map(|p| p["address"].as_str().unwrap().parse::<std::net::SocketAddr>().unwrap());
        addresses.filter(|a| a.ip().to_string() == ip).map(|a| a.port()).collect()
    }

    /// The lines of one severity.
    fn lines(&self, severity: &str) -> Vec<String> {
        let found = self.value["findings"].as_array().unwrap().iter().filter(|f| f["severity"] == severity);
        found.map(|f| format!("{}: {} {}", f["subject"], f["message"], f["advice"])).collect()
    }

    /// One of the lines holds all these texts.
    #[track_caller]
    fn says(&self, severity: &str, texts: &[&str]) {
        let lines = self.lines(severity);
        assert!(lines.iter().any(|line| texts.iter().all(|t| line.contains(t))), "{texts:?} in {lines:#?}");
    }

    /// All ports carried sound both ways, and nothing is wrong.
    #[track_caller]
    fn is_all_good(&self, public: &str) {
        assert_eq!(self.ports(public, "yes"), UDP);
        assert_eq!(self.value["media"]["probes"].as_array().unwrap().len(), UDP.len());
        assert_eq!(self.lines("error"), [""; 0]);
        assert_eq!((self.code, &self.value["ok"]), (0, &Value::Bool(true)));
        for probe in self.value["media"]["probes"].as_array().unwrap() {
            for way in ["there", "back"] {
                assert!(probe[way]["received"].as_u64().unwrap() >= 20, "{probe}");
            }
            assert!(probe["roundTripMs"].as_f64().unwrap() > 0.0, "{probe}");
        }
        self.says("info", &["rtmp", ":1935", "answers"]);
    }

    /// The address at which the server saw the client.
    fn seen_at(&self) -> String {
        let seen = self.value["media"]["probes"][0]["seenFrom"].as_str().unwrap();
        seen.parse::<std::net::SocketAddr>().unwrap().ip().to_string()
    }
}

#[test]
fn a_server_behind_nat_with_the_right_address_is_all_good() {
    if !inside(test_name!(a_server_behind_nat_with_the_right_address_is_all_good)) {
        return;
    }
    let mut net = Net::new(&IPV4, 0, false);
    net.serve(Some("203.0.113.1"));
    let report = net.doctor();
    report.is_all_good("203.0.113.1");
    report.says("info", &["no address translation"]);
}

#[test]
fn without_an_advertised_address_the_private_one_is_named_with_what_to_set() {
    if !inside(test_name!(without_an_advertised_address_the_private_one_is_named_with_what_to_set)) {
        return;
    }
    let mut net = Net::new(&IPV4, 0, false);
    net.serve(None);
    let report = net.doctor();
    assert_eq!(report.code, 1);
    report.says("error", &["10.7.0.2", "private", "Set media.advertise", "203.0.113.1"]);
}

#[test]
fn a_wrong_advertised_address_is_named_with_the_one_of_signalling() {
    if !inside(test_name!(a_wrong_advertised_address_is_named_with_the_one_of_signalling)) {
        return;
    }
    let mut net = Net::new(&IPV4, 0, false);
    net.serve(Some("203.0.113.77"));
    let report = net.doctor();
    assert_eq!(report.code, 1);
    assert_eq!(report.ports("203.0.113.77", "no answer"), UDP);
    report.says("error", &["203.0.113.77", "set media.advertise", "203.0.113.1"]);
}

#[test]
fn the_one_port_that_a_firewall_closes_is_named_alone() {
    if !inside(test_name!(the_one_port_that_a_firewall_closes_is_named_alone)) {
        return;
    }
    let mut net = Net::new(&IPV4, 0, false);
    net.router.run("iptables -A FORWARD -p udp --dport 7702 -j DROP");
    net.router.run("iptables -A FORWARD -p tcp --dport 1935 -j REJECT --reject-with tcp-reset");
    net.serve(Some("203.0.113.1"));
    let report = net.doctor();
    assert_eq!(report.code, 1);
    assert_eq!(report.ports("203.0.113.1", "yes"), [7700, 7701, 7703]);
    assert_eq!(report.ports("203.0.113.1", "no answer"), [7702]);
    report.says("error", &["UDP 7702 of 203.0.113.1", "only this one is closed", "Open UDP 7702"]);
    report.says("error", &["rtmp", "203.0.113.1:1935", "TCP 1935"]);
    assert_eq!(report.lines("error").len(), 2, "and nothing else");
}

#[test]
fn a_client_behind_one_nat_gets_through() {
    if !inside(test_name!(a_client_behind_one_nat_gets_through)) {
        return;
    }
    let mut net = Net::new(&IPV4, 1, false);
    net.serve(Some("203.0.113.1"));
    let report = net.doctor();
    report.is_all_good("203.0.113.1");
    assert_eq!(report.seen_at(), "203.0.113.2");
    report.says("info", &["behind NAT", "10.8.0.2", "one port for all"]);
}

#[test]
fn a_client_behind_two_nats_gets_through_and_a_symmetric_one_is_recognised() {
    if !inside(test_name!(a_client_behind_two_nats_gets_through_and_a_symmetric_one_is_recognised)) {
        return;
    }
    let mut net = Net::new(&IPV4, 2, true);
    net.serve(Some("203.0.113.1"));
    let report = net.doctor();
    report.is_all_good("203.0.113.1");
    assert_eq!(report.seen_at(), "203.0.113.2");
    report.says("info", &["behind NAT", "10.9.0.2", "symmetric"]);
}

#[test]
fn a_client_behind_two_nats_gets_through_over_ipv6() {
    if !inside(test_name!(a_client_behind_two_nats_gets_through_over_ipv6)) {
        return;
    }
    let mut net = Net::new(&IPV6, 2, false);
    net.serve(Some("2001:db8:1::1"));
    let report = net.doctor();
    report.is_all_good("2001:db8:1::1");
    assert_eq!(report.seen_at(), "2001:db8:1::2");
    report.says("info", &["behind NAT", "fd09::2"]);
}

#[test]
fn a_server_behind_nat_is_all_good_over_ipv6_without_nat_of_the_client() {
    if !inside(test_name!(a_server_behind_nat_is_all_good_over_ipv6_without_nat_of_the_client)) {
        return;
    }
    let mut net = Net::new(&IPV6, 0, false);
    net.serve(Some("2001:db8:1::1"));
    net.doctor().is_all_good("2001:db8:1::1");
}
