//! The rows of calling, and of two users who call each other.

use super::stage::{Audio, Video, call, request, row_tests, user};
use crate::{Input, Reply, Row};
use tring_protocol::{ErrorCode, RoomId};

row_tests! {
    CallRings: a_call_rings_every_device_of_the_callee(s) {
        let (a, b1, b2) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("b"));
        let mut r = request(&["b"], Video);
        r.timeout_s = Some(60);
        r.data = Some("order 7".into());
        let reply = s.try_call(a, r);
        assert_eq!(reply, Ok(Reply::Calling { call: call(1), room: RoomId::new(100).unwrap() }));
        let invited = "c1 Invited 100 a>b Video 60000ms \"order 7\"";
        assert_eq!(s.seen(), [format!("{b1}: {invited}"), format!("{b2}: {invited}")]);
    }

    CallUnreachable: a_user_without_a_device_is_unreachable_at_once_and_rings_when_it_signs_in(s) {
        let a = s.sign_in("a");
        let c = s.call(a, &["b"], Audio);
        assert_eq!(s.seen(), [format!("{a}: c1 Unreachable b")]);
        s.pass(10);
        let b = s.sign_in("b");
        assert_eq!(s.seen(), [format!("{b}: c1 Invited 100 a>b Audio 20000ms")]);
        s.delivered(b, &c).unwrap();
        assert_eq!(s.seen(), [format!("{a}: c1 Ringing b")]);
        s.accept(b, &c).unwrap();
        assert_eq!(s.told(a), ["c1 Accepted b", "c1 Joined b mic"]);
    }

    CallBusy: a_busy_callee_is_not_disturbed(s) {
        s.talking(Audio);
        let x = s.sign_in("x");
        assert!(matches!(s.try_call(x, request(&["b"], Audio)), Ok(Reply::Calling { .. })));
        assert_eq!(s.seen(), [
            format!("{x}: c2 LegEnded b Busy"),
            format!("{x}: c2 Ended Busy 0s"),
            "record c2 1/101 by x: Busy - (b Busy)".into(),
        ]);
        assert_eq!(s.engine.counts().calls, 1);
    }

    CallSelf: one_cannot_call_oneself(s) {
        let a = s.sign_in("a");
        assert_eq!(s.try_call(a, request(&["a"], Audio)), Err(ErrorCode::CallSelf));
        assert_eq!(s.try_call(a, request(&["b", "a"], Audio)), Err(ErrorCode::CallSelf));
        assert!(s.is_quiet());
    }

    CallNobody: a_call_has_one_to_eight_different_callees(s) {
        let a = s.sign_in("a");
        for to in [&[][..], &["b", "b"], &["1", "2", "3", "4", "5", "6", "7", "8", "9"]] {
            assert_eq!(s.try_call(a, request(to, Audio)), Err(ErrorCode::CalleesInvalid), "{to:?}");
        }
        assert!(s.is_quiet());
        assert!(s.try_call(a, request(&["1", "2", "3", "4", "5", "6", "7", "8"], Audio)).is_ok());
    }

    CallOptions: a_ring_lasts_5_to_300_seconds(s) {
        let a = s.sign_in("a");
        for timeout in [0, 4, 301, u16::MAX] {
            let r = tring_protocol::CallRequest { timeout_s: Some(timeout), ..request(&["b"], Audio) };
            assert_eq!(s.try_call(a, r), Err(ErrorCode::CallOptions), "{timeout}");
        }
        assert!(s.is_quiet());
    }

    CallDataTooLarge: the_data_of_a_call_is_bounded(s) {
        let a = s.sign_in("a");
        let mut r = request(&["b"], Audio);
        r.data = Some("x".repeat(1025));
        assert_eq!(s.try_call(a, r.clone()), Err(ErrorCode::TooLarge));
        r.data = Some("x".repeat(1024));
        assert!(s.try_call(a, r).is_ok());
    }

    CallWhileInCall: a_user_in_a_call_cannot_call_from_any_device(s) {
        let (a, b, c) = s.ringing(Audio);
        let (a2, b2) = (s.sign_in("a"), s.sign_in("b"));
        s.forget();
        for device in [a, a2, b, b2] {
            assert_eq!(s.try_call(device, request(&["x"], Audio)), Err(ErrorCode::AlreadyInCall));
        }
        assert_eq!(s.try_call(a2, request(&["b"], Audio)), Err(ErrorCode::AlreadyInCall), "no glare with oneself");
        s.accept(b, &c).unwrap();
        for device in [a, a2, b, b2] {
            assert_eq!(s.try_call(device, request(&["x"], Audio)), Err(ErrorCode::AlreadyInCall));
        }
        s.hangup(a, &c);
        assert!(s.try_call(a2, request(&["x"], Audio)).is_ok());
    }

    CallIdTaken: an_id_names_one_live_call(s) {
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        let dial = |device| {
            Input::Call { device, call: call(9), room_seed: 1, request: request(&["x"], Audio) }
        };
        s.give(dial(a)).unwrap();
        assert_eq!(s.give(dial(b)), Err(ErrorCode::Internal));
        assert_eq!(s.engine.call_of(&user("b")), None);
        assert_eq!(s.engine.counts().calls, 1);
    }

    CallAfterShutdown: no_call_starts_after_the_shutdown(s) {
        let a = s.sign_in("a");
        s.give(Input::Shutdown).unwrap();
        assert_eq!(s.try_call(a, request(&["b"], Audio)), Err(ErrorCode::Overloaded));
    }

    GlareMerges: two_who_call_each_other_are_connected_in_the_first_call(s) {
        let (a, b, b2) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("b"));
        s.call(a, &["b"], Video);
        s.forget();
        let reply = s.try_call(b2, request(&["a"], Video));
        assert_eq!(reply, Ok(Reply::Calling { call: call(1), room: RoomId::new(100).unwrap() }));
        assert_eq!(s.seen(), [
            format!("{b}: c1 Ended AnsweredElsewhere 0s"),
            format!("open c1 {a}"),
            format!("open c1 {b2}"),
            format!("{a}: c1 Accepted b"),
            format!("{a}: c1 Joined b mic+cam"),
            format!("{b2}: c1 Joined a mic+cam"),
        ]);
        s.pass(3);
        s.hangup(b2, &call(1));
        assert_eq!(s.told(a), ["c1 Left b", "c1 Ended Hangup by b 3s"]);
        assert!(s.is_quiet());
    }

    GlareFirstWantedVideo: glare_of_video_with_voice_is_voice_and_the_first_caller_is_told(s) {
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        let c = s.call(a, &["b"], Video);
        s.transport(a, &c).unwrap();
        s.forget();
        s.try_call(b, request(&["a"], Audio)).unwrap();
        assert_eq!(s.seen(), [
            format!("set c1 {a} mic"),
            format!("{a}: c1 Merged c1 100 Audio"),
            format!("open c1 {a}"),
            format!("open c1 {b}"),
            format!("{a}: c1 Accepted b"),
            format!("{a}: c1 Joined b mic"),
            format!("{b}: c1 Joined a mic"),
        ]);
        s.devices(a, &c, true, true).unwrap();
        assert_eq!(s.seen(), [""; 0], "no camera in a voice call");
    }

    GlareSecondWantedVideo: glare_of_voice_with_video_is_voice_and_the_second_caller_is_told(s) {
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        s.call(a, &["b"], Audio);
        s.forget();
        s.try_call(b, request(&["a"], Video)).unwrap();
        assert_eq!(s.seen(), [
            format!("{b}: c1 Merged c1 100 Audio"),
            format!("open c1 {a}"),
            format!("open c1 {b}"),
            format!("{a}: c1 Accepted b"),
            format!("{a}: c1 Joined b mic"),
            format!("{b}: c1 Joined a mic"),
        ]);
    }
}

#[test]
fn the_first_caller_survives_whichever_it_is() {
    for first in ["a", "b"] {
        let mut s = super::stage::Stage::new();
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        let (one, two, second) = if first == "a" { (a, b, "b") } else { (b, a, "a") };
        s.call(one, &[second], Audio);
        s.try_call(two, request(&[first], Audio)).unwrap();
        assert!(s.told(one).contains(&format!("c1 Accepted {second}")));
        assert_eq!(s.engine.counts().calls, 1);
    }
}

#[test]
fn a_call_with_several_callees_is_never_merged() {
    let mut s = super::stage::Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    s.call(a, &["b", "x"], Audio);
    s.forget();
    assert_eq!(s.try_call(b, request(&["a"], Audio)), Err(ErrorCode::AlreadyInCall));
    assert_eq!(s.seen(), [""; 0]);

    let mut s = super::stage::Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    s.call(a, &["b"], Audio);
    assert_eq!(s.try_call(b, request(&["a", "x"], Audio)), Err(ErrorCode::AlreadyInCall));
    assert!(!s.rows.contains(&Row::GlareMerges));
}

#[test]
fn a_bad_request_is_no_answer_to_the_call_that_rings() {
    let mut s = super::stage::Stage::new();
    let (_, b, _) = s.ringing(Audio);
    let mut r = request(&["a"], Audio);
    r.timeout_s = Some(1);
    assert_eq!(s.try_call(b, r), Err(ErrorCode::CallOptions));
    assert_eq!(s.seen(), [""; 0]);
}

#[test]
fn users_who_are_being_called_without_a_device_are_busy() {
    let mut s = super::stage::Stage::new();
    let (a, x) = (s.sign_in("a"), s.sign_in("x"));
    s.call(a, &["b"], Audio);
    s.forget();
    s.call(x, &["b"], Audio);
    assert_eq!(s.told(x), ["c2 LegEnded b Busy", "c2 Ended Busy 0s"]);
}
