//! The transport-wide sequence numbers (TWCC) of a peer's packets (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2), held against bounds
//! before the library sees them.
//!
//! The library keeps an entry for each 8,192 numbers between two that it has seen, and takes one from before its first for one
//! that is 2^64 ahead: a single packet of a peer's would take all of the machine's memory. What is remembered here comes from
//! packets that the library has authenticated only, so nobody else can make it refuse the peer's own.

use super::headers::rtp_header;
use std::time::Instant;
use str0m::rtp::RtpHeader;
use tring_limits::{Bucket, Rate};

/// Sequence numbers that a peer may leave out: what it sent and was lost, at once and a second. Higher: after a blackout a
/// faster sender is taken up at once. Lower: less is kept of a peer that leaves out as much as it can.
const SKIPPED: Rate = Rate { burst: 32_000.0, per_second: 4_000.0 };

/// Bytes that SRTP adds to a payload at most (RFC 7714 §13.1: a tag of 16). A packet that is no longer than its header and
/// these may have no payload.
const LONGEST_TAG: usize = 16;

/// How far behind the newest a number may be. Higher: packets that the network has turned around for longer are confirmed.
/// Together with the burst of [`SKIPPED`] it must stay below 32,768: then all that is shown is within half the range, and the
/// library puts each number where it is put here, whatever it has seen that it did not tell of (padding, retransmissions).
const LATE: u64 = 700;

/// The bounds of one peer's transport-wide sequence numbers.
#[derive(Debug)]
pub(super) struct TransportSequenceBounds {
    /// Which header extension has them, if the peer has any.
    id: Option<u8>,
    /// The highest that was authenticated in a packet with media, without its turn-over. The library's is never lower.
    newest: Option<u64>,
    skipped: Bucket,
}

impl TransportSequenceBounds {
    pub(super) fn new(id: Option<u8>, now: Instant) -> Self {
        Self { id, newest: None, skipped: Bucket::full(SKIPPED, now) }
    }

    /// The library may see this RTP packet. `is_rtx`: it is of a stream, or a payload type, of retransmissions.
    pub(super) fn admits(&mut self, packet: &[u8], is_rtx: bool, now: Instant) -> bool {
        let Some(id) = self.id else { return true };
        // As the library reads it: the first two bytes, however many there are.
        let numbers = extensions(packet).filter(|(found, _)| *found == id);
        let mut numbers = numbers.filter_map(|(_, value)| Some(u16::from_be_bytes(*value.first_chunk()?)));
        let Some(newest) = self.newest else {
            // What the library takes of the first it tells, or its numbers would be unknown here: media, which is neither
            // padding nor sent again.
            return numbers.next().is_none() || (!is_rtx && has_media(packet));
        };
        let skipped = &mut self.skipped;
        numbers.all(|number| {
            extend(newest, number).is_some_and(|at| {
                at.saturating_add(LATE) >= newest && skipped.has(left_out(newest, at), SKIPPED, now)
            })
        })
    }

    /// The library has authenticated a packet with media.
    pub(super) fn received(&mut self, header: &RtpHeader, now: Instant) {
        let Some(number) = header.ext_vals.transport_cc else { return };
        let Some(newest) = self.newest else {
            self.newest = Some(number.into());
            return;
        };
        if let Some(at) = extend(newest, number).filter(|&at| at > newest) {
            self.skipped.take_many(left_out(newest, at), SKIPPED, now);
            self.newest = Some(at);
        }
    }
}

/// A number on the line of those before it. `None`: it would be before the first.
fn extend(newest: u64, number: u16) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation)] // its lower 16 bits
    let step = number.wrapping_sub(newest as u16).cast_signed();
    newest.checked_add_signed(step.into())
}

/// How many numbers lie between two.
fn left_out(newest: u64, at: u64) -> f64 {
    // Less than half of 16 bits.
    u16::try_from(at.saturating_sub(newest).saturating_sub(1)).unwrap_or(u16::MAX).into()
}

/// Where the extensions of an RTP packet begin (RFC 3550 §5.1, §5.3.1), and whether there are any.
fn after_sources(packet: &[u8]) -> Option<(usize, bool)> {
    let header = rtp_header(packet)?;
    Some((12 + 4 * usize::from(header[0] & 0x0f), header[0] & 0x10 != 0))
}

fn has_media(packet: &[u8]) -> bool {
    const PADDING: u8 = 0x20;
    let Some((at, extended)) = after_sources(packet) else { return false };
    let extension = match (extended, packet.get(at..at + 4)) {
        (false, _) => 0,
        (true, Some(head)) => 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]])),
        (true, None) => return false,
    };
    packet[0] & PADDING == 0 && packet.len() > at + extension + LONGEST_TAG
}

/// The header extensions of an RTP packet, with their ids (RFC 8285 §4.2, §4.3).
fn extensions(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let block = after_sources(packet).filter(|(_, extended)| *extended).and_then(|(at, _)| {
        let (head, rest) = packet.get(at..)?.split_first_chunk::<4>()?;
        let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let one_byte = match u16::from_be_bytes([head[0], head[1]]) {
            0xbede => true,
            profile if profile & 0xfff0 == 0x1000 => false,
            _ => return None,
        };
        Some((one_byte, rest.get(..4 * words)?))
    });
    let (one_byte, mut rest) = block.unwrap_or((true, &[]));
    std::iter::from_fn(move || {
        while let Some((&0, after)) = rest.split_first() {
            rest = after;
        }
        let (&first, after) = rest.split_first()?;
        let (id, length, body) = if one_byte {
            (first >> 4, usize::from(first & 0x0f) + 1, after)
        } else {
            let (&length, body) = after.split_first()?;
            (first, usize::from(length), body)
        };
        let (value, next) = body.split_at_checked(length)?;
        rest = next;
        Some((id, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ID: u8 = 3;

    fn packet(number: u16) -> Vec<u8> {
        let mut p = vec![0x90, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, ID << 4 | 1];
        p.extend(number.to_be_bytes());
        p.push(0);
        p.extend([9; 40]);
        p
    }

    fn receive(numbers: &mut TransportSequenceBounds, number: u16, now: Instant) -> bool {
        let admitted = numbers.admits(&packet(number), false, now);
        if admitted {
            let mut header = RtpHeader::default();
            header.ext_vals.transport_cc = Some(number);
            numbers.received(&header, now);
        }
        admitted
    }

    #[test]
    fn numbers_go_on_turn_over_and_come_late() {
        let now = Instant::now();
        let mut n = TransportSequenceBounds::new(Some(ID), now);
        for number in [65_000, 65_001, 65_535, 0, 2, 1, 65_534, 3_000, 2_300] {
            assert!(receive(&mut n, number, now), "{number}");
        }
        assert_eq!(n.newest, Some(65_536 + 3_000));
    }

    #[test]
    fn one_from_before_the_first_is_not_shown() {
        let now = Instant::now();
        let mut n = TransportSequenceBounds::new(Some(ID), now);
        assert!(receive(&mut n, 100, now));
        for number in [65_535, 40_000, 32_869] {
            assert!(!receive(&mut n, number, now), "{number}");
        }
        assert!(receive(&mut n, 0, now) && receive(&mut n, 101, now));
    }

    /// However many bytes the extension has, the library reads the first two.
    #[test]
    fn a_number_with_bytes_behind_it_is_one_too() {
        let now = Instant::now();
        let mut n = TransportSequenceBounds::new(Some(ID), now);
        assert!(receive(&mut n, 0, now));
        for length in [2u8, 3, 4, 16] {
            let mut p =
                vec![0x90, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0xbe, 0xde, 0, 5, ID << 4 | (length - 1)];
            p.extend(40_000u16.to_be_bytes());
            p.resize(16 + 20 + 40, 0);
            assert!(!n.admits(&p, false, now), "{length}");
            let mut p = vec![0x90, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0x10, 0, 0, 5, ID, length];
            p.extend(40_000u16.to_be_bytes());
            p.resize(16 + 20 + 40, 0);
            assert!(!n.admits(&p, false, now), "{length}, in two-byte headers");
        }
    }

    #[test]
    fn one_that_is_too_late_for_the_librarys_line_is_not_shown() {
        let now = Instant::now();
        let mut n = TransportSequenceBounds::new(Some(ID), now);
        assert!(receive(&mut n, 5_000, now));
        assert!(receive(&mut n, 4_300, now) && !receive(&mut n, 4_299, now));
        assert!(f64::from(u16::MAX / 2) > SKIPPED.burst + LATE as f64);
    }

    #[test]
    fn what_is_left_out_is_bounded_and_comes_back_with_time() {
        let start = Instant::now();
        let mut n = TransportSequenceBounds::new(Some(ID), start);
        assert!(receive(&mut n, 0, start) && receive(&mut n, 30_000, start));
        assert!(!receive(&mut n, 60_000, start));
        assert!(receive(&mut n, 30_001, start), "what goes on is taken all the same");
        assert!(receive(&mut n, 60_000, start + Duration::from_secs(8)));
    }

    #[test]
    fn before_the_first_only_what_the_library_will_tell_is_shown() {
        let now = Instant::now();
        let mut n = TransportSequenceBounds::new(Some(ID), now);
        assert!(n.admits(&packet(7), false, now));
        assert!(!n.admits(&packet(7), true, now), "sent again");
        let mut padding = packet(7);
        padding[0] |= 0x20;
        assert!(!n.admits(&padding, false, now));
        assert!(!n.admits(&packet(7)[..20 + LONGEST_TAG], false, now), "no payload");
        assert!(
            TransportSequenceBounds::new(None, now).admits(&padding, false, now),
            "nothing was negotiated"
        );
        let mut plain = padding.clone();
        plain[16] = 9 << 4 | 1;
        assert!(n.admits(&plain, true, now), "it has no number");
    }

    #[test]
    fn a_number_is_found_behind_other_extensions_and_in_two_byte_headers() {
        let read = |extensions_of: &[u8]| {
            let mut p = vec![0x91, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 7, 7, 7, 7];
            p.extend(extensions_of);
            extensions(&p).map(|(id, value)| (id, value.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(read(&[0xbe, 0xde, 0, 2, 0x10, 9, 0, 0x31, 1, 2, 0, 0]), [(1, vec![9]), (3, vec![1, 2])]);
        assert_eq!(read(&[0x10, 0, 0, 2, 1, 0, 3, 2, 1, 2, 0, 0]), [(1, vec![]), (3, vec![1, 2])]);
        for cut in [
            &[0xbe, 0xde][..],
            &[0xbe, 0xde, 0, 9, 0x31, 1, 2, 0],
            &[0xbe, 0xde, 0, 1, 0x3f, 1, 2, 0],
            &[9; 8],
        ] {
            assert_eq!(read(cut), []);
        }
    }
}
