//! Figures without media.

pub(crate) mod idle;
pub(crate) mod setups;
