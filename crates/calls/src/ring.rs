//! Ringing: delivered, answered, refused, or nobody came.

use crate::call::{CALLER, DeviceState, LegNo, LegState, Told};
use crate::transition::Transition;
use crate::{Effect, Reply, Row};
use tring_protocol::{DeviceId, EndReason, ErrorCode, Event};

impl Transition<'_> {
    pub(crate) fn delivered(&mut self, leg: LegNo, device: DeviceId) -> Result<Reply, ErrorCode> {
        match self.call.device_state(leg, device) {
            DeviceState::Ringing(branch) => {
                self.call.legs[leg].branches[branch].delivered = true;
                self.call.legs[leg].delivered = true;
                if self.call.legs[leg].told == Told::Ringing {
                    self.mark(Row::DeliveredAgain);
                } else {
                    self.mark(Row::Delivered);
                    self.tell_ringing(leg);
                }
                Ok(Reply::Done)
            }
            DeviceState::Talking if leg != CALLER => {
                self.mark(Row::DeliveredAgain);
                Ok(Reply::Done)
            }
            other => Err(self.refuse(other)),
        }
    }

    pub(crate) fn tell_ringing(&mut self, leg: LegNo) {
        self.call.legs[leg].told = Told::Ringing;
        let (call_id, user_id) = (self.call.id.clone(), self.call.legs[leg].user.clone());
        self.tell_caller(Event::Ringing { call_id, user_id });
    }

    pub(crate) fn accept(&mut self, leg: LegNo, device: DeviceId) -> Result<Reply, ErrorCode> {
        match self.call.device_state(leg, device) {
            DeviceState::Ringing(branch) => {
                self.answer(leg, branch);
                Ok(Reply::Done)
            }
            DeviceState::Talking if leg != CALLER => {
                self.mark(Row::AcceptAgain);
                Ok(Reply::Done)
            }
            other => Err(self.refuse(other)),
        }
    }

    pub(crate) fn reject(&mut self, leg: LegNo, device: DeviceId) -> Result<Reply, ErrorCode> {
        match self.call.device_state(leg, device) {
            DeviceState::Ringing(branch) => {
                self.decline(leg, branch);
                Ok(Reply::Done)
            }
            other => Err(self.refuse(other)),
        }
    }

    /// A device answers for its leg: the first one wins, since the others are dismissed here.
    pub(crate) fn answer(&mut self, leg: LegNo, branch: usize) {
        let winner = self.call.legs[leg].branches[branch].device;
        let before = self.call.talkers_but(leg);
        let first = self.call.accepted.is_none();
        self.mark(if first { Row::Accept } else { Row::AcceptJoins });
        self.answered_elsewhere(leg, winner);
        self.call.legs[leg].state = LegState::Talking;
        self.call.legs[leg].delivered = true;
        let mut talkers = before;
        if first {
            self.call.accepted = Some(self.now);
            self.state.connected += 1;
            self.call.legs[CALLER].state = LegState::Talking;
            talkers.extend(self.call.caller_device());
        }
        if self.call.ringing() == 0 {
            self.stop_ring_timer();
        }
        // Who talked alone, or was calling, had a shut gate until now.
        let alone = if talkers.len() == 1 { &talkers[..] } else { &[] };
        for &device in alone.iter().chain([&winner]) {
            self.out.push(Effect::OpenGate { call: self.call.id.clone(), device });
        }
        let (call_id, user_id) = (self.call.id.clone(), self.call.legs[leg].user.clone());
        let joined = self.joined(leg);
        for &device in &talkers {
            self.tell(device, Event::Accepted { call_id: call_id.clone(), user_id: user_id.clone() });
            if let Some(event) = joined.clone() {
                self.tell(device, event);
            }
        }
        let others = (0..self.call.legs.len()).filter(|&other| other != leg);
        let there = others.filter(|&other| self.call.legs[other].state == LegState::Talking);
        for event in there.filter_map(|other| self.joined(other)).collect::<Vec<_>>() {
            self.tell(winner, event);
        }
        let grace = self.state.settings.talk_grace;
        for &device in talkers.iter().filter(|_| first).chain([&winner]) {
            self.state.start_grace(device, grace);
        }
        self.record(None);
    }

    /// The end of a ring by a refusal on one device.
    pub(crate) fn decline(&mut self, leg: LegNo, branch: usize) {
        self.mark(Row::Reject);
        let user = self.call.legs[leg].user.clone();
        let call_id = self.call.id.clone();
        let reason = EndReason::Reject;
        self.tell_caller(Event::LegEnded { call_id, user_id: user.clone(), reason });
        let device = self.call.legs[leg].branches[branch].device;
        self.answered_elsewhere(leg, device);
        self.end_leg(leg, reason, Some(&user));
        self.settle(reason, Some(&user));
    }

    /// The ring is over: whoever has not answered will not come.
    pub(crate) fn stop_ringing(&mut self) {
        self.stop_ring_timer();
        let mut reason = EndReason::NoResponse;
        for leg in CALLER + 1..self.call.legs.len() {
            if !self.call.legs[leg].is_ringing() {
                continue;
            }
            let rang = self.call.legs[leg].delivered;
            let why = if rang { EndReason::Timeout } else { EndReason::NoResponse };
            self.mark(if rang { Row::RingTimeout } else { Row::RingNoResponse });
            if rang {
                reason = why;
            }
            let (call_id, user_id) = (self.call.id.clone(), self.call.legs[leg].user.clone());
            self.tell_caller(Event::LegEnded { call_id, user_id, reason: why });
            self.end_leg(leg, why, None);
        }
        self.settle(reason, None);
    }

    /// Dismisses every device of a leg but one.
    fn answered_elsewhere(&mut self, leg: LegNo, but: DeviceId) {
        while let Some(branch) = self.call.legs[leg].branches.iter().position(|p| p.device != but) {
            self.mark(Row::AnsweredElsewhere);
            self.dismiss(leg, branch, EndReason::AnsweredElsewhere, None);
        }
    }

    /// The answer to a device for which the call does not ring.
    pub(crate) fn refuse(&mut self, device_state: DeviceState) -> ErrorCode {
        let (row, code) = match device_state {
            DeviceState::Over => (Row::LegOver, ErrorCode::NotRinging),
            DeviceState::Elsewhere => (Row::ElsewhereRefused, ErrorCode::AnsweredElsewhere),
            DeviceState::NoBranch => (Row::NotYourCall, ErrorCode::NotYourCall),
            DeviceState::Calling | DeviceState::Talking | DeviceState::Ringing(_) => {
                (Row::NotRinging, ErrorCode::NotRinging)
            }
        };
        self.mark(row);
        code
    }
}
