//! Datagrams that reach another worker's port than that of their session: a load balancer that knows one port only, a
//! translation that maps them all to one. An ICE check names its owner and is handed to it; what follows from that
//! address is handed on too, once the owner has accepted a check from there. The owner's replies leave through the port
//! that was reached, or the client would not take them.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use tring_media::{Datagram, Owner, owner_of};

/// Most addresses remembered; the one whose last accepted check is the oldest goes. Higher: more clients behind such ports
/// at a time. Lower: less memory when users with sessions of their own fake addresses.
const MAX_REMEMBERED: usize = 4_096;

/// Most workers that one source address is handed to. A user can send a check for a session of its own from somebody else's
/// address, so what comes from there goes to all workers that accepted one; only one has the keys that open it. Higher: more
/// copies of such datagrams. Lower: fewer liars suffice to push the true owner out, until its next check.
const MAX_OWNERS: usize = 4;

/// What one worker hands to another.
#[derive(Debug)]
pub(crate) enum Handover {
    /// A datagram that reached the port of worker `at`.
    Datagram { source: SocketAddr, local: IpAddr, contents: Vec<u8>, at: usize },
    /// `owner` has accepted a check from `source` that reached this worker's port.
    Accepted { source: SocketAddr, owner: usize },
}

/// Where a datagram belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// This worker, as nearly always.
    Here,
    /// A check for a session of that worker.
    There(usize),
    /// Others know the source address; so may this worker's shard.
    Known(Owners),
}

/// The owners of an address, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owners {
    workers: [usize; MAX_OWNERS],
    len: usize,
}

impl Owners {
    pub(crate) fn each(&self) -> &[usize] {
        &self.workers[..self.len]
    }

    fn put_first(&mut self, worker: usize) {
        let at = self.each().iter().position(|&w| w == worker).unwrap_or(self.len.min(MAX_OWNERS - 1));
        self.len = self.len.max(at + 1);
        self.workers[..=at].rotate_right(1);
        self.workers[0] = worker;
    }
}

/// What one worker knows of misrouted datagrams at its port.
pub(crate) struct Misrouted {
    own: Owner,
    workers: usize,
    owners: HashMap<SocketAddr, (Owners, u64)>,
    by_age: BTreeMap<u64, SocketAddr>,
    accepted: u64,
}

impl Misrouted {
    pub(crate) fn new(own: Owner, workers: usize) -> Self {
        Self { own, workers, owners: HashMap::new(), by_age: BTreeMap::new(), accepted: 0 }
    }

    /// Where a datagram at our port belongs. Nothing is remembered: anybody can send one.
    pub(crate) fn place(&self, d: &Datagram<'_>) -> Place {
        if let Some(owner) = owner_of(d.contents) {
            let worker = usize::from(owner.worker);
            let another = owner != self.own && owner.node == self.own.node && worker < self.workers;
            return if another { Place::There(worker) } else { Place::Here };
        }
        // Nearly always empty, so this costs nothing for a packet that is where it belongs.
        if self.owners.is_empty() {
            return Place::Here;
        }
        self.owners.get(&d.source).map_or(Place::Here, |(owners, _)| Place::Known(*owners))
    }

    /// A worker has accepted a check from an address that reached our port.
    pub(crate) fn accepted(&mut self, source: SocketAddr, owner: usize) {
        if owner == usize::from(self.own.worker) || owner >= self.workers {
            return;
        }
        self.accepted += 1;
        let fresh = (Owners { workers: [0; MAX_OWNERS], len: 0 }, 0);
        let (owners, age) = self.owners.entry(source).or_insert(fresh);
        owners.put_first(owner);
        self.by_age.remove(age);
        *age = self.accepted;
        self.by_age.insert(self.accepted, source);
        if self.owners.len() > MAX_REMEMBERED
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.owners.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_for(owner: &str) -> Vec<u8> {
        tring_testkit::stun::check_for(&format!("{owner}abcdefghij"))
    }

    fn source(n: u32) -> SocketAddr {
        SocketAddr::new(IpAddr::from((0x0a00_0000 + n / 60_000).to_be_bytes()), (n % 60_000) as u16 + 1)
    }

    fn place(s: &Misrouted, n: u32, contents: &[u8]) -> Place {
        let destination = SocketAddr::from(([192, 0, 2, 9], 7700));
        s.place(&Datagram { source: source(n), destination, contents: &mut contents.to_vec() })
    }

    fn owners(s: &Misrouted, n: u32) -> Vec<usize> {
        match place(s, n, &[22; 50]) {
            Place::Known(o) => o.each().to_vec(),
            _ => Vec::new(),
        }
    }

    fn misrouted() -> Misrouted {
        Misrouted::new(Owner { node: 1, worker: 0 }, 9)
    }

    #[test]
    fn what_follows_goes_the_same_way_once_the_owner_has_accepted_a_check() {
        let mut s = misrouted();
        assert_eq!(place(&s, 5, &check_for("000103")), Place::There(3));
        assert_eq!(place(&s, 5, &[22; 50]), Place::Here, "anybody can send a check that names an owner");
        s.accepted(source(5), 3);
        assert_eq!(owners(&s, 5), [3]);
        assert_eq!(place(&s, 6, &[0x80; 50]), Place::Here);
    }

    #[test]
    fn own_foreign_and_impossible_owners_are_not_handed_on() {
        let mut s = misrouted();
        for named in ["000100", "000203", "000109"] {
            assert_eq!(place(&s, 5, &check_for(named)), Place::Here, "{named}");
        }
        s.accepted(source(5), 0);
        s.accepted(source(5), 9);
        assert!(owners(&s, 5).is_empty());
    }

    #[test]
    fn an_address_that_several_accepted_goes_to_all_and_to_no_more_than_a_few() {
        let mut s = misrouted();
        for owner in [1, 2, 1] {
            s.accepted(source(5), owner);
        }
        assert_eq!(owners(&s, 5), [1, 2]);
        for owner in 3..9 {
            s.accepted(source(5), owner);
        }
        assert_eq!(owners(&s, 5), [8, 7, 6, 5]);
    }

    #[test]
    fn when_there_are_too_many_the_oldest_is_forgotten_and_no_other() {
        let mut s = misrouted();
        for n in 0..MAX_REMEMBERED as u32 {
            s.accepted(source(n), 3);
        }
        s.accepted(source(0), 3);
        s.accepted(source(1_000_000), 3);
        assert_eq!((s.owners.len(), s.by_age.len()), (MAX_REMEMBERED, MAX_REMEMBERED));
        assert!(owners(&s, 1).is_empty(), "the oldest");
        assert_eq!((owners(&s, 0), owners(&s, 2), owners(&s, 1_000_000)), (vec![3], vec![3], vec![3]));
    }
}
