//! Leaving: hang-up, cancel, and how the end of a leg ends a call.

use crate::call::{CALLER, DeviceState, LegNo, LegState};
use crate::timers::Timer;
use crate::transition::Transition;
use crate::{Effect, Engine, Reply, Row};
use tring_protocol::{DeviceId, EndReason, ErrorCode, Event, KickReason, SdkAppId, Timestamp, UserId};

/// What a device that still rings is told when nobody is left to answer to.
fn reason_for_ringing(reason: EndReason) -> EndReason {
    match reason {
        EndReason::Lost | EndReason::Server => reason,
        _ => EndReason::Cancel,
    }
}

impl Transition<'_> {
    pub(crate) fn hangup(&mut self, leg: LegNo, device: DeviceId) -> Result<Reply, ErrorCode> {
        match self.call.device_state(leg, device) {
            DeviceState::Calling => {
                self.mark(Row::Cancel);
                self.leave(leg, EndReason::Cancel, EndReason::Cancel);
            }
            DeviceState::Ringing(branch) => self.decline(leg, branch),
            DeviceState::Talking => {
                self.mark(Row::Hangup);
                self.leave(leg, EndReason::Hangup, EndReason::Hangup);
            }
            DeviceState::Over | DeviceState::Elsewhere => self.mark(Row::HangupOver),
            other @ DeviceState::NoBranch => return Err(self.refuse(other)),
        }
        Ok(Reply::Done)
    }

    /// The leg of a user who calls or talks is over. `own` is its own reason, `others` is what is left of the call told
    /// if it ends by this.
    pub(crate) fn leave(&mut self, leg: LegNo, own: EndReason, others: EndReason) {
        let user = self.call.legs[leg].user.clone();
        if self.call.legs[leg].state == LegState::Talking {
            for device in self.call.talkers_but(leg) {
                self.tell(device, Event::Left { call_id: self.call.id.clone(), user_id: user.clone() });
            }
        }
        self.end_leg(leg, own, Some(&user));
        self.settle(others, Some(&user));
    }

    /// Ends the call if the end of a leg leaves too few in it.
    pub(crate) fn settle(&mut self, reason: EndReason, by: Option<&UserId>) {
        let (present, ringing) = (self.call.present(), self.call.ringing());
        if ringing == 0 {
            self.stop_ring_timer();
        }
        if present > 0 && present + ringing > 1 {
            self.mark(Row::GoesOn);
            return self.record(None);
        }
        self.mark(match (present, self.call.legs[CALLER].state) {
            (0, _) => Row::OverNobody,
            (_, LegState::Calling) => Row::OverUnanswered,
            _ => Row::OverAlone,
        });
        self.finish(reason, by);
    }

    /// Ends the call for everybody who is left in it.
    pub(crate) fn finish(&mut self, reason: EndReason, by: Option<&UserId>) {
        for leg in 0..self.call.legs.len() {
            match self.call.legs[leg].state {
                LegState::Over(_) => {}
                LegState::Ringing => self.end_leg(leg, reason_for_ringing(reason), by),
                LegState::Calling | LegState::Talking => self.end_leg(leg, reason, by),
            }
        }
        self.stop_ring_timer();
        self.state.connected -= usize::from(self.call.accepted.is_some());
        self.state.tenants.close(self.call.room.app, &self.call.id, self.call.room.room);
        self.call.over = true;
        self.record(Some(reason));
    }

    pub(crate) fn stop_ring_timer(&mut self) {
        self.state.timers.cancel(self.call.deadline, Timer::Ring(self.call.no));
    }
}

impl Engine {
    pub(crate) fn delete_app(&mut self, app: SdkAppId, now: Timestamp, out: &mut Vec<Effect>) {
        self.state.mark(Row::AppDeleted);
        for no in self.state.tenants.calls_of(app) {
            self.on_call(no, now, out, |transition| transition.finish(EndReason::Server, None));
        }
        for device in self.state.tenants.devices_of(app) {
            self.kick(device, KickReason::AppDeleted, now, out);
        }
    }

    pub(crate) fn shut_down(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.state.mark(Row::Shutdown);
        self.shut = true;
        for no in self.calls.keys().copied().collect::<Vec<_>>() {
            self.on_call(no, now, out, |transition| transition.finish(EndReason::Server, None));
        }
    }
}
