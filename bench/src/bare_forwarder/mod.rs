//! The bare forwarder: what forwarding costs if it is nothing but receive, open, seal and send. Nothing that forwards can be
//! cheaper.
//!
//! | module | subject |
//! |---|---|
//! | `crypto` | SRTP as far as two ends that share a key need it |
//! | `forwarder` | the forwarder, in a process of its own |
//! | `load` | its load, and what it came to |
//!
//! To read it, begin with `forwarder`.

mod crypto;
mod forwarder;
mod load;

pub(crate) use forwarder::forward;
pub(crate) use load::measure;
