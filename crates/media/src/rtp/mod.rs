//! What an RTP stream is: packets and their codecs, key frames, loss, repeated sound, numbers that are written anew, and
//! when a packet was captured. Pure and deterministic; imported by all that sees packets, imports nothing of this crate.
//!
//! | file | subject |
//! |---|---|
//! | `packet` | a received packet, as rooms, the bridge and the receivers' sessions see it |
//! | `header` | headers of RTP, read in place and written |
//! | `extension` | the values of the header extensions |
//! | `codec` | the codecs that are forwarded |
//! | `rewriter` | one continuous stream out of whatever fills a slot |
//! | `keyframe` | what a payload says about the picture that it belongs to |
//! | `loss` | packets of pictures that never reached the server |
//! | `nack` | which packets of pictures are asked for again |
//! | `red` | sound that repeats what was sent before |
//! | `capture_clock` | when a publisher's packets were captured, on the local clock |
//! | `by_kind` | a value for sound and one for pictures |
//! | `fuzzing` | what a publisher's numbers and reports may do (feature `fuzzing`) |
//!
//! To read it, begin with `packet`, then `rewriter`.

pub(crate) mod by_kind;
pub(crate) mod capture_clock;
pub(crate) mod codec;
pub(crate) mod extension;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
pub(crate) mod header;
pub(crate) mod keyframe;
pub(crate) mod loss;
pub(crate) mod nack;
pub(crate) mod packet;
// Until the media path of our own is joined up.
#[allow(dead_code)]
pub(crate) mod red;
pub(crate) mod rewriter;
