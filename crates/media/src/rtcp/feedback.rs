//! What a receiver asks of a sender: packets again (NACK, RFC 4585 §6.2.1), a picture that needs no other (PLI, §6.3.1; FIR,
//! RFC 5104 §4.3.1), a rate (REMB, draft-alvestrand-rmcat-remb-03 §2.2).

use crate::rtcp::entries::{Entries, Entry, Ssrcs};
use crate::rtcp::frame::FrameWriter;
use std::slice::Iter;

/// Feedback of a transport (RFC 4585 §6.1).
pub(super) const TRANSPORT: u8 = 205;

/// Feedback of a payload (RFC 4585 §6.1).
pub(super) const PAYLOAD: u8 = 206;

/// Kinds of feedback: of a transport.
pub(super) const NACK: u8 = 1;

/// Kinds of feedback: of a payload.
pub(super) const PICTURE_LOSS: u8 = 1;
pub(super) const FULL_INTRA: u8 = 4;
pub(super) const APPLICATION: u8 = 15;

/// What tells REMB from other applications' feedback.
const REMB: [u8; 4] = *b"REMB";

/// Bits of a rate that REMB keeps.
const MANTISSA: u32 = 18;

/// Entries of 17 sequence numbers each in a NACK packet; more go into the next packet. Higher: readers that keep no more
/// than 31 (there are some) lose the rest. Lower: more headers.
const MOST_NACK_ENTRIES: usize = 31;

/// Streams in a FIR packet; more go into the next packet. Higher and lower: as for [`MOST_NACK_ENTRIES`].
const MOST_FULL_INTRA: usize = 31;

/// Streams in a REMB packet: what its count can say.
const MOST_REMB: usize = 255;

/// SSRCs of who says it and of the stream that it is about (RFC 4585 §6.1), and what is behind.
pub(super) fn read_ssrcs(body: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (&[a, b, c, d, e, f, g, h], rest) = body.split_first_chunk()?;
    Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]), rest))
}

/// Begins feedback.
pub(super) fn begin(out: &mut Vec<u8>, kind: u8, packet_type: u8, sender: u32, media: u32) -> FrameWriter {
    let frame = FrameWriter::begin(out, kind, packet_type);
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&media.to_be_bytes());
    frame
}

/// The sequence numbers of a NACK: at most 17 for 4 bytes, in the order in which they are named.
#[derive(Debug, Clone)]
pub(crate) struct NackSequences<'a> {
    entries: Iter<'a, [u8; 4]>,
    /// The number that the lowest of `bits` stands for.
    first: u16,
    /// Which of 17 numbers are still to be told.
    bits: u32,
}

impl<'a> NackSequences<'a> {
    pub(super) fn new(entries: &'a [u8]) -> Self {
        Self { entries: entries.as_chunks().0.iter(), first: 0, bits: 0 }
    }
}

impl Iterator for NackSequences<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.bits == 0 {
            let &[a, b, c, d] = self.entries.next()?;
            self.first = u16::from_be_bytes([a, b]);
            self.bits = u32::from(u16::from_be_bytes([c, d])) << 1 | 1;
        }
        let at = self.bits.trailing_zeros();
        self.bits &= self.bits - 1;
        #[allow(clippy::cast_possible_truncation)] // less than 17
        Some(self.first.wrapping_add(at as u16))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (now, entries) = (self.bits.count_ones() as usize, self.entries.len());
        (now + entries, Some(now + 17 * entries))
    }
}

/// A request for a picture that needs no other (FIR, RFC 5104 §4.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FullIntraRequest {
    /// SSRC of the stream.
    pub(crate) ssrc: u32,
    /// Number of the request: one that is sent again has the number that it had.
    pub(crate) number: u8,
}

/// Requests as they came.
pub(crate) type FullIntraRequests<'a> = Entries<'a, FullIntraRequest, 8>;

impl Entry<8> for FullIntraRequest {
    fn read(&[a, b, c, d, number, ..]: &[u8; 8]) -> Self {
        Self { ssrc: u32::from_be_bytes([a, b, c, d]), number }
    }
}

/// Reads what is behind the SSRCs of an application's feedback: bits a second and streams. None: it is no REMB, or cut
/// off. A rate beyond 64 bits is the highest.
pub(super) fn read_remb(rest: &[u8]) -> Option<(u64, Ssrcs<'_>)> {
    let (&[n, a, b, c], ssrcs) = rest.strip_prefix(&REMB)?.split_first_chunk()?;
    let exponent = u32::from(a >> 2);
    let mantissa = u64::from(u32::from_be_bytes([0, a & 3, b, c]));
    let bitrate = if mantissa.leading_zeros() >= exponent { mantissa << exponent } else { u64::MAX };
    Some((bitrate, Entries::new(ssrcs, n.into())))
}

/// Asks for packets again. Numbers ascend (they may turn over); one that is told twice is asked for once. It costs 4 bytes
/// for up to 17 numbers, and 12 for each 31 of these: the caller bounds how many numbers it gives. Nothing for none.
pub(crate) fn write_nack(
    out: &mut Vec<u8>,
    sender: u32,
    media: u32,
    sequences: impl IntoIterator<Item = u16>,
) {
    let mut sequences = sequences.into_iter().peekable();
    while sequences.peek().is_some() {
        let frame = begin(out, NACK, TRANSPORT, sender, media);
        for _ in 0..MOST_NACK_ENTRIES {
            let Some(first) = sequences.next() else { break };
            let mut bits = 0_u16;
            // `first` again, or one of the 16 behind it.
            while let Some(next) = sequences.next_if(|next| next.wrapping_sub(first) <= 16) {
                let behind = next.wrapping_sub(first);
                bits |= if behind == 0 { 0 } else { 1 << (behind - 1) };
            }
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&bits.to_be_bytes());
        }
        frame.finish(out);
    }
}

/// Says that a picture of a stream is lost.
pub(crate) fn write_picture_loss(out: &mut Vec<u8>, sender: u32, media: u32) {
    begin(out, PICTURE_LOSS, PAYLOAD, sender, media).finish(out);
}

/// Asks for pictures that need no other. Nothing for none.
pub(crate) fn write_full_intra(
    out: &mut Vec<u8>,
    sender: u32,
    requests: impl IntoIterator<Item = FullIntraRequest>,
) {
    let mut requests = requests.into_iter().peekable();
    while requests.peek().is_some() {
        // RFC 5104 §4.3.1.2: the stream that it is about is in the entries, here is 0.
        let frame = begin(out, FULL_INTRA, PAYLOAD, sender, 0);
        for request in requests.by_ref().take(MOST_FULL_INTRA) {
            out.extend_from_slice(&request.ssrc.to_be_bytes());
            out.extend_from_slice(&[request.number, 0, 0, 0]);
        }
        frame.finish(out);
    }
}

/// Bounds the rate of streams together, in bits a second: 18 bits of it are kept, and the rest is cut off. At most 255
/// streams.
pub(crate) fn write_remb(out: &mut Vec<u8>, sender: u32, bitrate: u64, ssrcs: impl IntoIterator<Item = u32>) {
    let exponent = (u64::BITS - bitrate.leading_zeros()).saturating_sub(MANTISSA);
    let [.., a, b, c] = (bitrate >> exponent).to_be_bytes();
    let frame = begin(out, APPLICATION, PAYLOAD, sender, 0);
    out.extend_from_slice(&REMB);
    let count = out.len();
    #[allow(clippy::cast_possible_truncation)] // less than 64
    out.extend_from_slice(&[0, (exponent as u8) << 2 | a, b, c]);
    for ssrc in ssrcs.into_iter().take(MOST_REMB) {
        out.extend_from_slice(&ssrc.to_be_bytes());
        out[count] += 1;
    }
    frame.finish(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::compound::{Packet, packets};
    use proptest::prelude::*;

    fn nack(sequences: impl IntoIterator<Item = u16>) -> Vec<u8> {
        let mut out = vec![0xee];
        write_nack(&mut out, 1, 2, sequences);
        out.split_off(1)
    }

    fn asked_for(bytes: &[u8]) -> Vec<u16> {
        let read = packets(bytes).flat_map(|packet| {
            let Packet::Nack { sender: 1, media: 2, sequences } = packet else { panic!("{packet:?}") };
            sequences
        });
        read.collect()
    }

    #[test]
    fn a_nack_byte_for_byte() {
        // 10 and, by bits, 11, 13, 26; 27 is one too far.
        let bytes = nack([10, 11, 13, 26, 27]);
        assert_eq!(
            bytes,
            [0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0b1000_0000, 0b0000_0101, 0, 27, 0, 0]
        );
        assert_eq!(asked_for(&bytes), [10, 11, 13, 26, 27]);
    }

    #[test]
    fn a_nack_turns_over_and_has_each_number_once() {
        let bytes = nack([65_530, 65_530, 65_535, 0, 0, 10, 11]);
        assert_eq!(bytes.len(), 12 + 2 * 4);
        assert_eq!(asked_for(&bytes), [65_530, 65_535, 0, 10, 11]);
        assert!(nack([]).is_empty());
        assert!(asked_for(&[0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]).is_empty());
    }

    #[test]
    fn a_nack_of_everything_is_bounded_by_its_bytes() {
        let bytes = nack(0..=u16::MAX);
        assert_eq!(bytes.len(), 4 * 3_856 + 12 * 125, "17 numbers for 4 bytes, 31 times");
        assert_eq!(asked_for(&bytes), (0..=u16::MAX).collect::<Vec<_>>());
        let all: Vec<u8> = [&[0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2][..], &[0xff; 4]].concat();
        let Some(Packet::Nack { sequences, .. }) = packets(&all).next() else { panic!() };
        assert_eq!(sequences.size_hint(), (1, Some(17)));
        assert_eq!(sequences.collect::<Vec<_>>(), [&[65_535][..], &(0..16).collect::<Vec<_>>()].concat());
    }

    #[test]
    fn a_picture_loss_byte_for_byte() {
        let mut out = Vec::new();
        write_picture_loss(&mut out, 1, 0x0102_0304);
        assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4]);
        assert!(matches!(packets(&out).next(), Some(Packet::PictureLoss { media: 0x0102_0304 })));
    }

    #[test]
    fn a_full_intra_request_byte_for_byte() {
        let mut out = Vec::new();
        let requests = [FullIntraRequest { ssrc: 7, number: 3 }, FullIntraRequest { ssrc: 8, number: 255 }];
        write_full_intra(&mut out, 1, requests);
        let expected =
            [0x84, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 3, 0, 0, 0, 0, 0, 0, 8, 255, 0, 0, 0];
        assert_eq!(out, expected);
        let Some(Packet::FullIntra { media }) = packets(&out).next() else { panic!() };
        assert_eq!(media.collect::<Vec<_>>(), requests);
        out.clear();
        write_full_intra(&mut out, 1, []);
        assert!(out.is_empty());
    }

    #[test]
    fn a_rate_byte_for_byte() {
        let mut out = Vec::new();
        // 1,000,000 = 250,000 << 2 = 0x3d090 << 2.
        write_remb(&mut out, 1, 1_000_000, [7]);
        let expected = [
            0x8f,
            206,
            0,
            5,
            0,
            0,
            0,
            1,
            0,
            0,
            0,
            0,
            b'R',
            b'E',
            b'M',
            b'B',
            1,
            2 << 2 | 3,
            0xd0,
            0x90,
            0,
            0,
            0,
            7,
        ];
        assert_eq!(out, expected);
        let Some(Packet::Remb { bitrate: 1_000_000, ssrcs }) = packets(&out).next() else { panic!() };
        assert_eq!(ssrcs.collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn rates_of_any_size_and_streams_that_are_not_there() {
        let read = |n: u8, rate: [u8; 3]| {
            let rest = [&REMB[..], &[n], &rate, &[0, 0, 0, 9]].concat();
            read_remb(&rest).map(|(bitrate, ssrcs)| (bitrate, ssrcs.count()))
        };
        assert_eq!(read(1, [46 << 2 | 3, 0xff, 0xff]), Some((0x3_ffff << 46, 1)));
        assert_eq!(read(200, [47 << 2 | 3, 0xff, 0xff]), Some((u64::MAX, 1)), "beyond 64 bits");
        assert_eq!(read(0, [63 << 2, 0, 1]), Some((1 << 63, 0)));
        assert_eq!(read(0, [63 << 2, 0, 0]), Some((0, 0)));
        assert!(read_remb(b"REMB\x00\x00\x00").is_none() && read_remb(b"AFB!\x00\x00\x00\x00").is_none());
        let mut out = Vec::new();
        write_remb(&mut out, 1, 5, 0..300);
        let Some(Packet::Remb { bitrate: 5, ssrcs }) = packets(&out).next() else { panic!() };
        assert_eq!(ssrcs.count(), 255);
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_read(start: u16, steps in prop::collection::vec(0..40_u16, 0..200)) {
            let mut at = start;
            let mut sequences: Vec<u16> = steps.iter().map(|step| { at = at.wrapping_add(*step); at }).collect();
            let bytes = nack(sequences.clone());
            sequences.dedup();
            prop_assert_eq!(asked_for(&bytes), sequences);
        }

        #[test]
        fn a_rate_is_cut_to_18_bits(bitrate: u64, shift in 0..64_u32) {
            let bitrate = bitrate >> shift;
            let mut out = Vec::new();
            write_remb(&mut out, 1, bitrate, []);
            let Some(Packet::Remb { bitrate: read, .. }) = packets(&out).next() else { panic!() };
            prop_assert!(read <= bitrate && bitrate - read <= bitrate >> 17, "{} {}", read, bitrate);
        }
    }
}
