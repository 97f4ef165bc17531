//! A call, its legs and their devices: what is remembered, and what can be read from it.

use crate::sources::{FIRST_SOURCES, carried};
use tring_protocol::{
    CallId, CallRequest, DeviceId, EndReason, Event, MediaType, RoomKey, SourceSet, Timestamp, UserId,
    UserKey,
};

/// The engine's own number of a call, rising: the older call has the smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallNo(pub(crate) u64);

/// The place of a leg in its call. Legs are never removed, so a place stays valid for the call's life.
pub(crate) type LegNo = usize;

/// The caller's leg comes first.
pub(crate) const CALLER: LegNo = 0;

/// Where a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LegState {
    /// The caller, until somebody answers. It has one device.
    Calling,
    /// A callee, until it answers. It has any number of devices.
    Ringing,
    /// In the room, with one device.
    Talking,
    /// It will not come, or has left. It has no device.
    Over(EndReason),
}

/// What the caller was last told about a ringing callee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Unreachable,
    Ringing,
}

/// One device of a leg: an invitation forks into a branch for each device of its user (RFC 3261's word).
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) device: DeviceId,
    /// It has acknowledged the invitation.
    pub(crate) delivered: bool,
    /// It rings, but was without a socket for longer than the grace: nobody can be expected to answer on it.
    pub(crate) away: bool,
    /// It was allowed to connect its media, so it may have a transport.
    pub(crate) transport: bool,
    /// What is on, as the device last said, and as far as the call carries it.
    pub(crate) sources: SourceSet,
}

impl Branch {
    pub(crate) fn new(device: DeviceId, media: MediaType) -> Self {
        let sources = carried(media, FIRST_SOURCES);
        Self { device, delivered: false, away: false, transport: false, sources }
    }
}

/// One user's side of a call.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) user: UserId,
    pub(crate) state: LegState,
    pub(crate) branches: Vec<Branch>,
    /// A device has acknowledged the invitation, even if that device has gone since.
    pub(crate) delivered: bool,
    pub(crate) told: Told,
}

impl Leg {
    pub(crate) fn new(user: UserId, state: LegState) -> Self {
        Self { user, state, branches: Vec::new(), delivered: false, told: Told::Nothing }
    }

    pub(crate) fn is_ringing(&self) -> bool {
        self.state == LegState::Ringing
    }

    /// Its user has consented to the call: it called, or it answered.
    pub(crate) fn is_present(&self) -> bool {
        matches!(self.state, LegState::Calling | LegState::Talking)
    }

    /// Somebody may answer on one of its devices.
    pub(crate) fn is_reachable(&self) -> bool {
        self.branches.iter().any(|p| !p.away)
    }
}

/// Where a device stands in a call. The numbers are places in [`Leg::branches`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// It called, and nobody has answered yet.
    Calling,
    /// It rings.
    Ringing(usize),
    /// It talks.
    Talking,
    /// Its user's leg is over.
    Over,
    /// Its user answered on another device.
    Elsewhere,
    /// Its user called from another device.
    NoBranch,
}

/// A live call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) no: CallNo,
    pub(crate) id: CallId,
    pub(crate) room: RoomKey,
    pub(crate) media: MediaType,
    pub(crate) data: Option<String>,
    pub(crate) fail_fast: bool,
    pub(crate) started: Timestamp,
    /// When it stops ringing. Its timer runs while a leg rings.
    pub(crate) deadline: Timestamp,
    /// When the first callee answered.
    pub(crate) accepted: Option<Timestamp>,
    pub(crate) legs: Vec<Leg>,
    /// Everybody was told; the engine forgets the call after this transition.
    pub(crate) over: bool,
}

impl Call {
    /// A call whose caller is in it and whose callees are still to be invited.
    pub(crate) fn new(
        no: CallNo,
        id: CallId,
        room: RoomKey,
        (caller, device): (UserId, DeviceId),
        request: CallRequest,
        (started, deadline): (Timestamp, Timestamp),
    ) -> Self {
        let mut legs = Vec::with_capacity(1 + request.to.len());
        legs.push(Leg::new(caller, LegState::Calling));
        legs[CALLER].branches.push(Branch::new(device, request.media));
        legs.extend(request.to.into_iter().map(|user| Leg::new(user, LegState::Ringing)));
        let CallRequest { media, data, fail_fast, .. } = request;
        Self { no, id, room, media, data, fail_fast, started, deadline, accepted: None, legs, over: false }
    }

    pub(crate) fn leg_of(&self, user: &UserId) -> Option<LegNo> {
        self.legs.iter().position(|leg| leg.user == *user)
    }

    pub(crate) fn key(&self, leg: LegNo) -> UserKey {
        UserKey { app: self.room.app, user: self.legs[leg].user.clone() }
    }

    pub(crate) fn device_state(&self, leg: LegNo, device: DeviceId) -> DeviceState {
        let branch = self.legs[leg].branches.iter().position(|p| p.device == device);
        match (self.legs[leg].state, branch) {
            (LegState::Over(_), _) => DeviceState::Over,
            (LegState::Calling, Some(_)) => DeviceState::Calling,
            (LegState::Talking, Some(_)) => DeviceState::Talking,
            (LegState::Ringing, Some(branch)) => DeviceState::Ringing(branch),
            (LegState::Talking, None) if leg != CALLER => DeviceState::Elsewhere,
            (_, None) => DeviceState::NoBranch,
        }
    }

    pub(crate) fn talks(&self, device: DeviceId) -> bool {
        let mut talking = self.legs.iter().filter(|leg| leg.state == LegState::Talking);
        talking.any(|leg| leg.branches.iter().any(|p| p.device == device))
    }

    pub(crate) fn ringing(&self) -> usize {
        self.legs.iter().filter(|leg| leg.is_ringing()).count()
    }

    /// Users who have consented: the caller and those who answered, as long as they have not left.
    pub(crate) fn present(&self) -> usize {
        self.legs.iter().filter(|leg| leg.is_present()).count()
    }

    /// The users of all other legs that are not over.
    pub(crate) fn others(&self, leg: LegNo) -> Vec<UserId> {
        let alive = self.legs.iter().enumerate();
        let alive = alive.filter(|(no, l)| *no != leg && !matches!(l.state, LegState::Over(_)));
        alive.map(|(_, l)| l.user.clone()).collect()
    }

    /// The devices of everybody who talks, but for one leg.
    pub(crate) fn talkers_but(&self, leg: LegNo) -> Vec<DeviceId> {
        let others =
            self.legs.iter().enumerate().filter(|(no, l)| *no != leg && l.state == LegState::Talking);
        others.flat_map(|(_, l)| l.branches.iter().map(|p| p.device)).collect()
    }

    /// The caller's device, unless the caller has left.
    pub(crate) fn caller_device(&self) -> Option<DeviceId> {
        self.legs[CALLER].branches.first().map(|p| p.device)
    }

    /// Ringing devices that were allowed to connect before the answer.
    pub(crate) fn preconnects(&self) -> usize {
        let ringing = self.legs.iter().filter(|leg| leg.is_ringing());
        ringing.flat_map(|leg| &leg.branches).filter(|p| p.transport).count()
    }

    /// Whole seconds from the accept on.
    pub(crate) fn duration_s(&self, now: Timestamp) -> u32 {
        let seconds = self.accepted.map_or(0, |at| now.since(at).as_secs());
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    pub(crate) fn invitation(&self, now: Timestamp) -> Event {
        Event::Invited {
            call_id: self.id.clone(),
            room_id: self.room.room,
            from: self.legs[CALLER].user.clone(),
            to: self.legs.iter().skip(1).map(|leg| leg.user.clone()).collect(),
            media: self.media,
            remaining_ms: u32::try_from(self.deadline.since(now).as_millis()).unwrap_or(u32::MAX),
            data: self.data.clone(),
        }
    }
}
