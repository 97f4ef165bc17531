//! The abuse list, as far as it concerns who may say what about a call.

use super::stage::{Audio, Stage, call, request, user, user_of};
use crate::Input;
use tring_protocol::ErrorCode;

#[test]
fn no_gate_opens_before_the_answer_whatever_is_said_and_in_whatever_order() {
    let mut s = Stage::new();
    let (a, b, c) = s.ringing(Audio);
    let (a2, b2) = (s.sign_in("a"), s.sign_in("b"));
    let stranger = s.sign_in("x");
    for device in [a, a2, stranger] {
        let _ = s.accept(device, &c);
        let _ = s.delivered(device, &c);
        let _ = s.devices(device, &c, true, true);
    }
    for device in [a, a2, b, b2, stranger] {
        if let Ok(permit) = s.transport(device, &c) {
            assert!(!permit.gate_open);
        }
    }
    assert!(!s.seen().iter().any(|line| line.starts_with("open")));
}

#[test]
fn an_old_id_is_never_applied_to_the_next_call() {
    let mut s = Stage::new();
    let (a, b, c1) = s.talking(Audio);
    s.hangup(a, &c1);
    let c2 = s.call(a, &["b"], Audio);
    s.forget();
    assert_eq!(s.accept(b, &c1), Err(ErrorCode::CallUnknown));
    assert_eq!(s.reject(b, &c1), Err(ErrorCode::CallUnknown));
    s.hangup(b, &c1);
    s.hangup(a, &c1);
    assert_eq!(s.seen(), [""; 0]);
    assert_eq!(s.engine.call_of(&user("b")), Some(&c2));
}

#[test]
fn a_forged_hang_up_or_cancel_ends_nothing() {
    let mut s = Stage::new();
    let (_, _, c) = s.talking(Audio);
    let strangers = [s.sign_in("x"), s.try_sign_in(user_of(2, "a"), false).unwrap()];
    for device in strangers {
        let _ = s.give(Input::Hangup { device, call: c.clone() });
        let _ = s.reject(device, &c);
    }
    assert_eq!(s.seen(), [""; 0]);
    assert_eq!(s.engine.counts().connected, 1);
}

#[test]
fn another_app_cannot_tell_a_live_call_from_none() {
    let mut s = Stage::new();
    let (_, _, c) = s.ringing(Audio);
    let stranger = s.try_sign_in(user_of(2, "b"), false).unwrap();
    assert_eq!(s.accept(stranger, &c), s.accept(stranger, &call(99)));
    assert_eq!(s.transport(stranger, &c), s.transport(stranger, &call(99)));
}

#[test]
fn a_flood_of_calls_to_one_user_rings_it_once() {
    let mut s = Stage::new();
    let b = s.sign_in("b");
    for n in 0..100 {
        let caller = s.sign_in(&format!("u{n}"));
        s.try_call(caller, request(&["b"], Audio)).unwrap();
    }
    let invitations = s.told(b);
    assert_eq!(invitations, ["c1 Invited 100 u0>b Audio 30000ms"]);
    assert_eq!(s.engine.counts().calls, 1);
}

#[test]
fn a_caller_has_one_call_however_often_it_asks() {
    let mut s = Stage::new();
    let a = s.sign_in("a");
    s.call(a, &["b"], Audio);
    for n in 0..100 {
        let victim = format!("u{n}");
        assert_eq!(s.try_call(a, request(&[&victim], Audio)), Err(ErrorCode::AlreadyInCall));
    }
    assert_eq!(s.engine.counts().users, 2);
}
