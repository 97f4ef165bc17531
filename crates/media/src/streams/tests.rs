use super::connection::MAX_ANSWERS;
use super::connections::{NOT_VALID, OTHER_WAY};
use super::progress::STUCK_AFTER;
use super::*;
use crate::rtmp::{Direction, FLV_HEADER, TagKind, testing};
use std::time::Duration;

const A: Key = Key(1);
const B: Key = Key(2);

const MAX_CONNECTIONS: usize = 5_000;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Two phones in a call, and every byte that left.
struct World {
    streams: Streams,
    out: StreamOutput,
    now: Instant,
    frames: Vec<(Key, Tag)>,
    a: StreamTickets,
    b: StreamTickets,
    last: u64,
}

impl World {
    fn new() -> Self {
        let mut streams = Streams::new(3, MAX_CONNECTIONS);
        let mut seed = 0;
        let mut random = || {
            seed += 1;
            [seed; RANDOM_BYTES]
        };
        let a = streams.open((A, "c1"), vec![user("b")], &mut random);
        let b = streams.open((B, "c1"), vec![user("a")], &mut random);
        Self { streams, out: StreamOutput::default(), now: Instant::now(), frames: Vec::new(), a, b, last: 0 }
    }

    fn connect(&mut self, command: &str, ticket: &StreamTicket) -> ConnectionId {
        self.last += 1;
        let conn = ConnectionId(self.last);
        assert!(self.streams.connect(conn, StreamProtocol::Rtmp([1; 8]), self.now));
        let name = format!("c1?ticket={}", ticket.as_str());
        self.send(conn, &testing::greeting(command, "call", &name));
        conn
    }

    fn send(&mut self, conn: ConnectionId, bytes: &[u8]) {
        self.streams.receive(conn, bytes, self.now, &mut self.frames, &mut self.out);
        for (key, tag) in std::mem::take(&mut self.frames) {
            self.streams.keep(key, &tag, true);
            let (to, of) = if key == A { (B, user("a")) } else { (A, user("b")) };
            let _ = self.streams.deliver((key, &of), to, (&tag, 0), self.now, &mut self.out);
        }
    }

    fn push(&mut self, conn: ConnectionId, first: u8, second: u8, timestamp: u32) {
        let kind = if first >> 4 == 0xa { TagKind::Audio } else { TagKind::Video };
        let tag = Tag::new(kind, timestamp, [first, second, 0, 0, 0, 0].as_slice().into());
        self.send(conn, &testing::publish(&tag));
    }

    /// All that a connection has for a socket that takes everything.
    fn bytes(&mut self, conn: ConnectionId) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let before = bytes.len();
            self.streams.fill(conn, self.now, &mut bytes);
            if bytes.len() == before {
                return bytes;
            }
        }
    }

    /// Lets a second pass. Gives the connections that are to be closed, which are gone then.
    fn second(&mut self) -> Vec<ConnectionId> {
        self.now += Duration::from_secs(1);
        self.out.clear();
        self.streams.tick(self.now, &mut self.out);
        let closed = std::mem::take(&mut self.out.hang_up);
        closed.iter().for_each(|&conn| self.streams.disconnected(conn));
        closed
    }

    /// A stranger whose handshake is done.
    fn stranger(&mut self) -> ConnectionId {
        self.last += 1;
        let conn = ConnectionId(self.last);
        assert!(self.streams.connect(conn, StreamProtocol::Rtmp([1; 8]), self.now));
        let handshake = &testing::greeting("play", "call", "c1")[..1 + 2 * 1536];
        self.send(conn, handshake);
        conn
    }

    fn says(&mut self, conn: ConnectionId, text: &str) -> bool {
        let bytes = self.bytes(conn);
        bytes.windows(text.len()).any(|w| w == text.as_bytes())
    }
}

#[test]
fn what_one_pushes_the_other_plays() {
    let mut w = World::new();
    let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    assert!(w.says(pusher, "NetStream.Publish.Start") && w.says(player, "NetStream.Play.Start"));
    w.push(pusher, 0xaf, 0, 0);
    w.push(pusher, 0xaf, 1, 10);
    assert!(w.out.ready.contains(&player));
    let bytes = w.bytes(player);
    assert!(bytes.windows(4).any(|b| b == [0xaf, 0, 0, 0]) && bytes.windows(4).any(|b| b == [0xaf, 1, 0, 0]));
    assert!(w.bytes(player).is_empty());
}

#[test]
fn a_ticket_is_for_one_direction_and_one_call() {
    let mut w = World::new();
    let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
    let wrong = w.connect("play", &push);
    assert!(w.says(wrong, OTHER_WAY) && w.out.hang_up.contains(&wrong));
    let wrong = w.connect("publish", &play);
    assert!(w.says(wrong, OTHER_WAY));
    let wrong = w.connect("publish", &StreamTicket::new(3, [77; RANDOM_BYTES]));
    assert!(w.says(wrong, NOT_VALID));
    w.streams.close(A, &mut w.out);
    let late = w.connect("publish", &push);
    assert!(w.says(late, NOT_VALID));
}

#[test]
fn a_newer_pusher_takes_the_place_of_the_older_and_the_player_stays() {
    let mut w = World::new();
    let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
    let (first, player) = (w.connect("publish", &push), w.connect("play", &play));
    w.push(first, 0xaf, 1, 500_000);
    w.bytes(player);
    let second = w.connect("publish", &push);
    assert!(w.out.hang_up.contains(&first) && !w.out.hang_up.contains(&player));
    w.push(first, 0xaf, 1, 500_021);
    assert!(w.bytes(player).is_empty(), "what the older one still sends is dropped");
    w.streams.disconnected(first);
    w.push(second, 0xaf, 1, 0);
    assert!(!w.bytes(player).is_empty());
}

#[test]
fn flv_begins_with_its_header() {
    let mut w = World::new();
    let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
    let pusher = w.connect("publish", &push);
    let flv = ConnectionId(99);
    assert!(w.streams.connect(flv, StreamProtocol::Flv, w.now));
    let query = format!("ticket={}", play.as_str());
    let wanted = StreamRequest { direction: Direction::Play, app: String::new(), name: "c1".into(), query };
    w.streams.admit(flv, wanted, w.now, &mut w.out);
    w.push(pusher, 0xaf, 1, 5);
    let bytes = w.bytes(flv);
    assert_eq!(bytes[..3], *b"FLV");
    assert_eq!((bytes[13], bytes.len()), (8, 13 + 11 + 6 + 4));
}

/// Kind and time of each frame in the bytes of an FLV player.
fn flv_frames(mut bytes: &[u8]) -> Vec<(u8, u32)> {
    let mut frames = Vec::new();
    bytes = bytes.strip_prefix(&FLV_HEADER[..]).unwrap_or(bytes);
    while let Some((head, rest)) = bytes.split_first_chunk::<11>() {
        let size = usize::from(head[2]) << 8 | usize::from(head[3]);
        frames.push((head[0], u32::from_be_bytes([head[7], head[4], head[5], head[6]])));
        bytes = &rest[size + 4..];
    }
    frames
}

/// Six seconds of sound and pictures; after two the phone's clock is set back by 1.5 s.
#[test]
fn a_phone_whose_clock_is_set_back_is_played_on_at_its_own_pace() {
    for back in [0, 150, 1_500, 4_900, 5_100] {
        let mut w = World::new();
        let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
        let pusher = w.connect("publish", &push);
        let flv = ConnectionId(99);
        assert!(w.streams.connect(flv, StreamProtocol::Flv, w.now));
        let query = format!("ticket={}", play.as_str());
        let wanted =
            StreamRequest { direction: Direction::Play, app: String::new(), name: "c1".into(), query };
        w.streams.admit(flv, wanted, w.now, &mut w.out);
        let (start, mut played) = (w.now, Vec::new());
        for ms in (0..6_000).step_by(20) {
            w.now = start + Duration::from_millis(ms.into());
            let at = 100_000 + ms - if ms >= 2_000 { back } else { 0 };
            w.push(pusher, 0xaf, 1, at);
            if ms % 60 == 0 {
                w.push(pusher, 0x17, 1, at);
            }
            played.extend(flv_frames(&w.bytes(flv)));
        }
        for (kind, step, count) in [(8, 20, 300), (9, 60, 100)] {
            let times: Vec<u32> = played.iter().filter(|(k, _)| *k == kind).map(|(_, at)| *at).collect();
            assert_eq!(times.len(), count);
            let uneven: Vec<_> = times.windows(2).filter(|w| w[1] != w[0] + step).collect();
            assert!(uneven.is_empty(), "{back} ms back: {uneven:?}");
        }
    }
}

#[test]
fn a_connection_moves_to_the_worker_of_its_ticket() {
    let (mut here, mut there) = (World::new(), World::new());
    there.streams.worker = 5;
    let tickets = there.streams.open((Key(9), "c2"), vec![], || [200; RANDOM_BYTES]);
    let conn = here.connect("publish", &tickets.push);
    assert_eq!(here.out.moves, [(conn, 5)]);
    let released = here.streams.release(conn).unwrap();
    there.streams.adopt(conn, released, there.now, &mut there.out);
    assert!(there.says(conn, "NetStream.Publish.Start"));
    there.push(conn, 0xaf, 1, 5);
    assert!(here.streams.release(conn).is_none());
}

#[test]
fn the_end_of_a_session_ends_its_connections_and_leaves_nothing() {
    let mut w = World::new();
    let (push, play, back) = (w.a.push.clone(), w.a.play[0].1.clone(), w.b.play[0].1.clone());
    let conns = [w.connect("publish", &push), w.connect("play", &play), w.connect("play", &back)];
    w.streams.close(A, &mut w.out);
    assert!(w.says(conns[0], "NetStream.Unpublish.Success"));
    assert_eq!(w.out.hang_up, conns[..2]);
    w.streams.close(B, &mut w.out);
    for conn in conns {
        w.streams.disconnected(conn);
    }
    assert_eq!(w.streams.held(), 0);
}

#[test]
fn silence_ends_strangers_and_pushers_but_no_player_that_has_nothing_to_take() {
    let mut w = World::new();
    let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    w.bytes(player);
    let stranger = ConnectionId(50);
    w.streams.connect(stranger, StreamProtocol::Rtmp([0; 8]), w.now);
    w.now += Duration::from_secs(11);
    w.streams.tick(w.now, &mut w.out);
    assert_eq!(w.out.hang_up, [stranger]);
    w.streams.disconnected(stranger);
    w.push(pusher, 0xaf, 1, 5);
    w.now += Duration::from_secs(21);
    w.out.hang_up.clear();
    w.streams.tick(w.now, &mut w.out);
    assert_eq!((&w.out.hang_up, &w.out.reset), (&vec![pusher], &vec![]), "the pusher says nothing");
    w.streams.disconnected(pusher);
    w.now += STUCK_AFTER;
    assert_eq!(w.streams.tick(w.now, &mut w.out), 1);
    assert_eq!(w.out.reset, [player], "the player takes nothing");
    assert!(!w.streams.streams[&B].players.contains_key(&user("a")));
}

/// The second in which a player is closed that is sent a frame each second and of which a socket takes so many bytes.
fn closed_in(took: impl Fn(u64) -> usize, seconds: u64) -> Option<u64> {
    let mut w = World::new();
    let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    for conn in [pusher, player] {
        w.bytes(conn);
    }
    for second in 0..seconds {
        w.push(pusher, 0xaf, 1, u32::try_from(second).unwrap() * 1_000);
        if second == 0 {
            w.streams.fill(player, w.now, &mut Vec::new());
        }
        w.streams.took(player, took(second), w.now);
        assert!(!w.second().contains(&pusher));
        if w.out.reset.contains(&player) {
            return Some(second);
        }
    }
    None
}

#[test]
fn a_player_that_reads_nothing_is_closed_and_one_on_a_slow_link_or_in_a_lift_is_not() {
    let limit = STUCK_AFTER.as_secs();
    assert_eq!(closed_in(|_| 0, 600), Some(limit - 1));
    assert_eq!(closed_in(|_| 100, 600), Some(limit - 1), "a byte now and then is no progress");
    assert_eq!(closed_in(|_| 37_500, 600), None, "300 kb/s");
    assert_eq!(
        closed_in(|second| if second < 40 { 0 } else { 5_000 }, 600),
        None,
        "20 s in a lift, and as long to hear of it"
    );
}

#[test]
fn a_player_that_has_taken_all_is_kept_however_long_nothing_comes() {
    let mut w = World::new();
    let play = w.b.play[0].1.clone();
    let player = w.connect("play", &play);
    w.bytes(player);
    for _ in 0..3_600 {
        assert!(w.second().is_empty() && w.out.reset.is_empty());
    }
    let push = w.a.push.clone();
    let pusher = w.connect("publish", &push);
    w.push(pusher, 0xaf, 1, 5);
    assert!(!w.bytes(player).is_empty());
}

#[test]
fn connections_are_bounded() {
    let mut streams = Streams::new(0, MAX_CONNECTIONS);
    let now = Instant::now();
    for n in 0..MAX_CONNECTIONS as u64 {
        assert!(streams.connect(ConnectionId(n), StreamProtocol::Rtmp([0; 8]), now));
    }
    assert!(!streams.connect(ConnectionId(u64::MAX), StreamProtocol::Rtmp([0; 8]), now));
}

#[test]
fn what_ends_a_pusher_is_said_to_it_and_touches_no_other() {
    let mut w = World::new();
    let (push, back) = (w.a.push.clone(), w.b.push.clone());
    let other = w.connect("publish", &back);
    w.says(other, "NetStream.Publish.Start");
    let tag = |kind, first: u8| testing::publish(&Tag::new(kind, 0, [first, 1, 0].as_slice().into()));
    for (bytes, reason) in [
        (tag(TagKind::Video, 0x1c), "H.265"),
        (tag(TagKind::Audio, 0x2f), "MP3"),
        (testing::control(1, &0u32.to_be_bytes()), "a chunk size of 0"),
        (testing::control(1, &(1u32 << 31).to_be_bytes()), "a chunk size of 2147483648"),
    ] {
        let conn = w.connect("publish", &push);
        assert!(w.says(conn, "NetStream.Publish.Start"));
        w.send(conn, &bytes);
        assert!(w.says(conn, reason), "{reason}");
        assert!(w.out.hang_up.contains(&conn) && !w.out.hang_up.contains(&other), "{reason}");
        w.push(conn, 0xaf, 1, 5);
    }
    w.push(other, 0xaf, 1, 5);
}

#[test]
fn a_thousand_silent_strangers_hold_little_and_are_gone_in_seconds() {
    let mut w = World::new();
    let (push, play) = (w.a.push.clone(), w.b.play[0].1.clone());
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    for n in 1_000..2_000 {
        assert!(w.streams.connect(ConnectionId(n), StreamProtocol::Rtmp([0; 8]), w.now));
        w.streams.receive(ConnectionId(n), &[3], w.now, &mut w.frames, &mut w.out);
    }
    let mut gone = 0;
    for second in 0..11 {
        w.now += Duration::from_secs(1);
        w.streams.tick(w.now, &mut w.out);
        for conn in std::mem::take(&mut w.out.hang_up) {
            w.streams.disconnected(conn);
            gone += 1;
        }
        w.push(pusher, 0xaf, 1, second * 1000);
        assert!(!w.bytes(player).is_empty(), "the call goes on");
    }
    assert_eq!(gone, 1_000);
}

/// The seconds after which a stranger is closed that sends this each four seconds and takes every answer.
fn closed_after(sent: &[u8]) -> u64 {
    let mut w = World::new();
    let stranger = w.stranger();
    for second in 1..60 {
        if w.second().contains(&stranger) {
            return second;
        }
        if second % 4 == 0 {
            w.send(stranger, sent);
        }
        let answered = !w.bytes(stranger).is_empty();
        assert!(second % 4 != 0 || sent.len() < 6 || answered, "the peer is answered");
    }
    panic!("a stranger outlives a minute");
}

#[test]
fn whatever_a_stranger_says_it_has_ten_seconds_from_the_opening() {
    let ping = testing::control(4, &[0, 6, 0, 0, 0, 1]);
    assert_eq!(closed_after(&ping), 10);
    // Nothing whole: an acknowledgement's first bytes.
    assert_eq!(closed_after(&testing::control(3, &[0; 4])[..2]), 10);
    // The same pings keep one that has its ticket.
    let mut w = World::new();
    let push = w.a.push.clone();
    let pusher = w.connect("publish", &push);
    for second in 1..60 {
        assert!(!w.second().contains(&pusher), "closed after {second} s");
        w.send(pusher, &ping);
        assert!(!w.bytes(pusher).is_empty());
    }
}

#[test]
fn answers_that_a_publisher_does_not_take_are_bounded() {
    let ping = testing::control(4, &[0, 6, 0, 0, 0, 1]);
    let mut w = World::new();
    let (push, back) = (w.a.push.clone(), w.b.push.clone());
    let (rude, honest) = (w.connect("publish", &push), w.connect("publish", &back));
    w.bytes(rude);
    w.out.clear();
    let mut pings = 0;
    while !w.out.hang_up.contains(&rude) {
        assert!(pings < 10_000, "nothing bounds them");
        for conn in [rude, honest] {
            w.send(conn, &ping);
        }
        assert!(!w.bytes(honest).is_empty());
        pings += 1;
    }
    assert!(!w.out.hang_up.contains(&honest), "who takes its answers may have as many");
    assert!(w.bytes(rude).len() < 2 * MAX_ANSWERS);
}
