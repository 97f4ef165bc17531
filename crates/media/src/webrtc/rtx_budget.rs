//! How much is sent again by RTX (RFC 4588): retransmissions are asked for by the receiver, who may lie (RFC 4585 §6.2.1).

use std::time::Instant;
use tring_limits::{Bucket, Rate};

/// Retransmitted bytes that each byte of media earns. Higher: more loss is repaired. Lower: a peer that asks for
/// everything again costs less.
pub(crate) const RTX_SHARE: f64 = 0.25;

/// Retransmitted bytes that every session may send besides what media earns, a second; the budget holds at most its burst,
/// earned or not. Burst higher: a longer gap is repaired in one go. Lower: one lying datagram brings fewer back.
const RTX: Rate = Rate { burst: 64_000.0, per_second: 16_000.0 };

/// The retransmission budget of one session.
#[derive(Debug)]
pub(crate) struct RtxBudget(Bucket);

#[allow(clippy::cast_precision_loss)] // Bytes of a datagram.
impl RtxBudget {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Bucket::full(RTX, now))
    }

    /// Media was sent for the first time.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.0.add(bytes as f64 * RTX_SHARE, RTX);
    }

    /// A retransmission may leave.
    pub(crate) fn allows(&mut self, bytes: usize, now: Instant) -> bool {
        self.0.take_many(bytes as f64, RTX, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_session_that_is_asked_for_everything_repairs_its_share_and_no_more() {
        let start = Instant::now();
        let mut r = RtxBudget::new(start);
        let (mut media, mut repaired) = (0, 0);
        // 30 s of 200 packets a second, each asked for ten times.
        for i in 0..6_000u32 {
            let now = start + Duration::from_millis(5) * i;
            r.sent(1_000);
            media += 1_000;
            repaired += (0..10).filter(|_| r.allows(1_000, now)).count() * 1_000;
        }
        let most = f64::from(media) * RTX_SHARE + 30.0 * RTX.per_second + RTX.burst;
        assert!((repaired as f64) <= most, "{repaired} of {media}");
        assert!(repaired as f64 >= most * 0.95, "what is promised is given: {repaired} of {media}");
    }

    #[test]
    fn one_request_brings_back_no_more_than_a_burst() {
        let now = Instant::now();
        let mut r = RtxBudget::new(now);
        r.sent(50_000_000);
        assert_eq!((0..10_000).filter(|_| r.allows(1_000, now)).count(), 64);
    }
}
