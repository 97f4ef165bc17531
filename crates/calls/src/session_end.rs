//! Sessions that end: which devices the server signs out, and what such a device may still fetch of its session.
//!
//! The shell keeps sessions (numbered events, acknowledgements, tickets); the engine decides which of them end, and which
//! are kept for a while after their end. Without that, a phone that was out of reach when it was signed out would find its
//! ticket void, sign in again by itself, and sign out the very device for which it was signed out.

use crate::{Departure, Effect, Engine, Reply, Row};
use tring_protocol::{DeviceId, Event, KickReason, Timestamp};

/// Whether an event says how something ended. Such an event is owed even to a device whose session is full and takes
/// nothing else any more.
pub fn is_last_word(event: &Event) -> bool {
    matches!(event, Event::Ended { .. } | Event::KickedOut { .. })
}

impl Engine {
    /// A device is gone by itself, or by what its session does: its part in a call ends.
    pub(crate) fn gone(
        &mut self,
        device: DeviceId,
        why: Departure,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Reply {
        if !self.state.devices.contains_key(&device) {
            self.state.mark(Row::GoneUnknown);
            return Reply::Done;
        }
        if !self.end_branch(device, why.into(), now, out) {
            self.state.mark(Row::GoneIdle);
        }
        match why {
            Departure::LoggedOut | Departure::Expired => {
                self.state.mark(Row::SessionForgotten);
                self.forget(device);
            }
            Departure::TooSlow => {
                self.state.mark(Row::TooSlow);
                self.kick(device, KickReason::TooSlow, now, out);
            }
        }
        Reply::Done
    }

    /// Signs out a device that has no part in a call any more. Its session is kept, so that it hears why.
    pub(crate) fn kick(
        &mut self,
        device: DeviceId,
        reason: KickReason,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        self.state.mark(Row::SessionKept);
        self.forget(device);
        out.push(Effect::Kick { device, reason, until: now + self.state.settings.kicked_session_ttl });
    }

    /// Gives up a device that is idle and without a socket, for a new device of its user. It is owed nothing: nobody has
    /// signed it out, and it may sign in again like any other.
    pub(crate) fn evict(&mut self, device: DeviceId, out: &mut Vec<Effect>) {
        self.state.mark(Row::SignInEvicts);
        self.state.mark(Row::SessionForgotten);
        self.forget(device);
        out.push(Effect::Evict { device });
    }
}
