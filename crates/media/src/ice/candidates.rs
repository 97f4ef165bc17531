//! The candidate lines of an answer (RFC 8839 §5.1, RFC 8445 §5.1.2).

use std::net::SocketAddr;

/// Type preference of a host candidate, RFC 8445 §5.1.2.2.
const HOST_PREFERENCE: u32 = 126;

/// Type preference of a server-reflexive candidate.
const REFLEXIVE_PREFERENCE: u32 = 100;

/// Highest local preference; each further candidate has one less.
const LOCAL_PREFERENCE: u32 = 65_535;

/// One candidate line for each address that clients are told. With `advertise` these are its addresses alone, as
/// server-reflexive (an address translator or a load balancer stands between them and the socket); without it, the
/// bound addresses as host candidates.
pub(crate) fn lines(local: &[SocketAddr], advertise: &[SocketAddr]) -> Vec<String> {
    let (addresses, preference, kind) = if advertise.is_empty() {
        (local, HOST_PREFERENCE, "host")
    } else {
        // The base stays private: RFC 8839 §5.1 allows the unspecified address here.
        (advertise, REFLEXIVE_PREFERENCE, "srflx raddr 0.0.0.0 rport 9")
    };
    (0..).zip(addresses).map(|(i, address)| line(i, *address, preference, kind)).collect()
}

fn line(index: u32, address: SocketAddr, preference: u32, kind: &str) -> String {
    let priority = (preference << 24) | (LOCAL_PREFERENCE.saturating_sub(index) << 8) | 255;
    let (ip, port, foundation) = (address.ip(), address.port(), index + 1);
    format!("a=candidate:{foundation} 1 udp {priority} {ip} {port} typ {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advertised_addresses_hide_the_bound_ones() {
        let local = ["10.0.0.2:3478".parse().unwrap()];
        assert_eq!(lines(&local, &[]), ["a=candidate:1 1 udp 2130706431 10.0.0.2 3478 typ host"]);
        let told =
            lines(&local, &["203.0.113.9:40000".parse().unwrap(), "[2001:db8::1]:3478".parse().unwrap()]);
        assert_eq!(
            told[0],
            "a=candidate:1 1 udp 1694498815 203.0.113.9 40000 typ srflx raddr 0.0.0.0 rport 9"
        );
        assert!(told[1].contains(" 2001:db8::1 3478 typ srflx"));
        assert!(!told.concat().contains("10.0.0.2"));
    }
}
