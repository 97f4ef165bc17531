//! How much of what all share one address may hold.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what each address holds. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One place of an address, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Seat {
    shares: Shares,
    /// None: the address has no bound.
    of: Option<IpAddr>,
}

impl Shares {
    /// At most `most` places for each address.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), held: Arc::default() }
    }

    /// Takes a place. None if the address has its share.
    ///
    /// This machine's own address has no bound: a proxy on it speaks for everybody.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Seat> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Some(Seat { shares: self.clone(), of: None });
        }
        let holder = holder(address);
        let mut held = self.held();
        let count = held.entry(holder).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Seat { shares: self.clone(), of: Some(holder) })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing that holds the lock can panic halfway.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(holder) = self.of else { return };
        let mut held = self.shares.held();
        if let Some(count) = held.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&holder);
            }
        }
    }
}

/// Who stands behind an address. An IPv6 network of 64 bits is what one customer of a provider gets, so its addresses
/// count as one.
pub(crate) fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_no_more_until_it_gives_something_back() {
        let shares = Shares::new(2);
        let first = shares.enter(ip("192.0.2.1")).unwrap();
        let _second = shares.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert!(shares.enter(ip("192.0.2.1")).is_none());
        let other = shares.enter(ip("192.0.2.2")).expect("another address has its own");
        drop(first);
        assert!(shares.enter(ip("192.0.2.1")).is_some());
        drop((other, _second));
        assert!(shares.held().is_empty(), "nothing is kept of those who left");
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one_address() {
        let shares = Shares::new(1);
        let _one = shares.enter(ip("2001:db8:1:2::1")).unwrap();
        assert!(shares.enter(ip("2001:db8:1:2:ffff::2")).is_none());
        assert!(shares.enter(ip("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn a_proxy_on_this_machine_has_no_bound() {
        let shares = Shares::new(1);
        let seats: Vec<_> = (0..100).map(|_| shares.enter(ip("127.0.0.1")).unwrap()).collect();
        assert!(shares.enter(ip("::1")).is_some());
        drop(seats);
        assert!(shares.held().is_empty());
    }
}
