//! Which video codec the people of a room can all use. Pure.
//!
//! H.264 comes first in every answer, since mini-programs have nothing else. VP8 comes first while somebody in the room
//! lacks H.264: a sender takes the first codec of the answer that it has. An answer is given once, so a sender that was
//! there before is told by a notice.

use crate::rtp::codec::Codec;

/// The codecs that somebody takes on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Codecs(u8);

impl Codecs {
    pub(crate) fn has(self, codec: Codec) -> bool {
        self.0 & (1 << codec.index()) != 0
    }

    pub(crate) fn with(self, codec: Codec) -> Self {
        Self(self.0 | (1 << codec.index()))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// It takes video, but not the codec that comes first.
    pub(crate) fn lacks_h264(self) -> bool {
        self.has(Codec::Vp8) && !self.has(Codec::H264)
    }

    /// The video codec that comes first of these.
    pub(crate) fn best_video(self) -> Option<Codec> {
        answer_order(false).into_iter().find(|&c| self.has(c))
    }
}

/// The order in an answer. `lacking`: somebody else in the room takes no H.264.
pub(crate) fn answer_order(lacking: bool) -> [Codec; 2] {
    if lacking { [Codec::Vp8, Codec::H264] } else { [Codec::H264, Codec::Vp8] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h264_while_all_take_it_then_vp8_then_none() {
        use Codec::{H264, Vp8};
        let set = |codecs: &[Codec]| codecs.iter().fold(Codecs::default(), |s, &c| s.with(c));
        let agreed = |people: &[&[Codec]]| {
            people.iter().map(|p| set(p)).reduce(Codecs::and).and_then(Codecs::best_video)
        };
        assert_eq!(agreed(&[&[Vp8, H264], &[H264, Vp8]]), Some(H264));
        assert_eq!(agreed(&[&[Vp8, H264], &[Vp8], &[H264, Vp8]]), Some(Vp8));
        assert_eq!(agreed(&[&[H264], &[Vp8]]), None);
        assert!(set(&[Vp8]).lacks_h264());
        assert!(!set(&[Vp8, H264]).lacks_h264() && !set(&[]).lacks_h264(), "no video is no lack");
    }
}
