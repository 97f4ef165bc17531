//! RTMP as mini-programs, ffmpeg and OBS speak it, and the tags that it shares with FLV. Bytes in, bytes out; nothing
//! here knows a call, a room or a clock.
//!
//! | file | subject |
//! |---|---|
//! | `session` | one connection, the server's side: bytes in, bytes and events out |
//! | `handshake`, `chunk`, `message`, `amf0` | what a connection is made of, from the outside in |
//! | `tag` | sound, pictures and metadata as RTMP and FLV carry them |
//! | `error` | what ends a connection |
//! | `testing`, `fuzzing` | what a client says, and what any bytes may do, for tests |
//!
//! To read it, begin with `session`.

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
