//! What an RTP stream is: packets and their codecs, key frames, loss, repeated sound, numbers that are written anew, and
//! when a packet was captured. Pure and deterministic; imported by all that sees packets, imports nothing of this crate.

pub(crate) mod by_kind;
pub(crate) mod capture_clock;
pub(crate) mod codec;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
pub(crate) mod keyframe;
pub(crate) mod loss;
pub(crate) mod packet;
pub(crate) mod red;
pub(crate) mod rewriter;
