//! Who may connect its media, and when.

use crate::call::{DeviceState, LegNo};
use crate::transition::Transition;
use crate::{Effect, Engine, Reply, Row, TransportPermit};
use tring_protocol::{CallId, DeviceId, ErrorCode, Timestamp};

impl Engine {
    pub(crate) fn transport_gone(
        &mut self,
        device: DeviceId,
        id: &CallId,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Reply {
        self.state.mark(Row::TransportGone);
        let app = self.state.devices.get(&device).map(|d| d.owner.app);
        if let Some(no) = app.and_then(|app| self.state.tenants.call(app, id)) {
            self.on_call(no, now, out, |transition| transition.transport_gone(device));
        }
        Reply::Done
    }
}

impl Transition<'_> {
    pub(crate) fn transport(&mut self, leg: LegNo, device: DeviceId) -> Result<Reply, ErrorCode> {
        let branch = match self.call.device_state(leg, device) {
            DeviceState::Calling => {
                self.mark(Row::TransportCaller);
                0
            }
            DeviceState::Talking => {
                self.mark(Row::TransportTalking);
                0
            }
            DeviceState::Ringing(branch) if self.may_preconnect(leg, branch) => {
                self.mark(Row::TransportRinging);
                branch
            }
            DeviceState::Ringing(_) => {
                self.mark(Row::TransportRefused);
                return Err(ErrorCode::PreconnectRefused);
            }
            other => return Err(self.refuse(other)),
        };
        let calling = self.call.device_state(leg, device) == DeviceState::Calling;
        let gate_open = self.call.device_state(leg, device) == DeviceState::Talking
            && !self.call.talkers_but(leg).is_empty();
        let others = self.call.others(leg);
        let l = &mut self.call.legs[leg];
        let user = l.user.clone();
        let branch = &mut l.branches[branch];
        branch.transport = true;
        let (room, sources) = (self.call.room, branch.sources);
        Ok(Reply::Transport(TransportPermit { room, user, others, gate_open, calling, sources }))
    }

    /// A ringing device connects before the answer only after its acknowledgement, and within bounds: it is work on a
    /// stranger's demand.
    fn may_preconnect(&self, leg: LegNo, branch: usize) -> bool {
        let leg = &self.call.legs[leg];
        let settings = &self.state.settings;
        let in_leg = leg.branches.iter().filter(|p| p.transport).count();
        let more = in_leg < settings.preconnect_devices
            && self.call.preconnects() < settings.max_preconnects_per_caller;
        leg.branches[branch].delivered && (leg.branches[branch].transport || more)
    }

    fn transport_gone(&mut self, device: DeviceId) {
        let mut branches = self.call.legs.iter_mut().flat_map(|leg| &mut leg.branches);
        if let Some(branch) = branches.find(|p| p.device == device) {
            branch.transport = false;
        }
    }
}
