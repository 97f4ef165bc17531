//! The streams of mini-programs in a shard: TCP connections in, tags from one session to the others of its room.

use super::Shard;
use crate::api::Notice;
use crate::key::Key;
use crate::output::Output;
use crate::room::Joining;
use crate::rtmp::{StreamRequest, Tag, TagKind};
use crate::rtp::by_kind::ByKind;
use crate::shard::session::StreamSession;
use crate::streams::{ConnectionId, RANDOM_BYTES, ReleasedConnection, StreamProtocol, StreamTickets};
use crate::webrtc::offer::OfferError;
use std::time::{Duration, Instant};
use tring_protocol::{Source, SourceSet, StreamFault, UserId};

/// How often connections are looked at that say or take nothing.
const TICK: Duration = Duration::from_secs(1);

/// Most users whose streams one session plays: nine in a call, of whom it is one.
const MAX_OTHERS: usize = 8;

/// The sources that a mini-program sends and is sent: a stream of RTMP has one sound and one picture.
const CARRIED: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

impl Shard {
    /// A TCP connection was taken. `false`: there are too many, close it.
    pub fn connect(&mut self, conn: ConnectionId, speaks: StreamProtocol, now: Instant) -> bool {
        self.next_tick.get_or_insert(now + TICK);
        self.streams.connect(conn, speaks, now)
    }

    /// Takes bytes of a TCP connection. Whatever they are, they cost at most this connection.
    pub fn receive_stream(&mut self, conn: ConnectionId, bytes: &[u8], now: Instant, out: &mut Output) {
        let mut tags = std::mem::take(&mut self.tags);
        self.streams.receive(conn, bytes, now, &mut tags, &mut out.streams);
        for (from, tag) in tags.drain(..) {
            self.publish(from, &tag, now, out);
        }
        self.tags = tags;
        for (from, fault, detail) in self.streams.take_faults() {
            self.report_fault(from, fault, detail, out);
        }
        self.settle(now, out);
    }

    /// Tells once what keeps a session's stream from others, as soon as it may be given to them at all.
    pub(super) fn report_fault(&mut self, from: Key, fault: StreamFault, detail: String, out: &mut Output) {
        let (session, room) = match (self.sessions.stream_session(from), self.sessions.get(from)) {
            (Some(s), _) => (s.id, s.room),
            (_, Some(s)) => (s.id, s.room),
            _ => return,
        };
        let talks = self.rooms.get(&room).is_some_and(|room| room.talking().any(|key| key == from));
        if talks && self.streams.is_new_fault(from, fault) {
            out.notices.push(Notice::StreamFault { session, fault, detail });
        }
    }

    /// Lets a connection play whose wish came another way than by RTMP.
    pub fn admit(&mut self, conn: ConnectionId, wanted: StreamRequest, now: Instant, out: &mut Output) {
        self.streams.admit(conn, wanted, now, &mut out.streams);
    }

    /// Appends what may be sent on a connection now; nothing if there is nothing. Ask when its socket has room and has
    /// taken all that was given before.
    pub fn fill(&mut self, conn: ConnectionId, now: Instant, bytes: &mut Vec<u8>) {
        self.streams.fill(conn, now, bytes);
    }

    /// The socket of a connection took so many bytes of what [`Shard::fill`] gave, and has no room for the rest now. A
    /// peer that takes next to nothing for long ends: see [`StreamOutput::reset`](crate::StreamOutput::reset).
    pub fn took(&mut self, conn: ConnectionId, bytes: usize, now: Instant) {
        self.streams.took(conn, bytes, now);
    }

    /// Takes a connection out that belongs to another worker's shard.
    pub fn release(&mut self, conn: ConnectionId) -> Option<ReleasedConnection> {
        self.streams.release(conn)
    }

    /// Takes one in that another worker's shard has released.
    pub fn adopt(
        &mut self,
        conn: ConnectionId,
        released: ReleasedConnection,
        now: Instant,
        out: &mut Output,
    ) {
        self.next_tick.get_or_insert(now + TICK);
        self.streams.adopt(conn, released, now, &mut out.streams);
    }

    /// A connection is gone.
    pub fn disconnected(&mut self, conn: ConnectionId) {
        self.streams.disconnected(conn);
    }

    /// A connection has a ticket and pushes.
    pub fn pushes(&self, conn: ConnectionId) -> bool {
        self.streams.pushes(conn)
    }

    /// A connection has a ticket that was good, and has not ended: it is no stranger's.
    pub fn is_admitted(&self, conn: ConnectionId) -> bool {
        self.streams.is_admitted(conn)
    }

    /// TCP connections now.
    pub fn connections(&self) -> usize {
        self.streams.connections()
    }

    pub(super) fn open_streams(
        &mut self,
        session: StreamSession,
        others: Vec<UserId>,
        on: SourceSet,
        now: Instant,
        out: &mut Output,
    ) -> Result<(Key, StreamTickets), OfferError> {
        if self.by_id.contains_key(&session.id) {
            return Err(OfferError::Invalid(format!("the session {} is already open", session.id)));
        }
        if self.sessions.len() >= self.config.max_sessions {
            return Err(OfferError::Full);
        }
        if others.len() > MAX_OTHERS {
            return Err(OfferError::TooLarge(format!("more than {MAX_OTHERS} streams to play")));
        }
        let mut random = vec![[0; RANDOM_BYTES]; 1 + others.len()];
        for bytes in &mut random {
            getrandom::fill(bytes)
                .map_err(|e| OfferError::Invalid(format!("the system gave no random numbers: {e}")))?;
        }
        tracing::debug!(session = %session.id, room = %session.room, label = %session.label, "streams opened");
        let StreamSession { id, room, ref user, ref label, .. } = session;
        let (user, label, slots) = (user.clone(), label.clone(), ByKind::from_fn(|_| others.len()));
        let key = self.sessions.insert_streams(session);
        self.by_id.insert(id, key);
        self.counters.opened += 1;
        // One for each ticket, drawn above where a failure has its answer.
        let tickets = self.streams.open((key, &label), others, || random.pop().unwrap_or_default());
        for k in self.rooms.entry(room).or_default().join(Joining { key, user, on, takes: CARRIED, slots }) {
            self.evict(k, now, out);
        }
        Ok((key, tickets))
    }

    pub(super) fn close_streams(&mut self, key: Key, out: &mut Output) {
        let Some(session) = self.sessions.remove_streams(key) else { return };
        self.streams.close(key, &mut out.streams);
        self.by_id.remove(&session.id);
        out.ended.push(session.id);
        self.leave(session.room, key);
    }

    pub(super) fn advance_streams(&mut self, now: Instant, out: &mut Output) {
        if self.next_tick.is_some_and(|at| at <= now) {
            self.counters.connections_stuck += self.streams.tick(now, &mut out.streams);
            self.judge_streams(out);
            self.bridge_silent_browsers(now);
            self.next_tick = (self.streams.connections() > 0 || self.streams.judges()).then(|| now + TICK);
        }
    }

    fn judge_streams(&mut self, out: &mut Output) {
        let mut told = Vec::new();
        self.streams.judge(&mut told);
        told.sort_unstable();
        for (key, level) in told {
            if let Some(session) = self.sessions.stream_session(key) {
                out.notices.push(Notice::Network { session: session.id, level });
            }
        }
    }

    /// A tag that a session has pushed goes to the players of everybody who may have it.
    fn publish(&mut self, from: Key, tag: &Tag, now: Instant, out: &mut Output) {
        self.counters.tags_in += 1;
        let Some(session) = self.sessions.stream_session(from) else { return };
        let Some(room) = self.rooms.get(&session.room) else { return };
        let source = match tag.kind() {
            TagKind::Video => Source::Camera,
            TagKind::Audio | TagKind::Metadata => Source::Microphone,
        };
        let (routes, pauses) = room.routes(from, source);
        self.streams.keep(from, tag, !routes.is_empty());
        if routes.is_empty() {
            self.counters.tags_dropped += 1;
            // A player that is sent nothing for seconds takes its stream for dead. Muted, it is sent silence instead.
            if tag.kind() == TagKind::Audio
                && let Some(silence) = self.streams.silence(from, tag.timestamp)
            {
                for route in room.routes_if_on(from, source) {
                    let frame = (&silence, pauses);
                    self.streams.deliver((from, &session.user), route.to, frame, now, &mut out.streams);
                }
            }
        }
        for route in routes {
            let cut =
                self.streams.deliver((from, &session.user), route.to, (tag, pauses), now, &mut out.streams);
            self.counters.tags_out += 1;
            self.counters.queues_cut += u64::from(cut);
        }
        self.bridge_tag(from, source, tag, now, out);
    }
}

#[cfg(test)]
mod tests;
