//! The addresses behind a bound socket.

use std::net::IpAddr;

/// The addresses that a socket bound to `bind` receives at: `bind` itself, or for a wildcard those of all interfaces,
/// the loopback ones last (only a client on this machine can use them). Link-local ones are left out: they mean nothing
/// without an interface, and no browser offers them.
pub(crate) fn addresses(bind: IpAddr) -> Vec<IpAddr> {
    if !bind.is_unspecified() {
        return vec![bind.to_canonical()];
    }
    let mut all: Vec<IpAddr> = match if_addrs::get_if_addrs() {
        Ok(interfaces) => {
            interfaces.iter().map(|i| i.ip().to_canonical()).filter(|ip| usable(*ip, bind)).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "the network interfaces cannot be listed; only loopback is used");
            vec![IpAddr::from([127, 0, 0, 1])]
        }
    };
    all.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    all.dedup();
    all
}

fn usable(ip: IpAddr, bind: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => bind.is_ipv6() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_has_no_wildcard_among_its_addresses_and_ends_with_loopback() {
        let all = addresses(IpAddr::from([0, 0, 0, 0]));
        assert!(all.iter().all(|ip| ip.is_ipv4() && !ip.is_unspecified()), "{all:?}");
        assert!(all.last().is_some_and(IpAddr::is_loopback), "{all:?}");
        assert_eq!(addresses(IpAddr::from([127, 0, 0, 1])), [IpAddr::from([127, 0, 0, 1])]);
    }
}
