//! Connections come, show their tickets, push or play, and end.

use super::connection::{Connection, Overdue, Role};
use super::push_clock::PushClock;
use super::{Access, ConnectionId, ReleasedConnection, StreamOutput, StreamProtocol, StreamTicket, Streams};
use crate::key::Key;
use crate::rtmp::{self, Direction, StreamRequest, Tag};
use std::time::Instant;
use tring_protocol::StreamFault;
use tring_protocol::log::Untrusted;

/// What a peer is told whose ticket is not valid, or not any more.
pub(super) const NOT_VALID: &str = "this ticket is not valid: its call is over, or it was never given";
/// What a peer is told that pushes with a ticket for playing, or the other way round.
pub(super) const OTHER_WAY: &str = "this ticket is for the other direction";
/// What a peer is told whose ticket was used again.
const REPLACED: &str = "a newer connection has taken its place";
/// What a peer is told when its session ends.
pub(super) const OVER: &str = "the call is over";
/// What a peer is told to do that pushes something else.
const CARRIED: &str = "send H.264 and AAC";

impl Streams {
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
                stream.gop_cache.restart();
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

    /// A connection pushes the stream of a session.
    pub(crate) fn pushes(&self, conn: ConnectionId) -> bool {
        self.connections.get(&conn).is_some_and(|c| matches!(c.role, Role::Pusher(_)))
    }

    /// A connection has a ticket that was good.
    pub(crate) fn is_admitted(&self, conn: ConnectionId) -> bool {
        self.connections.get(&conn).is_some_and(Connection::is_admitted)
    }

    pub(super) fn dismiss(&mut self, conn: ConnectionId, reason: &str, out: &mut StreamOutput) {
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
