//! Extended reports (XR, RFC 3611): how who only receives learns its round trip. It sends its time (§4.4), and is told how
//! long that was kept (§4.5).

use crate::rtcp::entries::{Entries, Entry};
use crate::rtcp::frame::FrameWriter;
use crate::rtcp::ntp::NtpTime;

pub(super) const EXTENDED_REPORT: u8 = 207;

/// Kinds of blocks.
const RECEIVER_REFERENCE_TIME: u8 = 4;
const DELAY_SINCE_LAST: u8 = 5;

/// Length of an answer to one receiver, in bytes.
const DELAY: usize = 12;

/// Receivers in a report; more go into the next. Higher: the report is longer than a datagram. Lower: more headers.
const MOST_DELAYS: usize = 64;

/// How long a receiver's time was kept (DLRR, RFC 3611 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    /// SSRC of the receiver.
    pub(crate) ssrc: u32,
    /// Middle of the receiver's last time ([`NtpTime::middle`]); 0: none came.
    pub(crate) last_report: u32,
    /// Time since that came, in 1/65,536 s.
    pub(crate) since: u32,
}

impl Entry<DELAY> for Delay {
    fn read(&[a, b, c, d, e, f, g, h, i, j, k, l]: &[u8; DELAY]) -> Self {
        Self {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            last_report: u32::from_be_bytes([e, f, g, h]),
            since: u32::from_be_bytes([i, j, k, l]),
        }
    }
}

/// A block of an extended report, or what it says about one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum XrBlock {
    /// The sender's time when it sent the report (RRTR, RFC 3611 §4.4).
    ReceiverReferenceTime { ntp: NtpTime },
    /// How long a receiver's time was kept (DLRR, RFC 3611 §4.5).
    DelaySinceLast(Delay),
}

/// The blocks of an extended report, as far as they can be read. Unknown ones are passed over.
#[derive(Debug, Clone)]
pub(crate) struct XrBlocks<'a> {
    delays: Entries<'a, Delay, DELAY>,
    rest: &'a [u8],
}

impl<'a> XrBlocks<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self { delays: Entries::new(&[], 0), rest }
    }

    /// The next block: kind and body.
    fn block(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[kind, _, high, low], rest) = self.rest.split_first_chunk()?;
        let (body, rest) = rest.split_at_checked(4 * usize::from(u16::from_be_bytes([high, low])))?;
        self.rest = rest;
        Some((kind, body))
    }
}

impl Iterator for XrBlocks<'_> {
    type Item = XrBlock;

    fn next(&mut self) -> Option<XrBlock> {
        loop {
            if let Some(delay) = self.delays.next() {
                return Some(XrBlock::DelaySinceLast(delay));
            }
            let Some((kind, body)) = self.block() else {
                self.rest = &[];
                return None;
            };
            match (kind, body.first_chunk()) {
                (RECEIVER_REFERENCE_TIME, Some(ntp)) => {
                    return Some(XrBlock::ReceiverReferenceTime { ntp: NtpTime(u64::from_be_bytes(*ntp)) });
                }
                (DELAY_SINCE_LAST, _) => self.delays = Entries::new(body, usize::MAX),
                _ => {}
            }
        }
    }
}

/// Reads the body of an extended report.
pub(super) fn read(body: &[u8]) -> Option<(u32, XrBlocks<'_>)> {
    let (sender, blocks) = body.split_first_chunk()?;
    Some((u32::from_be_bytes(*sender), XrBlocks::new(blocks)))
}

/// Says the time of who only receives, so that it is told how long that was kept.
pub(crate) fn write_receiver_reference_time(out: &mut Vec<u8>, sender: u32, ntp: NtpTime) {
    let frame = FrameWriter::begin(out, 0, EXTENDED_REPORT);
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&[RECEIVER_REFERENCE_TIME, 0, 0, 2]);
    out.extend_from_slice(&ntp.0.to_be_bytes());
    frame.finish(out);
}

/// Tells receivers how long their times were kept. Nothing for none.
pub(crate) fn write_delays(out: &mut Vec<u8>, sender: u32, delays: impl IntoIterator<Item = Delay>) {
    let mut delays = delays.into_iter().peekable();
    while delays.peek().is_some() {
        let frame = FrameWriter::begin(out, 0, EXTENDED_REPORT);
        out.extend_from_slice(&sender.to_be_bytes());
        let block = out.len();
        out.extend_from_slice(&[DELAY_SINCE_LAST, 0, 0, 0]);
        for delay in delays.by_ref().take(MOST_DELAYS) {
            for field in [delay.ssrc, delay.last_report, delay.since] {
                out.extend_from_slice(&field.to_be_bytes());
            }
            out[block + 3] += 3;
        }
        frame.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::compound::{Packet, packets};

    const NTP: NtpTime = NtpTime(0x0102_0304_0506_0708);

    fn blocks(bytes: &[u8]) -> Vec<XrBlock> {
        let read = packets(bytes).flat_map(|packet| {
            let Packet::ExtendedReport { sender: 9, blocks } = packet else { panic!("{packet:?}") };
            blocks
        });
        read.collect()
    }

    #[test]
    fn a_receivers_time_byte_for_byte() {
        let mut out = Vec::new();
        write_receiver_reference_time(&mut out, 9, NTP);
        assert_eq!(out, [0x80, 207, 0, 4, 0, 0, 0, 9, 4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(blocks(&out), [XrBlock::ReceiverReferenceTime { ntp: NTP }]);
    }

    #[test]
    fn what_receivers_are_told_byte_for_byte() {
        let mut out = Vec::new();
        let told = [Delay { ssrc: 1, last_report: 2, since: 3 }, Delay { ssrc: 4, last_report: 5, since: 6 }];
        write_delays(&mut out, 9, told);
        let expected = [
            0x80, 207, 0, 8, 0, 0, 0, 9, 5, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0,
            5, 0, 0, 0, 6,
        ];
        assert_eq!(out, expected);
        assert_eq!(blocks(&out), told.map(XrBlock::DelaySinceLast));

        out.clear();
        write_delays(&mut out, 9, []);
        assert!(out.is_empty());
        let many = (0..100).map(|ssrc| Delay { ssrc, last_report: 0, since: 0 });
        write_delays(&mut out, 9, many.clone());
        assert_eq!(blocks(&out), many.map(XrBlock::DelaySinceLast).collect::<Vec<_>>());
    }

    #[test]
    fn blocks_are_read_as_far_as_they_can_be() {
        let report = |blocks: &[u8]| {
            let words = u8::try_from(blocks.len() / 4 + 1).unwrap();
            [&[0x80, 207, 0, words, 0, 0, 0, 9], blocks].concat()
        };
        let time = [4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8];
        let reference = XrBlock::ReceiverReferenceTime { ntp: NTP };
        let unknown = [200, 1, 0, 1, 9, 9, 9, 9];
        assert_eq!(blocks(&report(&[&unknown[..], &time].concat())), [reference]);
        assert_eq!(
            blocks(&report(&[&[4, 0, 0, 1, 9, 9, 9, 9], &time[..]].concat())),
            [reference],
            "no time in it"
        );
        assert_eq!(
            blocks(&report(&[&[5, 0, 0, 0], &time[..]].concat())),
            [reference],
            "nobody is told anything"
        );
        let half = [5, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9];
        assert_eq!(blocks(&report(&[&half[..], &time].concat())).len(), 2);
        assert_eq!(blocks(&report(&[&time[..], &[5, 0, 0, 9, 0, 0, 0, 1]].concat())), [reference], "cut off");
        assert_eq!(blocks(&report(&[])), []);
    }
}
