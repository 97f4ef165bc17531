//! Devices that come and go: sign-in, cut sockets and their grace, log-out, kicks.

use crate::call::{DeviceState, LegNo, Told};
use crate::transition::{Device, Transition};
use crate::{Departure, Effect, Engine, Reply, Row};
use tring_protocol::{DeviceId, EndReason, ErrorCode, KickReason, Timestamp, UserKey};

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

impl Engine {
    pub(crate) fn sign_in(
        &mut self,
        device: DeviceId,
        owner: UserKey,
        single_login: bool,
        again: bool,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<Reply, ErrorCode> {
        if self.state.devices.contains_key(&device) {
            self.state.mark(Row::SignInKnown);
            return Err(ErrorCode::AlreadyLoggedIn);
        }
        let older = self.state.tenants.devices(&owner).to_vec();
        if again && single_login && !older.is_empty() {
            self.state.mark(Row::SignInReplaced);
            return Err(ErrorCode::SignedInElsewhere);
        }
        if !single_login && older.len() >= self.state.settings.max_devices_per_user {
            let Some(idle) = self.longest_cut_off(&older) else {
                self.state.mark(Row::SignInRefused);
                return Err(ErrorCode::TooManyDevices);
            };
            self.evict(idle, out);
        }
        self.state.tenants.add_device(&owner, device);
        let entry = Device { owner: owner.clone(), detached: None, grace: None, call: None };
        self.state.devices.insert(device, entry);
        // The new device rings before an older one is kicked, so that the leg is never without a device in between.
        let ringing = self.state.tenants.user(&owner).and_then(|u| u.call).and_then(|no| {
            self.on_call(no, now, out, |transition| {
                let leg = transition
                    .call
                    .leg_of(&owner.user)
                    .filter(|&leg| transition.call.legs[leg].is_ringing())?;
                transition.mark(Row::SignInRings);
                transition.invite(leg, device);
                Some(())
            })
        });
        if ringing.flatten().is_none() {
            self.state.mark(Row::SignIn);
        }
        for old in older.into_iter().filter(|_| single_login) {
            if !self.end_branch(old, BranchEnd::Kicked, now, out) {
                self.state.mark(Row::KickIdle);
            }
            self.kick(old, KickReason::SignedInElsewhere, now, out);
        }
        Ok(Reply::Done)
    }

    /// Which of a user's devices to give up for a new one: a page that was reloaded leaves its old session behind.
    fn longest_cut_off(&self, devices: &[DeviceId]) -> Option<DeviceId> {
        let idle = devices.iter().filter_map(|id| {
            let d = self.state.devices.get(id).filter(|d| d.call.is_none())?;
            Some((d.detached?, *id))
        });
        idle.min().map(|(_, device)| device)
    }

    pub(crate) fn detached(&mut self, device: DeviceId, now: Timestamp) -> Reply {
        let Some(d) = self.state.devices.get_mut(&device) else {
            self.state.mark(Row::GoneUnknown);
            return Reply::Done;
        };
        let first = d.detached.is_none();
        d.detached.get_or_insert(now);
        let Some(no) = d.call else {
            self.state.mark(Row::DetachedIdle);
            return Reply::Done;
        };
        self.state.mark(Row::Detached);
        if first {
            let settings = &self.state.settings;
            let talks = self.calls.get(&no).is_some_and(|call| call.talks(device));
            let grace = if talks { settings.talk_grace } else { settings.ring_grace };
            self.state.start_grace(device, grace);
        }
        Reply::Done
    }

    pub(crate) fn attached(&mut self, device: DeviceId, now: Timestamp, out: &mut Vec<Effect>) -> Reply {
        let Some(d) = self.state.devices.get_mut(&device) else {
            self.state.mark(Row::GoneUnknown);
            return Reply::Done;
        };
        d.detached = None;
        let call = d.call;
        self.state.mark(Row::Attached);
        self.state.stop_grace(device);
        if let Some(no) = call {
            self.on_call(no, now, out, |transition| transition.back(device));
        }
        Reply::Done
    }

    /// A device was without a socket for too long. The device stays signed in: its session is the shell's.
    pub(crate) fn grace_over(&mut self, device: DeviceId, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(d) = self.state.devices.get_mut(&device) else { return };
        d.grace = None;
        if let Some(no) = d.call {
            self.on_call(no, now, out, |transition| transition.grace_over(device));
        }
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
    /// The leg of a device that has a part in this call, and where it stands.
    fn find(&self, device: DeviceId) -> Option<(LegNo, DeviceState)> {
        let leg = self.call.legs.iter().position(|leg| leg.branches.iter().any(|p| p.device == device))?;
        Some((leg, self.call.device_state(leg, device)))
    }

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

    fn grace_over(&mut self, device: DeviceId) {
        let Some((leg, device_state)) = self.find(device) else { return };
        match device_state {
            DeviceState::Calling => {
                self.mark(Row::GraceCalling);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            DeviceState::Talking => {
                self.mark(Row::GraceTalking);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            // It keeps its part: if it comes back while it still rings, it can answer.
            DeviceState::Ringing(branch) => {
                self.mark(Row::GraceRinging);
                self.call.legs[leg].branches[branch].away = true;
                self.check_reach(leg);
            }
            DeviceState::Over | DeviceState::Elsewhere | DeviceState::NoBranch => {}
        }
    }

    /// A device is back; it may answer again.
    fn back(&mut self, device: DeviceId) {
        let Some((leg, DeviceState::Ringing(branch))) = self.find(device) else { return };
        self.call.legs[leg].branches[branch].away = false;
        if self.call.legs[leg].branches[branch].delivered && self.call.legs[leg].told == Told::Unreachable {
            self.mark(Row::AttachedRings);
            self.tell_ringing(leg);
        }
    }

    /// Tells the caller when nobody can be expected to answer a leg any more.
    fn check_reach(&mut self, leg: LegNo) {
        let l = &self.call.legs[leg];
        if l.is_reachable() {
            return;
        }
        self.mark(Row::Unreachable);
        if self.call.legs[leg].told != Told::Unreachable {
            self.tell_unreachable(leg);
        }
        self.fail_fast();
    }
}
