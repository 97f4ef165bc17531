//! What is kept of sessions that the server ended, so that a device which was out of reach then still hears why.
//!
//! Without it a phone that comes out of a tunnel would find its ticket void, sign in again by itself, and sign out the
//! very device for which it was signed out. Pure: no clock.

use crate::signalling::session::{Frame, Session, to_frame};
use crate::signalling::switchboard::TicketHash;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tring_protocol::{Event, EventMessage, KickReason, Timestamp, UserKey};

/// Ended sessions that are kept. Higher: more devices hear why, when many are signed out at once. Lower: less memory; an
/// entry is about a kilobyte, 50 at worst.
const KEPT: usize = 2048;

/// Of one user, so that nobody pushes out the others' by signing in over and over.
const KEPT_PER_USER: usize = 8;

#[derive(Debug)]
struct Tombstone {
    owner: UserKey,
    session: Session,
    reason: KickReason,
}

/// The sessions that were ended lately, by their tickets.
#[derive(Debug)]
pub(crate) struct Tombstones {
    keep: Duration,
    by_ticket: HashMap<TicketHash, Tombstone>,
    of_user: HashMap<UserKey, VecDeque<TicketHash>>,
    /// In the order in which they expire. May name some that are gone already.
    order: VecDeque<(Timestamp, TicketHash)>,
}

impl Tombstones {
    /// Keeps each for that long.
    pub(crate) fn new(keep: Duration) -> Self {
        Self { keep, by_ticket: HashMap::new(), of_user: HashMap::new(), order: VecDeque::new() }
    }

    /// Keeps a session that was ended. Its newest event says so, unless its buffer had no room for it.
    pub(crate) fn bury(
        &mut self,
        ticket: TicketHash,
        owner: UserKey,
        session: Session,
        reason: KickReason,
        now: Timestamp,
    ) {
        self.forget_expired(now);
        let of_user = self.of_user.entry(owner.clone()).or_default();
        of_user.push_back(ticket);
        let surplus = if of_user.len() > KEPT_PER_USER { of_user.front().copied() } else { None };
        self.by_ticket.insert(ticket, Tombstone { owner, session, reason });
        self.order.push_back((now + self.keep, ticket));
        if let Some(oldest) = surplus {
            self.remove(&oldest);
        }
        while self.by_ticket.len() > KEPT
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.remove(&oldest);
        }
    }

    /// A device is back with its ticket and the number of the last event that it has handled: what it is told, the
    /// kick last. None if there is nothing to tell: it knows, or nobody remembers.
    pub(crate) fn visit(&mut self, ticket: &TicketHash, last_seq: u32, now: Timestamp) -> Option<Vec<Frame>> {
        self.forget_expired(now);
        let tombstone = self.by_ticket.get_mut(ticket)?;
        let missed = match tombstone.session.resume(last_seq) {
            Ok(missed) => missed.collect(),
            // It cannot be told everything; that it is signed out it must be told.
            Err(_) => {
                let event = Event::KickedOut { reason: tombstone.reason };
                vec![to_frame(&EventMessage { seq: last_seq.saturating_add(1), event })]
            }
        };
        if missed.is_empty() {
            self.remove(ticket);
            return None;
        }
        Some(missed)
    }

    fn forget_expired(&mut self, now: Timestamp) {
        while let Some(&(at, ticket)) = self.order.front()
            && at <= now
        {
            self.order.pop_front();
            self.remove(&ticket);
        }
    }

    fn remove(&mut self, ticket: &TicketHash) {
        let Some(tombstone) = self.by_ticket.remove(ticket) else { return };
        if let Some(of_user) = self.of_user.get_mut(&tombstone.owner) {
            of_user.retain(|t| t != ticket);
            if of_user.is_empty() {
                self.of_user.remove(&tombstone.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_protocol::{SdkAppId, UserId};

    const T0: Timestamp = Timestamp::from_secs(1000);
    const KEEP: Duration = Duration::from_secs(60);

    fn ticket(n: u64) -> TicketHash {
        let mut ticket = TicketHash::default();
        ticket[..8].copy_from_slice(&n.to_be_bytes());
        ticket
    }

    fn user(name: &str) -> UserKey {
        UserKey { app: SdkAppId::new(1).unwrap(), user: UserId::new(name).unwrap() }
    }

    fn bury(tombstones: &mut Tombstones, n: u64, name: &str, now: Timestamp) {
        let mut session = Session::default();
        let reason = KickReason::SignedInElsewhere;
        session.event(Event::KickedOut { reason }).unwrap();
        tombstones.bury(ticket(n), user(name), session, reason, now);
    }

    fn told(tombstones: &mut Tombstones, n: u64, last_seq: u32, now: Timestamp) -> Option<String> {
        let frames = tombstones.visit(&ticket(n), last_seq, now)?;
        Some(frames.iter().map(|f| f.to_string()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_device_that_was_away_hears_of_its_kick_until_it_has_handled_it() {
        let mut t = Tombstones::new(KEEP);
        bury(&mut t, 1, "a", T0);
        let kicked = r#"{"seq":1,"type":"kicked_out","reason":"signed_in_elsewhere"}"#;
        assert_eq!(told(&mut t, 1, 0, T0).as_deref(), Some(kicked));
        assert_eq!(told(&mut t, 1, 0, T0).as_deref(), Some(kicked), "the first answer may have been lost");
        let lie = told(&mut t, 1, 40, T0).unwrap();
        assert!(lie.contains("\"seq\":41") && lie.contains("kicked_out"), "{lie}");
        assert_eq!(told(&mut t, 1, 1, T0), None, "it knows");
        assert!(t.by_ticket.is_empty() && t.of_user.is_empty());
    }

    #[test]
    fn it_is_forgotten_in_time_and_in_number() {
        let mut t = Tombstones::new(KEEP);
        bury(&mut t, 1, "a", T0);
        assert_eq!(told(&mut t, 1, 0, T0 + KEEP), None);
        for n in 0..100 {
            bury(&mut t, n, "greedy", T0 + KEEP);
        }
        assert_eq!(t.by_ticket.len(), KEPT_PER_USER);
        for n in 1000..1000 + 2 * KEPT as u64 {
            bury(&mut t, n, &format!("u{n}"), T0 + KEEP);
        }
        assert!(t.by_ticket.len() <= KEPT && t.order.len() <= 2 * KEPT);
        assert!(told(&mut t, 999 + 2 * KEPT as u64, 0, T0 + KEEP).is_some());
        assert_eq!(told(&mut t, 1000, 0, T0 + KEEP), None, "the oldest went first");
        assert_eq!(t.of_user.len(), t.by_ticket.len());
    }
}
