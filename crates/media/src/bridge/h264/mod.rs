//! H.264 as the two sides carry it: in RTP packets (RFC 6184) and in tags with lengths before each unit and the parameter
//! sets apart (ISO/IEC 14496-15, "AVCC"). Nothing is decoded: units are moved, cut and put together.
//!
//! To read it, begin with `packetize`.

mod config;
mod depacketize;
mod packetize;

pub(crate) use config::{Config, ConfigError};
pub(crate) use depacketize::{Depacketizer, Picture};
pub(crate) use packetize::packetize;

/// Kinds of network abstraction layer units (ITU-T H.264 table 7-1), and the packets that hold several or a part of one
/// (RFC 6184 §5.2).
pub(crate) mod nal {
    /// A slice of a picture that needs others.
    pub(crate) const SLICE: u8 = 1;
    /// A slice of a picture that needs none.
    pub(crate) const KEY_SLICE: u8 = 5;
    /// Sequence parameter set.
    pub(crate) const SPS: u8 = 7;
    /// Picture parameter set.
    pub(crate) const PPS: u8 = 8;
    /// Several units in one packet.
    pub(crate) const STAP_A: u8 = 24;
    /// A part of a unit.
    pub(crate) const FU_A: u8 = 28;

    /// The kind of a unit or packet, by its first byte.
    pub(crate) fn kind(first: u8) -> u8 {
        first & 0x1f
    }
}

/// Longest picture, in bytes, as for a tag that is pushed. Fragments that never end are given up there.
pub(crate) const MAX_PICTURE: usize = 1 << 20;
