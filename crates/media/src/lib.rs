//! Rooms, tracks and WebRTC sessions: bytes in, bytes out.
//!
//! This crate has no sockets, no threads, no tokio and reads no clock. A [`Shard`] is one worker's share of the media
//! plane: commands and datagrams go in with the time, datagrams and notices come out in an [`Output`] that the caller
//! owns. [`Peer`] is the other end of a session, for Rust programs and tests. `docs/media.md` has the picture.
//!
//! The rooms (`room`, `rewrite`, `keyframes`, `quality`, `demux`) are pure and deterministic. The WebRTC library is
//! known only behind the wall: `rtc/` and `peer.rs`. It measures time as [`std::time::Instant`], so that is what calls
//! here take; it draws its own randomness and has its own idea of the wall clock for sender reports.
//!
//! It may depend on `tring-protocol` (ids, limits) and nothing else of Tring.

mod api;
mod candidates;
mod counters;
mod demux;
mod egress;
mod keyframes;
mod offer;
mod output;
mod peer;
mod quality;
mod rewrite;
mod room;
mod rtc;
mod session;
mod shard;
mod ufrag;

pub use api::{Command, Datagram, Notice, OfferError, SessionId};
pub use counters::Counters;
pub use offer::MediaKind;
pub use output::{MAX_TRAIN, MAX_TRAIN_BYTES, Output, Transmit};
pub use peer::{Peer, PeerConfig, PeerError, PeerEvent, PeerLine, Rtp};
pub use rtc::{Certificate, CertificateError, Codec, SrtpProfile};
pub use shard::{MAX_SESSIONS, Shard, ShardConfig};
pub use tring_protocol::{RoomKey, UserId};
pub use ufrag::{Owner, owner_of};
