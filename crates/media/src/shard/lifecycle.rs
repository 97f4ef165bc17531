//! Sessions are opened, let through their gate, and closed.

use super::{Shard, TAKEN};
use crate::api::{Notice, SessionId};
use crate::ice::ufrag::Ufrag;
use crate::key::Key;
use crate::output::Output;
use crate::room::{Joining, codecs};
use crate::shard::session::Session;
use crate::webrtc::offer::{self, OfferError};
use crate::webrtc::{Sink, Transport, TransportConfig};
use std::time::Instant;
use tring_protocol::log::Untrusted;
use tring_protocol::{RoomKey, Source, SourceSet, UserId};

impl Shard {
    /// Answers an offer with a new session, its gate closed. Gives its key and the SDP answer.
    ///
    /// # Errors
    /// The offer is refused, and there is no session: see [`OfferError`].
    pub(super) fn open(
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
        // A phone takes no repeated sound, and the sender reports of a browser that sends it put sound and picture less
        // exactly together.
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

    /// Closes a session because its user has too many, and says so.
    pub(super) fn evict(&mut self, key: Key, now: Instant, out: &mut Output) {
        if let Some(session) = self.sessions.id(key) {
            out.notices.push(Notice::Evicted { session });
        }
        self.close(key, now, out);
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

    /// Lets media through both ways: closes the user's other sessions, and asks for key frames of all pictures in the room.
    pub(super) fn open_gate(&mut self, key: Key, now: Instant, out: &mut Output) {
        let Some(room) = self.room_of(key) else { return };
        let replaced = room.open_gate(key);
        for k in replaced {
            self.close(k, now, out);
        }
        let Some(room) = self.room_of(key) else { return };
        let video: Vec<(Key, Source)> = room.forwarded_video().collect();
        let receivers: Vec<Key> = room.talking().collect();
        for to in receivers {
            self.give_first_pictures(to, now, out);
        }
        for (sender, source) in video {
            self.give_keyframe((sender, source), key, now, out);
        }
    }

    /// Closes a session that was told to go.
    pub(super) fn close(&mut self, key: Key, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get_mut(key) else { return self.close_streams(key, out) };
        let mut sink = Sink { trains: &mut out.trains, events: &mut self.fresh };
        session.transport.close(now, &mut sink);
        self.fresh.clear();
        out.ended.push(session.id);
        self.streams.close(key, &mut out.streams);
        self.remove(key);
    }

    /// Closes a session that broke, and says so.
    pub(super) fn lose(&mut self, key: Key, why: &str, now: Instant, out: &mut Output) {
        let Some(session) = self.sessions.get(key) else { return };
        tracing::debug!(session = %session.id, label = %session.label, why = %Untrusted(why), "media session lost");
        self.counters.lost += 1;
        out.notices.push(Notice::Lost { session: session.id });
        self.close(key, now, out);
    }

    /// Forgets a session of a browser, whose key may then be used again.
    fn remove(&mut self, key: Key) {
        let Some(session) = self.sessions.remove(key) else { return };
        self.by_id.remove(&session.id);
        self.demux.remove(&session.ufrag, key, session.paths.addresses());
        self.deadlines.cancel(key);
        // The key may be used again: nothing of the old session may act under it.
        self.queue.retain(|(k, _)| *k != key);
        self.broken.retain(|(k, _)| *k != key);
        self.leave(session.room, key);
    }

    /// Takes a session out of its room; a room that is empty then goes.
    pub(super) fn leave(&mut self, key_of_room: RoomKey, key: Key) {
        self.bridge.forget(key);
        if let Some(room) = self.rooms.get_mut(&key_of_room)
            && room.leave(key)
        {
            self.rooms.remove(&key_of_room);
        }
    }
}
