//! How a peer takes what it is given. A network that stands still for a while is no fault; a peer that never reads is.

use std::time::{Duration, Instant};

/// A connection that takes less than [`LEAST_TAKEN`] in so long, although something waits for it all the time, is stuck
/// and ends. TCP repeats what was lost at doubling intervals: a phone that was without network for 20 s may be reached
/// only 20 s later. Higher: a longer tunnel is survived on one connection. Lower: whoever reads nothing holds its place
/// and its memory for less long.
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(45);

/// Bytes that a peer takes at least in [`STUCK_AFTER`] while something waits for it. A voice alone is 3 KiB a second, so
/// no link that carries a call is near this. Higher: whoever reads a byte now and then is gone sooner. Lower: a link of a
/// few hundred bytes a second keeps its connection.
pub(super) const LEAST_TAKEN: usize = 8 * 1024;

/// The progress of one connection.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Something has waited all the time since then, and less than [`LEAST_TAKEN`] was taken.
    since: Option<Instant>,
    taken: usize,
}

impl Progress {
    /// There is something for the peer.
    pub(super) fn waits(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// The peer took so many bytes, and something still waits for it.
    pub(super) fn took(&mut self, bytes: usize, now: Instant) {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken >= LEAST_TAKEN {
            *self = Self { since: Some(now), taken: 0 };
        }
    }

    /// The peer has taken everything.
    pub(super) fn nothing_waits(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now >= since + STUCK_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The second after which a peer is stuck for which something always waits, and which takes so much each second.
    fn stuck_after(took: impl Fn(u64) -> usize) -> Option<u64> {
        let (mut progress, start) = (Progress::default(), Instant::now());
        (0..600).find(|&second| {
            let now = start + SECOND * u32::try_from(second).unwrap();
            progress.waits(now);
            progress.took(took(second), now);
            progress.is_stuck(now)
        })
    }

    #[test]
    fn who_takes_nothing_or_next_to_nothing_is_stuck() {
        let limit = STUCK_AFTER.as_secs();
        assert_eq!(stuck_after(|_| 0), Some(limit));
        assert_eq!(stuck_after(|_| 1), Some(limit));
        assert_eq!(stuck_after(|second| if second < 100 { 3_000 } else { 0 }), Some(98 + limit));
    }

    #[test]
    fn a_slow_link_and_a_phone_in_a_lift_are_not() {
        // 300 kb/s, and 8 kb/s, which carries no voice any more.
        assert_eq!(stuck_after(|_| 37_500), None);
        assert_eq!(stuck_after(|_| 1_000), None);
        // Each minute 20 s without network, which TCP notices only after as long again.
        assert_eq!(stuck_after(|second| if second % 60 < 40 { 0 } else { 3_000 }), None);
    }

    #[test]
    fn one_that_has_taken_everything_may_be_given_nothing_for_ever() {
        let (mut progress, now) = (Progress::default(), Instant::now());
        progress.waits(now);
        progress.nothing_waits();
        assert!(!progress.is_stuck(now + SECOND * 1_000_000));
        progress.waits(now + SECOND * 1_000_000);
        assert!(progress.is_stuck(now + SECOND * 1_000_000 + STUCK_AFTER));
    }
}
