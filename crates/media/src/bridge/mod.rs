//! A phone and a browser in one call: what one publishes in its way, put into the other's.

pub(crate) mod h264;
pub(crate) mod sound;
