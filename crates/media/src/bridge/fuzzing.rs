//! What any bytes may do to a stream that crosses (feature `fuzzing`).

use super::h264::{Depacketizer, MAX_PICTURE, packetize};
use super::{IntoPackets, IntoTags};
use crate::fuzzing::input::Input;
use crate::rtmp::{Tag, TagKind};
use crate::rtp::codec::Codec;
use crate::rtp::packet::{MAX_PAYLOAD, Packet};
use std::time::{Duration, Instant, SystemTime};
use tring_protocol::Source;

/// Packets of one input: a decoder is behind each of them.
const MAX_PACKETS: usize = 64;

/// Packets of H.264 in any order: whatever becomes a picture can be cut again, and holds no more than it may.
pub(crate) fn h264(bytes: &[u8]) {
    let (mut input, start) = (Input::new(bytes), Instant::now());
    let (mut reader, mut pictures, mut ms) = (Depacketizer::default(), Vec::new(), 0);
    while !input.is_empty() {
        let (seq, timestamp, flags) = (input.u8(), input.u8(), input.u8());
        ms += u64::from(flags >> 1);
        let now = start + Duration::from_millis(ms);
        let payload = input.piece();
        reader.take(seq.into(), (timestamp.into(), flags & 1 != 0), payload, now, &mut pictures);
    }
    reader.run(start + Duration::from_secs(600), &mut pictures);
    for picture in pictures {
        assert!(!picture.body.is_empty() && picture.body.len() <= MAX_PICTURE + 4);
        let mut payloads = Vec::new();
        packetize(&picture.body, picture.key, &reader.config, &mut payloads).expect("a picture can be cut");
    }
}

/// A phone's tags: what browsers are sent counts on, and its time does not go back.
pub(crate) fn phone(bytes: &[u8]) {
    let (mut input, start) = (Input::new(bytes), Instant::now());
    let (mut into, mut made, mut ms, mut kept) = (IntoPackets::default(), Vec::new(), 0, Vec::new());
    for _ in 0..MAX_PACKETS {
        if input.is_empty() {
            break;
        }
        let (choice, timestamp) = (input.u8(), input.u32());
        ms += u64::from(choice >> 2);
        let now = start + Duration::from_millis(ms);
        let kind = if choice & 1 == 0 { TagKind::Audio } else { TagKind::Video };
        let tag = Tag::new(kind, timestamp, input.piece().into());
        let _ = into.tag((&tag, 0), now, &mut made);
        if choice & 2 != 0 {
            into.restart();
        }
        kept.push(tag);
    }
    for source in [Source::Microphone, Source::Camera] {
        let packets: Vec<_> = made.iter().filter(|m| m.source == source).map(|m| &m.packet).collect();
        assert!(packets.windows(2).all(|w| w[1].seq == w[0].seq + 1), "{source} counts on");
        assert!(packets.iter().all(|p| p.payload.len() <= MAX_PAYLOAD));
    }
    made.clear();
    into.catch_up(&kept, start, &mut made);
    assert!(made.windows(2).all(|w| w[1].packet.timestamp.wrapping_sub(w[0].packet.timestamp) < 1 << 31));
}

/// A browser's packets: what players are sent is no longer than a tag may be, and its time does not go back.
pub(crate) fn browser(bytes: &[u8]) {
    let (mut input, start) = (Input::new(bytes), Instant::now());
    let Ok(mut into) = IntoTags::new(start) else { return };
    let (mut tags, mut ms) = (Vec::new(), 0);
    for _ in 0..MAX_PACKETS {
        if input.is_empty() {
            break;
        }
        let (choice, seq, timestamp) = (input.u8(), input.u8(), input.u32());
        ms += u64::from(choice >> 4);
        let now = start + Duration::from_millis(ms);
        let codec = if choice & 1 == 0 { Codec::Opus } else { Codec::H264 };
        let mut packet = Packet::new(codec, seq.into(), timestamp, choice & 2 != 0, input.piece());
        if choice & 4 != 0 {
            let ntp = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::from(input.u16()));
            packet.report = Some((ntp, input.u32()));
        }
        let _ = into.packet(&packet, (u32::from(choice >> 7), choice & 8 == 0), now, &mut tags);
    }
    let _ = into.tick(start + Duration::from_millis(ms + 500), &mut tags);
    for kind in [TagKind::Audio, TagKind::Video] {
        let times: Vec<u32> = tags.iter().filter(|t| t.kind() == kind).map(|t| t.timestamp).collect();
        assert!(times.is_sorted(), "{kind:?}: {times:?}");
    }
    assert!(tags.iter().all(|t| t.unsupported().is_none() && t.payload().len() <= MAX_PICTURE + 9));
}
