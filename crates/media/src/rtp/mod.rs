//! What an RTP stream is: key frames, loss, repeats of sound, numbers that are written anew. Pure and deterministic.

pub(crate) mod keyframe;
pub(crate) mod loss;
pub(crate) mod red;
pub(crate) mod rewriter;
