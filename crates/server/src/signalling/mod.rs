//! Sessions and calls: the one owner of all sessions and of the call engine, what outlives a socket, and what a device
//! is told of its media.

mod ended_sessions;
mod media_events;
pub(crate) mod messages;
pub(crate) mod notice_queue;
mod rates;
mod requests;
pub(crate) mod session;
mod session_lifecycle;
pub(crate) mod shell;
mod sign_in;
pub(crate) mod stream_urls;
pub(crate) mod switchboard;
mod transports;

#[cfg(test)]
mod tests;
