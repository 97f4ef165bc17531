//! Statistics of one received stream, for the report blocks of our receiver reports (RFC 3550 §6.4.1, A.1, A.3, A.8).

use std::time::{Duration, Instant};

/// Numbers that may be left out before the stream is taken for another, whose numbers begin elsewhere (RFC 3550 A.1).
/// Higher: a longer blackout is reported as loss. Lower: a publisher that jumps makes less loss of nothing.
const MAX_DROPOUT: u64 = 3_000;

/// How far behind the highest a late packet may be (RFC 3550 A.1). One that is older is not counted; two in a row are
/// another stream.
const MAX_MISORDER: u64 = 100;

/// A step in the time under way that is longer is a jump of the publisher's clock and no jitter. Higher: a jump spoils the
/// jitter of the next reports. Lower: the jitter of a very bad way is not told.
const MAX_TRANSIT_STEP: Duration = Duration::from_secs(5);

/// Bounds of the cumulative number of packets lost, which has 24 bits (RFC 3550 §6.4.1).
const LOST: (i64, i64) = (-(1 << 23), (1 << 23) - 1);

/// What a report block says of one stream (RFC 3550 §6.4.1), but for the SSRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReceptionReport {
    /// Share lost since the report before, in 256ths.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the stream began, less those that came twice: 24 bits, signed.
    pub(crate) lost: i32,
    /// The highest sequence number, extended to 32 bits.
    pub(crate) highest_seq: u32,
    /// Interarrival jitter, in units of the RTP clock.
    pub(crate) jitter: u32,
    /// The middle 32 bits of the newest sender report's NTP time, 0 without one.
    pub(crate) last_sender_report: u32,
    /// Since that report came, in units of 1/65,536 s; 0 without one.
    pub(crate) delay: u32,
}

/// The numbers of a stream since it began, or began anew.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    first: u64,
    highest: u64,
    received: u64,
    /// Expected and received when the report before was made.
    reported: (u64, u64),
}

impl Numbers {
    fn from(seq: u64) -> Self {
        Self { first: seq, highest: seq, received: 1, reported: (0, 0) }
    }

    fn expected(&self) -> u64 {
        (self.highest - self.first).saturating_add(1)
    }
}

/// What is known of one received stream.
#[derive(Debug)]
pub(crate) struct Reception {
    /// Ticks of the RTP clock in a second.
    clock_rate: u32,
    numbers: Option<Numbers>,
    /// What would follow a number that is out of all bounds: then the stream has begun anew.
    after_jump: Option<u64>,
    /// When the first packet came: the zero of arrival times.
    epoch: Option<Instant>,
    /// Arrival less timestamp of the packet before, modulo 2^32.
    transit: Option<u32>,
    /// The jitter, in sixteenths (RFC 3550 A.8).
    jitter: u64,
    /// The newest sender report: the middle 32 bits of its NTP time, and when it came.
    sender_report: Option<(u32, Instant)>,
}

impl Reception {
    /// Nothing has come yet. `clock_rate`: of the stream's RTP timestamps, in Hz.
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            numbers: None,
            after_jump: None,
            epoch: None,
            transit: None,
            jitter: 0,
            sender_report: None,
        }
    }

    /// A packet came that was not seen before, by the stream itself: retransmissions are not counted (RFC 4588 §5).
    /// `seq`: extended past 16 bits.
    pub(crate) fn received(&mut self, seq: u64, timestamp: u32, now: Instant) {
        let Some(numbers) = &mut self.numbers else {
            self.numbers = Some(Numbers::from(seq));
            self.measure_jitter(timestamp, now);
            return;
        };
        let ahead = seq.saturating_sub(numbers.highest);
        let behind = numbers.highest.saturating_sub(seq);
        if ahead > MAX_DROPOUT || behind > MAX_MISORDER {
            if self.after_jump.replace(seq.wrapping_add(1)) != Some(seq) {
                return;
            }
            *numbers = Numbers::from(seq);
            self.transit = None;
        } else {
            numbers.highest = numbers.highest.max(seq);
            // One that was late from the beginning on.
            numbers.first = numbers.first.min(seq);
            numbers.received += 1;
        }
        self.after_jump = None;
        self.measure_jitter(timestamp, now);
    }

    /// A sender report of the stream came. `ntp`: its NTP time, seconds in the upper half.
    pub(crate) fn sender_report(&mut self, ntp: u64, now: Instant) {
        #[allow(clippy::cast_possible_truncation)] // The middle 32 bits.
        let middle = (ntp >> 16) as u32;
        self.sender_report = Some((middle, now));
    }

    /// The report of what came since the report before; `None` while nothing has.
    pub(crate) fn report(&mut self, now: Instant) -> Option<ReceptionReport> {
        let numbers = self.numbers.as_mut()?;
        let (expected, received) = (numbers.expected(), numbers.received);
        let before = std::mem::replace(&mut numbers.reported, (expected, received));
        let due = expected.saturating_sub(before.0);
        let lost = due.saturating_sub(received.saturating_sub(before.1));
        let fraction = (u128::from(lost) << 8).checked_div(due.into()).unwrap_or(0).min(255);
        let all_lost = expected.cast_signed().saturating_sub(received.cast_signed());
        let (last_sender_report, delay) = self.sender_report.map_or((0, 0), |(middle, at)| {
            let delay = (now.saturating_duration_since(at).as_micros() << 16) / 1_000_000;
            (middle, u32::try_from(delay).unwrap_or(u32::MAX))
        });
        #[allow(clippy::cast_possible_truncation)] // Clamped, or the lower half by definition.
        let report = ReceptionReport {
            fraction_lost: fraction as u8,
            lost: all_lost.clamp(LOST.0, LOST.1) as i32,
            highest_seq: numbers.highest as u32,
            jitter: u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX),
            last_sender_report,
            delay,
        };
        Some(report)
    }

    fn measure_jitter(&mut self, timestamp: u32, now: Instant) {
        let epoch = *self.epoch.get_or_insert(now);
        let passed = now.saturating_duration_since(epoch).as_micros();
        #[allow(clippy::cast_possible_truncation)] // RTP time is modulo 2^32.
        let arrival = (passed * u128::from(self.clock_rate) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        let Some(before) = self.transit.replace(transit) else { return };
        let step = u64::from(transit.wrapping_sub(before).cast_signed().unsigned_abs());
        if step <= MAX_TRANSIT_STEP.as_secs() * u64::from(self.clock_rate) {
            self.jitter = self.jitter + step - ((self.jitter + 8) >> 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// A voice of a packet each 20 ms that has brought these numbers.
    fn voice(numbers: impl IntoIterator<Item = u64>) -> (Reception, Instant) {
        let (mut r, start) = (Reception::new(48_000), Instant::now());
        take(&mut r, numbers, start);
        (r, start)
    }

    fn take(r: &mut Reception, numbers: impl IntoIterator<Item = u64>, start: Instant) {
        for n in numbers {
            r.received(n, (n as u32).wrapping_mul(960), start + MS(20) * (n % 10_000) as u32);
        }
    }

    fn losses(r: &mut Reception, now: Instant) -> (u8, i32, u32) {
        let report = r.report(now).unwrap();
        (report.fraction_lost, report.lost, report.highest_seq)
    }

    #[test]
    fn nothing_is_reported_before_anything_came() {
        let (mut r, now) = voice([]);
        r.sender_report(1 << 40, now);
        assert_eq!(r.report(now), None);
        take(&mut r, [7], now);
        assert_eq!(losses(&mut r, now), (0, 0, 7));
    }

    #[test]
    fn what_is_lost_is_told_since_the_report_before_and_in_all() {
        let (mut r, now) = voice((100..200).filter(|n| n % 4 > 0));
        // 101 is the first, 199 the highest: 99 are due, 24 of them have not come.
        assert_eq!(losses(&mut r, now), (62, 24, 199));
        take(&mut r, 200..300, now);
        assert_eq!(losses(&mut r, now), (0, 24, 299));
        assert_eq!(losses(&mut r, now), (0, 24, 299), "nothing was due");
        take(&mut r, [399], now);
        assert_eq!(losses(&mut r, now), (253, 123, 399), "99 of 100");
    }

    #[test]
    fn what_comes_late_is_not_lost_and_numbers_turn_over() {
        let (mut r, now) = voice([65_534, 65_537, 65_535, 65_536, 65_533]);
        assert_eq!(losses(&mut r, now), (0, 0, 65_537));
        take(&mut r, [65_540], now);
        assert_eq!(losses(&mut r, now), (170, 2, 65_540), "2 of 3");
        take(&mut r, [65_538, 65_539], now);
        assert_eq!(losses(&mut r, now), (0, 0, 65_540), "they came after the report");
    }

    #[test]
    fn a_jump_is_another_stream_when_it_goes_on() {
        let (mut r, now) = voice(0..100);
        take(&mut r, [99 + MAX_DROPOUT + 1], now);
        assert_eq!(losses(&mut r, now), (0, 0, 99), "one alone is not counted");
        take(&mut r, [100, 70_000, 70_001, 70_003], now);
        assert_eq!(losses(&mut r, now), (85, 1, 70_003), "1 of 3");
        take(&mut r, [5, 6, 7], now);
        assert_eq!(losses(&mut r, now), (0, 0, 7));
        take(&mut r, [7 + MAX_DROPOUT], now);
        assert_eq!(losses(&mut r, now), (255, 2_999, 3_007), "no jump yet");
        take(&mut r, [u64::MAX, 0, u64::MAX - 1, u64::MAX, 0], now);
        assert_eq!(losses(&mut r, now).2, u32::MAX);
    }

    #[test]
    fn what_is_lost_fits_24_bits() {
        let (mut r, now) = voice([0]);
        take(&mut r, (1..=3_000).map(|n| n * MAX_DROPOUT), now);
        assert_eq!(losses(&mut r, now), (255, 8_388_607, 9_000_000));
        let (mut r, now) = voice((0..9_000_000).map(|_| 0));
        assert_eq!(losses(&mut r, now), (0, -8_388_608, 0), "one that comes again and again");
    }

    #[test]
    fn jitter_is_that_of_the_way() {
        let (mut r, start) = voice(0..500);
        assert_eq!(r.report(start).unwrap().jitter, 0);
        let mut at = start + MS(20) * 500;
        for n in 500..1_000 {
            // Each second packet is 10 ms late: a step of 480 ticks each time.
            r.received(n, n as u32 * 960, at + MS(10 * (n % 2)));
            at += MS(20);
        }
        let jitter = r.report(start).unwrap().jitter;
        assert!((470..=480).contains(&jitter), "{jitter}");
        // The publisher's clock jumps.
        r.received(1_000, 0x8000_0000, at);
        assert!(r.report(start).unwrap().jitter <= 480);
        r.received(1_001, 0x8000_0000 + 960, at + MS(20));
        assert!(r.report(start).unwrap().jitter <= 480);
    }

    #[test]
    fn a_sender_report_is_told_with_its_age() {
        let (mut r, start) = voice([1]);
        assert_eq!(r.report(start).map(|r| (r.last_sender_report, r.delay)), Some((0, 0)));
        r.sender_report(0x1122_3344_5566_7788, start);
        let told = |r: &mut Reception, at| r.report(at).map(|r| (r.last_sender_report, r.delay)).unwrap();
        assert_eq!(told(&mut r, start + MS(1_500)), (0x3344_5566, 98_304));
        assert_eq!(told(&mut r, start + MS(1 << 40)), (0x3344_5566, u32::MAX));
        r.sender_report(0x9922_3344_5566_7788, start + MS(9_000));
        assert_eq!(told(&mut r, start), (0x3344_5566, 0), "a clock that went back");
    }

    proptest! {
        /// Any numbers, timestamps and times: a report can be made, and says no more than can be.
        #[test]
        fn any_numbers_are_taken(
            steps in proptest::collection::vec((any::<i64>(), 0u8..6, any::<u32>(), 0u64..1 << 40), 1..200),
            clock_rate in prop_oneof![Just(48_000u32), Just(90_000), Just(0), Just(u32::MAX)],
        ) {
            let (mut r, start) = (Reception::new(clock_rate), Instant::now());
            let mut seq = 1u64 << 30;
            for (step, kind, timestamp, at) in steps {
                let step = match kind { 0 => step, 1 => step % 70_000, 2 => step % 3_000, _ => step % 4 };
                seq = seq.saturating_add_signed(step);
                let now = start + Duration::from_micros(at);
                r.received(seq, timestamp, now);
                r.sender_report(step.cast_unsigned(), now);
                let numbers = r.numbers.unwrap();
                prop_assert!(numbers.first <= numbers.highest);
                let due = numbers.expected() - numbers.reported.0.min(numbers.expected());
                let report = r.report(now).unwrap();
                prop_assert!(i64::from(report.lost) <= numbers.expected().cast_signed().max(0));
                prop_assert!(due > 0 || report.fraction_lost == 0);
                prop_assert!(u64::from(report.jitter) <= 5 * u64::from(clock_rate));
            }
        }
    }
}
