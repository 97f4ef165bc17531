//! The names and addresses by which this machine is reached.

use crate::config::Config;
use crate::host;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// An address of the documentation range (RFC 5737): the system is asked which way it would go, and nothing is sent.
const SOMEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// How names of interfaces begin behind which there is no phone: containers, virtual machines, tunnels.
const VIRTUAL: [&str; 19] = [
    "docker",
    "br-",
    "virbr",
    "veth",
    "vmnet",
    "vboxnet",
    "vEthernet",
    "cni",
    "flannel",
    "cali",
    "podman",
    "lxc",
    "lxd",
    "tun",
    "tap",
    "utun",
    "wg",
    "tailscale",
    "zt",
];

/// What a machine is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Machine {
    /// The host name of the machine, if it has one.
    pub(crate) host: Option<String>,
    /// The addresses of the machine, the one at which a phone most likely reaches it first; without loopback and link-local ones.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Machine {
    /// What this machine is called now. The addresses of `media.advertise` are the first: somebody has named them.
    pub(crate) fn look(config: &Config) -> Self {
        let interfaces: Vec<(String, IpAddr)> = match if_addrs::get_if_addrs() {
            Ok(all) => all.into_iter().map(|i| (i.name.clone(), i.ip().to_canonical())).collect(),
            Err(error) => {
                tracing::warn!(%error, "the network interfaces cannot be listed");
                Vec::new()
            }
        };
        let mut addresses: Vec<IpAddr> =
            config.media.advertise.iter().filter_map(|entry| advertised(entry)).collect();
        addresses.extend(ranked(interfaces, way_out()));
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|ip| seen.insert(*ip));
        Self { host: host_name(), addresses }
    }

    /// The names for a certificate: `localhost`, the host name, and the host name in `.local` (mDNS).
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = vec!["localhost".to_owned()];
        if let Some(host) = &self.host {
            names.push(host.clone());
            if !host.contains('.') {
                names.push(format!("{host}.local"));
            }
        }
        names.dedup();
        names
    }

    /// The addresses for a certificate: all, and the loopback ones.
    pub(crate) fn all_addresses(&self) -> Vec<IpAddr> {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        self.addresses.iter().copied().chain(loopback).collect()
    }

    /// The addresses at which a socket bound to `bind` is reached from outside.
    pub(crate) fn reached_at(&self, bind: IpAddr) -> Vec<IpAddr> {
        match bind {
            ip if ip.is_loopback() => Vec::new(),
            ip if !ip.is_unspecified() => vec![ip.to_canonical()],
            any => self.addresses.iter().copied().filter(|ip| any.is_ipv6() || ip.is_ipv4()).collect(),
        }
    }
}

/// The address of an entry of `media.advertise`. None: loopback, or no address, which the media plane complains about.
fn advertised(entry: &str) -> Option<IpAddr> {
    host::address_and_port(entry).map(|(ip, _)| ip).filter(|ip| !ip.is_loopback())
}

/// The address from which this machine would send to the world.
fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SOMEWHERE).ok()?;
    socket.local_addr().ok().map(|a| a.ip())
}

/// The addresses that another machine can use, the likeliest first.
fn ranked(interfaces: Vec<(String, IpAddr)>, way_out: Option<IpAddr>) -> Vec<IpAddr> {
    let mut usable: Vec<_> = interfaces.into_iter().filter(|(_, ip)| usable(*ip)).collect();
    usable.sort_by_key(|(name, ip)| {
        let is_virtual = VIRTUAL.iter().any(|v| name.starts_with(v));
        (ip.is_ipv6(), is_virtual, Some(*ip) != way_out, !is_private(*ip))
    });
    usable.into_iter().map(|(_, ip)| ip).collect()
}

fn usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// The host name, if it is one that a certificate can hold.
fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_ascii_lowercase();
    host::is_machine_name(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_phone_is_led_to_the_lan_and_not_to_a_bridge_or_a_tunnel() {
        let found = |list: &[(&str, &str)], way: Option<&str>| {
            let list = list.iter().map(|(name, a)| ((*name).to_owned(), ip(a))).collect();
            ranked(list, way.map(ip)).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let laptop = [
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("tun0", "10.8.0.2"),
            ("eth0", "10.1.1.1"),
            ("wlan0", "192.168.1.5"),
            ("wlan0", "fe80::1"),
            ("wlan0", "2001:db8::5"),
        ];
        assert_eq!(
            found(&laptop, Some("192.168.1.5")),
            ["192.168.1.5", "10.1.1.1", "172.17.0.1", "10.8.0.2", "2001:db8::5"]
        );
        assert_eq!(found(&laptop, Some("10.8.0.2"))[0], "10.1.1.1", "with a VPN too");
        assert_eq!(found(&[("eth0", "203.0.113.5"), ("eth1", "10.0.0.9")], None)[0], "10.0.0.9");
        assert!(found(&[("lo", "127.0.0.1")], None).is_empty());
    }

    #[test]
    fn what_somebody_named_comes_first() {
        assert_eq!(advertised("203.0.113.5:7700"), Some(ip("203.0.113.5")));
        assert_eq!(advertised("[2001:db8::5]:7700"), Some(ip("2001:db8::5")));
        assert_eq!(advertised("2001:db8::5"), Some(ip("2001:db8::5")));
        assert_eq!(advertised("127.0.0.1"), None);
        let mut config = Config::default();
        config.media.advertise = vec!["203.0.113.5:7700".into()];
        assert_eq!(Machine::look(&config).addresses[0], ip("203.0.113.5"));
    }

    #[test]
    fn a_host_name_has_its_mdns_name_beside_it() {
        let of = |host: Option<&str>| Machine { host: host.map(Into::into), addresses: vec![] }.names();
        assert_eq!(of(Some("desk")), ["localhost", "desk", "desk.local"]);
        assert_eq!(of(Some("desk.example.org")), ["localhost", "desk.example.org"]);
        assert_eq!(of(None), ["localhost"]);
    }

    #[test]
    fn a_socket_is_reached_where_it_listens() {
        let machine = Machine { host: None, addresses: vec![ip("192.168.1.5"), ip("2001:db8::5")] };
        assert_eq!(machine.reached_at(ip("0.0.0.0")), [ip("192.168.1.5")]);
        assert_eq!(machine.reached_at(ip("::")).len(), 2);
        assert_eq!(machine.reached_at(ip("10.0.0.1")), [ip("10.0.0.1")]);
        assert!(machine.reached_at(ip("127.0.0.1")).is_empty());
    }
}
