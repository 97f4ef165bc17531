//! A received RTP packet, as rooms, the bridge and the receivers' sessions see it.

use crate::rtp::codec::Codec;
use crate::rtp::red::Red;
use std::borrow::Cow;
use std::time::SystemTime;

/// Longest payload that is sent on, in bytes: with all that is added (header and extensions, RTX number, tag) and
/// the headers of IPv6 and UDP it fills an Ethernet frame of 1,500 bytes. Higher: it would be lost on the way, or be cut
/// in pieces. Lower: a sender that is careless about its packets' size is not seen.
pub(crate) const MAX_PAYLOAD: usize = 1_400;

/// The RTP header extensions (RFC 8285) that describe a packet's content. Those of the transport (MID, transport-wide
/// number) are each receiver's own and are written by its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct HeaderExtensions {
    /// Loudness in dBov, 0 (loudest) to -127 (RFC 6464).
    pub(crate) audio_level: Option<i8>,
    /// The sender takes the sound for a voice (RFC 6464).
    pub(crate) voice_activity: Option<bool>,
    /// How long a receiver waits before it shows a picture.
    pub(crate) playout_delay: Option<PlayoutDelay>,
}

/// Bounds of the time between the arrival of a picture and its display, in milliseconds in steps of 10, at most 40,950
/// (the playout-delay extension of libwebrtc).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlayoutDelay {
    pub(crate) min_ms: u16,
    pub(crate) max_ms: u16,
}

/// An RTP packet, opened and deduplicated, retransmissions undone. One from the network borrows its payload from the receive
/// buffer.
#[derive(Debug, Clone)]
pub(crate) struct Packet<'a> {
    /// Index of the media line it came on.
    pub(crate) line: usize,
    pub(crate) codec: Codec,
    /// Sequence number, extended past 16 bits (RFC 3711 §3.3.1).
    pub(crate) seq: u64,
    /// RTP timestamp, in the codec's clock.
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// The payload as it came, maybe with earlier frames repeated in it (RFC 2198).
    pub(crate) payload: Cow<'a, [u8]>,
    /// Where the frames are in the payload, if it repeats earlier ones (RFC 2198).
    red: Option<Red>,
    /// The header extensions that describe the content: they are sent on to each receiver.
    pub(crate) extensions: HeaderExtensions,
    /// The newest sender report of this stream: (NTP time, RTP timestamp at that time).
    pub(crate) report: Option<(SystemTime, u32)>,
}

impl<'a> Packet<'a> {
    /// A packet with nothing but what each has. The line is none of an offer's.
    pub(crate) fn new(
        codec: Codec,
        seq: u64,
        timestamp: u32,
        marker: bool,
        payload: impl Into<Cow<'a, [u8]>>,
    ) -> Self {
        Self {
            line: usize::MAX,
            codec,
            seq,
            timestamp,
            marker,
            payload: payload.into(),
            red: None,
            extensions: HeaderExtensions::default(),
            report: None,
        }
    }

    /// Marks a packet of Opus as one that repeats earlier frames (RFC 2198). `opus` is the payload type of the frames in
    /// it. None: the payload cannot be read.
    pub(crate) fn redundant(self, opus: u8) -> Option<Self> {
        let red = Red::read(&self.payload, opus)?;
        Some(Self { red: Some(red), ..self })
    }

    /// The newest frame alone, without what the payload repeats.
    pub(crate) fn plain(&self) -> &[u8] {
        match self.red {
            Some(red) => red.primary(&self.payload),
            None => &self.payload,
        }
    }

    /// The packet repeats earlier frames: a receiver that takes that is sent [`Packet::write_repeating`].
    pub(crate) fn repeats(&self) -> bool {
        self.red.is_some()
    }

    /// Appends the payload for a receiver that takes repeated frames, back to `reach` ticks, under the receiver's payload
    /// type of Opus. Appends [`Packet::plain`] if the packet repeats nothing.
    pub(crate) fn write_repeating(&self, opus: u8, reach: u32, out: &mut Vec<u8>) {
        match self.red {
            Some(red) => red.rewrite(&self.payload, opus, reach, out),
            None => out.extend_from_slice(&self.payload),
        }
    }
}
