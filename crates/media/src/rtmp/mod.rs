//! RTMP as mini-programs, ffmpeg and OBS speak it, and the tags that it shares with FLV. Bytes in, bytes out; nothing
//! here knows a call, a room or a clock.

mod amf0;
mod chunk;
mod error;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod handshake;
mod message;
mod session;
mod tag;
#[cfg(any(test, feature = "fuzzing", feature = "hostile"))]
pub(crate) mod testing;

pub(crate) use error::RtmpError;
pub use session::{Direction, StreamRequest};
pub(crate) use session::{Event, Session};
pub(crate) use tag::{AudioTag, Body, FLV_HEADER, PacketType, Tag, TagKind, write_flv};
#[cfg(feature = "bridge")]
pub(crate) use tag::{FrameType, VideoTag};
