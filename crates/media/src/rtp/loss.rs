//! Packets of pictures that are lost for good, on the way to the server. A receiver that misses such a packet asks for it,
//! waits, and gives up after seconds; the server knows sooner that no retransmission will come, and asks the publisher for
//! a key frame itself.

use super::nack;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Rounds of asking for a retransmission before a packet is taken for lost: all of them, and one for the last to come.
/// Higher: more of them may still come. Lower: the picture stands still for less long.
const ROUNDS: u32 = nack::MAX_REQUESTS as u32 + 1;

/// Bounds of the patience that follows. Lower: key frames, the largest of all, are asked for where a retransmission was
/// under way. Higher: on a long way the picture stands still for longer.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(1000));

/// Longest wait between two requests while no key frame begins; each is twice as long as the one before. Lower: a request that
/// was lost matters less. Higher: a publisher whose key frames cannot be told from others sends fewer in vain.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// Packets that may be missing at once: those that are asked for again.
const WINDOW: usize = nack::WINDOW;

/// How long a packet is waited for on a way with this round trip.
pub(crate) fn patience(round_trip: Option<Duration>) -> Duration {
    let rounds = round_trip.unwrap_or(nack::ROUND_TRIP).saturating_add(nack::MARGIN).saturating_mul(ROUNDS);
    rounds.clamp(PATIENCE.0, PATIENCE.1)
}

/// Finds what is lost for good of one stream of pictures.
#[derive(Debug, Default)]
pub(crate) struct LossDetector {
    newest: Option<u64>,
    /// What may still come, in order, each with the moment when it was missed.
    missing: VecDeque<(u64, Instant)>,
    /// The picture is broken: when a key frame was asked for, and how long it is waited for.
    asked: Option<(Instant, Duration)>,
    /// The timestamp of the newest key frame that has begun.
    begun: Option<u32>,
}

impl LossDetector {
    /// Takes a packet, of the picture with this RTP timestamp. `true`: without a key frame the picture stays broken; ask for
    /// one. It is said again until one begins. A key frame's own first packet (parameter sets that go before it) is not
    /// missed: the receivers ask for that.
    pub(crate) fn take(
        &mut self,
        (seq, timestamp): (u64, u32),
        begins_keyframe: bool,
        patience: Duration,
        now: Instant,
    ) -> bool {
        let newest = self.newest.unwrap_or(seq);
        let stepped = usize::try_from(seq.saturating_sub(newest).saturating_sub(1)).unwrap_or(usize::MAX);
        self.newest = Some(newest.max(seq));
        if stepped > WINDOW {
            self.missing.clear();
        } else if seq > newest {
            self.missing.extend((newest + 1..seq).map(|s| (s, now)));
        } else if let Ok(found) = self.missing.binary_search_by_key(&seq, |&(s, _)| s) {
            self.missing.remove(found);
        }
        let surplus = self.missing.len().saturating_sub(WINDOW);
        self.missing.drain(..surplus);
        // A key frame in several slices begins once.
        if begins_keyframe && self.begun.replace(timestamp) != Some(timestamp) {
            // What is missing behind it is its own, or comes after it.
            self.missing.retain(|&(s, _)| s > seq);
            self.asked = None;
            return false;
        }
        let passed = |since: Instant| now.saturating_duration_since(since);
        let wait = match self.asked {
            Some((at, wait)) if passed(at) < wait => return false,
            Some((_, wait)) => wait.saturating_mul(2).min(LONGEST_WAIT),
            None => {
                let lost = self.missing.front().is_some_and(|&(_, since)| passed(since) >= patience);
                if !lost && stepped <= WINDOW && surplus == 0 {
                    return false;
                }
                patience
            }
        };
        self.asked = Some((now, wait));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: Duration = Duration::from_millis(300);

    /// A publisher of a packet each 10 ms, a picture each.
    struct Publisher {
        detector: LossDetector,
        start: Instant,
    }

    impl Publisher {
        fn new() -> Self {
            Self { detector: LossDetector::default(), start: Instant::now() }
        }

        /// The moments, in packets, at which a key frame is asked for. Some packets do not come, some begin a key frame.
        fn run(&mut self, packets: std::ops::Range<u64>, lost: &[u64], keyframes: &[u64]) -> Vec<u64> {
            packets.filter(|n| !lost.contains(n) && self.take(*n, *n, keyframes.contains(n))).collect()
        }

        fn take(&mut self, at: u64, seq: u64, keyframe: bool) -> bool {
            self.of_picture(at, (seq, seq as u32), keyframe)
        }

        fn of_picture(&mut self, at: u64, packet: (u64, u32), begins: bool) -> bool {
            self.detector.take(packet, begins, PATIENCE, self.start + Duration::from_millis(10 * at))
        }
    }

    #[test]
    fn nothing_is_asked_for_while_nothing_is_missing() {
        assert!(Publisher::new().run(0..1000, &[], &[]).is_empty());
    }

    #[test]
    fn what_never_comes_costs_one_request_until_a_key_frame_begins() {
        let mut p = Publisher::new();
        assert_eq!(p.run(0..60, &[10], &[45]), [41], "300 ms after it was missed");
        assert!(p.run(60..200, &[], &[]).is_empty());
    }

    #[test]
    fn a_request_that_is_lost_is_repeated_less_and_less_often() {
        assert_eq!(Publisher::new().run(0..1600, &[10], &[]), [41, 71, 131, 251, 491, 891, 1291]);
    }

    #[test]
    fn what_comes_late_but_in_time_is_not_lost() {
        let mut p = Publisher::new();
        assert!(p.run(0..35, &[10, 11], &[]).is_empty());
        assert!(!p.take(35, 11, false) && !p.take(35, 10, false));
        assert!(p.run(35..200, &[], &[]).is_empty());
    }

    #[test]
    fn what_is_missing_before_a_key_frame_is_not_needed() {
        assert!(Publisher::new().run(0..200, &[10, 15], &[20]).is_empty());
    }

    #[test]
    fn a_key_frame_with_a_hole_of_its_own_is_asked_for_again() {
        let mut p = Publisher::new();
        assert_eq!(p.run(0..100, &[10, 46], &[45, 90]), [41, 77]);
    }

    #[test]
    fn the_second_slice_of_a_key_frame_does_not_hide_a_hole_in_the_first() {
        let mut p = Publisher::new();
        assert!(p.run(0..10, &[], &[]).is_empty());
        // One picture of ten packets, two of which begin a slice; one never comes.
        let asked = (10..20).filter(|n| *n != 12 && p.of_picture(*n, (*n, 77), [10, 15].contains(n))).count();
        assert_eq!((asked, p.run(20..60, &[], &[])), (0, vec![43]));
    }

    #[test]
    fn a_key_frame_whose_first_packet_comes_again_counts() {
        let mut p = Publisher::new();
        assert_eq!(p.run(0..50, &[10, 45], &[]), [41]);
        assert!(!p.take(50, 45, true));
        assert!(p.run(50..200, &[], &[]).is_empty());
    }

    #[test]
    fn an_old_key_frame_that_comes_again_in_part_repairs_nothing_behind_it() {
        let mut p = Publisher::new();
        assert!(p.run(0..50, &[20, 25], &[]).is_empty());
        assert_eq!(p.run(50..53, &[], &[]), [51], "20 is lost");
        assert!(!p.take(53, 20, true), "it was only late");
        assert_eq!(p.run(54..60, &[], &[]), [56], "and 25 of the same picture is still missing");
    }

    #[test]
    fn more_than_can_be_sent_again_is_lost_at_once() {
        let mut p = Publisher::new();
        assert!(p.run(0..5, &[], &[]).is_empty());
        assert!(p.take(6, 5 + WINDOW as u64 + 1, false));
    }

    #[test]
    fn what_is_kept_is_bounded_while_a_key_frame_is_awaited() {
        let mut p = Publisher::new();
        for n in 0..1_000 {
            p.take(0, n * (WINDOW as u64 + 1), false);
            assert!(p.detector.missing.len() <= WINDOW);
        }
    }

    #[test]
    fn the_longer_the_way_the_longer_it_waits_within_bounds() {
        let ms = Duration::from_millis;
        assert_eq!(patience(None), ms(630));
        assert_eq!(patience(Some(ms(40))), ms(270));
        assert_eq!(patience(Some(Duration::ZERO)), super::PATIENCE.0);
        assert_eq!(patience(Some(Duration::MAX)), super::PATIENCE.1);
    }

    proptest! {
        /// Whatever comes: what is kept is bounded, and between two requests without a key frame there is the patience.
        #[test]
        fn any_numbers_are_taken(steps in proptest::collection::vec((any::<u16>(), 0u64..200, any::<bool>()), 0..300)) {
            let mut p = Publisher::new();
            let (mut seq, mut at, mut last) = (1u64 << 20, 0, None::<u64>);
            for (n, (step, ms, keyframe)) in (0..).zip(steps) {
                seq = seq.saturating_add_signed(i64::from(step.cast_signed() % 150));
                at += ms;
                let now = p.start + Duration::from_millis(at);
                let asked = p.detector.take((seq, n), keyframe, PATIENCE, now);
                prop_assert!(p.detector.missing.len() <= WINDOW);
                if keyframe {
                    last = None;
                } else if asked {
                    prop_assert!(last.is_none_or(|l| at - l >= 300));
                    last = Some(at);
                }
            }
        }
    }
}
