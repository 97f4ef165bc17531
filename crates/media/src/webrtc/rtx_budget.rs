//! How much is sent again: retransmissions are asked for by the receiver, who may lie (RFC 4585 §6.2.1).

use std::time::Instant;
use tring_limits::{Bucket, Rate};

/// Retransmitted bytes earned by each byte of media sent. Higher: more loss is repaired. Lower: a peer that asks for
/// everything again costs less.
pub(crate) const REPAIR_SHARE: f64 = 0.25;

/// Retransmission that every session has besides: so many bytes a second, and so many at once (what is earned counts up
/// to that, too). Burst higher: a longer gap is repaired in one go. Lower: one lying datagram brings fewer back.
const REPAIR: Rate = Rate { burst: 64_000.0, per_second: 16_000.0 };

/// The budget of one session.
#[derive(Debug)]
pub(crate) struct Repair(Bucket);

#[allow(clippy::cast_precision_loss)] // Bytes of a datagram.
impl Repair {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Bucket::full(REPAIR, now))
    }

    /// Media was sent for the first time.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.0.add(bytes as f64 * REPAIR_SHARE, REPAIR);
    }

    /// A retransmission may leave.
    pub(crate) fn allows(&mut self, bytes: usize, now: Instant) -> bool {
        self.0.take_many(bytes as f64, REPAIR, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_session_that_is_asked_for_everything_repairs_its_share_and_no_more() {
        let start = Instant::now();
        let mut r = Repair::new(start);
        let (mut media, mut repaired) = (0, 0);
        // 30 s of 200 packets a second, each asked for ten times.
        for i in 0..6_000u32 {
            let now = start + Duration::from_millis(5) * i;
            r.sent(1_000);
            media += 1_000;
            repaired += (0..10).filter(|_| r.allows(1_000, now)).count() * 1_000;
        }
        let most = f64::from(media) * REPAIR_SHARE + 30.0 * REPAIR.per_second + REPAIR.burst;
        assert!((repaired as f64) <= most, "{repaired} of {media}");
        assert!(repaired as f64 >= most * 0.95, "what is promised is given: {repaired} of {media}");
    }

    #[test]
    fn one_request_brings_back_no_more_than_a_burst() {
        let now = Instant::now();
        let mut r = Repair::new(now);
        r.sent(50_000_000);
        assert_eq!((0..10_000).filter(|_| r.allows(1_000, now)).count(), 64);
    }
}
