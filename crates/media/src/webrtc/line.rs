//! A media line of a session, as offer and answer have negotiated it.

use super::config::codec_of;
use crate::room::codecs::Codecs;
use crate::rtp::codec::{CODECS, Codec};
use str0m::Rtc;
use str0m::media::{Media, Mid};
use str0m::rtp::Extension;
use tring_protocol::MediaKind;

/// A media line as negotiated.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(super) mid: Mid,
    pub(crate) kind: MediaKind,
    /// The peer may send on it.
    pub(crate) receives: bool,
    /// The peer may receive on it: a slot.
    pub(crate) sends: bool,
    /// The payload type of each codec that the peer takes here.
    pub(super) payload_types: [Option<u8>; CODECS],
    /// The payload type of the retransmissions (RTX) of each codec.
    pub(super) rtx_payload_types: [Option<u8>; CODECS],
    /// The peer confirms each packet that it is sent here (transport-wide feedback).
    pub(super) confirmed: bool,
    /// The payload type of Opus that repeats what was sent before (RFC 2198), if the peer takes that.
    pub(super) red: Option<u8>,
}

impl Line {
    /// The line of this name as the library has negotiated it. It takes nothing if the library knows no such line.
    pub(super) fn negotiated(rtc: &Rtc, mid: &str, kind: MediaKind) -> Self {
        let mid = Mid::from(mid);
        let (mut payload_types, mut rtx_payload_types, mut red) = ([None; CODECS], [None; CODECS], None);
        let media = rtc.media(mid);
        if let Some(media) = media {
            for p in rtc.codec_config().params() {
                if let Some(codec) = codec_of(p.spec().codec)
                    && media.remote_pts().contains(&p.pt())
                {
                    payload_types[codec.index()] = Some(*p.pt());
                    rtx_payload_types[codec.index()] = p.resend().map(|pt| *pt);
                    red = p.red().map(|pt| *pt).or(red);
                }
            }
        }
        let direction = media.map(Media::direction);
        let numbered = |m: &Media| m.remote_extmap().id_of(Extension::TransportSequenceNumber);
        Self {
            mid,
            kind,
            receives: direction.is_some_and(|d| d.is_receiving()),
            sends: direction.is_some_and(|d| d.is_sending()),
            payload_types,
            rtx_payload_types,
            confirmed: media.and_then(numbered).is_some(),
            red,
        }
    }

    /// The peer takes this codec here.
    pub(crate) fn takes(&self, codec: Codec) -> bool {
        self.payload_types[codec.index()].is_some()
    }

    /// The codecs that the peer takes here.
    pub(crate) fn codecs(&self) -> Codecs {
        Codec::ALL.into_iter().filter(|&c| self.takes(c)).fold(Codecs::default(), Codecs::with)
    }
}
