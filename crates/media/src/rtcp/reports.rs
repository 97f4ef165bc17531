//! Sender and receiver reports (RFC 3550 §6.4), names (SDES, §6.5), and the end of streams (BYE, §6.6).

use crate::rtcp::entries::{Entries, Entry, Ssrcs};
use crate::rtcp::frame::{FrameWriter, MOST};
use crate::rtcp::ntp::NtpTime;

pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
pub(super) const BYE: u8 = 203;

/// The item of a source description that has a CNAME (RFC 3550 §6.5.1).
const CNAME: u8 = 1;

/// Length of a report block, in bytes.
const BLOCK: usize = 24;

/// What the sender of a stream says about it (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    /// SSRC of the stream.
    pub(crate) sender: u32,
    /// When the report was sent.
    pub(crate) ntp: NtpTime,
    /// RTP timestamp of that moment, in the codec's clock.
    pub(crate) rtp: u32,
    /// Packets sent since the stream began.
    pub(crate) packets: u32,
    /// Bytes of payload sent since the stream began, without headers and padding.
    pub(crate) octets: u32,
}

/// What the receiver of a stream says about it (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReportBlock {
    /// SSRC of the stream.
    pub(crate) ssrc: u32,
    /// Share of packets that were lost since the last report, in 1/256.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the stream began; less than 0 where some came twice. 24 bits: what is beyond is the furthest.
    pub(crate) lost: i32,
    /// Highest sequence number that came, with the number of turn-overs in the upper 16 bits.
    pub(crate) highest: u32,
    /// Jitter between arrivals, in the codec's clock.
    pub(crate) jitter: u32,
    /// Middle of the NTP time of the stream's last sender report ([`NtpTime::middle`]); 0: none came.
    pub(crate) last_report: u32,
    /// Time since that report came, in 1/65,536 s.
    pub(crate) since_last_report: u32,
}

/// Report blocks as they came.
pub(crate) type ReportBlocks<'a> = Entries<'a, ReportBlock, BLOCK>;

impl Entry<BLOCK> for ReportBlock {
    fn read(b: &[u8; BLOCK]) -> Self {
        let u32_at = |at: usize| u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        Self {
            ssrc: u32_at(0),
            fraction_lost: b[4],
            lost: i32::from_be_bytes([b[5], b[6], b[7], 0]) >> 8,
            highest: u32_at(8),
            jitter: u32_at(12),
            last_report: u32_at(16),
            since_last_report: u32_at(20),
        }
    }
}

impl ReportBlock {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        let [_, lost @ ..] = self.lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        out.push(self.fraction_lost);
        out.extend_from_slice(&lost);
        for field in [self.highest, self.jitter, self.last_report, self.since_last_report] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    }
}

/// Reads the body of a sender report.
pub(super) fn read_sender_report(count: u8, body: &[u8]) -> Option<(SenderInfo, ReportBlocks<'_>)> {
    let (b, blocks) = body.split_first_chunk::<24>()?;
    let u32_at = |at: usize| u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
    let info = SenderInfo {
        sender: u32_at(0),
        ntp: NtpTime(u64::from(u32_at(4)) << 32 | u64::from(u32_at(8))),
        rtp: u32_at(12),
        packets: u32_at(16),
        octets: u32_at(20),
    };
    Some((info, Entries::new(blocks, count.into())))
}

/// Reads the body of a receiver report.
pub(super) fn read_receiver_report(count: u8, body: &[u8]) -> Option<(u32, ReportBlocks<'_>)> {
    let (sender, blocks) = body.split_first_chunk()?;
    Some((u32::from_be_bytes(*sender), Entries::new(blocks, count.into())))
}

/// Reads the body of a BYE: the streams that end.
pub(super) fn read_bye(count: u8, body: &[u8]) -> Ssrcs<'_> {
    Entries::new(body, count.into())
}

/// Writes a sender report with report blocks; those that it has no room for (more than 31) go into receiver reports
/// behind it.
pub(crate) fn write_sender_report(
    out: &mut Vec<u8>,
    info: &SenderInfo,
    blocks: impl IntoIterator<Item = ReportBlock>,
) {
    let mut blocks = blocks.into_iter().peekable();
    let frame = FrameWriter::begin(out, 0, SENDER_REPORT);
    out.extend_from_slice(&info.sender.to_be_bytes());
    out.extend_from_slice(&info.ntp.0.to_be_bytes());
    for field in [info.rtp, info.packets, info.octets] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    write_blocks(out, frame, &mut blocks);
    if blocks.peek().is_some() {
        write_receiver_report(out, info.sender, blocks);
    }
}

/// Writes a receiver report with report blocks, which may be none; several reports for more than 31.
pub(crate) fn write_receiver_report(
    out: &mut Vec<u8>,
    sender: u32,
    blocks: impl IntoIterator<Item = ReportBlock>,
) {
    let mut blocks = blocks.into_iter().peekable();
    loop {
        let frame = FrameWriter::begin(out, 0, RECEIVER_REPORT);
        out.extend_from_slice(&sender.to_be_bytes());
        write_blocks(out, frame, &mut blocks);
        if blocks.peek().is_none() {
            break;
        }
    }
}

/// Finishes a report with as many blocks as it can have.
fn write_blocks(out: &mut Vec<u8>, frame: FrameWriter, blocks: &mut impl Iterator<Item = ReportBlock>) {
    let mut count = 0;
    for block in blocks.take(MOST) {
        block.write(out);
        count += 1;
    }
    frame.set_count(out, count);
    frame.finish(out);
}

/// Writes a source description with the CNAME of a stream: 255 bytes of it at most.
pub(crate) fn write_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let cname = &cname.as_bytes()[..cname.floor_char_boundary(u8::MAX.into())];
    let frame = FrameWriter::begin(out, 1, SOURCE_DESCRIPTION);
    out.extend_from_slice(&ssrc.to_be_bytes());
    #[allow(clippy::cast_possible_truncation)] // cut above
    out.extend_from_slice(&[CNAME, cname.len() as u8]);
    out.extend_from_slice(cname);
    // At least one zero ends the list of items, and they fill the word.
    let length = frame.len(out);
    out.extend(std::iter::repeat_n(0, 4 - length % 4));
    frame.finish(out);
}

/// Writes that streams end; several packets for more than 31, none for none.
pub(crate) fn write_bye(out: &mut Vec<u8>, ssrcs: impl IntoIterator<Item = u32>) {
    let mut ssrcs = ssrcs.into_iter().peekable();
    while ssrcs.peek().is_some() {
        let frame = FrameWriter::begin(out, 0, BYE);
        let mut count = 0;
        for ssrc in ssrcs.by_ref().take(MOST) {
            out.extend_from_slice(&ssrc.to_be_bytes());
            count += 1;
        }
        frame.set_count(out, count);
        frame.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::compound::{Packet, packets};

    const BLOCK_READ: ReportBlock = ReportBlock {
        ssrc: 0x0102_0304,
        fraction_lost: 64,
        lost: -2,
        highest: 0x0001_fffe,
        jitter: 960,
        last_report: 0x0a0b_0c0d,
        since_last_report: 0x0001_8000,
    };

    /// [`BLOCK_READ`], field for field as RFC 3550 §6.4.1 draws it.
    const BLOCK_WRITTEN: [u8; 24] = [
        1, 2, 3, 4, // SSRC
        64, 0xff, 0xff, 0xfe, // fraction lost, cumulative number lost
        0, 1, 0xff, 0xfe, // extended highest sequence number
        0, 0, 3, 0xc0, // jitter
        10, 11, 12, 13, // LSR
        0, 1, 0x80, 0, // DLSR
    ];

    const INFO: SenderInfo = SenderInfo {
        sender: 0x1122_3344,
        ntp: NtpTime(0x83aa_7e80_8000_0000),
        rtp: 48_000,
        packets: 50,
        octets: 4_000,
    };

    const INFO_WRITTEN: [u8; 24] = [
        0x11, 0x22, 0x33, 0x44, // sender
        0x83, 0xaa, 0x7e, 0x80, 0x80, 0, 0, 0, // NTP time
        0, 0, 0xbb, 0x80, // RTP time
        0, 0, 0, 50, // packets
        0, 0, 0x0f, 0xa0, // octets
    ];

    #[test]
    fn a_sender_report_byte_for_byte() {
        let mut out = vec![0xee];
        write_sender_report(&mut out, &INFO, [BLOCK_READ]);
        let expected = [&[0x81, 200, 0, 12][..], &INFO_WRITTEN, &BLOCK_WRITTEN].concat();
        assert_eq!(out[1..], expected);
        let Some(Packet::SenderReport { sender, ntp, rtp, packets: sent, octets, blocks }) =
            packets(&expected).next()
        else {
            panic!()
        };
        assert_eq!(SenderInfo { sender, ntp, rtp, packets: sent, octets }, INFO);
        assert_eq!(blocks.collect::<Vec<_>>(), [BLOCK_READ]);
    }

    #[test]
    fn a_receiver_report_byte_for_byte() {
        let mut out = Vec::new();
        write_receiver_report(&mut out, 7, [BLOCK_READ, BLOCK_READ]);
        let expected = [&[0x82, 201, 0, 13, 0, 0, 0, 7][..], &BLOCK_WRITTEN, &BLOCK_WRITTEN].concat();
        assert_eq!(out, expected);
        let Some(Packet::ReceiverReport { sender: 7, blocks }) = packets(&out).next() else { panic!() };
        assert_eq!(blocks.collect::<Vec<_>>(), [BLOCK_READ; 2]);

        out.clear();
        write_receiver_report(&mut out, 7, []);
        assert_eq!(out, [0x80, 201, 0, 1, 0, 0, 0, 7]);
    }

    #[test]
    fn more_blocks_than_a_report_has_go_into_the_next() {
        let block = |n: u32| ReportBlock { ssrc: n, ..ReportBlock::default() };
        let mut out = Vec::new();
        write_sender_report(&mut out, &INFO, (0..70).map(block));
        let mut read = Vec::new();
        let mut counts = Vec::new();
        for packet in packets(&out) {
            let (Packet::SenderReport { sender, blocks, .. } | Packet::ReceiverReport { sender, blocks }) =
                packet
            else {
                panic!()
            };
            assert_eq!(sender, INFO.sender);
            counts.push(blocks.len());
            read.extend(blocks.map(|b| b.ssrc));
        }
        assert_eq!(counts, [31, 31, 8]);
        assert_eq!(read, (0..70).collect::<Vec<_>>());

        out.clear();
        write_sender_report(&mut out, &INFO, (0..31).map(block));
        assert_eq!(packets(&out).count(), 1, "exactly as many as it has");
    }

    #[test]
    fn there_are_no_more_blocks_than_count_and_length_say() {
        let count = |count: u8, bytes: usize| {
            let body = [&[0; 4][..], &vec![0; bytes]].concat();
            read_receiver_report(count, &body).unwrap().1.count()
        };
        assert_eq!(count(2, 48), 2);
        assert_eq!(count(1, 48), 1, "what is behind is a profile's own");
        assert_eq!(count(31, 47), 1);
        assert!(read_receiver_report(0, &[0; 3]).is_none() && read_sender_report(0, &[0; 23]).is_none());
    }

    #[test]
    fn lost_packets_have_24_bits_and_a_sign() {
        for (lost, read) in [
            (0x7f_ffff, 0x7f_ffff),
            (0x80_0000, 0x7f_ffff),
            (-0x80_0000, -0x80_0000),
            (i32::MIN, -0x80_0000),
            (-1, -1),
        ] {
            let mut out = Vec::new();
            ReportBlock { lost, ..BLOCK_READ }.write(&mut out);
            assert_eq!(
                ReportBlock::read(out.first_chunk().unwrap()),
                ReportBlock { lost: read, ..BLOCK_READ }
            );
        }
    }

    #[test]
    fn a_cname_ends_in_zeros_that_fill_the_word() {
        let write = |cname: &str| {
            let mut out = vec![0xee];
            write_cname(&mut out, 0x0102_0304, cname);
            out.split_off(1)
        };
        assert_eq!(write("abc"), [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 3, b'a', b'b', b'c', 0, 0, 0]);
        assert_eq!(write("ab"), [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 2, b'a', b'b', 0, 0, 0, 0]);
        assert_eq!(write("a"), [0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, b'a', 0]);
        let long = write(&"é".repeat(200));
        assert_eq!((long[9], long.len() % 4), (254, 0), "no half a letter");
    }

    #[test]
    fn the_end_of_streams() {
        let mut out = Vec::new();
        write_bye(&mut out, []);
        assert!(out.is_empty());
        write_bye(&mut out, [1, 2]);
        assert_eq!(out, [0x82, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        // With a reason behind the streams.
        let with_reason = [0x81, 203, 0, 2, 0, 0, 0, 9, 3, b'o', b'h', b'!'];
        let Some(Packet::Bye { mut ssrcs }) = packets(&with_reason).next() else { panic!() };
        assert_eq!((ssrcs.next(), ssrcs.next()), (Some(9), None));

        out.clear();
        write_bye(&mut out, 0..40);
        let read = packets(&out).flat_map(|p| if let Packet::Bye { ssrcs } = p { ssrcs } else { panic!() });
        assert_eq!(read.collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    }
}
