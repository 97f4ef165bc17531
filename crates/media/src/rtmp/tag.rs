//! Audio, video and metadata as RTMP and FLV carry them (Adobe FLV 10.1, annex E): the same bytes in both.

use super::message;
use std::sync::Arc;

/// FLV's number of H.264 (annex E.4.3.1).
const AVC: u8 = 7;
/// FLV's number of AAC (annex E.4.2.1).
const AAC: u8 = 10;
const KEY_FRAME: u8 = 1;
/// The bit of a video tag that is followed by a FourCC in place of a codec's number (Enhanced RTMP v1).
const EXTENDED: u8 = 0x80;

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

    /// Sound or a picture, with a time of its own: encoders put any time on headers and metadata.
    pub(crate) fn is_frame(&self) -> bool {
        self.kind != TagKind::Metadata && !self.is_header()
    }

    /// A picture that can be decoded without an earlier one.
    pub(crate) fn is_key_frame(&self) -> bool {
        matches!((self.kind, &*self.payload), (TagKind::Video, [first, 1, ..]) if first >> 4 == KEY_FRAME)
    }

    /// What it is instead of H.264 or AAC, the only ones that a mini-program sends and that players are given.
    pub(crate) fn unsupported(&self) -> Option<&'static str> {
        match (self.kind, self.payload.first()?) {
            (TagKind::Video, first) if first & EXTENDED != 0 => Some("video by its FourCC (H.265, AV1)"),
            (TagKind::Video, first) => match first & 0x0f {
                AVC => None,
                12 => Some("H.265 video"),
                2 => Some("H.263 video"),
                _ => Some("video of another codec"),
            },
            (TagKind::Audio, first) => match first >> 4 {
                AAC => None,
                2 | 14 => Some("MP3 sound"),
                9 => Some("sound by its FourCC (Opus, AC-3)"),
                11 => Some("Speex sound"),
                _ => Some("sound of another codec"),
            },
            (TagKind::Metadata, _) => None,
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
    }

    #[test]
    fn what_is_not_carried_is_named() {
        let what = |kind, first: u8| tag(kind, &[first, 1]).unsupported();
        assert_eq!(what(TagKind::Audio, 0xaf), None);
        assert_eq!(what(TagKind::Video, 0x17), None);
        assert_eq!(what(TagKind::Audio, 0x2f), Some("MP3 sound"));
        assert_eq!(what(TagKind::Video, 0x1c), Some("H.265 video"));
        assert_eq!(what(TagKind::Video, 0x22), Some("H.263 video"));
        assert_eq!(what(TagKind::Video, 0x91), Some("video by its FourCC (H.265, AV1)"));
    }

    #[test]
    fn an_flv_tag_with_a_long_time() {
        let mut out = Vec::new();
        write_flv(&tag(TagKind::Audio, &[0xaf, 1, 5]), 0x0123_4567, &mut out);
        assert_eq!(out, [8, 0, 0, 3, 0x23, 0x45, 0x67, 0x01, 0, 0, 0, 0xaf, 1, 5, 0, 0, 0, 14]);
    }
}
