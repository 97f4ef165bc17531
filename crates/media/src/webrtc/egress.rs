//! The one door through which forwarded media leaves.

use crate::webrtc::{Broken, Sink, Transport, Write};
use std::time::Instant;

/// Sends rewritten packets to one receiver.
///
/// Who owns what, for each stream that leaves:
///
/// | what | owner |
/// |---|---|
/// | which packets, and from whom | the room ([`crate::room`]) |
/// | sequence number and timestamp of the slot's stream | the slot's [`Rewriter`](crate::rtp::rewriter::Rewriter), handed in here |
/// | SSRC, payload type, MID | the egress, as the answer negotiated them |
/// | transport-wide sequence number | the egress: one counter for each receiver, over all its streams |
/// | retransmission cache and the RTX stream's own sequence numbers | the egress, filled by what is sent here |
/// | sender reports | the egress, from the capture times handed in here |
/// | SRTP keys and the rollover counter | the egress; the counter follows the extended sequence number |
///
/// Today it is the WebRTC library's sending half ([`Transport`]). A faster one beside it must take over the lower five
/// rows for its streams as a whole: two owners of one SRTP counter or of one transport-wide number are none.
pub(crate) trait Egress {
    /// Sends a packet into a slot. Errors: the session is broken and must be dropped.
    fn send(&mut self, w: &Write<'_>, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken>;
}

impl Egress for Transport {
    fn send(&mut self, w: &Write<'_>, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken> {
        self.write(w, now, sink)
    }
}
