//! A received RTP packet, as rooms, bridge and egress see it.

use crate::rtp::codec::Codec;
use crate::rtp::red::Red;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::SystemTime;

/// Longest payload that is sent on, in bytes: with all that the egress adds (header and extensions, RTX number, tag) and
/// the headers of IPv6 and UDP it fills an Ethernet frame of 1,500 bytes. Higher: it would be lost on the way, or be cut
/// in pieces. Lower: a sender that is careless about its packets' size is not seen.
pub(crate) const MAX_PAYLOAD: usize = 1_400;

/// The RTP header extensions (RFC 8285) that describe a packet's content. Those of the transport (MID, transport-wide
/// number) are each receiver's own and are written by the egress.
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

/// An RTP packet, decrypted and deduplicated, retransmissions undone.
#[derive(Debug)]
pub(crate) struct Packet {
    /// Index of the media line it came on.
    pub(crate) line: usize,
    pub(crate) codec: Codec,
    /// Sequence number, extended past 16 bits (RFC 3711 §3.3.1).
    pub(crate) seq: u64,
    /// RTP timestamp, in the codec's clock.
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// The payload as it came, maybe with earlier frames repeated in it (RFC 2198): shared by all receivers that take that.
    pub(crate) payload: Arc<[u8]>,
    /// Where the frames are in the payload, if it repeats earlier ones (RFC 2198).
    red: Option<Red>,
    /// The newest frame alone, of a payload that repeats earlier ones. Made for the first receiver that needs it.
    plain: OnceCell<Arc<[u8]>>,
    /// The header extensions that describe the content: they are sent on to each receiver.
    pub(crate) extensions: HeaderExtensions,
    /// The newest sender report of this stream: (NTP time, RTP timestamp at that time).
    pub(crate) report: Option<(SystemTime, u32)>,
}

impl Packet {
    /// A packet with nothing but what each has. The line is none of an offer's.
    pub(crate) fn new(codec: Codec, seq: u64, timestamp: u32, marker: bool, payload: Arc<[u8]>) -> Self {
        Self {
            line: usize::MAX,
            codec,
            seq,
            timestamp,
            marker,
            payload,
            red: None,
            plain: OnceCell::new(),
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
    pub(crate) fn plain(&self) -> &Arc<[u8]> {
        match self.red {
            Some(red) => self.plain.get_or_init(|| red.primary(&self.payload).into()),
            None => &self.payload,
        }
    }

    /// The payload for a receiver that takes repeated frames, back to `reach` ticks, under the receiver's payload type of
    /// Opus. None: the packet repeats nothing, [`Packet::plain`] is all.
    pub(crate) fn repeating(&self, opus: u8, reach: u32) -> Option<Arc<[u8]>> {
        let made = self.red?.rewritten(&self.payload, opus, reach);
        Some(made.map_or_else(|| self.payload.clone(), Arc::from))
    }
}
