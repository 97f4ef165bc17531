//! How one stream of the peer's arrives (RFC 3550 §6.4.1 and appendices A.1, A.3, A.8): what a receiver report says of it.

use crate::rtcp::ntp::to_units;
use crate::rtcp::reports::ReportBlock;
use std::time::{Duration, Instant};

/// Packets lost that a report can tell: 24 bits with a sign.
const MOST_LOST: i64 = 0x7f_ffff;

/// The statistics of one SSRC.
#[derive(Debug, Default)]
pub(super) struct Reception {
    /// The first and the highest number, extended past 16 bits.
    first: Option<u64>,
    highest: u64,
    /// Packets that came, those that came twice not among them.
    came: u64,
    /// Difference of two packets' ways, in ticks times 16 (RFC 3550 A.8).
    jitter: u64,
    /// Way of the newest packet: arrival less RTP time, in ticks, modulo 2^32.
    transit: Option<u32>,
    /// The zero of arrivals.
    epoch: Option<Instant>,
    /// What was expected and what came at the last report, and at the last second.
    reported: (u64, u64),
    counted: (u64, u64),
    /// Middle of the newest sender report's time, and when it came.
    sender_report: Option<(u32, Instant)>,
}

impl Reception {
    /// A packet came for the first time. `clock_rate`: ticks a second.
    pub(super) fn received(&mut self, seq: u64, timestamp: u32, clock_rate: u32, now: Instant) {
        let first = self.first.get_or_insert(seq);
        *first = seq.min(*first);
        self.highest = self.highest.max(seq);
        self.came += 1;
        let epoch = *self.epoch.get_or_insert(now);
        #[allow(clippy::cast_possible_truncation)] // RTP time is modulo 2^32.
        let arrival =
            (now.saturating_duration_since(epoch).as_micros() * u128::from(clock_rate) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            // A clock that jumps is no jitter: what is more than a second is left out.
            let change = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            if change <= clock_rate {
                self.jitter = (self.jitter + u64::from(change)).saturating_sub((self.jitter + 8) >> 4);
            }
        }
    }

    /// The stream's sender has reported: the middle of its time ([`NtpTime::middle`](crate::rtcp::ntp::NtpTime::middle)).
    pub(super) fn sender_report(&mut self, middle: u32, now: Instant) {
        self.sender_report = Some((middle, now));
    }

    /// What a report says of the stream now. None: nothing came since the last.
    pub(super) fn report(&mut self, ssrc: u32, now: Instant) -> Option<ReportBlock> {
        let expected = self.expected();
        let (expected_before, came_before) = std::mem::replace(&mut self.reported, (expected, self.came));
        if self.came == came_before {
            return None;
        }
        let due = expected.saturating_sub(expected_before);
        let missed = due.saturating_sub(self.came - came_before);
        let fraction_lost = (missed << 8).checked_div(due).unwrap_or(0).min(255);
        let lost = i64::try_from(expected).unwrap_or(i64::MAX).saturating_sub_unsigned(self.came);
        let (last_report, since) =
            self.sender_report.map_or((0, Duration::ZERO), |(m, at)| (m, now.saturating_duration_since(at)));
        #[allow(clippy::cast_possible_truncation)] // Bounded above, or modulo 2^32 by definition.
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction_lost as u8,
            lost: lost.clamp(-MOST_LOST, MOST_LOST) as i32,
            highest: self.highest as u32,
            jitter: (self.jitter >> 4) as u32,
            last_report,
            since_last_report: to_units(since),
        })
    }

    /// Packets that were due and packets that came since the last call.
    pub(super) fn take_second(&mut self) -> (u32, u32) {
        let now = (self.expected(), self.came);
        let before = std::mem::replace(&mut self.counted, now);
        let since = |now: u64, before: u64| u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
        (since(now.0, before.0), since(now.1, before.1))
    }

    fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.highest - first + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// A packet each 20 ms; some do not come.
    fn run(r: &mut Reception, seqs: impl Iterator<Item = u64>, start: Instant) {
        for seq in seqs {
            let at = start + Duration::from_millis(20 * seq);
            r.received(seq, (seq as u32).wrapping_mul(960), RATE, at);
        }
    }

    #[test]
    fn what_is_lost_is_told_in_all_and_since_the_last_report() {
        let (mut r, start) = (Reception::default(), Instant::now());
        run(&mut r, (65_500..65_600).filter(|n| n % 10 != 0), start);
        let block = r.report(7, start).unwrap();
        // 65,500 is among those that did not come: nobody can know that it was sent.
        assert_eq!((block.lost, block.highest, block.fraction_lost), (9, 65_599, (9 * 256 / 99) as u8));
        assert_eq!((block.jitter, block.last_report, block.since_last_report), (0, 0, 0));
        run(&mut r, 65_600..65_700, start);
        let block = r.report(7, start).unwrap();
        assert_eq!((block.lost, block.fraction_lost), (9, 0), "in the second report nothing more");
        assert_eq!(r.report(7, start), None, "nothing came");
    }

    #[test]
    fn seconds_count_what_was_due_and_what_came() {
        let (mut r, start) = (Reception::default(), Instant::now());
        run(&mut r, [5, 6, 8, 9].into_iter(), start);
        assert_eq!(r.take_second(), (5, 4));
        run(&mut r, [7, 10].into_iter(), start);
        assert_eq!(r.take_second(), (1, 2), "what comes late is made up for");
        assert_eq!(r.take_second(), (0, 0));
    }

    #[test]
    fn jitter_is_the_mean_change_of_the_way_and_no_jump_of_a_clock() {
        let (mut r, start) = (Reception::default(), Instant::now());
        for seq in 0..400u64 {
            // Every other packet is 10 ms late: 480 ticks more or less each time.
            let at = start + Duration::from_millis(20 * seq + 10 * (seq % 2));
            r.received(seq, (seq as u32).wrapping_mul(960), RATE, at);
        }
        let told = r.report(7, start).unwrap().jitter;
        assert!((470..=490).contains(&told), "{told}");
        r.received(400, 3_000_000_000, RATE, start + Duration::from_secs(8));
        assert!(r.report(7, start).unwrap().jitter <= told);
    }

    #[test]
    fn a_sender_report_is_answered_with_how_long_ago_it_came() {
        let (mut r, start) = (Reception::default(), Instant::now());
        run(&mut r, 0..2, start);
        r.sender_report(0xabcd_0123, start);
        let block = r.report(7, start + Duration::from_millis(1_500)).unwrap();
        assert_eq!((block.last_report, block.since_last_report), (0xabcd_0123, 3 << 15));
    }

    #[test]
    fn jumps_stay_within_what_a_report_can_tell() {
        let (mut r, start) = (Reception::default(), Instant::now());
        for seq in [0, 1 << 40, (1 << 48) - 1] {
            r.received(seq, 0, RATE, start);
        }
        let block = r.report(7, start).unwrap();
        assert_eq!((block.lost, block.fraction_lost), (0x7f_ffff, 255));
        // A peer that sends everything twice cannot: what comes twice is refused before. More than was due is possible by
        // numbers from before the first.
        let mut r = Reception::default();
        run(&mut r, [9, 8, 7].into_iter(), start);
        assert_eq!(r.report(7, start).unwrap().lost, 0);
    }
}
