//! One continuous RTP stream out of whatever fills a slot (RFC 3550 §5.1): a publisher that is replaced, muted or back
//! after a network change must not look like loss, reordering or a jump of the clock to the receiver.

use std::time::{Duration, Instant};

/// Where a packet comes from: packets of one source count on without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    /// The publishing session. Another one has another RTP clock.
    pub(crate) session: u64,
    /// Raised whenever forwarding from the session starts again after a pause (gate, device): what was dropped
    /// meanwhile must not become a gap, or the receiver would ask for all of it again.
    pub(crate) run: u32,
}

/// First sequence number of a slot. The rollover counter of SRTP is not signalled, so it must be below 65,536
/// (RFC 3711 §3.3.1), and far below so that early reordering does not cross zero.
const FIRST_SEQ: u64 = 1_000;

/// Rewrites sequence numbers and timestamps for one slot.
#[derive(Debug, Default)]
pub(crate) struct Rewriter {
    current: Option<Current>,
    /// The newest that left: sequence number, timestamp, when.
    last: Option<(u64, u32, Instant)>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    source: Source,
    /// Sequence numbers of the source below this belong to before the pause.
    first_in: u64,
    first_out: u64,
    timestamp_offset: u32,
}

impl Rewriter {
    /// The sequence number and timestamp that a packet leaves with; `None` for one from before its source's last
    /// pause. `clock_rate` in Hz.
    pub(crate) fn rewrite(
        &mut self,
        source: Source,
        seq: u64,
        timestamp: u32,
        clock_rate: u32,
        now: Instant,
    ) -> Option<(u64, u32)> {
        let current = match self.current {
            Some(c) if c.source == source => c,
            before => *self.current.insert(self.switch(before, source, seq, timestamp, clock_rate, now)),
        };
        let out_seq = current.first_out + seq.checked_sub(current.first_in)?;
        let out_timestamp = timestamp.wrapping_add(current.timestamp_offset);
        if self.last.is_none_or(|(newest, ..)| out_seq > newest) {
            self.last = Some((out_seq, out_timestamp, now));
        }
        Some((out_seq, out_timestamp))
    }

    fn switch(
        &self,
        before: Option<Current>,
        source: Source,
        seq: u64,
        timestamp: u32,
        clock_rate: u32,
        now: Instant,
    ) -> Current {
        let Some((last_seq, last_timestamp, at)) = self.last else {
            return Current { source, first_in: seq, first_out: FIRST_SEQ, timestamp_offset: 0 };
        };
        let timestamp_offset = match before {
            // The same publisher's clock ran on through the pause.
            Some(b) if b.source.session == source.session => b.timestamp_offset,
            _ => {
                let passed = ticks(now.saturating_duration_since(at), clock_rate).max(1);
                last_timestamp.wrapping_add(passed).wrapping_sub(timestamp)
            }
        };
        Current { source, first_in: seq, first_out: last_seq + 1, timestamp_offset }
    }
}

/// A duration in RTP clock ticks, modulo 2^32.
fn ticks(d: Duration, clock_rate: u32) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // RTP time is modulo 2^32.
    let t = (d.as_micros() * u128::from(clock_rate) / 1_000_000) as u32;
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Source = Source { session: 1, run: 0 };
    const A_AGAIN: Source = Source { session: 1, run: 1 };
    const B: Source = Source { session: 2, run: 0 };

    #[test]
    fn losses_and_reordering_of_the_source_stay_as_they_are() {
        let (mut r, now) = (Rewriter::default(), Instant::now());
        let mut out = |seq: u64| r.rewrite(A, seq, 0, 90_000, now).unwrap().0;
        assert_eq!([out(70_000), out(70_001), out(70_005), out(70_003)], [1000, 1001, 1005, 1003]);
    }

    #[test]
    fn a_pause_is_no_loss_and_keeps_the_clock() {
        let (mut r, now) = (Rewriter::default(), Instant::now());
        assert_eq!(r.rewrite(A, 10, 500, 48_000, now), Some((1000, 500)));
        let later = now + Duration::from_secs(9);
        assert_eq!(r.rewrite(A_AGAIN, 460, 432_500, 48_000, later), Some((1001, 432_500)));
        assert_eq!(r.rewrite(A_AGAIN, 459, 431_540, 48_000, later), None, "from before the pause");
    }

    #[test]
    fn another_publisher_continues_where_the_first_ended() {
        let (mut r, now) = (Rewriter::default(), Instant::now());
        r.rewrite(A, 10, u32::MAX - 100, 48_000, now);
        let half = now + Duration::from_millis(500);
        let (seq, timestamp) = r.rewrite(B, 5_000_000, 77, 48_000, half).unwrap();
        assert_eq!(seq, 1001);
        assert_eq!(timestamp, (u32::MAX - 100).wrapping_add(24_000));
        assert_eq!(
            r.rewrite(B, 5_000_001, 77 + 960, 48_000, half),
            Some((1002, timestamp.wrapping_add(960)))
        );
    }
}
