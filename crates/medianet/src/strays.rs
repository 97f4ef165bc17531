//! Datagrams that reach another worker's port than that of their session: a load balancer that knows one port only, a
//! translation that maps them all to one. The first ICE check names its owner; what follows from that address is handed
//! on too, and the owner's replies leave through the port that was reached, or the client would not take them.

use std::collections::HashMap;
use std::net::SocketAddr;
use tring_media::{Datagram, Owner, owner_of};

/// Most addresses remembered in each direction. When full, all are forgotten: the next check of each brings it back.
/// Higher: more strays at a time. Lower: less memory under faked checks.
const MAX_REMEMBERED: usize = 4_096;

/// What one worker knows of strays.
pub(crate) struct Strays {
    own: Owner,
    workers: usize,
    /// Here, for another worker: address to owner.
    outward: HashMap<SocketAddr, usize>,
    /// Elsewhere, for us: address to the worker whose port was reached.
    inward: HashMap<SocketAddr, usize>,
}

impl Strays {
    pub(crate) fn new(own: Owner, workers: usize) -> Self {
        Self { own, workers, outward: HashMap::new(), inward: HashMap::new() }
    }

    /// The worker that a datagram must be handed to. `knows`: our own shard has this address.
    pub(crate) fn owner(&mut self, d: Datagram<'_>, knows: impl FnOnce() -> bool) -> Option<usize> {
        if let Some(owner) = owner_of(d.contents) {
            let worker = usize::from(owner.worker);
            if owner == self.own || owner.node != self.own.node || worker >= self.workers {
                return None;
            }
            remember(&mut self.outward, d.source, worker);
            return Some(worker);
        }
        // Nearly always empty, so this costs nothing for a packet that is where it belongs.
        if self.outward.is_empty() || knows() {
            return None;
        }
        self.outward.get(&d.source).copied()
    }

    /// A check from `source` was accepted, which reached the port of `worker` (`None`: our own).
    pub(crate) fn accepted(&mut self, source: SocketAddr, worker: Option<usize>) {
        match worker {
            Some(worker) => remember(&mut self.inward, source, worker),
            None => drop(self.inward.remove(&source)),
        }
    }

    /// Through whose port replies to an address leave, if not ours.
    pub(crate) fn via(&self, destination: SocketAddr) -> Option<usize> {
        if self.inward.is_empty() { None } else { self.inward.get(&destination).copied() }
    }
}

fn remember(map: &mut HashMap<SocketAddr, usize>, address: SocketAddr, worker: usize) {
    if map.len() >= MAX_REMEMBERED && !map.contains_key(&address) {
        map.clear();
    }
    map.insert(address, worker);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_for(owner: &str) -> Vec<u8> {
        let mut m = vec![0, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42];
        m.extend([7; 12]);
        m.extend([0, 6, 0, 20]);
        m.extend(format!("{owner}abcdefghij:abc").bytes());
        m
    }

    fn owner(s: &mut Strays, port: u16, contents: &[u8], knows: bool) -> Option<usize> {
        let source = SocketAddr::from(([192, 0, 2, 1], port));
        let destination = SocketAddr::from(([192, 0, 2, 9], 7700));
        s.owner(Datagram { source, destination, contents }, || knows)
    }

    #[test]
    fn what_follows_a_misplaced_check_goes_the_same_way() {
        let mut s = Strays::new(Owner { node: 1, worker: 0 }, 4);
        assert_eq!(owner(&mut s, 5, &[22; 50], false), None);
        assert_eq!(owner(&mut s, 5, &check_for("000103"), false), Some(3));
        assert_eq!(owner(&mut s, 5, &[22; 50], false), Some(3));
        assert_eq!(owner(&mut s, 5, &[0x80; 50], true), None, "an address of our own is never given away");
        assert_eq!(owner(&mut s, 6, &[0x80; 50], false), None);
    }

    #[test]
    fn own_foreign_and_impossible_owners_are_not_handed_on() {
        let mut s = Strays::new(Owner { node: 1, worker: 0 }, 4);
        for named in ["000100", "000203", "000109"] {
            assert_eq!(owner(&mut s, 5, &check_for(named), false), None, "{named}");
        }
    }

    #[test]
    fn a_flood_of_faked_checks_is_remembered_within_bounds() {
        let mut s = Strays::new(Owner { node: 1, worker: 0 }, 4);
        for port in 0..u16::MAX {
            owner(&mut s, port, &check_for("000103"), false);
        }
        assert!(s.outward.len() <= MAX_REMEMBERED);
    }
}
