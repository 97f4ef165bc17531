//! Rooms, tracks, WebRTC and RTMP sessions: bytes in, bytes out.
//!
//! This crate has no sockets, no threads, no tokio and reads no clock. A [`Shard`] is one worker's share of the media
//! plane: commands and datagrams go in with the time, datagrams and notices come out in an [`Output`] that the caller
//! owns. [`Peer`] is the other end of a session, for Rust programs and tests. `docs/media.md` has the picture.
//!
//! # Folders
//!
//! Each imports only from those before it:
//!
//! ```text
//! key counters datagram fast_map trains   what all share
//! rtp       what an RTP stream is: packets, codecs, key frames, loss, numbers
//! rtcp      what receivers and senders tell each other about streams: reports, feedback
//! ice       which session a datagram is for, and which way back to its peer
//! room      who hears and sees whom
//! webrtc    sessions of browsers: SDP, ICE-lite and DTLS by the WebRTC library, RTP and RTCP of our own
//! peer      the other end of such a session
//! rtmp      RTMP and FLV as protocols
//! streams   what mini-programs push and play: tickets, connections, queues
//! bridge    phones and browsers in one call: sound between AAC and Opus, pictures cut and put together
//! api output   what the rest of Tring says and hears
//! shard     one worker's share: ties all of it together
//! ```
//!
//! `rtp`, `rtcp`, `ice`, `room`, `rtmp` and `streams` are pure and deterministic. Only `webrtc` and `peer` name the WebRTC
//! library (str0m), which takes time as [`Instant`](std::time::Instant) and draws its own randomness. RTP and RTCP of a server's
//! session are not the library's. Those of `peer` are, and there it reads the system clock for sender reports.
//!
//! The crate may depend on `tring-protocol` (ids, sources, limits) and `tring-limits` (token buckets), and nothing else of
//! Tring.
//!
//! To read it, begin with `shard/mod.rs`, then `shard/forward.rs`: how a packet finds its way.
//!
//! Imports: key counters datagram fast_map trains ← rtp ← rtcp ← ice ← room ← webrtc ← peer ← rtmp ← streams ← bridge ← api ← output ← shard ← fuzzing

mod api;
#[cfg(feature = "bridge")]
mod bridge;
mod counters;
mod datagram;
mod fast_map;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod ice;
mod key;
mod output;
mod peer;
mod room;
#[allow(dead_code)] // A whole codec: of some packets only tests and fuzzers look at every field.
mod rtcp;
mod rtmp;
mod rtp;
mod shard;
mod streams;
mod trains;
mod webrtc;

/// What a phone says by RTMP, byte for byte. Only for tests.
#[cfg(feature = "hostile")]
pub mod phone_says {
    /// Handshake and greeting of a phone that publishes or plays (`command`) a stream, whose name has the ticket in its query.
    pub fn greeting(command: &str, app: &str, name: &str) -> Vec<u8> {
        crate::rtmp::testing::greeting(command, app, name)
    }

    /// Sound or a picture, by the body of its tag.
    pub fn media(sound: bool, timestamp: u32, body: &[u8]) -> Vec<u8> {
        crate::rtmp::testing::media(sound, timestamp, body)
    }
}

/// ICE checks of whoever knows a password, or does not. Only for tests.
#[cfg(feature = "hostile")]
pub mod stranger_says {
    pub use crate::webrtc::hostile::{ice_check, ice_password};
}

/// What the codecs of the bridge cost, sound to measure with, and peers that cost little. For the bench.
#[cfg(feature = "measure")]
pub mod measure {
    pub use crate::bridge::measure::*;
    pub use crate::peer::light::{LightPeer, LightReceived};
}

/// Phones and browsers can be in one call: the crate was built with the feature `bridge`.
pub const HAS_BRIDGE: bool = cfg!(feature = "bridge");

pub use api::{Command, Notice, SessionId};
pub use counters::Counters;
pub use datagram::{Datagram, Transmit};
pub use ice::check::owner_of;
pub use ice::demux::MAX_DATAGRAM;
pub use ice::ufrag::Owner;
pub use output::Output;
pub use peer::{MediaLine, Peer, PeerConfig, PeerError, PeerEvent, Rtp};
pub use room::{MAX_PRECONNECT_DEVICES, MAX_SESSIONS_PER_USER};
pub use rtmp::{Direction, StreamRequest};
pub use rtp::codec::Codec;
pub use shard::{MAX_SESSIONS, Shard, ShardConfig};
pub use streams::{
    ConnectionId, ReleasedConnection, StreamOutput, StreamProtocol, StreamTicket, StreamTickets,
};
pub use trains::{Hop, MAX_SEGMENT, MAX_TRAIN, MAX_TRAIN_BYTES, Train, Trains};
pub use tring_protocol::{MediaKind, RoomKey, Source, SourceSet, UserId};
pub use webrtc::offer::OfferError;
pub use webrtc::{Certificate, CertificateError, SrtpProfile};
