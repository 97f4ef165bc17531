//! ICE checks as they come from the network: read cheaply, and held against bounds before the ICE agent sees them.
//!
//! The agent keeps a candidate for every address that an accepted check came from, for the life of the session, and STUN
//! has nothing against repetition: a check is valid from whatever address it is sent again.

use crate::ice::ufrag::{Kind, Owner, Ufrag, kind};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;
use tring_limits::{Bucket, Rate};

/// Most attributes of a STUN message that are looked at. A browser's check has about eight.
const MAX_STUN_ATTRIBUTES: usize = 24;

/// New source addresses of one session: so many at once, so many in the long run. A browser behind a symmetric
/// translation has one for each pair of its interfaces and our candidates; afterwards each change of network brings one
/// or two. Higher: a user who changes port with every datagram costs more. Lower: a restless network is cut off.
const NEW_SOURCES: Rate = Rate { burst: 32.0, per_second: 0.1 };

/// Source addresses of one session in its whole life; about 300 bytes and a step of a search each. Higher: memory and
/// time under a user who changes its port all the time. Lower: a call of days in a train is cut.
const MAX_SOURCES: u32 = 512;

/// Accepted checks that are remembered, to know one that is sent again from elsewhere. Higher: an older recording is
/// known. Lower: memory; each takes about 48 bytes.
const REMEMBERED: usize = 32;

/// A STUN transaction id (RFC 8489 §5): fresh and random for each request.
pub(crate) type Transaction = [u8; 12];

/// A STUN Binding request, as far as it is read before the ICE agent has authenticated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    /// Our side of USERNAME (RFC 8445 §7.2.2: `theirs-to-us` is `local:remote`).
    pub(crate) ufrag: Ufrag,
    pub(crate) transaction: Transaction,
    /// It has USE-CANDIDATE: the peer has chosen this way.
    pub(crate) nominates: bool,
}

/// Reads an ICE check. Nothing is authenticated here; that is the ICE agent's work.
pub(crate) fn read(datagram: &[u8]) -> Option<Check> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const USERNAME: u16 = 0x0006;
    const USE_CANDIDATE: u16 = 0x0025;
    const MESSAGE_INTEGRITY: u16 = 0x0008;
    let (header, mut rest) = datagram.split_at_checked(20)?;
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    let transaction: Transaction = header[8..].try_into().ok()?;
    let (mut ufrag, mut nominates) = (None, false);
    for _ in 0..MAX_STUN_ATTRIBUTES {
        let Some((head, body)) = rest.split_at_checked(4) else { break };
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let Some(value) = body.get(..len) else { break };
        match u16::from_be_bytes([head[0], head[1]]) {
            USERNAME => ufrag = Ufrag::parse(value.split(|&b| b == b':').next()?),
            USE_CANDIDATE => nominates = true,
            // What follows is not covered by the password: anybody can append it (RFC 8489 §14.5).
            MESSAGE_INTEGRITY => break,
            _ => {}
        }
        let Some(next) = body.get(len.next_multiple_of(4)..) else { break };
        rest = next;
    }
    Some(Check { ufrag: ufrag?, transaction, nominates })
}

/// Which worker a datagram belongs to, if it is an ICE check for a session of this server's making. For the shell, to
/// hand a misplaced one to its owner.
pub fn owner_of(datagram: &[u8]) -> Option<Owner> {
    match kind(datagram) {
        Kind::Stun => read(datagram)?.ufrag.owner(),
        _ => None,
    }
}

/// What one session remembers of its checks.
#[derive(Debug)]
pub(crate) struct Checks {
    /// Accepted ones, the oldest first.
    recent: VecDeque<(Transaction, SocketAddr)>,
    new_sources: Bucket,
    sources: u32,
}

impl Checks {
    pub(crate) fn new(now: Instant) -> Self {
        Self { recent: VecDeque::new(), new_sources: Bucket::full(NEW_SOURCES, now), sources: 0 }
    }

    /// The ICE agent may see this check. `known`: the source is an address of the session already, and then its checks
    /// are always answered, or somebody on the way who is faster with a copy could end the peer's consent. What is not
    /// authenticated uses nothing up, so a stranger cannot lock the peer out.
    pub(crate) fn admits(&mut self, check: &Check, source: SocketAddr, known: bool, now: Instant) -> bool {
        let repeated = self.recent.iter().any(|(t, s)| *t == check.transaction && *s != source);
        known || (!repeated && self.sources < MAX_SOURCES && self.new_sources.has(1.0, NEW_SOURCES, now))
    }

    /// The ICE agent has accepted it: it proved the password.
    pub(crate) fn accepted(&mut self, check: &Check, source: SocketAddr, known: bool, now: Instant) {
        if !known {
            self.sources += 1;
            self.new_sources.take(NEW_SOURCES, now);
        }
        if self.recent.iter().any(|(t, _)| *t == check.transaction) {
            return;
        }
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((check.transaction, source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tring_testkit::stun::check_for;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn check(n: u8) -> Check {
        Check {
            ufrag: Ufrag::new(Owner { node: 1, worker: 0 }, [1; 10]),
            transaction: [n; 12],
            nominates: false,
        }
    }

    #[test]
    fn foreign_and_cut_checks_name_nobody() {
        assert_eq!(owner_of(b""), None);
        let mut check = check_for("000102abcdefghij");
        assert_eq!(owner_of(&check), Some(Owner { node: 1, worker: 2 }));
        for cut in 0..check.len() {
            assert_eq!(owner_of(&check[..cut]), None, "cut at {cut}");
        }
        check[24] = b'+';
        assert_eq!(owner_of(&check), None);
    }

    #[test]
    fn a_nomination_counts_only_under_the_password() {
        let (plain, nomination, integrity) =
            (check_for("000102abcdefghij"), [0, 0x25, 0, 0], [&[0, 8, 0, 20][..], &[5; 20]].concat());
        let nominates = |parts: &[&[u8]]| read(&parts.concat()).unwrap().nominates;
        assert!(!nominates(&[&plain, &integrity]));
        assert!(nominates(&[&plain, &nomination, &integrity]));
        assert!(!nominates(&[&plain, &integrity, &nomination]), "appended by a stranger");
    }

    #[test]
    fn new_sources_are_bounded_at_once_and_for_life_and_known_ones_are_not() {
        let start = Instant::now();
        let mut checks = Checks::new(start);
        let mut accepted = 0;
        for i in 0..1_000u16 {
            let c = Check {
                transaction: [&i.to_be_bytes()[..], &[0; 10]].concat().try_into().unwrap(),
                ..check(0)
            };
            if checks.admits(&c, address(i), false, start) {
                checks.accepted(&c, address(i), false, start);
                accepted += 1;
            }
        }
        assert_eq!(accepted, 32);
        assert!(checks.admits(&check(200), address(1), true, start), "a known address goes on");
        let later = start + Duration::from_secs(10);
        assert!(checks.admits(&check(201), address(7_000), false, later));
        for i in 0..2_000u32 {
            let at = later + Duration::from_secs(10) * i;
            if checks.admits(&check(202), address(7_001), false, at) {
                checks.accepted(&check(202), address(7_001), false, at);
                accepted += 1;
            }
        }
        assert_eq!(accepted, MAX_SOURCES);
    }

    #[test]
    fn checks_that_nobody_authenticated_use_nothing_up() {
        let now = Instant::now();
        let mut checks = Checks::new(now);
        assert!((0..1_000).all(|port| checks.admits(&check(1), address(port), false, now)));
    }

    #[test]
    fn a_check_sent_again_brings_no_new_address() {
        let now = Instant::now();
        let mut checks = Checks::new(now);
        checks.accepted(&check(1), address(1), false, now);
        assert!(checks.admits(&check(1), address(1), true, now), "a retransmission");
        assert!(!checks.admits(&check(1), address(2), false, now));
        assert!(checks.admits(&check(1), address(3), true, now), "an address of the peer's");
        assert!(checks.admits(&check(2), address(2), false, now));
    }
}
