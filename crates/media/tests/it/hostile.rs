//! Peers that lie with their own keys: what their feedback says, and what they send that nobody negotiated.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::World;
use std::time::Duration;
use tring_media::{MediaKind, MediaLine, Notice};

const SECOND: Duration = Duration::from_secs(1);

fn send_rtcp(w: &mut World, client: usize, compound: &[u8]) {
    assert!(w.clients[client].peer.send_raw_rtcp(compound), "it has sent RTCP before");
    w.flush();
}

/// An RTCP packet (RFC 3550 §6.1): `format` is FMT or the count.
fn rtcp(format: u8, payload_type: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80 | format, payload_type];
    packet.extend((body.len() as u16 / 4).to_be_bytes());
    packet.extend(body);
    packet
}

/// A generic NACK of everything, as often as a datagram has room for it (RFC 4585 §6.2.1).
fn nack_all(ssrc: u32, newest: u16) -> Vec<u8> {
    let mut body = [[0, 0, 0, 1], ssrc.to_be_bytes()].concat();
    for i in 0..340u16 {
        let first = newest.wrapping_sub(16 + 17 * (i % 15));
        body.extend(first.to_be_bytes());
        body.extend([0xff, 0xff]);
    }
    rtcp(1, 205, &body)
}

/// The SSRC of the picture that a client gets, and its newest sequence number.
fn picture(w: &mut World, client: usize) -> (u32, u16) {
    let newest = w.clients[client].take(MediaKind::Video).last().unwrap().clone();
    (newest.ssrc, newest.seq as u16)
}

/// Bob asks for all of Alice's pictures again, 300 times each, 50 times a second, while she sends 240 kbit/s.
#[test]
fn a_peer_that_asks_for_everything_again_gets_its_share_of_it() {
    let mut w = World::talking(2 * SECOND);
    let bob = w.clients[1].address;
    let large = |w: &mut World| {
        w.send(0, MediaKind::Video, &[7; 600]);
        w.run(Duration::from_millis(20));
    };
    (0..100).for_each(|_| large(&mut w));
    w.sent.clear();
    w.clients[1].received.clear();
    let (seconds, mut asked) = (10.0, 0);
    for _ in 0..500 {
        large(&mut w);
        let (ssrc, newest) = picture(&mut w, 1);
        let nack = nack_all(ssrc, newest);
        asked += nack.len();
        send_rtcp(&mut w, 1, &nack);
    }
    w.run(SECOND);
    let bytes: usize = w.sent[&bob].iter().map(Vec::len).sum();
    let media = 500 * 650;
    let most = f64::from(media) * 1.25 + 64_000.0 + 16_000.0 * (seconds + 1.0) + 10_000.0;
    assert!((bytes as f64) < most, "{bytes} bytes for {media} of media and {asked} asked");
    assert!(w.shard.take_counters().rtx_refused > 0);
    w.assert_alive();
}

/// One datagram of 1,400 bytes.
#[test]
fn one_request_brings_back_a_bounded_burst() {
    let mut w = World::talking(2 * SECOND);
    let bob = w.clients[1].address;
    for _ in 0..300 {
        w.send(0, MediaKind::Video, &[7; 1_200]);
        w.run(Duration::from_millis(3));
    }
    w.run(SECOND / 10);
    let (ssrc, newest) = picture(&mut w, 1);
    w.sent.clear();
    w.shard.take_counters();
    send_rtcp(&mut w, 1, &nack_all(ssrc, newest));
    w.run(Duration::from_millis(50));
    let bytes: usize = w.sent.get(&bob).map_or(0, |sent| sent.iter().map(Vec::len).sum());
    assert!((20_000..75_000).contains(&bytes), "{bytes}");
    let refused = w.shard.take_counters().rtx_refused;
    assert_eq!(refused, 1, "the rest is skipped before it is encrypted");
    w.assert_alive();
}

#[test]
fn goodbyes_for_all_streams_end_no_call() {
    let mut w = World::talking(2 * SECOND);
    let (theirs, _) = picture(&mut w, 1);
    let sound = w.clients[1].take(MediaKind::Audio).last().map_or(0, |r| r.ssrc);
    let own: Vec<u32> = w.clients[0]
        .answer
        .lines()
        .filter_map(|l| l.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok())
        .collect();
    for ssrc in own.into_iter().chain([theirs, sound, 0, 1, u32::MAX]) {
        send_rtcp(&mut w, 1, &rtcp(1, 203, &ssrc.to_be_bytes()));
    }
    w.run(SECOND);
    w.assert_alive();
}

/// Reports about packets that were never sent, all lost, all received, in times that cannot be. They may cost the liar
/// its session (the library does not forgive all of them); Alice and Bob notice nothing.
#[test]
fn lies_about_reception_harm_nobody_else() {
    let mut w = World::talking(2 * SECOND);
    let liar = w.join_with("carol", true, |c| {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            c.lines.push(MediaLine { kind, send: false, receive: true });
        }
    });
    w.connect();
    w.talk(&[0, 1, liar], 2 * SECOND);
    w.take_notices();
    let (ssrc, newest) = picture(&mut w, liar);
    for i in 0..200u16 {
        if w.clients[liar].closed {
            break;
        }
        // Transport-wide feedback: a run of 8,000 packets, lost or received with the largest deltas.
        for chunk in [0x1f40u16, 0x3f40, 0x5f40, 0xffff] {
            let mut body = [[0, 0, 0, 1], ssrc.to_be_bytes()].concat();
            body.extend((i * 300).to_be_bytes());
            body.extend(8_000u16.to_be_bytes());
            body.extend([0x7f, 0xff, 0xff, i as u8]);
            body.extend(chunk.to_be_bytes());
            body.resize(1_200, 0xff);
            send_rtcp(&mut w, liar, &rtcp(15, 205, &body));
        }
        // A receiver report of total loss, with a highest sequence number far ahead.
        let mut block = [[0, 0, 0, 1], ssrc.to_be_bytes(), [255, 127, 255, 255]].concat();
        block.extend([0, 9, (newest >> 8) as u8, newest as u8]);
        block.extend([0xff; 12]);
        send_rtcp(&mut w, liar, &rtcp(1, 201, &block));
        w.talk(&[0, 1], Duration::from_millis(20));
    }
    let honest = [0, 1].map(|c| w.clients[c].session);
    let harmed = |n: &Notice| match n {
        Notice::Network { session, level } => honest.contains(session) && *level > 2,
        Notice::Lost { session } => honest.contains(session),
        _ => false,
    };
    let told = w.take_notices();
    assert!(!told.iter().any(harmed), "{told:?}");
    w.shard.take_counters();
    w.assert_alive();
}

/// Estimates of the bandwidth (REMB, draft-alvestrand-rmcat-remb-03 §2.2) of nothing, of more than there is, for streams that
/// are not there, for more of them than the packet has, and cut short.
#[test]
fn lies_about_bandwidth_harm_nobody() {
    let mut w = World::talking(2 * SECOND);
    let (ssrc, _) = picture(&mut w, 1);
    let remb = |count: u8, exponent: u8, mantissa: u32, ssrcs: &[u32]| {
        let rate = (u32::from(exponent) << 18 | mantissa).to_be_bytes();
        let mut body = [&[0, 0, 0, 1, 0, 0, 0, 0][..], b"REMB", &[count, rate[1], rate[2], rate[3]]].concat();
        body.extend(ssrcs.iter().flat_map(|s| s.to_be_bytes()));
        rtcp(15, 206, &body)
    };
    for turn in 0..50 {
        for lie in [
            remb(1, 0, 0, &[ssrc]),
            remb(1, 0, 1, &[ssrc]),
            remb(1, 63, (1 << 18) - 1, &[ssrc]),
            remb(1, 20, 1, &[0xdead_beef]),
            remb(255, 10, 1_000, &[ssrc]),
            remb(0, 10, 1_000, &[]),
            remb(250, 10, 1_000, &[turn; 250]),
            rtcp(15, 206, b"\0\0\0\x01\0\0\0\0REMB"),
            rtcp(15, 206, b"\0\0\0\x01\0\0\0\0BMER\xff\xff\xff\xff"),
        ] {
            send_rtcp(&mut w, 1, &lie);
        }
        w.talk(&[0, 1], Duration::from_millis(20));
    }
    let honest = w.clients[0].session;
    let told = w.take_notices();
    let of_honest =
        |n: &Notice| matches!(n, Notice::Network { session, level } if *session == honest && *level > 2);
    assert!(!told.iter().any(of_honest), "{told:?}");
    // The twin: feedback of the same packet type that says something is acted upon.
    w.clients[0].keyframe_requests.clear();
    w.run(2 * SECOND);
    send_rtcp(&mut w, 1, &rtcp(1, 206, &[[0, 0, 0, 1], ssrc.to_be_bytes()].concat()));
    w.run(SECOND);
    assert_eq!(w.clients[0].keyframe_requests.len(), 1);
    w.assert_alive();
}

/// Key frames asked for as often as there is room in a datagram, by everybody's SSRC.
#[test]
fn requests_for_key_frames_without_end_are_throttled() {
    let mut w = World::talking(2 * SECOND);
    let (ssrc, _) = picture(&mut w, 1);
    w.clients[0].keyframe_requests.clear();
    for i in 0..100u8 {
        let pli = rtcp(1, 206, &[[0, 0, 0, 1], ssrc.to_be_bytes()].concat());
        let fir_body = [[0, 0, 0, 1], [0; 4], ssrc.to_be_bytes(), [i, 0, 0, 0]].concat();
        send_rtcp(&mut w, 1, &[pli.repeat(50), rtcp(4, 206, &fir_body).repeat(20)].concat());
        w.talk(&[0, 1], Duration::from_millis(20));
    }
    assert!(w.clients[0].keyframe_requests.len() <= 8, "{}", w.clients[0].keyframe_requests.len());
    w.assert_alive();
}

#[test]
fn a_ringing_device_steers_no_camera_whatever_it_asks_for() {
    let mut w = World::new();
    w.join("alice", true);
    w.join("bob", true);
    w.join("carol", false);
    w.connect();
    w.talk(&[0, 1, 2], 2 * SECOND);
    for c in &mut w.clients {
        c.keyframe_requests.clear();
    }
    let lines = w.clients[2].answer.lines();
    let slots: Vec<u32> =
        lines.filter_map(|l| l.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok()).collect();
    assert!(slots.len() >= 2);
    for _ in 0..20 {
        for ssrc in &slots {
            send_rtcp(&mut w, 2, &rtcp(1, 206, &[[0, 0, 0, 1], ssrc.to_be_bytes()].concat()));
        }
        w.talk(&[0, 1, 2], Duration::from_millis(100));
    }
    assert!(w.clients.iter().all(|c| c.keyframe_requests.is_empty()));
}

/// libwebrtc probes with SSRC 0; the library would make a stream of its own for it.
#[test]
fn probes_with_ssrc_0_are_dropped() {
    let mut w = World::talking(2 * SECOND);
    w.shard.take_counters();
    for seq in 1..200u16 {
        let mut header = vec![0x80, 108];
        header.extend(seq.to_be_bytes());
        header.extend([0; 8]);
        assert!(w.clients[0].peer.send_raw_rtp(&header, &[1; 200]));
    }
    w.flush();
    w.run(SECOND / 10);
    assert_eq!(w.shard.take_counters().dropped_invalid, 199);
    w.assert_alive();
}

#[test]
fn an_offered_data_channel_is_refused_and_the_call_works() {
    let mut w = World::new();
    w.join_with("alice", true, |c| c.data_channel = true);
    w.join("bob", true);
    w.connect();
    let answer = &w.clients[0].answer;
    let lines: Vec<&str> = answer.lines().filter(|l| l.starts_with("m=")).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with("m=application 0 "), "{lines:?}");
    let group = answer.lines().find(|l| l.starts_with("a=group:BUNDLE")).unwrap();
    assert_eq!(group.split(' ').count(), 3, "the refused line is not in {group}");
    w.talk(&[0, 1], SECOND);
    w.assert_alive();
}

/// SCTP that was refused, or never offered, gets no answer and makes nothing.
#[test]
fn sctp_without_a_data_channel_gets_no_answer() {
    for offered in [true, false] {
        let mut w = World::new();
        w.join_with("alice", true, |c| c.data_channel = offered);
        w.join("bob", true);
        w.connect();
        w.talk(&[0, 1], SECOND);
        let alice = w.clients[0].address;
        w.sent.clear();
        w.shard.take_counters();
        let now = w.now;
        w.clients[0].peer.start_sctp(now).unwrap();
        w.talk(&[0, 1], 10 * SECOND);
        assert!(w.shard.take_counters().dropped_invalid > 0, "its INIT came");
        let application_data = |d: &&Vec<u8>| d[0] == 23;
        assert_eq!(w.sent[&alice].iter().filter(application_data).count(), 0);
        w.assert_alive();
    }
}
