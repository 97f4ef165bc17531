//! From a datagram to its session: two maps, never a search.

use crate::fast_map::FastMap;
use crate::ice::check::{self, Check};
use crate::ice::ufrag::{Kind, Owner, Ufrag, kind};
use crate::key::Key;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

/// Longest datagram that is looked at, in bytes. Higher: jumbo frames. Lower: a forwarded packet could not carry what
/// browsers send (at most 1,200 to 1,460).
pub const MAX_DATAGRAM: usize = 1_500;

/// Most sessions that one source address is bound to. An ICE check proves that its sender knows a session's password, not
/// that it receives at the address it sends from; so a user can bind somebody else's address to a session of its own. The
/// address is then bound to both sessions and each datagram is tried with both: only one has the keys that open it.
/// Higher: a datagram from such an address costs more tries. Lower: fewer liars suffice to push the true session out, until
/// its next check.
pub(crate) const MAX_SESSIONS_PER_ADDRESS: usize = 4;

#[derive(Debug, Clone, Copy)]
struct BoundSession {
    key: Key,
    /// When the session last sent a check, or media, from there. Media counts only while several sessions share the address.
    alive: Instant,
}

/// The sessions that a datagram may belong to: nearly always one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionsAtAddress {
    keys: [Key; MAX_SESSIONS_PER_ADDRESS],
    len: usize,
}

impl SessionsAtAddress {
    /// The sessions, the one that was heard last first.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys[..self.len]
    }

    fn of(sharers: &[BoundSession]) -> Self {
        let mut keys = [Key(0); MAX_SESSIONS_PER_ADDRESS];
        for (key, sharer) in keys.iter_mut().zip(sharers) {
            *key = sharer.key;
        }
        Self { keys, len: sharers.len().min(MAX_SESSIONS_PER_ADDRESS) }
    }
}

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// An ICE check for a session.
    Check(Key, Check),
    /// DTLS, RTP or RTCP from an address that passed a check.
    Sessions(SessionsAtAddress),
    /// An ICE check for a session of another worker or node.
    Elsewhere,
    /// Nobody knows it. Never answered.
    Unknown,
}

/// The maps of one shard.
#[derive(Debug)]
pub(crate) struct Demux {
    owner: Owner,
    ufrags: HashMap<Ufrag, Key>,
    addresses: FastMap<SocketAddr, Vec<BoundSession>>,
}

impl Demux {
    pub(crate) fn new(owner: Owner) -> Self {
        Self { owner, ufrags: HashMap::new(), addresses: FastMap::default() }
    }

    pub(crate) fn knows(&self, ufrag: &Ufrag) -> bool {
        self.ufrags.contains_key(ufrag)
    }

    pub(crate) fn add(&mut self, ufrag: Ufrag, key: Key) {
        self.ufrags.insert(ufrag, key);
    }

    /// Forgets a session and its addresses.
    pub(crate) fn remove(&mut self, ufrag: &Ufrag, key: Key, addresses: impl Iterator<Item = SocketAddr>) {
        self.ufrags.remove(ufrag);
        for address in addresses {
            self.unbind(address, key);
        }
    }

    /// Finds the session of a datagram. ICE checks are found by the ufrag that they name, everything else by an
    /// address that passed a check before.
    pub(crate) fn find(&self, source: SocketAddr, contents: &[u8]) -> Destination {
        match kind(contents) {
            Kind::Stun => {
                let Some(check) = check::read(contents) else { return Destination::Unknown };
                match self.ufrags.get(&check.ufrag) {
                    Some(&key) => Destination::Check(key, check),
                    None if check.ufrag.owner().is_some_and(|o| o != self.owner) => Destination::Elsewhere,
                    None => Destination::Unknown,
                }
            }
            Kind::Dtls | Kind::Rtp => {
                let found = self.addresses.get(&source);
                found.map_or(Destination::Unknown, |s| Destination::Sessions(SessionsAtAddress::of(s)))
            }
            Kind::Other => Destination::Unknown,
        }
    }

    /// An ICE check from `source` proved the session's password.
    pub(crate) fn bind(&mut self, source: SocketAddr, key: Key, now: Instant) {
        let sharers = self.addresses.entry(source).or_default();
        match sharers.iter_mut().find(|s| s.key == key) {
            Some(s) => s.alive = now,
            None => {
                if sharers.len() >= MAX_SESSIONS_PER_ADDRESS
                    && let Some(stale) = (0..sharers.len()).min_by_key(|&i| sharers[i].alive)
                {
                    sharers.remove(stale);
                }
                sharers.push(BoundSession { key, alive: now });
            }
        }
    }

    /// The session is not at this address any more.
    pub(crate) fn unbind(&mut self, address: SocketAddr, key: Key) {
        if let Some(sharers) = self.addresses.get_mut(&address) {
            sharers.retain(|s| s.key != key);
            if sharers.is_empty() {
                self.addresses.remove(&address);
            }
        }
    }

    /// Of the sessions that share an address, this one's keys opened what came.
    pub(crate) fn heard(&mut self, source: SocketAddr, key: Key, now: Instant) {
        if let Some(sharers) = self.addresses.get_mut(&source)
            && let Some(at) = sharers.iter().position(|s| s.key == key)
        {
            sharers[at].alive = now;
            sharers.swap(0, at);
        }
    }

    pub(crate) fn knows_address(&self, source: SocketAddr) -> bool {
        self.addresses.contains_key(&source)
    }

    /// Entries held, for tests and metrics.
    pub(crate) fn len(&self) -> usize {
        self.ufrags.len() + self.addresses.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tring_testkit::stun::check_for;

    const OWNER: Owner = Owner { node: 1, worker: 0 };

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn keys(d: &Demux, port: u16) -> Vec<u32> {
        match d.find(address(port), &[128; 40]) {
            Destination::Sessions(s) => s.keys().iter().map(|k| k.0).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn media_is_found_only_from_an_address_that_passed_a_check() {
        let mut d = Demux::new(OWNER);
        let (ufrag, key, now) = (Ufrag::new(OWNER, [1; 10]), Key(4), Instant::now());
        d.add(ufrag, key);
        assert!(
            matches!(d.find(address(1), &check_for(ufrag.as_str())), Destination::Check(k, _) if k == key)
        );
        assert_eq!(d.find(address(1), &[128; 40]), Destination::Unknown);
        assert_eq!(d.find(address(1), &[22; 40]), Destination::Unknown, "DTLS before a check");
        d.bind(address(1), key, now);
        assert_eq!(keys(&d, 1), [4]);
        assert_eq!(d.find(address(2), &[128; 40]), Destination::Unknown);
        d.remove(&ufrag, key, [address(1)].into_iter());
        assert_eq!(d.len(), 0);
    }

    #[test]
    fn a_check_for_another_worker_is_told_apart_from_garbage() {
        let d = Demux::new(OWNER);
        let named = |owner| check_for(Ufrag::new(owner, [1; 10]).as_str());
        assert_eq!(d.find(address(1), &named(Owner { node: 1, worker: 9 })), Destination::Elsewhere);
        assert_eq!(d.find(address(1), &named(OWNER)), Destination::Unknown);
        assert_eq!(d.find(address(1), &[0, 1, 2]), Destination::Unknown);
        assert_eq!(d.find(address(1), &[]), Destination::Unknown);
    }

    #[test]
    fn an_address_that_two_sessions_bring_is_taken_from_neither() {
        let (mut d, now) = (Demux::new(OWNER), Instant::now());
        d.bind(address(1), Key(1), now);
        d.bind(address(1), Key(2), now);
        assert_eq!(keys(&d, 1), [1, 2]);
        d.heard(address(1), Key(2), now);
        assert_eq!(keys(&d, 1), [2, 1], "the one that was heard last first");
        d.unbind(address(1), Key(2));
        assert_eq!(keys(&d, 1), [1]);
    }

    #[test]
    fn of_too_many_sharers_the_one_that_was_silent_longest_goes() {
        let (mut d, now) = (Demux::new(OWNER), Instant::now());
        let later = |ms| now + Duration::from_millis(ms);
        d.bind(address(1), Key(0), now);
        for i in 1..4u32 {
            d.bind(address(1), Key(i), later(10));
        }
        d.heard(address(1), Key(0), later(20));
        d.bind(address(1), Key(9), later(30));
        assert_eq!(keys(&d, 1).len(), MAX_SESSIONS_PER_ADDRESS);
        assert!(keys(&d, 1).contains(&0) && keys(&d, 1).contains(&9));
    }
}
