//! Sound that repeats what was sent before (RFC 2198): who gets it, who gets it without, and what is never repeated.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{DELAY, World};
use std::time::Duration;
use tring_media::{Codec, MediaKind, Rtp};

const OPUS: u8 = 111;
const RED: u8 = 63;

/// What is said in the n-th packet.
fn said(n: u16) -> [u8; 3] {
    let [high, low] = n.to_be_bytes();
    [0xf8, high, low]
}

/// The n-th packet, 20 ms after the one before: it repeats the two before it.
fn payload(n: u16) -> Vec<u8> {
    let repeats = [n - 2, n - 1];
    let header = |earlier: u16| {
        let rest = (u32::from(n - earlier) * 960) << 10 | said(earlier).len() as u32;
        (u32::from(0x80 | OPUS) << 24 | rest).to_be_bytes()
    };
    [repeats.map(header).concat(), vec![OPUS], repeats.map(said).concat(), said(n).to_vec()].concat()
}

/// What is said in a payload, the oldest first.
fn named(payload: &[u8]) -> Vec<u16> {
    let repeated = payload.iter().step_by(4).take_while(|&&b| b & 0x80 != 0).count();
    let bodies = payload[repeated * 4 + 1..].chunks(3);
    bodies
        .map(|b| if b[0] == 0xf8 { u16::from_be_bytes([b[1], b[2]]) } else { panic!("{payload:?}") })
        .collect()
}

/// Alice sends sound that repeats; each of the others takes it or not.
fn call(others: &[bool], gate_open: bool) -> World {
    let mut w = World::new();
    w.join_with("alice", true, |c| c.red = true);
    for (&takes, name) in others.iter().zip(["bob", "carol"]) {
        w.join_with(name, gate_open, |c| c.red = takes);
    }
    w.connect();
    assert!(w.clients[0].peer.use_red());
    w
}

/// Alice sends packets; what each of the others hears.
fn talk(w: &mut World, packets: impl IntoIterator<Item = u16>) -> Vec<Vec<Rtp>> {
    for n in packets {
        w.send(0, MediaKind::Audio, &payload(n));
        w.run(Duration::from_millis(20));
    }
    hear(w)
}

fn hear(w: &mut World) -> Vec<Vec<Rtp>> {
    w.run(2 * DELAY);
    w.clients[1..].iter_mut().map(|c| c.take(MediaKind::Audio)).collect()
}

/// Alice sends a packet that is still on its way when it comes back from here.
fn hold(w: &mut World, n: u16) -> Vec<u8> {
    w.tap();
    w.lose_one_in = 1;
    w.send(0, MediaKind::Audio, &payload(n));
    w.lose_one_in = 0;
    w.tap().pop().unwrap().1
}

#[test]
fn who_takes_it_gets_it_as_it_came_and_who_does_not_is_sent_what_is_said_now() {
    let mut w = call(&[true, false], true);
    let heard = talk(&mut w, 2..30);
    for (rtp, n) in heard[0].iter().zip(2..).skip(2) {
        assert_eq!((rtp.payload_type, rtp.codec, &rtp.payload[..]), (RED, Codec::Opus, &payload(n)[..]));
    }
    for (rtp, n) in heard[1].iter().zip(2..) {
        assert_eq!((rtp.payload_type, rtp.codec, &rtp.payload[..]), (OPUS, Codec::Opus, &said(n)[..]));
    }
    for heard in heard {
        assert_eq!(heard.len(), 28);
        assert!(heard.windows(2).all(|p| p[1].seq == p[0].seq + 1 && p[1].timestamp == p[0].timestamp + 960));
    }
}

#[test]
fn who_sends_without_is_heard_without() {
    let mut w = World::new();
    w.join_with("alice", true, |c| c.red = true);
    w.join_with("bob", true, |c| c.red = true);
    w.connect();
    w.talk(&[0], Duration::from_millis(200));
    let heard = hear(&mut w).remove(0);
    assert_eq!(heard.len(), 10);
    assert!(heard.iter().all(|r| r.payload_type == OPUS && r.payload[..] == [0, 0xa0]));
}

/// A browser sends with the first codec of the answer.
#[test]
fn the_answer_has_it_first_if_the_offer_has_it() {
    let mut w = World::new();
    let with = w.join_with("alice", true, |c| c.red = true);
    let without = w.join("bob", true);
    let audio = |w: &World, client: usize| {
        w.clients[client].answer.lines().find(|l| l.starts_with("m=audio")).unwrap().to_owned()
    };
    assert!(audio(&w, with).ends_with(" 63 111"), "{}", audio(&w, with));
    assert!(w.clients[with].answer.contains("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"));
    assert!(audio(&w, without).ends_with(" 111"));
    assert!(!w.clients[without].answer.contains("red/"));
}

/// Whoever is let in hears nothing of what was said before.
#[test]
fn what_was_said_before_the_gate_opened_is_not_repeated() {
    let mut w = call(&[true, false], false);
    assert_eq!(talk(&mut w, 2..10), [vec![], vec![]]);
    w.open_gate(1);
    w.open_gate(2);
    let heard = talk(&mut w, 10..14);
    let named: Vec<Vec<u16>> = heard[0].iter().map(|r| named(&r.payload)).collect();
    assert_eq!(named, [vec![10], vec![10, 11], vec![10, 11, 12], vec![11, 12, 13]]);
    assert_eq!(heard[1].iter().map(|r| r.payload.to_vec()).collect::<Vec<_>>(), [10, 11, 12, 13].map(said));
}

/// The same of a microphone that was off, and of who comes later than others, in every order in which five packets can come
/// and at every moment between them.
#[test]
fn what_was_said_while_the_microphone_was_off_is_not_repeated_in_any_order() {
    let mut w = call(&[true], true);
    talk(&mut w, 2..10);
    let mut next = 10;
    let mut whole = 0;
    for order in orders(&[0, 1, 2, 3, 4]) {
        for on in 0..order.len() {
            w.devices(0, false, true);
            let held: Vec<(u16, Vec<u8>)> = (next..next + 5).map(|n| (n, hold(&mut w, n))).collect();
            next += 5;
            for (i, &which) in order.iter().enumerate() {
                if i == on {
                    w.devices(0, true, true);
                }
                let source = w.clients[0].address;
                w.inject(source, &held[which].1);
            }
            let first = held[order[on]].0;
            let heard = hear(&mut w).remove(0);
            assert!(!heard.is_empty());
            let named: Vec<u16> = heard.iter().flat_map(|r| named(&r.payload)).collect();
            assert!(
                named.iter().all(|&n| n >= first),
                "{order:?}, on before the {on}th: {named:?} from {first}"
            );
            whole += heard.iter().filter(|r| r.payload.len() == payload(next).len()).count();
        }
    }
    assert!(whole > 100, "what may be repeated is: {whole}");
}

/// All orders of some things.
fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    let Some((&first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let others = orders(rest);
    let places = (0..=rest.len()).flat_map(|at| others.iter().map(move |o| (at, o.clone())));
    places
        .map(|(at, mut order)| {
            order.insert(at, first);
            order
        })
        .collect()
}

#[test]
fn what_cannot_be_read_is_not_sent_on_and_costs_nothing() {
    let mut w = call(&[true, false], true);
    talk(&mut w, 2..5);
    for lie in [&[][..], &[0x80 | OPUS], &[0x80 | OPUS, 0, 0x03, 0xff, OPUS, 1], &[96, 1], &[0xff; 60]] {
        w.send(0, MediaKind::Audio, lie);
        w.run(Duration::from_millis(20));
    }
    assert_eq!(hear(&mut w), [vec![], vec![]]);
    let heard = talk(&mut w, 10..12);
    assert!(heard.iter().all(|h| h.len() == 2));
    assert_eq!(w.shard.take_counters().panics, 0);
}
