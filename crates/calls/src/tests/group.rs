//! Calls with more than two legs.

use super::stage::{Audio, Stage, Video};

#[test]
fn whoever_was_busy_does_not_hold_up_the_others() {
    let mut s = Stage::new();
    s.talking(Audio);
    let (x, y) = (s.sign_in("x"), s.sign_in("y"));
    let c = s.call(x, &["b", "y"], Audio);
    assert_eq!(
        s.seen(),
        [format!("{x}: c2 LegEnded b Busy"), format!("{y}: c2 Invited 101 x>b+y Audio 30000ms")]
    );
    s.accept(y, &c).unwrap();
    s.forget();
    s.hangup(x, &c);
    assert_eq!(s.told(y), ["c2 Left x", "c2 Ended Hangup by x 0s"]);
}

#[test]
fn at_the_deadline_those_who_talk_go_on() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let c = s.call(a, &["b", "x", "y"], Audio);
    s.accept(b, &c).unwrap();
    let y = s.sign_in("y");
    s.delivered(y, &c).unwrap();
    s.forget();
    s.pass(30);
    assert_eq!(
        s.seen(),
        [
            format!("{a}: c1 LegEnded x NoResponse"),
            format!("{a}: c1 LegEnded y Timeout"),
            format!("{y}: c1 Ended Timeout 0s"),
        ]
    );
    assert_eq!(s.engine.next_deadline(), None);
    s.hangup(b, &c);
    assert_eq!(
        s.seen().last().map(String::as_str),
        Some("record c1 1/100 by a: Hangup 30s (b Hangup, x NoResponse, y Timeout)")
    );
}

#[test]
fn a_call_that_rang_for_some_and_reached_not_others_timed_out() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let c = s.call(a, &["x", "b"], Audio);
    s.delivered(b, &c).unwrap();
    s.forget();
    s.pass(30);
    assert_eq!(s.told(a), ["c1 LegEnded x NoResponse", "c1 LegEnded b Timeout", "c1 Ended Timeout 0s"]);
}

#[test]
fn no_timer_runs_once_the_last_callee_has_refused() {
    let mut s = Stage::new();
    let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
    let c = s.call(a, &["b", "x"], Audio);
    s.accept(b, &c).unwrap();
    assert!(s.engine.next_deadline().is_some());
    s.reject(x, &c).unwrap();
    assert_eq!(s.engine.next_deadline(), None);
}

#[test]
fn a_call_that_was_answered_rings_on_for_those_who_cannot_be_reached() {
    let mut s = Stage::new();
    let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
    let mut r = super::stage::request(&["b", "x"], Audio);
    r.fail_fast = true;
    s.try_call(a, r).unwrap();
    s.accept(b, &super::stage::call(1)).unwrap();
    s.forget();
    s.expire(x);
    assert_eq!(s.told(a), ["c1 Unreachable x"]);
    let x = s.sign_in("x");
    assert_eq!(s.told(x), ["c1 Invited 100 a>b+x Audio 30000ms"]);
}

#[test]
fn who_is_left_alone_waits_while_somebody_still_rings() {
    let mut s = Stage::new();
    let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
    let c = s.call(a, &["b", "x"], Audio);
    s.accept(b, &c).unwrap();
    s.pass(3);
    s.hangup(b, &c);
    s.forget();
    assert!(!s.transport(a, &c).unwrap().gate_open, "there is nobody to send to");
    s.pass(2);
    s.accept(x, &c).unwrap();
    assert_eq!(
        s.seen(),
        [
            format!("open c1 {a}"),
            format!("open c1 {x}"),
            format!("{a}: c1 Accepted x"),
            format!("{a}: c1 Joined x mic"),
            format!("{x}: c1 Joined a mic"),
        ]
    );
    s.pass(4);
    s.hangup(x, &c);
    assert_eq!(s.told(a), ["c1 Left x", "c1 Ended Hangup by x 9s"], "the first answer began the call");
}

#[test]
fn a_call_outlives_its_caller() {
    let mut s = Stage::new();
    let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
    let c = s.call(a, &["b", "x"], Video);
    s.accept(b, &c).unwrap();
    s.forget();
    s.hangup(a, &c);
    assert_eq!(s.seen(), [format!("{b}: c1 Left a"), format!("{a}: c1 Ended Hangup by a 0s")]);
    assert!(s.try_call(a, super::stage::request(&["z"], Audio)).is_ok(), "who has left is free");
    s.forget();
    s.accept(x, &c).unwrap();
    assert_eq!(s.told(b), ["c1 Accepted x", "c1 Joined x mic+cam"]);
    s.hangup(x, &c);
    assert_eq!(s.told(b), ["c1 Left x", "c1 Ended Hangup by x 0s"]);
}

#[test]
fn a_member_who_left_is_not_disturbed_by_the_end() {
    let mut s = Stage::new();
    let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
    let c = s.call(a, &["b", "x"], Audio);
    s.accept(b, &c).unwrap();
    s.accept(x, &c).unwrap();
    s.hangup(b, &c);
    let z = s.sign_in("z");
    s.call(z, &["b"], Audio);
    s.forget();
    s.hangup(a, &c);
    assert_eq!(s.told(b), [""; 0]);
    assert_eq!(s.engine.counts().calls, 1, "the new call of b rings on");
}

#[test]
fn devices_are_told_to_all_who_talk_and_to_nobody_who_rings() {
    let mut s = Stage::new();
    let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
    let y = s.sign_in("y");
    let c = s.call(a, &["b", "x", "y"], Audio);
    s.accept(b, &c).unwrap();
    s.accept(x, &c).unwrap();
    s.forget();
    s.devices(b, &c, false, false).unwrap();
    assert_eq!(s.seen(), [format!("{a}: c1 Devices b muted"), format!("{x}: c1 Devices b muted")]);
    s.accept(y, &c).unwrap();
    assert_eq!(s.told(y), ["c1 Joined a mic", "c1 Joined b muted", "c1 Joined x mic"]);
}
