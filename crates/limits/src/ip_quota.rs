//! How much of what all share one address may hold.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much each address may hold. Cheap to clone: clones count together.
#[derive(Debug, Clone)]
pub struct IpQuota {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A part of an address's quota, given back when it is dropped.
#[derive(Debug)]
pub struct IpPermit {
    quota: IpQuota,
    /// None: the address has no bound.
    of: Option<IpAddr>,
}

impl IpQuota {
    /// At most `most` permits for each address, and at least one.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), held: Arc::default() }
    }

    /// A permit for an address. None: the address has as many as it may have.
    ///
    /// This machine's own address has no bound: a proxy on it speaks for everybody.
    pub fn enter(&self, address: IpAddr) -> Option<IpPermit> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Some(IpPermit { quota: self.clone(), of: None });
        }
        let holder = quota_key(address);
        let mut held = self.held();
        let count = held.entry(holder).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(IpPermit { quota: self.clone(), of: Some(holder) })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing that holds the lock can panic halfway.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IpPermit {
    fn drop(&mut self) {
        let Some(holder) = self.of else { return };
        let mut held = self.quota.held();
        if let Some(count) = held.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&holder);
            }
        }
    }
}

/// The address under which another one counts in every limit. An IPv6 network of 64 bits is what one customer of a provider
/// gets, so its addresses count as one; IPv4 in IPv6 counts as IPv4.
pub fn quota_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        other => other,
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
        let quota = IpQuota::new(2);
        let first = quota.enter(ip("192.0.2.1")).unwrap();
        let _second = quota.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert!(quota.enter(ip("192.0.2.1")).is_none());
        let other = quota.enter(ip("192.0.2.2")).expect("another address has its own");
        drop(first);
        assert!(quota.enter(ip("192.0.2.1")).is_some());
        drop((other, _second));
        assert!(quota.held().is_empty(), "nothing is kept of those who left");
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one_address() {
        let quota = IpQuota::new(1);
        let _one = quota.enter(ip("2001:db8:1:2::1")).unwrap();
        assert!(quota.enter(ip("2001:db8:1:2:ffff::2")).is_none());
        assert!(quota.enter(ip("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn a_proxy_on_this_machine_has_no_bound() {
        let quota = IpQuota::new(1);
        let permits: Vec<_> = (0..100).map(|_| quota.enter(ip("127.0.0.1")).unwrap()).collect();
        assert!(quota.enter(ip("::1")).is_some());
        drop(permits);
        assert!(quota.held().is_empty());
    }
}
