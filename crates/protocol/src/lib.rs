//! What Tring's clients and server say to each other: ids, messages, errors and their limits.
//!
//! This crate is pure. It has no sockets, no clock and no randomness, it may depend on `tring-limits` only, and
//! all crates that speak of a call, an app or a device depend on it. The TypeScript types of
//! `clients/core` are generated from here (see `src/typescript.rs`); a drift fails a test. To read it, begin with `messages`; `docs/protocol.md` tells the story.
//!
//! **Protocol life.** A copied component folder lives in released mini-programs for years. So a client states its
//! [`PROTOCOL_VERSION`] when it signs in, the server keeps serving each version it ever released, and the files under
//! `golden/` (one folder a version) hold each message as it was released and are never edited. Unknown fields are
//! ignored; an unknown `type` is answered with [`ErrorCode::UnknownType`].
//!
//! **Shape.** One JSON object a WebSocket text frame.
//!
//! | direction | shape | type |
//! |---|---|---|
//! | client → server | `{"id":7,"type":"call",…}` | [`ClientMessage`] |
//! | server → client, answer | `{"re":7,"ok":{…}}` or `{"re":7,"error":{…}}` | [`Answer`] |
//! | server → client, event | `{"seq":12,"type":"invited",…}` | [`EventMessage`] |

mod characters;
mod error;
mod ids;
mod messages;
mod parse;
mod secret;
mod source;
mod time;

pub mod limits;
pub mod log;

pub use error::{ErrorBody, ErrorCode};
pub use ids::{CallId, DeviceId, IdError, RoomId, RoomKey, SdkAppId, UserId, UserKey};
pub use messages::{
    Answer, CallRequest, ClientMessage, DeviceInfo, DeviceKind, EndReason, Event, EventMessage, KickReason,
    MediaType, Outcome, PlayStream, Request, StreamFault, Success, VideoCodec, Welcome,
};
pub use parse::{ServerMessage, parse_client_message, parse_server_message, refuse_unread};
pub use secret::{MediaUrl, ResumeTicket, UserSig};
pub use source::{MediaKind, Source, SourceMap, SourceSet};
pub use time::Timestamp;

/// The newest protocol version this build speaks. Raised only with a new `golden/` folder.
pub const PROTOCOL_VERSION: u16 = 1;

/// The oldest version this build still serves.
pub const OLDEST_PROTOCOL_VERSION: u16 = 1;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod typescript;
