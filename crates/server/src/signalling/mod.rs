//! Sessions and calls: the one owner of all sessions and of the call engine, what outlives a socket, and what a device
//! is told of its media.
//!
//! | file | subject |
//! |---|---|
//! | `messages` | what goes into the switchboard and what comes out of it |
//! | `switchboard` | inputs, the engine's effects, what devices are told |
//! | `sign_in` | sessions begin, and move to new links |
//! | `session_lifecycle` | sessions lose their links, and end |
//! | `requests`, `rates` | what signed-in devices ask, and how often they may |
//! | `media_events` | offers, and what the media plane tells |
//! | `session`, `ended_sessions` | numbered events and answers; those of sessions that the server ended |
//! | `transports` | which media session belongs to which device of which call |
//! | `stream_urls` | the addresses at which mini-programs push and play |
//! | `notice_queue` | the way from the threads of the media plane to the switchboard |
//! | `shell` | the one task around the switchboard: sockets, channels and the clock |
//!
//! All but `shell` and `notice_queue` is pure: time and random bytes are arguments. To read it, begin with `messages`, then `switchboard`.

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
