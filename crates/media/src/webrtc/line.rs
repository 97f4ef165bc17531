//! A media line of a session, as offer and answer have negotiated it: all that is needed of it once the library is done.

use super::config::codec_of;
use crate::room::codecs::Codecs;
use crate::rtp::codec::{CODECS, Codec};
use str0m::Rtc;
use str0m::media::{Media, Mid};
use str0m::rtp::Extension;
use tring_protocol::MediaKind;

/// The ids of the header extensions that the peer reads on a line (RFC 8285 §5), and writes there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ExtensionIds {
    pub(super) audio_level: Option<u8>,
    pub(super) transport_sequence: Option<u8>,
    pub(super) mid: Option<u8>,
    pub(super) playout_delay: Option<u8>,
}

/// The SSRCs that a line is sent with, as the answer announces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SendSsrcs {
    pub(super) media: u32,
    /// Of retransmissions (RFC 4588 §4).
    pub(super) rtx: Option<u32>,
}

/// A media line as negotiated.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The name that packets carry (RFC 9143 §15).
    pub(super) mid: Box<str>,
    pub(crate) kind: MediaKind,
    /// The peer may send on it.
    pub(crate) receives: bool,
    /// The peer may receive on it: a slot.
    pub(crate) sends: bool,
    /// What it is sent with, if the peer may receive on it.
    pub(super) ssrcs: Option<SendSsrcs>,
    /// The payload type of each codec that the peer takes here.
    pub(super) payload_types: [Option<u8>; CODECS],
    /// The payload type of the retransmissions (RTX) of each codec.
    pub(super) rtx_payload_types: [Option<u8>; CODECS],
    pub(super) extensions: ExtensionIds,
    /// The payload type of Opus that repeats what was sent before (RFC 2198), if the peer takes that.
    pub(super) red: Option<u8>,
}

impl Line {
    /// The line of this name as the library has negotiated it. It takes nothing if the library knows no such line.
    pub(super) fn negotiated(rtc: &mut Rtc, mid: &str, kind: MediaKind) -> Self {
        let name = Mid::from(mid);
        let (mut payload_types, mut rtx_payload_types, mut red) = ([None; CODECS], [None; CODECS], None);
        let media = rtc.media(name);
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
        let id_of = |extension| media.and_then(|m| m.remote_extmap().id_of(extension));
        let extensions = ExtensionIds {
            audio_level: id_of(Extension::AudioLevel),
            transport_sequence: id_of(Extension::TransportSequenceNumber),
            mid: id_of(Extension::RtpMid),
            playout_delay: id_of(Extension::PlayoutDelay),
        };
        let receives = direction.is_some_and(|d| d.is_receiving());
        let sends = direction.is_some_and(|d| d.is_sending());
        let mut api = rtc.direct_api();
        let ssrcs = api
            .stream_tx_by_mid(name, None)
            .filter(|_| sends)
            .map(|s| SendSsrcs { media: *s.ssrc(), rtx: s.rtx().map(|ssrc| *ssrc) });
        Self {
            mid: mid.into(),
            kind,
            receives,
            sends,
            ssrcs,
            payload_types,
            rtx_payload_types,
            extensions,
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

    /// What a payload type of this line stands for.
    pub(super) fn payload(&self, payload_type: u8) -> Option<Payload> {
        let of = |types: &[Option<u8>; CODECS]| {
            Codec::ALL.into_iter().find(|c| types[c.index()] == Some(payload_type))
        };
        if let Some(codec) = of(&self.payload_types) {
            return Some(Payload::Media(codec));
        }
        match self.payload_types[Codec::Opus.index()] {
            Some(opus) if self.red == Some(payload_type) => Some(Payload::Redundant { opus }),
            _ => of(&self.rtx_payload_types).map(Payload::Retransmission),
        }
    }

    /// The peer confirms each packet that it is sent here (transport-wide feedback).
    pub(super) fn is_confirmed(&self) -> bool {
        self.extensions.transport_sequence.is_some()
    }
}

/// What is in a packet of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// Of this codec.
    Media(Codec),
    /// Opus that repeats what was sent before (RFC 2198), in blocks of this payload type.
    Redundant { opus: u8 },
    /// A packet of this codec that is sent again (RFC 4588).
    Retransmission(Codec),
}
