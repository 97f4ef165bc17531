//! Streams that mini-programs push and play over TCP: which connection belongs to which session, headers and the newest
//! pictures for whoever joins, one clock and one bounded queue for each player.
//!
//! Pure and deterministic: bytes, tickets' random bytes and the time come in; bytes go out when the socket has room for
//! them ([`Streams::fill`]). Who may hear and see whom is the room's to say; here frames go where they are told to go.

mod connection;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod network;
mod player;
mod progress;
mod publisher;
mod push_clock;
mod ticket;

use crate::key::Key;
use crate::rtmp::{self, Direction, StreamRequest, Tag, TagKind};
use connection::{Connection, Overdue, Role};
use network::Network;
use player::Player;
use publisher::Publisher;
use push_clock::PushClock;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use tring_protocol::StreamFault;
use tring_protocol::UserId;
use tring_protocol::log::{LineLimit, Untrusted};

#[cfg(feature = "bridge")]
pub(crate) use publisher::HeaderVersion;
pub(crate) use ticket::RANDOM_BYTES;
pub use ticket::StreamTicket;

/// What a peer whose ticket is of no use is told.
const NOT_VALID: &str = "this ticket is not valid: its call is over, or it was never given";
const OTHER_WAY: &str = "this ticket is for the other direction";
const REPLACED: &str = "a newer connection has taken its place";
const OVER: &str = "the call is over";
const CARRIED: &str = "send H.264 and AAC";

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
    /// FLV out. What it wants is known already ([`Streams::admit`]).
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
    /// These belong to another worker: take them out by [`Streams::release`] and give them to it.
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
    publisher: Publisher,
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

    // --- sessions ---

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
    pub(crate) fn publisher(&self, key: Key) -> Option<&Publisher> {
        Some(&self.streams.get(&key)?.publisher)
    }

    /// The player of a session that plays this user waits for a key frame.
    #[cfg(feature = "bridge")]
    pub(crate) fn needs_key_frame(&self, session: Key, user: &UserId) -> bool {
        let conn = self.streams.get(&session).and_then(|s| s.players.get(user));
        let role = conn.and_then(|conn| self.connections.get(conn)).map(|c| &c.role);
        matches!(role, Some(Role::Player { player, .. }) if player.needs_key_frame())
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

    /// Keeps a frame for those who join. See [`Publisher::keep`].
    pub(crate) fn keep(&mut self, from: Key, tag: &Tag, flows: bool) {
        let Some(stream) = self.streams.get_mut(&from) else { return };
        stream.publisher.keep(tag, flows);
        if tag.kind() == TagKind::Video && stream.publisher.seems_without_key_frames() {
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
        self.streams.get(&from)?.publisher.silence(timestamp)
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
            let cut = player.push(&source.publisher, (frame, pauses), now);
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
            stream.publisher.forget_pictures();
        }
    }

    // --- connections ---

    /// A connection was taken. `false`: there are too many, close it.
    pub(crate) fn connect(&mut self, conn: ConnectionId, speaks: StreamProtocol, now: Instant) -> bool {
        if self.connections.len() >= self.max_connections {
            return false;
        }
        let connection = match speaks {
            StreamProtocol::Rtmp(random) => Connection::rtmp(random, now),
            StreamProtocol::Flv => Connection::flv(now),
        };
        self.connections.insert(conn, connection);
        true
    }

    /// Takes bytes of a connection. What its session pushes is appended to `frames`.
    pub(crate) fn receive(
        &mut self,
        conn: ConnectionId,
        bytes: &[u8],
        now: Instant,
        frames: &mut Vec<(Key, Tag)>,
        out: &mut StreamOutput,
    ) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let mut events = std::mem::take(&mut self.events);
        let result = connection.receive(bytes, now, &mut events);
        for event in events.drain(..) {
            match event {
                rtmp::Event::Requests(wanted) => self.admit(conn, wanted, now, out),
                rtmp::Event::Tag(mut tag) => {
                    let Some(Connection { role: Role::Pusher(key), .. }) = self.connections.get(&conn) else {
                        continue;
                    };
                    match tag.unsupported() {
                        None => {
                            if let Some(stream) = self.streams.get_mut(key).filter(|_| tag.is_frame()) {
                                tag.timestamp = stream.clock.follow(tag.kind(), tag.timestamp, now);
                                stream.network.arrived(tag.kind(), tag.timestamp, now);
                            }
                            frames.push((*key, tag));
                        }
                        Some(what) => {
                            let reason = format!("{what} is not carried: {CARRIED}");
                            self.faults.push((*key, StreamFault::Codec, reason.clone()));
                            self.fail(conn, &reason, now, out);
                        }
                    }
                }
                rtmp::Event::Stopped => self.dismiss(conn, OVER, out),
            }
        }
        self.events = events;
        if let Err(error) = result {
            self.fail(conn, &error.to_string(), now, out);
        }
        if self.connections.get(&conn).is_some_and(Connection::has_answers) {
            out.ready.push(conn);
        }
    }

    /// Lets a connection push or play by its ticket, refuses it, or sends it to the worker that knows the ticket.
    pub(crate) fn admit(
        &mut self,
        conn: ConnectionId,
        wanted: StreamRequest,
        now: Instant,
        out: &mut StreamOutput,
    ) {
        let ticket = StreamTicket::of_query(&wanted.query);
        if let Some(ticket) = &ticket
            && ticket.worker() != self.worker
        {
            out.moves.push((conn, ticket.worker()));
            self.leaving.insert(conn, wanted);
            return;
        }
        let role = match (ticket.as_ref().and_then(|t| self.tickets.get(t)), wanted.direction) {
            (Some(Access::Push(key)), Direction::Publish) => Role::Pusher(*key),
            (Some(Access::Play(key, user)), Direction::Play) => {
                Role::Player { session: *key, of: user.clone(), player: Box::default() }
            }
            (access, _) => {
                let reason = if access.is_some() { OTHER_WAY } else { NOT_VALID };
                if let Some(left_out) = self.lines.refused.pass(now) {
                    let stream = Untrusted(&wanted.name);
                    tracing::info!(?conn, %stream, reason, left_out, "an RTMP connection is refused");
                }
                return self.dismiss(conn, reason, out);
            }
        };
        let (Role::Pusher(key) | Role::Player { session: key, .. }) = &role else { return };
        let Some(stream) = self.streams.get_mut(key) else { return };
        let before = match &role {
            Role::Player { of, .. } => stream.players.insert(of.clone(), conn),
            _ => {
                stream.publisher.restart();
                stream.clock = PushClock::default();
                stream.network.restart();
                stream.pusher.replace(conn)
            }
        };
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.accept(role, now);
            out.ready.push(conn);
        }
        if let Some(before) = before.filter(|&b| b != conn) {
            self.dismiss(before, REPLACED, out);
        }
    }

    /// Takes a connection out that belongs to another worker.
    pub(crate) fn release(&mut self, conn: ConnectionId) -> Option<ReleasedConnection> {
        let wanted = self.leaving.remove(&conn)?;
        Some(ReleasedConnection { connection: self.connections.remove(&conn)?, wanted })
    }

    /// Takes one in that another worker has released.
    pub(crate) fn adopt(
        &mut self,
        conn: ConnectionId,
        released: ReleasedConnection,
        now: Instant,
        out: &mut StreamOutput,
    ) {
        let ReleasedConnection { connection, wanted } = released;
        self.connections.insert(conn, connection);
        // One that names yet another worker lies; it is not sent around.
        if StreamTicket::of_query(&wanted.query).is_some_and(|t| t.worker() == self.worker) {
            self.admit(conn, wanted, now, out);
        } else {
            self.dismiss(conn, NOT_VALID, out);
        }
    }

    /// Appends what may be sent on a connection now; nothing if there is nothing. Call it when all that it gave before
    /// has left.
    pub(crate) fn fill(&mut self, conn: ConnectionId, now: Instant, bytes: &mut Vec<u8>) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.fill(now, bytes);
        }
    }

    /// The socket of a connection took so many bytes of what [`Streams::fill`] gave, and has no room for the rest.
    pub(crate) fn took(&mut self, conn: ConnectionId, bytes: usize, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.took(bytes, now);
        }
    }

    /// A connection is gone.
    pub(crate) fn disconnected(&mut self, conn: ConnectionId) {
        self.leaving.remove(&conn);
        let Some(connection) = self.connections.remove(&conn) else { return };
        self.detach(conn, &connection.role);
    }

    /// Ends connections that say nothing or take nothing; gives how many took nothing. Call it about once a second.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut StreamOutput) -> u64 {
        let overdue = |(&conn, c): (&ConnectionId, &Connection)| Some((conn, c.overdue(now)?));
        let mut stuck = 0;
        for (conn, why) in self.connections.iter().filter_map(overdue).collect::<Vec<_>>() {
            match why {
                Overdue::Silent => self.dismiss(conn, "it was silent for too long", out),
                Overdue::Stuck => {
                    tracing::info!(
                        label = self.label(conn),
                        ?conn,
                        "a connection is closed: its peer takes nothing"
                    );
                    if let Some(role) = self.connections.get_mut(&conn).map(Connection::give_up) {
                        self.detach(conn, &role);
                    }
                    out.reset.push(conn);
                    stuck += 1;
                }
            }
        }
        stuck
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

    /// A connection pushes the stream of a session.
    pub(crate) fn pushes(&self, conn: ConnectionId) -> bool {
        self.connections.get(&conn).is_some_and(|c| matches!(c.role, Role::Pusher(_)))
    }

    /// A connection has a ticket that was good.
    pub(crate) fn is_admitted(&self, conn: ConnectionId) -> bool {
        self.connections.get(&conn).is_some_and(Connection::is_admitted)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Entries of all maps: zero when there are no sessions and no connections.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.connections.len() + self.streams.len() + self.tickets.len() + self.leaving.len()
    }

    fn dismiss(&mut self, conn: ConnectionId, reason: &str, out: &mut StreamOutput) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let role = std::mem::replace(&mut connection.role, Role::Leaving);
        connection.leave(reason);
        self.detach(conn, &role);
        out.ready.push(conn);
        out.hang_up.push(conn);
    }

    /// Ends a connection for what its peer did.
    fn fail(&mut self, conn: ConnectionId, reason: &str, now: Instant, out: &mut StreamOutput) {
        let label = self.label(conn).map(str::to_owned);
        // Strangers must not use up what is there for those that have a ticket.
        let lines = if label.is_some() { &mut self.lines.closed } else { &mut self.lines.strangers };
        if let Some(left_out) = lines.pass(now) {
            let reason = Untrusted(reason);
            tracing::info!(label, ?conn, %reason, left_out, "an RTMP connection is closed");
        }
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.blame(reason);
        self.dismiss(conn, reason, out);
    }

    /// The call of a connection, for the log.
    fn label(&self, conn: ConnectionId) -> Option<&str> {
        match &self.connections.get(&conn)?.role {
            Role::Pusher(key) | Role::Player { session: key, .. } => Some(&self.streams.get(key)?.label),
            Role::Stranger | Role::Leaving => None,
        }
    }

    fn detach(&mut self, conn: ConnectionId, role: &Role) {
        match role {
            Role::Pusher(key) => {
                if let Some(stream) = self.streams.get_mut(key)
                    && stream.pusher == Some(conn)
                {
                    stream.pusher = None;
                }
            }
            Role::Player { session, of, .. } => {
                if let Some(stream) = self.streams.get_mut(session)
                    && stream.players.get(of) == Some(&conn)
                {
                    stream.players.remove(of);
                }
            }
            Role::Stranger | Role::Leaving => {}
        }
    }
}

#[cfg(test)]
mod tests;
