//! People who do not all have the same video codecs.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::World;
use std::time::Duration;
use tring_media::{Codec, MediaKind, Notice, SessionId, Source};

const SECOND: Duration = Duration::from_secs(1);
const BOTH: [Codec; 2] = [Codec::H264, Codec::Vp8];

fn join(w: &mut World, name: &str, gate_open: bool, codecs: &[Codec]) -> usize {
    let client = w.join_with(name, gate_open, |c| c.video_codecs = codecs.to_vec());
    w.connect();
    client
}

fn sends(w: &World, client: usize) -> Option<Codec> {
    w.clients[client].peer.codec(MediaKind::Video)
}

/// Pictures that a client gets while all talk for a second.
fn pictures(w: &mut World, client: usize) -> usize {
    w.clients[client].received.clear();
    let all: Vec<usize> = (0..w.clients.len()).filter(|&c| !w.clients[c].closed).collect();
    w.talk(&all, SECOND);
    w.clients[client].take(MediaKind::Video).len()
}

fn mismatches(w: &mut World) -> Vec<(SessionId, Option<Codec>)> {
    let told = w.take_notices().into_iter();
    told.filter_map(|n| match n {
        Notice::CodecMismatch { session, source: Source::Camera, wanted } => Some((session, wanted)),
        _ => None,
    })
    .collect()
}

#[test]
fn who_joins_somebody_without_h264_sends_vp8_at_once() {
    let mut w = World::new();
    let old = join(&mut w, "old", true, &[Codec::Vp8]);
    let new = join(&mut w, "new", true, &BOTH);
    assert_eq!(sends(&w, new), Some(Codec::Vp8));
    assert!(pictures(&mut w, old) > 0 && pictures(&mut w, new) > 0);
    assert_eq!(mismatches(&mut w), []);
}

#[test]
fn a_ringing_device_without_h264_counts_too() {
    let mut w = World::new();
    join(&mut w, "old", false, &[Codec::Vp8]);
    let caller = join(&mut w, "caller", true, &BOTH);
    assert_eq!(sends(&w, caller), Some(Codec::Vp8));
}

#[test]
fn among_people_with_both_and_beside_ones_own_other_devices_h264_comes_first() {
    let mut w = World::new();
    join(&mut w, "me", false, &[Codec::Vp8]);
    let me = join(&mut w, "me", true, &[Codec::Vp8, Codec::H264]);
    assert_eq!(sends(&w, me), Some(Codec::H264));
}

#[test]
fn who_was_there_before_is_told_once_and_a_new_offer_or_another_codec_helps() {
    let mut w = World::new();
    let first = join(&mut w, "first", true, &BOTH);
    let old = join(&mut w, "old", true, &[Codec::Vp8]);
    assert_eq!(sends(&w, first), Some(Codec::H264));
    assert_eq!(pictures(&mut w, old), 0);
    assert_eq!(pictures(&mut w, old), 0);
    let session = w.clients[first].session;
    assert_eq!(mismatches(&mut w), [(session, Some(Codec::Vp8))], "once");
    assert!(pictures(&mut w, first) > 0, "the other way worked all the time");

    // As `setParameters` does.
    assert!(w.clients[first].peer.use_codec(Codec::Vp8));
    assert!(pictures(&mut w, old) > 0);
    assert_eq!(mismatches(&mut w), []);

    // A new offer instead: the answer has VP8 first.
    let again = join(&mut w, "first", true, &BOTH);
    assert_eq!(sends(&w, again), Some(Codec::Vp8));
    assert!(pictures(&mut w, old) > 0);
    assert_eq!(mismatches(&mut w), []);
}

#[test]
fn a_client_that_ignores_the_answers_order_is_not_told_again_and_again() {
    let mut w = World::new();
    let old = join(&mut w, "old", true, &[Codec::Vp8]);
    let stubborn = join(&mut w, "stubborn", true, &BOTH);
    assert!(w.clients[stubborn].peer.use_codec(Codec::H264));
    assert_eq!(pictures(&mut w, old), 0);
    assert_eq!(mismatches(&mut w), []);
}

#[test]
fn a_client_that_changes_back_and_forth_is_told_at_most_once_a_second() {
    let mut w = World::new();
    let first = join(&mut w, "first", true, &BOTH);
    join(&mut w, "old", true, &[Codec::Vp8]);
    for _ in 0..100 {
        for codec in BOTH {
            assert!(w.clients[first].peer.use_codec(codec));
            w.talk(&[first], Duration::from_millis(20));
        }
    }
    let told = mismatches(&mut w).len();
    assert!((2..=5).contains(&told), "{told} in four seconds");
}

#[test]
fn without_a_common_codec_that_is_said_and_the_sound_goes_on() {
    let mut w = World::new();
    let h264 = join(&mut w, "h264", true, &[Codec::H264]);
    let vp8 = join(&mut w, "vp8", true, &[Codec::Vp8]);
    assert_eq!(pictures(&mut w, vp8), 0);
    assert!(w.clients[vp8].take(MediaKind::Audio).len() >= 45);
    let told = mismatches(&mut w);
    for c in [h264, vp8] {
        assert!(told.contains(&(w.clients[c].session, None)), "{told:?}");
    }
    assert_eq!(told.len(), 2);
}
