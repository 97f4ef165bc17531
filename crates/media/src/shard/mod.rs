//! One worker's rooms and sessions. Shared with nobody, so nothing here locks.

use crate::api::Command;
use crate::api::Notice;
use crate::api::SessionId;
use crate::counters::Counters;
use crate::datagram::Datagram;
use crate::ice::candidates;
use crate::ice::check::Check;
use crate::ice::demux::{Demux, Destination, MAX_DATAGRAM};
use crate::ice::path::Path;
use crate::ice::ufrag::{Kind, Owner, Ufrag, kind};
use crate::key::Key;
use crate::output::Output;
use crate::room::codecs;
use crate::room::{Joining, Room};
use crate::rtmp::Tag;
use crate::shard::session::{INPUT, Mismatch, Session, Sessions, StreamSession};
use crate::streams::Streams;
use crate::webrtc::offer;
use crate::webrtc::offer::OfferError;
use crate::webrtc::{Broken, Certificate, Event, Sink, Transport, TransportConfig};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Instant;
use tring_protocol::RoomKey;
use tring_protocol::UserId;
use tring_protocol::log::Untrusted;
use tring_protocol::{MediaKind, Source, SourceSet};

#[cfg(feature = "bridge")]
mod bridge;
#[cfg(not(feature = "bridge"))]
#[path = "no_bridge.rs"]
mod bridge;
mod forward;
pub(crate) mod session;
mod streams;

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

    /// Takes a datagram from the socket. Whatever it is, it costs at most the session that it names. `via` is the port
    /// that it reached, by a number of the shell's: what answers it names that port.
    pub fn receive(&mut self, d: Datagram<'_>, via: u8, now: Instant, out: &mut Output) {
        self.counters.datagrams_in += 1;
        if d.contents.len() > MAX_DATAGRAM {
            self.counters.dropped_oversized += 1;
            return;
        }
        match self.demux.find(d.source, d.contents) {
            Destination::Check(key, check) => self.receive_check(key, &check, d, via, now, out),
            Destination::Sessions(sessions) => {
                let keys = sessions.keys();
                for &key in keys {
                    // Somebody else who has this address too begins a handshake: a session that has had its own would answer
                    // with its last words, and spoil the other's.
                    let had_its_own = self.sessions.get(key).is_some_and(|s| s.connected);
                    if keys.len() > 1 && had_its_own && begins_handshake(d.contents) {
                        continue;
                    }
                    if self.receive_from_peer(key, d, via, now, out) {
                        // With one session there is nothing to tell apart, and nearly all packets end here.
                        if keys.len() > 1 {
                            self.demux.heard(d.source, key, now);
                        }
                        break;
                    }
                }
            }
            Destination::Elsewhere => self.counters.dropped_misplaced += 1,
            Destination::Unknown => self.counters.dropped_unknown += 1,
        }
        self.settle(now, out);
    }

    fn receive_check(
        &mut self,
        key: Key,
        check: &Check,
        d: Datagram<'_>,
        via: u8,
        now: Instant,
        out: &mut Output,
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let known = session.paths.knows(d.source);
        if !session.checks.admits(check, d.source, known, now) {
            self.counters.checks_refused += 1;
            return;
        }
        if self.take(key, d, via, now, out) {
            let Some(session) = self.sessions.get_mut(key) else { return };
            (session.checked, session.heard) = (Some(now), true);
            session.checks.accepted(check, d.source, known, now);
            let path = Path { peer: d.source, local: d.destination.ip(), via };
            let gone = session.paths.checked(path, check.nominates, now);
            follow(session);
            self.demux.bind(d.source, key, now);
            if let Some(gone) = gone {
                self.demux.unbind(gone, key);
            }
        }
        self.collect(key);
    }

    /// DTLS, RTP or RTCP. `true`: it was media that this session's keys opened.
    fn receive_from_peer(
        &mut self,
        key: Key,
        d: Datagram<'_>,
        via: u8,
        now: Instant,
        out: &mut Output,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        if !session.input.take(INPUT, now) {
            self.counters.dropped_flood += 1;
            return false;
        }
        session.heard = true;
        let path = Path { peer: d.source, local: d.destination.ip(), via };
        if kind(d.contents) == Kind::Dtls {
            session.greeted.get_or_insert(now);
            session.paths.spoke(path, now);
            follow(session);
        }
        self.take(key, d, via, now, out);
        let opened = self.fresh.iter().any(|e| matches!(e, Event::Packet(_)));
        if let Some(session) = self.sessions.get_mut(key) {
            if self.fresh.iter().any(|e| matches!(e, Event::Connected)) {
                session.paths.connected();
            }
            if opened {
                session.paths.media(path, now);
                follow(session);
            }
        }
        self.collect(key);
        opened
    }

    /// Lets a session take a datagram; what happened is in `fresh`. `true`: it was a check that proved the password.
    fn take(&mut self, key: Key, d: Datagram<'_>, via: u8, now: Instant, out: &mut Output) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
        let taken = session.transport.receive(d, via, now, &mut sink);
        self.counters.rtx_refused += std::mem::take(&mut session.transport.rtx_refused);
        match taken {
            Ok(received) => {
                self.counters.dropped_invalid += u64::from(received.garbage);
                received.check
            }
            Err(broken) => {
                self.broken.push((key, broken));
                false
            }
        }
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

    fn open(
        &mut self,
        (id, room, label): (SessionId, RoomKey, String),
        user: UserId,
        sdp: &str,
        on: SourceSet,
        now: Instant,
        out: &mut Output,
    ) -> Result<(Key, String), OfferError> {
        if self.by_id.contains_key(&id) {
            return Err(OfferError::Invalid(format!("the session {id} is already open")));
        }
        if self.sessions.len() >= self.config.max_sessions {
            return Err(OfferError::Full);
        }
        let offer = offer::check(sdp)?;
        let ufrag = self.fresh_ufrag()?;
        let lacking = self.rooms.get(&room).is_some_and(|r| r.others(&user).any(|k| self.lacks_h264(k)));
        // A phone has no use for it, and a browser that sends it says less exactly when its sound was captured.
        let phone = self
            .rooms
            .get(&room)
            .is_some_and(|r| r.others(&user).any(|k| self.sessions.stream_session(k).is_some()));
        let config = TransportConfig {
            certificate: &self.config.certificate,
            local: &self.config.local,
            candidates: &self.candidates,
            ufrag: ufrag.as_str(),
            video: codecs::answer_order(lacking),
            repeats: !phone,
        };
        let (transport, answer) = Transport::answer(&config, &offer, now)?;
        tracing::debug!(session = %id, %room, %label, "media session opened");
        let session = Session::new((id, room, label), ufrag, transport, now);
        let slots = session.slot_counts();
        let key = self.sessions.insert(session);
        self.by_id.insert(id, key);
        self.demux.add(ufrag, key);
        self.counters.opened += 1;
        let surplus =
            self.rooms.entry(room).or_default().join(Joining { key, user, on, takes: TAKEN, slots });
        for k in surplus {
            self.evict(k, now, out);
        }
        self.list(key);
        Ok((key, answer))
    }

    fn evict(&mut self, key: Key, now: Instant, out: &mut Output) {
        if let Some(session) = self.sessions.id(key) {
            out.notices.push(Notice::Evicted { session });
        }
        self.close(key, now, out);
    }

    /// A session's user is to see video, and cannot decode H.264.
    fn lacks_h264(&self, key: Key) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let lines = session.transport.lines();
        session.slots[MediaKind::Video].iter().any(|s| lines[s.line].codecs().lacks_h264())
    }

    fn fresh_ufrag(&self) -> Result<Ufrag, OfferError> {
        loop {
            let mut random = [0; 10];
            getrandom::fill(&mut random)
                .map_err(|e| OfferError::Invalid(format!("the system gave no random numbers: {e}")))?;
            let ufrag = Ufrag::new(self.config.owner, random);
            if !self.demux.knows(&ufrag) {
                return Ok(ufrag);
            }
        }
    }

    fn room_of(&mut self, key: Key) -> Option<&mut Room> {
        let room = self.sessions.room(key)?;
        self.rooms.get_mut(&room)
    }

    fn open_gate(&mut self, key: Key, now: Instant, out: &mut Output) {
        let Some(room) = self.room_of(key) else { return };
        let replaced = room.open_gate(key);
        for k in replaced {
            self.close(k, now, out);
        }
        let Some(room) = self.room_of(key) else { return };
        let pictures: Vec<(Key, Source)> = room.forwarded_pictures().collect();
        for (sender, source) in pictures {
            self.give_key_frame((sender, source), key, now, out);
        }
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

    /// Closes a session that was told to go.
    fn close(&mut self, key: Key, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(key) else { return self.close_streams(key, out) };
        let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
        session.transport.close(now, &mut sink);
        self.fresh.clear();
        out.ended.push(session.id);
        self.streams.close(key, &mut out.streams);
        self.remove(key);
    }

    /// Closes a session that broke, and says so.
    fn lose(&mut self, key: Key, why: &str, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get(key) else { return };
        tracing::debug!(session = %session.id, label = %session.label, why = %Untrusted(why), "media session lost");
        self.counters.lost += 1;
        out.notices.push(Notice::Lost { session: session.id });
        self.close(key, now, out);
    }

    fn remove(&mut self, key: Key) {
        let Some(session) = self.sessions.remove(key) else { return };
        self.by_id.remove(&session.id);
        self.demux.remove(&session.ufrag, key, session.paths.addresses());
        if let Some(at) = session.listed {
            self.deadlines.remove(&(at, key));
        }
        // The key may be used again: nothing of the old session may act under it.
        self.queue.retain(|(k, _)| *k != key);
        self.broken.retain(|(k, _)| *k != key);
        self.leave(session.room, key);
    }

    fn leave(&mut self, key_of_room: RoomKey, key: Key) {
        self.bridge.forget(key);
        if let Some(room) = self.rooms.get_mut(&key_of_room)
            && room.leave(key)
        {
            self.rooms.remove(&key_of_room);
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

/// The datagram begins with a record of a DTLS handshake that has no keys yet (RFC 6347 §4.1: type 22, epoch 0).
fn begins_handshake(datagram: &[u8]) -> bool {
    matches!(datagram, [22, _, _, 0, 0, ..])
}

/// Sends a session's media where its peer is now.
fn follow(session: &mut Session) {
    if let Some(path) = session.paths.current() {
        session.transport.set_path(path);
    }
}

#[cfg(test)]
mod tests;
