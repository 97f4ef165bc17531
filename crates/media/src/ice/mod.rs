//! Which session a datagram is for, and which way back to its peer. Pure.

pub(crate) mod candidates;
pub(crate) mod check;
pub(crate) mod demux;
pub(crate) mod path;
pub(crate) mod ufrag;
