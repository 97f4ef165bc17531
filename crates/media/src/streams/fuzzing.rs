//! What any pusher may do to its player (feature `fuzzing`).

use super::{ConnectionId, RANDOM_BYTES, StreamOutput, StreamProtocol, StreamTicket, StreamTickets, Streams};
use crate::fuzzing::input::{Input, pieces};
use crate::key::Key;
use crate::rtmp::fuzzing::{messages, read_flv};
use crate::rtmp::{Direction, StreamRequest, Tag, TagKind, testing};
use std::time::{Duration, Instant};
use tring_protocol::UserId;

const A: Key = Key(1);
const B: Key = Key(2);

/// Bytes that one input may push, with something for each frame: more than a queue holds, and less than takes long.
const MAX_PUSHED: usize = 6 << 20;

/// A pushes and B plays, with all that the player was sent on its newest connection.
struct World {
    streams: Streams,
    out: StreamOutput,
    now: Instant,
    frames: Vec<(Key, Tag)>,
    tickets: [StreamTickets; 2],
    last: u64,
    pusher: ConnectionId,
    player: ConnectionId,
    speaks_flv: bool,
    got: Vec<u8>,
    pauses: u32,
    flows: bool,
}

impl World {
    fn new(speaks_flv: bool) -> Self {
        let mut streams = Streams::new(3, usize::MAX);
        let mut seed = 0;
        let mut random = || {
            seed += 1;
            [seed; RANDOM_BYTES]
        };
        let tickets = [(A, "b"), (B, "a")]
            .map(|(key, other)| streams.open((key, "c1"), vec![user(other)], &mut random));
        let none = ConnectionId(0);
        let mut world = Self {
            streams,
            out: StreamOutput::default(),
            now: Instant::now(),
            frames: Vec::new(),
            tickets,
            last: 0,
            pusher: none,
            player: none,
            speaks_flv,
            got: Vec::new(),
            pauses: 0,
            flows: true,
        };
        world.push();
        world.play();
        world
    }

    fn connect(&mut self, speaks: StreamProtocol) -> ConnectionId {
        self.last += 1;
        let conn = ConnectionId(self.last);
        assert!(self.streams.connect(conn, speaks, self.now));
        conn
    }

    /// Another connection pushes.
    fn push(&mut self) {
        self.pusher = self.connect(StreamProtocol::Rtmp([1; 8]));
        let name = format!("c1?ticket={}", self.tickets[0].push.as_str());
        self.send(&testing::greeting("publish", "call", &name));
    }

    /// Another connection plays.
    fn play(&mut self) {
        self.check();
        self.got.clear();
        let query = format!("ticket={}", self.tickets[1].play[0].1.as_str());
        if self.speaks_flv {
            self.player = self.connect(StreamProtocol::Flv);
            let (app, name) = ("call".into(), "c1".into());
            let wanted = StreamRequest { direction: Direction::Play, app, name, query };
            self.streams.admit(self.player, wanted, self.now, &mut self.out);
        } else {
            self.player = self.connect(StreamProtocol::Rtmp([1; 8]));
            let says = testing::greeting("play", "call", &format!("c1?{query}"));
            self.streams.receive(self.player, &says, self.now, &mut self.frames, &mut self.out);
        }
    }

    /// The pusher sends bytes, and what comes of them goes where a room would let it go.
    fn send(&mut self, bytes: &[u8]) {
        self.streams.receive(self.pusher, bytes, self.now, &mut self.frames, &mut self.out);
        for (key, tag) in std::mem::take(&mut self.frames) {
            assert_eq!(key, A, "only A pushes");
            self.streams.keep(key, &tag, self.flows);
            let of = user("a");
            let frame = if self.flows {
                Some(tag)
            } else {
                Some(tag.timestamp)
                    .filter(|_| tag.kind() == TagKind::Audio)
                    .and_then(|t| self.streams.silence(A, t))
            };
            if let Some(frame) = frame {
                self.streams.deliver((A, &of), B, (&frame, self.pauses), self.now, &mut self.out);
            }
        }
        self.out.clear();
    }

    fn fill(&mut self) {
        self.streams.fill(self.player, self.now, &mut self.got);
        let mut answers = Vec::new();
        self.streams.fill(self.pusher, self.now, &mut answers);
    }

    /// What the player got makes sense to a player.
    fn check(&mut self) {
        if self.last < 2 {
            return;
        }
        for _ in 0..10_000 {
            let before = self.got.len();
            self.fill();
            if self.got.len() == before {
                break;
            }
        }
        let tags = if self.speaks_flv { read_flv(&self.got) } else { read_rtmp(&self.got) };
        let mut newest: [Option<u32>; 2] = [None; 2];
        let mut has_keyframe = false;
        for tag in tags.iter().filter(|t| t.kind() != TagKind::Metadata && !t.is_header()) {
            assert!(tag.unsupported().is_none());
            has_keyframe |= tag.is_keyframe();
            assert!(tag.kind() == TagKind::Audio || has_keyframe, "a picture before its key frame");
            let newest = &mut newest[usize::from(tag.kind() == TagKind::Video)];
            let step = newest.map_or(0, |n| tag.timestamp.wrapping_sub(n).cast_signed());
            assert!(step >= 0, "{:?} goes back by {step} ms at {}", tag.kind(), tag.timestamp);
            *newest = Some(tag.timestamp);
        }
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a name")
}

/// The tags of an RTMP connection that plays.
fn read_rtmp(bytes: &[u8]) -> Vec<Tag> {
    let chunks = bytes.get(1 + 2 * 1536..).expect("the handshake is whole");
    let (messages, result) = messages(pieces(chunks, 0));
    assert_eq!(result, Ok(()));
    let tag = |kind, m: &crate::rtmp::fuzzing::Message| Tag::new(kind, m.timestamp, m.payload.clone().into());
    messages
        .iter()
        .filter_map(|m| match m.kind {
            8 => Some(tag(TagKind::Audio, m)),
            9 => Some(tag(TagKind::Video, m)),
            _ => None,
        })
        .collect()
}

/// The first byte: 1 the player speaks FLV, 2 the pusher sends the rest as bytes, cut by the second byte; else the rest
/// is what happens.
pub(crate) fn streams(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (how, seed) = (input.u8(), input.u8());
    let mut w = World::new(how & 1 != 0);
    if how & 2 != 0 {
        for piece in pieces(input.rest(), seed) {
            w.send(piece);
            w.now += Duration::from_millis(seed.into());
            if how & 4 != 0 {
                w.fill();
            }
        }
        return w.check();
    }
    let (mut clock, mut left) = (0_u32, MAX_PUSHED);
    while !input.is_empty() && left > 0 {
        let act = input.u8();
        match act & 15 {
            0 => w.now += Duration::from_millis(input.u16().into()),
            1 => w.fill(),
            2 => w.push(),
            3 => w.play(),
            4 => {
                w.pauses = w.pauses.wrapping_add(1);
                w.streams.forget_pictures(A);
            }
            5 => w.flows = !w.flows,
            6 => clock = input.u32(),
            7 => {
                w.streams.tick(w.now, &mut w.out);
                w.out.clear();
            }
            8 => {
                w.streams.disconnected(w.pusher);
                w.push();
            }
            n => {
                // A step of -64 to 63 ms, and one of the usual beginnings of a frame.
                clock = clock.wrapping_add_signed(i32::from(input.u8().cast_signed()) >> 1);
                let (kind, head): (_, &[u8]) = match n {
                    9 => (TagKind::Audio, &[0xaf, 0, 0x11, 0x88]),
                    10 => (TagKind::Video, &[0x17, 0, 0, 0, 0, 1]),
                    11 => (TagKind::Video, &[0x17, 1, 0, 0, 0, 1]),
                    12 => (TagKind::Video, &[0x27, 1, 0, 0, 0, 1]),
                    13 => (TagKind::Audio, &[0xaf, 1, 1]),
                    14 => (TagKind::Video, input.piece()),
                    _ => (TagKind::Audio, input.piece()),
                };
                let mut payload = head.to_vec();
                // Some are large enough together to fill a queue.
                payload.resize(head.len() + usize::from(act >> 4) * usize::from(act >> 4) * 300, act);
                left = left.saturating_sub(payload.len() + 1_000);
                w.send(&testing::publish(&Tag::new(kind, clock, payload.into())));
            }
        }
    }
    w.check();
}

/// The first byte: 1 it plays. The rest is the query.
pub(crate) fn ticket(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let how = input.u8();
    let Ok(query) = std::str::from_utf8(input.rest()) else { return };
    let ticket = StreamTicket::of_query(query);
    if let Some(ticket) = &ticket {
        assert_eq!(StreamTicket::parse(ticket.as_str()).as_ref(), Some(ticket));
        assert!(query.to_ascii_lowercase().contains(ticket.as_str()));
    }
    let mut w = World::new(false);
    let conn = w.connect(StreamProtocol::Flv);
    let direction = if how & 1 != 0 { Direction::Play } else { Direction::Publish };
    let given = w.tickets.iter().any(|t| match direction {
        Direction::Publish => ticket.as_ref() == Some(&t.push),
        Direction::Play => t.play.iter().any(|(_, p)| ticket.as_ref() == Some(p)),
    });
    let wanted = StreamRequest { direction, app: String::new(), name: String::new(), query: query.into() };
    w.out.clear();
    w.streams.admit(conn, wanted, w.now, &mut w.out);
    let moved = w.out.moves.iter().any(|(c, _)| *c == conn);
    let dismissed = w.out.hang_up.contains(&conn);
    assert_eq!(moved, ticket.as_ref().is_some_and(|t| t.worker() != 3), "to another worker");
    assert_eq!(!moved && !dismissed, given, "only a ticket that was given opens anything");
}
