//! Sessions and calls: the one owner of all sessions and of the call engine, what outlives a socket, and what a device
//! is told of its media.

pub(crate) mod ended_sessions;
pub(crate) mod notice_queue;
pub(crate) mod session;
pub(crate) mod stream_urls;
pub(crate) mod switchboard;
pub(crate) mod transports;
