//! Who may hold one of a limited number of places, and who has to go when somebody else needs one.
//!
//! While there are free places everybody gets one, up to the share of an address. When there are none, a newcomer takes
//! the place of whoever makes least use of it: no address keeps places by doing nothing with them, and none keeps more
//! than its part while others have none.

use crate::limits::ip_quota::holder;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long a place that is not made use of is kept even from newcomers who hold no fewer. Higher: slow links have longer
/// to say what they want while everybody comes at once. Lower: a crowd of addresses, each with a few silent connections,
/// makes way sooner.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the holder of a place does with it. The first go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Activity {
    /// It does not take what is sent to it.
    Stalled,
    /// It has asked for nothing.
    Idle,
    /// It is being served.
    Busy,
}

/// Names a place for as long as it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlaceId(u64);

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The address has its share, and makes use of it.
    Share,
    /// All places are made use of.
    All,
}

/// Who goes before whom at the same address: those of less use, then those that have been so for longer.
type Rank = (Activity, u64);

struct Held<T> {
    holder: IpAddr,
    rank: Rank,
    since: Instant,
    content: T,
}

/// The places. Pure: `T` is whatever the caller keeps with a place, given back when the place is taken away.
struct Places<T> {
    capacity: usize,
    share: usize,
    held: HashMap<PlaceId, Held<T>>,
    of_holder: HashMap<IpAddr, BTreeMap<Rank, PlaceId>>,
    /// The holders by how many places they have.
    by_count: BTreeSet<(usize, IpAddr)>,
    /// Numbers places and the changes of their activity.
    turn: u64,
}

impl<T> Places<T> {
    fn new(capacity: usize, share: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            share: share.max(1),
            held: HashMap::new(),
            of_holder: HashMap::new(),
            by_count: BTreeSet::new(),
            turn: 0,
        }
    }

    /// Takes a place, idle for now. With it comes what was kept with the place that had to be taken from somebody.
    fn enter(&mut self, address: IpAddr, content: T, now: Instant) -> Result<(PlaceId, Option<T>), Full> {
        let holder = holder(address);
        let own = self.of_holder.get(&holder).map_or(0, BTreeMap::len);
        // A proxy on this machine speaks for everybody.
        let share = if address.to_canonical().is_loopback() { usize::MAX } else { self.share };
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
        self.held.insert(place, Held { holder, rank, since: now, content });
        let places = self.of_holder.entry(holder).or_default();
        self.by_count.remove(&(places.len(), holder));
        places.insert(rank, place);
        self.by_count.insert((places.len(), holder));
        Ok((place, evicted))
    }

    /// What the holder of a place does from now on.
    fn set(&mut self, place: PlaceId, activity: Activity, now: Instant) {
        let Some(held) = self.held.get_mut(&place) else { return };
        if held.rank.0 == activity {
            return;
        }
        let Some(places) = self.of_holder.get_mut(&held.holder) else { return };
        places.remove(&held.rank);
        self.turn += 1;
        (held.rank, held.since) = ((activity, self.turn), now);
        places.insert(held.rank, place);
    }

    /// Gives a place back.
    fn leave(&mut self, place: PlaceId) -> Option<T> {
        let Held { holder, rank, content, .. } = self.held.remove(&place)?;
        if let Some(places) = self.of_holder.get_mut(&holder) {
            self.by_count.remove(&(places.len(), holder));
            places.remove(&rank);
            if places.is_empty() {
                self.of_holder.remove(&holder);
            } else {
                self.by_count.insert((places.len(), holder));
            }
        }
        Some(content)
    }

    /// The place that goes when there is none for `newcomer`, who holds `own`: one that is not made use of, of whoever has
    /// most; else one that has gone unused for long; else one of the newcomer's own; one that is served only when no
    /// other is left.
    fn least_of_use(&self, newcomer: IpAddr, own: usize, now: Instant) -> Option<PlaceId> {
        // Beyond the newcomer's own one: else the two would take a place from each other in turn. A proxy on this machine
        // has many for many, and is not the one that has too many; but it shares with itself.
        let spared = |holder: &IpAddr| is_local(*holder) && !is_local(newcomer);
        let richer = || {
            let more = self.by_count.iter().rev().take_while(|(count, _)| *count > own + 1);
            more.filter(|(_, holder)| !spared(holder)).filter_map(|(_, holder)| self.first_of(*holder))
        };
        let of_use = |(activity, _): &(Activity, PlaceId)| *activity == Activity::Busy;
        let unused = || {
            let unused = self.of_holder.keys().filter_map(|&holder| self.unused(holder, now));
            unused.min_by_key(|place| self.held.get(place).map(|held| held.rank))
        };
        let idle = richer().find(|first| !of_use(first)).map(|(_, place)| place);
        let own_idle = || self.first_of(newcomer).filter(|first| !of_use(first)).map(|(_, place)| place);
        idle.or_else(unused).or_else(|| {
            let served = richer().next().map(|(_, place)| place);
            if served.is_some() || is_local(newcomer) { own_idle().or(served) } else { None }
        })
    }

    /// The place of this holder that goes first.
    fn first_of(&self, holder: IpAddr) -> Option<(Activity, PlaceId)> {
        let (&(activity, _), &place) = self.of_holder.get(&holder)?.first_key_value()?;
        Some((activity, place))
    }

    /// The place of this holder that has gone unused for long enough to be taken from anybody.
    fn unused(&self, holder: IpAddr, now: Instant) -> Option<PlaceId> {
        let (activity, place) = self.first_of(holder)?;
        let since = self.held.get(&place)?.since;
        (activity != Activity::Busy && now.duration_since(since) >= PATIENCE).then_some(place)
    }
}

/// This machine's own address, as [`holder`] gives it: of IPv6 the network of `::1`.
fn is_local(holder: IpAddr) -> bool {
    holder.is_loopback() || holder.is_unspecified()
}

/// A limit on connections, shared by all that count against it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectionLimit {
    /// For the metrics.
    name: &'static str,
    places: Arc<Mutex<Places<oneshot::Sender<Evicted>>>>,
}

/// The place is somebody else's now.
#[derive(Debug)]
pub(crate) struct Evicted;

/// A place, for as long as it lives. By what is said of the connection it is judged when others need a place.
pub(crate) struct ConnectionPermit {
    limit: ConnectionLimit,
    place: PlaceId,
    answering: AtomicBool,
    stalled: AtomicBool,
    evicted: AtomicBool,
}

/// Tells when a place was taken away.
pub(crate) struct Eviction(Option<oneshot::Receiver<Evicted>>);

impl ConnectionLimit {
    /// `capacity` places, of which one address may hold `share`. This machine's own address has no share, for a proxy on it
    /// speaks for everybody. `name` is that of the places in the metrics.
    pub(crate) fn new(name: &'static str, capacity: usize, share: usize) -> Self {
        Self { name, places: Arc::new(Mutex::new(Places::new(capacity, share))) }
    }

    /// Takes a place, if need be from whoever makes least use of one. Errors: everybody who has one makes use of it.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<(ConnectionPermit, Eviction), Full> {
        let (evict, eviction) = oneshot::channel();
        let entered = self.places().enter(address, evict, Instant::now());
        let (place, evicted) = entered.inspect_err(|_| {
            metrics::counter!("tring_connections_refused_total", "places" => self.name).increment(1);
        })?;
        if let Some(evicted) = evicted {
            metrics::counter!("tring_connections_evicted_total", "places" => self.name).increment(1);
            // Whoever held it may be gone just now.
            let _ = evicted.send(Evicted);
        }
        let no = || AtomicBool::new(false);
        let permit =
            ConnectionPermit { limit: self.clone(), place, answering: no(), stalled: no(), evicted: no() };
        Ok((permit, Eviction(Some(eviction))))
    }

    fn places(&self) -> MutexGuard<'_, Places<oneshot::Sender<Evicted>>> {
        // Nothing that holds the lock can panic halfway.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// It is being served, or not any more.
    pub(crate) fn set_answering(&self, answering: bool) {
        self.answering.store(answering, Ordering::Relaxed);
        self.judge();
    }

    /// It does not take what it is sent, or does so again.
    pub(crate) fn set_stalled(&self, stalled: bool) {
        if self.stalled.swap(stalled, Ordering::Relaxed) != stalled {
            self.judge();
        }
    }

    fn judge(&self) {
        let activity = match (self.stalled.load(Ordering::Relaxed), self.answering.load(Ordering::Relaxed)) {
            (true, _) => Activity::Stalled,
            (false, true) => Activity::Busy,
            (false, false) => Activity::Idle,
        };
        self.limit.places().set(self.place, activity, Instant::now());
    }

    /// The place is somebody else's: the connection is to end without ceremony.
    pub(crate) fn set_evicted(&self) {
        self.evicted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Ordering::Relaxed)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limit.places().leave(self.place);
    }
}

impl Eviction {
    /// Waits until the place is taken away; for ever if it is given back.
    pub(crate) async fn happens(&mut self) {
        if let Some(eviction) = &mut self.0 {
            let evicted = eviction.await.is_ok();
            self.0 = None;
            if evicted {
                return;
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
