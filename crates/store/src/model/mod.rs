//! What the store keeps, whichever database holds it.

pub(crate) mod apps;
pub(crate) mod error;
