use super::*;
use crate::api::{Command, Notice, SessionId};
use crate::ice::ufrag::Owner;
use crate::rtmp::testing;
use crate::shard::ShardConfig;
use crate::streams::StreamTicket;
use crate::webrtc::Certificate;
use tring_protocol::{RoomId, RoomKey, SdkAppId};

/// What a caller of a video call has on.
const BOTH: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

const ROOM: u32 = 7;

fn room() -> RoomKey {
    RoomKey { app: SdkAppId::new(1_400_000_001).unwrap(), room: RoomId::new(ROOM).unwrap() }
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// A shard with two phones: session 1 is Alice's, session 2 Bob's.
struct World {
    shard: Shard,
    out: Output,
    now: Instant,
    last: u64,
}

impl World {
    fn new() -> Self {
        let config = ShardConfig {
            owner: Owner { node: 0, worker: 0 },
            certificate: Certificate::generate().unwrap(),
            local: vec!["127.0.0.1:7700".parse().unwrap()],
            advertise: Vec::new(),
            max_sessions: 100,
            max_connections: 100,
        };
        let now = Instant::now();
        Self { shard: Shard::new(config, now), out: Output::new(), now, last: 0 }
    }

    fn command(&mut self, c: Command) {
        self.shard.command(c, self.now, &mut self.out);
    }

    /// Opens a session with a closed gate; gives the tickets to push and to play the other.
    fn open(&mut self, session: u64, who: &str, other: &str) -> (StreamTicket, StreamTicket) {
        self.command(Command::OpenStreams {
            session: SessionId(session),
            room: room(),
            user: user(who),
            label: "c1".into(),
            others: vec![user(other)],
            gate_open: false,
            on: BOTH,
        });
        match self.out.notices.pop() {
            Some(Notice::StreamsOpened { tickets, .. }) => (tickets.push, tickets.play[0].1.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn gate(&mut self, session: u64) {
        self.command(Command::OpenGate { session: SessionId(session) });
    }

    fn devices(&mut self, session: u64, microphone: bool, camera: bool) {
        let mut on = SourceSet::EMPTY;
        on.set(Source::Microphone, microphone);
        on.set(Source::Camera, camera);
        self.command(Command::SetSources { session: SessionId(session), on });
    }

    fn connect(&mut self, command: &str, ticket: &StreamTicket) -> ConnectionId {
        self.last += 1;
        let conn = ConnectionId(self.last);
        assert!(self.shard.connect(conn, StreamProtocol::Rtmp([1; 8]), self.now));
        let name = format!("c1?ticket={}", ticket.as_str());
        self.send(conn, &testing::greeting(command, "call", &name));
        self.bytes(conn);
        conn
    }

    fn send(&mut self, conn: ConnectionId, bytes: &[u8]) {
        self.shard.receive_stream(conn, bytes, self.now, &mut self.out);
    }

    /// Pushes sound and a key frame, each with a mark of its own.
    fn push(&mut self, conn: ConnectionId, mark: u8) {
        for (kind, first) in [(TagKind::Audio, 0xaf), (TagKind::Video, 0x17)] {
            let payload = [first, 1, 0, 0, 0, mark, mark, mark].as_slice().into();
            self.send(conn, &testing::publish(&Tag::new(kind, u32::from(mark), payload)));
        }
    }

    fn bytes(&mut self, conn: ConnectionId) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.shard.fill(conn, self.now, &mut bytes);
        bytes
    }

    /// Which of sound and picture with this mark a player was given.
    fn got(&mut self, conn: ConnectionId, mark: u8) -> [bool; 2] {
        has(&self.bytes(conn), mark)
    }
}

fn has(bytes: &[u8], mark: u8) -> [bool; 2] {
    [0xaf, 0x17].map(|first| bytes.windows(8).any(|w| w == [first, 1, 0, 0, 0, mark, mark, mark]))
}

#[test]
fn nothing_flows_before_both_have_accepted() {
    let mut w = World::new();
    let ((push, _), (_, play)) = (w.open(1, "alice", "bob"), w.open(2, "bob", "alice"));
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    w.push(pusher, 1);
    w.gate(1);
    w.push(pusher, 2);
    assert!(w.bytes(player).is_empty());
    w.gate(2);
    assert_eq!(w.got(player, 2), [false; 2], "nothing from before is kept for later");
    w.push(pusher, 3);
    assert_eq!(w.got(player, 3), [true; 2]);
}

#[test]
fn what_is_off_does_not_flow_and_no_old_picture_is_shown_after() {
    let mut w = World::new();
    let ((push, _), (_, play)) = (w.open(1, "alice", "bob"), w.open(2, "bob", "alice"));
    w.gate(1);
    w.gate(2);
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    w.devices(1, false, true);
    w.push(pusher, 1);
    assert_eq!(w.got(player, 1), [false, true]);
    w.devices(1, true, false);
    w.push(pusher, 2);
    assert_eq!(w.got(player, 2), [true, false]);
    // Who joins while the camera is off is shown nothing of before.
    let late = w.connect("play", &play);
    w.push(pusher, 3);
    let bytes = w.bytes(late);
    assert_eq!([has(&bytes, 1), has(&bytes, 3)], [[false; 2], [true, false]]);
    w.devices(1, true, true);
    w.push(pusher, 4);
    assert_eq!(w.got(late, 4), [true; 2]);
}

#[test]
fn a_player_hears_silence_while_the_other_is_muted_and_nothing_before_the_gates_are_open() {
    let silent = |bytes: &[u8]| bytes.windows(6).any(|w| w == [0xaf, 1, 0x01, 0x18, 0x20, 0x07]);
    let mut w = World::new();
    let ((push, _), (_, play)) = (w.open(1, "alice", "bob"), w.open(2, "bob", "alice"));
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    let header = Tag::new(TagKind::Audio, 0, [0xaf, 0, 0x11, 0x88].as_slice().into());
    w.send(pusher, &testing::publish(&header));
    w.gate(1);
    w.devices(1, false, true);
    w.push(pusher, 1);
    assert!(w.bytes(player).is_empty());
    w.gate(2);
    w.push(pusher, 2);
    let bytes = w.bytes(player);
    assert!(silent(&bytes));
    assert_eq!(has(&bytes, 2), [false, true]);
    w.devices(1, true, true);
    w.push(pusher, 3);
    let bytes = w.bytes(player);
    assert!(!silent(&bytes));
    assert_eq!(has(&bytes, 3), [true, true]);
}

#[test]
fn a_session_that_ends_leaves_nothing_and_its_tickets_are_void() {
    let mut w = World::new();
    let ((push, _), (_, play)) = (w.open(1, "alice", "bob"), w.open(2, "bob", "alice"));
    w.gate(1);
    w.gate(2);
    let (pusher, player) = (w.connect("publish", &push), w.connect("play", &play));
    w.out.streams.clear();
    w.command(Command::Close { session: SessionId(1) });
    assert_eq!(w.out.streams.hang_up, [pusher]);
    w.command(Command::Close { session: SessionId(2) });
    let late = w.connect("publish", &push);
    assert_eq!(w.out.streams.hang_up, [pusher, player, late]);
    for conn in [pusher, player, late] {
        w.shard.disconnected(conn);
    }
    assert_eq!((w.shard.sessions(), w.shard.connections(), w.shard.streams.held()), (0, 0, 0));
    assert_eq!(w.shard.rooms.len(), 0);
}

#[test]
fn a_stream_that_nobody_can_be_given_is_told_once_after_the_answer() {
    let faults = |w: &mut World| -> Vec<(u64, StreamFault)> {
        let told = w.out.notices.drain(..).filter_map(|n| match n {
            Notice::StreamFault { session, fault, detail } => {
                assert!(detail.contains("send"), "it says what to do: {detail}");
                Some((session.0, fault))
            }
            _ => None,
        });
        told.collect()
    };
    let mut w = World::new();
    let ((push, _), _) = (w.open(1, "alice", "bob"), w.open(2, "bob", "alice"));
    let mp3 = Tag::new(TagKind::Audio, 0, [0x2f, 1, 1].as_slice().into());
    let push_mp3 = |w: &mut World| {
        let pusher = w.connect("publish", &push);
        w.send(pusher, &testing::publish(&mp3));
    };
    push_mp3(&mut w);
    assert_eq!(faults(&mut w), [], "before the answer it is nobody's business");
    w.gate(1);
    push_mp3(&mut w);
    assert_eq!(faults(&mut w), [(1, StreamFault::Codec)]);
    push_mp3(&mut w);
    assert_eq!(faults(&mut w), [], "it tries again and again");
    w.gate(2);
    let pusher = w.connect("publish", &push);
    for n in 0..400 {
        let payload = [0x27, 1, 0, 0, 0, 1].as_slice().into();
        w.send(pusher, &testing::publish(&Tag::new(TagKind::Video, n * 66, payload)));
    }
    assert_eq!(faults(&mut w), [(1, StreamFault::NoKeyFrames)]);
}

#[test]
fn a_user_is_in_a_room_once_whatever_carries_it() {
    let mut w = World::new();
    w.open(1, "alice", "bob");
    w.open(2, "alice", "bob");
    w.gate(1);
    assert_eq!(w.out.ended, [SessionId(2)]);
    w.open(3, "alice", "bob");
    w.gate(3);
    assert_eq!(w.out.ended, [SessionId(2), SessionId(1)], "the newest that was let in talks");
}

#[test]
fn an_endless_list_of_others_is_refused() {
    let mut w = World::new();
    let others = (0..20).map(|n| user(&format!("u{n}"))).collect();
    w.command(Command::OpenStreams {
        session: SessionId(1),
        room: room(),
        user: user("alice"),
        label: "c1".into(),
        others,
        gate_open: true,
        on: BOTH,
    });
    assert!(matches!(w.out.notices[..], [Notice::Refused { error: OfferError::TooLarge(_), .. }]));
    assert_eq!(w.out.ended, [SessionId(1)]);
}

/// How far her microphone is, and what has come of it, in milliseconds.
struct Sending {
    captured: u32,
    sent: u32,
}

/// Alice pushes sound for a second, each frame so late; Bob's player takes what comes, or takes nothing. When the lateness
/// begins nothing comes until it is reached; when it ends, what was held up comes at once.
fn second(
    w: &mut World,
    [pusher, player]: [ConnectionId; 2],
    clock: &mut Sending,
    late: u64,
    takes: bool,
) -> Vec<(u64, u8)> {
    let begin = w.now;
    for i in 0..50u64 {
        w.now = begin + Duration::from_millis(i * 20);
        clock.captured += 20;
        while clock.sent + 20 + u32::try_from(late).unwrap() <= clock.captured {
            clock.sent += 20;
            let payload = [0xaf, 1, 0, 0, 0, 9, 9, 9].as_slice().into();
            let tag = Tag::new(TagKind::Audio, clock.sent, payload);
            w.send(pusher, &testing::publish(&tag));
        }
        if takes {
            w.bytes(player);
        }
    }
    w.now = begin + Duration::from_secs(1);
    w.shard.advance(w.now, &mut w.out);
    let levels = w.out.notices.drain(..).filter_map(|n| match n {
        Notice::Network { session, level } => Some((session.0, level)),
        _ => None,
    });
    levels.collect()
}

#[test]
fn a_phones_network_is_told_of_what_it_pushes_and_of_what_it_plays() {
    let mut w = World::new();
    let ((push, _), (_, play)) = (w.open(1, "alice", "bob"), w.open(2, "bob", "alice"));
    w.gate(1);
    w.gate(2);
    let conns = [w.connect("publish", &push), w.connect("play", &play)];
    let mut clock = Sending { captured: 10_000, sent: 10_000 };
    let mut run = |w: &mut World, seconds: usize, late: u64, takes: bool| -> Vec<(u64, u8)> {
        (0..seconds).flat_map(|_| second(w, conns, &mut clock, late, takes)).collect()
    };
    assert_eq!(run(&mut w, 5, 0, true), [(1, 1), (2, 1)]);
    assert_eq!(run(&mut w, 4, 800, true), [(1, 5)], "what she pushes is late");
    assert_eq!(run(&mut w, 5, 0, true), [(1, 1)]);
    let told = run(&mut w, 4, 0, false);
    assert_eq!(told.last(), Some(&(2, 5)), "he takes nothing: {told:?}");
    assert!(told.iter().all(|&(session, _)| session == 2), "{told:?}");
    assert_eq!(run(&mut w, 5, 0, true).last(), Some(&(2, 1)));
}
