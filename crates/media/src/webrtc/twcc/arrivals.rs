//! Which of a sender's packets came, and when: what we confirm by transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3).
//!
//! A feedback tells of each number from the first that was not told of to the newest that came. A packet that comes after
//! that is told of in the next feedback, which then begins with it and says again what is known of those behind it, as
//! libwebrtc's does.

use std::time::Instant;

/// Numbers that one sender's record spans, a power of two of 4 bytes each. Higher: after a longer blackout what was lost is
/// told number by number. Lower: less memory and shorter feedback for a peer that leaves out numbers on purpose. At
/// 5 Mbit/s, 600 packets a second, this is three seconds.
const MAX_SPAN: u64 = 2_048;

/// The span of a new record: a voice stays with it.
const FIRST_SPAN: usize = 64;

/// How far behind the newest a packet may be and is confirmed after all. Higher: packets that the network has turned around
/// for longer are confirmed. Lower: what is said again because of them is shorter.
const LATE: u64 = 700;

/// Microseconds of a tick: feedback tells arrivals in units of 250 µs.
const TICK_MICROS: u128 = 250;

/// In [`Arrivals::ticks`]: it has not come.
const NONE: u32 = u32::MAX;

/// Arrivals of one sender's packets. Whoever uses it has authenticated them.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// When each number came, by its low bits: ticks since the epoch, modulo 2^32, or [`NONE`].
    ticks: Box<[u32]>,
    /// The zero of the ticks: when the first packet came.
    epoch: Option<Instant>,
    /// The newest arrival, in ticks since the epoch.
    newest_tick: i64,
    /// The first number that is not told of, and the one behind the newest that came; equal when all is told. They are
    /// extended past 16 bits, and begin so high that none is before zero.
    first: u64,
    end: u64,
    feedback_count: u8,
}

/// What one feedback tells, in the order of the numbers.
#[derive(Debug, Clone)]
pub(crate) struct Statuses<'a> {
    arrivals: &'a Arrivals,
    next: u64,
}

impl Iterator for Statuses<'_> {
    /// The number, and when it came: ticks of 250 µs since the sender's first packet. `None`: it has not come.
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next;
        if number >= self.arrivals.end {
            return None;
        }
        self.next += 1;
        Some((low(number), self.arrivals.tick(number)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.arrivals.end - self.next).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Statuses<'_> {}

impl Arrivals {
    /// A record without memory: the first packet takes some.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A packet with this number came and was authenticated. A number that came before, or one too far behind, changes
    /// nothing; after a jump beyond the span the record begins anew.
    pub(crate) fn received(&mut self, number: u16, now: Instant) {
        let epoch = *self.epoch.get_or_insert(now);
        let passed = now.saturating_duration_since(epoch).as_micros() / TICK_MICROS;
        let tick = i64::try_from(passed).unwrap_or(i64::MAX);
        self.newest_tick = self.newest_tick.max(tick);
        if self.ticks.is_empty() {
            self.ticks = vec![NONE; FIRST_SPAN].into();
            return self.begin(1 << 16 | u64::from(number), tick);
        }
        let newest = self.end - 1;
        let step = number.wrapping_sub(low(newest)).cast_signed();
        let at = newest.saturating_add_signed(step.into());
        if at < self.end {
            if newest - at < LATE.min(self.span()) && self.ticks[self.index(at)] == NONE {
                self.put(at, tick);
                self.first = self.first.min(at);
            }
            return;
        }
        if at - newest >= MAX_SPAN {
            self.ticks.fill(NONE);
            return self.begin(at, tick);
        }
        while at - self.first >= self.span() && self.span() < MAX_SPAN {
            self.double();
        }
        // Unless all is told, and more than the span is not: then the oldest go untold.
        self.first = self.first.max((at + 1).saturating_sub(self.span()));
        for passed_over in self.end..at {
            let index = self.index(passed_over);
            self.ticks[index] = NONE;
        }
        self.put(at, tick);
        self.end = at + 1;
    }

    /// How many numbers are to be told of.
    pub(crate) fn pending(&self) -> usize {
        usize::try_from(self.end - self.first).unwrap_or(usize::MAX)
    }

    /// Hands what is to be told to `write`: the base number, the feedback count, and for each number from the base on
    /// whether and when it came. `write` says how many of them it has told; the rest is for the next feedback. Gives that
    /// number: 0 when nothing is to be told or `write` had no room.
    pub(crate) fn take<W>(&mut self, write: W) -> usize
    where
        W: FnOnce(u16, u8, Statuses<'_>) -> usize,
    {
        let pending = self.pending();
        if pending == 0 {
            return 0;
        }
        let statuses = Statuses { arrivals: self, next: self.first };
        let told = write(low(self.first), self.feedback_count, statuses).min(pending);
        if told > 0 {
            self.first += told as u64;
            self.feedback_count = self.feedback_count.wrapping_add(1);
        }
        told
    }

    fn span(&self) -> u64 {
        self.ticks.len() as u64
    }

    #[allow(clippy::cast_possible_truncation)] // At most MAX_SPAN.
    fn index(&self, number: u64) -> usize {
        (number & (self.span() - 1)) as usize
    }

    /// The record knows one number, and that it came.
    fn begin(&mut self, number: u64, tick: i64) {
        self.first = number;
        self.end = number + 1;
        self.put(number, tick);
    }

    fn put(&mut self, number: u64, tick: i64) {
        let index = self.index(number);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Modulo 2^32; see `tick`.
        let ticks = tick as u32;
        // One tick early, once in twelve days.
        self.ticks[index] = if ticks == NONE { NONE - 1 } else { ticks };
    }

    /// When a number within the span came.
    fn tick(&self, number: u64) -> Option<i64> {
        let ticks = Some(self.ticks[self.index(number)]).filter(|t| *t != NONE)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Modulo 2^32.
        let before = (self.newest_tick as u32).wrapping_sub(ticks);
        Some(self.newest_tick - i64::from(before))
    }

    /// What was known stays known, and the numbers before that have not come.
    fn double(&mut self) {
        let doubled = vec![NONE; self.ticks.len() * 2].into();
        let before = std::mem::replace::<Box<[u32]>>(&mut self.ticks, doubled);
        let span = before.len() as u64;
        for number in self.end - span..self.end {
            #[allow(clippy::cast_possible_truncation)] // At most MAX_SPAN.
            let (from, to) = ((number & (span - 1)) as usize, self.index(number));
            self.ticks[to] = before[from];
        }
    }
}

/// The low 16 bits.
#[allow(clippy::cast_possible_truncation)]
fn low(number: u64) -> u16 {
    number as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Tells all that is pending, in feedback of at most so many numbers.
    fn told_by(a: &mut Arrivals, most: usize) -> Vec<(u16, Option<i64>)> {
        let mut told = Vec::new();
        while a.take(|base, _, statuses| {
            assert_eq!(statuses.clone().next().map(|(number, _)| number), Some(base));
            let before = told.len();
            told.extend(statuses.take(most));
            told.len() - before
        }) > 0
        {}
        told
    }

    fn told(a: &mut Arrivals) -> Vec<(u16, Option<i64>)> {
        told_by(a, usize::MAX)
    }

    fn of(numbers: &[u16], now: Instant) -> Arrivals {
        let mut a = Arrivals::new();
        numbers.iter().for_each(|&n| a.received(n, now));
        a
    }

    #[test]
    fn what_came_is_told_in_order_with_its_time_and_what_did_not_as_missing() {
        let (mut a, start) = (Arrivals::new(), Instant::now());
        assert_eq!((a.pending(), a.take(|_, _, _| unreachable!())), (0, 0));
        for (number, micros) in [(65_534, 0), (0, 1_000), (65_535, 1_249), (3, 2_500)] {
            a.received(number, start + Duration::from_micros(micros));
        }
        let due = [(65_534, Some(0)), (65_535, Some(4)), (0, Some(4)), (1, None), (2, None), (3, Some(10))];
        assert_eq!(a.pending(), 6);
        assert_eq!(told(&mut a), due);
        assert_eq!((a.pending(), told(&mut a)), (0, vec![]));
    }

    #[test]
    fn a_feedback_that_is_full_leaves_the_rest_to_the_next() {
        let mut a = of(&[7, 8, 9, 11], Instant::now());
        let counts: Vec<_> = std::iter::from_fn(|| {
            let mut seen = None;
            a.take(|base, count, _| {
                seen = Some((base, count));
                2
            });
            seen
        })
        .collect();
        assert_eq!(counts, [(7, 0), (9, 1), (11, 2)], "more than was pending is not told");
        a.received(12, Instant::now());
        assert_eq!(a.take(|_, _, _| 0), 0, "no room");
        a.take(|base, count, statuses| {
            assert_eq!((base, count, statuses.len()), (12, 3, 1));
            1
        });
        assert_eq!(a.pending(), 0);
    }

    #[test]
    fn what_comes_after_the_feedback_is_told_in_the_next() {
        let start = Instant::now();
        let mut a = of(&[10, 11, 13], start);
        assert_eq!(told(&mut a).len(), 4);
        let later = start + Duration::from_millis(100);
        a.received(12, later);
        assert_eq!(told(&mut a), [(12, Some(400)), (13, Some(0))]);
        a.received(12, later);
        a.received(13, later);
        assert_eq!(a.pending(), 0, "what came twice is told once");
        a.received(9, later);
        assert_eq!(told(&mut a)[0], (9, Some(400)), "it overtook the very first");
    }

    #[test]
    fn numbers_go_on_turn_over_and_come_late() {
        let start = Instant::now();
        let mut a = of(&[65_000, 65_001, 65_535, 0, 2, 1, 65_534, 1_000, 301], start);
        let told = told(&mut a);
        assert_eq!((told[0].0, told.last().unwrap().0, told.len()), (65_000, 1_000, 1_537));
        let came: Vec<_> = told.iter().filter(|(_, tick)| tick.is_some()).map(|(n, _)| *n).collect();
        assert_eq!(came, [65_000, 65_001, 65_534, 65_535, 0, 1, 2, 301, 1_000]);
    }

    #[test]
    fn one_that_is_too_late_changes_nothing() {
        let now = Instant::now();
        let mut a = of(&[4_000, 5_000], now);
        told(&mut a);
        for number in [4_300, 4_000, 5_001 + 32_768] {
            a.received(number, now);
            assert_eq!(a.pending(), 0, "{number}");
        }
        a.received(4_301, now);
        assert_eq!(a.pending(), 700, "the last that may be late");
    }

    /// One from before the first is bounded like any that is late.
    #[test]
    fn the_first_may_be_any_and_those_before_it_too() {
        let now = Instant::now();
        let mut a = of(&[0], now);
        for number in [65_535, 65_500] {
            a.received(number, now);
        }
        assert_eq!(a.pending(), 37);
        for number in [65_400, 40_000, 32_769] {
            a.received(number, now);
        }
        assert_eq!(a.pending(), 37);
    }

    #[test]
    fn a_jump_begins_anew_and_a_blackout_is_told() {
        let now = Instant::now();
        let mut a = of(&[1, 2, 2 + 2_047], now);
        assert_eq!(a.pending(), 2_048, "the oldest went untold");
        assert_eq!(told(&mut a).iter().filter(|(_, tick)| tick.is_some()).count(), 2);
        a.received(2_049 + 2_048, now);
        assert_eq!(told(&mut a), [(4_097, Some(0))]);
        // A lie in each packet.
        let mut number = 0_u16;
        for _ in 0..10_000 {
            number = number.wrapping_add(30_011);
            a.received(number, now);
            assert!(a.pending() <= MAX_SPAN as usize && a.span() <= MAX_SPAN);
        }
    }

    #[test]
    fn a_voice_takes_little_and_what_nobody_takes_is_bounded() {
        let (mut a, start) = (Arrivals::new(), Instant::now());
        for n in 0..100_000u64 {
            a.received(n as u16, start + Duration::from_millis(n * 20));
            if n % 5 == 0 {
                told(&mut a);
            }
        }
        assert_eq!(a.span(), FIRST_SPAN as u64);
        (0..u16::MAX).for_each(|n| a.received(n, start));
        assert_eq!((a.span(), a.pending()), (MAX_SPAN, MAX_SPAN as usize));
    }

    #[test]
    fn ticks_go_on_after_weeks_and_a_clock_that_goes_back_is_the_first_moment() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut a = of(&[1], start);
        told(&mut a);
        let weeks = 1u64 << 32;
        a.received(2, start + Duration::from_micros(250 * (weeks - 1)));
        a.received(3, start + Duration::from_micros(250 * (weeks + 1)));
        let weeks = weeks as i64;
        assert_eq!(told(&mut a), [(2, Some(weeks - 2)), (3, Some(weeks + 1))]);
        a.received(4, start + Duration::from_micros(250 * (weeks as u64 + 9)));
        a.received(5, start + Duration::from_micros(250 * (weeks as u64 + 8)));
        assert_eq!(told(&mut a), [(4, Some(weeks + 9)), (5, Some(weeks + 8))]);
        let mut a = of(&[1], start);
        a.received(2, start - Duration::from_secs(9));
        assert_eq!(told(&mut a), [(1, Some(0)), (2, Some(0))]);
    }

    proptest! {
        /// Whatever comes: memory is bounded, what is told came when it is said to have come, and the newest is always told.
        #[test]
        fn any_numbers_are_taken(
            first in any::<u16>(),
            steps in proptest::collection::vec((any::<i16>(), 0u8..8, 0u64..9_000), 1..300),
        ) {
            let (mut a, start) = (Arrivals::new(), Instant::now());
            let (mut number, mut micros, mut zero) = (first, 0, None);
            let mut came = std::collections::HashMap::<u16, Vec<i64>>::new();
            for (step, kind, passed) in steps {
                let step = match kind { 0 => step, 1 => step % 900, 2 => step % 40, _ => step % 3 };
                number = number.wrapping_add_signed(step);
                micros += passed;
                let newest = (!a.ticks.is_empty()).then(|| low(a.end - 1));
                a.received(number, start + Duration::from_micros(micros));
                // Ticks count from the first packet.
                let zero = *zero.get_or_insert(micros);
                came.entry(number).or_default().push(((micros - zero) / 250) as i64);
                prop_assert!(a.span() <= MAX_SPAN && a.pending() as u64 <= a.span());
                let ahead = newest.is_none_or(|n| number.wrapping_sub(n).cast_signed() > 0);
                prop_assert!(!ahead || a.pending() > 0 && low(a.end - 1) == number);
                if kind == 7 {
                    for (number, tick) in told_by(&mut a, 1 + usize::from(step.unsigned_abs())) {
                        prop_assert!(tick.is_none_or(|t| came[&number].contains(&t)), "{} at {:?}", number, tick);
                    }
                    prop_assert_eq!(a.pending(), 0);
                }
            }
        }
    }
}
