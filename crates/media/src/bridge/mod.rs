//! A phone and a browser in one call: what one publishes in its way, put into the other's.
//!
//! ```text
//!  browser ─ packets ─► IntoTags ─ tags ─► players       phone ─ tags ─► IntoPackets ─ packets ─► browsers
//!                       h264: in order, put together                     h264: cut, parameter sets before key frames
//!                       sound: Opus ► samples ► AAC                      sound: AAC ► samples ► Opus
//! ```
//!
//! Pictures pass through in both directions, nothing transcodes them. Pure: bytes and the time come in. Which packets and
//! tags these are, and who gets what they become, is the shard's to say (`shard/bridge.rs`).
//!
//! To read it, begin with `into_packets`, then `into_tags`.

mod clock;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod h264;
mod into_packets;
mod into_tags;
#[cfg(feature = "measure")]
pub(crate) mod measure;
mod reorder;
mod sound;

pub(crate) use into_packets::{BridgedPacket, IntoPackets, Unplayable};
pub(crate) use into_tags::IntoTags;
pub(crate) use sound::SoundError;

#[cfg(test)]
mod tests;
