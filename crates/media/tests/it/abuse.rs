//! What strangers and hostile peers send: it costs them their own session at most.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{SERVER, World, room};
use proptest::prelude::*;
use std::net::SocketAddr;
use std::time::Duration;
use tring_media::{MediaKind, Notice, RoomKey};
use tring_protocol::SdkAppId;

const SECOND: Duration = Duration::from_secs(1);
const STRANGER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 66)), 666);

#[test]
fn a_check_with_a_wrong_password_is_not_answered_and_binds_nothing() {
    let mut w = World::talking(SECOND);
    let before = w.shard.bindings();
    let (right, mut wrong) = (w.password(0), w.password(0));
    // Another letter of the same alphabet.
    wrong.replace_range(..1, if right.starts_with('a') { "b" } else { "a" });
    for password in [&*wrong, "", &right[1..], &format!("{right}a"), &w.password(1)] {
        let check = w.check(0, password);
        w.inject(STRANGER, &check);
    }
    w.inject(STRANGER, &[22; 100]);
    w.inject(STRANGER, &[0x80; 100]);
    assert!(!w.sent.contains_key(&STRANGER));
    assert_eq!(w.shard.bindings(), before);
    let counted = w.shard.take_counters();
    assert!(counted.dropped_unknown >= 2, "{counted:?}");
    assert!(w.answers_check(0, STRANGER), "with the right one it is answered");
    assert_eq!(w.shard.bindings(), before + 1);
    w.assert_alive();
}

/// Somebody on the way copies a client's own hello.
#[test]
fn a_dtls_hello_from_an_address_without_a_check_is_dropped() {
    let mut w = World::new();
    let alice = w.join("alice", true);
    w.tap();
    let own = loop {
        w.run(Duration::from_millis(1));
        if let Some((_, hello)) = w.tap().into_iter().find(|(_, d)| d[0] == 22) {
            break hello;
        }
    };
    for port in 1..100 {
        let from = SocketAddr::new(STRANGER.ip(), port);
        w.inject(from, &hello(0));
        w.inject(from, &own);
    }
    assert!(w.sent.keys().all(|to| to.ip() != STRANGER.ip()));
    // From an address that a check came from it is answered, there.
    assert!(w.answers_check(alice, STRANGER));
    w.inject(STRANGER, &own);
    assert!(w.sent[&STRANGER].iter().any(|d| d[0] == 22), "a handshake begins");
    w.connect();
    assert!(w.clients[alice].connected, "and the client's own goes on");
}

/// A ClientHello in one record.
fn hello(sequence: u8) -> Vec<u8> {
    let mut body = vec![254, 253];
    body.extend([9; 32]);
    body.extend([0, 0, 0, 2, 0xc0, 0x2c, 1, 0]);
    let mut hello = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, sequence];
    hello.extend((body.len() as u16 + 12).to_be_bytes());
    hello.extend([1, 0, 0, body.len() as u8, 0, 0, 0, 0, 0, 0, 0, body.len() as u8]);
    hello.extend(body);
    hello
}

/// Alerts and garbage all the time, hellos after its own, with the client's address.
#[test]
fn faked_dtls_during_the_handshake_does_not_stop_it() {
    let mut w = World::new();
    w.join("alice", true);
    w.join("bob", true);
    for turn in 0..60u8 {
        for address in [w.clients[0].address, w.clients[1].address] {
            if w.sent.get(&address).is_some_and(|sent| sent.iter().any(|d| d[0] == 22)) {
                w.inject(address, &hello(turn));
            }
            for record in [
                &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, turn, 0, 2, 2, 40][..],
                &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, turn, 0, 2, 1, 0],
                &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, turn, 0, 4, 16, 0, 0, 0],
                &[20, 254, 253, 0, 0, 0, 0, 0, 0, 0, turn, 0, 1, 1],
                &[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, turn, 0, 4, 1, 2, 3, 4],
            ] {
                w.inject(address, record);
            }
        }
        w.run(Duration::from_millis(5));
    }
    w.connect();
    assert!(w.clients.iter().all(|c| c.connected && !c.closed));
    w.assert_alive();
}

/// A hello that is faster than the client's own spoils this handshake, as in every DTLS 1.2 without cookies: the session
/// is lost soon and nobody else's, and the next offer connects.
#[test]
fn a_handshake_that_somebody_spoiled_is_given_up_soon() {
    let mut w = World::talking(SECOND);
    let carol = w.join("carol", true);
    w.next_check(carol);
    w.run(Duration::from_millis(15));
    w.inject(w.clients[carol].address, &hello(0));
    w.talk(&[0, 1], 16 * SECOND);
    assert!(!w.clients[carol].connected, "else this tests nothing");
    assert!(w.notices.contains(&Notice::Lost { session: w.clients[carol].session }));
    w.notices.clear();
    w.clients[carol].closed = true;
    w.join("carol", true);
    w.connect();
    w.assert_alive();
}

#[test]
fn faked_dtls_from_a_peers_own_address_does_not_end_its_call() {
    let mut w = World::talking(SECOND);
    let alice = w.clients[0].address;
    // A fatal alert and a close notify in the clear, a hello, cut records, garbage.
    for record in [
        &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40][..],
        &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0],
        &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 4, 1, 0, 0, 0],
        &[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40, 1, 2, 3],
        &[23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4],
        &[20],
        &[63; 1400],
    ] {
        w.inject(alice, record);
    }
    w.assert_alive();
}

#[test]
fn faked_rtp_from_a_peers_own_address_is_not_forwarded() {
    let mut w = World::talking(SECOND);
    let alice = w.clients[0].address;
    w.run(SECOND);
    w.clients[1].received.clear();
    for first in [0x80u8, 0x90, 0xb0, 0x8f, 0xbf, 0xaf] {
        for second in [96u8, 111, 108, 200, 201, 205, 206, 207, 0x80 | 108] {
            for len in [3, 12, 13, 40, 72, 200, 1400, 1500] {
                let mut packet = vec![0xff; len];
                packet[0] = first;
                packet[1] = second;
                w.inject(alice, &packet);
            }
        }
    }
    w.run(SECOND);
    assert!(w.clients[1].received.is_empty());
    w.assert_alive();
}

/// Everything that a client sent in a second, media, feedback and checks, comes again: at once, later, and in another
/// order.
#[test]
fn repeated_datagrams_are_forwarded_once() {
    let mut w = World::talking(SECOND);
    let alice = w.clients[0].address;
    w.tap();
    w.talk(&[0, 1], SECOND);
    let recorded: Vec<Vec<u8>> =
        w.tap().into_iter().filter(|(from, _)| *from == alice).map(|(_, d)| d).collect();
    assert!(recorded.iter().filter(|d| d[0] >= 128).count() >= 75);
    w.run(SECOND);
    for c in &mut w.clients {
        c.received.clear();
    }
    for d in recorded.iter().chain(recorded.iter().rev()) {
        w.inject(alice, d);
    }
    w.run(SECOND);
    assert!(w.clients[1].received.is_empty());
    w.talk(&[0, 1], 3 * SECOND);
    for c in &mut w.clients {
        c.received.clear();
    }
    for d in &recorded {
        w.inject(alice, d);
    }
    w.run(SECOND);
    assert!(w.clients[1].received.is_empty());
    w.assert_alive();
}

#[test]
fn a_payload_that_fits_no_datagram_is_not_sent_on() {
    let mut w = World::talking(SECOND);
    w.shard.take_counters();
    w.clients[1].received.clear();
    for len in [1_400, 1_401, 1_440] {
        w.send(0, MediaKind::Video, &vec![0; len]);
        w.run(Duration::from_millis(40));
    }
    assert_eq!(
        w.clients[1].take(MediaKind::Video).iter().map(|r| r.payload.len()).collect::<Vec<_>>(),
        [1_400]
    );
    assert_eq!(w.shard.take_counters().packets_excess, 2);
    w.assert_alive();
}

#[test]
fn what_one_user_publishes_is_bounded_and_the_others_go_on() {
    let mut w = World::talking(SECOND);
    w.join("carol", true);
    w.connect();
    w.sent.clear();
    let (bob, start) = (w.clients[1].address, w.now);
    // 96 Mbit/s for two seconds.
    for _ in 0..200 {
        for _ in 0..100 {
            w.send(0, MediaKind::Video, &[1; 1_200]);
        }
        w.run(Duration::from_millis(10));
    }
    let bytes: usize = w.sent[&bob].iter().map(Vec::len).sum();
    let seconds = (w.now - start).as_secs_f64();
    assert!(bytes as f64 <= 1.1 * 2_500_000.0 * (seconds + 1.0), "{bytes} bytes in {seconds} s");
    assert!(w.shard.take_counters().packets_excess > 10_000);
    w.run(3 * SECOND);
    w.assert_alive();
}

/// Whoever fakes a peer's address cannot seal for it: what does not open is not counted against the peer, whose own stream
/// goes on beside it.
#[test]
fn a_flood_from_a_peers_address_costs_it_nothing_of_its_stream() {
    let mut w = World::talking(SECOND);
    let (alice, ssrc) = (w.clients[0].address, newest_ssrc(&mut w));
    w.clients[1].received.clear();
    w.shard.take_counters();
    let mut faked = 0u32;
    for _ in 0..50 {
        // 400 a turn of 20 ms: 20,000 a second. Of the peer's own stream, of others, RTCP, and DTLS.
        for _ in 0..400 {
            faked += 1;
            let mut packet = vec![0x80; 200];
            packet[1] = if faked.is_multiple_of(4) { 205 } else { 111 };
            packet[2..4].copy_from_slice(&(faked as u16).to_be_bytes());
            packet[8..12]
                .copy_from_slice(&(if faked.is_multiple_of(2) { ssrc } else { faked }).to_be_bytes());
            if faked.is_multiple_of(7) {
                packet[0] = 22;
            }
            w.inject(alice, &packet);
        }
        w.talk(&[0], Duration::from_millis(20));
    }
    w.run(SECOND / 10);
    let counted = w.shard.take_counters();
    assert!(counted.dropped_invalid >= 20_000 - 20_000 / 7 - 1, "{counted:?}");
    assert!(counted.dropped_flood >= 20_000 / 7 - 300, "DTLS, beyond what a handshake needs: {counted:?}");
    assert_eq!(w.clients[1].take(MediaKind::Audio).len(), 50, "each packet of the stream arrived");
    w.assert_alive();
}

/// The SSRC of the sound that client 0 sends.
fn newest_ssrc(w: &mut World) -> u32 {
    w.tap();
    w.talk(&[0], Duration::from_millis(40));
    let sent = w.tap();
    let sound = sent.iter().map(|(_, d)| d).rfind(|d| d[0] >> 6 == 2 && d[1] & 0x7f == 111);
    u32::from_be_bytes(sound.expect("sound was sent")[8..12].try_into().unwrap())
}

#[test]
fn an_oversized_datagram_is_dropped_and_counted() {
    let mut w = World::talking(SECOND);
    w.shard.take_counters();
    let alice = w.clients[0].address;
    w.inject(alice, &[0x80; 1501]);
    w.inject(alice, &vec![0x80; 65_000]);
    assert_eq!(w.shard.take_counters().dropped_oversized, 2);
    w.assert_alive();
}

#[test]
fn a_large_packet_is_forwarded_without_breaking_the_receiver() {
    let mut w = World::talking(SECOND);
    for len in [0, 1, 1000, 1200, 1400] {
        w.send(0, MediaKind::Video, &vec![0; len]);
        w.run(Duration::from_millis(40));
    }
    w.assert_alive();
}

/// Checks with the right password that are cut or have something behind them, and whole ones with a wrong one.
#[test]
fn an_unknown_peer_never_gets_more_than_it_sent() {
    let mut w = World::talking(SECOND);
    let mut sent = 0;
    let right = w.check(1, &w.password(1));
    for len in (0..400usize).filter(|&len| len != right.len()) {
        let mut d = if len < right.len() { w.check(1, &w.password(1)) } else { w.check(1, "wrong") };
        d.resize(len, 1);
        w.inject(STRANGER, &d);
        sent += len;
    }
    let back = |w: &World| w.sent.get(&STRANGER).map_or(0, |v| v.iter().map(Vec::len).sum::<usize>());
    assert_eq!(back(&w), 0, "of {sent}");
    w.inject(STRANGER, &right);
    assert!((1..=right.len()).contains(&back(&w)), "{} for {}", back(&w), right.len());
    w.assert_alive();
}

/// Another app's room with the same number, users with the same names, and all of them talk.
#[test]
fn two_apps_with_equal_rooms_and_users_never_meet() {
    let mut w = World::talking(SECOND);
    let theirs = RoomKey { app: SdkAppId::new(1_400_000_002).unwrap(), room: room(1).room };
    for (port, name) in [(1, "alice"), (2, "bob")] {
        w.join_from(SocketAddr::from(([198, 51, 100, 2], port)), theirs, name, true, |_| ());
    }
    w.connect();
    assert!(w.clients.iter().all(|c| c.connected && !c.closed), "none replaces another");
    for c in &mut w.clients {
        c.received.clear();
    }
    w.talk(&[0, 1, 2, 3], SECOND);
    w.run(SECOND);
    for (me, other) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
        let heard = w.clients[me].take(MediaKind::Audio);
        assert_eq!(heard.len(), 50);
        assert!(heard.iter().all(|r| r.payload[0] == other));
    }
}

/// An RTP packet that names a line by its MID, with an SSRC that the peer never announced.
#[test]
fn a_faked_packet_cannot_take_a_line_from_its_publisher() {
    let mut w = World::talking(SECOND);
    let alice = w.clients[0].address;
    let mids: Vec<String> =
        w.clients[0].answer.lines().filter_map(|l| l.strip_prefix("a=mid:")).map(str::to_owned).collect();
    for mid in mids {
        for payload_type in [96u8, 97, 108, 109, 111] {
            let mut packet = vec![0x90, payload_type, 0, 1, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef, 0xbe, 0xde];
            let mut extension = vec![0x40 | (mid.len() as u8 - 1)];
            extension.extend(mid.as_bytes());
            extension.resize(extension.len().next_multiple_of(4), 0);
            packet.extend((extension.len() as u16 / 4).to_be_bytes());
            packet.extend(extension);
            packet.extend([0; 60]);
            w.inject(alice, &packet);
        }
    }
    w.assert_alive();
}

#[test]
fn the_servers_own_datagrams_reflected_back_are_dropped() {
    let mut w = World::talking(SECOND);
    let alice = w.clients[0].address;
    let echoes: Vec<Vec<u8>> = w.sent[&alice].clone();
    w.sent.clear();
    for e in &echoes {
        w.inject(alice, e);
        w.inject(SERVER, e);
    }
    assert!(!w.sent.contains_key(&SERVER));
    w.assert_alive();
}

fn from_somewhere() -> impl Strategy<Value = bool> {
    any::<bool>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Random bytes, from a stranger or with a peer's address: no panic, no answer to strangers, the call goes on.
    #[test]
    fn random_bytes_cost_nothing(
        datagrams in proptest::collection::vec((from_somewhere(), proptest::collection::vec(any::<u8>(), 0..300)), 1..60)
    ) {
        let mut w = World::new();
        w.join("alice", true);
        w.join("bob", true);
        w.connect();
        let alice = w.clients[0].address;
        for (known, bytes) in &datagrams {
            w.inject(if *known { alice } else { STRANGER }, bytes);
        }
        prop_assert!(!w.sent.contains_key(&STRANGER));
        prop_assert_eq!(w.shard.take_counters().panics, 0);
        w.assert_alive();
        prop_assert!(w.answers_check(0, STRANGER), "who has the password is answered there");
    }

    /// Real datagrams of a peer with bytes changed, cut or appended, before and after its own.
    #[test]
    fn mutated_real_datagrams_cost_nothing(seed in any::<u64>()) {
        let mut w = World::new();
        w.join("alice", true);
        w.join("bob", true);
        w.connect();
        let alice = w.clients[0].address;
        let mut random = seed | 1;
        let mut next = move |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below as u64) as usize
        };
        for _ in 0..60 {
            w.send(0, MediaKind::Audio, &[0; 60]);
            w.run(Duration::from_millis(5));
            let Some(mut real) = w.in_flight_from(alice) else { continue };
            for _ in 0..1 + next(4) {
                match next(4) {
                    0 => { let i = next(real.len()); real[i] ^= 1 << next(8); }
                    1 => real.truncate(1 + next(real.len())),
                    2 => real.extend(std::iter::repeat_n(next(256) as u8, next(40))),
                    _ => { let i = next(real.len().min(16)); real[i] = next(256) as u8; }
                }
            }
            w.inject(alice, &real);
            w.run(Duration::from_millis(15));
        }
        prop_assert_eq!(w.shard.take_counters().panics, 0);
        w.assert_alive();
    }
}
