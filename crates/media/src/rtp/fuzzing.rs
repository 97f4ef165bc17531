//! What a publisher's numbers and reports may do (feature `fuzzing`).

use super::capture_clock::CaptureClock;
use super::codec::Codec;
use super::packet::Packet;
use super::rewriter::{Rewriter, StreamRun};
use crate::fuzzing::input::Input;
use std::time::{Duration, Instant, SystemTime};
use tring_protocol::Source;

/// Any sequence numbers, timestamps and sender reports: a slot's stream counts on, and nothing was captured after it
/// came.
pub(crate) fn rewrite(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut rewriter = Rewriter::default();
    let mut clock = CaptureClock::default();
    let mut now = Instant::now() + Duration::from_secs(86_400);
    let mut report = None;
    let mut newest: Option<(StreamRun, u64, u64)> = None;
    let mut seq = 0_u64;
    while !input.is_empty() {
        let act = input.u8();
        now += Duration::from_micros(input.u16().into());
        // The library extends 16 bits: a step is at most half of them, and numbers stay far below 2^48 in a life.
        seq = match act & 3 {
            0 => input.u64() >> 16,
            _ => seq.saturating_add_signed(i64::from(input.u16().cast_signed())),
        };
        if act & 4 != 0 {
            let ntp = Duration::new(input.u64() >> 24, u32::from(input.u16()) * 10_000);
            report = SystemTime::UNIX_EPOCH.checked_add(ntp).map(|at| (at, input.u32()));
        }
        let codec = Codec::ALL[usize::from(act >> 6) % Codec::ALL.len()];
        let mut packet = Packet::new(codec, seq, input.u32(), false, &[][..]);
        packet.report = report;
        let captured = clock.capture_time(&packet, now);
        assert!(captured <= now && now.duration_since(captured) <= Duration::from_secs(5));

        let of = StreamRun {
            session: u64::from(act >> 5 & 1),
            source: Source::Camera,
            run: u32::from(act >> 3 & 3),
        };
        let rate = codec.clock_rate();
        let Some((out, _)) = rewriter.rewrite(of, seq, packet.timestamp, rate, now) else { continue };
        let reach = rewriter.reach(seq, packet.timestamp);
        if let Some((before, seq_before, out_before)) = newest {
            if before == of {
                assert_eq!(out.wrapping_sub(out_before), seq.wrapping_sub(seq_before), "a gap of our making");
            } else {
                assert_eq!(reach, 0, "the first of a run repeats nothing");
                assert!(out > out_before, "a new stream goes on behind the old one");
            }
        }
        if newest.is_none_or(|(before, _, out_before)| before != of || out > out_before) {
            newest = Some((of, seq, out));
        }
    }
}
