//! What devices say and do in every order, and who is heard by whom.

use super::*;

const WHILE: Duration = Duration::from_millis(600);

/// Alice calls Bob, whose phone (3) and laptop (4) ring; those of `preconnect` offer while it rings.
fn ringing(preconnect: &[u64]) -> (World, CallId) {
    let mut w = World::new(1, false);
    let call = w.call(1, &["bob"]).unwrap();
    w.offer(1, &call).unwrap();
    for device in [3, 4] {
        w.delivered(device, &call);
    }
    for &device in preconnect {
        w.offer(device, &call).unwrap();
    }
    w.run(WHILE);
    assert!(w.ends.iter().all(|e| e.connected), "they connect while it rings");
    assert!(w.heard().iter().all(|&n| n == 0));
    (w, call)
}

#[test]
fn an_accept_before_the_transport_lets_media_through_once_it_is_there() {
    let (mut w, call) = ringing(&[]);
    assert!(w.accept(3, &call));
    w.run(WHILE);
    assert_eq!(w.heard(), [0]);
    w.offer(3, &call).unwrap();
    w.run(WHILE);
    assert!(w.heard().iter().all(|&n| n > 0));
}

#[test]
fn an_offer_that_replaces_another_while_it_rings_is_as_closed_and_opens_with_the_accept() {
    let (mut w, call) = ringing(&[3]);
    let again = w.offer(3, &call).unwrap();
    w.run(WHILE);
    assert!(w.ends[again].connected);
    assert!(w.heard().iter().all(|&n| n == 0));
    assert!(w.accept(3, &call));
    w.run(WHILE);
    let heard = w.heard();
    assert!(heard[0] > 0 && heard[again] > 0 && heard[1] == 0, "{heard:?}");
}

#[test]
fn a_device_that_lost_and_does_not_hear_of_it_is_heard_by_nobody() {
    let (mut w, call) = ringing(&[3, 4]);
    w.ends[2].deaf = true;
    assert!(w.accept(3, &call));
    assert!(!w.accept(4, &call));
    w.run(WHILE);
    assert!(!w.ends[2].closed, "it goes on sending");
    let heard = w.heard();
    assert!(heard[0] > 0 && heard[1] > 0 && heard[2] == 0, "{heard:?}");
    assert!(w.offer(4, &call).is_none());
}

#[test]
fn two_calls_that_meet_become_one_with_the_transports_that_are_there() {
    let (mut w, call) = ringing(&[3, 4]);
    assert_eq!(w.call(3, &["alice"]), Some(call));
    w.run(WHILE);
    let heard = w.heard();
    assert!(heard[0] > 0 && heard[1] > 0 && heard[2] == 0, "{heard:?}");
}

#[test]
fn after_a_cancel_there_is_nothing_to_offer_for_and_nothing_to_hear() {
    let (mut w, call) = ringing(&[3, 4]);
    for end in &mut w.ends {
        end.deaf = true;
    }
    w.hangup(1, &call);
    assert!([1, 3, 4].iter().all(|&d| w.offer(d, &call).is_none()));
    assert!(!w.accept(3, &call));
    w.run(WHILE);
    // The next call is another one, even in the same room.
    let next = w.call(1, &["bob"]).unwrap();
    w.offer(1, &next).unwrap();
    w.delivered(3, &next);
    w.offer(3, &next).unwrap();
    assert!(!w.accept(3, &call), "an answer to the call that is over");
    w.run(WHILE);
    assert!(w.heard().iter().all(|&n| n == 0));
    assert!(w.accept(3, &next));
    w.run(WHILE);
    let heard = w.heard();
    assert!(heard[..3].iter().all(|&n| n == 0) && heard[3..].iter().all(|&n| n > 0), "{heard:?}");
}

/// One random thing.
fn step(w: &mut World) {
    let (device, _) = DEVICES[w.below(DEVICES.len())];
    let known = w.calls.len();
    let call = (known > 0).then(|| {
        // Mostly the newest ones.
        let back = if w.below(4) == 0 { w.below(known) } else { w.below(known.min(2)) };
        w.calls[known - 1 - back].clone()
    });
    match (w.below(24), call) {
        (0..=1, _) | (_, None) => {
            let to: &[&str] = [&["bob"][..], &["alice"], &["carol"], &["bob", "carol"]][w.below(4)];
            w.call(device, to);
        }
        (2..=6, Some(call)) => w.delivered(device, &call),
        (7..=12, Some(call)) => drop(w.offer(device, &call)),
        (13..=18, Some(call)) => drop(w.accept(device, &call)),
        (19, Some(call)) => w.hangup(device, &call),
        (20..=21, Some(call)) => {
            let (microphone, camera) = (w.below(4) > 0, w.below(2) > 0);
            let _ = w
                .ask(DeviceId(device), Request::Devices { call_id: call, microphone, camera, sources: None });
        }
        (22, Some(_)) => {
            let ends = w.ends.len();
            if ends > 0 {
                let end = w.below(ends);
                w.ends[end].deaf = true;
            }
        }
        (_, Some(call)) => {
            let _ = w.ask(DeviceId(device), Request::Reject { call_id: call });
        }
    }
}

#[test]
fn in_every_order_nothing_is_heard_by_or_from_who_has_not_accepted() {
    let (mut heard, mut refused, mut ends) = (0, 0, 0);
    for seed in 1..=80 {
        let mut w = World::new(seed, true);
        for _ in 0..40 {
            for _ in 0..1 + w.below(4) {
                step(&mut w);
            }
            let pause = Duration::from_millis([5, 20, 60, 300][w.below(4)]);
            w.run(pause);
        }
        heard += w.heard().iter().sum::<usize>();
        refused += w.refused;
        ends += w.ends.len();
    }
    // Else nothing was tried.
    assert!(
        heard > 3_000 && refused > 1_000 && ends > 300,
        "{heard} packets, {refused} refusals, {ends} offers"
    );
}
