//! What is written down of a call while it goes on.

use super::stage::{Audio, Stage, Video, call, request};
use crate::Effect;
use tring_protocol::RoomId;

#[test]
fn a_call_is_written_down_when_it_is_made_and_when_it_is_answered() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let c = s.call(a, &["b"], Video);
    assert_eq!(s.recorded(), ["record c1 1/100 by a: goes on - (b goes on)"]);
    s.pass(3);
    s.delivered(b, &c).unwrap();
    assert!(s.recorded().is_empty(), "what its record does not show changes nothing");
    s.accept(b, &c).unwrap();
    assert_eq!(s.recorded(), ["record c1 1/100 by a: goes on 0s (b goes on)"]);
    s.pass(4);
    s.hangup(b, &c);
    let seen = s.seen();
    assert_eq!(seen.last().unwrap(), "record c1 1/100 by a: Hangup 4s (b Hangup)");
}

#[test]
fn a_record_has_the_times_and_the_media_of_its_moment() {
    let mut s = Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let mut out = Vec::new();
    let made = s.now;
    let dial =
        crate::Input::Call { device: a, call: call(7), room_seed: 99, request: request(&["b"], Video) };
    s.engine.handle(dial, made, &mut out).unwrap();
    let answered = made + std::time::Duration::from_secs(2);
    s.engine.handle(crate::Input::Accept { device: b, call: call(7) }, answered, &mut out).unwrap();
    let switched = answered + std::time::Duration::from_secs(5);
    s.engine
        .handle(crate::Input::Media { device: b, call: call(7), media: Audio }, switched, &mut out)
        .unwrap();
    let records: Vec<_> = out
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(r) => Some((r.started, r.accepted, r.at, r.media, r.reason, r.room.room)),
            _ => None,
        })
        .collect();
    let room = RoomId::new(99).unwrap();
    assert_eq!(
        records,
        [
            (made, None, made, Video, None, room),
            (made, Some(answered), answered, Video, None, room),
            (made, Some(answered), switched, Audio, None, room),
        ]
    );
}

#[test]
fn each_change_of_a_group_is_written_down() {
    let mut s = Stage::new();
    let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
    let c = s.call(a, &["b", "x", "y"], Audio);
    assert_eq!(s.recorded(), ["record c1 1/100 by a: goes on - (b goes on, x goes on, y goes on)"]);
    s.reject(b, &c).unwrap();
    assert_eq!(s.recorded(), ["record c1 1/100 by a: goes on - (b Reject, x goes on, y goes on)"]);
    s.accept(x, &c).unwrap();
    assert_eq!(s.recorded(), ["record c1 1/100 by a: goes on 0s (b Reject, x goes on, y goes on)"]);
    s.pass(30);
    assert_eq!(s.recorded(), ["record c1 1/100 by a: goes on 30s (b Reject, x goes on, y NoResponse)"]);
}

#[test]
fn a_call_that_ends_as_it_is_made_is_written_down_once() {
    let mut s = Stage::new();
    let a = s.sign_in("a");
    let mut r = request(&["b"], Audio);
    r.fail_fast = true;
    s.try_call(a, r).unwrap();
    let seen = s.seen();
    assert_eq!(seen.last().unwrap(), "record c1 1/100 by a: NoResponse - (b NoResponse)");
    assert!(s.recorded().is_empty());
}
