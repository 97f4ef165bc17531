//! How often who may ask.

use super::*;

#[test]
fn signing_in_anew_does_not_make_room_for_more_calls() {
    let mut s = Board::with(|c| (c.limits.calls_burst, c.limits.calls_to_one_share) = (4.0, 1.0));
    let mut made = 0;
    for _ in 0..3 {
        let mut a = s.login("a");
        while let Ok(call) = s.call(&mut a, "b") {
            s.hangup(&mut a, &call);
            made += 1;
            assert!(made < 50);
        }
        s.ask(&mut a, Request::Logout {}).unwrap();
    }
    assert_eq!(made, 4);
    let mut other = s.login("c");
    s.call(&mut other, "b").unwrap();
}

#[test]
fn one_caller_cannot_ring_and_cancel_a_victim_without_end() {
    let mut s = Board::with(|c| (c.limits.calls_burst, c.limits.calls_to_one_share) = (40.0, 0.1));
    let (mut a, mut victim) = (s.login("a"), s.login("victim"));
    let mut rung = 0;
    while let Ok(call) = s.call(&mut a, "victim") {
        s.hangup(&mut a, &call);
        rung += 1;
    }
    assert_eq!(rung, 4);
    assert_eq!(victim.events().len(), 8);
    s.call(&mut a, "friend").expect("others may be called");
    assert_eq!(victim.events(), [""; 0]);
    s.call(&mut victim, "friend").expect("the victim may call");
}

#[test]
fn many_callers_together_are_bounded_too_and_a_refused_call_takes_nothing() {
    let mut s = Board::with(|c| (c.limits.calls_burst, c.limits.calls_received_factor) = (4.0, 2.0));
    let mut rung = 0;
    let mut refused = Vec::new();
    for n in 0..12 {
        let mut caller = s.login(&format!("u{n}"));
        match s.call(&mut caller, "victim") {
            Ok(call) => {
                s.hangup(&mut caller, &call);
                rung += 1;
            }
            Err(code) => {
                assert_eq!(code, "too_many");
                refused.push(caller);
            }
        }
    }
    assert_eq!(rung, 8);
    for caller in &mut refused {
        for n in 0..4 {
            let call = s.call(caller, &format!("friend{n}")).expect("the refused call was not counted");
            s.hangup(caller, &call);
        }
    }
}

#[test]
fn devices_and_offers_have_a_bound_each_that_time_cures() {
    let mut s = Board::with(|c| (c.limits.devices_burst, c.limits.offers_burst) = (5.0, 3.0));
    let (mut a, mut b, call) = s.talking("a", "b");
    for n in 0..5 {
        s.toggle(&mut a, &call, n % 2 == 1).unwrap();
    }
    assert_eq!(s.toggle(&mut a, &call, true), Err("too_many".into()));
    assert_eq!(b.events().len(), 5);
    for _ in 0..3 {
        assert_eq!(s.offer(&mut a, &call), Err("nothing".into()), "the media plane has it");
    }
    assert_eq!(s.offer(&mut a, &call), Err("too_many".into()));
    assert!(ErrorCode::TooMany.retry());
    s.ask(&mut a, Request::Ping { ack: 0 }).expect("the rest goes on");
}

#[test]
fn whoever_switches_on_and_on_is_refused_for_a_while() {
    let mut b = Board::unbounded(|_| ());
    let (mut x, mut y, call) = b.talking("x", "y");
    let both = [MediaType::Video, MediaType::Audio];
    let refused = (0..100).filter(|n| b.switch(&mut x, &call, both[n % 2]) == Err("too_many".into())).count();
    assert!((80..100).contains(&refused), "{refused}");
    assert_eq!(y.events(), vec!["media"; 100 - refused]);
    assert!(b.switch(&mut y, &call, MediaType::Video).is_ok(), "each device has its own measure");
}
