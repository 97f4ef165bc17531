//! Sound between Opus and AAC: decoded, put on one line of samples, encoded again. One channel: a call is speech, and a
//! phone has one speaker.
//!
//! To read it, begin with `opus_in`, then `aac_out`: the way from a browser to a phone.

mod aac_in;
mod aac_out;
mod opus_in;
mod opus_out;
#[cfg(test)]
mod tests;

pub(crate) use aac_in::AacIn;
pub(crate) use aac_out::AacOut;
pub(crate) use opus_in::{Block, OpusIn};
pub(crate) use opus_out::{OpusOut, PACKET_TICKS};

/// Samples a second on Opus's side (RFC 7587 §4.1), and of the AAC that is made.
pub(crate) const RATE: u32 = 48_000;

/// A codec failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SoundError {
    /// The sound is of a kind that is not carried to a browser.
    #[error("{0}: send AAC-LC with one or two channels")]
    Unsupported(String),
    /// A codec of ours could not be made or does not work.
    #[error("the {0} failed: {1}")]
    Codec(&'static str, String),
}
