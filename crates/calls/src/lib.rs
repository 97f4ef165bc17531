//! The call engine: who rings, who answers, how it ends.
//!
//! This crate is pure and deterministic: no sockets, no clock, no randomness. An [`Input`] and the time go into an
//! [`Engine`], a [`Reply`] and [`Effect`]s come out, and the shell carries the effects out in their order. It may
//! depend on `tring-protocol` only, and it knows nothing of media but whether a device may connect and when its gate
//! opens.
//!
//! A call has legs (the caller's first), a leg has devices. Every transition is a row of [`TABLE`], which
//! `docs/calls.md` shows with its pictures and reasons. The modules follow a call's life: `dial` (and `glare`), `ring`,
//! `leave`. `sign_in`, `reachability` (cut off, and back in time or not) and `session_end` are of devices; `transport`,
//! `sources` and `media_type` of what they send; `record` is what is written down.
//!
//! To read it, begin with `table`, then `engine`. Under them are `api` (what goes in and what comes out), `call` (what is
//! remembered of a call), `transition` (one input being carried out on one call), `tenants` (each app's own users, calls and
//! rooms), `timers` (all deadlines, in one queue) and `settings`.

mod api;
mod call;
mod dial;
mod engine;
mod glare;
mod leave;
mod media_type;
mod reachability;
mod record;
mod ring;
mod session_end;
mod settings;
mod sign_in;
mod sources;
mod table;
mod tenants;
mod timers;
mod transition;
mod transport;

pub use api::{CallRecord, Departure, Effect, Input, Reply, TransportPermit};
pub use engine::{Counts, Engine};
pub use session_end::is_last_word;
pub use settings::{
    KICKED_SESSION_TTL, MAX_DEVICES_PER_USER, MAX_PRECONNECTS_PER_CALLER, PRECONNECT_DEVICES, RING_GRACE,
    Settings, TALK_GRACE,
};
pub use sources::SOURCES;
pub use table::{Line, Row, TABLE};

#[cfg(test)]
mod tests;
