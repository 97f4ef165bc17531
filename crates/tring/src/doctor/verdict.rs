//! What the outcome of the test calls means, and what to do. Pure.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tring_server::diagnostics::Finding;

const SUBJECT: &str = "media";

/// How far a call came at one address and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Sound arrived both ways.
    Yes,
    /// Connected, but sound did not arrive both ways.
    NotBothWays,
    /// ICE was answered, DTLS was not finished.
    NoDtls,
    /// Nothing came back.
    Silent,
    /// This machine has no route to it.
    NoRoute,
}

/// One address and port, as a call saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) address: SocketAddr,
    pub(super) reached: Reached,
    pub(super) round_trip: Option<Duration>,
    /// Packets of the first client that the second got, of so many sent; and the other way.
    pub(super) there: (u64, u64),
    pub(super) back: (u64, u64),
    /// The own address of the first client, and where the server saw it.
    pub(super) local: Option<SocketAddr>,
    pub(super) seen_from: Option<SocketAddr>,
}

/// What is known besides the probes.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    /// The addresses by which signalling is reached.
    pub(super) signalling: Vec<IpAddr>,
    /// The doctor runs on the server's own machine.
    pub(super) at_home: bool,
}

impl Probe {
    pub(super) fn value(&self) -> Value {
        let reached = match self.reached {
            Reached::Yes => "yes",
            Reached::NotBothWays => "not both ways",
            Reached::NoDtls => "no DTLS",
            Reached::Silent => "no answer",
            Reached::NoRoute => "no route",
        };
        let packets = |(received, sent): (u64, u64)| json!({ "sent": sent, "received": received });
        json!({
            "address": self.address, "reached": reached,
            "roundTripMs": self.round_trip.map(|t| t.as_secs_f64() * 1e3),
            "there": packets(self.there), "back": packets(self.back),
            "local": self.local, "seenFrom": self.seen_from,
        })
    }

    /// The cells of its row.
    fn row(&self) -> [String; 6] {
        let value = self.value();
        let none = || "-".to_owned();
        let packets =
            |(received, sent): (u64, u64)| if sent == 0 { none() } else { format!("{received}/{sent}") };
        [
            self.address.to_string(),
            value["reached"].as_str().unwrap_or_default().to_owned(),
            self.round_trip.map_or_else(none, |t| format!("{:.1} ms", t.as_secs_f64() * 1e3)),
            packets(self.there),
            packets(self.back),
            self.seen_from.map_or_else(none, |a| a.to_string()),
        ]
    }
}

/// The probes as a table for people.
pub(super) fn table(probes: &[Probe]) -> String {
    let head =
        ["address", "reached", "round trip", "there", "back", "the server saw us at"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(probes.iter().map(Probe::row)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |row: &[String; 6]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(c, w)| format!("{c:w$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What the probes mean.
pub(super) fn judge(probes: &[Probe], around: &Around) -> Vec<Finding> {
    let mut by_ip: BTreeMap<IpAddr, Vec<&Probe>> = BTreeMap::new();
    for probe in probes {
        by_ip.entry(probe.address.ip()).or_default().push(probe);
    }
    let whole = |of: &[&Probe]| of.iter().all(|p| p.reached == Reached::Yes);
    let another_way = by_ip.values().any(|of| whole(of));
    let mut found: Vec<Finding> =
        by_ip.iter().flat_map(|(ip, of)| address(*ip, of, another_way, around)).collect();
    if probes.is_empty() {
        found.push(Finding::error(
            SUBJECT,
            "the server tells clients no address that could be reached from here",
            "Set media.advertise to the address by which clients reach it",
        ));
    } else if !probes.iter().any(|p| p.reached == Reached::Yes) {
        found.push(Finding::error(
            SUBJECT,
            "no address that clients are told can be reached from here: calls connect, and nobody hears anything",
            "Put right what is named above",
        ));
    }
    found.extend(translation(probes));
    found
}

/// What is to be said about one address and its ports.
fn address(ip: IpAddr, of: &[&Probe], another_way: bool, around: &Around) -> Vec<Finding> {
    let ports = |reached: Reached| -> Vec<u16> {
        of.iter().filter(|p| p.reached == reached).map(|p| p.address.port()).collect()
    };
    let mut found = Vec::new();
    let good = ports(Reached::Yes);
    if !good.is_empty() {
        found.push(Finding::info(
            SUBJECT,
            format!("sound arrives both ways through UDP {} of {ip}", list(&good)),
        ));
    }
    let silent = ports(Reached::Silent);
    if !silent.is_empty() {
        found.push(no_answer(ip, &silent, &good, another_way, around));
    }
    if !ports(Reached::NoRoute).is_empty() {
        found.push(no_route(ip, another_way, around));
    }
    let no_dtls = ports(Reached::NoDtls);
    if !no_dtls.is_empty() {
        found.push(Finding::error(
            SUBJECT,
            format!("UDP {} of {ip} answers ICE, but DTLS is not finished: larger datagrams are lost", list(&no_dtls)),
            "Look for a firewall that inspects UDP, or a tunnel with a small MTU (below 1,280 bytes) on the way",
        ));
    }
    let one_way = ports(Reached::NotBothWays);
    if !one_way.is_empty() {
        found.push(Finding::error(
            SUBJECT,
            format!("UDP {} of {ip} connects, but sound does not arrive both ways", list(&one_way)),
            "Look for a firewall or a translation that forgets UDP flows at once, and at the server's load",
        ));
    }
    found
}

fn no_answer(ip: IpAddr, silent: &[u16], good: &[u16], another_way: bool, around: &Around) -> Finding {
    let (ports, at) = (list(silent), places(&around.signalling));
    let forward = format!(
        "Open UDP {ports} in the firewall of the server, and where it is behind NAT or in a container forward {ports} to it"
    );
    if !good.is_empty() {
        return Finding::error(
            SUBJECT,
            format!(
                "nothing answers from UDP {ports} of {ip}, while {} answers: only {} closed",
                list(good),
                is_are(silent)
            ),
            forward,
        );
    }
    if is_private(ip) && !around.signalling.contains(&ip) {
        return private(ip, another_way, around);
    }
    if around.at_home {
        return Finding::warning(
            SUBJECT,
            format!("nothing answers from UDP {ports} of {ip}, asked from the server's own machine"),
            format!(
                "Many routers do not turn traffic to their own address back, so this says little: run \
                 `tring doctor --media --server URL` on a machine outside. If it fails there: {forward}"
            ),
        );
    }
    if !around.signalling.contains(&ip) {
        return Finding::error(
            SUBJECT,
            format!("nothing answers from UDP {ports} of {ip}, while signalling is at {at}"),
            format!(
                "If {ip} is wrong, set media.advertise to the address by which clients reach the server ({at}). {forward}"
            ),
        );
    }
    Finding::error(
        SUBJECT,
        format!(
            "signalling works, but nothing answers from UDP {ports} of {ip}: a firewall closes them, or they are not forwarded"
        ),
        forward,
    )
}

fn private(ip: IpAddr, another_way: bool, around: &Around) -> Finding {
    let message = format!("{ip}, which clients are told, is private and cannot be reached from here");
    if another_way {
        return Finding::info(SUBJECT, format!("{message}; clients here use the other addresses"));
    }
    let at = places(&around.signalling);
    Finding::error(
        SUBJECT,
        format!("signalling works at {at}, but {message}"),
        format!(
            "Set media.advertise to the address by which clients reach the server ({at}), and have its UDP ports forwarded"
        ),
    )
}

fn no_route(ip: IpAddr, another_way: bool, around: &Around) -> Finding {
    if is_private(ip) {
        return private(ip, another_way, around);
    }
    let family = if ip.is_ipv6() { "IPv6" } else { "IPv4" };
    Finding::info(SUBJECT, format!("{ip} was not tried: this machine has no {family} route to it"))
}

/// What is known of address translation in front of the client.
fn translation(probes: &[Probe]) -> Option<Finding> {
    let seen: Vec<(SocketAddr, SocketAddr)> =
        probes.iter().filter_map(|p| Some((p.local?, p.seen_from?))).collect();
    let (local, first) = *seen.first()?;
    if seen.iter().all(|(local, seen)| local == seen) {
        return Some(Finding::info(
            "nat",
            format!("no address translation in front of this machine ({local})"),
        ));
    }
    // Only one and the same socket tells: its port is the same in all probes of a family.
    let differ = seen.iter().any(|(l, s)| *l == local && *s != first);
    let kind = if differ {
        "with another port for each port of the server (symmetric): calls through this server work, direct ones between two such clients would not"
    } else {
        "with one port for all ports of the server"
    };
    Some(Finding::info("nat", format!("this machine is behind NAT: {local} is seen as {first}, {kind}")))
}

/// Whether an address is of the space for private networks.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || matches!(v4.octets(), [100, 64..128, ..]),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

fn is_are(ports: &[u16]) -> &'static str {
    if ports.len() == 1 { "this one is" } else { "these are" }
}

fn places(ips: &[IpAddr]) -> String {
    ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Ports as `7700–7702, 7705`.
fn list(ports: &[u16]) -> String {
    let mut sorted = ports.to_vec();
    sorted.sort_unstable();
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for port in sorted {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) || *last == port => *last = port,
            _ => runs.push((port, port)),
        }
    }
    let run = |(from, to): &(u16, u16)| if from == to { from.to_string() } else { format!("{from}–{to}") };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_server::diagnostics::Severity;

    fn probe(address: &str, reached: Reached) -> Probe {
        Probe {
            address: address.parse().unwrap(),
            reached,
            round_trip: None,
            there: (0, 0),
            back: (0, 0),
            local: None,
            seen_from: None,
        }
    }

    fn judged(probes: &[Probe], signalling: &str, at_home: bool) -> (bool, String) {
        let around = Around { signalling: vec![signalling.parse().unwrap()], at_home };
        let found = judge(probes, &around);
        let wrong = found.iter().any(|f| f.severity == Severity::Error);
        (wrong, found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[track_caller]
    fn says(judged: (bool, String), wrong: bool, texts: &[&str]) {
        assert_eq!(judged.0, wrong, "{}", judged.1);
        for text in texts {
            assert!(judged.1.contains(text), "{text:?} is missing in {}", judged.1);
        }
    }

    #[test]
    fn one_closed_port_is_named_alone() {
        let probes = [
            probe("8.8.4.4:7700", Reached::Yes),
            probe("8.8.4.4:7701", Reached::Yes),
            probe("8.8.4.4:7702", Reached::Silent),
            probe("8.8.4.4:7703", Reached::Yes),
        ];
        says(
            judged(&probes, "8.8.4.4", false),
            true,
            &["UDP 7702 of 8.8.4.4", "only this one is closed", "Open UDP 7702", "UDP 7700–7701, 7703"],
        );
    }

    #[test]
    fn a_firewall_that_closes_all_and_a_wrong_address_and_a_private_one_are_told_apart() {
        let silent =
            |ip: &str| [format!("{ip}:7700"), format!("{ip}:7701")].map(|a| probe(&a, Reached::Silent));
        says(judged(&silent("8.8.4.4"), "8.8.4.4", false), true, &["a firewall", "Open UDP 7700–7701"]);
        says(judged(&silent("8.8.8.8"), "8.8.4.4", false), true, &["set media.advertise", "(8.8.4.4)"]);
        let private = silent("10.0.0.2");
        says(
            judged(&private, "8.8.4.4", false),
            true,
            &["10.0.0.2", "is private", "Set media.advertise", "8.8.4.4"],
        );
        let no_route = [probe("10.0.0.2:7700", Reached::NoRoute)];
        says(judged(&no_route, "8.8.4.4", false), true, &["is private", "Set media.advertise"]);
        let both = [probe("10.0.0.2:7700", Reached::Silent), probe("8.8.4.4:7700", Reached::Yes)];
        says(judged(&both, "8.8.4.4", false), false, &["clients here use the other addresses"]);
    }

    #[test]
    fn a_router_that_does_not_turn_traffic_back_is_no_proof_of_a_fault() {
        let probes = [probe("8.8.4.4:7700", Reached::Silent), probe("10.0.0.2:7700", Reached::Yes)];
        says(
            judged(&probes, "127.0.0.1", true),
            false,
            &["run `tring doctor --media --server URL`", "Open UDP 7700"],
        );
    }

    #[test]
    fn a_missing_route_is_a_fact_unless_nothing_else_is_left() {
        let v6 = probe("[2606:4700::1]:7700", Reached::NoRoute);
        let probes = [v6.clone(), probe("8.8.4.4:7700", Reached::Yes)];
        says(judged(&probes, "8.8.4.4", false), false, &["no IPv6 route"]);
        says(judged(&[v6], "8.8.4.4", false), true, &["no address that clients are told"]);
        says(judged(&[], "8.8.4.4", false), true, &["no address that could be reached"]);
    }

    #[test]
    fn ice_without_dtls_and_sound_in_one_direction_are_named() {
        says(judged(&[probe("8.8.4.4:7700", Reached::NoDtls)], "8.8.4.4", false), true, &["DTLS", "MTU"]);
        let one_way = [probe("8.8.4.4:7700", Reached::NotBothWays)];
        says(judged(&one_way, "8.8.4.4", false), true, &["does not arrive both ways"]);
    }

    #[test]
    fn translation_is_told_by_what_the_server_saw_of_one_socket() {
        let seen = |server: &str, from: &str| Probe {
            local: Some("10.9.0.2:5000".parse().unwrap()),
            seen_from: Some(from.parse().unwrap()),
            ..probe(server, Reached::Yes)
        };
        let none = [seen("8.8.4.4:7700", "10.9.0.2:5000")];
        says(judged(&none, "8.8.4.4", false), false, &["no address translation"]);
        let cone = [seen("8.8.4.4:7700", "9.9.9.9:6000"), seen("8.8.4.4:7701", "9.9.9.9:6000")];
        says(judged(&cone, "8.8.4.4", false), false, &["behind NAT", "9.9.9.9:6000", "one port for all"]);
        let symmetric = [seen("8.8.4.4:7700", "9.9.9.9:6000"), seen("8.8.4.4:7701", "9.9.9.9:6001")];
        says(judged(&symmetric, "8.8.4.4", false), false, &["symmetric"]);
    }

    #[test]
    fn the_table_has_a_row_for_each_port() {
        let mut reached = probe("8.8.4.4:7700", Reached::Yes);
        (reached.there, reached.back) = ((9, 10), (10, 10));
        reached.round_trip = Some(Duration::from_micros(1_540));
        let text = table(&[reached, probe("8.8.4.4:7701", Reached::Silent)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].contains("yes") && lines[1].contains("1.5 ms") && lines[1].contains("9/10"),
            "{text}"
        );
        assert!(lines[2].contains("no answer"), "{text}");
    }
}
