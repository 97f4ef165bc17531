//! A limit on connections that their tasks share: who has lost a place is told, and the metrics count it. The rule of who
//! goes is [`tring_limits::ConnectionLimit`].

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tring_limits::{Activity, ConnectionLimit, Full, PlaceId};

/// A limit on connections. Cheap to clone: clones count together.
#[derive(Clone)]
pub(crate) struct SharedConnectionLimit {
    /// For the metrics.
    name: &'static str,
    places: Arc<Mutex<ConnectionLimit<oneshot::Sender<Evicted>>>>,
}

/// The clock of the runtime, which tests may hold.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// The place is somebody else's now.
#[derive(Debug)]
pub(crate) struct Evicted;

/// A place, for as long as it lives. By what is said of the connection it is judged when others need a place.
pub(crate) struct ConnectionPermit {
    limit: SharedConnectionLimit,
    place: PlaceId,
    answering: AtomicBool,
    stalled: AtomicBool,
    evicted: AtomicBool,
}

/// Tells when a place was taken away.
pub(crate) struct Eviction(Option<oneshot::Receiver<Evicted>>);

impl SharedConnectionLimit {
    /// `capacity` places, of which one address may hold `share`. This machine's own address has no share, for a proxy on it
    /// speaks for everybody. `name` is that of the places in the metrics.
    pub(crate) fn new(name: &'static str, capacity: usize, share: usize) -> Self {
        Self { name, places: Arc::new(Mutex::new(ConnectionLimit::new(capacity, share))) }
    }

    /// Takes a place, if need be from whoever makes least use of one.
    ///
    /// # Errors
    /// [`Full`]: everybody who has one makes use of it. Close the connection.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<(ConnectionPermit, Eviction), Full> {
        let (evict, eviction) = oneshot::channel();
        let entered = self.places().enter(address, evict, now());
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

    fn places(&self) -> MutexGuard<'_, ConnectionLimit<oneshot::Sender<Evicted>>> {
        // Nothing that holds the lock can panic halfway.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// Says that the connection is being served, or not any more.
    pub(crate) fn set_answering(&self, answering: bool) {
        self.answering.store(answering, Ordering::Relaxed);
        self.judge();
    }

    /// Says that the connection does not take what it is sent, or does so again.
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
        self.limit.places().set(self.place, activity, now());
    }

    /// The place is somebody else's: the connection is to end without ceremony.
    pub(crate) fn set_evicted(&self) {
        self.evicted.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::set_evicted`] was called.
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
mod tests {
    use super::*;

    fn ip(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[tokio::test]
    async fn a_connection_is_told_that_its_place_is_gone_and_only_then() {
        let limit = SharedConnectionLimit::new("test", 2, 2);
        let (first, mut gone) = limit.enter(ip(1)).unwrap();
        let waits = async |eviction: &mut Eviction| {
            tokio::select! {
                biased;
                () = eviction.happens() => false,
                () = std::future::ready(()) => true,
            }
        };
        assert!(waits(&mut gone).await);
        drop(first);
        assert!(waits(&mut gone).await && waits(&mut gone).await, "given back, not taken away");
        let (_second, mut second) = limit.enter(ip(1)).unwrap();
        let (_third, mut third) = limit.enter(ip(1)).unwrap();
        assert!(limit.enter(ip(1)).is_err());
        assert!(waits(&mut second).await);
        let _fourth = limit.enter(ip(2)).unwrap();
        assert!(!waits(&mut second).await);
        assert!(waits(&mut third).await);
    }
}
