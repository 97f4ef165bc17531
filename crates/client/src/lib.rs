//! The same calls from Rust: bots, tests, load. IO, on tokio.
//!
//! | module | subject |
//! |---|---|
//! | `options` | [`Options`]: who signs in where, and how |
//! | `client` | [`Client`]: sign in, call, answer, hang up, hear events |
//! | `session` | the task behind it: heartbeat, return after a cut socket, repeated requests; `socket` opens one, `shared` is what handles see |
//! | `media` | [`Media`]: one WebRTC session (ICE, DTLS, SRTP) on a UDP socket of its own; `driver` is its task, `state` what handles see |
//! | `path` | [`MediaPath`]: how far its checks came, and from where the server saw them come |
//! | `pattern` | [`Pattern`]: test sound and picture that say who sent them, and when |
//! | `tally` | [`Tally`]: what came and went, and how long it took |
//!
//! It may depend on `tring-protocol` and on [`tring_media::Peer`], the client end of a session. It decides nothing about
//! a call: the server does. To read it, begin with `examples/call.rs`, then `client`.
//!
//! ```no_run
//! use tring_client::{Client, Media, MediaOptions, MediaType, Options, Pattern};
//!
//! # async fn talk(user_sig: String) -> Result<(), tring_client::ClientError> {
//! let alice = Client::connect(Options::new("ws://127.0.0.1:8080/v1/socket", 1_400_000_001, "alice", user_sig)?).await?;
//! let call = alice.call("bob", MediaType::Video).await?;
//! let media = Media::connect(&alice, &call, MediaOptions::video()).await?;
//! media.play(Pattern::video_call(1)).await;
//! while let Some(event) = alice.next_event().await {
//!     println!("{event:?}");
//! }
//! # Ok(()) }
//! ```
//!
//! Imports: error pattern path ← options tally ← session ← client ← media

mod client;
mod error;
mod media;
mod options;
mod path;
mod pattern;
mod session;
mod tally;

pub use client::{Client, Streams};
pub use error::{ClientError, Closed};
pub use media::{Media, MediaOptions, MediaState, certificate};
pub use options::Options;
pub use path::MediaPath;
pub use pattern::{Due, FRAMES_PER_SECOND, MAX_FRAGMENT_BYTES, Pattern, Player, TestPacket};
pub use tally::{Delays, SenderTally, StreamTally, Tally};
pub use tring_media::{MediaKind, Owner, Rtp, SrtpProfile};
pub use tring_protocol::{
    CallId, CallRequest, DeviceKind, EndReason, ErrorBody, ErrorCode, Event, KickReason, MediaType, MediaUrl,
    PlayStream, RoomId, SdkAppId, Source, SourceSet, UserId, UserSig,
};
