//! The rows of sockets and sessions, and of the server.

use super::stage::{Audio, Stage, Video, request, row_tests, user, user_of};
use crate::{Departure, Input, Reply, Settings};
use std::time::Duration;
use tring_protocol::{DeviceId, ErrorCode, SourceSet};

row_tests! {
    Detached: a_cut_socket_ends_nothing_by_itself(s) {
        let (a, b, _) = s.talking(Audio);
        s.cut(a);
        s.cut(b);
        s.pass(29);
        s.back(a);
        s.back(b);
        s.pass(600);
        assert_eq!(s.seen(), [""; 0]);
        assert_eq!(s.engine.counts().calls, 1);
    }

    DetachedIdle: a_device_without_a_socket_is_still_invited(s) {
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        s.cut(b);
        assert_eq!(s.engine.next_deadline(), None, "an idle session is the shell's to end");
        s.pass(2);
        let c = s.call(a, &["b"], Audio);
        assert_eq!(s.seen(), [format!("{b}: c1 Invited 100 a>b Audio 30000ms")]);
        s.back(b);
        s.accept(b, &c).unwrap();
        assert_eq!(s.told(a), ["c1 Accepted b", "c1 Joined b mic"]);
    }

    Attached: a_device_that_is_back_has_no_grace_to_lose(s) {
        let (a, _, c) = s.ringing(Audio);
        s.cut(a);
        s.pass(14);
        s.back(a);
        assert_eq!(s.engine.next_deadline().map(|at| at.since(s.now).as_secs()), Some(16), "the ring's own");
        s.pass(15);
        assert_eq!(s.seen(), [""; 0]);
        s.hangup(a, &c);
    }

    AttachedRings: a_phone_that_froze_while_ringing_rings_on_when_it_is_back(s) {
        let (a, b, c) = s.ringing(Audio);
        s.cut(b);
        s.pass(15);
        assert_eq!(s.seen(), [format!("{a}: c1 Unreachable b")]);
        s.pass(5);
        s.back(b);
        assert_eq!(s.seen(), [format!("{a}: c1 Ringing b")]);
        s.accept(b, &c).unwrap();
        assert_eq!(s.told(a), ["c1 Accepted b", "c1 Joined b mic"]);
    }

    GraceRinging: a_lost_device_is_not_missed_while_another_rings(s) {
        let (a, b, _) = s.ringing(Audio);
        let b2 = s.sign_in("b");
        s.forget();
        s.cut(b);
        s.pass(15);
        assert_eq!(s.seen(), [""; 0]);
        s.cut(b2);
        s.pass_ms(14_999);
        assert_eq!(s.told(a), [""; 0]);
    }

    GraceCalling: a_caller_who_is_lost_stops_ringing(s) {
        let (a, b, _) = s.ringing(Audio);
        s.cut(a);
        s.pass_ms(14_999);
        assert_eq!(s.seen(), [""; 0]);
        s.pass_ms(1);
        assert_eq!(s.seen(), [
            format!("{a}: c1 Ended Lost by a 0s"),
            format!("{b}: c1 Ended Lost by a 0s"),
            "record c1 1/100 by a: Lost - (b Lost)".into(),
        ]);
        assert!(s.is_quiet());
        s.back(a);
        assert!(s.try_call(a, request(&["b"], Audio)).is_ok(), "the device itself is not gone");
    }

    GraceTalking: a_talker_who_is_lost_has_left(s) {
        let (a, b, _) = s.talking(Audio);
        s.pass(10);
        s.cut(b);
        s.pass(30);
        assert_eq!(s.seen(), [
            format!("{a}: c1 Left b"),
            format!("{b}: c1 Ended Lost by b 40s"),
            format!("{a}: c1 Ended Lost by b 40s"),
            "record c1 1/100 by a: Lost 40s (b Lost)".into(),
        ]);
        assert!(s.is_quiet());
    }

    GoneIdle: a_device_that_logs_out_is_forgotten(s) {
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        s.log_out(a);
        s.expire(b);
        assert_eq!(s.seen(), [""; 0]);
        assert_eq!(s.engine.counts(), crate::Counts::default());
    }

    GoneRinging: a_log_out_of_one_device_refuses_nothing_while_another_rings(s) {
        let (a, b, c) = s.ringing(Audio);
        let b2 = s.sign_in("b");
        s.forget();
        s.log_out(b);
        assert_eq!(s.seen(), [format!("{b}: c1 Ended Reject by b 0s")]);
        s.accept(b2, &c).unwrap();
        assert_eq!(s.told(a), ["c1 Accepted b", "c1 Joined b mic"]);
    }

    DroppedRinging: a_dropped_device_refuses_nothing(s) {
        let (a, b, c) = s.ringing(Audio);
        s.expire(b);
        s.forget();
        let b2 = s.sign_in("b");
        s.delivered(b2, &c).unwrap();
        assert_eq!(s.told(a), ["c1 Ringing b"], "it rings again");
    }

    DroppedCalling: a_dropped_caller_is_lost(s) {
        let (a, b, _) = s.ringing(Audio);
        s.expire(a);
        assert_eq!(s.seen()[..2], [
            format!("{a}: c1 Ended Lost by a 0s"),
            format!("{b}: c1 Ended Lost by a 0s"),
        ]);
        assert!(s.is_quiet());
    }

    DroppedTalking: a_dropped_talker_is_lost(s) {
        let (a, b, _) = s.talking(Audio);
        s.pass(1);
        s.expire(a);
        assert_eq!(s.told(b), ["c1 Left a", "c1 Ended Lost by a 1s"]);
        assert!(s.is_quiet());
    }

    TooSlow: a_device_that_does_not_take_its_events_is_signed_out_after_its_call(s) {
        let (a, b, _) = s.talking(Audio);
        s.pass(3);
        s.overrun(b);
        assert_eq!(s.seen(), [
            format!("{a}: c1 Left b"),
            format!("{b}: c1 Ended Lost by b 3s"),
            format!("{a}: c1 Ended Lost by b 3s"),
            "record c1 1/100 by a: Lost 3s (b Lost)".into(),
            format!("kick {b} TooSlow"),
        ]);
        s.overrun(a);
        assert_eq!(s.seen(), [format!("kick {a} TooSlow")], "one that is idle too");
        assert_eq!(s.engine.counts(), crate::Counts::default());
    }

    SessionKept: whoever_is_signed_out_hears_so_for_a_while(s) {
        *s = Stage::with(Settings { kicked_session_ttl: Duration::from_secs(90), ..Settings::default() });
        let old = s.sign_in("a");
        let newer = s.sign_in_alone("a");
        assert_eq!(s.kept_for(), [(old, 90)]);
        s.forget();
        s.overrun(newer);
        assert_eq!(s.kept_for(), [(newer, 90)]);
        s.forget();
        let last = s.sign_in("a");
        s.give(Input::AppDeleted { app: user("a").app }).unwrap();
        assert_eq!(s.kept_for(), [(last, 90)]);
    }

    SessionForgotten: whoever_went_by_itself_is_owed_nothing(s) {
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        s.log_out(a);
        s.expire(b);
        assert_eq!(s.seen(), [""; 0]);
        assert_eq!(s.kept_for(), []);
    }

    GoneUnknown: news_of_a_device_that_is_gone_is_no_error(s) {
        let device = DeviceId(99);
        s.cut(device);
        s.back(device);
        s.log_out(device);
        s.expire(device);
        assert_eq!(s.seen(), [""; 0]);
    }

    NotSignedIn: a_device_signs_in_before_it_asks(s) {
        let (_, _, c) = s.ringing(Audio);
        let device = DeviceId(99);
        assert_eq!(s.try_call(device, request(&["b"], Audio)), Err(ErrorCode::LoginRequired));
        for input in [
            Input::Delivered { device, call: c.clone() },
            Input::Accept { device, call: c.clone() },
            Input::Reject { device, call: c.clone() },
            Input::Hangup { device, call: c.clone() },
            Input::Transport { device, call: c.clone() },
            Input::SetSources { device, call: c.clone(), sources: SourceSet::EMPTY },
        ] {
            assert_eq!(s.give(input), Err(ErrorCode::LoginRequired));
        }
        assert_eq!(s.seen(), [""; 0]);
    }

    AppDeleted: the_end_of_an_app_ends_its_calls_and_no_others(s) {
        let (a, b, _) = s.talking(Audio);
        let idle = s.sign_in("idle");
        let (x, y) =
            (s.try_sign_in(user_of(2, "a"), false).unwrap(), s.try_sign_in(user_of(2, "b"), false).unwrap());
        let c2 = s.call(x, &["b"], Audio);
        s.accept(y, &c2).unwrap();
        s.forget();
        s.pass(4);
        s.give(Input::AppDeleted { app: user("a").app }).unwrap();
        assert_eq!(s.seen(), [
            format!("{a}: c1 Ended Server 4s"),
            format!("{b}: c1 Ended Server 4s"),
            "record c1 1/100 by a: Server 4s (b Server)".into(),
            format!("kick {a} AppDeleted"),
            format!("kick {b} AppDeleted"),
            format!("kick {idle} AppDeleted"),
        ]);
        assert_eq!((s.engine.counts().devices, s.engine.counts().connected), (2, 1));
        s.hangup(x, &c2);
        assert_eq!(s.told(y), ["c2 Left a", "c2 Ended Hangup by a 4s"]);
    }

    Shutdown: a_shutdown_ends_every_call_and_keeps_the_sessions(s) {
        let (a, b, _) = s.talking(Video);
        let (x, y) = (s.sign_in("x"), s.sign_in("y"));
        s.call(x, &["y"], Audio);
        s.forget();
        assert_eq!(s.give(Input::Shutdown), Ok(Reply::Done));
        assert_eq!(s.seen(), [
            format!("{a}: c1 Ended Server 0s"),
            format!("{b}: c1 Ended Server 0s"),
            "record c1 1/100 by a: Server 0s (b Server)".into(),
            format!("{x}: c2 Ended Server 0s"),
            format!("{y}: c2 Ended Server 0s"),
            "record c2 1/101 by x: Server - (y Server)".into(),
        ]);
        assert!(s.is_quiet());
        assert_eq!(s.engine.counts().devices, 4);
    }
}

#[test]
fn the_log_out_of_the_last_ringing_device_refuses() {
    let mut s = Stage::new();
    let (a, b, _) = s.ringing(Audio);
    s.log_out(b);
    assert_eq!(
        s.seen()[..3],
        [
            format!("{a}: c1 LegEnded b Reject"),
            format!("{b}: c1 Ended Reject by b 0s"),
            format!("{a}: c1 Ended Reject by b 0s"),
        ]
    );
    assert_eq!(s.engine.devices_of(&user("b")), []);
}

#[test]
fn a_device_that_was_lost_while_ringing_does_not_answer_for_one_that_logs_out() {
    let mut s = Stage::new();
    let (a, b, _) = s.ringing(Audio);
    let lost = s.sign_in("b");
    s.cut(lost);
    s.pass(15);
    s.forget();
    s.log_out(b);
    assert_eq!(
        s.seen()[..4],
        [
            format!("{a}: c1 LegEnded b Reject"),
            format!("{lost}: c1 Ended AnsweredElsewhere 0s"),
            format!("{b}: c1 Ended Reject by b 0s"),
            format!("{a}: c1 Ended Reject by b 0s"),
        ]
    );
}

#[test]
fn a_log_out_of_the_caller_cancels_and_of_a_talker_hangs_up() {
    let mut s = Stage::new();
    let (a, b, _) = s.ringing(Audio);
    s.log_out(a);
    assert_eq!(s.told(b), ["c1 Ended Cancel by a 0s"]);

    let mut s = Stage::new();
    let (a, b, _) = s.talking(Audio);
    s.log_out(a);
    assert_eq!(s.told(b), ["c1 Left a", "c1 Ended Hangup by a 0s"]);
}

#[test]
fn a_device_that_was_cut_off_for_long_is_invited_but_not_counted_on() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    s.cut(b);
    s.pass(15);
    let c = s.call(a, &["b"], Audio);
    assert_eq!(
        s.seen(),
        [format!("{b}: c1 Invited 100 a>b Audio 30000ms"), format!("{a}: c1 Unreachable b")]
    );
    s.back(b);
    assert_eq!(s.seen(), [""; 0], "it has not rung yet");
    s.delivered(b, &c).unwrap();
    assert_eq!(s.seen(), [format!("{a}: c1 Ringing b")]);
}

#[test]
fn a_caller_who_is_cut_off_gets_the_longer_grace_once_it_is_answered() {
    let mut s = Stage::new();
    let (a, b, c) = s.ringing(Audio);
    s.cut(a);
    s.pass(10);
    s.accept(b, &c).unwrap();
    s.forget();
    s.pass_ms(19_999);
    assert_eq!(s.seen(), [""; 0]);
    s.pass_ms(1);
    assert_eq!(s.told(b), ["c1 Left a", "c1 Ended Lost by a 20s"]);
}

#[test]
fn a_second_cut_does_not_lengthen_the_grace() {
    let mut s = Stage::new();
    let (a, b, _) = s.talking(Audio);
    s.cut(a);
    s.pass(20);
    s.cut(a);
    s.pass(10);
    assert_eq!(s.told(b), ["c1 Left a", "c1 Ended Lost by a 30s"]);
}

#[test]
fn the_end_of_a_call_ends_the_grace_of_its_devices() {
    let mut s = Stage::new();
    let (a, b, c) = s.talking(Audio);
    s.cut(a);
    s.hangup(b, &c);
    assert_eq!(
        s.told(a),
        ["c1 Left b", "c1 Ended Hangup by b 0s"],
        "for the session to keep until it is back"
    );
    assert!(s.is_quiet());
}

#[test]
fn a_call_that_fails_fast_ends_when_its_last_device_goes() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let mut r = request(&["b"], Audio);
    r.fail_fast = true;
    s.try_call(a, r).unwrap();
    s.forget();
    s.give(Input::DeviceGone { device: b, why: Departure::Expired }).unwrap();
    assert_eq!(s.told(a), ["c1 Unreachable b", "c1 LegEnded b NoResponse", "c1 Ended NoResponse 0s"]);
    assert!(s.is_quiet());
}
