//! Two users who call each other at the same time: the two calls become one, connected.
//!
//! The call that came in first survives, and the second request answers it. Which of them came in first is the order of
//! inputs, so that there is nothing to agree on. Both have consented by calling. A call with several callees is never
//! merged, since the others in it have not agreed to anything: the second caller is busy ringing.

use crate::call::CALLER;
use crate::transition::Transition;
use crate::{Reply, Row};
use tring_protocol::{CallRequest, DeviceId, Event, MediaType, UserId};

impl Transition<'_> {
    /// Takes a request of a user who is in this call already. None if it is no glare.
    pub(crate) fn merge(&mut self, device: DeviceId, user: &UserId, request: &CallRequest) -> Option<Reply> {
        let leg = self.call.leg_of(user)?;
        let mutual = self.call.legs.len() == 2
            && self.call.legs[leg].is_ringing()
            && request.to == [self.call.legs[CALLER].user.clone()];
        let branch =
            self.call.legs[leg].branches.iter().position(|p| p.device == device).filter(|_| mutual)?;
        self.mark(Row::GlareMerges);
        match (self.call.media, request.media) {
            (MediaType::Video, MediaType::Audio) => {
                self.mark(Row::GlareFirstWantedVideo);
                self.call.media = MediaType::Audio;
                self.video_off(CALLER, 0);
                self.video_off(leg, branch);
                if let Some(first) = self.call.caller_device() {
                    self.tell_merged(first);
                }
            }
            (MediaType::Audio, MediaType::Video) => {
                self.mark(Row::GlareSecondWantedVideo);
                self.tell_merged(device);
            }
            _ => {}
        }
        self.answer(leg, branch);
        Some(Reply::Calling { call: self.call.id.clone(), room: self.call.room.room })
    }

    fn tell_merged(&mut self, device: DeviceId) {
        let call = &self.call;
        let (call_id, into, room_id, media) = (call.id.clone(), call.id.clone(), call.room.room, call.media);
        self.tell(device, Event::Merged { call_id, into, room_id, media });
    }
}
