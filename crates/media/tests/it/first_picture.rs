//! The caller's newest key frame waits at the shut gate, and is the first that a callee is sent.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{DELAY, World};
use std::time::Duration;
use tring_media::{Codec, Command, MediaKind, Rtp, SessionId};

const SECOND: Duration = Duration::from_secs(1);

/// From a command to the moment when all that follows from it at once has arrived.
const ARRIVES: Duration = DELAY.saturating_mul(2);

/// Between two pictures.
const PICTURE: Duration = Duration::from_millis(40);

/// Ticks between two pictures.
const TICKS: u32 = 3600;

/// A packet of a key frame of H.264 in pieces (RFC 6184 §5.8): the first, one between, the last.
const KEY: [u8; 3] = [0x85, 0x05, 0x45];

const CALLER: usize = 0;
const CALLEE: usize = 1;

trait Pictures {
    fn keep(&mut self, client: usize);
    fn key_frame(&mut self, client: usize, name: u8);
    fn pieces(&mut self, client: usize, name: u8, pieces: impl Iterator<Item = (u8, bool)>);
    fn delta(&mut self, client: usize);
    fn accept(&mut self);
    fn seen(&mut self, client: usize) -> Vec<Rtp>;
}

impl Pictures for World {
    fn keep(&mut self, client: usize) {
        let session = self.clients[client].session;
        self.command(Command::KeepFirstPicture { session });
    }

    /// A key frame of three packets, which say its name.
    fn key_frame(&mut self, client: usize, name: u8) {
        self.pieces(client, name, KEY.into_iter().map(|piece| (piece, piece == KEY[2])));
    }

    /// The packets of a key frame, each with its piece and whether it is the last, and the time until the next picture.
    fn pieces(&mut self, client: usize, name: u8, pieces: impl Iterator<Item = (u8, bool)>) {
        self.clients[client].clock[1] += TICKS;
        let (clock, now) = (self.clients[client].clock[1], self.now);
        for (piece, last) in pieces {
            let payload = [0x7c, piece, name];
            self.clients[client].peer.send(MediaKind::Video, clock, last, payload, now).unwrap();
        }
        self.flush();
        self.run(PICTURE);
    }

    /// A picture that refers to the one before.
    fn delta(&mut self, client: usize) {
        self.clients[client].clock[1] += TICKS;
        let (clock, now) = (self.clients[client].clock[1], self.now);
        self.clients[client].peer.send(MediaKind::Video, clock, true, [0x41, 0, 0], now).unwrap();
        self.flush();
        self.run(PICTURE);
    }

    /// The callee answers: both gates open, the caller's first.
    fn accept(&mut self) {
        self.open_gate(CALLER);
        self.open_gate(CALLEE);
        self.run(ARRIVES);
    }

    fn seen(&mut self, client: usize) -> Vec<Rtp> {
        self.clients[client].take(MediaKind::Video)
    }
}

/// The caller's and a callee's device, connected, while it rings.
fn ringing() -> World {
    let mut w = World::new();
    w.join("alice", false);
    w.keep(CALLER);
    w.join("bob", false);
    w.connect();
    w
}

fn names(pictures: &[Rtp]) -> Vec<u8> {
    pictures.iter().map(|r| r.payload[2]).collect()
}

#[test]
fn the_first_that_a_callee_is_sent_is_the_callers_newest_key_frame_and_the_stream_goes_on() {
    let mut w = ringing();
    w.key_frame(CALLER, 1);
    w.delta(CALLER);
    w.key_frame(CALLER, 2);
    for _ in 0..30 {
        w.delta(CALLER);
    }
    assert_eq!(w.clients[CALLEE].received.len(), 0, "nothing leaves before the answer");
    let newest = w.clients[CALLER].clock[1];
    w.accept();
    let first = w.seen(CALLEE);
    assert_eq!(names(&first), [2, 2, 2]);
    assert_eq!(first.iter().map(|r| r.payload[1]).collect::<Vec<_>>(), KEY);
    assert_eq!(first.iter().map(|r| r.marker).collect::<Vec<_>>(), [false, false, true]);
    assert!(first.iter().all(|r| r.timestamp == newest), "as old as the newest picture, not as itself");
    assert_eq!(w.clients[CALLER].keyframe_requests.len(), 1, "the next is asked for at once");
    // What refers to pictures that were never sent would be shown as rubbish.
    w.delta(CALLER);
    assert_eq!(w.seen(CALLEE).len(), 0);
    w.key_frame(CALLER, 3);
    w.delta(CALLER);
    let live = w.seen(CALLEE);
    assert_eq!(names(&live), [3, 3, 3, 0]);
    let numbers: Vec<u64> = first.iter().chain(&live).map(|r| r.seq).collect();
    assert!(numbers.windows(2).all(|n| n[1] == n[0] + 1), "{numbers:?}");
    assert_eq!(live[0].timestamp, newest + 2 * TICKS, "the clock ran on");
    assert!(first.iter().chain(&live).all(|r| r.ssrc == first[0].ssrc && r.codec == Codec::H264));
    assert_eq!(w.shard.take_counters().first_pictures, 1);
}

#[test]
fn only_who_answers_is_sent_it_and_only_a_caller_s_waits() {
    // Bob's two devices ring, both with pictures of their own; one answers.
    let mut w = World::new();
    w.join("alice", false);
    w.keep(CALLER);
    let (answers, other) = (w.join("bob", false), w.join("bob", false));
    w.connect();
    for client in 0..3 {
        w.key_frame(client, client as u8 + 1);
    }
    w.run(5 * PICTURE);
    assert!(w.clients.iter().all(|c| c.received.is_empty()));
    w.open_gate(CALLER);
    w.run(ARRIVES);
    assert!(w.clients.iter().all(|c| c.received.is_empty()), "one gate is no answer");
    w.open_gate(answers);
    w.run(SECOND);
    assert_eq!(names(&w.seen(answers)), [1; 3]);
    assert_eq!(w.seen(CALLER).len(), 0, "what a callee sent before its answer is gone");
    assert_eq!(w.seen(other).len(), 0);
}

#[test]
fn a_session_that_does_not_call_keeps_nothing() {
    for calls in [true, false] {
        let mut w = World::new();
        w.join("alice", false);
        if calls {
            w.keep(CALLER);
        }
        w.join("bob", false);
        w.connect();
        w.key_frame(CALLER, 1);
        w.accept();
        assert_eq!(w.seen(CALLEE).len(), if calls { 3 } else { 0 });
    }
}

#[test]
fn a_camera_that_went_off_while_it_rings_leaves_nothing() {
    for off in [false, true] {
        let mut w = ringing();
        w.key_frame(CALLER, 1);
        if off {
            w.devices(CALLER, true, false);
            // The browser goes on sending for a while.
            w.key_frame(CALLER, 2);
            w.devices(CALLER, true, true);
        }
        w.accept();
        assert_eq!(names(&w.seen(CALLEE)), if off { vec![] } else { vec![1; 3] });
    }
    // On again, the next one counts.
    let mut w = ringing();
    w.key_frame(CALLER, 1);
    w.devices(CALLER, true, false);
    w.devices(CALLER, true, true);
    w.key_frame(CALLER, 2);
    w.accept();
    assert_eq!(names(&w.seen(CALLEE)), [2; 3]);
}

#[test]
fn a_camera_that_is_off_at_the_answer_shows_nothing_until_it_is_on() {
    let mut w = ringing();
    w.key_frame(CALLER, 1);
    w.devices(CALLER, true, false);
    w.accept();
    w.devices(CALLER, true, true);
    w.run(ARRIVES);
    assert_eq!(w.seen(CALLEE).len(), 0);
    w.key_frame(CALLER, 2);
    assert_eq!(names(&w.seen(CALLEE)), [2; 3]);
}

#[test]
fn it_is_forgotten_with_the_session_and_a_key_that_is_used_again_has_none() {
    let mut w = ringing();
    w.key_frame(CALLER, 1);
    w.close(CALLER);
    let carol = w.join("carol", false);
    w.open_gate(CALLEE);
    w.run(SECOND);
    w.open_gate(carol);
    w.run(SECOND);
    assert_eq!(w.seen(CALLEE).len(), 0);
    // Her own comes.
    w.key_frame(carol, 2);
    assert_eq!(names(&w.seen(CALLEE)), [2; 3]);
}

#[test]
fn an_answer_before_the_connection_is_sent_it_once_that_is_there() {
    let mut w = World::new();
    w.join("alice", false);
    w.keep(CALLER);
    w.connect();
    w.key_frame(CALLER, 1);
    w.join("bob", false);
    w.open_gate(CALLER);
    w.open_gate(CALLEE);
    w.key_frame(CALLER, 2);
    w.connect();
    w.run(ARRIVES);
    assert_eq!(names(&w.seen(CALLEE)), [2; 3]);
}

#[test]
fn one_of_which_a_packet_is_missing_or_that_is_too_large_is_not_sent() {
    let whole = [(KEY[0], false), (KEY[1], false), (KEY[2], true)];
    let too_many = || (0..500).map(|n| (if n == 0 { KEY[0] } else { KEY[1] }, n == 499));
    for (what, spoilt) in [("no end", &whole[..2]), ("no beginning", &whole[1..])] {
        let mut w = ringing();
        w.key_frame(CALLER, 1);
        w.pieces(CALLER, 2, spoilt.iter().copied());
        w.accept();
        assert_eq!(names(&w.seen(CALLEE)), [1; 3], "{what}: the one before");
    }
    let mut w = ringing();
    w.pieces(CALLER, 1, too_many());
    w.accept();
    assert_eq!(w.seen(CALLEE).len(), 0);
}

#[test]
fn one_that_is_older_than_a_few_seconds_is_not_shown() {
    for (age, shown) in [(3 * SECOND, 3), (9 * SECOND, 0)] {
        let mut w = ringing();
        w.key_frame(CALLER, 1);
        w.run(age);
        w.accept();
        assert_eq!(w.seen(CALLEE).len(), shown, "{age:?}");
    }
}

#[test]
fn who_cannot_decode_it_is_not_sent_it() {
    for codecs in [vec![Codec::H264], vec![Codec::Vp8]] {
        let takes = codecs == [Codec::H264];
        let mut w = World::new();
        w.join_with("alice", false, |c| c.video_codecs = vec![Codec::H264]);
        w.keep(CALLER);
        w.join_with("bob", false, |c| c.video_codecs = codecs);
        w.connect();
        w.key_frame(CALLER, 1);
        w.accept();
        assert_eq!(w.seen(CALLEE).len(), if takes { 3 } else { 0 });
    }
}

#[test]
fn while_it_rings_a_caller_is_asked_for_a_key_frame_now_and_then_and_a_callee_never() {
    let mut w = ringing();
    let start = w.now;
    while w.now < start + 9 * SECOND {
        let asked = w.clients[CALLER].keyframe_requests.len();
        w.delta(CALLER);
        w.delta(CALLEE);
        if w.clients[CALLER].keyframe_requests.len() > asked {
            w.key_frame(CALLER, 1);
        }
    }
    let asked = &w.clients[CALLER].keyframe_requests;
    assert!((3..=5).contains(&asked.len()), "{asked:?}");
    assert!(w.clients[CALLEE].keyframe_requests.is_empty());
}

#[test]
fn a_caller_who_does_not_answer_the_request_is_asked_again() {
    let mut w = ringing();
    w.key_frame(CALLER, 1);
    w.accept();
    let start = w.now;
    while w.now < start + 2 * SECOND {
        w.delta(CALLER);
    }
    assert_eq!(names(&w.seen(CALLEE)), [1; 3], "a still rather than rubbish");
    let asked = w.clients[CALLER].keyframe_requests.len();
    assert!((3..=4).contains(&asked), "{asked}");
}

#[test]
fn a_command_for_a_session_that_does_not_exist_does_nothing() {
    let mut w = ringing();
    w.command(Command::KeepFirstPicture { session: SessionId(99) });
    w.key_frame(CALLER, 1);
    w.accept();
    w.keep(CALLER);
    assert_eq!(names(&w.seen(CALLEE)), [1; 3]);
}
