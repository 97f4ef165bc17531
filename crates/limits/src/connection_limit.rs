//! Who may hold one of a limited number of places, and who has to go when somebody else needs one.
//!
//! While there are free places everybody gets one, up to the share of an address. When there are none, a newcomer takes
//! the place of whoever makes least use of it: no address keeps places by doing nothing with them, and none keeps more
//! than its part while others have none.

use crate::holders::{Holders, Holding};
use crate::ip_quota::quota_key;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a place that is not made use of is kept even from newcomers who hold no fewer. Higher: slow links have longer
/// to say what they want while everybody comes at once. Lower: a crowd of addresses, each with a few silent connections,
/// makes way sooner.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What the holder of a place does with it. The first go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// It does not take what is sent to it.
    Stalled,
    /// It has asked for nothing.
    Idle,
    /// It is being served.
    Busy,
}

/// Names a place for as long as it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(u64);

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The address has its share, and makes use of it.
    Share,
    /// All places are made use of.
    All,
}

/// Who goes before whom at the same address: those of less use, then those that have been so for longer.
type Rank = (Activity, u64);

/// One place that is held.
struct Place<T> {
    /// The [`quota_key`] of the address that holds it.
    holder: IpAddr,
    rank: Rank,
    /// When the activity began.
    since: Instant,
    content: T,
}

/// The places of one address.
#[derive(Default)]
struct Places(BTreeMap<Rank, PlaceId>);

/// Who holds more makes way first.
impl Holding for Places {
    type Rank = usize;

    fn rank(&self) -> Option<usize> {
        Some(self.0.len()).filter(|count| *count > 0)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A limit on connections. `T` is whatever the caller keeps with a place, given back when the place is taken away.
pub struct ConnectionLimit<T> {
    capacity: usize,
    share: usize,
    held: HashMap<PlaceId, Place<T>>,
    holders: Holders<Places>,
    /// Numbers places and the changes of their activity.
    turn: u64,
}

impl<T> ConnectionLimit<T> {
    /// `capacity` places, of which one address may hold `share`. This machine's own address has no share, for a proxy on
    /// it speaks for everybody.
    pub fn new(capacity: usize, share: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            share: share.max(1),
            held: HashMap::new(),
            holders: Holders::default(),
            turn: 0,
        }
    }

    /// Takes a place, idle for now. With it comes what was kept with the place that had to be taken from somebody.
    ///
    /// # Errors
    /// [`Full`]: everybody who has a place makes use of it. Turn the newcomer away.
    pub fn enter(&mut self, address: IpAddr, content: T, now: Instant) -> Result<(PlaceId, Option<T>), Full> {
        let holder = quota_key(address);
        let own = self.holders.get(holder).map_or(0, |places| places.0.len());
        let share = if holder.is_loopback() { usize::MAX } else { self.share };
        let victim = if own >= share {
            Some(self.unused(holder, now).ok_or(Full::Share)?)
        } else if self.held.len() >= self.capacity {
            Some(self.least_of_use(holder, own, now).ok_or(Full::All)?)
        } else {
            None
        };
        let evicted = victim.and_then(|place| self.leave(place));
        self.turn += 1;
        let (place, rank) = (PlaceId(self.turn), (Activity::Idle, self.turn));
        self.held.insert(place, Place { holder, rank, since: now, content });
        self.holders.change(holder, |places| places.0.insert(rank, place));
        Ok((place, evicted))
    }

    /// What the holder of a place does from now on.
    pub fn set(&mut self, place: PlaceId, activity: Activity, now: Instant) {
        let Some(held) = self.held.get_mut(&place) else { return };
        if held.rank.0 == activity {
            return;
        }
        self.turn += 1;
        let (before, after) = (held.rank, (activity, self.turn));
        (held.rank, held.since) = (after, now);
        self.holders.change(held.holder, |places| {
            places.0.remove(&before);
            places.0.insert(after, place);
        });
    }

    /// Gives a place back. None: it was not held any more.
    pub fn leave(&mut self, place: PlaceId) -> Option<T> {
        let Place { holder, rank, content, .. } = self.held.remove(&place)?;
        self.holders.change(holder, |places| places.0.remove(&rank));
        Some(content)
    }

    /// The place that goes when there is none for `newcomer`, who holds `own`: one that is not made use of, of whoever has
    /// most; else one that has gone unused for long; else one of the newcomer's own; one that is served only when no
    /// other is left.
    fn least_of_use(&self, newcomer: IpAddr, own: usize, now: Instant) -> Option<PlaceId> {
        // Beyond the newcomer's own one: else the two would take a place from each other in turn. A proxy on this machine
        // has many for many, and is not the one that has too many; but it shares with itself.
        let spared = |holder: &IpAddr| holder.is_loopback() && !newcomer.is_loopback();
        let richer = || {
            let more = self.holders.ranked().take_while(|(count, _)| **count > own + 1);
            more.filter(|(_, holder)| !spared(holder)).filter_map(|(_, holder)| self.first_of(holder))
        };
        let of_use = |(activity, _): &(Activity, PlaceId)| *activity == Activity::Busy;
        let unused = || {
            let unused = self.holders.addresses().filter_map(|holder| self.unused(holder, now));
            unused.min_by_key(|place| self.held.get(place).map(|held| held.rank))
        };
        let idle = richer().find(|first| !of_use(first)).map(|(_, place)| place);
        let own_idle = || self.first_of(newcomer).filter(|first| !of_use(first)).map(|(_, place)| place);
        idle.or_else(unused).or_else(|| {
            let served = richer().next().map(|(_, place)| place);
            if served.is_some() || newcomer.is_loopback() { own_idle().or(served) } else { None }
        })
    }

    /// The place of this holder that goes first.
    fn first_of(&self, holder: IpAddr) -> Option<(Activity, PlaceId)> {
        let (&(activity, _), &place) = self.holders.get(holder)?.0.first_key_value()?;
        Some((activity, place))
    }

    /// The place of this holder that has gone unused for long enough to be taken from anybody.
    fn unused(&self, holder: IpAddr, now: Instant) -> Option<PlaceId> {
        let (activity, place) = self.first_of(holder)?;
        let since = self.held.get(&place)?.since;
        (activity != Activity::Busy && now.duration_since(since) >= PATIENCE).then_some(place)
    }
}

#[cfg(test)]
mod tests;
