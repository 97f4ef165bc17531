//! What flows: events of sessions, packets from one to the others, key frames.

use super::{Shard, list};
use crate::api::Notice;
use crate::key::Key;
use crate::output::Output;
use crate::room::codecs::Codecs;
use crate::rtp::codec::Codec;
use crate::rtp::keyframe::begins_keyframe;
use crate::rtp::loss::patience;
use crate::rtp::packet::{MAX_PAYLOAD, Packet};
use crate::rtp::rewriter::StreamRun;
use crate::shard::first_picture::Hold;
use crate::shard::session::{MISMATCH_INTERVAL, Mismatch, PUBLISHED};
use crate::webrtc::{Event, Sink, Write};
use std::time::Instant;
use tring_protocol::{MediaKind, Source};

/// Who is sent a packet.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// Everybody who may have it.
    All,
    /// One browser that is given pictures of before: a phone's, as it joins or has lost some, or the caller's first picture.
    /// The packets have sequence numbers of their own.
    CatchingUp(Key),
}

/// Bit of a run's number that marks packets of a catch-up: another run for the rewriter. Runs are counted from zero.
const CATCHING_UP: u32 = 1 << 31;

impl Shard {
    pub(super) fn act(&mut self, key: Key, event: Event, now: Instant, out: &mut Output) {
        match event {
            Event::Connected => {
                let Some(session) = self.sessions.get_mut(key) else { return };
                session.connected = true;
                self.counters.connected += 1;
                out.notices.push(Notice::Connected { session: session.id });
                self.give_first_pictures(key, now, out);
                // What the publishers sent before is gone; a new receiver starts with a whole picture.
                let pictures =
                    self.room_of(key).map(|r| r.sent_to(key, MediaKind::Video)).unwrap_or_default();
                for track in pictures {
                    self.give_keyframe(track, key, now, out);
                }
            }
            Event::KeyframeWanted { line } => {
                let slot = self.sessions.get(key).and_then(|s| s.slot_of(line));
                if let Some((MediaKind::Video, slot)) = slot
                    && let Some(track) =
                        self.room_of(key).and_then(|r| r.in_slot(key, MediaKind::Video, slot))
                {
                    self.give_keyframe(track, key, now, out);
                }
            }
            Event::Stats(second) => {
                self.forget_old_first_picture(key, now);
                let Some(session) = self.sessions.get_mut(key) else { return };
                session.round_trip = second.round_trip.or(session.round_trip);
                if let Some(level) = session.judge(second) {
                    out.notices.push(Notice::Network { session: session.id, level });
                }
            }
            Event::Closed => self.lose(key, "the peer closed it", now, out),
        }
    }

    pub(super) fn forward(&mut self, from: Key, packet: &Packet<'_>, now: Instant, out: &mut Output) {
        self.counters.packets_in += 1;
        let Some(session) = self.sessions.get_mut(from) else { return };
        let Some(source) = session.source_of(packet.line) else {
            self.counters.packets_dropped += 1;
            return;
        };
        let broken = source.kind() == MediaKind::Video && {
            let begins = begins_keyframe(packet.codec, &packet.payload);
            let patience = patience(session.round_trip);
            session.tracks[source].loss.take((packet.seq, packet.timestamp), begins, patience, now)
        };
        #[allow(clippy::cast_precision_loss)] // The length of a packet.
        let length = packet.payload.len() as f64;
        if packet.payload.len() > MAX_PAYLOAD || !session.published.take_many(length, PUBLISHED, now) {
            self.counters.packets_excess += 1;
            return;
        }
        let captured = session.clock.capture_time(packet, now);
        if broken && self.room_of(from).is_some_and(|r| !r.routes(from, source).0.is_empty()) {
            self.want_keyframe(from, source, now, out);
        }
        self.distribute(from, (source, To::All), packet, captured, now, out);
        self.bridge_packet(from, source, packet, now, out);
    }

    /// Sends a packet to the browsers that may have it.
    pub(super) fn distribute(
        &mut self,
        from: Key,
        (source, to): (Source, To),
        packet: &Packet<'_>,
        captured: Instant,
        now: Instant,
        out: &mut Output,
    ) {
        let (Some(room), Some(session)) = (self.sessions.room(from), self.sessions.id(from)) else { return };
        let Some(room) = self.rooms.get(&room) else { return };
        let kind = source.kind();
        let (routes, run) = room.routes(from, source);
        if routes.is_empty() {
            self.counters.packets_dropped += 1;
        }
        let (only, run) = match to {
            To::All => (None, run),
            To::CatchingUp(receiver) => (Some(receiver), run | CATCHING_UP),
        };
        let (mut undecodable, mut reached, mut overdue) = (false, only.is_some(), false);
        for route in routes.iter().filter(|r| only.is_none_or(|only| r.to == only)) {
            let Some(receiver) = self.sessions.get_mut(route.to) else {
                // A phone: it takes H.264, and its way is another.
                reached = true;
                undecodable |= kind == MediaKind::Video && packet.codec != Codec::H264;
                continue;
            };
            let Some(slot) = receiver.slots[kind].get_mut(route.slot) else { continue };
            reached |= receiver.connected;
            if let Some(still) = slot.still.as_mut().filter(|_| only.is_none()) {
                match still.judge(session, packet, now) {
                    Hold::Pass => slot.still = None,
                    drop => {
                        overdue |= drop == Hold::DropAndAsk;
                        self.counters.packets_dropped += 1;
                        continue;
                    }
                }
            }
            let line = &receiver.transport.lines()[slot.line];
            if !receiver.connected || !line.takes(packet.codec) {
                undecodable |= receiver.connected && line.codecs() != Codecs::default();
                self.counters.packets_dropped += 1;
                continue;
            }
            let rate = packet.codec.clock_rate();
            let of = StreamRun { session: session.0, source, run };
            let rewritten = slot.rewriter.rewrite(of, packet.seq, packet.timestamp, rate, now);
            let Some((seq, timestamp)) = rewritten else { continue };
            let reach = slot.rewriter.reach(packet.seq, packet.timestamp);
            let write = Write { line: slot.line, seq, timestamp, captured, reach, packet };
            let mut sink = Sink { trains: &mut out.trains, events: &mut self.fresh };
            match receiver.transport.send(&write, now, &mut sink) {
                Ok(()) => self.counters.packets_out += 1,
                Err(broken) => self.broken.push((route.to, broken)),
            }
            self.queue.extend(self.fresh.drain(..).map(|e| (route.to, e)));
            list(&mut self.deadlines, receiver, route.to);
        }
        if kind == MediaKind::Video {
            self.judge_codec((from, source), packet.codec, undecodable, now, out);
            if !reached {
                self.take_first_picture((from, source), packet, captured, now, out);
            }
            if overdue {
                self.want_keyframe(from, source, now, out);
            }
        }
    }

    /// Tells once that somebody cannot decode what a session sends.
    fn judge_codec(
        &mut self,
        (from, source): (Key, Source),
        sent: Codec,
        undecodable: bool,
        now: Instant,
        out: &mut Output,
    ) {
        if !undecodable {
            if let Some(mismatch) = self.sessions.mismatch(from, source) {
                mismatch.told = None;
            }
            return;
        }
        let wanted = self.common_codec(from, source);
        // Its answer had that codec first: saying it again would not help.
        if wanted.is_some() && wanted == self.sessions.get(from).map(|s| s.transport.preferred()) {
            return;
        }
        let (Some(session), Some(mismatch)) = (self.sessions.id(from), self.sessions.mismatch(from, source))
        else {
            return;
        };
        let recent = |at: Instant| now.saturating_duration_since(at) < MISMATCH_INTERVAL;
        if mismatch.told == Some((sent, wanted)) || mismatch.at.is_some_and(recent) {
            return;
        }
        *mismatch = Mismatch { told: Some((sent, wanted)), at: Some(now) };
        out.notices.push(Notice::CodecMismatch { session, source, wanted });
    }

    /// The video codec that a session has and that everybody takes who is to see it.
    fn common_codec(&self, from: Key, source: Source) -> Option<Codec> {
        let session = self.sessions.get(from)?;
        let own = session.transport.lines()[session.tracks[source].line?].codecs();
        let (routes, _) = self.rooms.get(&session.room)?.routes(from, source);
        let taken = |to: Key, slot: usize| {
            let Some(receiver) = self.sessions.get(to) else {
                return Some(Codecs::default().with(Codec::H264));
            };
            let line = receiver.slots[source.kind()].get(slot)?.line;
            Some(receiver.transport.lines()[line].codecs())
        };
        let receivers = routes.iter().filter_map(|r| taken(r.to, r.slot));
        receivers.filter(|c| *c != Codecs::default()).fold(own, Codecs::and).best_video()
    }

    /// A receiver needs a key frame of a track: a browser is asked for one. A phone cannot be asked, so the receiver is sent
    /// what is kept of its pictures.
    pub(super) fn give_keyframe(
        &mut self,
        (sender, source): (Key, Source),
        receiver: Key,
        now: Instant,
        out: &mut Output,
    ) {
        if self.sessions.stream_session(sender).is_some() {
            self.catch_up(sender, receiver, now, out);
        } else {
            self.want_keyframe(sender, source, now, out);
        }
    }

    pub(super) fn want_keyframe(&mut self, publisher: Key, source: Source, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(publisher) else { return };
        if session.want_keyframe(source, now) {
            self.ask_keyframe(publisher, source, out);
        }
        self.list(publisher);
    }

    pub(super) fn ask_keyframe(&mut self, publisher: Key, source: Source, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(publisher) else { return };
        let Some(line) = session.tracks[source].line else { return };
        let mut sink = Sink { trains: &mut out.trains, events: &mut self.fresh };
        match session.transport.request_keyframe(line, &mut sink) {
            Ok(asked) => self.counters.keyframe_requests += u64::from(asked),
            Err(broken) => self.broken.push((publisher, broken)),
        }
        self.collect(publisher);
    }
}
