//! The rows of media, and the refusals.

use super::stage::{Audio, Stage, Video, call, request, row_tests, user_of};
use crate::{Input, Reply, Settings};
use tring_protocol::{ErrorCode, Source, SourceSet};

row_tests! {
    TransportCaller: the_caller_connects_at_once_behind_a_shut_gate(s) {
        let a = s.sign_in("a");
        let c = s.call(a, &["b"], Video);
        let permit = s.transport(a, &c).unwrap();
        assert_eq!((permit.room.room.get(), permit.user.as_str()), (100, "a"));
        assert!(!permit.gate_open && permit.calling);
        assert_eq!(permit.sources, [Source::Microphone, Source::Camera].into());
    }

    TransportTalking: a_talker_connects_behind_an_open_gate(s) {
        let (a, b, c) = s.talking(Audio);
        for device in [a, b] {
            let permit = s.transport(device, &c).unwrap();
            assert!(permit.gate_open && !permit.calling);
            assert_eq!(permit.sources, Source::Microphone.into());
        }
    }

    TransportRinging: a_ringing_device_connects_behind_a_shut_gate_and_may_again(s) {
        let (_, b, c) = s.ringing(Audio);
        let permit = s.transport(b, &c).unwrap();
        assert!(!permit.gate_open && !permit.calling, "ringing is no consent");
        assert!(!s.transport(b, &c).unwrap().gate_open, "a second offer replaces the first");
    }

    TransportRefused: a_ringing_device_connects_after_its_acknowledgement_and_within_the_bound(s) {
        let (_, b, c) = s.ringing(Audio);
        let (b2, b3) = (s.sign_in("b"), s.sign_in("b"));
        assert_eq!(s.transport(b2, &c), Err(ErrorCode::PreconnectRefused));
        s.delivered(b2, &c).unwrap();
        s.delivered(b3, &c).unwrap();
        s.transport(b2, &c).unwrap();
        s.transport(b, &c).unwrap();
        assert_eq!(s.transport(b3, &c), Err(ErrorCode::PreconnectRefused), "two of a leg");
        s.accept(b3, &c).unwrap();
        assert!(s.transport(b3, &c).unwrap().gate_open, "after the answer there is no such bound");
    }

    TransportGone: a_transport_that_was_refused_or_lost_frees_its_place(s) {
        let (_, b, c) = s.ringing(Audio);
        let (b2, b3) = (s.sign_in("b"), s.sign_in("b"));
        for device in [b2, b3] {
            s.delivered(device, &c).unwrap();
        }
        s.transport(b, &c).unwrap();
        s.transport(b2, &c).unwrap();
        assert_eq!(s.transport(b3, &c), Err(ErrorCode::PreconnectRefused));
        s.transport_gone(b2, &c);
        s.transport(b3, &c).unwrap();
        s.forget();
        s.accept(b3, &c).unwrap();
        let closed: Vec<_> = s.seen().into_iter().filter(|line| line.starts_with("close")).collect();
        assert_eq!(closed, [format!("close c1 {b}")], "what is gone is not closed again");
        s.transport_gone(b2, &c);
        s.transport_gone(b2, &call(99));
    }

    SourcesChanged: the_others_hear_what_is_on_when_it_changes(s) {
        let (a, b, c) = s.talking(Video);
        s.transport(a, &c).unwrap();
        s.devices(a, &c, false, true).unwrap();
        assert_eq!(s.seen(), [format!("set c1 {a} cam"), format!("{b}: c1 Devices a cam")]);
        let permit = s.transport(a, &c).unwrap();
        assert_eq!(permit.sources, Source::Camera.into(), "a new transport starts as the device is");
    }

    SourcesKept: what_is_off_before_the_answer_is_off_after_it(s) {
        let (a, b, c) = s.ringing(Video);
        s.transport(a, &c).unwrap();
        s.devices(a, &c, false, false).unwrap();
        s.devices(b, &c, true, false).unwrap();
        assert_eq!(s.seen(), [format!("set c1 {a} muted")]);
        s.accept(b, &c).unwrap();
        let seen = s.seen();
        assert!(seen.contains(&format!("{a}: c1 Joined b mic")), "{seen:?}");
        assert!(seen.contains(&format!("{b}: c1 Joined a muted")), "{seen:?}");
    }

    SourcesSame: nobody_hears_what_did_not_change(s) {
        let (a, _, c) = s.talking(Video);
        s.devices(a, &c, true, true).unwrap();
        assert_eq!(s.seen(), [""; 0]);
    }

    SourceRefused: a_source_that_may_not_be_sent_changes_nothing(s) {
        let (a, b, c) = s.talking(Video);
        for device in [a, b] {
            s.transport(device, &c).unwrap();
        }
        for sources in [Source::Screen.into(), [Source::Microphone, Source::ScreenAudio].into(), SourceSet::ALL] {
            assert_eq!(s.sources(a, &c, sources), Err(ErrorCode::SourceUnsupported), "{sources:?}");
        }
        assert_eq!(s.seen(), [""; 0]);
        s.sources(a, &c, Source::Microphone.into()).unwrap();
        assert_eq!(s.seen(), [format!("set c1 {a} mic"), format!("{b}: c1 Devices a mic")]);
    }

    SwitchToVoice: no_camera_of_either_is_on_before_anybody_hears_of_it(s) {
        let (a, b, c) = s.talking(Video);
        s.transport(a, &c).unwrap();
        s.transport(b, &c).unwrap();
        s.switch(b, &c, Audio).unwrap();
        let told = [a, b].map(|d| format!("{d}: c1 Media b Audio"));
        assert_eq!(s.seen(), [&[a, b].map(|d| format!("set c1 {d} mic"))[..], &told].concat());
        s.devices(a, &c, true, true).unwrap();
        assert_eq!(s.seen(), [""; 0], "a voice call has no camera, whoever asks");
        assert_eq!(s.transport(a, &c).unwrap().sources, Source::Microphone.into());
        s.hangup(a, &c);
        assert!(s.rows.contains(&crate::Row::SourcesSame));
    }

    SwitchToVideo: each_camera_waits_for_its_own_user(s) {
        let (a, b, c) = s.talking(Audio);
        s.transport(a, &c).unwrap();
        s.transport(b, &c).unwrap();
        s.switch(a, &c, Video).unwrap();
        assert_eq!(s.seen(), [a, b].map(|d| format!("{d}: c1 Media a Video")));
        assert!([a, b].iter().all(|&d| s.transport(d, &c).unwrap().sources == Source::Microphone.into()));
        s.devices(a, &c, true, true).unwrap();
        assert_eq!(s.seen(), [format!("set c1 {a} mic+cam"), format!("{b}: c1 Devices a mic+cam")]);
        s.switch(b, &c, Audio).unwrap();
        s.switch(b, &c, Video).unwrap();
        s.forget();
        let permit = s.transport(a, &c).unwrap();
        assert_eq!(permit.sources, Source::Microphone.into(), "what was on before a voice call is not on after it");
    }

    SwitchSame: nobody_hears_of_a_switch_to_what_it_is(s) {
        let (a, b, c) = s.talking(Video);
        s.switch(a, &c, Video).unwrap();
        s.switch(b, &c, Audio).unwrap();
        s.forget();
        s.switch(a, &c, Audio).unwrap();
        assert_eq!(s.seen(), [""; 0], "both wanted it at the same moment");
    }

    SwitchRefused: who_does_not_talk_to_one_other_switches_nothing(s) {
        let (a, b, c) = s.ringing(Video);
        assert_eq!(s.switch(a, &c, Audio), Err(ErrorCode::SwitchRefused));
        assert_eq!(s.switch(b, &c, Audio), Err(ErrorCode::SwitchRefused));
        s.accept(b, &c).unwrap();
        s.hangup(a, &c);
        let group = s.call(a, &["b", "x"], Video);
        s.accept(b, &group).unwrap();
        assert_eq!(s.switch(b, &group, Audio), Err(ErrorCode::SwitchRefused));
    }

    StaleCall: a_call_that_is_over_is_unknown(s) {
        let (a, b, c) = s.talking(Audio);
        s.hangup(a, &c);
        s.forget();
        for input in about(b, &c) {
            assert_eq!(s.give(input), Err(ErrorCode::CallUnknown));
        }
        assert_eq!(s.seen(), [""; 0]);
    }

    NotYourCall: a_device_without_a_part_in_a_call_does_nothing_to_it(s) {
        let (_, b, c) = s.ringing(Audio);
        let (foreign, second) = (s.sign_in("x"), s.sign_in("a"));
        for device in [foreign, second] {
            for input in about(device, &c).into_iter().chain([Input::Hangup { device, call: c.clone() }]) {
                assert_eq!(s.give(input), Err(ErrorCode::NotYourCall));
            }
        }
        assert_eq!(s.seen(), [""; 0]);
        assert_eq!(s.accept(b, &c), Ok(Reply::Done), "it still rings");
    }

    NotRinging: what_is_answered_cannot_be_refused(s) {
        let (a, b, c) = s.ringing(Audio);
        assert_eq!(s.accept(a, &c), Err(ErrorCode::NotRinging));
        assert_eq!(s.reject(a, &c), Err(ErrorCode::NotRinging));
        assert_eq!(s.delivered(a, &c), Err(ErrorCode::NotRinging));
        s.accept(b, &c).unwrap();
        s.forget();
        assert_eq!(s.reject(b, &c), Err(ErrorCode::NotRinging));
        assert_eq!(s.accept(a, &c), Err(ErrorCode::NotRinging));
        assert_eq!(s.seen(), [""; 0]);
    }

    LegOver: a_group_call_goes_on_without_those_who_left(s) {
        let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
        let c = s.call(a, &["b", "x"], Audio);
        s.reject(b, &c).unwrap();
        s.forget();
        for input in about(b, &c) {
            assert_eq!(s.give(input), Err(ErrorCode::NotRinging));
        }
        s.hangup(b, &c);
        assert_eq!(s.seen(), [""; 0]);
        s.accept(x, &c).unwrap();
    }

    ElsewhereRefused: a_device_that_was_too_slow_hears_why(s) {
        let (a, b, c) = s.ringing(Audio);
        let slow = s.sign_in("b");
        s.accept(b, &c).unwrap();
        s.forget();
        for input in about(slow, &c) {
            assert_eq!(s.give(input), Err(ErrorCode::AnsweredElsewhere));
        }
        s.hangup(slow, &c);
        assert_eq!(s.seen(), [""; 0]);
        s.hangup(a, &c);
        assert_eq!(s.told(slow), [""; 0]);
    }
}

/// Everything but a hang-up that a device can say about a call.
fn about(device: tring_protocol::DeviceId, call: &tring_protocol::CallId) -> [Input; 6] {
    let call = call.clone();
    [
        Input::Delivered { device, call: call.clone() },
        Input::Accept { device, call: call.clone() },
        Input::Reject { device, call: call.clone() },
        Input::Transport { device, call: call.clone() },
        Input::Media { device, call: call.clone(), media: Audio },
        Input::SetSources { device, call, sources: SourceSet::EMPTY },
    ]
}

#[test]
fn a_caller_makes_only_so_many_strangers_connect() {
    let mut s = Stage::with(Settings { max_preconnects_per_caller: 3, ..Settings::default() });
    let a = s.sign_in("a");
    let callees = ["b", "x", "y", "z"];
    let devices = callees.map(|name| s.sign_in(name));
    let c = s.call(a, &callees, Audio);
    for device in devices {
        s.delivered(device, &c).unwrap();
    }
    assert_eq!(devices.map(|d| s.transport(d, &c).is_ok()), [true, true, true, false]);
    s.accept(devices[0], &c).unwrap();
    assert!(s.transport(devices[3], &c).is_ok(), "whoever has answered does not count");
}

#[test]
fn every_transport_is_closed_at_the_end_and_nothing_else_is() {
    let mut s = Stage::new();
    let (a, b, c) = s.ringing(Audio);
    s.transport(a, &c).unwrap();
    s.transport(b, &c).unwrap();
    s.hangup(a, &c);
    let seen = s.seen();
    for device in [a, b] {
        let close = seen.iter().position(|line| *line == format!("close c1 {device}"));
        let ended = seen.iter().position(|line| line.starts_with(&format!("{device}: c1 Ended")));
        assert!(close.is_some() && close < ended, "{seen:?}");
    }

    let (a, b, c) = (s.sign_in("m"), s.sign_in("n"), call(2));
    s.call(a, &["n"], Audio);
    s.forget();
    s.reject(b, &c).unwrap();
    assert!(!s.seen().iter().any(|line| line.starts_with("close")));
}

#[test]
fn a_call_of_another_app_with_the_same_id_and_users_is_another_call() {
    let mut s = Stage::new();
    let devices = [1, 2].map(|app| ["a", "b"].map(|name| s.try_sign_in(user_of(app, name), false).unwrap()));
    for [device, _] in devices {
        let input = Input::Call { device, call: call(1), room_seed: 5, request: request(&["b"], Audio) };
        let Ok(Reply::Calling { room, .. }) = s.give(input) else { panic!("refused") };
        assert_eq!(room.get(), 5);
    }
    s.forget();
    let [[a1, b1], [a2, b2]] = devices;
    s.accept(b1, &call(1)).unwrap();
    s.hangup(a2, &call(1));
    let seen = s.seen();
    assert!(
        seen.contains(&format!("{a1}: c1 Accepted b"))
            && seen.contains(&format!("{b2}: c1 Ended Cancel by a 0s"))
    );
    assert_eq!(s.engine.counts().calls, 1);
}
