//! One worker's rooms and sessions. Shared with nobody, so nothing here locks.
//!
//! Commands and time come in here. `lifecycle` opens and closes sessions, `receive` takes datagrams, `forward` says who is
//! sent a packet, `streams` has the TCP connections of mini-programs, and `bridge` what crosses between them and browsers.
//! Only this folder ties the others together; none of them imports it.
//!
//! To read it, begin with `Shard` in this file, then `receive` and `forward`. `session` is one session and what belongs to it alone;
//! `no_bridge` takes the place of `bridge` where that is not built, and `timer_wheel` has the deadlines.

use crate::api::{Command, Notice, SessionId};
use crate::counters::Counters;
use crate::ice::candidates;
use crate::ice::demux::Demux;
use crate::ice::ufrag::Owner;
use crate::key::Key;
use crate::output::Output;
use crate::room::Room;
use crate::rtmp::Tag;
use crate::shard::session::{Mismatch, Session, Sessions, StreamSession};
use crate::streams::Streams;
use crate::webrtc::{Broken, Certificate, Event, Sink};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Instant;
use tring_protocol::{MediaKind, RoomKey, Source, SourceSet};

#[cfg(feature = "bridge")]
mod bridge;
#[cfg(not(feature = "bridge"))]
#[path = "no_bridge.rs"]
mod bridge;
mod forward;
mod lifecycle;
mod receive;
pub(crate) mod session;
mod streams;
// Until the deadlines of all sessions are in it.
#[allow(dead_code)]
mod timer_wheel;

use bridge::Bridge;

/// Sessions that one worker takes unless told otherwise. Higher: more users on one core. Lower: less memory under a
/// flood of offers; a video session takes up to 400 KiB.
pub const MAX_SESSIONS: usize = 4_000;

/// The sources that receivers are sent: what a client shows does not tell a screen from a camera yet.
const TAKEN: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

/// Most local addresses that are candidates. A machine full of containers has dozens of interfaces.
const MAX_LOCAL_ADDRESSES: usize = 16;

/// What a shard is made from.
#[derive(Debug, Clone)]
pub struct ShardConfig {
    /// Which worker of which node it is: written into every local ufrag.
    pub owner: Owner,
    /// The process's certificate.
    pub certificate: Certificate,
    /// The addresses that its socket is bound to, with the real port and without wildcards: a datagram whose
    /// destination is none of them is dropped.
    pub local: Vec<SocketAddr>,
    /// The addresses that clients are told instead (`media.advertise`), empty for the local ones.
    pub advertise: Vec<SocketAddr>,
    /// Most sessions at a time; see [`MAX_SESSIONS`].
    pub max_sessions: usize,
    /// Most TCP connections at a time, strangers' among them. The shell has places for fewer, so it is never reached
    /// where connections that have no ticket yet could keep others out.
    pub max_connections: usize,
}

/// One worker's rooms and sessions: bytes and commands in, bytes and notices out.
///
/// Time is `std::time::Instant`, handed in and never earlier than the call before. After each call,
/// [`Shard::next_deadline`] says when [`Shard::advance`] is due.
pub struct Shard {
    config: ShardConfig,
    candidates: Vec<String>,
    demux: Demux,
    sessions: Sessions,
    by_id: HashMap<SessionId, Key>,
    rooms: HashMap<RoomKey, Room>,
    deadlines: BTreeSet<(Instant, Key)>,
    counters: Counters,
    /// Events not yet acted on; empty between calls.
    queue: Vec<(Key, Event)>,
    acting: Vec<(Key, Event)>,
    fresh: Vec<Event>,
    broken: Vec<(Key, Broken)>,
    streams: Streams,
    bridge: Bridge,
    /// Tags that were pushed, not yet sent on; empty between calls.
    tags: Vec<(Key, Tag)>,
    next_tick: Option<Instant>,
}

impl Shard {
    /// An empty shard.
    pub fn new(mut config: ShardConfig) -> Self {
        config.local.truncate(MAX_LOCAL_ADDRESSES);
        let streams = Streams::new(config.owner.worker, config.max_connections);
        Self {
            candidates: candidates::lines(&config.local, &config.advertise),
            demux: Demux::new(config.owner),
            config,
            sessions: Sessions::default(),
            by_id: HashMap::new(),
            rooms: HashMap::new(),
            deadlines: BTreeSet::new(),
            counters: Counters::default(),
            queue: Vec::new(),
            acting: Vec::new(),
            fresh: Vec::new(),
            broken: Vec::new(),
            streams,
            bridge: Bridge::default(),
            tags: Vec::new(),
            next_tick: None,
        }
    }

    /// Carries out a command. One for a session that does not exist does nothing.
    pub fn command(&mut self, c: Command, now: Instant, out: &mut Output) {
        match c {
            Command::Open { session, room, user, label, offer, gate_open, on } => {
                match self.open((session, room, label), user, &offer, on, now, out) {
                    Ok((key, answer)) => {
                        out.notices.push(Notice::Answered { session, answer });
                        if gate_open {
                            self.open_gate(key, now, out);
                        }
                    }
                    Err(error) => {
                        self.counters.offers_refused += 1;
                        // One that exists already stays.
                        if !self.by_id.contains_key(&session) {
                            out.ended.push(session);
                        }
                        out.notices.push(Notice::Refused { session, error });
                    }
                }
            }
            Command::OpenStreams { session, room, user, label, others, gate_open, on } => {
                let whose = StreamSession { id: session, room, user, label, mismatch: Mismatch::default() };
                match self.open_streams(whose, others, on, now, out) {
                    Ok((key, tickets)) => {
                        out.notices.push(Notice::StreamsOpened { session, tickets });
                        if gate_open {
                            self.open_gate(key, now, out);
                        }
                    }
                    Err(error) => {
                        if !self.by_id.contains_key(&session) {
                            out.ended.push(session);
                        }
                        out.notices.push(Notice::Refused { session, error });
                    }
                }
            }
            Command::OpenGate { session } => {
                if let Some(&key) = self.by_id.get(&session) {
                    self.open_gate(key, now, out);
                }
            }
            Command::SetSources { session, on } => {
                let Some(&key) = self.by_id.get(&session) else { return };
                let came_on = self.room_of(key).map(|room| room.set_sources(key, on)).unwrap_or_default();
                for source in came_on.of_kind(MediaKind::Video).iter() {
                    self.want_keyframe(key, source, now, out);
                }
                if !on.contains(Source::Camera) {
                    self.streams.forget_pictures(key);
                }
            }
            Command::Close { session } => {
                if let Some(&key) = self.by_id.get(&session) {
                    self.close(key, now, out);
                }
            }
        }
        self.settle(now, out);
    }

    /// When [`Shard::advance`] is due, if ever.
    pub fn next_deadline(&self) -> Option<Instant> {
        let session = self.deadlines.first().map(|&(at, _)| at);
        session.into_iter().chain(self.next_tick).chain(self.bridge.next_fill).min()
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Instant, out: &mut Output) {
        self.advance_streams(now, out);
        self.advance_bridge(now, out);
        while let Some(&(at, key)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            let Some(session) = self.sessions.get_mut(key) else { continue };
            session.listed = None;
            if now >= session.expires() {
                self.lose(key, "no sign of life", now, out);
                continue;
            }
            if session.transport.deadline() <= now {
                let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
                if let Err(broken) = session.transport.advance(now, &mut sink) {
                    self.broken.push((key, broken));
                }
                self.collect(key);
            }
            let due = self.sessions.get_mut(key).map(|session| session.take_due_keyframes(now));
            for source in due.unwrap_or_default().iter() {
                self.ask_keyframe(key, source, now, out);
            }
            self.list(key);
            self.settle(now, out);
        }
    }

    /// Sessions alive.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The sessions alive.
    pub fn session_ids(&self) -> impl Iterator<Item = SessionId> {
        self.by_id.keys().copied()
    }

    /// An address that a session is bound to.
    pub fn knows(&self, source: SocketAddr) -> bool {
        self.demux.knows_address(source)
    }

    /// Entries in the maps that find a datagram's session. Zero when there are no sessions.
    pub fn bindings(&self) -> usize {
        self.demux.len()
    }

    /// Counts since the last call.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// A session's user is to see video, and cannot decode H.264.
    fn lacks_h264(&self, key: Key) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let lines = session.transport.lines();
        session.slots[MediaKind::Video].iter().any(|s| lines[s.line].codecs().lacks_h264())
    }

    fn room_of(&mut self, key: Key) -> Option<&mut Room> {
        let room = self.sessions.room(key)?;
        self.rooms.get_mut(&room)
    }

    /// Moves fresh events of a session to the queue.
    fn collect(&mut self, key: Key) {
        self.queue.extend(self.fresh.drain(..).map(|e| (key, e)));
        self.list(key);
    }

    /// Acts on events until there are none.
    fn settle(&mut self, now: Instant, out: &mut Output) {
        // Acting may add more; two buffers change places, so that neither is allocated anew.
        while !self.queue.is_empty() {
            std::mem::swap(&mut self.queue, &mut self.acting);
            let mut acting = std::mem::take(&mut self.acting);
            for (key, event) in acting.drain(..) {
                self.act(key, event, now, out);
            }
            self.acting = acting;
        }
        while let Some((key, broken)) = self.broken.pop() {
            if matches!(broken, Broken::Panic) {
                self.counters.panics += 1;
                tracing::error!(session = ?self.sessions.get(key).map(|s| s.id), "a media session panicked and was dropped");
            }
            self.lose(key, &broken.to_string(), now, out);
        }
    }

    fn list(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key) {
            list(&mut self.deadlines, session, key);
        }
    }
}

/// Lists a session's deadline. One that moved later stays listed where it was: it is then found too early once, which is
/// cheaper than moving it with every packet.
fn list(deadlines: &mut BTreeSet<(Instant, Key)>, session: &mut Session, key: Key) {
    let due = session.deadline();
    match session.listed {
        Some(listed) if listed <= due => {}
        before => {
            if let Some(listed) = before {
                deadlines.remove(&(listed, key));
            }
            deadlines.insert((due, key));
            session.listed = Some(due);
        }
    }
}

#[cfg(test)]
mod tests;
