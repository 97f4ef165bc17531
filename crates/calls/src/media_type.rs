//! Voice or video: a running call becomes the other.

use crate::call::{DeviceState, LegNo};
use crate::transition::Transition;
use crate::{Reply, Row};
use tring_protocol::{DeviceId, ErrorCode, Event, MediaType};

impl Transition<'_> {
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
        // In a voice call every picture counts as off, so all are off when it becomes a video call.
        match media {
            MediaType::Audio => {
                self.mark(Row::SwitchToVoice);
                (0..self.call.legs.len()).for_each(|leg| self.video_off(leg, 0));
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
