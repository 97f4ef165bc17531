//! Calling: what is asked for is checked, the callees ring.

use crate::call::{Branch, CALLER, Call, CallNo, LegNo, LegState, Told};
use crate::timers::Timer;
use crate::transition::Transition;
use crate::{Effect, Engine, Reply, Row};
use std::time::Duration;
use tring_protocol::limits::{
    MAX_CALL_DATA_BYTES, MAX_CALLEES, RING_TIMEOUT_DEFAULT_S, RING_TIMEOUT_RANGE_S,
};
use tring_protocol::{
    CallId, CallRequest, DeviceId, EndReason, ErrorCode, Event, RoomKey, Timestamp, UserId,
};

/// What is wrong with a request, whoever is free.
fn fault(request: &CallRequest, caller: &UserId) -> Option<(Row, ErrorCode)> {
    let to = &request.to;
    let repeated = || to.iter().enumerate().any(|(n, user)| to[..n].contains(user));
    if to.is_empty() || to.len() > MAX_CALLEES || repeated() {
        Some((Row::CallNobody, ErrorCode::CalleesInvalid))
    } else if to.contains(caller) {
        Some((Row::CallSelf, ErrorCode::CallSelf))
    } else if request.timeout_s.is_some_and(|s| !RING_TIMEOUT_RANGE_S.contains(&s)) {
        Some((Row::CallOptions, ErrorCode::CallOptions))
    } else if request.data.as_ref().is_some_and(|d| d.len() > MAX_CALL_DATA_BYTES) {
        Some((Row::CallDataTooLarge, ErrorCode::TooLarge))
    } else {
        None
    }
}

impl Engine {
    pub(crate) fn dial(
        &mut self,
        device: DeviceId,
        id: CallId,
        room_seed: u32,
        request: CallRequest,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<Reply, ErrorCode> {
        let Some(caller) = self.state.devices.get(&device).map(|d| d.owner.clone()) else {
            self.state.mark(Row::NotSignedIn);
            return Err(ErrorCode::LoginRequired);
        };
        if self.shut {
            self.state.mark(Row::CallAfterShutdown);
            return Err(ErrorCode::Overloaded);
        }
        if let Some((row, code)) = fault(&request, &caller.user) {
            self.state.mark(row);
            return Err(code);
        }
        if let Some(no) = self.state.tenants.user(&caller).and_then(|u| u.call) {
            let merged = self
                .on_call(no, now, out, |transition| transition.merge(device, &caller.user, &request))
                .flatten();
            return merged.ok_or_else(|| {
                self.state.mark(Row::CallWhileInCall);
                ErrorCode::AlreadyInCall
            });
        }
        let no = CallNo(self.last_call + 1);
        let Some(room) = self.state.tenants.open(caller.app, id.clone(), room_seed, no) else {
            self.state.mark(Row::CallIdTaken);
            return Err(ErrorCode::Internal);
        };
        self.last_call = no.0;
        let ring = Duration::from_secs(request.timeout_s.unwrap_or(RING_TIMEOUT_DEFAULT_S).into());
        let deadline = now + ring;
        let key = RoomKey { app: caller.app, room };
        let call = Call::new(no, id.clone(), key, (caller.user.clone(), device), request, (now, deadline));
        self.state.tenants.occupy(&caller, no);
        self.state.set_branch(device, Some(no));
        self.state.timers.set(deadline, Timer::Ring(no));
        self.calls.insert(no, call);
        self.on_call(no, now, out, |transition| transition.invite_all());
        Ok(Reply::Calling { call: id, room })
    }
}

impl Transition<'_> {
    /// Rings every callee who is free.
    fn invite_all(&mut self) {
        // The caller's device may have lost its socket just before its request was taken up.
        if let Some(device) = self.call.caller_device() {
            let grace = self.state.settings.ring_grace;
            self.state.start_grace(device, grace);
        }
        for leg in CALLER + 1..self.call.legs.len() {
            self.invite_leg(leg);
        }
        if self.call.ringing() == 0 {
            self.settle(EndReason::Busy, None);
        } else {
            self.fail_fast();
        }
        if !self.call.over {
            self.record(None);
        }
    }

    fn invite_leg(&mut self, leg: LegNo) {
        let key = self.call.key(leg);
        let user = self.state.tenants.user(&key);
        if user.is_some_and(|u| u.call.is_some()) {
            self.mark(Row::CallBusy);
            self.call.legs[leg].state = LegState::Over(EndReason::Busy);
            let call_id = self.call.id.clone();
            return self.tell_caller(Event::LegEnded { call_id, user_id: key.user, reason: EndReason::Busy });
        }
        let devices = self.state.tenants.devices(&key).to_vec();
        self.state.tenants.occupy(&key, self.call.no);
        for device in devices {
            self.invite(leg, device);
        }
        if self.call.legs[leg].is_reachable() {
            self.mark(Row::CallRings);
        } else {
            self.mark(Row::CallUnreachable);
            self.tell_unreachable(leg);
        }
    }

    /// Rings one device. One that was cut off too long ago is invited too, so that it rings when it comes back, but
    /// nobody counts on it.
    pub(crate) fn invite(&mut self, leg: LegNo, device: DeviceId) {
        let mut branch = Branch::new(device, self.call.media);
        let grace = self.state.settings.ring_grace;
        branch.away = self.state.grace_end(device, grace).is_some_and(|end| end <= self.now);
        if !branch.away {
            self.state.start_grace(device, grace);
        }
        self.call.legs[leg].branches.push(branch);
        self.state.set_branch(device, Some(self.call.no));
        let event = self.call.invitation(self.now);
        self.tell(device, event);
    }

    pub(crate) fn tell_unreachable(&mut self, leg: LegNo) {
        self.call.legs[leg].told = Told::Unreachable;
        let (call_id, user_id) = (self.call.id.clone(), self.call.legs[leg].user.clone());
        self.tell_caller(Event::Unreachable { call_id, user_id });
    }

    /// A call that asked for it does not ring for nobody.
    pub(crate) fn fail_fast(&mut self) {
        let nobody = !self.call.legs.iter().any(|leg| leg.is_ringing() && leg.is_reachable());
        if self.call.fail_fast && self.call.accepted.is_none() && nobody {
            self.mark(Row::FailFast);
            self.stop_ringing();
        }
    }
}
