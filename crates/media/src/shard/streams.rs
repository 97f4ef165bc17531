//! The streams of mini-programs in a shard: TCP connections in, tags from one session to the others of its room.

use super::Shard;
use crate::api::Notice;
use crate::key::Key;
use crate::output::Output;
use crate::room::Joining;
use crate::rtmp::{Tag, TagKind, Wanted};
use crate::rtp::by_kind::ByKind;
use crate::shard::session::LiveSession;
use crate::streams::{ConnectionId, RANDOM_BYTES, Released, Speaks, Tickets};
use crate::webrtc::offer::OfferError;
use std::time::{Duration, Instant};
use tring_protocol::UserId;
use tring_protocol::{Source, SourceSet, StreamFault};

/// How often connections are looked at that say or take nothing.
const TICK: Duration = Duration::from_secs(1);

/// Most users whose streams one session plays: nine in a call, of whom it is one.
const MAX_OTHERS: usize = 8;

/// The sources that a mini-program sends and is sent: a stream of RTMP has one sound and one picture.
const CARRIED: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

impl Shard {
    /// A TCP connection was taken. `false`: there are too many, close it.
    pub fn connect(&mut self, conn: ConnectionId, speaks: Speaks, now: Instant) -> bool {
        self.next_tick.get_or_insert(now + TICK);
        self.live.connect(conn, speaks, now)
    }

    /// Takes bytes of a TCP connection. Whatever they are, they cost at most this connection.
    pub fn receive_stream(&mut self, conn: ConnectionId, bytes: &[u8], now: Instant, out: &mut Output) {
        let mut tags = std::mem::take(&mut self.tags);
        self.live.receive(conn, bytes, now, &mut tags, &mut out.live);
        for (from, tag) in tags.drain(..) {
            self.publish(from, &tag, now, out);
        }
        self.tags = tags;
        for (from, fault, detail) in self.live.take_faults() {
            self.tell_fault(from, fault, detail, out);
        }
        self.settle(now, out);
    }

    /// Tells once what keeps a session's stream from others, as soon as it may be given to them at all.
    pub(super) fn tell_fault(&mut self, from: Key, fault: StreamFault, detail: String, out: &mut Output) {
        let (session, room) = match (self.sessions.live(from), self.sessions.get(from)) {
            (Some(s), _) => (s.id, s.room),
            (_, Some(s)) => (s.id, s.room),
            _ => return,
        };
        let talks = self.rooms.get(&room).is_some_and(|room| room.talking().any(|key| key == from));
        if talks && self.live.tells_fault(from, fault) {
            out.notices.push(Notice::StreamFault { session, fault, detail });
        }
    }

    /// Lets a connection play whose wish came another way than by RTMP.
    pub fn admit(&mut self, conn: ConnectionId, wanted: Wanted, now: Instant, out: &mut Output) {
        self.live.admit(conn, wanted, now, &mut out.live);
    }

    /// Appends what may be sent on a connection now; nothing if there is nothing. Ask when its socket has room and has
    /// taken all that was given before.
    pub fn fill(&mut self, conn: ConnectionId, now: Instant, bytes: &mut Vec<u8>) {
        self.live.fill(conn, now, bytes);
    }

    /// The socket of a connection took so many bytes of what [`Shard::fill`] gave, and has no room for the rest now. A
    /// peer that takes next to nothing for long ends: see [`LiveOutput::reset`](crate::LiveOutput::reset).
    pub fn took(&mut self, conn: ConnectionId, bytes: usize, now: Instant) {
        self.live.took(conn, bytes, now);
    }

    /// Takes a connection out that belongs to another worker's shard.
    pub fn release(&mut self, conn: ConnectionId) -> Option<Released> {
        self.live.release(conn)
    }

    /// Takes one in that another worker's shard has released.
    pub fn adopt(&mut self, conn: ConnectionId, released: Released, now: Instant, out: &mut Output) {
        self.next_tick.get_or_insert(now + TICK);
        self.live.adopt(conn, released, now, &mut out.live);
    }

    /// A connection is gone.
    pub fn disconnected(&mut self, conn: ConnectionId) {
        self.live.disconnected(conn);
    }

    /// A connection has a ticket and pushes.
    pub fn pushes(&self, conn: ConnectionId) -> bool {
        self.live.pushes(conn)
    }

    /// A connection has a ticket that was good, and has not ended: it is no stranger's.
    pub fn is_admitted(&self, conn: ConnectionId) -> bool {
        self.live.is_admitted(conn)
    }

    /// TCP connections now.
    pub fn connections(&self) -> usize {
        self.live.connections()
    }

    pub(super) fn open_live(
        &mut self,
        session: LiveSession,
        others: Vec<UserId>,
        on: SourceSet,
        now: Instant,
        out: &mut Output,
    ) -> Result<(Key, Tickets), OfferError> {
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
        tracing::debug!(session = %session.id, room = %session.room, label = %session.label, "live session opened");
        let LiveSession { id, room, ref user, ref label, .. } = session;
        let (user, label, slots) = (user.clone(), label.clone(), ByKind::from_fn(|_| others.len()));
        let key = self.sessions.insert_live(session);
        self.by_id.insert(id, key);
        self.counters.opened += 1;
        // One for each ticket, drawn above where a failure has its answer.
        let tickets = self.live.open((key, &label), others, || random.pop().unwrap_or_default());
        for k in self.rooms.entry(room).or_default().join(Joining { key, user, on, takes: CARRIED, slots }) {
            self.evict(k, now, out);
        }
        Ok((key, tickets))
    }

    pub(super) fn close_live(&mut self, key: Key, out: &mut Output) {
        let Some(session) = self.sessions.remove_live(key) else { return };
        self.live.close(key, &mut out.live);
        self.by_id.remove(&session.id);
        out.ended.push(session.id);
        self.leave(session.room, key);
    }

    pub(super) fn advance_live(&mut self, now: Instant, out: &mut Output) {
        if self.next_tick.is_some_and(|at| at <= now) {
            self.counters.connections_stuck += self.live.tick(now, &mut out.live);
            self.judge_live(out);
            self.bridge_silent_browsers(now);
            self.next_tick = (self.live.connections() > 0 || self.live.judges()).then(|| now + TICK);
        }
    }

    fn judge_live(&mut self, out: &mut Output) {
        let mut told = Vec::new();
        self.live.judge(&mut told);
        told.sort_unstable();
        for (key, level) in told {
            if let Some(session) = self.sessions.live(key) {
                out.notices.push(Notice::Network { session: session.id, level });
            }
        }
    }

    /// A tag that a session has pushed goes to the players of everybody who may have it.
    fn publish(&mut self, from: Key, tag: &Tag, now: Instant, out: &mut Output) {
        self.counters.tags_in += 1;
        let Some(session) = self.sessions.live(from) else { return };
        let Some(room) = self.rooms.get(&session.room) else { return };
        let source = match tag.kind() {
            TagKind::Video => Source::Camera,
            TagKind::Audio | TagKind::Metadata => Source::Microphone,
        };
        let (routes, pauses) = room.routes(from, source);
        self.live.keep(from, tag, !routes.is_empty());
        if routes.is_empty() {
            self.counters.tags_dropped += 1;
            // A player that is sent nothing for seconds takes its stream for dead. Muted, it is sent silence instead.
            if tag.kind() == TagKind::Audio
                && let Some(silence) = self.live.silence(from, tag.timestamp)
            {
                for route in room.routes_if_on(from, source) {
                    let frame = (&silence, pauses);
                    self.live.deliver((from, &session.user), route.to, frame, now, &mut out.live);
                }
            }
        }
        for route in routes {
            let cut = self.live.deliver((from, &session.user), route.to, (tag, pauses), now, &mut out.live);
            self.counters.tags_out += 1;
            self.counters.queues_cut += u64::from(cut);
        }
        self.bridge_tag(from, source, tag, now, out);
    }
}

#[cfg(test)]
mod tests;
