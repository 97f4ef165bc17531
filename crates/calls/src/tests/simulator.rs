//! Random worlds under virtual time: two apps with equal user, call and room names, devices whose messages are lost,
//! doubled and reordered, sockets that are cut, sign-ins, log-outs, app deletions, and jumps of time.

use super::stage::user_of;
use super::watch::Watch;
use crate::{Counts, Departure, Effect, Engine, Input, Row, Settings, TABLE};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tring_protocol::{
    CallId, CallRequest, DeviceId, Event, MediaType, SdkAppId, Source, SourceSet, Timestamp, UserId,
};

/// What happens next. Numbers pick among what there is, modulo how many there are.
#[derive(Debug, Clone)]
pub(super) enum Op {
    SignIn {
        app: u8,
        user: u8,
        single_login: bool,
        again: bool,
    },
    Cut(usize),
    Back(usize),
    Gone(usize, Departure),
    Call {
        device: usize,
        to: Vec<u8>,
        video: bool,
        timeout_s: Option<u16>,
        fail_fast: bool,
        seed: u32,
    },
    /// A message of a client arrives, any of those under way; it may arrive again later.
    Arrives {
        message: usize,
        again: bool,
    },
    /// A message is lost.
    Lost(usize),
    /// A device says something about some call, its own or not, over or not.
    Says {
        device: usize,
        call: usize,
        what: u8,
    },
    /// A device says what is on.
    Sources {
        device: usize,
        call: usize,
        sources: SourceSet,
    },
    Passes(u32),
    AppDeleted(u8),
    Shutdown,
}

/// Any of the 16 sets of sources.
fn subset() -> impl Strategy<Value = SourceSet> {
    prop::sample::subsequence(Source::ALL.to_vec(), 0..=Source::ALL.len()).prop_map(SourceSet::from_iter)
}

const USERS: [&str; 4] = ["a", "b", "c", "d"];

pub(super) fn op() -> impl Strategy<Value = Op> {
    let call = (
        any::<usize>(),
        prop_oneof![4 => prop::collection::vec(0..4u8, 1), 1 => prop::collection::vec(0..4u8, 0..4)],
        any::<bool>(),
        prop_oneof![3 => Just(None), 1 => (5..40u16).prop_map(Some), 1 => Just(Some(2))],
        prop::bool::weighted(0.2),
        0..4u32,
    );
    let departure = prop_oneof![2 => Just(Departure::LoggedOut), 1 => Just(Departure::Expired), 1 => Just(Departure::TooSlow)];
    prop_oneof![
        12 => (1..3u8, 0..4u8, prop::bool::weighted(0.15), prop::bool::weighted(0.2))
            .prop_map(|(app, user, single_login, again)| Op::SignIn { app, user, single_login, again }),
        6 => any::<usize>().prop_map(Op::Cut),
        6 => any::<usize>().prop_map(Op::Back),
        4 => (any::<usize>(), departure).prop_map(|(device, why)| Op::Gone(device, why)),
        20 => call.prop_map(|(device, to, video, timeout_s, fail_fast, seed)| {
            Op::Call { device, to, video, timeout_s, fail_fast, seed }
        }),
        30 => (any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(message, again)| Op::Arrives { message, again }),
        4 => any::<usize>().prop_map(Op::Lost),
        5 => (any::<usize>(), any::<usize>(), subset())
            .prop_map(|(device, call, sources)| Op::Sources { device, call, sources }),
        15 => (any::<usize>(), any::<usize>(), 0..9u8)
            .prop_map(|(device, call, what)| Op::Says { device, call, what }),
        14 => prop_oneof![6 => 0..3000u32, 4 => 0..20_000u32, 1 => Just(400_000)].prop_map(Op::Passes),
        1 => (1..3u8).prop_map(Op::AppDeleted),
    ]
}

/// Small bounds, so that they are met; a screen may be shown, its sound not sent.
pub(super) fn settings() -> Settings {
    let sources = SourceSet::ALL - Source::ScreenAudio.into();
    let ring_grace = Duration::from_secs(5);
    let (max_devices_per_user, max_preconnects_per_caller) = (3, 3);
    Settings { ring_grace, max_devices_per_user, max_preconnects_per_caller, sources, ..Settings::default() }
}

/// What happens to calls that come about, with much said of sources.
fn talk_of_sources() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => op(),
        1 => (any::<usize>(), any::<usize>(), subset())
            .prop_map(|(device, call, sources)| Op::Sources { device, call, sources }),
    ]
}

struct World {
    engine: Engine,
    now: Timestamp,
    watch: Watch,
    /// Every device that ever signed in.
    devices: Vec<DeviceId>,
    /// Those whose sockets were cut and are not back.
    cut: Vec<DeviceId>,
    /// How many calls each app's users have asked for; the names of calls are the same in both apps.
    asked: BTreeMap<SdkAppId, u64>,
    apps: BTreeMap<DeviceId, SdkAppId>,
    calls: Vec<CallId>,
    /// Messages under way to the server.
    mail: Vec<Input>,
    log: Vec<Effect>,
    /// Every input that was given, and when.
    given: Vec<(Timestamp, Input)>,
    rows: BTreeSet<Row>,
}

fn pick<T: Clone>(from: &[T], n: usize) -> Option<T> {
    from.get(n.checked_rem(from.len())?).cloned()
}

impl World {
    fn new(settings: Settings) -> Self {
        Self {
            engine: Engine::new(settings),
            now: Timestamp::from_secs(1_700_000_000),
            watch: Watch::default(),
            devices: Vec::new(),
            cut: Vec::new(),
            asked: BTreeMap::new(),
            apps: BTreeMap::new(),
            calls: Vec::new(),
            mail: Vec::new(),
            log: Vec::new(),
            given: Vec::new(),
            rows: BTreeSet::new(),
        }
    }

    fn give(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.given.push((self.now, input.clone()));
        match self.engine.handle(input.clone(), self.now, &mut effects) {
            Ok(reply) => self.watch.input(&input, &reply, &effects),
            Err(code) => assert!(effects.is_empty(), "{code:?} came with {effects:?}"),
        }
        self.after(effects);
    }

    /// Clients react to what they hear.
    fn after(&mut self, effects: Vec<Effect>) {
        self.rows.extend(self.engine.rows());
        for effect in &effects {
            let Effect::Tell { device, event } = effect else { continue };
            let device = *device;
            match event {
                Event::Invited { call_id, .. } => {
                    let call = || call_id.clone();
                    self.mail.push(Input::Delivered { device, call: call() });
                    self.mail.push(Input::Transport { device, call: call() });
                    self.mail.push(Input::Accept { device, call: call() });
                    if device.0 % 3 == 0 {
                        self.mail.push(Input::Reject { device, call: call() });
                    }
                }
                Event::Joined { call_id, .. } => {
                    self.mail.push(Input::Hangup { device, call: call_id.clone() });
                }
                _ => {}
            }
        }
        self.log.extend(effects);
        self.watch.check(self.engine.counts());
    }

    fn pass(&mut self, ms: u32) {
        let end = self.now + Duration::from_millis(ms.into());
        // A shell mostly wakes at each deadline; after a long sleep everything is due at once.
        while let Some(at) = self.engine.next_deadline().filter(|&at| at <= end && ms < 100_000) {
            self.now = self.now.max(at);
            self.advance();
        }
        self.now = end;
        self.advance();
    }

    fn advance(&mut self) {
        let mut effects = Vec::new();
        self.engine.advance(self.now, &mut effects);
        self.watch.effects(&effects);
        assert!(self.engine.next_deadline().is_none_or(|at| at > self.now), "a timer was left behind");
        self.after(effects);
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::SignIn { app, user, single_login, again } => {
                let device = DeviceId(self.devices.len() as u64 + 1);
                self.devices.push(device);
                let owner = user_of(app.into(), USERS[usize::from(user)]);
                self.apps.insert(device, owner.app);
                self.give(Input::DeviceOnline { device, owner, single_login, again });
            }
            Op::Cut(n) => {
                self.cut.extend(self.device(n));
                self.about_device(n, |device| Input::DeviceDetached { device });
            }
            Op::Back(n) => {
                // Mostly one that was cut.
                let device = if n.is_multiple_of(8) { self.device(n) } else { pick(&self.cut, n / 8) };
                if let Some(device) = device {
                    self.cut.retain(|&cut| cut != device);
                    self.give(Input::DeviceAttached { device });
                }
            }
            Op::Gone(n, why) => self.about_device(n, |device| Input::DeviceGone { device, why }),
            Op::Call { device, to, video, timeout_s, fail_fast, seed } => {
                let Some(device) = self.device(device) else { return };
                let to = to.into_iter().map(|n| UserId::new(USERS[usize::from(n)]).unwrap()).collect();
                let media = if video { MediaType::Video } else { MediaType::Audio };
                let request = CallRequest { to, media, timeout_s, fail_fast, data: None };
                let asked = self.asked.entry(self.apps[&device]).or_default();
                *asked += 1;
                let call = CallId::from_random((*asked).into());
                if !self.calls.contains(&call) {
                    self.calls.push(call.clone());
                }
                self.give(Input::Call { device, call: call.clone(), room_seed: seed, request });
                self.mail.push(Input::Transport { device, call });
            }
            Op::Arrives { message, again } => {
                let Some(place) = message.checked_rem(self.mail.len()) else { return };
                let input = if again { self.mail[place].clone() } else { self.mail.swap_remove(place) };
                self.give(input);
            }
            Op::Lost(message) => {
                if let Some(place) = message.checked_rem(self.mail.len()) {
                    self.mail.swap_remove(place);
                }
            }
            Op::Says { device, call, what } => {
                let (Some(device), Some(call)) = (self.device(device), self.call(call)) else { return };
                self.give(match what {
                    0 => Input::Delivered { device, call },
                    1 => Input::Accept { device, call },
                    2 => Input::Reject { device, call },
                    3 | 4 => Input::Hangup { device, call },
                    5 => Input::Transport { device, call },
                    6 => Input::TransportGone { device, call },
                    7 => Input::Media { device, call, media: MediaType::Audio },
                    _ => Input::Media { device, call, media: MediaType::Video },
                });
            }
            Op::Sources { device, call, sources } => {
                let (Some(device), Some(call)) = (self.device(device), self.call(call)) else { return };
                self.give(Input::SetSources { device, call, sources });
            }
            Op::Passes(ms) => self.pass(ms),
            Op::AppDeleted(app) => self.give(Input::AppDeleted { app: SdkAppId::new(app.into()).unwrap() }),
            Op::Shutdown => self.give(Input::Shutdown),
        }
    }

    fn about_device(&mut self, n: usize, input: impl FnOnce(DeviceId) -> Input) {
        if let Some(device) = self.device(n) {
            self.give(input(device));
        }
    }

    /// One of the devices, mostly one that is signed in.
    fn device(&self, n: usize) -> Option<DeviceId> {
        let devices = if n.is_multiple_of(8) { self.devices.clone() } else { self.watch.signed_in() };
        pick(&devices, n / 8)
    }

    /// One of the calls, mostly one of the last few, so that something comes of it.
    fn call(&self, n: usize) -> Option<CallId> {
        let recent = if n.is_multiple_of(4) { 0 } else { self.calls.len().saturating_sub(4) };
        pick(&self.calls[recent..], n / 4)
    }

    /// Every socket is cut, and time runs: all calls end, and nothing of them is left.
    fn end(&mut self) {
        for device in self.watch.signed_in() {
            self.give(Input::DeviceDetached { device });
        }
        self.pass(90_000);
        self.pass(90_000);
        assert_eq!(self.watch.live(), 0, "a call goes on without anybody");
        for device in self.watch.signed_in() {
            self.give(Input::DeviceGone { device, why: Departure::Expired });
        }
        assert_eq!(self.engine.counts(), Counts::default(), "something is left");
    }
}

/// What the devices of app 1 do in a world of their own, as inputs and their times.
pub(super) fn script_of_app_1(ops: Vec<Op>) -> Vec<(Timestamp, Input)> {
    let mut world = World::new(settings());
    for op in ops {
        world.run(match op {
            Op::SignIn { user, single_login, again, .. } => Op::SignIn { app: 1, user, single_login, again },
            Op::AppDeleted(_) => Op::AppDeleted(1),
            op => op,
        });
    }
    world.given
}

fn simulate(ops: Vec<Op>) -> World {
    let mut world = World::new(settings());
    for op in ops {
        world.run(op);
    }
    world.end();
    world
}

proptest! {
    #![proptest_config(Config { cases: 1000, ..Config::default() })]

    #[test]
    fn the_rules_hold_in_any_world(ops in prop::collection::vec(op(), 1..250)) {
        simulate(ops);
    }

    #[test]
    fn the_same_inputs_have_the_same_effects(ops in prop::collection::vec(op(), 1..120)) {
        prop_assert_eq!(simulate(ops.clone()).log, simulate(ops).log);
    }

    /// Whatever a device says is on, the others are told that and nothing else (see `Watch`), and its call goes on.
    #[test]
    fn what_is_told_of_sources_is_what_was_said(ops in prop::collection::vec(talk_of_sources(), 1..150)) {
        let mut world = World::new(Settings { sources: SourceSet::ALL, ..settings() });
        for op in ops {
            world.run(op);
        }
        world.end();
    }

    #[test]
    fn a_shutdown_at_any_moment_ends_everything(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new(settings());
        for op in ops.into_iter().chain([Op::Shutdown]) {
            world.run(op);
        }
        prop_assert_eq!(world.watch.live(), 0);
        world.end();
    }
}

/// A simulator that never gets anywhere proves nothing: from a fixed seed, it takes every row that its world can.
#[test]
fn the_simulator_comes_everywhere() {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 500, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let taken = std::cell::RefCell::new(BTreeSet::new());
    runner
        .run(&prop::collection::vec(op(), 250), |ops| {
            taken.borrow_mut().extend(simulate(ops).rows);
            Ok(())
        })
        .unwrap();
    let taken = taken.into_inner();
    let missed: Vec<_> = TABLE.iter().map(|line| line.row).filter(|row| !taken.contains(row)).collect();
    let out_of_its_world =
        [Row::SignInKnown, Row::CallDataTooLarge, Row::CallIdTaken, Row::CallAfterShutdown, Row::Shutdown];
    assert_eq!(missed, out_of_its_world);
}
