//! Audio, video and metadata as RTMP and FLV carry them (Adobe FLV 10.1, annex E): the same bytes in both.

use super::message;
use std::sync::Arc;

/// FLV's number of H.264 (annex E.4.3.1).
const AVC: u8 = 7;
/// FLV's number of AAC (annex E.4.2.1).
const AAC: u8 = 10;
const KEY_FRAME: u8 = 1;

/// What a tag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TagKind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
    /// `onMetaData`.
    Metadata,
}

/// One audio or video frame, a decoder's header, or metadata. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// What it holds.
    pub(crate) kind: TagKind,
    /// Milliseconds of the publisher's clock, modulo 2^32.
    pub(crate) timestamp: u32,
    /// The body of the RTMP message and of the FLV tag.
    pub(crate) payload: Arc<[u8]>,
}

impl Tag {
    /// A decoder's header (AVC or AAC sequence header): not a frame, needed by whoever joins.
    pub(crate) fn is_header(&self) -> bool {
        match (self.kind, &*self.payload) {
            (TagKind::Video, [first, 0, ..]) => first & 0x0f == AVC,
            (TagKind::Audio, [first, 0, ..]) => first >> 4 == AAC,
            _ => false,
        }
    }

    /// A picture that can be decoded without an earlier one.
    pub(crate) fn is_key_frame(&self) -> bool {
        matches!((self.kind, &*self.payload), (TagKind::Video, [first, 1, ..]) if first >> 4 == KEY_FRAME)
    }

    /// H.264 or AAC: what a mini-program sends, and all that players are given.
    pub(crate) fn is_supported(&self) -> bool {
        match (self.kind, self.payload.first()) {
            (TagKind::Video, Some(first)) => first & 0x0f == AVC && first & 0x80 == 0,
            (TagKind::Audio, Some(first)) => first >> 4 == AAC,
            (TagKind::Metadata, first) => first.is_some(),
            _ => false,
        }
    }

    /// The number of its kind in RTMP messages and FLV tags.
    pub(crate) fn number(&self) -> u8 {
        match self.kind {
            TagKind::Audio => message::AUDIO,
            TagKind::Video => message::VIDEO,
            TagKind::Metadata => message::DATA,
        }
    }
}

/// The beginning of an FLV stream with sound and picture: header and the first back pointer (annex E.2, E.3).
pub(crate) const FLV_HEADER: [u8; 13] = [b'F', b'L', b'V', 1, 0b101, 0, 0, 0, 9, 0, 0, 0, 0];

/// Appends a tag as FLV (annex E.4.1), at a time of the player's clock in milliseconds.
pub(crate) fn write_flv(tag: &Tag, timestamp: u32, out: &mut Vec<u8>) {
    // Bounded by MAX_MEDIA, so it fits 24 bits.
    let length = u32::try_from(tag.payload.len()).unwrap_or(u32::MAX);
    let [_, size @ ..] = length.to_be_bytes();
    let [high, low @ ..] = timestamp.to_be_bytes();
    out.push(tag.number());
    out.extend_from_slice(&size);
    out.extend_from_slice(&low);
    out.push(high);
    out.extend_from_slice(&[0, 0, 0]);
    out.extend_from_slice(&tag.payload);
    out.extend_from_slice(&length.wrapping_add(11).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: TagKind, payload: &[u8]) -> Tag {
        Tag { kind, timestamp: 0, payload: payload.into() }
    }

    #[test]
    fn headers_key_frames_and_frames_are_told_apart() {
        let header = tag(TagKind::Video, &[0x17, 0, 0, 0, 0, 1]);
        let key = tag(TagKind::Video, &[0x17, 1, 0, 0, 0, 9]);
        let frame = tag(TagKind::Video, &[0x27, 1, 0, 0, 0, 9]);
        assert_eq!([&header, &key, &frame].map(Tag::is_header), [true, false, false]);
        assert_eq!([&header, &key, &frame].map(Tag::is_key_frame), [false, true, false]);
        assert!(tag(TagKind::Audio, &[0xaf, 0, 0x11, 0x88]).is_header());
        assert!(!tag(TagKind::Audio, &[0xaf, 1, 1]).is_header());
        assert!(tag(TagKind::Audio, &[0xaf, 1]).is_supported());
        assert!(!tag(TagKind::Audio, &[0x2f, 1]).is_supported(), "MP3");
        assert!(!tag(TagKind::Video, &[0x22, 1]).is_supported(), "H.263");
        assert!(!tag(TagKind::Video, &[]).is_supported());
    }

    #[test]
    fn an_flv_tag_with_a_long_time() {
        let mut out = Vec::new();
        write_flv(&tag(TagKind::Audio, &[0xaf, 1, 5]), 0x0123_4567, &mut out);
        assert_eq!(out, [8, 0, 0, 3, 0x23, 0x45, 0x67, 0x01, 0, 0, 0, 0xaf, 1, 5, 0, 0, 0, 14]);
    }
}
