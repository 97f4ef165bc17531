//! A small world for tests: users by name, devices numbered as they sign in, calls numbered as they are asked for, and
//! effects as short lines of text.

use crate::{Departure, Effect, Engine, Input, Reply, Row, Settings, TransportPermit};
use std::collections::BTreeSet;
use std::time::Duration;
use tring_protocol::{
    CallId, CallRequest, DeviceId, ErrorCode, Event, MediaType, SdkAppId, Source, SourceSet, Timestamp,
    UserId, UserKey,
};

pub(super) use tring_protocol::MediaType::{Audio, Video};

/// Declares tests of rows: each is a test that also fails if its row was not taken, and `TESTED` lists the rows.
macro_rules! row_tests {
    ($($row:ident: $name:ident($stage:ident) $body:block)*) => {
        $(#[test]
        fn $name() {
            let mut stage = $crate::tests::stage::Stage::new();
            let $stage = &mut stage;
            $body
            assert!(stage.rows.contains(&$crate::Row::$row), "took only {:?}", stage.rows);
        })*

        pub(super) const TESTED: &[$crate::Row] = &[$($crate::Row::$row),*];
    };
}
pub(super) use row_tests;

pub(super) struct Stage {
    pub(super) engine: Engine,
    pub(super) now: Timestamp,
    /// Every row taken so far.
    pub(super) rows: BTreeSet<Row>,
    effects: Vec<Effect>,
    /// Records of calls that go on, taken off the effects.
    running: Vec<String>,
    devices: u64,
    calls: u64,
}

pub(super) fn user(name: &str) -> UserKey {
    user_of(1, name)
}

pub(super) fn user_of(app: u32, name: &str) -> UserKey {
    UserKey { app: SdkAppId::new(app).unwrap(), user: UserId::new(name).unwrap() }
}

/// The nth call that was asked for.
pub(super) fn call(n: u64) -> CallId {
    CallId::new(&format!("c{n}")).unwrap()
}

pub(super) fn request(to: &[&str], media: MediaType) -> CallRequest {
    let to = to.iter().map(|name| UserId::new(name).unwrap()).collect();
    CallRequest { to, media, timeout_s: None, fail_fast: false, data: None }
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self {
            engine: Engine::new(settings),
            now: Timestamp::from_secs(1_700_000_000),
            rows: BTreeSet::new(),
            effects: Vec::new(),
            running: Vec::new(),
            devices: 0,
            calls: 0,
        }
    }

    pub(super) fn give(&mut self, input: Input) -> Result<Reply, ErrorCode> {
        let before = self.effects.len();
        let result = self.engine.handle(input, self.now, &mut self.effects);
        if result.is_err() {
            assert_eq!(self.effects.len(), before, "an error has no effects");
        }
        self.rows.extend(self.engine.rows());
        result
    }

    /// Lets time pass, stopping at each deadline as a shell does.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.pass_ms(seconds * 1000);
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.engine.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.engine.advance(self.now, &mut self.effects);
            self.rows.extend(self.engine.rows());
        }
        self.now = end;
    }

    /// The effects since the last look, one a line, but for [`Self::recorded`].
    pub(super) fn seen(&mut self) -> Vec<String> {
        let (running, seen): (Vec<_>, Vec<_>) = self
            .effects
            .drain(..)
            .partition(|e| matches!(e, Effect::Record(record) if record.reason.is_none()));
        self.running.extend(running.iter().map(brief));
        seen.iter().map(brief).collect()
    }

    /// The records of calls that go on, since the last look.
    pub(super) fn recorded(&mut self) -> Vec<String> {
        let seen = self.seen();
        assert!(seen.iter().all(|line| !line.starts_with("record")), "a call has ended: {seen:?}");
        std::mem::take(&mut self.running)
    }

    /// Of [`Self::seen`], what one device is told.
    pub(super) fn told(&mut self, device: DeviceId) -> Vec<String> {
        let prefix = format!("{device}: ");
        self.seen().iter().filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned)).collect()
    }

    /// What was said so far is of no interest.
    pub(super) fn forget(&mut self) {
        self.effects.clear();
        self.running.clear();
    }

    pub(super) fn sign_in(&mut self, name: &str) -> DeviceId {
        self.try_sign_in(user(name), false).unwrap()
    }

    pub(super) fn sign_in_alone(&mut self, name: &str) -> DeviceId {
        self.try_sign_in(user(name), true).unwrap()
    }

    pub(super) fn try_sign_in(&mut self, owner: UserKey, single_login: bool) -> Result<DeviceId, ErrorCode> {
        self.sign_in_as(owner, single_login, false)
    }

    pub(super) fn sign_in_as(
        &mut self,
        owner: UserKey,
        single_login: bool,
        again: bool,
    ) -> Result<DeviceId, ErrorCode> {
        self.devices += 1;
        let device = DeviceId(self.devices);
        self.give(Input::DeviceOnline { device, owner, single_login, again })?;
        Ok(device)
    }

    pub(super) fn try_call(&mut self, device: DeviceId, request: CallRequest) -> Result<Reply, ErrorCode> {
        self.calls += 1;
        self.give(Input::Call { device, call: call(self.calls), room_seed: 100, request })
    }

    pub(super) fn call(&mut self, device: DeviceId, to: &[&str], media: MediaType) -> CallId {
        match self.try_call(device, request(to, media)) {
            Ok(Reply::Calling { call, .. }) => call,
            other => panic!("the call was answered {other:?}"),
        }
    }

    /// A (d1) rings B (d2).
    pub(super) fn ringing(&mut self, media: MediaType) -> (DeviceId, DeviceId, CallId) {
        let (a, b) = (self.sign_in("a"), self.sign_in("b"));
        let c = self.call(a, &["b"], media);
        self.delivered(b, &c).unwrap();
        self.forget();
        (a, b, c)
    }

    /// A (d1) talks with B (d2).
    pub(super) fn talking(&mut self, media: MediaType) -> (DeviceId, DeviceId, CallId) {
        let (a, b, c) = self.ringing(media);
        self.accept(b, &c).unwrap();
        self.forget();
        (a, b, c)
    }

    pub(super) fn delivered(&mut self, device: DeviceId, call: &CallId) -> Result<Reply, ErrorCode> {
        self.give(Input::Delivered { device, call: call.clone() })
    }

    pub(super) fn accept(&mut self, device: DeviceId, call: &CallId) -> Result<Reply, ErrorCode> {
        self.give(Input::Accept { device, call: call.clone() })
    }

    pub(super) fn reject(&mut self, device: DeviceId, call: &CallId) -> Result<Reply, ErrorCode> {
        self.give(Input::Reject { device, call: call.clone() })
    }

    pub(super) fn hangup(&mut self, device: DeviceId, call: &CallId) {
        assert_eq!(self.give(Input::Hangup { device, call: call.clone() }), Ok(Reply::Done));
    }

    pub(super) fn transport(
        &mut self,
        device: DeviceId,
        call: &CallId,
    ) -> Result<TransportPermit, ErrorCode> {
        match self.give(Input::Transport { device, call: call.clone() })? {
            Reply::Transport(permit) => Ok(permit),
            other => panic!("a transport was answered {other:?}"),
        }
    }

    pub(super) fn transport_gone(&mut self, device: DeviceId, call: &CallId) {
        assert_eq!(self.give(Input::TransportGone { device, call: call.clone() }), Ok(Reply::Done));
    }

    pub(super) fn devices(
        &mut self,
        device: DeviceId,
        call: &CallId,
        microphone: bool,
        camera: bool,
    ) -> Result<Reply, ErrorCode> {
        self.sources(device, call, SourceSet::said(microphone, camera, None))
    }

    pub(super) fn sources(
        &mut self,
        device: DeviceId,
        call: &CallId,
        sources: SourceSet,
    ) -> Result<Reply, ErrorCode> {
        self.give(Input::SetSources { device, call: call.clone(), sources })
    }

    pub(super) fn switch(
        &mut self,
        device: DeviceId,
        call: &CallId,
        media: MediaType,
    ) -> Result<Reply, ErrorCode> {
        self.give(Input::Media { device, call: call.clone(), media })
    }

    pub(super) fn cut(&mut self, device: DeviceId) {
        assert_eq!(self.give(Input::DeviceDetached { device }), Ok(Reply::Done));
    }

    pub(super) fn back(&mut self, device: DeviceId) {
        assert_eq!(self.give(Input::DeviceAttached { device }), Ok(Reply::Done));
    }

    pub(super) fn log_out(&mut self, device: DeviceId) {
        assert_eq!(self.give(Input::DeviceGone { device, why: Departure::LoggedOut }), Ok(Reply::Done));
    }

    pub(super) fn expire(&mut self, device: DeviceId) {
        assert_eq!(self.give(Input::DeviceGone { device, why: Departure::Expired }), Ok(Reply::Done));
    }

    pub(super) fn overrun(&mut self, device: DeviceId) {
        assert_eq!(self.give(Input::DeviceGone { device, why: Departure::TooSlow }), Ok(Reply::Done));
    }

    /// How long the session of each device that was kicked since the last look is kept, in seconds from now.
    pub(super) fn kept_for(&self) -> Vec<(DeviceId, u64)> {
        let kept = self.effects.iter().filter_map(|effect| match effect {
            Effect::Kick { device, until, .. } => Some((*device, until.since(self.now).as_secs())),
            _ => None,
        });
        kept.collect()
    }

    /// No call is left, and nothing of any.
    pub(super) fn is_quiet(&self) -> bool {
        let counts = self.engine.counts();
        (counts.calls, counts.rooms, counts.connected, counts.timers) == (0, 0, 0, 0)
    }
}

fn on(sources: SourceSet) -> String {
    let names = sources.iter().map(|source| match source {
        Source::Microphone => "mic",
        Source::Camera => "cam",
        Source::Screen => "screen",
        Source::ScreenAudio => "screen audio",
    });
    if sources.is_empty() { "muted".into() } else { names.collect::<Vec<_>>().join("+") }
}

/// What an event says is on. Its old fields say as much of it as they can.
pub(super) fn told(microphone: bool, camera: bool, sources: Option<SourceSet>) -> SourceSet {
    let sources = sources.expect("the engine tells all sources");
    let pair = [Source::Microphone, Source::Camera].map(|source| sources.contains(source));
    assert_eq!([microphone, camera], pair, "of {sources:?}");
    sources
}

/// An effect as a line of text.
pub(super) fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Tell { device, event } => format!("{device}: {}", brief_event(event)),
        Effect::Kick { device, reason, .. } => format!("kick {device} {reason:?}"),
        Effect::Evict { device } => format!("evict {device}"),
        Effect::OpenGate { call, device } => format!("open {call} {device}"),
        Effect::CloseTransport { call, device } => format!("close {call} {device}"),
        Effect::SetSources { call, device, sources } => format!("set {call} {device} {}", on(*sources)),
        Effect::Record(r) => {
            let why = |reason: &Option<_>| reason.map_or("goes on".into(), |why| format!("{why:?}"));
            let callees: Vec<_> =
                r.callees.iter().map(|(user, reason)| format!("{user} {}", why(reason))).collect();
            let talked = r.accepted.map_or("-".into(), |at| format!("{}s", r.at.since(at).as_secs()));
            format!(
                "record {} {} by {}: {} {talked} ({})",
                r.call,
                r.room,
                r.caller,
                why(&r.reason),
                callees.join(", ")
            )
        }
    }
}

fn brief_event(event: &Event) -> String {
    match event {
        Event::Invited { call_id, room_id, from, to, media, remaining_ms, data } => {
            let to: Vec<_> = to.iter().map(UserId::as_str).collect();
            let data = data.as_ref().map(|d| format!(" {d:?}")).unwrap_or_default();
            format!("{call_id} Invited {room_id} {from}>{} {media:?} {remaining_ms}ms{data}", to.join("+"))
        }
        Event::Unreachable { call_id, user_id } => format!("{call_id} Unreachable {user_id}"),
        Event::Ringing { call_id, user_id } => format!("{call_id} Ringing {user_id}"),
        Event::Accepted { call_id, user_id } => format!("{call_id} Accepted {user_id}"),
        Event::LegEnded { call_id, user_id, reason } => format!("{call_id} LegEnded {user_id} {reason:?}"),
        Event::Joined { call_id, user_id, microphone, camera, sources } => {
            format!("{call_id} Joined {user_id} {}", on(told(*microphone, *camera, *sources)))
        }
        Event::Left { call_id, user_id } => format!("{call_id} Left {user_id}"),
        Event::Devices { call_id, user_id, microphone, camera, sources } => {
            format!("{call_id} Devices {user_id} {}", on(told(*microphone, *camera, *sources)))
        }
        Event::Media { call_id, user_id, media } => format!("{call_id} Media {user_id} {media:?}"),
        Event::Merged { call_id, into, room_id, media } => {
            format!("{call_id} Merged {into} {room_id} {media:?}")
        }
        Event::Ended { call_id, reason, by, duration_s } => {
            let by = by.as_ref().map(|u| format!(" by {u}")).unwrap_or_default();
            format!("{call_id} Ended {reason:?}{by} {duration_s}s")
        }
        other => panic!("the engine does not say {other:?}"),
    }
}
