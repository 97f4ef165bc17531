//! What the media sockets are told, and what can be wrong with it.

use std::net::{IpAddr, SocketAddr};

/// Most workers. Higher: machines with more cores than that could use them all; the local ufrag has room for 256. Lower:
/// fewer ports for the firewall.
pub const MAX_WORKERS: usize = 64;

/// Workers when nothing else is said: the same on every machine, so that the firewall's rules survive a larger one. Each
/// is a port, and a thread that sleeps when there is nothing to do. Higher: more ports to open. Lower: fewer cores in use.
pub const DEFAULT_WORKERS: usize = 4;

/// RTMP connections of all workers when nothing else is said. A call of two phones has four. Higher: more phones, each
/// connection with a file and up to some 300 KB of the system's memory. Lower: strangers hold less.
pub const DEFAULT_RTMP_CONNECTIONS: usize = 8_192;

/// First UDP port when nothing else is said.
pub const DEFAULT_UDP_PORT: u16 = 7_700;

/// FLV players of all workers when nothing else is said.
const DEFAULT_FLV_PLAYERS: usize = 2_000;

/// The settings of [`start`](crate::start).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address that the UDP sockets bind. `::` takes IPv4 too.
    pub bind: IpAddr,
    /// First UDP port; worker n takes port + n. 0 lets the system choose one for each.
    pub udp_port: u16,
    /// Workers, 1 to [`MAX_WORKERS`]. Each is a thread and a port. Default [`DEFAULT_WORKERS`].
    pub workers: usize,
    /// Addresses given to clients in place of the bound ones, as `ip` or `ip:port` (`[ip]:port` for IPv6). The port is
    /// that of worker 0; worker n is reached at port + n. Without a port it is the bound one.
    pub advertise: Vec<String>,
    /// Address that RTMP listens on. Port 0 lets the system choose. None: no RTMP.
    pub rtmp: Option<SocketAddr>,
    /// Most RTMP connections of all workers. Default [`DEFAULT_RTMP_CONNECTIONS`].
    pub rtmp_connections: usize,
    /// Most RTMP connections of one address (an IPv6 network of 64 bits counts as one). This machine's own has no such bound.
    pub rtmp_connections_of_address: usize,
    /// Most FLV players of all workers. They come by HTTP, which bounds them.
    pub flv_players: usize,
    /// This node's number among its cluster, written into every ICE user name.
    pub node: u16,
    /// Most sessions of each worker.
    pub max_sessions_per_worker: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: IpAddr::from([0, 0, 0, 0]),
            udp_port: DEFAULT_UDP_PORT,
            workers: DEFAULT_WORKERS,
            advertise: Vec::new(),
            rtmp: None,
            rtmp_connections: DEFAULT_RTMP_CONNECTIONS,
            rtmp_connections_of_address: DEFAULT_RTMP_CONNECTIONS / 2,
            flv_players: DEFAULT_FLV_PLAYERS,
            node: 0,
            max_sessions_per_worker: tring_media::MAX_SESSIONS,
        }
    }
}

/// Why the media sockets did not start, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program has the port.
    #[error(
        "media.udp_port {port} (UDP) is taken: choose another with --media-port, or stop the program that has it"
    )]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The process may not have the port.
    #[error("media.udp_port {port} (UDP) is not allowed: choose one above 1023 with --media-port")]
    PortForbidden {
        /// The port.
        port: u16,
    },
    /// The address is not this machine's.
    #[error(
        "media.bind {bind} is no address of this machine: use 0.0.0.0, ::, or one that `ip address` lists"
    )]
    BadBind {
        /// The address.
        bind: IpAddr,
    },
    /// The number of workers.
    #[error("media.workers is {workers}: it takes 1 to {MAX_WORKERS}")]
    BadWorkers {
        /// The number.
        workers: usize,
    },
    /// The ports of the workers do not all exist.
    #[error(
        "media.udp_port {port} with {workers} workers goes past port 65535: choose a lower port or fewer workers"
    )]
    PortsPastEnd {
        /// The first port.
        port: u16,
        /// The workers.
        workers: usize,
    },
    /// An entry of `media.advertise`.
    #[error(
        "media.advertise {entry:?} {why}: give ip or ip:port that clients can reach, such as 203.0.113.5:7700"
    )]
    BadAdvertise {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The RTMP port.
    #[error(
        "rtmp.listen {address}: {error}. Another program has the port, or this user may not open it: choose another, or set rtmp.enabled = false"
    )]
    Rtmp {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// There is no address to give to clients.
    #[error(
        "no network address to give to clients: set media.advertise, or media.bind to an address of this machine"
    )]
    NoAddress,
    /// The DTLS certificate.
    #[error(transparent)]
    Certificate(#[from] tring_media::CertificateError),
    /// The system refused something else.
    #[error("the media socket on UDP port {port} could not be set up: {error}")]
    Io {
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
}

/// An entry of `media.advertise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advertised {
    ip: IpAddr,
    port: Option<u16>,
}

impl Advertised {
    pub(crate) fn parse(entry: &str) -> Result<Self, StartError> {
        let bad = |why| Err(StartError::BadAdvertise { entry: entry.into(), why });
        let text = entry.trim();
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        let (ip, port) = if let Ok(ip) = bare.parse::<IpAddr>() {
            (ip, None)
        } else if let Ok(address) = text.parse::<SocketAddr>() {
            (address.ip(), Some(address.port()))
        } else {
            return bad("is no address");
        };
        let ip = ip.to_canonical();
        if port == Some(0) {
            return bad("has port 0");
        }
        if ip.is_unspecified() {
            return bad("is the wildcard address");
        }
        if ip.is_multicast() || matches!(ip, IpAddr::V4(v4) if v4.is_broadcast() || v4.is_link_local()) {
            return bad("is no address of one machine");
        }
        Ok(Self { ip, port })
    }

    /// Where clients reach a worker. `None`: its port would be past 65535.
    pub(crate) fn of_worker(self, worker: u16, bound_port: u16) -> Option<SocketAddr> {
        let port = match self.port {
            Some(first) => first.checked_add(worker)?,
            None => bound_port,
        };
        Some(SocketAddr::new(self.ip, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertised_port_counts_up_with_the_workers() {
        let a = Advertised::parse("203.0.113.5:40000").unwrap();
        assert_eq!(a.of_worker(2, 7702), Some("203.0.113.5:40002".parse().unwrap()));
        let a = Advertised::parse("2001:db8::5").unwrap();
        assert_eq!(a.of_worker(2, 7702), Some("[2001:db8::5]:7702".parse().unwrap()));
        assert_eq!(
            Advertised::parse("[2001:db8::5]:9").unwrap().of_worker(0, 1),
            Some("[2001:db8::5]:9".parse().unwrap())
        );
        assert_eq!(Advertised::parse("203.0.113.5:65535").unwrap().of_worker(1, 7), None);
    }

    #[test]
    fn what_clients_cannot_reach_is_refused_by_name() {
        for entry in
            ["", "example.org", "0.0.0.0", "::", "203.0.113.5:0", "224.0.0.1", "169.254.1.1", "1.2.3.4:99999"]
        {
            let error = Advertised::parse(entry).unwrap_err().to_string();
            assert!(error.contains("media.advertise") && error.contains(&format!("{entry:?}")), "{error}");
        }
    }
}
