//! Which packets of one received stream of pictures are asked for again (RFC 4585 §6.2.1).
//!
//! A gap is asked for a moment after it was seen, then again each round trip until it is filled or given up;
//! [`LossDetector`](super::loss::LossDetector) then asks for a key frame instead. While nothing is missing the register has
//! no memory and no deadline.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Requests for one packet before it is given up. Higher: more is repaired under heavy loss, and a key frame is asked for
/// later. Lower: less is asked for in vain.
pub(crate) const MAX_REQUESTS: u8 = 5;

/// Packets that may be missing at once; a longer jump is another stream, and nothing of it is asked for. Higher: a longer
/// blackout is repaired packet by packet, by a burst that a narrow link may not carry. Lower: more key frames.
pub(crate) const WINDOW: usize = 100;

/// What is asked for again waits this long beyond a round trip, for the sender's own turn.
pub(crate) const MARGIN: Duration = Duration::from_millis(5);

/// A round trip, while none is known.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);

/// From a gap's discovery to its first request. Higher: packets that overtook others on a wireless link are not asked for
/// in vain. Lower: the repair comes sooner; on a short way this is most of the repair's delay.
const REORDERING: Duration = Duration::from_millis(5);

/// Bounds of the time between two requests for a packet. The lower one higher: a link that is silent for longer is bridged, and
/// all requests do not fall into one moment in which the sender's own budget of retransmissions is used up (WebRTC libraries
/// look at theirs each 50 ms or so). Lower: on a short way a lost retransmission costs less. The upper one higher: nothing is asked for twice on a very
/// long way. Lower: it is asked for while anybody still waits for the picture.
const RETRY: (Duration, Duration) = (Duration::from_millis(33), Duration::from_millis(500));

/// Numbers of one request. Higher: a long gap is asked for at once. Lower: the sender answers in a smaller burst; the rest
/// stays due.
const MAX_PER_REQUEST: usize = 64;

/// A number further behind the newest is no late packet: the stream has begun anew. Lower than what a replay window lets
/// pass it would take late packets for a new stream. Higher: a stream that did begin anew is asked for later.
const MAX_LATE: u64 = 3_000;

/// A packet that may still come.
#[derive(Debug, Clone, Copy)]
struct Missing {
    seq: u64,
    /// When it is asked for next.
    due: Instant,
    /// How often it has been asked for.
    requests: u8,
}

/// What is missing of one stream of pictures.
#[derive(Debug, Default)]
pub(crate) struct NackRegister {
    newest: Option<u64>,
    /// By number, at most [`WINDOW`].
    missing: VecDeque<Missing>,
    /// The earliest due of all that is missing.
    due: Option<Instant>,
}

impl NackRegister {
    /// A register that has seen nothing.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A packet with this extended sequence number came, by its own stream or as a retransmission.
    pub(crate) fn received(&mut self, seq: u64, now: Instant) {
        let Some(newest) = self.newest else {
            self.newest = Some(seq);
            return;
        };
        if seq > newest {
            self.newest = Some(seq);
            if seq - newest > 1 {
                self.miss(newest + 1, seq, now);
            }
        } else if newest - seq > MAX_LATE {
            self.newest = Some(seq);
            self.forget_all();
        } else if !self.missing.is_empty()
            && let Ok(found) = self.missing.binary_search_by_key(&seq, |m| m.seq)
        {
            self.missing.remove(found);
            self.find_due();
        }
    }

    /// When [`Self::take_due`] has something to say, if ever: nothing is due while nothing is missing.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Appends the numbers to ask for now, the low 16 bits in the order of the stream, to `into`. What one request does not
    /// hold stays due. `round_trip`: between this end and the sender, if known.
    pub(crate) fn take_due(&mut self, round_trip: Option<Duration>, now: Instant, into: &mut Vec<u16>) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let wait = round_trip.unwrap_or(ROUND_TRIP).saturating_add(MARGIN).clamp(RETRY.0, RETRY.1);
        let mut room = MAX_PER_REQUEST;
        for m in self.missing.iter_mut().filter(|m| m.due <= now) {
            if room == 0 {
                break;
            }
            room -= 1;
            #[allow(clippy::cast_possible_truncation)] // The low 16 bits.
            into.push(m.seq as u16);
            m.requests += 1;
            m.due = now + wait;
        }
        self.missing.retain(|m| m.requests < MAX_REQUESTS);
        self.find_due();
    }

    /// The packets `from..to` have not come.
    fn miss(&mut self, from: u64, to: u64, now: Instant) {
        if to - from > WINDOW as u64 {
            self.forget_all();
            return;
        }
        let due = now + REORDERING;
        self.missing.extend((from..to).map(|seq| Missing { seq, due, requests: 0 }));
        let surplus = self.missing.len().saturating_sub(WINDOW);
        self.missing.drain(..surplus);
        self.find_due();
    }

    fn forget_all(&mut self) {
        self.missing.clear();
        self.due = None;
    }

    fn find_due(&mut self) {
        self.due = self.missing.iter().map(|m| m.due).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// A register, and its time in milliseconds.
    struct Receiver {
        register: NackRegister,
        start: Instant,
    }

    impl Receiver {
        /// One that has received these numbers at 0.
        fn of(numbers: impl IntoIterator<Item = u64>) -> Self {
            let mut receiver = Self { register: NackRegister::new(), start: Instant::now() };
            numbers.into_iter().for_each(|n| receiver.take(n, 0));
            receiver
        }

        fn take(&mut self, seq: u64, at: u64) {
            self.register.received(seq, self.start + MS(at));
        }

        fn due(&self) -> Option<u64> {
            Some((self.register.due()? - self.start).as_millis() as u64)
        }

        fn ask(&mut self, at: u64) -> Vec<u16> {
            self.ask_over(at, Some(100))
        }

        fn ask_over(&mut self, at: u64, round_trip: Option<u64>) -> Vec<u16> {
            let mut asked = Vec::new();
            self.register.take_due(round_trip.map(MS), self.start + MS(at), &mut asked);
            asked
        }

        /// When everything that is missing is asked for, until nothing is.
        fn rounds(&mut self, round_trip: Option<u64>) -> Vec<u64> {
            std::iter::from_fn(|| {
                let at = self.due()?;
                assert!(!self.ask_over(at, round_trip).is_empty());
                Some(at)
            })
            .collect()
        }
    }

    #[test]
    fn nothing_is_due_while_nothing_is_missing() {
        let mut r = Receiver::of(0..1_000);
        assert_eq!((r.due(), r.ask(5_000)), (None, vec![]));
        assert_eq!(r.register.missing.capacity(), 0, "nor is there any memory");
        r.take(1_001, 0);
        assert_eq!((r.due(), r.ask(5)), (Some(5), vec![1_000]), "a gap is");
    }

    #[test]
    fn what_was_only_overtaken_is_not_asked_for() {
        let mut r = Receiver::of([1, 2, 4, 6]);
        assert_eq!((r.due(), r.ask(4)), (Some(5), vec![]));
        r.take(3, 4);
        assert_eq!(r.ask(5), [5]);
        r.take(5, 50);
        assert_eq!(r.due(), None);
    }

    #[test]
    fn what_stays_away_is_asked_for_each_round_trip_a_few_times() {
        assert_eq!(Receiver::of([1, 3]).rounds(Some(100)), [5, 110, 215, 320, 425]);
        assert_eq!(Receiver::of([1, 3]).rounds(None), [5, 110, 215, 320, 425]);
        assert_eq!(Receiver::of([1, 3]).rounds(Some(0)), [5, 38, 71, 104, 137]);
        assert_eq!(Receiver::of([1, 3]).rounds(Some(u64::MAX)), [5, 505, 1_005, 1_505, 2_005]);
    }

    #[test]
    fn a_later_gap_has_times_of_its_own() {
        let mut r = Receiver::of([1, 3]);
        assert_eq!(r.ask(5), [2]);
        r.take(5, 50);
        assert_eq!((r.due(), r.ask(55)), (Some(55), vec![4]));
        assert_eq!((r.due(), r.ask(110)), (Some(110), vec![2]));
        assert_eq!((r.due(), r.ask(1_000)), (Some(160), vec![2, 4]));
    }

    #[test]
    fn numbers_turn_over_in_order() {
        let mut r = Receiver::of([65_533, 65_538]);
        assert_eq!(r.ask(5), [65_534, 65_535, 0, 1]);
        r.take(65_536, 6);
        assert_eq!(r.ask(200), [65_534, 65_535, 1]);
    }

    #[test]
    fn a_jump_is_another_stream() {
        let window = WINDOW as u64;
        let mut r = Receiver::of([10, 12, 12 + window + 2]);
        assert_eq!(r.due(), None, "one more than the window");
        r.take(12 + window + 2 + window + 1, 0);
        assert_eq!(r.ask(5).len() + r.ask(5).len(), WINDOW, "the window");
        r.take(1 << 20, 9);
        assert_eq!(r.due(), None);
        r.take((1 << 20) + 65_536, 9);
        assert_eq!(r.due(), None, "65,536 lost");
    }

    #[test]
    fn a_stream_that_begins_anew_is_asked_for_again() {
        let mut r = Receiver::of([1 << 40, (1 << 40) + 2, 7, 9]);
        assert_eq!(r.ask(5), [8]);
        r.take(u64::MAX, 10);
        r.take(u64::MAX - MAX_LATE, 10);
        r.take(u64::MAX - MAX_LATE + 2, 10);
        assert_eq!(r.due(), None, "they are late");
        r.take(u64::MAX - MAX_LATE - 1, 10);
        r.take(u64::MAX - MAX_LATE + 1, 10);
        assert_eq!(r.due(), Some(15), "they are another stream");
    }

    #[test]
    fn a_long_gap_is_asked_for_in_parts() {
        let mut r = Receiver::of([0, 91]);
        assert_eq!(r.ask(5), (1..65).collect::<Vec<_>>());
        assert_eq!((r.due(), r.ask(6)), (Some(5), (65..91).collect()));
        assert_eq!(r.due(), Some(110));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut r = Receiver::of([]);
        for n in 0..1_000 {
            r.take(n * (WINDOW as u64 + 1), 0);
            assert!(r.register.missing.len() <= WINDOW);
        }
        assert_eq!(r.register.missing.len(), WINDOW);
    }

    proptest! {
        /// Whatever comes: what has come is not asked for, the deadline is true, and memory and requests are bounded.
        #[test]
        fn any_numbers_are_taken(steps in proptest::collection::vec((any::<u16>(), 0u64..60, any::<bool>()), 0..300)) {
            let mut r = Receiver::of([]);
            let (mut seq, mut at) = (1u64 << 20, 0);
            for (step, passed, small) in steps {
                seq = seq.saturating_add_signed(i64::from(step.cast_signed()) % if small { 5 } else { 4_000 });
                at += passed;
                r.take(seq, at);
                let due = r.due();
                let now = r.ask_over(at, Some(40));
                prop_assert_eq!(due.is_some_and(|due| due <= at), !now.is_empty());
                prop_assert!(now.len() <= MAX_PER_REQUEST && r.register.missing.len() <= WINDOW);
                prop_assert!(!now.contains(&(seq as u16)));
                prop_assert!(r.due().is_none_or(|due| due > at || now.len() == MAX_PER_REQUEST));
                prop_assert!(r.register.missing.iter().is_sorted_by(|a, b| a.seq < b.seq));
                prop_assert_eq!(r.register.due, r.register.missing.iter().map(|m| m.due).min());
                for m in &r.register.missing {
                    prop_assert!(m.seq < r.register.newest.unwrap() && m.requests < MAX_REQUESTS);
                }
            }
        }
    }
}
