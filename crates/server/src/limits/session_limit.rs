//! How many sessions there may be, and of one address.
//!
//! A place belongs to a session, not to its socket: from the sign-in until the session ends, so that a client that comes
//! back to its session always finds one.

use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tring_limits::{IpPermit, IpQuota};

/// The places of all sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SessionLimit {
    places: Arc<Semaphore>,
    of_address: IpQuota,
}

/// The place of one session, for as long as it lives.
#[derive(Debug)]
pub(crate) struct SessionPermit {
    _place: OwnedSemaphorePermit,
    ip_permit: IpPermit,
}

impl SessionLimit {
    /// `all` sessions, of which one address may have `share`.
    pub(crate) fn new(all: usize, share: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(all)), of_address: IpQuota::new(share) }
    }

    /// The place of a session that begins.
    ///
    /// # Errors
    /// Which limit is reached, for the log; the client is told that the server is overloaded.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<SessionPermit, &'static str> {
        let ip_permit =
            self.ip_permit(address).ok_or("this address has its share of them (limits.address_share)")?;
        let place = self.places.clone().try_acquire_owned();
        Ok(SessionPermit { _place: place.map_err(|_| "there are limits.max_sockets of them")?, ip_permit })
    }

    /// Room in the quota of an address, for a session that moves to it. None: there is none.
    pub(crate) fn ip_permit(&self, address: IpAddr) -> Option<IpPermit> {
        self.of_address.enter(address)
    }
}

impl SessionPermit {
    /// The session has moved to another address. If that has its share already, the session goes on counting where it was:
    /// it must not be lost.
    pub(crate) fn moves(&mut self, ip_permit: Option<IpPermit>) {
        if let Some(ip_permit) = ip_permit {
            self.ip_permit = ip_permit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_session_counts_at_the_address_where_it_is() {
        let limit = SessionLimit::new(3, 1);
        let mut session = limit.enter(OFFICE).unwrap();
        assert!(limit.enter(OFFICE).is_err());
        session.moves(limit.ip_permit(HOME));
        let other = limit.enter(OFFICE).expect("it has left");
        assert!(limit.enter(HOME).is_err());
        session.moves(limit.ip_permit(OFFICE));
        drop(other);
        assert!(limit.enter(HOME).is_err(), "there was no room where it went, so it counts as before");
        assert!(limit.enter(OFFICE).is_ok());
        drop(session);
        assert!(limit.enter(HOME).is_ok());
    }

    #[test]
    fn a_place_is_free_again_when_its_session_ends() {
        let limit = SessionLimit::new(1, 1);
        let session = limit.enter(OFFICE).unwrap();
        assert!(limit.enter(HOME).is_err());
        drop(session);
        assert!(limit.enter(HOME).is_ok());
    }
}
