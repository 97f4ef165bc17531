//! Which sources of a device are on. That is state: it starts, ends and connects nothing.

use crate::call::{DeviceState, LegNo};
use crate::transition::Transition;
use crate::{Effect, Reply, Row};
use tring_protocol::{DeviceId, ErrorCode, Event, MediaKind, MediaType, Source, SourceSet};

/// Sources that a device may send. More: a user can show more; rooms, bridge and clients must know what to do with it.
/// Fewer: a device that names the others is refused.
pub const SOURCES: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

/// What is on before a device has said anything, as far as a call of its media type carries it.
pub(crate) const FIRST_SOURCES: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

/// What of these sources a call carries. A voice call has no picture, whoever asks: the other side has not agreed to one.
pub(crate) fn carried(media: MediaType, sources: SourceSet) -> SourceSet {
    match media {
        MediaType::Audio => sources.of_kind(MediaKind::Audio),
        MediaType::Video => sources,
    }
}

impl Transition<'_> {
    /// Takes what a device says is on, and tells it to the others who talk.
    ///
    /// # Errors
    /// The device has no branch in the call, or names a source that may not be sent: nothing is changed then.
    pub(crate) fn set_sources(
        &mut self,
        leg: LegNo,
        device: DeviceId,
        sources: SourceSet,
    ) -> Result<Reply, ErrorCode> {
        let device_state = self.call.device_state(leg, device);
        let branch = match device_state {
            DeviceState::Calling | DeviceState::Talking => 0,
            DeviceState::Ringing(branch) => branch,
            other => return Err(self.refuse(other)),
        };
        if !self.state.settings.sources.contains_all(sources) {
            self.mark(Row::SourceRefused);
            return Err(ErrorCode::SourceUnsupported);
        }
        let sources = carried(self.call.media, sources);
        if !self.change_sources(leg, branch, sources) {
            self.mark(Row::SourcesSame);
            return Ok(Reply::Done);
        }
        if device_state != DeviceState::Talking {
            self.mark(Row::SourcesKept);
            return Ok(Reply::Done);
        }
        self.mark(Row::SourcesChanged);
        for other in self.call.talkers_but(leg) {
            let (call_id, user_id) = (self.call.id.clone(), self.call.legs[leg].user.clone());
            let event = Event::Devices {
                call_id,
                user_id,
                microphone: sources.contains(Source::Microphone),
                camera: sources.contains(Source::Camera),
                sources: Some(sources),
            };
            self.tell(other, event);
        }
        Ok(Reply::Done)
    }

    /// Takes the pictures of a device off when its call becomes a voice call: no picture without the consent of both. In a
    /// call that is merged this must come before the gates open.
    pub(crate) fn video_off(&mut self, leg: LegNo, branch: usize) {
        let Some(sources) = self.call.legs[leg].branches.get(branch).map(|b| b.sources) else { return };
        self.change_sources(leg, branch, carried(MediaType::Audio, sources));
    }

    /// Remembers what is on, and tells the media plane if the device may have a transport. False if nothing is new.
    fn change_sources(&mut self, leg: LegNo, branch: usize, sources: SourceSet) -> bool {
        let branch = &mut self.call.legs[leg].branches[branch];
        if branch.sources == sources {
            return false;
        }
        branch.sources = sources;
        if branch.transport {
            let (call, device) = (self.call.id.clone(), branch.device);
            self.out.push(Effect::SetSources { call, device, sources });
        }
        true
    }

    /// What those who talk are told of a user who is in the room.
    pub(crate) fn joined(&self, leg: LegNo) -> Option<Event> {
        let leg = &self.call.legs[leg];
        leg.branches.first().map(|branch| Event::Joined {
            call_id: self.call.id.clone(),
            user_id: leg.user.clone(),
            microphone: branch.sources.contains(Source::Microphone),
            camera: branch.sources.contains(Source::Camera),
            sources: Some(branch.sources),
        })
    }
}
