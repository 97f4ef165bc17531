//! Sessions that end: which devices the server signs out, what becomes of their calls, and what such a device may still fetch of its session.
//!
//! The shell keeps sessions (numbered events, acknowledgements, tickets); the engine decides which of them end, and which
//! are kept for a while after their end. Without that, a phone that was out of reach when it was signed out would find its
//! ticket void, sign in again by itself, and sign out the very device for which it was signed out.

use crate::call::DeviceState;
use crate::transition::Transition;
use crate::{Departure, Effect, Engine, Reply, Row};
use tring_protocol::{DeviceId, EndReason, Event, KickReason, Timestamp};

/// Why a device's branch of a call ends with the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BranchEnd {
    LoggedOut,
    /// Its session is no more: [`Departure::Expired`] or [`Departure::TooSlow`].
    Dropped,
    Kicked,
}

impl From<Departure> for BranchEnd {
    fn from(departure: Departure) -> Self {
        match departure {
            Departure::LoggedOut => Self::LoggedOut,
            Departure::Expired | Departure::TooSlow => Self::Dropped,
        }
    }
}

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

    /// Ends the part that a device has in a call. False if it has none.
    pub(crate) fn end_branch(
        &mut self,
        device: DeviceId,
        why: BranchEnd,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> bool {
        let call = self.state.devices.get(&device).and_then(|d| d.call);
        call.and_then(|no| self.on_call(no, now, out, |transition| transition.end_branch(device, why)))
            .is_some()
    }

    /// Forgets a device that has no part in a call any more.
    pub(crate) fn forget(&mut self, device: DeviceId) {
        self.state.stop_grace(device);
        if let Some(d) = self.state.devices.remove(&device) {
            self.state.tenants.remove_device(&d.owner, device);
        }
    }
}

impl Transition<'_> {
    /// Ends the part that a device has in this call, for everybody who is left.
    fn end_branch(&mut self, device: DeviceId, why: BranchEnd) {
        let Some((leg, device_state)) = self.find(device) else { return };
        let user = Some(self.call.legs[leg].user.clone());
        match (device_state, why) {
            (DeviceState::Calling, BranchEnd::LoggedOut) => {
                self.mark(Row::Cancel);
                self.leave(leg, EndReason::Cancel, EndReason::Cancel);
            }
            (DeviceState::Calling, BranchEnd::Dropped) => {
                self.mark(Row::DroppedCalling);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            (DeviceState::Calling, BranchEnd::Kicked) => {
                self.mark(Row::KickCalling);
                self.leave(leg, EndReason::Kicked, EndReason::Cancel);
            }
            (DeviceState::Talking, BranchEnd::LoggedOut) => {
                self.mark(Row::Hangup);
                self.leave(leg, EndReason::Hangup, EndReason::Hangup);
            }
            (DeviceState::Talking, BranchEnd::Dropped) => {
                self.mark(Row::DroppedTalking);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            (DeviceState::Talking, BranchEnd::Kicked) => {
                self.mark(Row::KickTalking);
                self.leave(leg, EndReason::Kicked, EndReason::Kicked);
            }
            (DeviceState::Ringing(branch), BranchEnd::LoggedOut) => {
                let another = |p: &crate::call::Branch| p.device != device && !p.away;
                if self.call.legs[leg].branches.iter().any(another) {
                    self.mark(Row::GoneRinging);
                    self.dismiss(leg, branch, EndReason::Reject, user);
                } else {
                    self.decline(leg, branch);
                }
            }
            (DeviceState::Ringing(branch), BranchEnd::Dropped) => {
                self.mark(Row::DroppedRinging);
                self.dismiss(leg, branch, EndReason::Lost, user);
                self.check_reach(leg);
            }
            (DeviceState::Ringing(branch), BranchEnd::Kicked) => {
                self.mark(Row::KickRinging);
                self.dismiss(leg, branch, EndReason::Kicked, user);
            }
            // Of no device that has a part.
            (DeviceState::Over | DeviceState::Elsewhere | DeviceState::NoBranch, _) => {}
        }
    }
}
