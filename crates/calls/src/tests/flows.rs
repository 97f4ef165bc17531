//! Whole one-to-one calls, as each side hears them: the order of events that the guide's pages depend on.

use super::stage::{Audio, Stage, Video, user};

/// What A (d1) and B (d2) heard of call c1 up to now.
fn heard(s: &mut Stage) -> (Vec<String>, Vec<String>) {
    let of = |lines: &[String], device: &str| -> Vec<String> {
        lines.iter().filter_map(|l| l.strip_prefix(device)).map(|l| l.replace(": c1 ", "")).collect()
    };
    let lines = s.seen();
    (of(&lines, "d1"), of(&lines, "d2"))
}

#[test]
fn a_video_call_that_the_caller_hangs_up() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let c = s.call(a, &["b"], Video);
    s.delivered(b, &c).unwrap();
    s.pass(4);
    s.accept(b, &c).unwrap();
    s.pass(61);
    s.hangup(a, &c);
    let (a, b) = heard(&mut s);
    assert_eq!(a, ["Ringing b", "Accepted b", "Joined b mic+cam", "Ended Hangup by a 61s"]);
    assert_eq!(b, ["Invited 100 a>b Video 30000ms", "Joined a mic+cam", "Left a", "Ended Hangup by a 61s"]);
    assert!(s.is_quiet());
}

#[test]
fn a_call_of_no_seconds_is_a_call() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let c = s.call(a, &["b"], Audio);
    s.accept(b, &c).unwrap();
    s.hangup(a, &c);
    let (a, b) = heard(&mut s);
    assert_eq!(a, ["Accepted b", "Joined b mic", "Ended Hangup by a 0s"]);
    assert_eq!(b, ["Invited 100 a>b Audio 30000ms", "Joined a mic", "Left a", "Ended Hangup by a 0s"]);
}

#[test]
fn a_user_who_is_offline_and_stays_so() {
    let mut s = Stage::new();
    let a = s.sign_in("a");
    s.call(a, &["b"], Audio);
    s.pass(30);
    let (a, _) = heard(&mut s);
    assert_eq!(a, ["Unreachable b", "LegEnded b NoResponse", "Ended NoResponse 0s"]);
    assert_eq!(s.engine.counts().users, 1, "nothing is kept of a user who never was there");
}

#[test]
fn a_callee_who_comes_late_rings_to_the_first_deadline() {
    let mut s = Stage::new();
    let a = s.sign_in("a");
    let c = s.call(a, &["b"], Audio);
    s.pass(29);
    let b = s.sign_in("b");
    s.delivered(b, &c).unwrap();
    s.pass(1);
    let (a, b) = heard(&mut s);
    assert_eq!(a, ["Unreachable b", "Ringing b", "LegEnded b Timeout", "Ended Timeout 0s"]);
    assert_eq!(b, ["Invited 100 a>b Audio 1000ms", "Ended Timeout 0s"]);
}

#[test]
fn the_room_is_free_again_after_the_call() {
    let mut s = Stage::new();
    let (a, b, c) = s.talking(Audio);
    s.hangup(b, &c);
    s.forget();
    s.call(a, &["b"], Audio);
    assert_eq!(s.told(b), ["c2 Invited 100 a>b Audio 30000ms"]);
}

#[test]
fn the_views_follow_a_call() {
    let mut s = Stage::new();
    assert_eq!(s.engine.call_of(&user("a")), None);
    let (_, b, c) = s.ringing(Audio);
    assert_eq!(s.engine.call_of(&user("a")), Some(&c));
    assert_eq!(s.engine.call_of(&user("b")), Some(&c));
    assert_eq!(s.engine.devices_of(&user("b")), [b]);
    let counts = s.engine.counts();
    assert_eq!((counts.devices, counts.users, counts.calls, counts.connected), (2, 2, 1, 0));
    s.accept(b, &c).unwrap();
    assert_eq!(s.engine.counts().connected, 1);
}
