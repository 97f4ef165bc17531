//! Where a session's datagrams go. Pure: addresses and times in, an address out.
//!
//! An ICE-lite server sends no checks of its own, so it never learns by itself that an address has stopped to work, and
//! the ICE agent stays with the pair that was nominated first for as long as its last check is young (15 s). A phone whose
//! address translation changes its port would be deaf for that long. So the way is chosen here, from what the peer does:
//!
//! | the peer | then |
//! |---|---|
//! | passes its first check | its address is the way |
//! | sends DTLS from a checked address, before the handshake is done | that address is the way: an answer goes where the question came from |
//! | sends media that its keys open, from a checked address | that address is the way |
//! | nominates an address by a check, and no media has come from the present one for [`QUIET`] | that address is the way |
//!
//! A check alone cannot take a talking peer's media away, since a check can be recorded on the way and sent again from
//! elsewhere; media cannot (SRTP knows repetition). A peer that sends nothing is found by its checks, as ICE does.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Most addresses that one session is known by. A browser has one for each of its interfaces. Higher: memory. Lower: a
/// client that changes between more networks must check again.
pub(crate) const MAX_ADDRESSES: usize = 8;

/// After so long without media from the present address, a nominating check moves the way. Higher: a peer that only
/// listens is found later after its address changed. Lower: a repeated check of a peer that pauses moves its media.
pub(crate) const QUIET: Duration = Duration::from_secs(1);

/// After the way has moved, media from the address before moves it back only when so much time has passed: until then it
/// is taken for packets that were still under way, overtaken by newer ones. Higher: a peer that really goes back waits.
/// Lower: late packets make the way flap.
const SWITCH_BACK_AFTER: Duration = Duration::from_millis(150);

/// One way to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    /// The peer's address.
    pub(crate) peer: SocketAddr,
    /// Our address that it talks to.
    pub(crate) local: IpAddr,
    /// Our port that it talks to, as the shell numbers them.
    pub(crate) via: u8,
}

#[derive(Debug)]
struct Known {
    path: Path,
    checked: Instant,
    /// The last media that the session's keys opened.
    media: Option<Instant>,
}

/// The ways to one session's peer.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    known: Vec<Known>,
    /// The peer's address on the present way.
    current: Option<SocketAddr>,
    /// The address before, and when it was left.
    left: Option<(SocketAddr, Instant)>,
    connected: bool,
}

impl Paths {
    /// The present way.
    pub(crate) fn current(&self) -> Option<Path> {
        let peer = self.current?;
        self.known.iter().find(|k| k.path.peer == peer).map(|k| k.path)
    }

    /// An address passed a check before.
    pub(crate) fn knows(&self, peer: SocketAddr) -> bool {
        self.known.iter().any(|k| k.path.peer == peer)
    }

    /// The addresses that passed a check.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.known.iter().map(|k| k.path.peer)
    }

    /// A check from an address was accepted. Gives the address that had to go for it.
    pub(crate) fn checked(&mut self, path: Path, nominates: bool, now: Instant) -> Option<SocketAddr> {
        let quiet = self.media_age(now).is_none_or(|age| age >= QUIET);
        let present = self.current == Some(path.peer);
        let mut gone = None;
        match self.known.iter_mut().find(|k| k.path.peer == path.peer) {
            Some(k) => {
                k.checked = now;
                // One address of the peer may check several of ours; the one that is in use stays.
                if !present || (nominates && quiet) {
                    k.path = path;
                }
            }
            None => {
                if self.known.len() >= MAX_ADDRESSES {
                    gone = self.forget_oldest();
                }
                self.known.push(Known { path, checked: now, media: None });
            }
        }
        if self.current.is_none() || (nominates && quiet && !present) {
            self.go_to(path.peer, now);
        }
        gone
    }

    /// A DTLS record came; who sent it is not known yet.
    pub(crate) fn spoke(&mut self, path: Path, now: Instant) {
        if !self.connected
            && let Some(k) = self.known.iter_mut().find(|k| k.path.peer == path.peer)
        {
            k.path = path;
            if self.current != Some(path.peer) {
                self.go_to(path.peer, now);
            }
        }
    }

    /// The handshake is done: from now on only what is authenticated moves the way.
    pub(crate) fn connected(&mut self) {
        self.connected = true;
    }

    /// Media that the session's keys opened, and that had not come before.
    pub(crate) fn media(&mut self, path: Path, now: Instant) {
        let Some(k) = self.known.iter_mut().find(|k| k.path.peer == path.peer) else { return };
        k.media = Some(now);
        k.path = path;
        if self.current == Some(path.peer) {
            return;
        }
        let still_under_way = self.left.is_some_and(|(address, at)| {
            address == path.peer && now.saturating_duration_since(at) < SWITCH_BACK_AFTER
        });
        if !still_under_way {
            self.go_to(path.peer, now);
        }
    }

    fn go_to(&mut self, peer: SocketAddr, now: Instant) {
        self.left = self.current.map(|old| (old, now));
        self.current = Some(peer);
    }

    /// How old the last media of the present way is.
    fn media_age(&self, now: Instant) -> Option<Duration> {
        let peer = self.current?;
        let media = self.known.iter().find(|k| k.path.peer == peer)?.media?;
        Some(now.saturating_duration_since(media))
    }

    /// The one whose last check is the oldest goes, but never the present one.
    fn forget_oldest(&mut self) -> Option<SocketAddr> {
        let others = self.known.iter().enumerate().filter(|(_, k)| Some(k.path.peer) != self.current);
        let (index, _) = others.min_by_key(|(_, k)| k.checked)?;
        Some(self.known.swap_remove(index).path.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { peer: SocketAddr::from(([192, 0, 2, 1], port)), local: IpAddr::from([192, 0, 2, 9]), via: 0 }
    }

    fn port(p: &Paths) -> u16 {
        p.current().unwrap().peer.port()
    }

    /// Connected through port 1, with media from there at the given time.
    fn talking(now: Instant) -> Paths {
        let mut p = Paths::default();
        p.checked(path(1), true, now);
        p.connected();
        p.media(path(1), now);
        p
    }

    #[test]
    fn the_handshake_is_answered_where_it_comes_from_if_a_check_came_from_there() {
        let (mut p, now) = (Paths::default(), Instant::now());
        p.spoke(path(3), now);
        assert_eq!(p.current(), None);
        p.checked(path(1), false, now);
        p.checked(path(2), false, now);
        assert_eq!(port(&p), 1);
        p.spoke(path(2), now);
        p.spoke(path(3), now);
        assert_eq!(port(&p), 2);
        p.connected();
        p.spoke(path(1), now);
        assert_eq!(port(&p), 2, "a record proves nothing once there are keys");
    }

    #[test]
    fn media_from_a_checked_address_moves_the_way_at_once() {
        let now = Instant::now();
        let mut p = talking(now);
        p.media(path(2), now);
        assert_eq!(port(&p), 1, "no check has come from there");
        p.checked(path(2), false, now);
        assert_eq!(port(&p), 1);
        p.media(path(2), now);
        assert_eq!(port(&p), 2);
        p.media(path(1), now + SWITCH_BACK_AFTER / 2);
        assert_eq!(port(&p), 2, "an overtaken packet");
        p.media(path(1), now + SWITCH_BACK_AFTER);
        assert_eq!(port(&p), 1);
    }

    #[test]
    fn a_check_moves_the_way_of_a_peer_that_sends_nothing() {
        let now = Instant::now();
        let mut p = talking(now);
        p.checked(path(2), true, now + QUIET / 2);
        assert_eq!(port(&p), 1, "it talks");
        p.checked(path(2), false, now + QUIET);
        assert_eq!(port(&p), 1, "not nominated");
        p.checked(path(2), true, now + QUIET);
        assert_eq!(port(&p), 2);
        p.checked(path(1), true, now + QUIET);
        assert_eq!(port(&p), 1, "the newest nomination holds");
    }

    #[test]
    fn replies_leave_through_the_port_that_was_reached() {
        let now = Instant::now();
        let mut p = talking(now);
        let other = Path { via: 3, ..path(1) };
        p.checked(other, true, now);
        assert_eq!(
            p.current(),
            Some(path(1)),
            "a check at another of our ports, while media comes at this one"
        );
        p.media(other, now);
        assert_eq!(p.current(), Some(other));
    }

    #[test]
    fn addresses_are_bounded_and_the_one_that_carries_media_stays() {
        let now = Instant::now();
        let mut p = talking(now);
        let mut gone = Vec::new();
        for i in 2..40 {
            gone.extend(p.checked(path(i), true, now + Duration::from_millis(i.into())));
        }
        assert_eq!(p.addresses().count(), MAX_ADDRESSES);
        assert_eq!(port(&p), 1);
        assert!(p.knows(path(1).peer) && p.knows(path(39).peer) && !p.knows(path(2).peer));
        assert_eq!(gone.len(), 38 - (MAX_ADDRESSES - 1));
    }
}
