//! Streams that mini-programs push and play over TCP: which connection belongs to which session, headers and the newest
//! pictures for whoever joins, one clock and one bounded queue for each player.
//!
//! Pure and deterministic: bytes, tickets' random bytes and the time come in; bytes go out when the socket has room for
//! them ([`Streams::fill`]). Who may hear and see whom is the room's to say; here frames go where they are told to go.
//!
//! | file | subject |
//! |---|---|
//! | here | what belongs to which session of a mini-program |
//! | `connections`, `connection` | connections come, show their tickets, push or play, and end; one of them |
//! | `ticket` | what lets a connection push or play |
//! | `push_clock` | the clock of one push, without its steps |
//! | `gop_cache` | what is kept of a stream for players that join it |
//! | `player` | one player: a clock that never jumps, a queue that is cut when its network is too slow |
//! | `progress` | whether a peer takes what it is given |
//! | `network` | how good a mini-program's network is |
//! | `fuzzing` | what any pusher may do to its player (feature `fuzzing`) |
//!
//! To read it, begin with `connections`, then `player`.

mod connection;
mod connections;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod gop_cache;
mod network;
mod player;
mod progress;
mod push_clock;
mod ticket;

use crate::key::Key;
use crate::rtmp::{self, StreamRequest, Tag, TagKind};
use connection::Connection;
use connections::OVER;
use gop_cache::GopCache;
use network::Network;
use player::Player;
use push_clock::PushClock;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use tring_protocol::log::LineLimit;
use tring_protocol::{StreamFault, UserId};

#[cfg(feature = "bridge")]
pub(crate) use gop_cache::HeaderVersion;
pub(crate) use ticket::RANDOM_BYTES;
pub use ticket::StreamTicket;

/// A TCP connection. Chosen by the caller of [`Streams::connect`], never used twice in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What lets one device push its stream and play the others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTickets {
    /// For its own stream.
    pub push: StreamTicket,
    /// For each other user's.
    pub play: Vec<(UserId, StreamTicket)>,
}

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamProtocol {
    /// RTMP, push or play. Eight bytes that its peer cannot foresee.
    Rtmp([u8; 8]),
    /// FLV out. What it wants is known already ([`Shard::admit`](crate::Shard::admit)).
    Flv,
}

/// What the caller has to do for connections.
#[derive(Debug, Default)]
pub struct StreamOutput {
    /// These have something to send: call [`Streams::fill`] when their sockets have room.
    pub ready: Vec<ConnectionId>,
    /// Close these once what is left of them was sent.
    pub hang_up: Vec<ConnectionId>,
    /// Close these at once, and let the system forget what it holds of them: their peers take nothing.
    pub reset: Vec<ConnectionId>,
    /// These belong to another worker: take them out by [`Shard::release`](crate::Shard::release) and give them to it.
    pub moves: Vec<(ConnectionId, u8)>,
}

impl StreamOutput {
    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.hang_up.is_empty() && self.reset.is_empty() && self.moves.is_empty()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.ready.clear();
        self.hang_up.clear();
        self.reset.clear();
        self.moves.clear();
    }
}

/// A connection on its way to another worker, with what it wants.
#[derive(Debug)]
pub struct ReleasedConnection {
    connection: Connection,
    wanted: StreamRequest,
}

#[derive(Debug)]
enum Access {
    Push(Key),
    Play(Key, UserId),
}

/// A session's stream, and what it plays.
#[derive(Debug, Default)]
struct Stream {
    /// The call id, for the log.
    label: String,
    gop_cache: GopCache,
    pusher: Option<ConnectionId>,
    clock: PushClock,
    players: BTreeMap<UserId, ConnectionId>,
    tickets: Vec<StreamTicket>,
    network: Network,
    /// What of it was told to the others already.
    faults_reported: Vec<StreamFault>,
}

/// One worker's streams and their connections.
#[derive(Debug)]
pub(crate) struct Streams {
    worker: u8,
    max_connections: usize,
    connections: HashMap<ConnectionId, Connection>,
    streams: HashMap<Key, Stream>,
    tickets: HashMap<StreamTicket, Access>,
    /// What connections on their way to another worker want.
    leaving: HashMap<ConnectionId, StreamRequest>,
    events: Vec<rtmp::Event>,
    /// What was found of streams since the last [`Streams::take_faults`].
    faults: Vec<(Key, StreamFault, String)>,
    lines: Lines,
}

/// What is written of connections that end, by kind. Whoever reaches the port can cause it.
#[derive(Debug, Default)]
struct Lines {
    refused: LineLimit,
    strangers: LineLimit,
    closed: LineLimit,
}

impl Streams {
    /// Of worker number `worker`, with at most so many connections at a time.
    pub(crate) fn new(worker: u8, max_connections: usize) -> Self {
        Self {
            worker,
            max_connections,
            connections: HashMap::new(),
            streams: HashMap::new(),
            tickets: HashMap::new(),
            leaving: HashMap::new(),
            events: Vec::new(),
            faults: Vec::new(),
            lines: Lines::default(),
        }
    }

    /// A session that may push, and play these users. `label` is the call id, for the log; `random` draws the tickets'
    /// bytes.
    pub(crate) fn open(
        &mut self,
        (key, label): (Key, &str),
        others: Vec<UserId>,
        mut random: impl FnMut() -> [u8; RANDOM_BYTES],
    ) -> StreamTickets {
        let mut draw = || StreamTicket::new(self.worker, random());
        let push = draw();
        let play: Vec<_> = others.into_iter().map(|user| (user, draw())).collect();
        self.tickets.insert(push.clone(), Access::Push(key));
        for (user, ticket) in &play {
            self.tickets.insert(ticket.clone(), Access::Play(key, user.clone()));
        }
        let tickets = std::iter::once(&push).chain(play.iter().map(|(_, t)| t)).cloned().collect();
        self.streams.insert(key, Stream { label: label.to_owned(), tickets, ..Stream::default() });
        StreamTickets { push, play }
    }

    /// The stream of a session that pushes in another way, for players of mini-programs. Its tags are handed in.
    #[cfg(feature = "bridge")]
    pub(crate) fn open_bridged(&mut self, key: Key, label: &str) {
        self.streams.entry(key).or_insert_with(|| Stream { label: label.to_owned(), ..Stream::default() });
    }

    /// What is kept of a session's stream.
    #[cfg(feature = "bridge")]
    pub(crate) fn gop_cache(&self, key: Key) -> Option<&GopCache> {
        Some(&self.streams.get(&key)?.gop_cache)
    }

    /// The player of a session that plays this user waits for a key frame.
    #[cfg(feature = "bridge")]
    pub(crate) fn needs_keyframe(&self, session: Key, user: &UserId) -> bool {
        let conn = self.streams.get(&session).and_then(|s| s.players.get(user));
        let role = conn.and_then(|conn| self.connections.get(conn)).map(|c| &c.role);
        matches!(role, Some(connection::Role::Player { player, .. }) if player.needs_keyframe())
    }

    /// A session is over: its tickets are void and its connections end.
    pub(crate) fn close(&mut self, key: Key, out: &mut StreamOutput) {
        let Some(stream) = self.streams.remove(&key) else { return };
        for ticket in &stream.tickets {
            self.tickets.remove(ticket);
        }
        for conn in stream.pusher.into_iter().chain(stream.players.into_values()) {
            self.dismiss(conn, OVER, out);
        }
    }

    /// Keeps a frame for those who join. See [`GopCache::keep`].
    pub(crate) fn keep(&mut self, from: Key, tag: &Tag, flows: bool) {
        let Some(stream) = self.streams.get_mut(&from) else { return };
        stream.gop_cache.keep(tag, flows);
        if tag.kind() == TagKind::Video && stream.gop_cache.seems_without_keyframes() {
            let detail =
                "no key frame comes, so nobody can begin to see the picture: send one each two seconds or so";
            self.faults.push((from, StreamFault::NoKeyFrames, detail.to_owned()));
        }
    }

    /// What was found of streams since the last call.
    pub(crate) fn take_faults(&mut self) -> Vec<(Key, StreamFault, String)> {
        std::mem::take(&mut self.faults)
    }

    /// Whether this fault of a session's stream has not been told yet. From now on it has.
    pub(crate) fn is_new_fault(&mut self, key: Key, fault: StreamFault) -> bool {
        let Some(stream) = self.streams.get_mut(&key) else { return false };
        let new = !stream.faults_reported.contains(&fault);
        if new {
            stream.faults_reported.push(fault);
        }
        new
    }

    /// A frame of silence of a session's stream, if its sound is of a kind that has one.
    pub(crate) fn silence(&self, from: Key, timestamp: u32) -> Option<Tag> {
        self.streams.get(&from)?.gop_cache.silence(timestamp)
    }

    /// A frame goes from one session to the player of another that plays this user. `pauses` rises each time the
    /// pictures start again after a pause. `true`: the player was too slow, and its queue was cut.
    pub(crate) fn deliver(
        &mut self,
        (from, user): (Key, &UserId),
        to: Key,
        (frame, pauses): (&Tag, u32),
        now: Instant,
        out: &mut StreamOutput,
    ) -> bool {
        let Some(&conn) = self.streams.get(&to).and_then(|s| s.players.get(user)) else { return false };
        let (Some(source), Some(connection)) = (self.streams.get(&from), self.connections.get_mut(&conn))
        else {
            return false;
        };
        if frame.kind() == TagKind::Metadata || frame.is_header() {
            return false; // the player is given them with its next frame
        }
        out.ready.push(conn);
        let mut waiting = 0;
        let push = |player: &mut Player| {
            let cut = player.push(&source.gop_cache, (frame, pauses), now);
            waiting = player.waiting_ms();
            cut
        };
        let cut = connection.play(push, now);
        if let Some(stream) = self.streams.get_mut(&to) {
            stream.network.waits(waiting, cut);
        }
        cut
    }

    /// Pictures stop, or start again: what was kept before must not be shown.
    pub(crate) fn forget_pictures(&mut self, key: Key) {
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.gop_cache.forget_pictures();
        }
    }

    /// Some session's network was judged: it goes on being, without connections, too.
    pub(crate) fn judges(&self) -> bool {
        self.streams.values().any(|s| s.network.was_judged())
    }

    /// A second has passed: the levels of sessions' networks that are to be told. A session that never had a connection,
    /// such as a browser's, has none.
    pub(crate) fn judge(&mut self, told: &mut Vec<(Key, u8)>) {
        for (&key, stream) in &mut self.streams {
            let connected = stream.pusher.is_some() || !stream.players.is_empty();
            if (connected || stream.network.was_judged())
                && let Some(level) = stream.network.second(connected)
            {
                told.push((key, level));
            }
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Entries of all maps: zero when there are no sessions and no connections.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.connections.len() + self.streams.len() + self.tickets.len() + self.leaving.len()
    }
}

#[cfg(test)]
mod tests;
