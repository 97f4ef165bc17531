//! Places for connections that show a ticket: how many there are, how many of them one address may hold, and who goes when
//! there is no free one. Strangers, whose ticket was not seen yet, make room for newcomers; nobody else does.

use crate::holders::{Holders, Holding};
use crate::ip_quota::quota_key;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places. Cheap to clone: clones count together. Taken for a connection that comes, shows its ticket or goes, never
/// for what it sends. `Id` names connections, and rises in the order in which they come.
#[derive(Debug, Clone)]
pub struct TicketLimit<Id: Ord + Copy> {
    most: usize,
    of_address: usize,
    table: Arc<Mutex<Table<Id>>>,
}

#[derive(Debug)]
struct Table<Id: Ord + Copy> {
    held: usize,
    holders: Holders<Holder<Id>>,
}

/// What one address holds.
#[derive(Debug)]
struct Holder<Id> {
    held: usize,
    /// In the order in which they came.
    strangers: BTreeSet<Id>,
}

impl<Id> Default for Holder<Id> {
    fn default() -> Self {
        Self { held: 0, strangers: BTreeSet::new() }
    }
}

/// Who has most strangers makes way first, and among equals who has the oldest.
impl<Id: Ord + Copy> Holding for Holder<Id> {
    type Rank = (usize, Reverse<Id>);

    fn rank(&self) -> Option<Self::Rank> {
        Some((self.strangers.len(), Reverse(*self.strangers.first()?)))
    }

    fn is_empty(&self) -> bool {
        self.held == 0
    }
}

/// The place of one connection, for as long as it lives.
#[derive(Debug)]
pub struct TicketPermit<Id: Ord + Copy> {
    limit: TicketLimit<Id>,
    /// The [`quota_key`] of the connection's address.
    of: IpAddr,
    id: Id,
    is_stranger: bool,
}

impl<Id: Ord + Copy> TicketLimit<Id> {
    /// `most` places, and at most `of_address` for each address.
    pub fn new(most: usize, of_address: usize) -> Self {
        let table = Table { held: 0, holders: Holders::default() };
        Self { most: most.max(1), of_address: of_address.max(1), table: Arc::new(Mutex::new(table)) }
    }

    /// Takes a place for a stranger. The second of what it gives is the stranger that has lost its place for it: close
    /// it. That is the oldest one of the same address if the address has its share, and else, if all places are held,
    /// the oldest one of the address with most strangers. None: there is no stranger to go.
    ///
    /// This machine's own address has no share: a proxy on it speaks for everybody.
    pub fn enter(&self, from: IpAddr, id: Id) -> Option<(TicketPermit<Id>, Option<Id>)> {
        let of = quota_key(from);
        let mut table = self.table();
        let has_share = !of.is_loopback() && table.holders.get(of).is_some_and(|h| h.held >= self.of_address);
        let crowd = if has_share {
            Some(of)
        } else if table.held >= self.most {
            Some(table.holders.ranked().next()?.1)
        } else {
            None
        };
        let gone = match crowd {
            Some(of) => Some(table.evict(of)?),
            None => None,
        };
        table.holders.change(of, |h| {
            h.held += 1;
            h.strangers.insert(id);
        });
        table.held += 1;
        Some((TicketPermit { limit: self.clone(), of, id, is_stranger: true }, gone))
    }

    fn table(&self) -> MutexGuard<'_, Table<Id>> {
        // Nothing that holds the lock can panic halfway.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Id: Ord + Copy> Table<Id> {
    /// Takes the place of the oldest stranger of an address.
    fn evict(&mut self, of: IpAddr) -> Option<Id> {
        let oldest = *self.holders.get(of)?.strangers.first()?;
        self.leave(of, oldest);
        Some(oldest)
    }

    /// A stranger's place is free, if it was not already.
    fn leave(&mut self, of: IpAddr, id: Id) {
        let held = self.holders.change(of, |h| {
            let held = h.strangers.remove(&id);
            h.held -= usize::from(held);
            held
        });
        self.held -= usize::from(held);
    }
}

impl<Id: Ord + Copy> TicketPermit<Id> {
    /// The ticket of the connection was not seen yet.
    pub fn is_stranger(&self) -> bool {
        self.is_stranger
    }

    /// The connection has shown its ticket: the place is safe from now on. False: it was lost before, close the
    /// connection.
    pub fn keep(&mut self) -> bool {
        if !self.is_stranger {
            return true;
        }
        let kept = self.limit.table().holders.change(self.of, |h| h.strangers.remove(&self.id));
        self.is_stranger = !kept;
        kept
    }
}

impl<Id: Ord + Copy> Drop for TicketPermit<Id> {
    fn drop(&mut self) {
        let mut table = self.limit.table();
        if self.is_stranger {
            return table.leave(self.of, self.id);
        }
        table.holders.change(self.of, |h| h.held -= 1);
        table.held -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    struct World {
        limit: TicketLimit<u64>,
        next: u64,
        permits: HashMap<u64, TicketPermit<u64>>,
    }

    impl World {
        fn new(most: usize, of_address: usize) -> Self {
            Self { limit: TicketLimit::new(most, of_address), next: 0, permits: HashMap::new() }
        }

        /// Comes from an address: its number and who went for it.
        fn enter(&mut self, from: &str) -> Option<(u64, Option<u64>)> {
            self.next += 1;
            let (permit, gone) = self.limit.enter(from.parse().unwrap(), self.next)?;
            self.permits.insert(self.next, permit);
            Some((self.next, gone))
        }

        fn keep(&mut self, number: u64) -> bool {
            self.permits.get_mut(&number).unwrap().keep()
        }

        fn held(&self) -> (usize, usize) {
            let table = self.limit.table();
            (table.held, table.holders.counts().0)
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
        assert_eq!(w.limit.table().holders.counts(), (0, 0));
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
