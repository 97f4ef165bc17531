use super::*;
use crate::rtcp::compound::{Packet, packets};
use proptest::prelude::*;

const HEAD_WRITTEN: FeedbackHead = FeedbackHead { sender: 1, media: 2, base: 0x0102, number: 9 };

/// A feedback of `count` packets with this behind the head.
fn feedback(count: u16, rest: &[u8]) -> Vec<u8> {
    let [c0, c1] = count.to_be_bytes();
    let mut body = [&[0, 0, 0, 1, 0, 0, 0, 2, 1, 2, c0, c1, 0, 0, 5, 9][..], rest].concat();
    body.resize(body.len().next_multiple_of(4), 0);
    let [w0, w1] = u16::try_from(body.len() / 4).unwrap().to_be_bytes();
    [&[0x8f, 205, w0, w1][..], &body].concat()
}

fn read(bytes: &[u8]) -> Option<TransportFeedback<'_>> {
    match packets(bytes).next() {
        Some(Packet::TransportFeedback(feedback)) => Some(feedback),
        None => None,
        other => panic!("{other:?}"),
    }
}

/// When the packets came, by what is behind the head.
fn arrivals(count: u16, rest: &[u8]) -> Vec<Option<i64>> {
    let bytes = feedback(count, rest);
    let feedback = read(&bytes).unwrap();
    let statuses: Vec<_> = feedback.statuses().collect();
    assert!(statuses.iter().zip(0x0102..).all(|((sequence, _), expected)| *sequence == expected));
    statuses.into_iter().map(|(_, arrival)| arrival).collect()
}

/// Writes packets that came at these ticks, and reads them again.
fn write(room: usize, at: &[Option<i64>]) -> (usize, Vec<u8>) {
    let mut out = vec![0xee];
    let numbered = at.iter().enumerate().map(|(n, at)| (HEAD_WRITTEN.base.wrapping_add(n as u16), *at));
    let taken = write_transport_feedback(&mut out, HEAD_WRITTEN, numbered, room);
    (taken, out.split_off(1))
}

#[test]
fn each_field_is_where_it_belongs() {
    let bytes = feedback(2, &[0x20, 2, 1, 4]);
    let f = read(&bytes).unwrap();
    assert_eq!((f.sender, f.media, f.base, f.count, f.reference, f.number), (1, 2, 0x0102, 2, 5, 9));
    assert_eq!(f.statuses().collect::<Vec<_>>(), [(0x0102, Some(1)), (0x0103, Some(5))]);
}

#[test]
fn chunks_of_each_kind() {
    // A run of three small times.
    assert_eq!(arrivals(3, &[0x20, 3, 1, 2, 3]), [Some(1), Some(3), Some(6)]);
    // A run of two large ones: 256 ticks on, one back.
    assert_eq!(arrivals(2, &[0x40, 2, 1, 0, 0xff, 0xff]), [Some(256), Some(255)]);
    // A run of two that did not come.
    assert_eq!(arrivals(2, &[0, 2]), [None, None]);
    // One bit each: came, not, came; the rest of the 14 is not told of.
    assert_eq!(arrivals(3, &[0b1010_1000, 0, 1, 2]), [Some(1), None, Some(3)]);
    // Two bits each: small, large, not.
    assert_eq!(arrivals(3, &[0b1101_1000, 0, 1, 2, 0]), [Some(1), Some(513), None]);
    // A run, then bits.
    assert_eq!(arrivals(4, &[0x20, 2, 0b1001_0000, 0, 1, 2, 3]), [Some(1), Some(3), None, Some(6)]);
    // A run of none between others.
    assert_eq!(arrivals(2, &[0x20, 1, 0x20, 0, 0x20, 1, 1, 2]), [Some(1), Some(3)]);
}

#[test]
fn lies_end_it() {
    // Two words have eight bytes: four are two chunks' and four are times; the last was not sent.
    assert_eq!(
        arrivals(5, &[0x20, 5, 0x20, 1, 1, 1, 1, 1])[..5],
        [Some(0x20), Some(0x21), Some(0x22), Some(0x23), Some(0x24)]
    );
    assert_eq!(arrivals(8, &[0x20, 8, 1, 1])[..], [Some(1), Some(2)], "the times end");
    assert_eq!(arrivals(8, &[0x40, 8, 0, 1, 0, 1, 0, 1])[..], [Some(1), Some(2), Some(3)]);
    assert_eq!(arrivals(4, &[0b1101_1101, 0, 1, 1, 1, 1])[..], [Some(1)], "a status that nobody knows");
    assert_eq!(arrivals(4, &[0x60, 4, 1, 1]), [], "a run of it");
    assert_eq!(arrivals(0, &[0x20, 4, 1, 1]), []);
    assert_eq!(read(&feedback(6, &[0x20, 1, 0x20, 1])), None, "fewer chunks than packets");
    assert_eq!(read(&feedback(1, &[])), None);
    assert_eq!(read(&[0x8f, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1]), None, "no head");
}

#[test]
fn a_feedback_that_is_written_byte_for_byte() {
    // Ticks 1,290 = 5 * 256 + 10.
    let (taken, bytes) = write(1_200, &[Some(1_290), None, Some(1_291), Some(1_590), Some(1_580)]);
    assert_eq!(taken, 5);
    assert_eq!(
        bytes,
        [
            0x8f,
            205,
            0,
            6,
            0,
            0,
            0,
            1,
            0,
            0,
            0,
            2,
            1,
            2,
            0,
            5,
            0,
            0,
            5,
            9, // count, reference, number
            0b1101_0001,
            0b1010_0000, // small, not, small, large, large
            10,
            1,
            1,
            43,
            0xff,
            0xf6, // times
        ]
    );
}

#[test]
fn what_is_padded_says_so() {
    let (_, bytes) = write(1_200, &[Some(0); 4]);
    assert_eq!(bytes[20..], [0x20, 4, 0, 0, 0, 0, 0, 2]);
    assert_eq!((bytes[0], bytes[3]), (0xaf, 6));
    let (_, bytes) = write(1_200, &[Some(0); 2]);
    assert_eq!((bytes[0], &bytes[20..]), (0x8f, &[0x20, 2, 0, 0][..]), "nothing to pad");
}

#[test]
fn the_shortest_chunks_are_chosen() {
    let chunks = |at: &[Option<i64>]| {
        let (taken, bytes) = write(100_000, at);
        assert_eq!(taken, at.len());
        let read = read(&bytes).unwrap().chunks.to_vec();
        read.into_iter().map(u16::from_be_bytes).collect::<Vec<_>>()
    };
    let small = |n: usize| vec![Some(7_i64); n];
    assert_eq!(chunks(&small(8_191)), [0x3fff], "the longest run");
    assert_eq!(chunks(&small(8_192)), [0x3fff, 0x2001]);
    assert_eq!(chunks(&[vec![None; 20], small(20)].concat()), [20, 0x2014]);
    let every_other: Vec<_> = (0..14).map(|n| (n % 2 == 0).then_some(0)).collect();
    assert_eq!(chunks(&every_other), [0b1010_1010_1010_1010], "14 of one bit");
    let with_large: Vec<_> = (0..7).map(|n| (n % 2 == 0).then_some(n * 300)).collect();
    assert_eq!(chunks(&with_large), [0b1101_0010_0010_0010]);
    // Ten that one bit would do for, and a large one: seven by two bits, and the others with it.
    let mut late_large = every_other[..10].to_vec();
    late_large.push(Some(600));
    assert_eq!(chunks(&late_large), [0b1101_0001_0001_0001, 0b1100_0100_1000_0000]);
    // Ten alike, and a large one.
    assert_eq!(chunks(&[small(10), vec![Some(600)]].concat()), [0x200a, 0b1110_0000_0000_0000]);
    // Large ones alone.
    let large: Vec<_> = (0..9).map(|n| Some(n * 300)).collect();
    assert_eq!(chunks(&large), [0b1101_1010_1010_1010, 0b1110_1000_0000_0000]);
    assert_eq!(chunks(&[&late_large[10..], &large[..1]].concat()), [0b1101_1000_0000_0000]);
}

#[test]
fn it_ends_where_the_next_packet_does_not_fit() {
    let (taken, bytes) = write(1_200, &[Some(0), Some(32_767), Some(65_535), Some(1)]);
    assert_eq!(taken, 2, "32,768 ticks on");
    assert_eq!(read(&bytes).unwrap().statuses().count(), 2);
    assert_eq!(write(1_200, &[Some(32_768), Some(0)]).0, 2, "and back");
    assert_eq!(write(1_200, &[Some(32_769), Some(0)]).0, 1);
    assert_eq!(write(1_200, &[Some(i64::MIN), Some(i64::MAX)]).0, 1);
    assert_eq!(write(1_200, &[Some(i64::MAX), Some(i64::MIN)]).0, 1);
    assert_eq!(write(1_200, &vec![None; 70_000]).0, MOST_STATUSES, "what is read of one");

    let mut out = vec![0xee];
    let gap = [(0x0102, Some(0)), (0x0104, Some(0))];
    assert_eq!(write_transport_feedback(&mut out, HEAD_WRITTEN, gap, 1_200), 1, "a number is left out");
    out.truncate(1);
    assert_eq!(write_transport_feedback(&mut out, HEAD_WRITTEN, [(7, Some(0))], 1_200), 0);
    assert_eq!(write_transport_feedback(&mut out, HEAD_WRITTEN, [(0x0102, Some(0))], 23), 0, "no room");
    assert_eq!(out, [0xee], "nothing is written for none");
    assert_eq!(write_transport_feedback(&mut out, HEAD_WRITTEN, [(0x0102, Some(0))], 24), 1);
}

#[test]
fn a_reference_before_the_clock_began_turns_over() {
    let (_, bytes) = write(1_200, &[Some(-1), Some(0)]);
    let feedback = read(&bytes).unwrap();
    assert_eq!(feedback.reference, 0xff_ffff);
    assert_eq!(feedback.statuses().map(|(_, at)| at).collect::<Vec<_>>(), [Some(255), Some(256)]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        steps in prop::collection::vec((prop_oneof![0..3_i64, 0..600_i64, -40_000..40_000_i64], prop::bool::weighted(0.8)), 0..400),
        start in -1_000_000..1_000_000_i64,
        base: u16,
        run in 0..60_usize,
        room in 0..1_300_usize,
    ) {
        let mut at = start;
        let mut packets: Vec<Option<i64>> = steps.iter().map(|&(step, came)| { at += step; came.then_some(at) }).collect();
        let middle = packets.len() / 2;
        packets.splice(middle..middle, std::iter::repeat_n(None, run));
        let mut rest = &packets[..];
        let mut next = base;
        while !rest.is_empty() {
            let mut out = Vec::new();
            let head = FeedbackHead { base: next, ..HEAD_WRITTEN };
            let numbered = rest.iter().enumerate().map(|(n, at)| (next.wrapping_add(n as u16), *at));
            let taken = write_transport_feedback(&mut out, head, numbered, room);
            prop_assert!(out.len() <= room && out.len() % 4 == 0);
            if room >= 24 {
                prop_assert!(taken > 0, "one always fits");
            }
            if taken == 0 {
                prop_assert!(out.is_empty());
                break;
            }
            let read = read(&out).unwrap();
            prop_assert_eq!((read.sender, read.media, read.base, read.number), (1, 2, next, 9));
            prop_assert_eq!(usize::from(read.count), taken);
            let first = rest[..taken].iter().flatten().next().copied().unwrap_or_default();
            let reference = first.div_euclid(REFERENCE_TICKS);
            prop_assert_eq!(i64::from(read.reference), reference & 0xff_ffff);
            let statuses: Vec<_> = read.statuses().map(|(n, at)| (n, at.map(|at| at + reference * REFERENCE_TICKS))).collect();
            let expected: Vec<_> = rest[..taken].iter().enumerate().map(|(n, at)| (next.wrapping_add(n as u16), *at)).collect();
            prop_assert_eq!(statuses, expected);
            rest = &rest[taken..];
            next = next.wrapping_add(taken as u16);
        }
    }
}
