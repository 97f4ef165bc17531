//! The rules of calls, checked on nothing but what goes in and what comes out.

use super::stage::{brief, told};
use crate::{CallRecord, Counts, Effect, Input, Reply};
use std::collections::{BTreeMap, BTreeSet};
use tring_protocol::{CallId, DeviceId, Event, MediaType, SdkAppId, Source, SourceSet, UserId, UserKey};

#[derive(Debug, Default)]
struct BranchSeen {
    /// The last event it was told, [`START`] for a caller.
    last: &'static str,
    consented: bool,
    gate_open: bool,
    /// It was permitted a transport that is not closed yet.
    transport: bool,
    /// What it last said is on, as far as its call carries it.
    sources: SourceSet,
    ended: bool,
}

/// What a call carries of these sources.
fn carried(media: MediaType, sources: SourceSet) -> SourceSet {
    match media {
        MediaType::Audio => sources - [Source::Camera, Source::Screen].into(),
        MediaType::Video => sources,
    }
}

const AT_FIRST: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

#[derive(Debug)]
struct CallSeen {
    room: u32,
    caller: DeviceId,
    media: MediaType,
    users: BTreeSet<UserId>,
    branches: BTreeMap<DeviceId, BranchSeen>,
    /// Durations that were told in this step to devices that talked.
    durations: Vec<u32>,
    /// What was last written down of it.
    record: Option<CallRecord>,
}

impl CallSeen {
    fn switch(&mut self, media: MediaType) {
        self.media = media;
        for branch in self.branches.values_mut() {
            branch.sources = carried(media, branch.sources);
        }
    }

    /// What is told of voice and video, and of a user's sources, is what was said.
    fn check_sources(&mut self, event: &Event, owners: &BTreeMap<DeviceId, UserKey>) {
        match event {
            Event::Media { media, .. } => {
                assert!(self.users.len() == 2, "a group was switched: {event:?}");
                self.switch(*media);
            }
            Event::Merged { media, .. } => self.switch(*media),
            Event::Joined { user_id, microphone, camera, sources, .. }
            | Event::Devices { user_id, microphone, camera, sources, .. } => {
                let of_user = self.branches.iter().filter(|(d, _)| owners[d].user == *user_id);
                let said: Vec<_> =
                    of_user.filter(|(_, b)| b.consented && !b.ended).map(|(_, b)| b.sources).collect();
                assert_eq!(said, [told(*microphone, *camera, *sources)], "not what was said: {event:?}");
                assert_eq!(carried(self.media, said[0]), said[0], "a picture in a voice call: {event:?}");
            }
            _ => {}
        }
    }
}

const START: &str = "start";

/// What a device of a one-to-one call may be told after what.
fn may_follow(last: &str, next: &str) -> bool {
    match last {
        START => matches!(next, "unreachable" | "ringing" | "leg_ended" | "merged" | "accepted" | "ended"),
        "unreachable" => matches!(next, "ringing" | "leg_ended" | "merged" | "accepted" | "ended"),
        "ringing" => matches!(next, "unreachable" | "leg_ended" | "merged" | "accepted" | "ended"),
        "invited" => matches!(next, "joined" | "merged" | "ended"),
        "merged" => matches!(next, "accepted" | "joined"),
        "accepted" => next == "joined",
        "joined" | "devices" | "media" => matches!(next, "devices" | "media" | "left" | "ended"),
        "leg_ended" | "left" => next == "ended",
        _ => false,
    }
}

/// The name of an event, the call it is about, and whom it names.
fn parse(event: &Event) -> (&'static str, &CallId, Option<&UserId>) {
    match event {
        Event::Invited { call_id, from, .. } => ("invited", call_id, Some(from)),
        Event::Unreachable { call_id, user_id } => ("unreachable", call_id, Some(user_id)),
        Event::Ringing { call_id, user_id } => ("ringing", call_id, Some(user_id)),
        Event::Accepted { call_id, user_id } => ("accepted", call_id, Some(user_id)),
        Event::LegEnded { call_id, user_id, .. } => ("leg_ended", call_id, Some(user_id)),
        Event::Joined { call_id, user_id, .. } => ("joined", call_id, Some(user_id)),
        Event::Left { call_id, user_id } => ("left", call_id, Some(user_id)),
        Event::Devices { call_id, user_id, .. } => ("devices", call_id, Some(user_id)),
        Event::Media { call_id, user_id, .. } => ("media", call_id, Some(user_id)),
        Event::Merged { call_id, .. } => ("merged", call_id, None),
        Event::Ended { call_id, by, .. } => ("ended", call_id, by.as_ref()),
        other => panic!("the engine does not say {other:?}"),
    }
}

/// Watches an engine from outside.
#[derive(Debug, Default)]
pub(super) struct Watch {
    owners: BTreeMap<DeviceId, UserKey>,
    signed_in: BTreeSet<DeviceId>,
    live: BTreeMap<(SdkAppId, CallId), CallSeen>,
    recorded: BTreeSet<(SdkAppId, CallId)>,
}

impl Watch {
    /// Takes an input that is about to be carried out with this answer and these effects.
    pub(super) fn input(&mut self, input: &Input, reply: &Reply, effects: &[Effect]) {
        match (input, reply) {
            (Input::DeviceOnline { device, owner, .. }, _) => {
                self.owners.insert(*device, owner.clone());
                self.signed_in.insert(*device);
            }
            (Input::Call { device, request, .. }, Reply::Calling { call, room }) => {
                let owner = &self.owners[device];
                let key = (owner.app, call.clone());
                assert!(!self.recorded.contains(&key), "an id was used twice");
                if let Some(call) = self.live.get_mut(&key) {
                    assert_eq!(call.room, room.get(), "glare goes on in the first call's room");
                    call.branches
                        .get_mut(device)
                        .expect("glare is an answer of a device that rings")
                        .consented = true;
                } else {
                    let users = request.to.iter().chain([&owner.user]).cloned().collect();
                    let sources = carried(request.media, AT_FIRST);
                    let branch =
                        BranchSeen { last: START, consented: true, sources, ..BranchSeen::default() };
                    let branches = BTreeMap::from([(*device, branch)]);
                    let call = CallSeen {
                        room: room.get(),
                        caller: *device,
                        media: request.media,
                        users,
                        branches,
                        durations: Vec::new(),
                        record: None,
                    };
                    self.live.insert(key, call);
                }
            }
            (Input::Accept { device, call }, Reply::Done) => self.branch(*device, call).consented = true,
            (Input::Transport { device, call }, Reply::Transport(permit)) => {
                let room = permit.room;
                let branch = self.branch(*device, call);
                assert!(!branch.ended);
                assert!(branch.gate_open || !permit.gate_open, "a permit opened a gate");
                branch.transport = true;
                let owner = &self.owners[device];
                assert_eq!((room.app, &permit.user), (owner.app, &owner.user));
                assert_eq!(self.live[&(owner.app, call.clone())].room, room.room.get());
                assert_eq!(
                    permit.sources,
                    self.branch(*device, call).sources,
                    "a new transport forgot a mute"
                );
            }
            (Input::SetSources { device, call, sources }, Reply::Done) => {
                self.says_sources(*device, call, *sources, effects);
            }
            (Input::TransportGone { device, call }, _) => {
                let key = self.owners.get(device).map(|owner| (owner.app, call.clone()));
                let seen =
                    key.and_then(|key| self.live.get_mut(&key)).and_then(|c| c.branches.get_mut(device));
                if let Some(branch) = seen {
                    branch.transport = false;
                }
            }
            _ => {}
        }
        self.effects(effects);
        if let Input::DeviceGone { device, .. } = input {
            self.sign_out(*device);
        }
        if let Input::AppDeleted { app } = input {
            assert!(!self.signed_in.iter().any(|d| self.owners[d].app == *app), "a device outlived its app");
        }
    }

    /// A device says what is on, in a call that goes on as it was.
    fn says_sources(&mut self, device: DeviceId, call: &CallId, sources: SourceSet, effects: &[Effect]) {
        let key = (self.owners[&device].app, call.clone());
        let media = self.live[&key].media;
        let now_on = carried(media, sources);
        let branch = self.branch(device, call);
        let changed = std::mem::replace(&mut branch.sources, now_on) != now_on;
        let (transport, talks) = (branch.transport, branch.gate_open);
        let others =
            self.live[&key].branches.iter().filter(|(d, b)| **d != device && b.gate_open && !b.ended);
        let mut expected: BTreeSet<_> = others.map(|(d, _)| Some(*d)).filter(|_| changed && talks).collect();
        if changed && transport {
            expected.insert(None);
        }
        let told: BTreeSet<_> = effects
            .iter()
            .map(|effect| match effect {
                Effect::SetSources { device: set, .. } if *set == device => None,
                Effect::Tell { device: other, event: Event::Devices { .. } } => Some(*other),
                _ => panic!("a mute is state, and yet: {}", brief(effect)),
            })
            .collect();
        assert_eq!(told, expected, "{device} said {sources:?}");
        assert_eq!(told.len(), effects.len(), "told twice");
    }

    fn branch(&mut self, device: DeviceId, call: &CallId) -> &mut BranchSeen {
        let key = (self.owners[&device].app, call.clone());
        let call = self.live.get_mut(&key).unwrap_or_else(|| panic!("{key:?} is not a live call"));
        call.branches.get_mut(&device).unwrap_or_else(|| panic!("{device} has no part in {key:?}"))
    }

    fn sign_out(&mut self, device: DeviceId) {
        self.signed_in.remove(&device);
        for call in self.live.values() {
            assert!(
                call.branches.get(&device).is_none_or(|p| p.ended),
                "{device} went in the middle of a call"
            );
        }
    }

    /// Takes the effects of an input or of the timers.
    pub(super) fn effects(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Tell { device, event } => self.tell(*device, event, effect),
                Effect::Kick { device, .. } | Effect::Evict { device } => self.sign_out(*device),
                Effect::OpenGate { call, device } => {
                    let key = (self.owners[device].app, call.clone());
                    let branches = &self.live[&key].branches;
                    let consents = branches.iter().filter(|(_, p)| p.consented && !p.ended).map(|(d, _)| d);
                    assert!(consents.clone().any(|d| d == device), "a gate opened before consent");
                    assert!(consents.count() > 1, "a gate opened to nobody");
                    self.branch(*device, call).gate_open = true;
                }
                Effect::CloseTransport { call, device } => {
                    let branch = self.branch(*device, call);
                    assert!(branch.transport && !branch.ended);
                    branch.transport = false;
                }
                Effect::SetSources { call, device, sources } => {
                    let branch = self.branch(*device, call);
                    assert!(branch.transport, "for a transport that is not there");
                    // What a device says itself was taken before. Nobody else can do more than make it a voice call.
                    let voice = carried(MediaType::Audio, branch.sources);
                    assert!([branch.sources, voice].contains(sources), "nobody said so: {}", brief(effect));
                    branch.sources = *sources;
                }
                Effect::Record(record) => self.record(record),
            }
        }
        for call in self.live.values_mut() {
            call.durations.clear();
        }
    }

    fn tell(&mut self, device: DeviceId, event: &Event, effect: &Effect) {
        assert!(self.signed_in.contains(&device), "nobody hears: {}", brief(effect));
        let owner = self.owners[&device].clone();
        let (name, id, named) = parse(event);
        let key = (owner.app, id.clone());
        let call =
            self.live.get_mut(&key).unwrap_or_else(|| panic!("about a call that is over: {}", brief(effect)));
        assert!(call.users.contains(&owner.user), "of others' business: {}", brief(effect));
        assert!(named.is_none_or(|user| call.users.contains(user)), "names a stranger: {}", brief(effect));
        if name == "invited" {
            let sources = carried(call.media, AT_FIRST);
            let branch = BranchSeen { last: name, sources, ..BranchSeen::default() };
            assert!(call.branches.insert(device, branch).is_none(), "invited twice: {}", brief(effect));
            return;
        }
        let one_to_one = call.users.len() == 2;
        call.check_sources(event, &self.owners);
        let branch =
            call.branches.get_mut(&device).unwrap_or_else(|| panic!("never invited: {}", brief(effect)));
        assert!(!branch.ended, "after the end: {}", brief(effect));
        assert!(
            !one_to_one || may_follow(branch.last, name),
            "after {}: {} (caller {})",
            branch.last,
            brief(effect),
            call.caller
        );
        branch.last = name;
        if matches!(name, "joined" | "accepted" | "devices" | "media" | "left") {
            assert!(branch.gate_open, "told before its gate was open: {}", brief(effect));
        }
        if let Event::Ended { duration_s, .. } = event {
            branch.ended = true;
            assert!(!branch.transport, "its transport is still open: {}", brief(effect));
            if branch.gate_open {
                call.durations.push(*duration_s);
            } else {
                assert_eq!(*duration_s, 0, "it never talked: {}", brief(effect));
            }
        }
    }

    fn record(&mut self, record: &CallRecord) {
        let key = (record.room.app, record.call.clone());
        assert!(!self.recorded.contains(&key), "a record after the last one");
        let callees: BTreeSet<_> = record.callees.iter().map(|(user, _)| user.clone()).collect();
        assert_eq!(callees.len(), record.callees.len());
        if record.reason.is_none() {
            let call = self.live.get_mut(&key).expect("a record of a call that is not live");
            assert_eq!(
                callees.into_iter().chain([record.caller.clone()]).collect::<BTreeSet<_>>(),
                call.users
            );
            let before = call.record.replace(record.clone());
            assert!(
                before.is_none_or(
                    |b| b.at <= record.at && b.accepted.is_none_or(|at| record.accepted == Some(at))
                )
            );
            return;
        }
        assert!(record.callees.iter().all(|(_, why)| why.is_some()), "over, and a leg is not: {record:?}");
        let call = self.live.remove(&key).expect("a record of a call that is not live");
        assert!(self.recorded.insert(key));
        assert_eq!((call.room, call.media), (record.room.room.get(), record.media));
        for (device, branch) in &call.branches {
            assert!(branch.ended, "{device} was not told that {} is over", record.call);
        }
        let talked = record.accepted.map_or(0, |at| record.at.since(at).as_secs());
        assert!(call.durations.iter().all(|&d| u64::from(d) == talked), "{:?} of {talked}", call.durations);
        assert_eq!(callees.into_iter().chain([record.caller.clone()]).collect::<BTreeSet<_>>(), call.users);
    }

    /// What must hold between inputs.
    pub(super) fn check(&self, counts: Counts) {
        assert_eq!(counts.devices, self.signed_in.len());
        assert_eq!((counts.calls, counts.rooms), (self.live.len(), self.live.len()));
        assert!(counts.timers <= self.live.len() + self.signed_in.len());
        assert!(counts.timers == 0 || !self.live.is_empty(), "a timer outlived the calls");
        let mut rooms = BTreeSet::new();
        let mut users = BTreeSet::new();
        for ((app, id), call) in &self.live {
            assert!(call.room != 0 && rooms.insert((app, call.room)), "two calls in one room");
            let record = call.record.as_ref().expect("a live call is written down");
            assert_eq!((record.room.room.get(), record.media), (call.room, call.media), "{id}");
            let talks = call.branches.values().any(|p| p.gate_open);
            assert_eq!(record.accepted.is_some(), talks, "what is written of {id} is old");
            for (user, why) in &record.callees {
                let alive = |(d, p): (&DeviceId, &BranchSeen)| self.owners[d].user == *user && !p.ended;
                assert!(
                    why.is_none() || !call.branches.iter().any(alive),
                    "{user} is in {id}, its record says {why:?}"
                );
            }
            let present: BTreeSet<_> =
                call.branches.iter().filter(|(_, p)| !p.ended).map(|(d, _)| &self.owners[d]).collect();
            for user in present {
                assert!(users.insert(user), "{user} is in two calls, one of them {id}");
            }
            let mut talkers = BTreeSet::new();
            for (device, _) in call.branches.iter().filter(|(_, p)| p.gate_open && !p.ended) {
                assert!(talkers.insert(&self.owners[device]), "a user talks twice in {id}");
            }
        }
        let connected =
            self.live.values().filter(|c| c.branches.values().any(|p| p.gate_open && !p.ended)).count();
        assert_eq!(counts.connected, connected);
    }

    pub(super) fn signed_in(&self) -> Vec<DeviceId> {
        self.signed_in.iter().copied().collect()
    }

    pub(super) fn live(&self) -> usize {
        self.live.len()
    }
}
