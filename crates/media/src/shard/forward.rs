//! What flows: events of sessions, packets from one to the others, key frames.

use super::{Shard, list};
use crate::key::Key;
use crate::room::codecs::Codecs;
use crate::rtp::keyframe::begins_key_frame;
use crate::rtp::loss::patience;
use crate::rtp::rewriter::Source;
use crate::shard::session::{MAX_PAYLOAD, MISMATCH_INTERVAL, Mismatch, PUBLISHED};
use crate::webrtc::egress::Egress;
use crate::webrtc::offer::MediaKind;
use crate::webrtc::{Codec, Event, Packet, Sink, Write};
use crate::{Notice, Output};
use std::time::Instant;

/// Who is sent a packet.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// Everybody who may have it.
    All,
    /// One who joins or has lost something, from a line of sequence numbers of its own.
    #[cfg_attr(not(feature = "bridge"), allow(dead_code))]
    Again(Key),
}

/// Marks the run of packets that are sent again. Runs are counted from zero.
const SENT_AGAIN: u32 = 1 << 31;

impl Shard {
    pub(super) fn act(&mut self, key: Key, event: Event, now: Instant, out: &mut Output) {
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
                    self.want_picture(publisher, key, now, out);
                }
            }
            Event::KeyframeWanted { line } => {
                let slot = self.sessions.get(key).and_then(|s| s.slot_of(line));
                if let Some((MediaKind::Video, slot)) = slot
                    && let Some(publisher) =
                        self.room_of(key).and_then(|r| r.source_of(key, MediaKind::Video, slot))
                {
                    self.want_picture(publisher, key, now, out);
                }
            }
            Event::Stats(second) => {
                let Some(session) = self.sessions.get_mut(key) else { return };
                session.round_trip = second.round_trip.or(session.round_trip);
                if let Some(level) = session.judge(second) {
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
        let broken = kind == MediaKind::Video && {
            let begins = begins_key_frame(packet.codec, &packet.payload);
            source.holes.take((packet.seq, packet.timestamp), begins, patience(source.round_trip), now)
        };
        #[allow(clippy::cast_precision_loss)] // The length of a packet.
        let length = packet.payload.len() as f64;
        if packet.payload.len() > MAX_PAYLOAD || !source.published.take_many(length, PUBLISHED, now) {
            self.counters.packets_excess += 1;
            return;
        }
        let captured = source.clock.capture_time(packet, now);
        if broken && self.room_of(from).is_some_and(|r| !r.routes(from, kind).0.is_empty()) {
            self.want_keyframe(from, now, out);
        }
        self.distribute(from, (kind, To::All), packet, captured, now, out);
        self.bridge_packet(from, kind, packet, now, out);
    }

    /// Sends a packet to the browsers that may have it.
    pub(super) fn distribute(
        &mut self,
        from: Key,
        (kind, to): (MediaKind, To),
        packet: &Packet,
        captured: Instant,
        now: Instant,
        out: &mut Output,
    ) {
        let (Some(room), Some(session)) = (self.sessions.room(from), self.sessions.id(from)) else { return };
        let Some(room) = self.rooms.get(&room) else { return };
        let (routes, run) = room.routes(from, kind);
        if routes.is_empty() {
            self.counters.packets_dropped += 1;
        }
        let (only, run) = match to {
            To::All => (None, run),
            To::Again(receiver) => (Some(receiver), run | SENT_AGAIN),
        };
        let mut undecodable = false;
        for route in routes.iter().filter(|r| only.is_none_or(|only| r.to == only)) {
            let Some(receiver) = self.sessions.get_mut(route.to) else {
                // A phone: it takes H.264, and its way is another.
                undecodable |= kind == MediaKind::Video && packet.codec != Codec::H264;
                continue;
            };
            let Some(slot) = receiver.slots[kind.index()].get_mut(route.slot) else { continue };
            let line = &receiver.transport.lines()[slot.line];
            if !receiver.connected || !line.takes(packet.codec) {
                undecodable |= receiver.connected && line.codecs() != Codecs::default();
                self.counters.packets_dropped += 1;
                continue;
            }
            let rate = packet.codec.clock_rate();
            let source = Source { session: session.0, run };
            let rewritten = slot.rewriter.rewrite(source, packet.seq, packet.timestamp, rate, now);
            let Some((seq, timestamp)) = rewritten else { continue };
            let reach = slot.rewriter.reach(packet.seq, packet.timestamp);
            let write = Write { line: slot.line, seq, timestamp, captured, reach, packet };
            let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
            match receiver.transport.send(&write, now, &mut sink) {
                Ok(()) => self.counters.packets_out += 1,
                Err(broken) => self.broken.push((route.to, broken)),
            }
            self.queue.extend(self.fresh.drain(..).map(|e| (route.to, e)));
            list(&mut self.deadlines, receiver, route.to);
        }
        if kind == MediaKind::Video {
            self.judge_codec(from, packet.codec, undecodable, now, out);
        }
    }

    /// Tells once that somebody cannot decode what a session sends.
    fn judge_codec(&mut self, from: Key, sent: Codec, undecodable: bool, now: Instant, out: &mut Output) {
        if !undecodable {
            if let Some(mismatch) = self.sessions.mismatch(from) {
                mismatch.told = None;
            }
            return;
        }
        let wanted = self.common_codec(from);
        // Its answer had that codec first: saying it again would not help.
        if wanted.is_some() && wanted == self.sessions.get(from).map(|s| s.transport.preferred()) {
            return;
        }
        let (Some(session), Some(mismatch)) = (self.sessions.id(from), self.sessions.mismatch(from)) else {
            return;
        };
        let recent = |at: Instant| now.saturating_duration_since(at) < MISMATCH_INTERVAL;
        if mismatch.told == Some((sent, wanted)) || mismatch.at.is_some_and(recent) {
            return;
        }
        *mismatch = Mismatch { told: Some((sent, wanted)), at: Some(now) };
        out.notices.push(Notice::CodecMismatch { session, wanted });
    }

    /// The video codec that a session has and that everybody takes who is to see it.
    fn common_codec(&self, from: Key) -> Option<Codec> {
        let video = MediaKind::Video;
        let session = self.sessions.get(from)?;
        let own = session.transport.lines()[session.publishes[video.index()]?].codecs();
        let (routes, _) = self.rooms.get(&session.room)?.routes(from, video);
        let taken = |to: Key, slot: usize| {
            let Some(receiver) = self.sessions.get(to) else {
                return Some(Codecs::default().with(Codec::H264));
            };
            let line = receiver.slots[video.index()].get(slot)?.line;
            Some(receiver.transport.lines()[line].codecs())
        };
        let receivers = routes.iter().filter_map(|r| taken(r.to, r.slot));
        receivers.filter(|c| *c != Codecs::default()).fold(own, Codecs::and).best_video()
    }

    /// A receiver needs a whole picture of a publisher: a browser is asked for one; a phone sends one when it does, so what
    /// is kept of it is sent again.
    pub(super) fn want_picture(&mut self, publisher: Key, receiver: Key, now: Instant, out: &mut Output) {
        if self.sessions.live(publisher).is_some() {
            self.catch_up(publisher, receiver, now, out);
        } else {
            self.want_keyframe(publisher, now, out);
        }
    }

    pub(super) fn want_keyframe(&mut self, publisher: Key, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(publisher) else { return };
        if session.keyframes.want(now) {
            self.ask_keyframe(publisher, now, out);
        }
        self.list(publisher);
    }

    pub(super) fn ask_keyframe(&mut self, publisher: Key, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(publisher) else { return };
        let Some(line) = session.publishes[MediaKind::Video.index()] else { return };
        let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
        match session.transport.request_keyframe(line, now, &mut sink) {
            Ok(asked) => self.counters.keyframe_requests += u64::from(asked),
            Err(broken) => self.broken.push((publisher, broken)),
        }
        self.collect(publisher);
    }
}
