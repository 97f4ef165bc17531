//! From a datagram to its session: two maps, never a search.

use crate::ufrag::{self, Kind, Owner, Ufrag};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Longest datagram that is looked at, in bytes. Higher: jumbo frames. Lower: a forwarded packet could not carry what
/// browsers send (at most 1,200 to 1,460).
pub(crate) const MAX_DATAGRAM: usize = 1_500;

/// Most addresses bound to one session. A browser checks each of its interfaces against each of our candidates.
const MAX_ADDRESSES: usize = 8;

/// How long after its last ICE check a proven address stays its session's. Browsers check every 2.5 s or so.
const ADDRESS_HOLD: Duration = Duration::from_secs(10);

/// Index of a session in its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u32);

#[derive(Debug, Clone, Copy)]
struct Binding {
    key: Key,
    /// Keys or media that only the session's peer can have came from here: the peer really receives at this address.
    proven: bool,
    checked: Instant,
}

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    Session(Key),
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
    addresses: HashMap<SocketAddr, Binding>,
}

impl Demux {
    pub(crate) fn new(owner: Owner) -> Self {
        Self { owner, ufrags: HashMap::new(), addresses: HashMap::new() }
    }

    pub(crate) fn knows(&self, ufrag: &Ufrag) -> bool {
        self.ufrags.contains_key(ufrag)
    }

    pub(crate) fn add(&mut self, ufrag: Ufrag, key: Key) {
        self.ufrags.insert(ufrag, key);
    }

    /// Forgets a session and its addresses.
    pub(crate) fn remove(&mut self, ufrag: &Ufrag, key: Key, bound: &[SocketAddr]) {
        self.ufrags.remove(ufrag);
        for a in bound {
            if self.addresses.get(a).is_some_and(|b| b.key == key) {
                self.addresses.remove(a);
            }
        }
    }

    /// Finds the session of a datagram. ICE checks are found by the ufrag that they name, everything else by an
    /// address that passed a check before.
    pub(crate) fn find(&self, source: SocketAddr, contents: &[u8], now: Instant) -> Destination {
        match ufrag::kind(contents) {
            Kind::Stun => {
                let Some(named) = ufrag::named_in_check(contents) else { return Destination::Unknown };
                match self.ufrags.get(&named) {
                    Some(&key) if self.held_by_another(source, key, now) => Destination::Unknown,
                    Some(&key) => Destination::Session(key),
                    None if named.owner().is_some_and(|o| o != self.owner) => Destination::Elsewhere,
                    None => Destination::Unknown,
                }
            }
            Kind::Dtls | Kind::Rtp => {
                self.addresses.get(&source).map_or(Destination::Unknown, |b| Destination::Session(b.key))
            }
            Kind::Other => Destination::Unknown,
        }
    }

    /// A peer that can fake its source address must not take another's.
    fn held_by_another(&self, source: SocketAddr, key: Key, now: Instant) -> bool {
        let held =
            |b: &Binding| b.key != key && b.proven && now.saturating_duration_since(b.checked) < ADDRESS_HOLD;
        self.addresses.get(&source).is_some_and(held)
    }

    /// An ICE check from `source` proved the session's password. `bound` is the session's list of addresses.
    pub(crate) fn bind(&mut self, source: SocketAddr, key: Key, bound: &mut Vec<SocketAddr>, now: Instant) {
        let proven = self.addresses.get(&source).is_some_and(|b| b.key == key && b.proven);
        self.addresses.insert(source, Binding { key, proven, checked: now });
        if bound.contains(&source) {
            return;
        }
        if bound.len() >= MAX_ADDRESSES {
            let oldest = bound.remove(0);
            if self.addresses.get(&oldest).is_some_and(|b| b.key == key) {
                self.addresses.remove(&oldest);
            }
        }
        bound.push(source);
    }

    /// Something that only the session's peer can send came from `source`.
    pub(crate) fn prove(&mut self, source: SocketAddr, key: Key) {
        if let Some(b) = self.addresses.get_mut(&source)
            && b.key == key
        {
            b.proven = true;
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

    const OWNER: Owner = Owner { node: 1, worker: 0 };

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn check_for(ufrag: &Ufrag) -> Vec<u8> {
        let mut m = vec![0, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42];
        m.extend([7; 12]);
        m.extend([0, 6, 0, 20]);
        m.extend(ufrag.as_str().as_bytes());
        m.extend(b":abc");
        m
    }

    #[test]
    fn media_is_found_only_from_an_address_that_passed_a_check() {
        let mut d = Demux::new(OWNER);
        let (ufrag, key, now) = (Ufrag::new(OWNER, [1; 10]), Key(4), Instant::now());
        d.add(ufrag, key);
        assert_eq!(d.find(address(1), &check_for(&ufrag), now), Destination::Session(key));
        assert_eq!(d.find(address(1), &[128; 40], now), Destination::Unknown);
        assert_eq!(d.find(address(1), &[22; 40], now), Destination::Unknown, "DTLS before a check");
        let mut bound = Vec::new();
        d.bind(address(1), key, &mut bound, now);
        assert_eq!(d.find(address(1), &[128; 40], now), Destination::Session(key));
        assert_eq!(d.find(address(2), &[128; 40], now), Destination::Unknown);
        d.remove(&ufrag, key, &bound);
        assert_eq!(d.len(), 0);
    }

    #[test]
    fn a_check_for_another_worker_is_told_apart_from_garbage() {
        let d = Demux::new(OWNER);
        let now = Instant::now();
        let other = Ufrag::new(Owner { node: 1, worker: 9 }, [1; 10]);
        assert_eq!(d.find(address(1), &check_for(&other), now), Destination::Elsewhere);
        assert_eq!(d.find(address(1), &check_for(&Ufrag::new(OWNER, [1; 10])), now), Destination::Unknown);
        assert_eq!(d.find(address(1), &[0, 1, 2], now), Destination::Unknown);
        assert_eq!(d.find(address(1), &[], now), Destination::Unknown);
    }

    #[test]
    fn a_proven_address_is_not_taken_by_another_session_while_it_lives() {
        let mut d = Demux::new(OWNER);
        let now = Instant::now();
        let (mine, theirs) = (Ufrag::new(OWNER, [1; 10]), Ufrag::new(OWNER, [2; 10]));
        d.add(mine, Key(1));
        d.add(theirs, Key(2));
        let mut bound = Vec::new();
        d.bind(address(1), Key(1), &mut bound, now);
        assert_eq!(d.find(address(1), &check_for(&theirs), now), Destination::Session(Key(2)), "unproven");
        d.prove(address(1), Key(1));
        assert_eq!(d.find(address(1), &check_for(&theirs), now), Destination::Unknown);
        assert_eq!(d.find(address(1), &check_for(&theirs), now + ADDRESS_HOLD), Destination::Session(Key(2)));
    }

    #[test]
    fn a_session_keeps_a_bounded_number_of_addresses() {
        let mut d = Demux::new(OWNER);
        let mut bound = Vec::new();
        for port in 1..100 {
            d.bind(address(port), Key(1), &mut bound, Instant::now());
        }
        assert_eq!((bound.len(), d.len()), (MAX_ADDRESSES, MAX_ADDRESSES));
        assert_eq!(d.find(address(99), &[128; 40], Instant::now()), Destination::Session(Key(1)));
    }
}
