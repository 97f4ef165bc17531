//! One worker's rooms and sessions. Shared with nobody, so nothing here locks.

use crate::demux::{Demux, Destination, Key, MAX_DATAGRAM};
use crate::egress::Egress;
use crate::offer::{self, MediaKind};
use crate::rewrite::Source;
use crate::room::{Joining, Room};
use crate::rtc::{Broken, Certificate, Event, Packet, Sink, Transport, TransportConfig, Write};
use crate::session::{Session, Sessions};
use crate::ufrag::{Owner, Ufrag};
use crate::{
    Command, Counters, Datagram, Notice, OfferError, Output, RoomKey, SessionId, UserId, candidates,
};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

/// Sessions that one worker takes unless told otherwise. Higher: more users on one core. Lower: less memory under a
/// flood of offers; a video session takes up to 400 KiB.
pub const MAX_SESSIONS: usize = 4_000;

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
}

impl Shard {
    /// An empty shard.
    pub fn new(mut config: ShardConfig) -> Self {
        config.local.truncate(MAX_LOCAL_ADDRESSES);
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
        }
    }

    /// Carries out a command. One for a session that does not exist does nothing.
    pub fn command(&mut self, c: Command, now: Instant, out: &mut Output) {
        match c {
            Command::Open { session, room, user, label, offer, gate_open, microphone, camera } => {
                match self.open((session, room, label), user, &offer, [microphone, camera], now, out) {
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
            Command::OpenGate { session } => {
                if let Some(&key) = self.by_id.get(&session) {
                    self.open_gate(key, now, out);
                }
            }
            Command::SetDevices { session, microphone, camera } => {
                if let Some(&key) = self.by_id.get(&session)
                    && let Some(room) = self.room_of(key)
                    && room.set_devices(key, [microphone, camera])
                {
                    self.want_keyframe(key, now, out);
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

    /// Takes a datagram from the socket. Whatever it is, it costs at most the session that it names.
    pub fn receive(&mut self, d: Datagram<'_>, now: Instant, out: &mut Output) {
        self.counters.datagrams_in += 1;
        if d.contents.len() > MAX_DATAGRAM {
            self.counters.dropped_oversized += 1;
            return;
        }
        let key = match self.demux.find(d.source, d.contents, now) {
            Destination::Session(key) => key,
            Destination::Elsewhere => {
                self.counters.dropped_misplaced += 1;
                return;
            }
            Destination::Unknown => {
                self.counters.dropped_unknown += 1;
                return;
            }
        };
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.heard = true;
        let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
        match session.transport.receive(d, now, &mut sink) {
            Ok(accepted) => {
                if accepted.check {
                    session.checked = Some(now);
                    self.demux.bind(d.source, key, &mut session.bound, now);
                }
                if accepted.garbage {
                    self.counters.dropped_invalid += 1;
                }
                // Keys and media are things that only the peer itself can send.
                if self.fresh.iter().any(|e| matches!(e, Event::Connected | Event::Packet(_))) {
                    self.demux.prove(d.source, key);
                }
            }
            Err(broken) => self.broken.push((key, broken)),
        }
        self.collect(key);
        self.settle(now, out);
    }

    /// When [`Shard::advance`] is due, if ever.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Instant, out: &mut Output) {
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
            if let Some(session) = self.sessions.get_mut(key)
                && session.keyframes.take_due(now)
            {
                self.ask_keyframe(key, now, out);
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
        devices: [bool; 2],
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
        let config = TransportConfig {
            certificate: &self.config.certificate,
            local: &self.config.local,
            candidates: &self.candidates,
            ufrag: ufrag.as_str(),
        };
        let (transport, answer) = Transport::answer(&config, &offer, now)?;
        tracing::debug!(session = %id, %room, %label, "media session opened");
        let session = Session::new((id, room, label), ufrag, transport, now);
        let slots = [session.slots[0].len(), session.slots[1].len()];
        let key = self.sessions.insert(session);
        self.by_id.insert(id, key);
        self.demux.add(ufrag, key);
        self.counters.opened += 1;
        let surplus = self.rooms.entry(room).or_default().join(Joining { key, user, devices, slots });
        for k in surplus {
            self.close(k, now, out);
        }
        self.list(key);
        Ok((key, answer))
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
        let room = self.sessions.get(key)?.room;
        self.rooms.get_mut(&room)
    }

    fn open_gate(&mut self, key: Key, now: Instant, out: &mut Output) {
        let Some(room) = self.room_of(key) else { return };
        let replaced = room.open_gate(key);
        for k in replaced {
            self.close(k, now, out);
        }
        let Some(room) = self.room_of(key) else { return };
        let publishers: Vec<Key> = room.video_publishers().collect();
        for publisher in publishers {
            self.want_keyframe(publisher, now, out);
        }
    }

    fn want_keyframe(&mut self, publisher: Key, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(publisher) else { return };
        if session.keyframes.want(now) {
            self.ask_keyframe(publisher, now, out);
        }
        self.list(publisher);
    }

    fn ask_keyframe(&mut self, publisher: Key, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(publisher) else { return };
        let Some(line) = session.publishes[MediaKind::Video.index()] else { return };
        let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
        match session.transport.request_keyframe(line, now, &mut sink) {
            Ok(asked) => self.counters.keyframe_requests += u64::from(asked),
            Err(broken) => self.broken.push((publisher, broken)),
        }
        self.collect(publisher);
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

    fn act(&mut self, key: Key, event: Event, now: Instant, out: &mut Output) {
        match event {
            Event::Packet(packet) => self.forward(key, &packet, now, out),
            Event::Connected => {
                let Some(session) = self.sessions.get_mut(key) else { return };
                session.connected = true;
                self.counters.connected += 1;
                out.notices.push(Notice::Connected { session: session.id });
                // What the publishers sent before is gone; a new receiver starts with a whole picture.
                let publishers: Vec<Key> =
                    self.room_of(key).map(|r| r.sources_of(key, MediaKind::Video)).unwrap_or_default();
                for publisher in publishers {
                    self.want_keyframe(publisher, now, out);
                }
            }
            Event::KeyframeWanted { line } => {
                let Some((kind, slot)) = self.sessions.get(key).and_then(|s| s.slot_of(line)) else { return };
                if let Some(publisher) = self.room_of(key).and_then(|r| r.source_of(key, kind, slot)) {
                    self.want_keyframe(publisher, now, out);
                }
            }
            Event::Stats { sent_lost, received_lost, round_trip } => {
                let Some(session) = self.sessions.get_mut(key) else { return };
                if let Some(level) = session.judge(sent_lost, received_lost, round_trip) {
                    out.notices.push(Notice::Network { session: session.id, level });
                }
            }
            Event::Closed => self.lose(key, "the peer closed it", now, out),
        }
    }

    fn forward(&mut self, from: Key, packet: &Packet, now: Instant, out: &mut Output) {
        self.counters.packets_in += 1;
        let Some(source) = self.sessions.get_mut(from) else { return };
        let Some(kind) =
            MediaKind::ALL.into_iter().find(|k| source.publishes[k.index()] == Some(packet.line))
        else {
            self.counters.packets_dropped += 1;
            return;
        };
        let captured = source.clock.capture_time(packet, now);
        let (session, room) = (source.id.0, source.room);
        let Some(room) = self.rooms.get(&room) else { return };
        let (routes, run) = room.routes(from, kind);
        if routes.is_empty() {
            self.counters.packets_dropped += 1;
        }
        for route in routes {
            let Some(receiver) = self.sessions.get_mut(route.to) else { continue };
            let Some(slot) = receiver.slots[kind.index()].get_mut(route.slot) else { continue };
            if !receiver.connected || !receiver.transport.lines()[slot.line].takes(packet.codec) {
                self.counters.packets_dropped += 1;
                continue;
            }
            let rate = packet.codec.clock_rate();
            let rewritten =
                slot.rewriter.rewrite(Source { session, run }, packet.seq, packet.timestamp, rate, now);
            let Some((seq, timestamp)) = rewritten else { continue };
            let write = Write { line: slot.line, seq, timestamp, captured, packet };
            let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
            match receiver.transport.send(&write, now, &mut sink) {
                Ok(()) => self.counters.packets_out += 1,
                Err(broken) => self.broken.push((route.to, broken)),
            }
            self.queue.extend(self.fresh.drain(..).map(|e| (route.to, e)));
            list(&mut self.deadlines, receiver, route.to);
        }
    }

    /// Closes a session that was told to go.
    fn close(&mut self, key: Key, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
        session.transport.close(now, &mut sink);
        self.fresh.clear();
        out.ended.push(session.id);
        self.remove(key);
    }

    /// Closes a session that broke, and says so.
    fn lose(&mut self, key: Key, why: &str, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get(key) else { return };
        tracing::debug!(session = %session.id, label = %session.label, why, "media session lost");
        self.counters.lost += 1;
        out.notices.push(Notice::Lost { session: session.id });
        self.close(key, now, out);
    }

    fn remove(&mut self, key: Key) {
        let Some(session) = self.sessions.remove(key) else { return };
        self.by_id.remove(&session.id);
        self.demux.remove(&session.ufrag, key, &session.bound);
        if let Some(at) = session.listed {
            self.deadlines.remove(&(at, key));
        }
        // The key may be used again: nothing of the old session may act under it.
        self.queue.retain(|(k, _)| *k != key);
        self.broken.retain(|(k, _)| *k != key);
        if let Some(room) = self.rooms.get_mut(&session.room)
            && room.leave(key)
        {
            self.rooms.remove(&session.room);
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
mod tests {
    use super::*;
    use crate::{Peer, PeerConfig};
    use tring_protocol::{RoomId, SdkAppId};

    #[test]
    fn a_session_that_panics_is_lost_alone() {
        let certificate = Certificate::generate().unwrap();
        let mut shard = Shard::new(ShardConfig {
            owner: Owner { node: 0, worker: 0 },
            certificate: certificate.clone(),
            local: vec!["192.0.2.1:1".parse().unwrap()],
            advertise: Vec::new(),
            max_sessions: 9,
        });
        let (now, mut out) = (Instant::now(), Output::new());
        for (id, name) in [(1, "alice"), (2, "bob")] {
            let config = PeerConfig::voice("192.0.2.9:9".parse().unwrap(), certificate.clone());
            let command = Command::Open {
                session: SessionId(id),
                room: RoomKey { app: SdkAppId::new(1).unwrap(), room: RoomId::new(1).unwrap() },
                user: UserId::new(name).unwrap(),
                label: String::new(),
                offer: Peer::new(config, now).unwrap().1,
                gate_open: true,
                microphone: true,
                camera: true,
            };
            shard.command(command, now, &mut out);
        }
        out.clear();
        let key = shard.by_id[&SessionId(1)];
        let session = shard.sessions.get_mut(key).unwrap();
        let broken = session.transport.panic_inside();
        shard.broken.push((key, broken));
        shard.settle(now, &mut out);
        assert_eq!(out.notices, [Notice::Lost { session: SessionId(1) }]);
        assert_eq!(out.ended, [SessionId(1)]);
        assert_eq!(shard.take_counters().panics, 1);
        assert_eq!(shard.session_ids().collect::<Vec<_>>(), [SessionId(2)]);
    }
}
