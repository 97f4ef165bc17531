//! What the media plane is told: who may connect, and which devices are on; voice or video.

use crate::call::{DeviceState, LegNo};
use crate::transition::Transition;
use crate::{Effect, Engine, Reply, Row, TransportPermit};
use tring_protocol::{CallId, DeviceId, ErrorCode, Event, MediaType, Timestamp};

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
        let gate_open = self.call.device_state(leg, device) == DeviceState::Talking
            && !self.call.talkers_but(leg).is_empty();
        let others = self.call.others(leg);
        let l = &mut self.call.legs[leg];
        let user = l.user.clone();
        let branch = &mut l.branches[branch];
        branch.transport = true;
        let (microphone, camera) = (branch.microphone, branch.camera);
        let room = self.call.room;
        Ok(Reply::Transport(TransportPermit { room, user, others, gate_open, microphone, camera }))
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

    pub(crate) fn set_devices(
        &mut self,
        leg: LegNo,
        device: DeviceId,
        microphone: bool,
        camera: bool,
    ) -> Result<Reply, ErrorCode> {
        let device_state = self.call.device_state(leg, device);
        let branch = match device_state {
            DeviceState::Calling | DeviceState::Talking => 0,
            DeviceState::Ringing(branch) => branch,
            other => return Err(self.refuse(other)),
        };
        // A voice call carries no picture, whoever asks: the other side has not agreed to one.
        let camera = camera && self.call.media == MediaType::Video;
        let branch = &mut self.call.legs[leg].branches[branch];
        if (branch.microphone, branch.camera) == (microphone, camera) {
            self.mark(Row::DevicesSame);
            return Ok(Reply::Done);
        }
        (branch.microphone, branch.camera) = (microphone, camera);
        if branch.transport {
            let call = self.call.id.clone();
            self.out.push(Effect::SetDevices { call, device, microphone, camera });
        }
        if device_state != DeviceState::Talking {
            self.mark(Row::DevicesKept);
            return Ok(Reply::Done);
        }
        self.mark(Row::DevicesChanged);
        for other in self.call.talkers_but(leg) {
            let (call_id, user_id) = (self.call.id.clone(), self.call.legs[leg].user.clone());
            self.tell(other, Event::Devices { call_id, user_id, microphone, camera });
        }
        Ok(Reply::Done)
    }

    /// Makes a call between two a voice or a video call. Everybody who talks is told, the asker too: so both see the
    /// changes in one order.
    pub(crate) fn switch(
        &mut self,
        leg: LegNo,
        device: DeviceId,
        media: MediaType,
    ) -> Result<Reply, ErrorCode> {
        match self.call.device_state(leg, device) {
            DeviceState::Talking if self.call.legs.len() == 2 => {}
            DeviceState::Talking | DeviceState::Calling | DeviceState::Ringing(_) => {
                self.mark(Row::SwitchRefused);
                return Err(ErrorCode::SwitchRefused);
            }
            other => return Err(self.refuse(other)),
        }
        if self.call.media == media {
            self.mark(Row::SwitchSame);
            return Ok(Reply::Done);
        }
        self.call.media = media;
        // In a voice call every camera counts as off, so they are all off when it becomes a video call.
        match media {
            MediaType::Audio => {
                self.mark(Row::SwitchToVoice);
                (0..self.call.legs.len()).for_each(|leg| self.camera_off(leg, 0));
            }
            MediaType::Video => self.mark(Row::SwitchToVideo),
        }
        let talkers: Vec<DeviceId> =
            self.call.legs.iter().flat_map(|leg| leg.branches.iter().map(|p| p.device)).collect();
        for talker in talkers {
            let (call_id, user_id) = (self.call.id.clone(), self.call.legs[leg].user.clone());
            self.tell(talker, Event::Media { call_id, user_id, media });
        }
        self.record(None);
        Ok(Reply::Done)
    }
}
