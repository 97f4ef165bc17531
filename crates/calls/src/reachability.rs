//! Whether a device can be reached: cut sockets and their grace, devices that are back, and legs that nobody can answer.

use crate::call::{DeviceState, LegNo, Told};
use crate::transition::Transition;
use crate::{Effect, Engine, Reply, Row};
use tring_protocol::{DeviceId, EndReason, Timestamp};

impl Engine {
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
}

impl Transition<'_> {
    /// The leg of a device that has a part in this call, and where it stands.
    pub(crate) fn find(&self, device: DeviceId) -> Option<(LegNo, DeviceState)> {
        let leg = self.call.legs.iter().position(|leg| leg.branches.iter().any(|p| p.device == device))?;
        Some((leg, self.call.device_state(leg, device)))
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
    pub(crate) fn check_reach(&mut self, leg: LegNo) {
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
