//! The limit: what forwarding costs if it is nothing but receive, open, seal and send.

mod crypto;
mod forwarder;
mod load;

pub(crate) use forwarder::forward;
pub(crate) use load::measure;
