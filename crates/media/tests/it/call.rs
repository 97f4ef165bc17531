//! Two peers and a shard in memory.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{DELAY, World, room, user};
use std::time::Duration;
use tring_media::{
    Codec, Command, MediaKind, MediaLine, Notice, OfferError, Peer, PeerConfig, SessionId, SrtpProfile,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn two_peers_hear_and_see_each_other() {
    let mut w = World::call();
    for c in &w.clients {
        assert!(w.notices.contains(&Notice::Connected { session: c.session }));
    }
    w.talk(&[0, 1], SECOND);
    w.run(SECOND);
    for (me, other) in [(0, 1), (1, 0)] {
        let sound = w.clients[me].take(MediaKind::Audio);
        assert_eq!(sound.len(), 50);
        assert!(sound.iter().all(|r| r.payload[..] == [other as u8, 0xa0] && r.codec == Codec::Opus));
        assert!(sound.windows(2).all(|p| p[1].seq == p[0].seq + 1 && p[1].timestamp == p[0].timestamp + 960));
        let pictures = w.clients[me].take(MediaKind::Video);
        assert_eq!(pictures.len(), 25);
        assert!(
            pictures
                .iter()
                .all(|r| r.payload[..] == [other as u8, 0xb0] && r.marker && r.codec == Codec::H264)
        );
    }
}

#[test]
fn the_srtp_profile_is_aes_256_gcm() {
    let w = World::call();
    for c in &w.clients {
        assert_eq!(c.profile, Some(SrtpProfile::Aes256Gcm));
    }
}

/// Nothing but sound and pictures of `other` arrived, and some of each did.
fn heard_and_seen(w: &mut World, me: usize, other: usize) -> (usize, usize) {
    let sound = w.clients[me].take(MediaKind::Audio);
    let pictures = w.clients[me].take(MediaKind::Video);
    assert!(sound.iter().chain(&pictures).all(|r| usize::from(r.payload[0]) == other));
    (sound.len(), pictures.len())
}

#[test]
fn before_the_gates_open_nothing_is_forwarded_and_then_the_next_packet_is() {
    let mut w = World::new();
    w.join("alice", false);
    w.join("bob", false);
    w.connect();
    w.talk(&[0, 1], SECOND);
    w.open_gate(0);
    w.talk(&[0, 1], SECOND);
    assert_eq!(
        (heard_and_seen(&mut w, 0, 1), heard_and_seen(&mut w, 1, 0)),
        ((0, 0), (0, 0)),
        "one gate is no call"
    );
    w.open_gate(1);
    w.send(0, MediaKind::Audio, &[0, 0xa0]);
    w.run(2 * DELAY);
    assert_eq!(heard_and_seen(&mut w, 1, 0), (1, 0));
}

#[test]
fn opening_a_gate_asks_every_camera_for_a_key_frame_at_once() {
    let mut w = World::new();
    w.join("alice", true);
    w.join("bob", false);
    w.connect();
    w.talk(&[0, 1], SECOND);
    assert!(w.clients.iter().all(|c| c.keyframe_requests.is_empty()));
    w.open_gate(1);
    w.run(2 * DELAY);
    for c in &w.clients {
        assert_eq!(c.keyframe_requests.len(), 1);
    }
}

#[test]
fn key_frame_requests_of_a_receiver_reach_the_publisher_throttled() {
    let mut w = World::call();
    w.talk(&[0, 1], SECOND);
    w.clients[0].keyframe_requests.clear();
    for _ in 0..50 {
        let now = w.now;
        w.clients[1].peer.request_keyframe(now).unwrap();
        w.talk(&[0, 1], Duration::from_millis(20));
    }
    w.talk(&[0, 1], SECOND);
    let asked = &w.clients[0].keyframe_requests;
    assert!((2..=5).contains(&asked.len()), "{asked:?}");
    assert!(asked.windows(2).all(|p| p[1] - p[0] >= Duration::from_millis(300)));
}

#[test]
fn commands_for_sessions_that_do_not_exist_do_nothing() {
    let mut w = World::call();
    for session in [SessionId(0), SessionId(99)] {
        w.command(Command::OpenGate { session });
        w.command(Command::SetSources { session, on: crate::common::BOTH });
        w.command(Command::Close { session });
    }
    w.talk(&[0], SECOND);
    assert_eq!(heard_and_seen(&mut w, 1, 0).0, 50);
}

#[test]
fn a_device_that_is_off_is_silent_and_comes_back_without_a_gap_or_a_new_answer() {
    let mut w = World::call();
    w.talk(&[0], SECOND);
    w.run(SECOND);
    let first = w.clients[1].take(MediaKind::Video);
    let ssrc = first[0].ssrc;
    w.clients[1].take(MediaKind::Audio);
    w.devices(0, false, false);
    w.talk(&[0], 3 * SECOND);
    assert_eq!(heard_and_seen(&mut w, 1, 0), (0, 0));
    w.clients[0].keyframe_requests.clear();
    w.take_notices();
    w.devices(0, false, true);
    w.talk(&[0], SECOND);
    w.run(SECOND);
    assert_eq!(w.clients[1].take(MediaKind::Audio).len(), 0, "the microphone is still off");
    let again = w.clients[1].take(MediaKind::Video);
    assert_eq!(again[0].seq, first.last().unwrap().seq + 1, "what was dropped is no loss");
    assert!(again.iter().all(|r| r.ssrc == ssrc));
    assert!(again[0].timestamp > first.last().unwrap().timestamp + 2 * 90_000 / 2, "the clock ran on");
    assert_eq!(w.clients[0].keyframe_requests.len(), 1);
    assert!(!w.take_notices().iter().any(|n| matches!(n, Notice::Answered { .. })));
}

#[test]
fn devices_set_before_the_gate_hold_when_it_opens() {
    let mut w = World::new();
    w.join("alice", false);
    w.join("bob", true);
    w.connect();
    w.devices(0, true, false);
    w.open_gate(0);
    w.talk(&[0], SECOND);
    assert_eq!(heard_and_seen(&mut w, 1, 0), (50, 0));
}

#[test]
fn a_second_session_of_a_user_takes_over_and_the_stream_goes_on() {
    let mut w = World::call();
    w.talk(&[0], SECOND);
    w.run(SECOND);
    let before = w.clients[1].take(MediaKind::Audio);
    w.take_notices();
    let again = w.join("alice", true);
    w.run(SECOND);
    assert!(w.clients[0].closed, "the first hears the goodbye");
    assert!(w.clients[again].connected);
    let old = w.clients[0].session;
    assert!(!w.take_notices().contains(&Notice::Lost { session: old }), "replaced is not lost");
    w.talk(&[again], SECOND);
    w.run(SECOND);
    let after = w.clients[1].take(MediaKind::Audio);
    assert_eq!(after.len(), 50);
    assert_eq!(after[0].ssrc, before[0].ssrc);
    assert_eq!(after[0].seq, before.last().unwrap().seq + 1);
    let passed = after[0].timestamp - before.last().unwrap().timestamp;
    assert!((48_000..5 * 48_000).contains(&passed), "{passed} ticks for the second or two between");
}

#[test]
fn ringing_devices_of_one_user_connect_side_by_side_until_one_answers() {
    let mut w = World::new();
    w.join("alice", true);
    let (phone, laptop) = (w.join("bob", false), w.join("bob", false));
    w.connect();
    assert!(w.clients.iter().all(|c| c.connected));
    w.open_gate(laptop);
    w.talk(&[0], SECOND);
    assert!(w.clients[phone].closed);
    assert_eq!(w.clients[phone].received.len(), 0);
    assert_eq!(heard_and_seen(&mut w, laptop, 0).0, 50);
}

#[test]
fn after_close_no_packet_leaves_and_nothing_is_kept() {
    let mut w = World::call();
    w.talk(&[0, 1], SECOND);
    w.close(0);
    w.close(0);
    w.close(1);
    w.run(Duration::from_millis(100));
    assert!(w.clients.iter().all(|c| c.closed));
    assert_eq!((w.shard.sessions(), w.shard.bindings(), w.shard.next_deadline()), (0, 0, None));
    w.sent.clear();
    // The other end goes on sending for a while.
    let rtp = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    for _ in 0..100 {
        w.inject(w.clients[0].address, &rtp);
        w.run(Duration::from_millis(20));
    }
    assert!(w.sent.is_empty());
}

#[test]
fn a_room_of_five_has_everybody_in_a_slot_of_its_own() {
    let mut w = World::new();
    for name in ["a", "b", "c", "d", "e"] {
        w.join_with(name, true, |c| {
            for _ in 0..3 {
                c.lines.push(MediaLine { kind: MediaKind::Audio, send: false, receive: true });
                c.lines.push(MediaLine { kind: MediaKind::Video, send: false, receive: true });
            }
        });
    }
    w.connect();
    w.talk(&[0, 1, 2, 3, 4], SECOND);
    for me in 0..5 {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let packets = w.clients[me].take(kind);
            let mut seen: Vec<(usize, u8)> = packets.iter().map(|r| (r.line, r.payload[0])).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 4, "{kind:?} of client {me}: {seen:?}");
            let mut lines: Vec<usize> = seen.iter().map(|s| s.0).collect();
            lines.dedup();
            assert_eq!(lines.len(), 4, "one line for each");
        }
    }
}

#[test]
fn a_picture_that_the_receiver_cannot_decode_is_not_sent_to_it() {
    let mut w = World::new();
    w.join_with("alice", true, |c| c.video_codecs = vec![Codec::Vp8]);
    w.join_with("bob", true, |c| c.video_codecs = vec![Codec::H264]);
    w.join_with("carol", true, |c| c.video_codecs = vec![Codec::H264, Codec::Vp8]);
    w.connect();
    w.talk(&[0], SECOND);
    assert_eq!(w.clients[0].peer.codec(MediaKind::Video), Some(Codec::Vp8));
    assert_eq!(heard_and_seen(&mut w, 1, 0), (50, 0), "sound only");
    let (sound, pictures) = heard_and_seen(&mut w, 2, 0);
    assert!(sound == 50 && pictures > 0);
}

#[test]
fn each_receiver_gets_its_own_payload_types() {
    let mut w = World::new();
    w.join_with("alice", true, |c| c.video_codecs = vec![Codec::H264, Codec::Vp8]);
    w.join_with("bob", true, |c| c.video_codecs = vec![Codec::Vp8, Codec::H264]);
    w.connect();
    w.talk(&[0, 1], SECOND);
    for (me, other) in [(0, 1), (1, 0)] {
        let sent_as = w.clients[other].peer.codec(MediaKind::Video).unwrap();
        let pictures = w.clients[me].take(MediaKind::Video);
        assert!(!pictures.is_empty() && pictures.iter().all(|r| r.codec == sent_as));
    }
}

#[test]
fn lost_pictures_are_asked_for_again_on_both_legs() {
    let mut w = World::call();
    w.talk(&[0], SECOND);
    w.lose_one_in = 20;
    w.talk(&[0], 10 * SECOND);
    w.lose_one_in = 0;
    w.talk(&[0], SECOND);
    w.run(SECOND);
    let mut seqs: Vec<u64> = w.clients[1].take(MediaKind::Video).iter().map(|r| r.seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    let holes = (seqs[seqs.len() - 1] - seqs[0] + 1) as usize - seqs.len();
    assert_eq!(holes, 0, "of {}", seqs.len());
}

#[test]
fn a_bad_network_is_told_within_five_seconds_and_recovery_too() {
    let mut w = World::call();
    w.talk(&[0, 1], 5 * SECOND);
    let levels = |w: &mut World| -> Vec<(SessionId, u8)> {
        let told = w.take_notices().into_iter();
        told.filter_map(|n| {
            if let Notice::Network { session, level } = n { Some((session, level)) } else { None }
        })
        .collect()
    };
    assert!(levels(&mut w).iter().all(|(_, l)| *l < 3));
    w.lose_one_in = 10;
    w.talk(&[0, 1], 5 * SECOND);
    let bad = levels(&mut w);
    for c in &w.clients {
        assert!(bad.iter().any(|(s, l)| *s == c.session && *l >= 5), "{bad:?}");
    }
    w.lose_one_in = 0;
    w.talk(&[0, 1], 8 * SECOND);
    let good = levels(&mut w);
    for c in &w.clients {
        let last = good.iter().rfind(|(s, _)| *s == c.session).unwrap();
        assert!(last.1 <= 2, "{good:?}");
    }
}

#[test]
fn a_peer_that_vanishes_is_cut_off_then_lost() {
    let mut w = World::call();
    w.talk(&[0, 1], SECOND);
    let gone = w.clients[0].session;
    w.clients[0].closed = true;
    w.run(8 * SECOND);
    assert!(w.notices.contains(&Notice::Network { session: gone, level: 6 }), "{:?}", w.notices);
    assert!(!w.notices.contains(&Notice::Lost { session: gone }));
    w.run(14 * SECOND);
    let lost = |w: &World, s| w.notices.contains(&Notice::Lost { session: s });
    assert!(lost(&w, gone) && !lost(&w, w.clients[1].session));
    assert_eq!(w.shard.sessions(), 1);
}

#[test]
fn an_offer_that_nobody_follows_up_is_forgotten() {
    let mut w = World::new();
    let c = w.join("alice", false);
    w.clients[c].closed = true;
    w.run(39 * SECOND);
    assert_eq!(w.shard.sessions(), 1);
    w.run(2 * SECOND);
    assert!(w.notices.contains(&Notice::Lost { session: w.clients[c].session }));
    assert_eq!((w.shard.sessions(), w.shard.bindings()), (0, 0));
}

#[test]
fn the_limit_of_sessions_is_one_clear_refusal() {
    let mut w = World::new();
    for i in 0..50 {
        w.join(&format!("user{i}"), false);
    }
    let (_, offer) =
        Peer::new(PeerConfig::voice(w.clients[0].address, w.certificate.clone()), w.now).unwrap();
    let session = SessionId(1000);
    w.command(Command::Open {
        session,
        room: room(2),
        user: user("late"),
        label: String::new(),
        offer,
        gate_open: true,
        on: crate::common::BOTH,
    });
    assert!(w.notices.contains(&Notice::Refused { session, error: OfferError::Full }));
}

#[test]
fn a_listener_without_a_microphone_hears_and_sees() {
    let mut w = World::new();
    w.join("alice", true);
    w.join_with("bob", true, |c| c.lines.iter_mut().for_each(|l| l.send = false));
    w.connect();
    w.talk(&[0], SECOND);
    let (sound, pictures) = heard_and_seen(&mut w, 1, 0);
    assert!(sound == 50 && pictures > 0);
}

#[test]
fn the_answer_is_ice_lite_with_all_candidates_and_the_codecs_in_order() {
    let mut w = World::new();
    let c = w.join_with("alice", true, |c| c.video_codecs = vec![Codec::Vp8, Codec::H264]);
    let answer = &w.clients[c].answer;
    for wanted in [
        "a=ice-lite",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host",
        "a=end-of-candidates",
        "useinbandfec=1",
        "transport-cc",
        "nack",
        "profile-level-id=42e01f",
        "packetization-mode=1",
        "a=setup:passive",
    ] {
        assert!(answer.contains(wanted), "{wanted} is missing in\n{answer}");
    }
    assert_eq!(answer.matches("a=candidate:").count(), 1);
    let (h264, vp8) = (answer.find("H264/90000").unwrap(), answer.find("VP8/90000").unwrap());
    assert!(h264 < vp8, "H.264 comes first");
}
