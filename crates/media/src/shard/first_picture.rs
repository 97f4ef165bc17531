//! The caller's newest key frame waits at the shut gate, so that a callee sees it half a round trip after the answer and
//! not a round trip and a half.
//!
//! Calling is the caller's consent, so of a session that calls ([`Command::KeepFirstPicture`](crate::Command::KeepFirstPicture))
//! the newest whole key frame of the camera is kept while nobody can be sent its pictures; all else is dropped as before. It
//! leaves when both gates are open, to a receiver that is connected, and is forgotten with that, with the session, when the
//! camera goes off, and by [`FirstPicture::MAX_AGE`].
//!
//! The key frame goes alone: the pictures after it would be many times its size. The receiver shows it, and
//! [`Still`] keeps back what it could not decode until the next key frame, which is asked for at the same moment.
//!
//! To read it, begin with [`FirstPicture::take`] and `give_first_picture`.

use super::Shard;
use super::forward::To;
use crate::api::SessionId;
use crate::key::Key;
use crate::output::Output;
use crate::rtp::codec::Codec;
use crate::rtp::keyframe::begins_keyframe;
use crate::rtp::packet::Packet;
use std::time::{Duration, Instant};
use tring_protocol::{MediaKind, Source};

/// Most bytes of a key frame that is kept; a session holds two at most, one whole and one that is coming. A camera's of 480
/// lines has 10 to 40 kB. Higher: larger pictures need no second round trip either, and a ringing session takes more memory.
/// Lower: more calls wait for the picture as if nothing were kept.
const MAX_BYTES: usize = 64 * 1024;

/// Most packets of a key frame that is kept: what [`MAX_BYTES`] makes of packets of half a common length. Higher: a peer that
/// sends many small ones takes more memory for what is noted of each. Lower: pictures of many slices are not kept.
const MAX_PACKETS: usize = 120;

/// How old the beginning of the newest key frame becomes before the caller is asked for another. Higher: an older picture is
/// shown first. Lower: the caller sends more of its largest frames while it rings.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// How long a receiver that has the kept key frame waits for the next one before the sender is asked again: the request, or
/// the answer to it, may be lost. Higher: the still lasts longer then. Lower: it is asked twice on a long way.
const ASK_AGAIN: Duration = Duration::from_millis(700);

/// One packet of a key frame.
#[derive(Debug, Clone, Copy)]
struct Piece {
    seq: u64,
    marker: bool,
    begins: bool,
    /// Where its payload begins in [`KeyFrame::bytes`], and how long it is.
    at: usize,
    length: usize,
}

/// The packets of one key frame that have come.
#[derive(Debug)]
struct KeyFrame {
    codec: Codec,
    timestamp: u32,
    /// When its first packet came.
    begun: Instant,
    pieces: Vec<Piece>,
    bytes: Vec<u8>,
    /// It has outgrown a bound.
    too_large: bool,
}

impl KeyFrame {
    fn new(packet: &Packet<'_>, now: Instant) -> Self {
        let (codec, timestamp) = (packet.codec, packet.timestamp);
        Self { codec, timestamp, begun: now, pieces: Vec::new(), bytes: Vec::new(), too_large: false }
    }

    /// Takes another packet of this frame, in any order.
    fn add(&mut self, packet: &Packet<'_>, begins: bool) {
        let length = packet.payload.len();
        self.too_large |=
            self.pieces.len() == MAX_PACKETS || self.bytes.len().saturating_add(length) > MAX_BYTES;
        if self.too_large || self.pieces.iter().any(|p| p.seq == packet.seq) {
            return;
        }
        self.pieces.push(Piece {
            seq: packet.seq,
            marker: packet.marker,
            begins,
            at: self.bytes.len(),
            length,
        });
        self.bytes.extend_from_slice(&packet.payload);
    }

    /// The packets from the first to the last, if all are there.
    fn whole(&self) -> Option<Vec<Piece>> {
        if self.too_large {
            return None;
        }
        let first = self.pieces.iter().filter(|p| p.begins).map(|p| p.seq).min()?;
        let last = self.pieces.iter().filter(|p| p.marker).map(|p| p.seq).max()?;
        let mut pieces: Vec<Piece> =
            self.pieces.iter().filter(|p| (first..=last).contains(&p.seq)).copied().collect();
        pieces.sort_unstable_by_key(|p| p.seq);
        let length = u64::try_from(pieces.len()).ok()?;
        (last.checked_sub(first)? + 1 == length).then_some(pieces)
    }
}

/// What a session that calls has waiting at its gate.
#[derive(Debug, Default)]
pub(crate) struct FirstPicture {
    whole: Option<KeyFrame>,
    /// The newest, which may be whole by now or never.
    coming: Option<KeyFrame>,
    /// The timestamp of the newest picture of all and when it was captured.
    newest: Option<(u32, Instant)>,
    /// Since when no key frame was asked for and none has begun.
    refreshed: Option<Instant>,
}

impl FirstPicture {
    /// The oldest key frame that is shown as a first picture: the caller's network, or its camera, has stopped.
    /// Higher: a still of long ago is shown. Lower: a short cut while it rings costs the first picture.
    const MAX_AGE: Duration = Duration::from_secs(5);

    /// Takes a packet of the camera that nobody can be sent, captured at `captured`. `true`: a fresher key frame is due.
    fn take(&mut self, packet: &Packet<'_>, captured: Instant, now: Instant) -> bool {
        let newer = |than: u32| packet.timestamp.wrapping_sub(than).cast_signed() > 0;
        if self.newest.is_none_or(|(timestamp, _)| newer(timestamp)) {
            self.newest = Some((packet.timestamp, captured));
        }
        let refreshed = *self.refreshed.get_or_insert(now);
        let begins = begins_keyframe(packet.codec, &packet.payload);
        match &mut self.coming {
            Some(frame) if (frame.timestamp, frame.codec) == (packet.timestamp, packet.codec) => {
                frame.add(packet, begins);
            }
            coming if begins && coming.as_ref().is_none_or(|frame| newer(frame.timestamp)) => {
                let mut next = KeyFrame::new(packet, now);
                next.add(packet, begins);
                if let Some(before) = coming.replace(next).filter(|before| before.whole().is_some()) {
                    self.whole = Some(before);
                }
                self.refreshed = Some(now);
                return false;
            }
            _ => {}
        }
        let due = now.saturating_duration_since(refreshed) >= REFRESH_INTERVAL;
        if due {
            self.refreshed = Some(now);
        }
        due
    }

    /// Nothing that is kept is young enough to be shown.
    fn is_old(&self, now: Instant) -> bool {
        let young = |frame: &KeyFrame| now.saturating_duration_since(frame.begun) <= Self::MAX_AGE;
        !self.whole.iter().chain(&self.coming).any(young)
    }

    /// The packets of the newest whole key frame, and when they count as captured. They are timed as the newest picture that
    /// came after it: as old as the key frame is, the receiver would take it for a network that delays so much, and wait
    /// as long before it shows what follows.
    fn packets(&self, now: Instant) -> Option<(Vec<Packet<'static>>, Instant)> {
        let (timestamp, captured) = self.newest?;
        let frames = self.coming.iter().chain(&self.whole);
        let (frame, pieces) = frames.filter_map(|frame| Some((frame, frame.whole()?))).next()?;
        if now.saturating_duration_since(frame.begun) > Self::MAX_AGE {
            return None;
        }
        let packet = |p: Piece| {
            let payload = frame.bytes.get(p.at..p.at + p.length).unwrap_or_default();
            Packet::new(frame.codec, p.seq, timestamp, p.marker, payload.to_vec())
        };
        Some((pieces.into_iter().map(packet).collect(), captured))
    }
}

/// A slot was given the kept key frame of a sender: what follows refers to pictures that were never sent.
#[derive(Debug)]
pub(crate) struct Still {
    /// Whose key frame it was given.
    sender: SessionId,
    /// When the next one was asked for.
    asked: Instant,
}

/// What is done with a packet for a slot that has a kept key frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It can be decoded: nothing is held any more.
    Pass,
    /// It cannot.
    Drop,
    /// It cannot, and the next key frame is overdue.
    DropAndAsk,
}

impl Still {
    /// What is done with a packet of `sender` that would go to the slot.
    pub(super) fn judge(&mut self, sender: SessionId, packet: &Packet<'_>, now: Instant) -> Hold {
        if sender != self.sender || begins_keyframe(packet.codec, &packet.payload) {
            return Hold::Pass;
        }
        if now.saturating_duration_since(self.asked) < ASK_AGAIN {
            return Hold::Drop;
        }
        self.asked = now;
        Hold::DropAndAsk
    }
}

impl Shard {
    /// The user of a session calls: the newest key frame of its camera is kept from now on.
    pub(super) fn keep_first_picture(&mut self, session: SessionId) {
        if let Some(session) = self.by_id.get(&session).and_then(|&key| self.sessions.get_mut(key)) {
            session.first_picture.get_or_insert_default();
        }
    }

    /// A picture came that nobody can be sent.
    pub(super) fn take_first_picture(
        &mut self,
        (from, source): (Key, Source),
        packet: &Packet<'_>,
        captured: Instant,
        now: Instant,
        out: &mut Output,
    ) {
        let Some(session) = self.sessions.get_mut(from) else { return };
        let Some(kept) = &mut session.first_picture else { return };
        let on = self.rooms.get(&session.room).is_some_and(|room| room.is_on(from, source));
        if on && source == Source::Camera && kept.take(packet, captured, now) {
            self.want_keyframe(from, source, now, out);
        }
    }

    /// A receiver may be sent pictures and is connected: it gets the kept key frames of those that it sees, which are then
    /// forgotten. One who is not connected yet gets them later.
    pub(super) fn give_first_pictures(&mut self, to: Key, now: Instant, out: &mut Output) {
        let phone = self.sessions.stream_session(to).is_some();
        if !phone && !self.sessions.get(to).is_some_and(|receiver| receiver.connected) {
            return;
        }
        let senders = self.room_of(to).map(|room| room.sent_to(to, MediaKind::Video)).unwrap_or_default();
        for (from, _) in senders.into_iter().filter(|&(_, source)| source == Source::Camera) {
            let kept = self.sessions.get_mut(from).and_then(|sender| sender.first_picture.as_mut());
            let kept = kept.map(std::mem::take);
            if let Some((packets, captured)) = kept.and_then(|kept| kept.packets(now)) {
                self.give_first_picture(from, to, &packets, captured, now, out);
            }
        }
    }

    fn give_first_picture(
        &mut self,
        from: Key,
        to: Key,
        packets: &[Packet],
        captured: Instant,
        now: Instant,
        out: &mut Output,
    ) {
        let Some(codec) = packets.first().map(|p| p.codec) else { return };
        let Some(sender) = self.sessions.id(from) else { return };
        let routes = self.room_of(from).map(|room| room.routes(from, Source::Camera).0).unwrap_or_default();
        let slot = routes.iter().find(|route| route.to == to).map(|route| route.slot);
        let Some((slot, receiver)) = slot.zip(self.sessions.get_mut(to)) else { return };
        let Some(slot) = receiver.slots[MediaKind::Video].get_mut(slot) else { return };
        if !receiver.transport.lines()[slot.line].takes(codec) {
            return;
        }
        slot.still = Some(Still { sender, asked: now });
        self.counters.first_pictures += 1;
        for packet in packets {
            self.distribute(from, (Source::Camera, To::CatchingUp(to)), packet, captured, now, out);
        }
    }

    /// The camera went off: nothing of before is shown.
    pub(super) fn forget_first_picture(&mut self, key: Key) {
        if let Some(kept) = self.sessions.get_mut(key).and_then(|s| s.first_picture.as_mut()) {
            **kept = FirstPicture::default();
        }
    }

    /// A second has passed.
    pub(super) fn forget_old_first_picture(&mut self, key: Key, now: Instant) {
        let kept = self.sessions.get_mut(key).and_then(|s| s.first_picture.as_mut());
        if let Some(kept) = kept.filter(|kept| kept.is_old(now)) {
            (kept.whole, kept.coming) = (None, None);
        }
    }
}
