//! Any bytes as a compound: reading ends, and what was read is written and read again.

use crate::rtcp::compound::{Packet, packets};
use crate::rtcp::extended::{XrBlock, write_delays, write_receiver_reference_time};
use crate::rtcp::feedback::{write_full_intra, write_nack, write_picture_loss, write_remb};
use crate::rtcp::reports::{SenderInfo, write_bye, write_receiver_report, write_sender_report};
use crate::rtcp::transport_feedback::{
    FeedbackHead, MOST_STATUSES, REFERENCE_TICKS, write_transport_feedback,
};

/// Bytes that are read. More would only be more of the kind.
const MOST_BYTES: usize = 4_096;

/// The promises, for one compound. Returns how many packets it has.
pub(crate) fn hold(bytes: &[u8]) -> usize {
    let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
    let (mut count, mut things, mut statuses) = (0, 0, 0);
    for packet in packets(bytes) {
        count += 1;
        let told = again(packet);
        things += told.things;
        statuses += told.statuses;
    }
    assert!(count <= bytes.len() / 4, "a packet has four bytes");
    assert!(things <= 17 * (bytes.len() / 4), "a word has 17 things at most: those of a NACK");
    assert!(statuses <= MOST_STATUSES);
    count
}

/// What a packet told.
#[derive(Debug, Default)]
struct Told {
    things: usize,
    statuses: usize,
}

impl Told {
    fn things(things: usize) -> Self {
        Self { things, statuses: 0 }
    }
}

/// The only packet of a compound.
fn only(bytes: &[u8]) -> Packet<'_> {
    let mut packets = packets(bytes);
    let packet = packets.next().expect("what is written can be read");
    assert!(packets.next().is_none(), "one packet");
    packet
}

/// Writes a packet anew and reads that.
fn again(packet: Packet<'_>) -> Told {
    let mut out = Vec::new();
    match packet {
        Packet::SenderReport { sender, ntp, rtp, packets, octets, blocks } => {
            let info = SenderInfo { sender, ntp, rtp, packets, octets };
            write_sender_report(&mut out, &info, blocks.clone());
            let Packet::SenderReport { sender, ntp, rtp, packets, octets, blocks: read } = only(&out) else {
                panic!()
            };
            assert_eq!(SenderInfo { sender, ntp, rtp, packets, octets }, info);
            Told::things(same(blocks, read))
        }
        Packet::ReceiverReport { sender, blocks } => {
            write_receiver_report(&mut out, sender, blocks.clone());
            let Packet::ReceiverReport { sender: from, blocks: read } = only(&out) else { panic!() };
            assert_eq!(sender, from);
            Told::things(same(blocks, read))
        }
        Packet::Bye { ssrcs } if ssrcs.len() > 0 => {
            write_bye(&mut out, ssrcs.clone());
            let Packet::Bye { ssrcs: read } = only(&out) else { panic!() };
            Told::things(same(ssrcs, read))
        }
        Packet::Nack { sender, media, sequences } => {
            write_nack(&mut out, sender, media, sequences.clone());
            let read: Vec<u16> = packets(&out)
                .flat_map(|packet| {
                    let Packet::Nack { sender: from, media: of, sequences } = packet else { panic!() };
                    assert_eq!((from, of), (sender, media));
                    sequences
                })
                .collect();
            let asked: Vec<u16> = sequences.collect();
            for sequence in &asked {
                assert!(read.contains(sequence), "{sequence} is asked for");
            }
            assert!(read.len() <= asked.len() && read.iter().all(|n| asked.contains(n)));
            Told::things(asked.len())
        }
        Packet::TransportFeedback(feedback) => {
            let statuses: Vec<_> = feedback.statuses().collect();
            assert!(statuses.len() <= feedback.count.into());
            let mut rest = &statuses[..];
            while let [(base, _), ..] = *rest {
                out.clear();
                let head = FeedbackHead { sender: feedback.sender, media: feedback.media, base, number: 0 };
                let taken = write_transport_feedback(&mut out, head, rest.iter().copied(), 1_200);
                assert!(taken > 0 && out.len() <= 1_200);
                let Packet::TransportFeedback(read) = only(&out) else { panic!() };
                let first = rest[..taken].iter().find_map(|(_, at)| *at).unwrap_or_default();
                let reference = first.div_euclid(REFERENCE_TICKS);
                assert_eq!(i64::from(read.reference), reference & 0xff_ffff);
                let read = read.statuses().map(|(n, at)| (n, at.map(|at| at + reference * REFERENCE_TICKS)));
                assert!(read.eq(rest[..taken].iter().copied()));
                rest = &rest[taken..];
            }
            Told { things: 0, statuses: statuses.len() }
        }
        Packet::PictureLoss { media } => {
            write_picture_loss(&mut out, 1, media);
            assert!(matches!(only(&out), Packet::PictureLoss { media: of } if of == media));
            Told::things(1)
        }
        Packet::FullIntra { media } => {
            write_full_intra(&mut out, 1, media.clone());
            let read = packets(&out).flat_map(|packet| {
                let Packet::FullIntra { media } = packet else { panic!() };
                media
            });
            Told::things(same(media, read))
        }
        Packet::Remb { bitrate, ssrcs } => {
            write_remb(&mut out, 1, bitrate, ssrcs.clone());
            let Packet::Remb { bitrate: read, ssrcs: of } = only(&out) else { panic!() };
            // What is beyond 64 bits was read as the highest, which has more bits than are written.
            assert!(read == bitrate || bitrate == u64::MAX);
            Told::things(same(ssrcs, of))
        }
        Packet::ExtendedReport { sender, blocks } => {
            for block in blocks.clone() {
                match block {
                    XrBlock::ReceiverReferenceTime { ntp } => {
                        write_receiver_reference_time(&mut out, sender, ntp);
                    }
                    XrBlock::DelaySinceLast(delay) => write_delays(&mut out, sender, [delay]),
                }
            }
            let read = packets(&out).flat_map(|packet| {
                let Packet::ExtendedReport { sender: from, blocks } = packet else { panic!() };
                assert_eq!(from, sender);
                blocks
            });
            Told::things(same(blocks, read))
        }
        Packet::Bye { .. } | Packet::Other => Told::default(),
    }
}

/// Both have the same things. Returns how many.
fn same<T: PartialEq + std::fmt::Debug>(
    told: impl Iterator<Item = T>,
    read: impl Iterator<Item = T>,
) -> usize {
    let (told, read): (Vec<T>, Vec<T>) = (told.collect(), read.collect());
    assert_eq!(told, read);
    told.len()
}
