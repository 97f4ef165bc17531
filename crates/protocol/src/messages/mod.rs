//! Every message, in both directions: requests, their answers, and events.

mod answer;
mod event;
mod request;

pub use answer::{Answer, Outcome, PlayStream, Success, Welcome};
pub use event::{EndReason, Event, EventMessage, KickReason, StreamFault};
pub use request::{CallRequest, ClientMessage, DeviceInfo, DeviceKind, Request};

use serde::{Deserialize, Serialize};

/// Voice or video (the guide's `type`, where 1 is audio and 2 is video).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// Voice only.
    Audio,
    /// Voice and picture.
    Video,
}

/// What pictures are encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    /// H.264 (RFC 6184): all mini-programs and most browsers.
    H264,
    /// VP8 (RFC 7741): browsers only.
    Vp8,
}
