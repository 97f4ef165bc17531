//! Places for RTMP connections: how many there are, how many of them one address may hold, and who goes when there is no
//! free one. Strangers, whose ticket was not seen yet, make room for newcomers; nobody else does.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tring_media::ConnectionId;

/// The places of all workers. Cheap to clone. Taken for a connection that comes, shows its ticket or goes, never for
/// what it sends.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimit {
    most: usize,
    of_address: usize,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    held: usize,
    addresses: HashMap<IpAddr, Holder>,
    /// Every address that has strangers: the last one has most of them, and among equals the oldest.
    crowds: BTreeSet<(usize, Reverse<ConnectionId>, IpAddr)>,
}

/// What one address holds.
#[derive(Debug, Default)]
struct Holder {
    held: usize,
    /// In the order in which they came.
    strangers: BTreeSet<ConnectionId>,
}

/// One connection's place, for as long as it lives. It goes with the connection from worker to worker.
#[derive(Debug)]
pub(crate) struct Permit {
    limit: ConnectionLimit,
    of: IpAddr,
    conn: ConnectionId,
    is_stranger: bool,
}

impl ConnectionLimit {
    /// `most` places, and at most `of_address` for each address.
    pub(crate) fn new(most: usize, of_address: usize) -> Self {
        Self { most: most.max(1), of_address: of_address.max(1), table: Arc::default() }
    }

    /// Takes a place for a stranger; ids rise in the order in which connections come. The second of what it gives is the
    /// stranger that has lost its place for it: close it. That is the oldest one of the same address if the address has its
    /// share, and else, if all places are held, the oldest one of the address with most strangers. None: there is no
    /// stranger to go.
    ///
    /// This machine's own address has no share: a proxy on it speaks for everybody.
    pub(crate) fn enter(&self, from: IpAddr, conn: ConnectionId) -> Option<(Permit, Option<ConnectionId>)> {
        let of = holder(from);
        let mut table = self.table();
        let has_share =
            !of.is_loopback() && table.addresses.get(&of).is_some_and(|h| h.held >= self.of_address);
        let crowd = if has_share {
            Some(of)
        } else if table.held >= self.most {
            Some(table.crowds.last()?.2)
        } else {
            None
        };
        let gone = match crowd {
            Some(of) => Some(table.evict(of)?),
            None => None,
        };
        table.change(of, |h| {
            h.held += 1;
            h.strangers.insert(conn);
        });
        table.held += 1;
        Some((Permit { limit: self.clone(), of, conn, is_stranger: true }, gone))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that holds the lock can panic halfway.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Changes what an address holds, and where it stands among the others.
    fn change(&mut self, of: IpAddr, act: impl FnOnce(&mut Holder)) {
        let holder = self.addresses.entry(of).or_default();
        let before = rank(holder, of);
        act(holder);
        let after = rank(holder, of);
        if holder.held == 0 {
            self.addresses.remove(&of);
        }
        before.map(|rank| self.crowds.remove(&rank));
        self.crowds.extend(after);
    }

    /// Takes the place of the oldest stranger of an address.
    fn evict(&mut self, of: IpAddr) -> Option<ConnectionId> {
        let oldest = *self.addresses.get(&of)?.strangers.first()?;
        self.leave(of, oldest);
        Some(oldest)
    }

    /// A stranger's place is free, if it was not already.
    fn leave(&mut self, of: IpAddr, conn: ConnectionId) {
        let mut held = false;
        self.change(of, |h| {
            held = h.strangers.remove(&conn);
            h.held -= usize::from(held);
        });
        self.held -= usize::from(held);
    }
}

fn rank(holder: &Holder, of: IpAddr) -> Option<(usize, Reverse<ConnectionId>, IpAddr)> {
    Some((holder.strangers.len(), Reverse(*holder.strangers.first()?), of))
}

impl Permit {
    /// The ticket of its connection was not seen yet.
    pub(crate) fn is_stranger(&self) -> bool {
        self.is_stranger
    }

    /// Its connection has shown its ticket: the place is safe from now on. `false`: it was lost before, close the
    /// connection.
    pub(crate) fn keep(&mut self) -> bool {
        if !self.is_stranger {
            return true;
        }
        let mut kept = false;
        self.limit.table().change(self.of, |h| kept = h.strangers.remove(&self.conn));
        self.is_stranger = !kept;
        kept
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut table = self.limit.table();
        if self.is_stranger {
            return table.leave(self.of, self.conn);
        }
        table.change(self.of, |h| h.held -= 1);
        table.held -= 1;
    }
}

/// Who stands behind an address: an IPv6 network of 64 bits is what one customer of a provider gets.
fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        limit: ConnectionLimit,
        next: u64,
        permits: HashMap<u64, Permit>,
    }

    impl World {
        fn new(most: usize, of_address: usize) -> Self {
            Self { limit: ConnectionLimit::new(most, of_address), next: 0, permits: HashMap::new() }
        }

        /// Comes from an address: its number and who went for it.
        fn enter(&mut self, from: &str) -> Option<(u64, Option<u64>)> {
            self.next += 1;
            let (permit, gone) = self.limit.enter(from.parse().unwrap(), ConnectionId(self.next))?;
            self.permits.insert(self.next, permit);
            Some((self.next, gone.map(|c| c.0)))
        }

        fn keep(&mut self, number: u64) -> bool {
            self.permits.get_mut(&number).unwrap().keep()
        }

        fn held(&self) -> (usize, usize) {
            let table = self.limit.table();
            (table.held, table.addresses.len())
        }
    }

    #[test]
    fn at_its_share_an_address_loses_its_own_oldest_stranger_and_nobody_elses() {
        let mut w = World::new(100, 2);
        for (from, expected) in [
            ("192.0.2.1", (1, None)),
            ("192.0.2.2", (2, None)),
            ("::ffff:192.0.2.1", (3, None)),
            ("192.0.2.1", (4, Some(1))),
            ("192.0.2.1", (5, Some(3))),
        ] {
            assert_eq!(w.enter(from), Some(expected));
        }
        assert!(w.keep(4) && w.keep(5));
        assert_eq!(w.enter("192.0.2.1"), None, "its share is held by those who have tickets");
        assert_eq!(w.enter("192.0.2.3"), Some((7, None)));
        w.permits.remove(&4);
        assert_eq!(w.enter("192.0.2.1"), Some((8, None)));
    }

    #[test]
    fn when_all_places_are_held_the_oldest_stranger_of_the_fullest_address_goes() {
        let mut w = World::new(5, 5);
        w.enter("192.0.2.1");
        for _ in 0..3 {
            w.enter("192.0.2.2");
        }
        w.enter("192.0.2.3");
        assert_eq!(w.enter("192.0.2.4"), Some((6, Some(2))));
        assert_eq!(w.enter("192.0.2.4"), Some((7, Some(3))), "two and two: the older one");
        assert!(w.keep(6) && w.keep(7));
        assert_eq!(w.enter("192.0.2.5"), Some((8, Some(1))), "one each: the oldest of all");
        assert!(!w.keep(2), "it has lost its place");
        for number in [4, 5, 8] {
            assert!(w.keep(number));
        }
        assert_eq!(w.enter("192.0.2.6"), None, "nobody with a ticket goes");
        w.permits.clear();
        assert_eq!(w.held(), (0, 0), "nothing is kept of those who left");
        assert!(w.limit.table().crowds.is_empty());
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one_address_and_this_machine_has_no_share() {
        let mut w = World::new(10, 1);
        assert_eq!(w.enter("2001:db8:1:2::1"), Some((1, None)));
        assert_eq!(w.enter("2001:db8:1:2:ffff::2"), Some((2, Some(1))));
        assert_eq!(w.enter("2001:db8:1:3::1"), Some((3, None)));
        for number in 4..=11 {
            let from = if number % 2 == 0 { "127.0.0.1" } else { "::1" };
            assert_eq!(w.enter(from), Some((number, None)));
        }
        assert_eq!(w.enter("192.0.2.1"), Some((12, Some(4))), "but it has no more than all places");
    }
}
