//! The codecs that are forwarded.

use tring_protocol::MediaKind;

/// A codec that is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Opus (RFC 7587), 48 kHz clock.
    Opus,
    /// H.264 constrained baseline, packetization mode 1 (RFC 6184), 90 kHz clock.
    H264,
    /// VP8 (RFC 7741), 90 kHz clock.
    Vp8,
}

impl Codec {
    /// Every codec; [`Codec::index`] is its place here.
    pub(crate) const ALL: [Self; CODECS] = [Self::Opus, Self::H264, Self::Vp8];

    /// RTP clock in Hz.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::H264 | Self::Vp8 => 90_000,
        }
    }

    /// What a track in this codec carries.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Opus => MediaKind::Audio,
            Self::H264 | Self::Vp8 => MediaKind::Video,
        }
    }

    /// The codec's place in [`Codec::ALL`], for tables by codec.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Codecs known: the length of a table by [`Codec::index`].
pub(crate) const CODECS: usize = 3;
