//! Devices that come and go: sign-in, cut sockets and their grace, log-out, kicks.

use crate::call::{LegNo, Stand, Told};
use crate::transition::{Device, Turn};
use crate::{Effect, Engine, Gone, Reply, Row};
use tring_protocol::{DeviceId, EndReason, ErrorCode, KickReason, Timestamp, UserKey};

/// Why a device's part in a call ends without the device asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Departure {
    LoggedOut,
    Dropped,
    Kicked,
}

impl Engine {
    pub(crate) fn sign_in(
        &mut self,
        device: DeviceId,
        owner: UserKey,
        single_login: bool,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<Reply, ErrorCode> {
        if self.book.devices.contains_key(&device) {
            self.book.mark(Row::SignInKnown);
            return Err(ErrorCode::AlreadyLoggedIn);
        }
        let older = self.book.worlds.devices(&owner).to_vec();
        if !single_login && older.len() >= self.book.settings.max_devices_per_user {
            let Some(idle) = self.longest_cut_off(&older) else {
                self.book.mark(Row::SignInRefused);
                return Err(ErrorCode::TooManyDevices);
            };
            self.book.mark(Row::SignInEvicts);
            self.forget(idle);
            out.push(Effect::Evict { device: idle });
        }
        self.book.worlds.add_device(&owner, device);
        let entry = Device { owner: owner.clone(), detached: None, grace: None, call: None };
        self.book.devices.insert(device, entry);
        // The new device rings before an older one is kicked, so that the leg is never without a device in between.
        let ringing = self.book.worlds.user(&owner).and_then(|u| u.call).and_then(|no| {
            self.turn(no, now, out, |turn| {
                let leg = turn.call.leg_of(&owner.user).filter(|&leg| turn.call.legs[leg].is_ringing())?;
                turn.mark(Row::SignInRings);
                turn.invite(leg, device);
                Some(())
            })
        });
        if ringing.flatten().is_none() {
            self.book.mark(Row::SignIn);
        }
        for old in older.into_iter().filter(|_| single_login) {
            if !self.end_part(old, Departure::Kicked, now, out) {
                self.book.mark(Row::KickIdle);
            }
            self.kick(old, out);
        }
        Ok(Reply::Done)
    }

    /// Which of a user's devices to give up for a new one: a page that was reloaded leaves its old session behind.
    fn longest_cut_off(&self, devices: &[DeviceId]) -> Option<DeviceId> {
        let idle = devices.iter().filter_map(|id| {
            let d = self.book.devices.get(id).filter(|d| d.call.is_none())?;
            Some((d.detached?, *id))
        });
        idle.min().map(|(_, device)| device)
    }

    pub(crate) fn detached(&mut self, device: DeviceId, now: Timestamp) -> Reply {
        let Some(d) = self.book.devices.get_mut(&device) else {
            self.book.mark(Row::GoneUnknown);
            return Reply::Done;
        };
        let first = d.detached.is_none();
        d.detached.get_or_insert(now);
        let Some(no) = d.call else {
            self.book.mark(Row::DetachedIdle);
            return Reply::Done;
        };
        self.book.mark(Row::Detached);
        if first {
            let settings = &self.book.settings;
            let talks = self.calls.get(&no).is_some_and(|call| call.talks(device));
            let grace = if talks { settings.talk_grace } else { settings.ring_grace };
            self.book.start_grace(device, grace);
        }
        Reply::Done
    }

    pub(crate) fn attached(&mut self, device: DeviceId, now: Timestamp, out: &mut Vec<Effect>) -> Reply {
        let Some(d) = self.book.devices.get_mut(&device) else {
            self.book.mark(Row::GoneUnknown);
            return Reply::Done;
        };
        d.detached = None;
        let call = d.call;
        self.book.mark(Row::Attached);
        self.book.stop_grace(device);
        if let Some(no) = call {
            self.turn(no, now, out, |turn| turn.back(device));
        }
        Reply::Done
    }

    pub(crate) fn gone(
        &mut self,
        device: DeviceId,
        why: Gone,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Reply {
        if !self.book.devices.contains_key(&device) {
            self.book.mark(Row::GoneUnknown);
            return Reply::Done;
        }
        let why = match why {
            Gone::LoggedOut => Departure::LoggedOut,
            Gone::Dropped => Departure::Dropped,
        };
        if !self.end_part(device, why, now, out) {
            self.book.mark(Row::GoneIdle);
        }
        self.forget(device);
        Reply::Done
    }

    /// A device was without a socket for too long. The device stays signed in: its session is the shell's.
    pub(crate) fn grace_over(&mut self, device: DeviceId, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(d) = self.book.devices.get_mut(&device) else { return };
        d.grace = None;
        if let Some(no) = d.call {
            self.turn(no, now, out, |turn| turn.grace_over(device));
        }
    }

    /// Ends the part that a device has in a call. False if it has none.
    fn end_part(&mut self, device: DeviceId, why: Departure, now: Timestamp, out: &mut Vec<Effect>) -> bool {
        let call = self.book.devices.get(&device).and_then(|d| d.call);
        call.and_then(|no| self.turn(no, now, out, |turn| turn.end_part(device, why))).is_some()
    }

    fn kick(&mut self, device: DeviceId, out: &mut Vec<Effect>) {
        self.forget(device);
        out.push(Effect::Kick { device, reason: KickReason::SignedInElsewhere });
    }

    /// Forgets a device that has no part in a call any more.
    pub(crate) fn forget(&mut self, device: DeviceId) {
        self.book.stop_grace(device);
        if let Some(d) = self.book.devices.remove(&device) {
            self.book.worlds.remove_device(&d.owner, device);
        }
    }
}

impl Turn<'_> {
    /// The leg of a device that has a part in this call, and where it stands.
    fn find(&self, device: DeviceId) -> Option<(LegNo, Stand)> {
        let leg = self.call.legs.iter().position(|leg| leg.parts.iter().any(|p| p.device == device))?;
        Some((leg, self.call.stand(leg, device)))
    }

    fn end_part(&mut self, device: DeviceId, why: Departure) {
        let Some((leg, stand)) = self.find(device) else { return };
        let user = Some(self.call.legs[leg].user.clone());
        match (stand, why) {
            (Stand::Calling, Departure::LoggedOut) => {
                self.mark(Row::Cancel);
                self.leave(leg, EndReason::Cancel, EndReason::Cancel);
            }
            (Stand::Calling, Departure::Dropped) => {
                self.mark(Row::DroppedCalling);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            (Stand::Calling, Departure::Kicked) => {
                self.mark(Row::KickCalling);
                self.leave(leg, EndReason::Kicked, EndReason::Cancel);
            }
            (Stand::Talking, Departure::LoggedOut) => {
                self.mark(Row::Hangup);
                self.leave(leg, EndReason::Hangup, EndReason::Hangup);
            }
            (Stand::Talking, Departure::Dropped) => {
                self.mark(Row::DroppedTalking);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            (Stand::Talking, Departure::Kicked) => {
                self.mark(Row::KickTalking);
                self.leave(leg, EndReason::Kicked, EndReason::Kicked);
            }
            (Stand::Ringing(part), Departure::LoggedOut) => {
                let another = |p: &crate::call::Part| p.device != device && !p.away;
                if self.call.legs[leg].parts.iter().any(another) {
                    self.mark(Row::GoneRinging);
                    self.dismiss(leg, part, EndReason::Reject, user);
                } else {
                    self.decline(leg, part);
                }
            }
            (Stand::Ringing(part), Departure::Dropped) => {
                self.mark(Row::DroppedRinging);
                self.dismiss(leg, part, EndReason::Lost, user);
                self.check_reach(leg);
            }
            (Stand::Ringing(part), Departure::Kicked) => {
                self.mark(Row::KickRinging);
                self.dismiss(leg, part, EndReason::Kicked, user);
            }
            // Of no device that has a part.
            (Stand::Over | Stand::Elsewhere | Stand::NoPart, _) => {}
        }
    }

    fn grace_over(&mut self, device: DeviceId) {
        let Some((leg, stand)) = self.find(device) else { return };
        match stand {
            Stand::Calling => {
                self.mark(Row::GraceCalling);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            Stand::Talking => {
                self.mark(Row::GraceTalking);
                self.leave(leg, EndReason::Lost, EndReason::Lost);
            }
            // It keeps its part: if it comes back while it still rings, it can answer.
            Stand::Ringing(part) => {
                self.mark(Row::GraceRinging);
                self.call.legs[leg].parts[part].away = true;
                self.check_reach(leg);
            }
            Stand::Over | Stand::Elsewhere | Stand::NoPart => {}
        }
    }

    /// A device is back; it may answer again.
    fn back(&mut self, device: DeviceId) {
        let Some((leg, Stand::Ringing(part))) = self.find(device) else { return };
        self.call.legs[leg].parts[part].away = false;
        if self.call.legs[leg].parts[part].delivered && self.call.legs[leg].told == Told::Unreachable {
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
