//! Audio, video and metadata as RTMP and FLV carry them (Adobe FLV 10.1, annex E): the same bytes in both.

use super::message;
use std::sync::Arc;
use tring_protocol::MediaKind;

/// Length of the header of a picture's body: frame type and codec, packet type, composition time (annex E.4.3.1, E.4.3.2).
const VIDEO_HEADER: usize = 5;
/// Length of the header of a sound's body: format, packet type (annex E.4.2.1, E.4.2.2).
const AUDIO_HEADER: usize = 2;

/// The format byte of AAC: the bits of rate, size and channels have these values whatever the stream is (annex E.4.2.1).
#[cfg(any(test, feature = "bridge"))]
const AAC_FORMAT: u8 = 0xaf;

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

impl TagKind {
    /// Whose clock it follows: metadata comes with the sound.
    pub(crate) fn media(self) -> MediaKind {
        match self {
            Self::Audio | Self::Metadata => MediaKind::Audio,
            Self::Video => MediaKind::Video,
        }
    }
}

/// The body of a tag, as far as its header says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Sound.
    Audio(AudioTag),
    /// Picture.
    Video(VideoTag),
    /// `onMetaData`, which is passed on unread.
    Metadata,
    /// Sound or picture without a single byte. A session takes none in: some encoders send these at a pause.
    Empty(TagKind),
}

/// The header of a picture's body (annex E.4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VideoTag {
    /// Which frames it needs.
    pub(crate) frame: FrameType,
    pub(crate) codec: VideoCodec,
    pub(crate) packet: PacketType,
    /// How much later than it is decoded the picture is shown, in milliseconds, -2^23 to 2^23 - 1: not 0 with B-frames.
    pub(crate) composition_time: i32,
}

/// The header of a sound's body (annex E.4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioTag {
    pub(crate) codec: AudioCodec,
    pub(crate) packet: PacketType,
    /// The format byte as it came. For AAC the lower four bits say nothing.
    pub(crate) format: u8,
}

/// What a picture needs to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameType {
    /// No other picture.
    Key,
    /// Earlier ones, or it is no picture.
    Inter,
}

/// What the rest of a body of H.264 or AAC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PacketType {
    /// What a decoder must have before the first frame: AVCDecoderConfigurationRecord, AudioSpecificConfig.
    SequenceHeader,
    /// A frame.
    Frame,
    /// Something else (the end of a sequence), or the body ends before it says.
    Other,
}

/// The codec of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VideoCodec {
    H264,
    H265,
    H263,
    /// Named by a FourCC (Enhanced RTMP v1).
    FourCc,
    Other,
}

/// The codec of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AudioCodec {
    Aac,
    Mp3,
    Speex,
    /// Named by a FourCC (Enhanced RTMP v2).
    FourCc,
    Other,
}

impl PacketType {
    fn read(body: &[u8]) -> Self {
        match body.get(1) {
            Some(0) => Self::SequenceHeader,
            Some(1) => Self::Frame,
            _ => Self::Other,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::SequenceHeader => 0,
            Self::Frame => 1,
            Self::Other => 2,
        }
    }
}

impl VideoTag {
    fn read(body: &[u8]) -> Option<Self> {
        let first = *body.first()?;
        let frame = if first >> 4 == 1 { FrameType::Key } else { FrameType::Inter };
        let codec = match first & 0x0f {
            _ if first & EXTENDED != 0 => VideoCodec::FourCc,
            2 => VideoCodec::H263,
            7 => VideoCodec::H264,
            12 => VideoCodec::H265,
            _ => VideoCodec::Other,
        };
        let composition_time = match body.get(2..VIDEO_HEADER) {
            // A signed number of 24 bits.
            Some(&[high, middle, low]) => i32::from_be_bytes([high, middle, low, 0]) >> 8,
            _ => 0,
        };
        Some(Self { frame, codec, packet: PacketType::read(body), composition_time })
    }
}

impl AudioTag {
    fn read(body: &[u8]) -> Option<Self> {
        let format = *body.first()?;
        let codec = match format >> 4 {
            2 | 14 => AudioCodec::Mp3,
            9 => AudioCodec::FourCc,
            10 => AudioCodec::Aac,
            11 => AudioCodec::Speex,
            _ => AudioCodec::Other,
        };
        // What is no header is a frame, as players of FLV take it.
        let packet = match PacketType::read(body) {
            PacketType::Other if body.len() > 1 => PacketType::Frame,
            packet => packet,
        };
        Some(Self { codec, packet, format })
    }
}

impl Body {
    fn read(kind: TagKind, payload: &[u8]) -> Self {
        match kind {
            TagKind::Audio => AudioTag::read(payload).map_or(Self::Empty(kind), Self::Audio),
            TagKind::Video => VideoTag::read(payload).map_or(Self::Empty(kind), Self::Video),
            TagKind::Metadata => Self::Metadata,
        }
    }
}

/// One audio or video frame, a decoder's header, or metadata. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Milliseconds of the publisher's clock, modulo 2^32.
    pub(crate) timestamp: u32,
    /// What the header of the payload says. Read once: nobody else looks at its bytes.
    body: Body,
    /// The body of the RTMP message and of the FLV tag, with its header.
    payload: Arc<[u8]>,
}

impl Tag {
    /// A tag of what came, or is to be sent: `payload` is the whole body.
    pub(crate) fn new(kind: TagKind, timestamp: u32, payload: Arc<[u8]>) -> Self {
        Self { timestamp, body: Body::read(kind, &payload), payload }
    }

    /// A picture of H.264, or its decoder's header. It is shown when it is decoded.
    #[cfg(feature = "bridge")]
    pub(crate) fn h264(timestamp: u32, frame: FrameType, packet: PacketType, data: &[u8]) -> Self {
        let first = if frame == FrameType::Key { 0x17 } else { 0x27 };
        Self::new(TagKind::Video, timestamp, [&[first, packet.number(), 0, 0, 0], data].concat().into())
    }

    /// A frame of AAC, or its decoder's header.
    #[cfg(any(test, feature = "bridge"))]
    pub(crate) fn aac(timestamp: u32, packet: PacketType, data: &[u8]) -> Self {
        Self::aac_of_format(timestamp, AAC_FORMAT, packet, data)
    }

    /// A frame of AAC with the format byte of its stream.
    pub(crate) fn aac_of_format(timestamp: u32, format: u8, packet: PacketType, data: &[u8]) -> Self {
        Self::new(TagKind::Audio, timestamp, [&[format, packet.number()], data].concat().into())
    }

    /// What it holds.
    pub(crate) fn kind(&self) -> TagKind {
        match self.body {
            Body::Audio(_) => TagKind::Audio,
            Body::Video(_) => TagKind::Video,
            Body::Metadata => TagKind::Metadata,
            Body::Empty(kind) => kind,
        }
    }

    /// What the header of its payload says.
    pub(crate) fn body(&self) -> Body {
        self.body
    }

    /// The whole payload, as it is sent.
    pub(crate) fn payload(&self) -> &Arc<[u8]> {
        &self.payload
    }

    /// The payload behind its header: a picture's units, a frame of sound, a decoder's configuration. Empty if the payload
    /// ends before.
    pub(crate) fn data(&self) -> &[u8] {
        let header = match self.body {
            Body::Audio(_) => AUDIO_HEADER,
            Body::Video(_) => VIDEO_HEADER,
            Body::Metadata | Body::Empty(_) => 0,
        };
        self.payload.get(header..).unwrap_or_default()
    }

    /// A decoder's header (AVC or AAC sequence header): not a frame, needed by whoever joins.
    pub(crate) fn is_header(&self) -> bool {
        match self.body {
            Body::Video(v) => v.codec == VideoCodec::H264 && v.packet == PacketType::SequenceHeader,
            Body::Audio(a) => a.codec == AudioCodec::Aac && a.packet == PacketType::SequenceHeader,
            Body::Metadata | Body::Empty(_) => false,
        }
    }

    /// Sound or a picture, with a time of its own: encoders put any time on headers and metadata.
    pub(crate) fn is_frame(&self) -> bool {
        self.body != Body::Metadata && !self.is_header()
    }

    /// A picture that can be decoded without an earlier one.
    pub(crate) fn is_keyframe(&self) -> bool {
        matches!(self.body, Body::Video(v) if v.frame == FrameType::Key && v.packet == PacketType::Frame)
    }

    /// What it is instead of H.264 or AAC, the only ones that a mini-program sends and that players are given.
    pub(crate) fn unsupported(&self) -> Option<&'static str> {
        match self.body {
            Body::Video(v) => match v.codec {
                VideoCodec::H264 => None,
                VideoCodec::H265 => Some("H.265 video"),
                VideoCodec::H263 => Some("H.263 video"),
                VideoCodec::FourCc => Some("video by its FourCC (H.265, AV1)"),
                VideoCodec::Other => Some("video of another codec"),
            },
            Body::Audio(a) => match a.codec {
                AudioCodec::Aac => None,
                AudioCodec::Mp3 => Some("MP3 sound"),
                AudioCodec::Speex => Some("Speex sound"),
                AudioCodec::FourCc => Some("sound by its FourCC (Opus, AC-3)"),
                AudioCodec::Other => Some("sound of another codec"),
            },
            Body::Metadata | Body::Empty(_) => None,
        }
    }

    /// The number of its kind in RTMP messages and FLV tags.
    pub(crate) fn number(&self) -> u8 {
        match self.kind() {
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
        Tag::new(kind, 0, payload.into())
    }

    #[test]
    fn headers_key_frames_and_frames_are_told_apart() {
        let header = tag(TagKind::Video, &[0x17, 0, 0, 0, 0, 1]);
        let key = tag(TagKind::Video, &[0x17, 1, 0, 0, 0, 9]);
        let frame = tag(TagKind::Video, &[0x27, 1, 0, 0, 0, 9]);
        assert_eq!([&header, &key, &frame].map(Tag::is_header), [true, false, false]);
        assert_eq!([&header, &key, &frame].map(Tag::is_keyframe), [false, true, false]);
        assert!(tag(TagKind::Audio, &[0xaf, 0, 0x11, 0x88]).is_header());
        assert!(!tag(TagKind::Audio, &[0xaf, 1, 1]).is_header());
    }

    #[test]
    fn a_header_is_read_once_and_a_short_one_is_no_fault() {
        let picture = tag(TagKind::Video, &[0x17, 1, 0xff, 0xff, 0xd8, 0, 0, 0, 1, 0x65]);
        let Body::Video(video) = picture.body() else { panic!("{picture:?}") };
        assert_eq!(
            (video.frame, video.codec, video.packet),
            (FrameType::Key, VideoCodec::H264, PacketType::Frame)
        );
        assert_eq!((video.composition_time, picture.data()), (-40, [0, 0, 0, 1, 0x65].as_slice()));
        let sound = tag(TagKind::Audio, &[0xae, 0, 0x11, 0x88]);
        let Body::Audio(audio) = sound.body() else { panic!("{sound:?}") };
        assert_eq!(
            (audio.codec, audio.packet, audio.format),
            (AudioCodec::Aac, PacketType::SequenceHeader, 0xae)
        );
        assert_eq!(sound.data(), [0x11, 0x88]);
        for short in [&[0x17][..], &[0x17, 1, 0]] {
            assert!(tag(TagKind::Video, short).data().is_empty());
            assert!(!tag(TagKind::Video, short).is_header());
        }
        let empty = tag(TagKind::Audio, &[]);
        assert_eq!(
            (empty.body(), empty.kind(), empty.unsupported()),
            (Body::Empty(TagKind::Audio), TagKind::Audio, None)
        );
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
