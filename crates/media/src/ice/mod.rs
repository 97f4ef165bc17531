//! Which session a datagram is for, and which way back to its peer. Pure: addresses, bytes and the time in, choices out.
//! Nobody's password is checked here; that is the ICE agent's work, behind the wall.
//!
//! To read it, begin with `demux`.

pub(crate) mod candidates;
pub(crate) mod check;
pub(crate) mod demux;
pub(crate) mod path;
pub(crate) mod ufrag;
