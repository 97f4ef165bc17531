//! Calls over real sockets on loopback.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{PATIENCE, Phones, Server, room};
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;
use tring_media::stranger_says::{ice_check, ice_password};
use tring_media::{Command, MediaKind, Notice, SessionId, Source, SourceSet};
use tring_medianet::{Config, StartError, start};

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Gives the second one's offer and answer.
fn connected_pair(server: &Server, phones: &mut Phones, gate_open: bool) -> (String, String) {
    let mut last = Default::default();
    for i in 0..2u64 {
        let (phone, offer) = phones.add(LOOPBACK, true);
        let answer = server.open(i + 1, room(1), ["alice", "bob"][phone], offer.clone(), gate_open);
        phones.all[phone].answer(&answer);
        last = (offer, answer);
    }
    phones.until("both connect", |p| p.iter().all(|p| p.connected));
    last
}

#[test]
fn a_video_call_flows_both_ways_and_ends() {
    let server = Server::on_loopback(2);
    let mut phones = Phones::new();
    connected_pair(&server, &mut phones, true);
    phones.talk_until("sound and picture both ways", true, |p| {
        p.iter().all(|p| p.count(MediaKind::Audio) >= 50 && p.count(MediaKind::Video) >= 60)
    });
    for (me, other) in [(0, 1u8), (1, 0u8)] {
        assert!(phones.all[me].received.iter().all(|r| r.payload[0] == other));
    }
    for s in [1, 2] {
        server.net.send(Command::Close { session: SessionId(s) });
    }
    phones.until("both hear the goodbye", |p| p.iter().all(|p| p.closed));
    phones.run(Duration::from_millis(200));
    let before: Vec<usize> = phones.all.iter().map(|p| p.datagrams).collect();
    phones.run(Duration::from_secs(1));
    assert_eq!(phones.all.iter().map(|p| p.datagrams).collect::<Vec<_>>(), before, "silence after the call");
    server.net.shutdown();
}

#[test]
fn nothing_is_heard_before_the_gate_opens_and_a_key_frame_is_asked_when_it_does() {
    let server = Server::on_loopback(1);
    let mut phones = Phones::new();
    connected_pair(&server, &mut phones, false);
    let mut ticks = 0;
    phones.talk_until("a second of talk", true, |_| {
        ticks += 1;
        ticks > 50
    });
    assert!(phones.all.iter().all(|p| p.received.is_empty()));
    for s in [1, 2] {
        server.net.send(Command::OpenGate { session: SessionId(s) });
    }
    phones.talk_until("media and the wish for a key frame", true, |p| {
        p.iter()
            .all(|p| p.count(MediaKind::Audio) > 0 && p.count(MediaKind::Video) > 0 && p.keyframes_wanted > 0)
    });
    server.net.shutdown();
}

#[test]
fn garbage_on_the_port_gets_no_answer_and_harms_no_call() {
    let server = Server::on_loopback(1);
    let mut phones = Phones::new();
    let (offer, answer) = connected_pair(&server, &mut phones, true);
    let stranger = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    let target = server.net.addresses()[0];
    for first in 0..=255u8 {
        stranger.send_to(&[first; 200], target).unwrap();
        stranger.send_to(&[first, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], target).unwrap();
    }
    phones.talk_until("the call goes on", true, |p| p.iter().all(|p| p.count(MediaKind::Audio) >= 50));
    // What is answered first is this check, and so nothing before it was.
    let transaction = [7; 12];
    let check = ice_check(&offer, &answer, ice_password(&answer), transaction);
    stranger.send_to(&check, target).unwrap();
    stranger.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut first = [0; 2000];
    let size = stranger.recv(&mut first).expect("who knows the password is answered");
    assert_eq!((&first[..2], &first[8..20]), (&[1, 1][..], &transaction[..]), "{:?}", &first[..size]);
    server.net.shutdown();
}

#[test]
fn a_taken_port_is_named() {
    let holder = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    let udp_port = holder.local_addr().unwrap().port();
    let error =
        start(Config { bind: LOOPBACK, udp_port, workers: 1, ..Config::default() }, |_| ()).err().unwrap();
    assert!(matches!(error, StartError::PortTaken { port } if port == udp_port));
    assert!(error.to_string().contains(&udp_port.to_string()) && error.to_string().contains("--media-port"));
    let error =
        start(Config { bind: "203.0.113.77".parse().unwrap(), udp_port: 0, ..Config::default() }, |_| ())
            .err();
    assert!(matches!(error, Some(StartError::BadBind { .. })), "{error:?}");
    let error =
        start(Config { bind: LOOPBACK, udp_port: 65_535, workers: 2, ..Config::default() }, |_| ()).err();
    assert!(matches!(error, Some(StartError::PortsPastEnd { .. })), "{error:?}");
}

#[test]
fn a_refused_offer_is_told_and_leaves_nothing() {
    let server = Server::on_loopback(1);
    server.net.send(Command::Open {
        session: SessionId(7),
        room: room(1),
        user: tring_media::UserId::new("alice").unwrap(),
        label: String::new(),
        offer: "no sdp".into(),
        gate_open: true,
        on: SourceSet::of(&[Source::Microphone, Source::Camera]),
    });
    server.wait(|n| matches!(n, Notice::Refused { session: SessionId(7), .. }));
    server.net.send(Command::Close { session: SessionId(7) });
    server.net.shutdown();
}

#[test]
fn a_wildcard_socket_answers_from_the_address_that_was_asked() {
    for bind in ["0.0.0.0", "::"] {
        let server = Server::start(Config {
            bind: bind.parse().unwrap(),
            udp_port: 0,
            workers: 1,
            ..Config::default()
        });
        assert!(server.net.addresses().iter().all(|a| !a.ip().is_unspecified()));
        let mut phones = Phones::new();
        connected_pair(&server, &mut phones, true);
        phones.talk_until("sound both ways", false, |p| p.iter().all(|p| p.count(MediaKind::Audio) >= 10));
        server.net.shutdown();
    }
}

#[test]
fn a_call_through_another_workers_port_reaches_its_own() {
    let server = Server::on_loopback(2);
    let ports: Vec<String> = server.net.addresses().iter().map(|a| format!(" {} typ", a.port())).collect();
    let mut phones = Phones::new();
    for i in 0..2u64 {
        let (phone, offer) = phones.add(LOOPBACK, true);
        let answer = server.open(i + 1, room(1), ["alice", "bob"][phone], offer, true);
        let (own, other) = if answer.contains(&ports[0]) { (0, 1) } else { (1, 0) };
        assert!(answer.contains(&ports[own]));
        // Alice is told the right port, Bob the wrong one.
        let told = if phone == 0 { answer } else { answer.replace(&ports[own], &ports[other]) };
        phones.all[phone].answer(&told);
    }
    phones.until("both connect", |p| p.iter().all(|p| p.connected));
    phones.talk_until("sound and picture both ways", true, |p| {
        p.iter().all(|p| p.count(MediaKind::Audio) >= 20 && p.count(MediaKind::Video) >= 20)
    });
    // A client that asked one port takes no answer from another.
    for phone in &phones.all {
        assert_eq!(phone.sources.len(), 1);
    }
    assert_ne!(phones.all[0].sources, phones.all[1].sources);
    let net = server.net.clone();
    server.net.shutdown();
    assert!(net.stats().io.handed_over > 20, "{:?}", net.stats());
}

#[test]
fn rooms_on_different_workers_have_their_own_ports() {
    let server = Server::start(Config {
        bind: LOOPBACK,
        udp_port: 0,
        workers: 4,
        // Two sessions fill a worker.
        max_sessions_per_worker: 2,
        ..Config::default()
    });
    let mut phones = Phones::new();
    let mut ports = Vec::new();
    for n in 1..=8 {
        let (phone, offer) = phones.add(LOOPBACK, false);
        let answer = server.open(u64::from(n), room(n), "alice", offer, true);
        let candidate = answer.lines().find(|l| l.starts_with("a=candidate:")).unwrap();
        ports.push(candidate.split(' ').nth(5).unwrap().to_owned());
        phones.all[phone].answer(&answer);
    }
    phones.until("all connect", |p| p.iter().all(|p| p.connected));
    // A worker is filled before the next is used.
    assert!(ports.chunks(2).all(|of_worker| of_worker[0] == of_worker[1]), "{ports:?}");
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 4, "{ports:?}");
    server.net.shutdown();
}
