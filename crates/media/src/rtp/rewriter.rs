//! One continuous RTP stream out of whatever fills a slot (RFC 3550 §5.1): a publisher that is replaced, muted or back
//! after a network change must not look like loss, reordering or a jump of the clock to the receiver.

use crate::rtp::red::MAX_OFFSET;
use std::time::{Duration, Instant};
use tring_protocol::Source;

/// A stretch of one track that is sent on without a pause: within it packets count on without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamRun {
    /// The publishing session. Another one has another RTP clock.
    pub(crate) session: u64,
    /// Which of the session's tracks. Each has an RTP clock of its own.
    pub(crate) source: Source,
    /// Raised whenever forwarding of the track starts again after a pause (gate, source off): what was dropped
    /// meanwhile must not become a gap, or the receiver would ask for all of it again.
    pub(crate) run: u32,
}

impl StreamRun {
    /// Both are of one track, whose clock ran on through the pause.
    fn has_clock_of(self, other: Self) -> bool {
        self.session == other.session && self.source == other.source
    }
}

/// First sequence number of a slot. The rollover counter of SRTP is not signalled, so it must be below 65,536
/// (RFC 3711 §3.3.1), and far below so that early reordering does not cross zero.
const FIRST_SEQ: u64 = 1_000;

/// Packets from the beginning of a run in which something from before it may be repeated: the shortest frame of Opus is
/// 2.5 ms (RFC 6716 §2), and an offset reaches [`MAX_OFFSET`] back.
const MAY_REPEAT: u64 = MAX_OFFSET as u64 / 120 + 1;

/// Rewrites sequence numbers and timestamps for one slot.
#[derive(Debug, Default)]
pub(crate) struct Rewriter {
    current: Option<Current>,
    /// The newest that left: sequence number, timestamp, when.
    last: Option<(u64, u32, Instant)>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    of: StreamRun,
    /// Sequence numbers of the track below this belong to before the pause.
    first_in: u64,
    /// The timestamp of that packet, as it came.
    first_timestamp: u32,
    first_out: u64,
    timestamp_offset: u32,
}

impl Rewriter {
    /// The sequence number and timestamp that a packet leaves with; `None` for one from before its track's last
    /// pause. `clock_rate` in Hz.
    pub(crate) fn rewrite(
        &mut self,
        of: StreamRun,
        seq: u64,
        timestamp: u32,
        clock_rate: u32,
        now: Instant,
    ) -> Option<(u64, u32)> {
        let current = match self.current {
            Some(c) if c.of == of => c,
            before => *self.current.insert(self.switch(before, of, seq, timestamp, clock_rate, now)),
        };
        let out_seq = current.first_out + seq.checked_sub(current.first_in)?;
        let out_timestamp = timestamp.wrapping_add(current.timestamp_offset);
        if self.last.is_none_or(|(newest, ..)| out_seq > newest) {
            self.last = Some((out_seq, out_timestamp, now));
        }
        Some((out_seq, out_timestamp))
    }

    /// How far back, in ticks, a packet that was just let pass may repeat others (RFC 2198): to the first of its run.
    /// What came before was not for this receiver: a gate was shut, or a microphone off.
    pub(crate) fn reach(&self, seq: u64, timestamp: u32) -> u32 {
        let Some(current) = self.current else { return 0 };
        if seq.saturating_sub(current.first_in) > MAY_REPEAT {
            return MAX_OFFSET;
        }
        let passed = timestamp.wrapping_sub(current.first_timestamp).cast_signed();
        passed.max(0).unsigned_abs().min(MAX_OFFSET)
    }

    fn switch(
        &self,
        before: Option<Current>,
        of: StreamRun,
        seq: u64,
        timestamp: u32,
        clock_rate: u32,
        now: Instant,
    ) -> Current {
        let Some((last_seq, last_timestamp, at)) = self.last else {
            let (first_in, first_timestamp) = (seq, timestamp);
            return Current { of, first_in, first_timestamp, first_out: FIRST_SEQ, timestamp_offset: 0 };
        };
        let timestamp_offset = match before {
            // The same publisher's clock ran on through the pause.
            Some(b) if b.of.has_clock_of(of) => b.timestamp_offset,
            _ => {
                let passed = ticks(now.saturating_duration_since(at), clock_rate).max(1);
                last_timestamp.wrapping_add(passed).wrapping_sub(timestamp)
            }
        };
        let (first_in, first_timestamp) = (seq, timestamp);
        Current { of, first_in, first_timestamp, first_out: last_seq + 1, timestamp_offset }
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

    const A: StreamRun = StreamRun { session: 1, source: Source::Microphone, run: 0 };
    const A_AGAIN: StreamRun = StreamRun { session: 1, source: Source::Microphone, run: 1 };
    const B: StreamRun = StreamRun { session: 2, source: Source::Microphone, run: 0 };

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

    /// After a pause, whichever packet comes first and whichever comes late: nothing from before the run is repeated.
    #[test]
    fn what_is_repeated_is_of_the_same_run() {
        let now = Instant::now();
        // Frames of 20 ms, and a clock that wraps.
        let timestamp = |seq: u64| (seq as u32).wrapping_mul(960).wrapping_sub(14 * 960);
        for first in 10..16 {
            for late in 5..20 {
                let mut r = Rewriter::default();
                r.rewrite(A, 3, timestamp(3), 48_000, now).unwrap();
                for seq in (first..24).filter(|&seq| seq != late).chain([late]) {
                    let passed = r.rewrite(A_AGAIN, seq, timestamp(seq), 48_000, now).is_some();
                    let let_in = if first == late { first + 1 } else { first };
                    assert_eq!(passed, seq >= let_in, "{seq} of a run from {let_in}");
                    if passed {
                        let since = (seq - let_in) as u32 * 960;
                        assert_eq!(r.reach(seq, timestamp(seq)), since, "{seq} of a run from {let_in}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_long_run_repeats_what_it_likes_and_a_clock_that_went_back_nothing() {
        let (mut r, now) = (Rewriter::default(), Instant::now());
        assert_eq!(r.reach(0, 0), 0, "nothing has passed");
        r.rewrite(A, 10, 5_000, 48_000, now);
        assert_eq!((r.reach(10, 5_000), r.reach(11, 4_999), r.reach(11, 5_960)), (0, 0, 960));
        // The shortest frames, then 13 hours.
        assert_eq!(r.reach(10 + MAY_REPEAT, 5_000 + MAY_REPEAT as u32 * 120), MAX_OFFSET);
        assert_eq!(r.reach(2_340_000, 5_000u32.wrapping_add(13 * 3_600 * 48_000)), MAX_OFFSET);
    }

    /// A slot that had a user's camera is given the same user's screen: another clock, and no gap.
    #[test]
    fn another_source_of_a_session_has_another_clock() {
        let (mut r, now) = (Rewriter::default(), Instant::now());
        let screen = StreamRun { source: Source::Screen, ..A };
        r.rewrite(A, 10, 500, 90_000, now);
        assert_eq!(r.rewrite(screen, 7_000, 3_000_000_000, 90_000, now), Some((1001, 501)));
        assert_eq!(r.rewrite(A, 11, 3_500, 90_000, now), Some((1002, 502)), "and back");
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
