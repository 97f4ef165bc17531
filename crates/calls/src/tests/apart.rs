//! Apps are worlds apart: what the users of one app see does not depend on what those of another do, to the letter.

use super::simulator::{Op, op, script_of_app_1, settings};
use crate::{Effect, Engine, Input, Reply};
use proptest::prelude::*;
use tring_protocol::{DeviceId, ErrorCode, SdkAppId, Timestamp, UserKey};

/// Added to the numbers of app 2's devices, since both scripts count from 1. Users, calls and rooms keep equal names.
const SHIFT: u64 = 1_000_000;

type Script = Vec<(Timestamp, Input)>;

/// What somebody can see: an answer, or an effect, and when.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Answer(Timestamp, Result<Reply, ErrorCode>),
    Effect(Timestamp, Effect),
}

fn app(n: u32) -> SdkAppId {
    SdkAppId::new(n).unwrap()
}

fn app_of(device: DeviceId) -> SdkAppId {
    app(if device.0 >= SHIFT { 2 } else { 1 })
}

/// The same script, told of app 2.
fn of_app_2(script: Script) -> Script {
    let shift = |d: DeviceId| DeviceId(d.0 + SHIFT);
    let shifted = |input| match input {
        Input::DeviceOnline { device, owner, single_login, again } => {
            let owner = UserKey { app: app(2), user: owner.user };
            Input::DeviceOnline { device: shift(device), owner, single_login, again }
        }
        Input::DeviceDetached { device } => Input::DeviceDetached { device: shift(device) },
        Input::DeviceAttached { device } => Input::DeviceAttached { device: shift(device) },
        Input::DeviceGone { device, why } => Input::DeviceGone { device: shift(device), why },
        Input::Call { device, call, room_seed, request } => {
            Input::Call { device: shift(device), call, room_seed, request }
        }
        Input::Delivered { device, call } => Input::Delivered { device: shift(device), call },
        Input::Accept { device, call } => Input::Accept { device: shift(device), call },
        Input::Reject { device, call } => Input::Reject { device: shift(device), call },
        Input::Hangup { device, call } => Input::Hangup { device: shift(device), call },
        Input::Transport { device, call } => Input::Transport { device: shift(device), call },
        Input::TransportGone { device, call } => Input::TransportGone { device: shift(device), call },
        Input::SetSources { device, call, sources } => {
            Input::SetSources { device: shift(device), call, sources }
        }
        Input::Media { device, call, media } => Input::Media { device: shift(device), call, media },
        Input::AppDeleted { .. } => Input::AppDeleted { app: app(2) },
        Input::Shutdown => panic!("it concerns all apps"),
    };
    script.into_iter().map(|(at, input)| (at, shifted(input))).collect()
}

fn device_of(input: &Input) -> Option<DeviceId> {
    match input {
        Input::DeviceOnline { device, .. }
        | Input::DeviceDetached { device }
        | Input::DeviceAttached { device }
        | Input::DeviceGone { device, .. }
        | Input::Call { device, .. }
        | Input::Delivered { device, .. }
        | Input::Accept { device, .. }
        | Input::Reject { device, .. }
        | Input::Hangup { device, .. }
        | Input::Transport { device, .. }
        | Input::TransportGone { device, .. }
        | Input::SetSources { device, .. }
        | Input::Media { device, .. } => Some(*device),
        Input::AppDeleted { .. } | Input::Shutdown => None,
    }
}

fn concerns(input: &Input) -> SdkAppId {
    match input {
        Input::AppDeleted { app } => *app,
        other => app_of(device_of(other).unwrap()),
    }
}

fn whose(effect: &Effect) -> SdkAppId {
    match effect {
        Effect::Tell { device, .. }
        | Effect::Kick { device, .. }
        | Effect::Evict { device }
        | Effect::OpenGate { device, .. }
        | Effect::SetSources { device, .. }
        | Effect::CloseTransport { device, .. } => app_of(*device),
        Effect::Record(record) => record.room.app,
    }
}

/// Carries out a script as a shell does, waking at each deadline, until nothing is due any more. Gives what the users of
/// one app see.
fn seen_in(script: &Script, by: SdkAppId) -> Vec<Seen> {
    let mut engine = Engine::new(settings());
    let mut seen = Vec::new();
    let mut now = Timestamp::default();
    let mut inputs = script.iter().peekable();
    loop {
        let mut effects = Vec::new();
        let due = engine.next_deadline().filter(|due| inputs.peek().is_none_or(|(at, _)| due <= at));
        if let Some(due) = due {
            now = now.max(due);
            engine.advance(now, &mut effects);
        } else if let Some((at, input)) = inputs.next() {
            now = now.max(*at);
            let answer = engine.handle(input.clone(), now, &mut effects);
            if concerns(input) == by {
                seen.push(Seen::Answer(now, answer));
            }
        } else {
            return seen;
        }
        seen.extend(effects.into_iter().filter(|e| whose(e) == by).map(|e| Seen::Effect(now, e)));
    }
}

/// Both scripts in the order of time; at the same time, the one whose turn `first` says.
fn interleaved(one: &Script, two: &Script, first: &[bool]) -> Script {
    let (mut one, mut two) = (one.iter().peekable(), two.iter().peekable());
    let mut turns = first.iter().copied().cycle();
    let mut both = Vec::new();
    loop {
        let next = match (one.peek(), two.peek()) {
            (Some((a, _)), Some((b, _))) if a < b || (a == b && turns.next() == Some(true)) => one.next(),
            (Some(_), None) => one.next(),
            (_, Some(_)) => two.next(),
            (None, None) => return both,
        };
        both.extend(next.cloned());
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_one_app_does_changes_nothing_in_another(
        one in ops(),
        two in ops(),
        first in prop::collection::vec(any::<bool>(), 1..50),
    ) {
        let one = script_of_app_1(one);
        let two = of_app_2(script_of_app_1(two));
        let both = interleaved(&one, &two, &first);
        prop_assert_eq!(both.len(), one.len() + two.len());
        prop_assert_eq!(seen_in(&both, app(1)), seen_in(&one, app(1)));
        prop_assert_eq!(seen_in(&both, app(2)), seen_in(&two, app(2)));
    }
}
