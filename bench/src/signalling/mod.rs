//! Figures without media: call set-ups per CPU-second, and memory of users who are signed in.
//!
//! To read it, begin with `setups`.

pub(crate) mod idle;
pub(crate) mod setups;
