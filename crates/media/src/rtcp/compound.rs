//! All packets of a datagram (RFC 3550 §6.1, of reduced size RFC 5506), read in place.

use crate::rtcp::entries::Ssrcs;
use crate::rtcp::extended::{self, EXTENDED_REPORT, XrBlocks};
use crate::rtcp::feedback::{
    APPLICATION, FULL_INTRA, FullIntraRequests, NACK, NackSequences, PAYLOAD, PICTURE_LOSS, TRANSPORT,
    read_remb, read_ssrcs,
};
use crate::rtcp::frame::Frame;
use crate::rtcp::ntp::NtpTime;
use crate::rtcp::reports::{
    BYE, RECEIVER_REPORT, ReportBlocks, SENDER_REPORT, SenderInfo, read_bye, read_receiver_report,
    read_sender_report,
};
use crate::rtcp::transport_feedback::{MOST_STATUSES, TRANSPORT_WIDE, TransportFeedback};

/// A packet of RTCP. Lists have no more than the packet holds, whatever its counts say.
#[derive(Debug, Clone)]
pub(crate) enum Packet<'a> {
    /// What a sender says about its stream, and about those that it receives (RFC 3550 §6.4.1).
    SenderReport { sender: u32, ntp: NtpTime, rtp: u32, packets: u32, octets: u32, blocks: ReportBlocks<'a> },
    /// What a receiver says about the streams that it receives (RFC 3550 §6.4.2).
    ReceiverReport { sender: u32, blocks: ReportBlocks<'a> },
    /// Streams end (RFC 3550 §6.6).
    Bye { ssrcs: Ssrcs<'a> },
    /// Packets of a stream are asked for again (RFC 4585 §6.2.1).
    Nack { sender: u32, media: u32, sequences: NackSequences<'a> },
    /// When each packet of the transport arrived.
    TransportFeedback(TransportFeedback<'a>),
    /// A picture of a stream is lost (PLI, RFC 4585 §6.3.1).
    PictureLoss { media: u32 },
    /// Pictures that need no other are asked for (FIR, RFC 5104 §4.3.1).
    FullIntra { media: FullIntraRequests<'a> },
    /// The most that streams may send together, in bits a second (draft-alvestrand-rmcat-remb-03 §2.2).
    Remb { bitrate: u64, ssrcs: Ssrcs<'a> },
    /// The round trip of who only receives (RFC 3611 §4.4, §4.5).
    ExtendedReport { sender: u32, blocks: XrBlocks<'a> },
    /// Nothing that is used here: SDES, APP, what is unknown.
    Other,
}

/// The packets of a compound that was opened. What cannot be read ends it: a length that lies, a packet without its fixed
/// part, feedback about more packets than anybody remembers.
pub(crate) fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound, statuses: MOST_STATUSES }
}

/// The packets of a compound.
#[derive(Debug, Clone)]
pub(crate) struct Packets<'a> {
    rest: &'a [u8],
    /// Numbers that transport-wide feedback may still tell of.
    statuses: usize,
}

impl<'a> Packets<'a> {
    fn read(&mut self) -> Option<Packet<'a>> {
        let (Frame { count, packet_type, body }, rest) = Frame::read(self.rest)?;
        self.rest = rest;
        Some(match (packet_type, count) {
            (SENDER_REPORT, _) => {
                let (info, blocks) = read_sender_report(count, body)?;
                let SenderInfo { sender, ntp, rtp, packets, octets } = info;
                Packet::SenderReport { sender, ntp, rtp, packets, octets, blocks }
            }
            (RECEIVER_REPORT, _) => {
                let (sender, blocks) = read_receiver_report(count, body)?;
                Packet::ReceiverReport { sender, blocks }
            }
            (BYE, _) => Packet::Bye { ssrcs: read_bye(count, body) },
            (EXTENDED_REPORT, _) => {
                let (sender, blocks) = extended::read(body)?;
                Packet::ExtendedReport { sender, blocks }
            }
            (TRANSPORT, NACK) => {
                let (sender, media, entries) = read_ssrcs(body)?;
                Packet::Nack { sender, media, sequences: NackSequences::new(entries) }
            }
            (TRANSPORT, TRANSPORT_WIDE) => {
                let feedback = TransportFeedback::read(body)?;
                self.statuses = self.statuses.checked_sub(feedback.count.into())?;
                Packet::TransportFeedback(feedback)
            }
            (PAYLOAD, PICTURE_LOSS) => Packet::PictureLoss { media: read_ssrcs(body)?.1 },
            (PAYLOAD, FULL_INTRA) => {
                Packet::FullIntra { media: FullIntraRequests::new(read_ssrcs(body)?.2, usize::MAX) }
            }
            (PAYLOAD, APPLICATION) => match read_remb(read_ssrcs(body)?.2) {
                Some((bitrate, ssrcs)) => Packet::Remb { bitrate, ssrcs },
                None => Packet::Other,
            },
            _ => Packet::Other,
        })
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let packet = self.read();
        if packet.is_none() {
            self.rest = &[];
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::feedback::write_picture_loss;
    use crate::rtcp::fuzzing::hold;
    use crate::rtcp::reports::{write_bye, write_cname, write_receiver_report};
    use proptest::prelude::*;

    const PLI: [u8; 12] = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];

    #[test]
    fn packets_follow_each_other() {
        let mut out = Vec::new();
        write_receiver_report(&mut out, 1, []);
        write_cname(&mut out, 1, "name");
        write_picture_loss(&mut out, 1, 2);
        write_bye(&mut out, [1]);
        let read: Vec<_> = packets(&out).collect();
        assert!(
            matches!(
                read[..],
                [
                    Packet::ReceiverReport { sender: 1, .. },
                    Packet::Other,
                    Packet::PictureLoss { media: 2 },
                    Packet::Bye { .. }
                ]
            ),
            "{read:?}"
        );
    }

    /// One that is unknown is passed over, one that cannot be read ends the compound.
    #[test]
    fn what_cannot_be_read_ends_it() {
        let count = |first: &[u8]| {
            let bytes = [first, &PLI].concat();
            let mut packets = packets(&bytes);
            let count = packets.by_ref().count();
            assert!(packets.next().is_none(), "what has ended stays at its end");
            count
        };
        assert_eq!(count(&[]), 1);
        for (what, known) in [
            ("APP", &[0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e'][..]),
            ("a type that is unknown", &[0x80, 222, 0, 0]),
            ("feedback of a transport that is unknown", &[0x82, 205, 0, 0]),
            ("feedback of a payload that is unknown", &[0x82, 206, 0, 0]),
            (
                "feedback of another application",
                &[0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, b'A', b'F', b'B', b'!'],
            ),
            ("an empty BYE", &[0x80, 203, 0, 0]),
        ] {
            assert_eq!(count(known), 2, "{what}");
        }
        for (what, lie) in [
            ("another version", &[0x40, 201, 0, 1, 0, 0, 0, 1][..]),
            ("longer than there is", &[0x80, 201, 0, 9, 0, 0, 0, 1]),
            ("padding that counts nothing", &[0xa0, 201, 0, 1, 0, 0, 0, 0]),
            ("padding longer than the packet", &[0xa0, 201, 0, 1, 0, 0, 0, 5]),
            ("a sender report without its fixed part", &[0x80, 200, 0, 1, 0, 0, 0, 1]),
            ("a receiver report without its sender", &[0x80, 201, 0, 0]),
            ("an extended report without its sender", &[0x80, 207, 0, 0]),
            ("a NACK without its SSRCs", &[0x81, 205, 0, 1, 0, 0, 0, 1]),
            ("a PLI without its SSRCs", &[0x81, 206, 0, 1, 0, 0, 0, 1]),
            ("a FIR without its SSRCs", &[0x84, 206, 0, 1, 0, 0, 0, 1]),
            ("a REMB without its SSRCs", &[0x8f, 206, 0, 1, 0, 0, 0, 1]),
        ] {
            assert_eq!(count(lie), 0, "{what}");
        }
        assert_eq!(packets(&PLI[..11]).count(), 0);
        assert_eq!(packets(&[PLI.as_slice(), &[0x81, 206]].concat()).count(), 1);
    }

    /// 20,000 packets that did not come cost six bytes; some hundred such feedbacks would be millions of numbers.
    #[test]
    fn what_feedback_tells_of_is_bounded() {
        let lost = |count: u16, runs: &[u16]| {
            let words = u8::try_from(4 + runs.len() / 2).unwrap();
            let mut bytes = vec![0x8f, 205, 0, words, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0];
            bytes.extend(count.to_be_bytes());
            bytes.extend([0, 0, 0, 1]);
            bytes.extend(runs.iter().flat_map(|run| run.to_be_bytes()));
            bytes
        };
        let statuses = |bytes: &[u8]| {
            let read = packets(bytes).map(|packet| {
                let Packet::TransportFeedback(feedback) = packet else { panic!("{packet:?}") };
                feedback.statuses().count()
            });
            read.collect::<Vec<_>>()
        };
        let half = lost(16_384, &[8_191, 8_191, 2, 0]);
        assert_eq!(statuses(&half.repeat(2)), [16_384, 16_384]);
        assert_eq!(statuses(&half.repeat(70)), [16_384, 16_384]);
        assert_eq!(statuses(&lost(32_768, &[8_191, 8_191, 8_191, 8_191, 4, 0])), [32_768]);
        assert!(statuses(&lost(32_769, &[8_191, 8_191, 8_191, 8_191, 5, 0])).is_empty());
    }

    /// Packets of all kinds, whose bodies are anything.
    fn compound() -> impl Strategy<Value = Vec<u8>> {
        let body = prop::collection::vec(prop_oneof![Just(0), Just(1), Just(4), Just(5), any::<u8>()], 0..80);
        let kind = prop_oneof![
            Just((205, 15)),
            Just((205, 1)),
            Just((206, 1)),
            Just((206, 4)),
            Just((206, 15)),
            (200..208_u8, 0..32_u8)
        ];
        let packet = (kind, prop::bool::weighted(0.2), prop::bool::weighted(0.5), body).prop_map(
            |((kind, count), padded, remb, mut body)| {
                if remb && kind == 206 && body.len() > 12 {
                    body[8..12].copy_from_slice(b"REMB");
                }
                body.resize(body.len().next_multiple_of(4), 0);
                let words = u8::try_from(body.len() / 4).unwrap();
                [vec![0x80 | u8::from(padded) << 5 | count, kind, 0, words], body].concat()
            },
        );
        prop::collection::vec(packet, 0..6).prop_map(|packets| packets.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            hold(&bytes);
        }

        #[test]
        fn any_packets_hold(bytes in compound(), cut in 0..400_usize) {
            hold(&bytes);
            hold(&bytes[..cut.min(bytes.len())]);
        }
    }
}
