//! The addresses that clients are told to send media to, held against those of this machine. Pure.

use super::Finding;
use super::machine::Machine;
use crate::config::MediaSettings;
use crate::host::address_and_port;
use std::net::IpAddr;

const SUBJECT: &str = "media.advertise";

/// Who can reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Everybody, as far as the address tells.
    Public,
    /// This machine alone.
    Loopback,
    /// Machines of the same network (RFC 1918, RFC 4193, and the shared space of RFC 6598).
    Private,
    /// Nobody.
    Nobody(&'static str),
}

fn reach(ip: IpAddr) -> Reach {
    match ip.to_canonical() {
        ip if ip.is_unspecified() => Reach::Nobody("is the wildcard address"),
        ip if ip.is_multicast() => Reach::Nobody("is a multicast address"),
        ip if ip.is_loopback() => Reach::Loopback,
        IpAddr::V4(v4) => match v4.octets() {
            _ if v4.is_broadcast() => Reach::Nobody("is the broadcast address"),
            _ if v4.is_link_local() => Reach::Nobody("is link-local"),
            _ if v4.is_documentation() => Reach::Nobody("is one of those for examples in documents"),
            [100, 64..128, ..] => Reach::Private,
            _ if v4.is_private() => Reach::Private,
            _ => Reach::Public,
        },
        IpAddr::V6(v6) => match v6.segments() {
            _ if v6.is_unicast_link_local() => Reach::Nobody("is link-local"),
            [0x2001, 0xdb8, ..] => Reach::Nobody("is one of those for examples in documents"),
            _ if v6.is_unique_local() => Reach::Private,
            _ => Reach::Public,
        },
    }
}

/// The addresses that clients are told.
pub(super) fn told(media: &MediaSettings, machine: &Machine) -> Vec<IpAddr> {
    if !media.advertise.is_empty() {
        return media.advertise.iter().filter_map(|e| address_and_port(e)).map(|(ip, _)| ip).collect();
    }
    if !media.bind.is_unspecified() {
        return vec![media.bind.to_canonical()];
    }
    let is_local = |ip: &IpAddr| match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    };
    let own = machine.addresses.iter().flatten().copied();
    own.filter(|ip| !is_local(ip) && (ip.is_ipv4() || media.bind.is_ipv6())).collect()
}

pub(super) fn check(media: &MediaSettings, machine: &Machine) -> Vec<Finding> {
    let mut found = Vec::new();
    for entry in &media.advertise {
        found.extend(check_entry(entry, media, machine));
    }
    let told = told(media, machine);
    if media.advertise.is_empty() {
        found.extend(without_entries(media, machine, &told));
    }
    let own = machine.addresses.iter().flatten();
    let public_v6 = own.clone().find(|ip| ip.is_ipv6() && reach(**ip) == Reach::Public);
    if let Some(ip) = public_v6.filter(|_| !told.iter().any(IpAddr::is_ipv6)) {
        found.push(Finding {
            advice: Some(format!(
                "Clients without IPv4 get no media; for them set media.bind to \"::\"{}",
                if media.advertise.is_empty() {
                    "".into()
                } else {
                    format!(" and add {ip} to media.advertise")
                }
            )),
            ..Finding::info(
                SUBJECT,
                format!("this machine has the IPv6 address {ip}, and clients are not told it"),
            )
        });
    }
    found
}

fn check_entry(entry: &str, media: &MediaSettings, machine: &Machine) -> Option<Finding> {
    let say = "Give ip or ip:port by which clients reach this machine, such as 198.51.100.5:7700";
    let Some((ip, port)) = address_and_port(entry) else {
        let message = format!("{entry:?} is no address (a host name is none)");
        return Some(Finding::error(SUBJECT, message, say));
    };
    if port == Some(0) {
        return Some(Finding::error(SUBJECT, format!("{entry} has port 0"), say));
    }
    let first = port.unwrap_or(media.udp_port);
    let last = first.saturating_add(u16::try_from(media.workers.saturating_sub(1)).unwrap_or(u16::MAX));
    let ports = if first == last { format!("port {first}") } else { format!("ports {first}–{last}") };
    let is_own = machine.addresses.as_ref().is_none_or(|own| own.contains(&ip));
    match reach(ip) {
        // Networks for examples are used in laboratories, so one that this machine has is none of our business.
        Reach::Nobody(_) if is_own && !ip.is_unspecified() => None,
        Reach::Nobody(why) => {
            Some(Finding::error(SUBJECT, format!("{entry} {why}: no client reaches it"), say))
        }
        Reach::Loopback => Some(Finding::warning(
            SUBJECT,
            format!("{entry} is this machine's loopback address: only clients on this machine get media"),
            say,
        )),
        _ if !is_own => Some(Finding {
            advice: Some(format!(
                "Right behind NAT or in a container if UDP {ports} of it are forwarded to this machine; wrong otherwise. \
                 `tring doctor --media` run from outside tells"
            )),
            ..Finding::info(SUBJECT, format!("{entry} is not an address of this machine"))
        }),
        Reach::Private => Some(Finding::info(
            SUBJECT,
            format!("{entry} is private: clients outside of this network get no media"),
        )),
        Reach::Public if port.is_some_and(|p| p != media.udp_port) => Some(Finding::warning(
            SUBJECT,
            format!(
                "{entry} is an address of this machine, but media.udp_port is {}: clients are sent to another port",
                media.udp_port
            ),
            format!("Leave out the port, unless something on this machine forwards UDP {ports}"),
        )),
        Reach::Public => None,
    }
}

fn without_entries(media: &MediaSettings, machine: &Machine, told: &[IpAddr]) -> Option<Finding> {
    let list = told.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let say =
        "Set media.advertise (TRING_ADVERTISE, --advertise) to the address by which clients reach the host";
    if machine.container && media.bind.is_unspecified() {
        return Some(Finding::warning(
            SUBJECT,
            format!(
                "this is a container, and clients are told its own address ({list}), which only this host reaches"
            ),
            format!("{say}; with the host's own network (--network host) this is fine"),
        ));
    }
    if told.is_empty() || told.iter().all(|ip| reach(*ip) == Reach::Loopback) {
        let message = "clients are told no address but loopback: only clients on this machine get media";
        return Some(Finding::info(SUBJECT, message));
    }
    if told.iter().all(|ip| reach(*ip) == Reach::Private) {
        return Some(Finding {
            advice: Some(format!("For clients outside: {}", say.replace("Set", "set"))),
            ..Finding::info(
                SUBJECT,
                format!("clients are told {list}: private, so clients outside of this network get no media"),
            )
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use std::time::SystemTime;

    fn machine(addresses: &[&str], container: bool) -> Machine {
        let addresses = Some(addresses.iter().map(|a| a.parse().unwrap()).collect());
        Machine { addresses, container, now: SystemTime::now(), files: Vec::new(), max_files: None }
    }

    fn found(entries: &[&str], machine: &Machine) -> Vec<(Severity, String)> {
        let advertise = entries.iter().map(|&e| e.to_owned()).collect();
        let media = MediaSettings { advertise, ..MediaSettings::default() };
        check(&media, machine).iter().map(|f| (f.severity, f.to_string())).collect()
    }

    #[track_caller]
    fn one(entries: &[&str], machine: &Machine, severity: Severity, texts: &[&str]) {
        let found = found(entries, machine);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, severity, "{found:?}");
        for text in texts {
            assert!(found[0].1.contains(text), "{text:?} is missing in {found:?}");
        }
    }

    #[test]
    fn addresses_that_no_client_reaches_are_errors_by_name() {
        let home = machine(&["127.0.0.1", "8.8.4.4"], false);
        for entry in
            ["0.0.0.0", "::", "224.0.0.1", "169.254.1.1", "fe80::1", "192.0.2.7", "2001:db8::1:2", "ff02::1"]
        {
            one(&[entry], &home, Severity::Error, &[entry, "no client reaches it", "such as"]);
        }
        for entry in ["example.org", "", "8.8.4.4:99999"] {
            one(&[entry], &home, Severity::Error, &[&format!("{entry:?}"), "is no address", "such as"]);
        }
        one(&["8.8.4.4:0"], &home, Severity::Error, &["port 0"]);
        one(&["127.0.0.1"], &home, Severity::Warning, &["only clients on this machine"]);
    }

    #[test]
    fn an_address_of_another_machine_says_which_ports_must_be_forwarded() {
        let inside = machine(&["127.0.0.1", "10.0.0.2"], false);
        one(&["8.8.4.4:40000"], &inside, Severity::Info, &["not an address of this machine", "40000–40003"]);
        one(&["8.8.4.4"], &inside, Severity::Info, &["7700–7703", "tring doctor --media"]);
        one(&["10.0.0.2"], &inside, Severity::Info, &["private"]);
    }

    #[test]
    fn a_public_address_of_this_machine_is_fine_and_another_port_of_it_is_doubtful() {
        let server = machine(&["127.0.0.1", "8.8.4.4"], false);
        assert_eq!(found(&["8.8.4.4"], &server), []);
        assert_eq!(found(&["8.8.4.4:7700"], &server), []);
        assert_eq!(found(&[], &server), []);
        one(&["8.8.4.4:7800"], &server, Severity::Warning, &["media.udp_port is 7700", "7800–7803"]);
    }

    #[test]
    fn a_container_without_an_advertised_address_is_told_which_variable_to_set() {
        let inside = machine(&["127.0.0.1", "172.17.0.2"], true);
        one(&[], &inside, Severity::Warning, &["172.17.0.2", "TRING_ADVERTISE", "container"]);
        one(&["8.8.4.4"], &inside, Severity::Info, &["forwarded"]);
        one(&[], &machine(&["127.0.0.1", "10.0.0.2"], false), Severity::Info, &["10.0.0.2", "private"]);
        one(&[], &machine(&["127.0.0.1"], false), Severity::Info, &["only clients on this machine"]);
    }

    #[test]
    fn ipv6_that_clients_are_not_told_is_mentioned() {
        let both = machine(&["127.0.0.1", "8.8.4.4", "2606:4700::1"], false);
        one(&["8.8.4.4"], &both, Severity::Info, &["2606:4700::1", "media.bind"]);
        assert_eq!(found(&["8.8.4.4", "2606:4700::1"], &both), []);
    }
}
