use super::*;
use crate::rtp::packet::PlayoutDelay;
use proptest::prelude::*;
use std::collections::VecDeque;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn packet(seq: u64, payload: &[u8]) -> Sent<'_> {
    Sent {
        seq,
        timestamp: (seq as u32).wrapping_mul(3_000),
        marker: seq.is_multiple_of(3),
        payload_type: 96 + (seq % 30) as u8,
        extensions: HeaderExtensions {
            playout_delay: Some(PlayoutDelay { min_ms: (seq % 100) as u16, max_ms: 400 }),
            ..HeaderExtensions::default()
        },
        payload,
    }
}

fn payload(seq: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|n| (seq.wrapping_mul(7) as u8).wrapping_add(n as u8)).collect()
}

fn keep(ring: &mut RtxRing, seq: u64, length: usize, now: Instant) {
    ring.keep(&packet(seq, &payload(seq, length)), now);
}

/// A ring has the packet, whole.
fn has(ring: &mut RtxRing, seq: u64, length: usize, now: Instant) -> bool {
    let Some(found) = ring.find(seq as u16, None, now) else { return false };
    assert_eq!(found, packet(seq, &payload(seq, length)));
    true
}

#[test]
fn what_was_sent_is_found_as_it_was_across_the_turn_over() {
    let (mut ring, now) = (RtxRing::new(), Instant::now());
    assert!(ring.find(0, None, now).is_none() && ring.memory() == 0);
    for seq in 65_500..65_600 {
        keep(&mut ring, seq, 900, now);
    }
    for seq in 65_500..65_600 {
        assert!(has(&mut ring, seq, 900, now), "{seq}");
    }
    for seq in [65_499, 64, 40_000] {
        assert_eq!(ring.find(seq, None, now), None, "{seq} was never sent");
    }
}

#[test]
fn a_second_of_600_kbit_costs_its_bytes_and_little_more() {
    let (mut ring, start) = (RtxRing::new(), Instant::now());
    let (mut most, mut settled) = (0, 0);
    // 30 pictures a second of 2 or 3 packets, a minute.
    for n in 0..4_500 {
        keep(&mut ring, n, 1_000, start + MS(n * 1_000 / 75));
        most = most.max(ring.count);
        if n == 300 {
            settled = ring.memory();
        }
    }
    assert_eq!(ring.memory(), settled, "no allocation once the stream has settled");
    assert!(ring.memory() <= most * (1_000 + 32) + GROWTH + 128 * 32, "{} for {most}", ring.memory());
    assert_eq!(size_of::<Slot>(), 32);
}

#[test]
fn the_oldest_make_room_by_age_by_number_and_by_bytes() {
    let (mut ring, start) = (RtxRing::new(), Instant::now());
    keep(&mut ring, 1, 100, start);
    assert!(has(&mut ring, 1, 100, start + RTX_CACHE_AGE));
    assert!(!has(&mut ring, 1, 100, start + RTX_CACHE_AGE + MS(1)));
    let last = RTX_CACHE_PACKETS as u64 + 10;
    for seq in 1..=last {
        keep(&mut ring, seq, MAX_PAYLOAD, start);
    }
    assert!(!has(&mut ring, 10, MAX_PAYLOAD, start));
    assert!((11..=last).all(|seq| has(&mut ring, seq, MAX_PAYLOAD, start)));
    assert!(ring.memory() <= MAX_BYTES + RTX_CACHE_PACKETS * 32);
}

#[test]
fn a_pause_of_weeks_brings_nothing_back() {
    let (mut ring, start) = (RtxRing::new(), Instant::now());
    keep(&mut ring, 1, 100, start);
    // The milliseconds have turned over.
    let later = start + MS(1 << 32);
    assert!(!has(&mut ring, 1, 100, later));
    keep(&mut ring, 2, 100, later);
    assert!(has(&mut ring, 2, 100, later) && !has(&mut ring, 1, 100, later));
}

#[test]
fn what_is_under_way_is_not_sent_again_until_a_round_trip_has_passed() {
    let (mut ring, start) = (RtxRing::new(), Instant::now());
    keep(&mut ring, 5, 100, start);
    let mut ask = |round_trip: Option<u64>, at| ring.find(5, round_trip.map(MS), start + MS(at)).is_some();
    assert!(ask(Some(100), 20), "the first request is answered whenever it comes");
    assert!(!ask(Some(100), 20) && !ask(Some(100), 94));
    assert!(ask(Some(100), 95), "three quarters of a round trip later");
    assert!(!ask(None, 144) && ask(None, 145));
    assert!(!ask(Some(0), 149) && ask(Some(0), 150), "no round trip is shorter than the bound");
    assert!(!ask(Some(60_000), 399) && ask(Some(60_000), 400), "nor longer");
}

#[test]
fn a_packet_that_is_late_or_sent_twice_is_kept_once() {
    let (mut ring, now) = (RtxRing::new(), Instant::now());
    for seq in [100, 103, 101, 102, 103, 100] {
        keep(&mut ring, seq, 50, now);
    }
    assert_eq!(ring.count, 4);
    assert!((100..104).all(|seq| has(&mut ring, seq, 50, now)));
}

#[test]
fn numbers_that_jump_and_come_back_cost_no_more_than_others() {
    let (mut ring, now) = (RtxRing::new(), Instant::now());
    for seq in [5, 1 << 40, 6, u64::MAX, 0, 70_000, 4_464, 70_001, 1 << 33] {
        keep(&mut ring, seq, 1_000, now);
        assert!(ring.memory() <= 2 * GROWTH + RTX_CACHE_PACKETS * 32, "{seq}");
    }
    assert!(has(&mut ring, 1 << 33, 1_000, now));
}

#[test]
fn nothing_and_too_much_are_not_kept() {
    let (mut ring, now) = (RtxRing::new(), Instant::now());
    keep(&mut ring, 1, 0, now);
    keep(&mut ring, 2, MAX_PAYLOAD + 1, now);
    assert!(ring.find(1, None, now).is_none() && ring.find(2, None, now).is_none());
    assert_eq!(ring.memory(), 0);
    keep(&mut ring, 3, MAX_PAYLOAD, now);
    assert!(has(&mut ring, 3, MAX_PAYLOAD, now), "a packet as long as may be is kept");
}

proptest! {
    // Each case writes hundreds of kilobytes.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is sent: all of the last second that is among the newest numbers is there, whole, and nothing older is.
    #[test]
    fn any_stream_is_kept_as_a_list_would_keep_it(
        first in any::<u32>(),
        packets in proptest::collection::vec((1u64..4, 1usize..=MAX_PAYLOAD, 0u64..12), 1..600),
    ) {
        let (mut ring, mut now) = (RtxRing::new(), Instant::now());
        let mut seq = u64::from(first);
        let (mut kept, mut too_old) = (VecDeque::<(u64, usize, Instant)>::new(), Vec::new());
        for (step, length, passed) in packets {
            seq += step;
            now += MS(passed);
            keep(&mut ring, seq, length, now);
            kept.push_back((seq, length, now));
            while kept.front().is_some_and(|&(.., at)| now - at > RTX_CACHE_AGE) {
                too_old.extend(kept.pop_front());
            }
        }
        for (seq, ..) in too_old {
            prop_assert!(ring.find(seq as u16, None, now).is_none(), "{}", seq);
        }
        kept.retain(|&(s, ..)| s + RTX_CACHE_PACKETS as u64 > seq);
        for (seq, length, _) in kept {
            prop_assert!(has(&mut ring, seq, length, now), "{}", seq);
        }
        prop_assert!(ring.memory() <= MAX_BYTES + RTX_CACHE_PACKETS * 32);
    }

    /// Any numbers, lengths and times: what is found is what was sent under that number last, and memory is bounded.
    #[test]
    fn any_numbers_are_taken(
        packets in proptest::collection::vec((any::<u16>(), 0usize..1_500, 0u64..300), 0..400),
    ) {
        let (mut ring, mut now, mut seq) = (RtxRing::new(), Instant::now(), 1u64 << 20);
        for (step, length, passed) in packets {
            seq = seq.saturating_add_signed((step.cast_signed() % 400).into());
            now += MS(passed);
            keep(&mut ring, seq, length, now);
            if let Some(found) = ring.find(seq as u16, None, now) {
                prop_assert_eq!(found.payload, &payload(seq, found.payload.len()));
            }
            prop_assert!(ring.count <= RTX_CACHE_PACKETS);
            prop_assert!(ring.memory() <= MAX_BYTES + RTX_CACHE_PACKETS * 32);
        }
    }
}
