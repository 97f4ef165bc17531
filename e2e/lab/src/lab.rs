//! The laboratory: a topology becomes namespaces, devices and a running network, and changes while it runs.

use crate::engine::Engine;
use crate::link::Counts;
use crate::netns::{Namespace, has_user_namespace, ip};
use crate::port;
use crate::shape::Shape;
use crate::switch::{Direction, GATEWAY_MAC, HostId, Switch, mac};
use rustix::fd::OwnedFd;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tring_testkit::namespace::alone;

/// The interface of each host.
pub const INTERFACE: &str = "eth0";
/// The gateway of every host. It answers nothing: it is there to be routed to.
const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const GATEWAY_V6: &str = "fe80::1";
/// Hosts without an address in the topology get 10.9.0.N and fd09::N, from here on in their order.
const FIRST_HOST: u8 = 2;
/// Most hosts of a topology: numbers of the last byte.
pub const MAX_HOSTS: usize = 200;
/// Frames that wait in a host for the emulator to read them, so that only links lose packets. Higher takes memory where
/// a host floods.
const DEVICE_QUEUE: u32 = 10_000;

/// A failure of the laboratory. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Neither root nor user namespaces.
    #[error(
        "network namespaces are not allowed here ({0}): run as root, or allow user namespaces \
         (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)"
    )]
    NotAllowed(String),
    /// A command of the system failed.
    #[error("{0}")]
    Command(String),
    /// A call of the system failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
    /// The topology, or a command, names a host that is not there.
    #[error("there is no host `{name}`: the hosts are {hosts}")]
    NoSuchHost {
        /// What was named.
        name: String,
        /// What is there.
        hosts: String,
    },
    /// Hosts without number, or too many.
    #[error("a topology has 1 to {MAX_HOSTS} hosts, this one has {0}")]
    HostCount(usize),
    /// An address that no host can have, or that another has.
    #[error("{address} cannot be the address of {host}: {why}")]
    Address {
        /// The address.
        address: IpAddr,
        /// Who should have it.
        host: String,
        /// What is wrong with it.
        why: String,
    },
}

impl LabError {
    pub(crate) fn io(what: impl Into<String>, error: io::Error) -> Self {
        Self::Io { what: what.into(), error }
    }
}

/// A host of a topology.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostPlan {
    /// Its IPv4 and IPv6 addresses; one each by default.
    pub addresses: Option<Vec<IpAddr>>,
    /// What it sends.
    pub up: Shape,
    /// What it receives.
    pub down: Shape,
}

/// The hosts and the seed of all chance.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// By name.
    pub hosts: BTreeMap<String, HostPlan>,
    /// Runs of the same seed lose the same packets; default 1.
    #[serde(default = "default_seed")]
    pub seed: u64,
}

fn default_seed() -> u64 {
    1
}

/// What others need to know of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostInfo {
    /// Its addresses now.
    pub addresses: Vec<IpAddr>,
    /// The process that holds its namespace.
    pub pid: u32,
    /// What runs a program in it: put this before the program and its arguments.
    pub enter: Vec<String>,
}

/// Figures of a host's access link.
#[derive(Debug, Clone, Serialize)]
pub struct HostStats {
    /// From the host.
    pub up: Counts,
    /// To the host.
    pub down: Counts,
    /// Packets from it to an address that nobody has.
    pub unroutable: u64,
    /// What the link does now, from the host.
    pub up_shape: Shape,
    /// And to it.
    pub down_shape: Shape,
}

#[derive(Debug)]
struct Host {
    id: HostId,
    addresses: Vec<IpAddr>,
    namespace: Namespace,
}

/// A running laboratory. When dropped it leaves nothing behind.
pub struct Lab {
    // First: it ends before the namespaces do.
    engine: Engine,
    hosts: BTreeMap<String, Host>,
}

impl Lab {
    /// Makes the hosts and the network between them. The process must be one that [`enter`](crate::enter) has returned
    /// in.
    ///
    /// # Errors
    /// A topology that cannot be, or a system that refuses a part of it.
    pub fn start(topology: Topology) -> Result<Self, LabError> {
        let count = topology.hosts.len();
        if !(1..=MAX_HOSTS).contains(&count) {
            return Err(LabError::HostCount(count));
        }
        let mut switch = Switch::default();
        let mut hosts = BTreeMap::new();
        let mut ports = Vec::new();
        let mut taken = BTreeMap::new();
        for (number, (name, plan)) in topology.hosts.into_iter().enumerate() {
            let last = FIRST_HOST + number as u8;
            let own = || {
                vec![
                    Ipv4Addr::new(10, 9, 0, last).into(),
                    Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, last.into()).into(),
                ]
            };
            let addresses = plan.addresses.unwrap_or_else(own);
            for &address in &addresses {
                usable(&name, address, &taken)?;
                taken.insert(address, name.clone());
            }
            let seeds =
                [0, 1].map(|way| topology.seed.wrapping_mul(1 << 16).wrapping_add(number as u64 * 2 + way));
            let id = switch.add(plan.up, plan.down, seeds);
            for &address in &addresses {
                switch.route(address, id);
            }
            let namespace = Namespace::new()?;
            ports.push(open_port(&namespace, id)?);
            let host = Host { id, addresses, namespace };
            host.configure()?;
            hosts.insert(name, host);
        }
        let engine =
            Engine::start(switch, ports).map_err(|error| LabError::io("the network's thread", error))?;
        Ok(Self { engine, hosts })
    }

    fn host(&self, name: &str) -> Result<&Host, LabError> {
        self.hosts.get(name).ok_or_else(|| LabError::NoSuchHost {
            name: name.into(),
            hosts: self.hosts.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// The hosts as they are now.
    pub fn info(&self) -> BTreeMap<String, HostInfo> {
        let user: &[_] = if has_user_namespace() { &["-U", "--preserve-credentials"] } else { &[] };
        let info = |host: &Host| {
            let pid = host.namespace.pid();
            let pid_text = pid.to_string();
            let enter =
                ["nsenter", "-t", &pid_text, "-n"].iter().chain(user).map(|&word| word.into()).collect();
            HostInfo { addresses: host.addresses.clone(), pid, enter }
        };
        self.hosts.iter().map(|(name, host)| (name.clone(), info(host))).collect()
    }

    /// Changes what a host's link does. What is left out stays.
    ///
    /// # Errors
    /// A host that is not there.
    pub fn set(&self, name: &str, up: Option<Shape>, down: Option<Shape>) -> Result<(), LabError> {
        let id = self.host(name)?.id;
        self.engine.change(|now, switch| {
            for (direction, shape) in [(Direction::Up, up), (Direction::Down, down)] {
                if let Some(shape) = shape {
                    switch.set(now, id, direction, shape);
                }
            }
        });
        Ok(())
    }

    /// Gives a host another address in the place of its addresses of that family, as when a phone changes its network.
    /// What is under way to the old one is lost.
    ///
    /// # Errors
    /// A host that is not there, an address that it cannot have, or a system that refuses it.
    pub fn readdress(&mut self, name: &str, new: IpAddr) -> Result<(), LabError> {
        self.host(name)?;
        let taken =
            self.hosts.iter().flat_map(|(name, host)| host.addresses.iter().map(|&a| (a, name.clone())));
        usable(name, new, &taken.collect())?;
        let Some(host) = self.hosts.get_mut(name) else { return Ok(()) };
        let (old, kept): (Vec<_>, Vec<_>) =
            host.addresses.iter().partition(|address| address.is_ipv4() == new.is_ipv4());
        self.engine.change(|_, switch| switch.route(new, host.id));
        // The new one first: without any address the kernel forgets the routes.
        let mut lines = vec![add_address(new)];
        lines.extend(old.iter().map(|&address| format!("address delete {} dev {INTERFACE}", alone(address))));
        lines.push(default_route(new.is_ipv4(), "replace"));
        host.namespace.ip(&lines)?;
        self.engine.change(|_, switch| old.iter().for_each(|&address| switch.unroute(address)));
        host.addresses = kept;
        host.addresses.push(new);
        Ok(())
    }

    /// Figures of all links since the start.
    pub fn stats(&self) -> BTreeMap<String, HostStats> {
        let stats = |host: &Host| {
            self.engine.change(|_, switch| {
                let (up, down, unroutable) = switch.counts(host.id);
                let (up_shape, down_shape) = switch.shapes(host.id);
                HostStats { up, down, unroutable, up_shape: up_shape.clone(), down_shape: down_shape.clone() }
            })
        };
        self.hosts.iter().map(|(name, host)| (name.clone(), stats(host))).collect()
    }

    /// Frames that hosts did not take, because they did not keep up: loss that no shape has asked for.
    pub fn refused(&self) -> u64 {
        self.engine.refused()
    }
}

/// The host's device, and the file at its other end.
fn open_port(namespace: &Namespace, HostId(number): HostId) -> Result<OwnedFd, LabError> {
    let pid = namespace.pid();
    let no_tap = match port::open_tap(pid, INTERFACE) {
        Ok(port) => return Ok(port),
        Err(error) => error,
    };
    let failed = |error: &dyn std::fmt::Display| {
        LabError::Command(format!(
            "no network device for a host: no TAP device ({no_tap}), and no veth pair ({error}): let this user open \
             /dev/net/tun, or use a kernel with veth"
        ))
    };
    let own = format!("lab{number}");
    ip(&[
        format!("link add {own} type veth peer name {INTERFACE} netns {pid}"),
        format!("link set {own} addrgenmode none"),
        format!("link set {own} up"),
    ])
    .map_err(|error| failed(&error))?;
    port::disable_offloads(pid, INTERFACE).map_err(|error| failed(&error))?;
    port::open_packet_socket(&own).map_err(|error| failed(&error))
}

impl Host {
    fn configure(&self) -> Result<(), LabError> {
        let hex = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
        let gateway = hex(GATEWAY_MAC);
        let mut lines = vec![
            "link set lo up".into(),
            format!("link set {INTERFACE} address {} txqueuelen {DEVICE_QUEUE}", hex(mac(self.id))),
            // A link-local address that appears seconds later is a change of the network to a browser.
            format!("link set {INTERFACE} addrgenmode none"),
            format!("link set {INTERFACE} up"),
        ];
        lines.extend(self.addresses.iter().map(|&address| add_address(address)));
        for is_v4 in [true, false] {
            if !self.addresses.iter().any(|address| address.is_ipv4() == is_v4) {
                continue;
            }
            let via = if is_v4 { GATEWAY_V4.to_string() } else { GATEWAY_V6.into() };
            // Known for good: neither ARP nor neighbour discovery is lost where it never happens.
            lines.push(format!("neighbour replace {via} lladdr {gateway} dev {INTERFACE} nud permanent"));
            lines.push(default_route(is_v4, "add"));
        }
        self.namespace.ip(&lines)
    }
}

fn add_address(address: IpAddr) -> String {
    // Without duplicate address detection an IPv6 address is there at once.
    let nodad = if address.is_ipv6() { " nodad" } else { "" };
    format!("address add {} dev {INTERFACE}{nodad}", alone(address))
}

fn default_route(is_v4: bool, verb: &str) -> String {
    let via = if is_v4 { GATEWAY_V4.to_string() } else { GATEWAY_V6.into() };
    format!("route {verb} default via {via} dev {INTERFACE} onlink")
}

/// Whether a host may have this address.
fn usable(host: &str, address: IpAddr, taken: &BTreeMap<IpAddr, String>) -> Result<(), LabError> {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let why = if address == IpAddr::from(GATEWAY_V4) {
        "it is the gateway's: choose another".into()
    } else if address.is_unspecified() || address.is_loopback() || address.is_multicast() || link_local {
        "choose a unicast address such as 10.9.0.23 or fd09::23".into()
    } else if let Some(other) = taken.get(&address) {
        format!("{other} has it already: choose another")
    } else {
        return Ok(());
    };
    Err(LabError::Address { address, host: host.into(), why })
}
