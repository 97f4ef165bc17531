//! Clients whose address changes in mid-call, and others who would like to have it.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{World, room};
use std::net::SocketAddr;
use std::time::Duration;
use tring_media::{MediaKind, Notice};

const SECOND: Duration = Duration::from_secs(1);

fn elsewhere(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 7], port))
}

/// Sound that each of the first two clients gets in a second in which both talk.
fn heard_in_a_second(w: &mut World) -> [usize; 2] {
    for c in &mut w.clients {
        c.received.clear();
    }
    w.talk(&[0, 1], SECOND);
    assert!(!w.notices.iter().any(|n| matches!(n, Notice::Lost { .. })), "{:?}", w.notices);
    [0, 1].map(|c| w.clients[c].take(MediaKind::Audio).len())
}

fn assert_heard(w: &mut World) {
    let heard = heard_in_a_second(w);
    assert!(heard.iter().all(|&n| n >= 45), "{heard:?}");
}

/// Media datagrams that went to an address.
fn media_to(w: &World, address: SocketAddr) -> usize {
    w.sent.get(&address).map_or(0, |sent| sent.iter().filter(|d| d[0] >= 128).count())
}

#[test]
fn a_talking_client_whose_address_changes_is_heard_and_hears_after_its_next_check() {
    let mut w = World::talking(SECOND);
    let old = w.clients[0].address;
    w.move_client(0, elsewhere(1));
    // Until the client checks from there, nobody can know whose address it is.
    w.next_check(0);
    w.talk(&[0, 1], Duration::from_millis(100));
    w.sent.clear();
    assert_heard(&mut w);
    assert_eq!(media_to(&w, old), 0, "nothing goes where nobody is");
}

#[test]
fn it_moves_again_and_back() {
    let mut w = World::talking(SECOND);
    let old = w.clients[0].address;
    for address in [elsewhere(1), elsewhere(2), old] {
        w.move_client(0, address);
        w.next_check(0);
        w.talk(&[0, 1], Duration::from_millis(200));
        assert_heard(&mut w);
    }
}

#[test]
fn a_client_that_only_listens_is_found_by_its_check() {
    let mut w = World::new();
    w.join_with("alice", true, |c| c.lines.iter_mut().for_each(|l| l.send = false));
    w.join("bob", true);
    w.connect();
    w.talk(&[1], 2 * SECOND);
    w.move_client(0, elsewhere(1));
    w.next_check(0);
    w.talk(&[1], Duration::from_millis(100));
    w.clients[0].received.clear();
    w.talk(&[1], SECOND);
    assert!(w.clients[0].take(MediaKind::Audio).len() >= 45);
}

#[test]
fn while_it_rings_a_change_of_address_costs_no_sound_after_the_answer() {
    let mut w = World::new();
    w.join("alice", true);
    w.join("bob", false);
    w.connect();
    w.talk(&[0], 2 * SECOND);
    w.move_client(1, elsewhere(1));
    w.next_check(1);
    w.run(Duration::from_millis(100));
    w.open_gate(1);
    w.talk(&[0, 1], SECOND);
    assert!(w.clients[1].take(MediaKind::Audio).len() >= 45);
}

#[test]
fn a_recorded_check_sent_again_from_elsewhere_takes_nothing_and_gets_no_answer() {
    let mut w = World::talking(SECOND);
    let check = w.next_check(0);
    w.talk(&[0, 1], SECOND);
    for port in 1..=100 {
        w.inject(elsewhere(port), &check);
    }
    assert!(w.shard.take_counters().checks_refused >= 100);
    assert!(w.sent.keys().all(|to| to.ip() != elsewhere(1).ip()));
    assert_heard(&mut w);
    assert!(w.answers_check(0, elsewhere(1)), "one that nobody has sent before is answered there");
}

/// Somebody on the way copies each check and is faster than the client.
#[test]
fn copied_checks_that_arrive_before_their_originals_do_not_move_a_talking_clients_media() {
    let mut w = World::talking(SECOND);
    for port in 1..=12 {
        let check = w.next_check(0);
        w.inject(elsewhere(port), &check);
        w.talk(&[0, 1], Duration::from_millis(400));
    }
    assert_heard(&mut w);
    assert!((1..=12).all(|port| media_to(&w, elsewhere(port)) == 0));
    // The client itself is followed there.
    w.move_client(0, elsewhere(12));
    w.next_check(0);
    w.talk(&[0, 1], Duration::from_millis(400));
    assert!(media_to(&w, elsewhere(12)) > 0);
}

#[test]
fn a_client_that_checks_from_ever_new_ports_is_not_kept_for_each_of_them() {
    let mut w = World::new();
    w.join("alice", true);
    w.connect();
    for port in 1..1_000 {
        w.move_client(0, elsewhere(port));
        w.run(Duration::from_millis(400));
    }
    let answered = w.sent.keys().filter(|to| to.ip() == elsewhere(1).ip()).count();
    assert!((32..=32 + 40).contains(&answered), "{answered} in 400 s");
    assert!(w.shard.take_counters().checks_refused > 0);
    assert!(w.shard.bindings() <= 9, "{}", w.shard.bindings());
}

/// Mallory has a session of her own, in a room of her own, and writes Alice's address on what she sends.
#[test]
fn somebody_elses_session_cannot_take_an_address_that_is_in_use() {
    let mut w = World::talking(SECOND);
    let alice = w.clients[0].address;
    let mallory = w.join_from(elsewhere(1), room(2), "mallory", true, |_| ());
    w.connect();
    w.tap();
    for _ in 0..200 {
        w.talk(&[0, 1, mallory], Duration::from_millis(20));
        let faked: Vec<Vec<u8>> =
            w.tap().into_iter().filter(|(from, _)| *from == elsewhere(1)).map(|(_, d)| d).collect();
        for datagram in faked {
            w.inject(alice, &datagram);
        }
    }
    assert_heard(&mut w);
}

#[test]
fn somebody_elses_session_cannot_keep_an_address_from_its_client() {
    let mut w = World::new();
    let victim = SocketAddr::from(([198, 51, 100, 1], 40_001));
    let mallory = w.join_from(elsewhere(1), room(2), "mallory", true, |_| ());
    w.connect();
    // Her checks and her media come from her own address and from his in turn.
    let fake = |w: &mut World, d: Duration| {
        for turn in 0..d.as_millis() / 20 {
            w.move_client(mallory, if turn % 4 < 2 { victim } else { elsewhere(1) });
            w.send(mallory, MediaKind::Audio, &[9; 60]);
            w.move_client(mallory, elsewhere(1));
            w.run(Duration::from_millis(20));
        }
    };
    w.move_client(mallory, victim);
    w.next_check(mallory);
    w.talk(&[mallory], Duration::from_millis(100));
    fake(&mut w, SECOND);
    assert!(w.shard.knows(victim));
    w.join_from(SocketAddr::from(([198, 51, 100, 1], 40_000)), room(1), "alice", true, |_| ());
    w.join_from(victim, room(1), "bob", true, |_| ());
    fake(&mut w, 2 * SECOND);
    assert!(w.clients.iter().all(|c| c.connected));
    for c in &mut w.clients {
        c.received.clear();
    }
    w.talk(&[1, 2], SECOND);
    assert!([1, 2].iter().all(|&c| w.clients[c].take(MediaKind::Audio).len() >= 45));
}
