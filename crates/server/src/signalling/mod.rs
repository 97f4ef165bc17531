//! Sessions and calls: the one owner of all sessions and of the call engine, what outlives a socket, and what a device
//! is told of its media.

pub(crate) mod ended_sessions;
mod media_events;
pub(crate) mod notice_queue;
mod requests;
pub(crate) mod session;
mod sign_in;
pub(crate) mod stream_urls;
pub(crate) mod switchboard;
pub(crate) mod transports;

#[cfg(test)]
mod tests;
