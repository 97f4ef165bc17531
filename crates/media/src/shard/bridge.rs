//! Calls between phones and browsers: who is given what the other side's way makes of a stream.

use super::Shard;
use super::forward::To;
use crate::bridge::{BridgedPacket, IntoPackets, IntoTags, SoundError, Unplayable};
use crate::key::Key;
use crate::output::Output;
use crate::rtmp::{Tag, TagKind};
use crate::rtp::codec::Codec;
use crate::rtp::packet::Packet;
use crate::streams::HeaderVersion;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use tring_protocol::{Source, SourceSet, StreamFault, UserId};

/// Shortest time between two catch-ups of one browser: it is sent what is kept of a phone's pictures. A phone sends a key frame every three
/// seconds or so and cannot be asked for one. Higher: less is sent again on a bad network, where it makes things worse.
/// Lower: a picture that was lost is back sooner.
const CATCH_UP_INTERVAL: Duration = Duration::from_millis(700);

/// How often the bridge looks for browsers whose sound does not come, to fill it with silence. Higher: silence comes in
/// larger pieces. Lower: more work.
const SILENCE_INTERVAL: Duration = Duration::from_millis(100);

/// The sources of a browser that phones are given: a stream of RTMP has one sound and one picture.
const CROSSING: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

/// What the pages of a call are told whose stream a codec failed on.
const BROKEN: &str =
    "the server could not turn the stream into what the other side takes: call again; its log says why";

/// The streams that cross, by the session that publishes.
#[derive(Default)]
pub(super) struct Bridge {
    /// None: a codec failed, or panicked. The session goes on without players.
    browsers: HashMap<Key, Option<IntoTags>>,
    phones: HashMap<Key, Phone>,
    /// When silence is next looked for.
    pub(super) next_fill: Option<Instant>,
    tags: Vec<Tag>,
    made: Vec<BridgedPacket>,
}

#[derive(Default)]
struct Phone {
    packets: IntoPackets,
    /// Whose headers it has read.
    header_version: Option<HeaderVersion>,
    /// When a browser was sent what is kept.
    caught_up: HashMap<Key, Instant>,
    failed: bool,
}

impl Bridge {
    /// A session is gone.
    pub(super) fn forget(&mut self, key: Key) {
        self.browsers.remove(&key);
        self.phones.remove(&key);
        for phone in self.phones.values_mut() {
            phone.caught_up.remove(&key);
        }
    }
}

impl Shard {
    /// A browser's packet goes to the players of the phones that may have it.
    pub(super) fn bridge_packet(
        &mut self,
        from: Key,
        source: Source,
        packet: &Packet<'_>,
        now: Instant,
        out: &mut Output,
    ) {
        if self.streams.connections() == 0 || packet.codec == Codec::Vp8 || !CROSSING.contains(source) {
            return;
        }
        let Some((label, user, phones, heard, run)) = self.phones_of(from, source) else { return };
        self.open_bridge(from, &label, now);
        let Some(Some(tags)) = self.bridge.browsers.get_mut(&from) else { return };
        let mut made = std::mem::take(&mut self.bridge.tags);
        let taken = guarded(|| tags.packet(packet, (run, heard), now, &mut made));
        let needs_keyframe = tags.needs_keyframe();
        if let Err(error) = taken {
            self.give_up_bridge(from, &label, error, out);
        }
        let waits = self.give_players((from, &user, run), &phones, &mut made, now, out);
        self.bridge.tags = made;
        if source == Source::Camera && (needs_keyframe || waits) {
            self.want_keyframe(from, source, now, out);
        }
    }

    fn open_bridge(&mut self, from: Key, label: &str, now: Instant) {
        self.bridge.next_fill.get_or_insert(now + SILENCE_INTERVAL);
        self.bridge.browsers.entry(from).or_insert_with(|| {
            self.streams.open_bridged(from, label);
            let tags = IntoTags::new(now);
            tags.map_err(|error| tracing::error!(label, %error, "no bridge")).ok()
        });
    }

    fn give_up_bridge(&mut self, from: Key, label: &str, error: Option<SoundError>, out: &mut Output) {
        self.counters.panics += u64::from(error.is_none());
        let error = error.map(|e| e.to_string());
        tracing::error!(label, error, "a browser's sound and picture reach no phone any more");
        self.bridge.browsers.insert(from, None);
        self.report_fault(from, StreamFault::Server, BROKEN.to_owned(), out);
    }

    /// Browsers that send nothing (no microphone was allowed, say) are silence for phones, not nothing. About once a second.
    pub(super) fn bridge_silent_browsers(&mut self, now: Instant) {
        let mut silent = Vec::new();
        for room in self.rooms.values() {
            let talking = || room.talking().filter(|&key| self.sessions.stream_session(key).is_none());
            if room.talking().count() > talking().count() {
                silent.extend(talking().filter(|key| !self.bridge.browsers.contains_key(key)));
            }
        }
        for key in silent {
            if let Some(label) = self.sessions.get(key).map(|s| s.label.clone()) {
                self.open_bridge(key, &label, now);
            }
        }
    }

    /// The phones that a browser's track goes to: its call id, its user, they, whether they may hear it, and the run. None:
    /// there are none.
    #[allow(clippy::type_complexity)] // used at one place
    fn phones_of(&self, from: Key, source: Source) -> Option<(String, UserId, Vec<Key>, bool, u32)> {
        let session = self.sessions.get(from)?;
        let room = self.rooms.get(&session.room)?;
        let (routes, run) = room.routes(from, source);
        let phones = |routes: &[crate::room::Route]| {
            let mut phones: Vec<Key> = routes.iter().map(|r| r.to).collect();
            phones.retain(|&to| self.sessions.stream_session(to).is_some());
            phones
        };
        let (mut found, mut heard) = (phones(routes), true);
        if routes.is_empty() && source == Source::Microphone {
            // Muted is silence, not nothing.
            (found, heard) = (phones(&room.routes_if_on(from, source)), false);
        }
        let user = room.user(from)?.clone();
        (!found.is_empty()).then(|| (session.label.clone(), user, found, heard, run))
    }

    /// `true`: a player waits for a key frame.
    fn give_players(
        &mut self,
        (from, user, run): (Key, &UserId, u32),
        phones: &[Key],
        tags: &mut Vec<Tag>,
        now: Instant,
        out: &mut Output,
    ) -> bool {
        for tag in tags.drain(..) {
            // Its pictures are not kept: a browser is asked for a key frame when one is needed.
            self.streams.keep(from, &tag, false);
            for &to in phones {
                let cut = self.streams.deliver((from, user), to, (&tag, run), now, &mut out.streams);
                self.counters.tags_out += 1;
                self.counters.queues_cut += u64::from(cut);
            }
        }
        phones.iter().any(|&to| self.streams.needs_keyframe(to, user))
    }

    /// A phone's tag goes to the browsers that may have it.
    pub(super) fn bridge_tag(
        &mut self,
        from: Key,
        source: Source,
        tag: &Tag,
        now: Instant,
        out: &mut Output,
    ) {
        let Some(session) = self.sessions.stream_session(from) else { return };
        let Some(room) = self.rooms.get(&session.room) else { return };
        let (routes, run) = room.routes(from, source);
        if tag.is_header()
            || tag.kind() == TagKind::Metadata
            || routes.iter().all(|r| self.sessions.get(r.to).is_none())
        {
            return;
        }
        let label = session.label.clone();
        let Some(gop_cache) = self.streams.gop_cache(from) else { return };
        let phone = self.bridge.phones.entry(from).or_default();
        if phone.failed {
            return;
        }
        let mut made = std::mem::take(&mut self.bridge.made);
        let header_version = gop_cache.header_version();
        let mut faults = Vec::new();
        let mut note = |result: Result<(), Unplayable>| faults.extend(result.err());
        let done = catch_unwind(AssertUnwindSafe(|| {
            let before = phone.header_version.replace(header_version);
            if before != Some(header_version) {
                if before.is_some_and(|b| b.run != header_version.run) {
                    phone.packets.restart();
                }
                gop_cache.headers().for_each(|h| note(phone.packets.tag((h, run), now, &mut made)));
            }
            note(phone.packets.tag((tag, run), now, &mut made));
        }));
        if done.is_err() {
            phone.failed = true;
            self.counters.panics += 1;
            tracing::error!(label, "a phone's stream made the bridge panic: no browser is given it any more");
            faults.push(Unplayable { fault: StreamFault::Server, why: BROKEN.to_owned() });
        }
        for Unplayable { fault, why } in faults {
            self.report_fault(from, fault, why, out);
        }
        for m in made.drain(..) {
            self.distribute(from, (m.source, To::All), &m.packet, m.captured, now, out);
        }
        self.bridge.made = made;
    }

    /// Sends a browser what is kept of a phone's pictures: it joins, or it has lost some.
    pub(super) fn catch_up(&mut self, from: Key, to: Key, now: Instant, out: &mut Output) {
        let (Some(phone), Some(gop_cache)) =
            (self.bridge.phones.get_mut(&from), self.streams.gop_cache(from))
        else {
            return;
        };
        let ready = self.sessions.get(to).is_some_and(|s| s.connected);
        if !ready
            || phone
                .caught_up
                .get(&to)
                .is_some_and(|&at| now.saturating_duration_since(at) < CATCH_UP_INTERVAL)
        {
            return;
        }
        let mut made = std::mem::take(&mut self.bridge.made);
        phone.packets.catch_up(gop_cache.pictures(), now, &mut made);
        if !made.is_empty() {
            phone.caught_up.insert(to, now);
        }
        for m in made.drain(..) {
            self.distribute(from, (m.source, To::CatchingUp(to)), &m.packet, m.captured, now, out);
        }
        self.bridge.made = made;
    }

    /// What does not come is silence.
    pub(super) fn advance_bridge(&mut self, now: Instant, out: &mut Output) {
        if self.bridge.next_fill.is_none_or(|at| at > now) {
            return;
        }
        self.bridge.next_fill = (!self.bridge.browsers.is_empty()).then(|| now + SILENCE_INTERVAL);
        let silent = |(&key, tags): (&Key, &Option<IntoTags>)| tags.as_ref()?.is_silent(now).then_some(key);
        let silent: Vec<Key> = self.bridge.browsers.iter().filter_map(silent).collect();
        for from in silent {
            let Some((label, user, phones, _, run)) = self.phones_of(from, Source::Microphone) else {
                continue;
            };
            let Some(Some(tags)) = self.bridge.browsers.get_mut(&from) else { continue };
            let mut made = std::mem::take(&mut self.bridge.tags);
            if let Err(error) = guarded(|| tags.tick(now, &mut made)) {
                self.give_up_bridge(from, &label, error, out);
            }
            self.give_players((from, &user, run), &phones, &mut made, now, out);
            self.bridge.tags = made;
        }
    }
}

/// A codec's failure, or none if it panicked.
fn guarded(f: impl FnOnce() -> Result<(), SoundError>) -> Result<(), Option<SoundError>> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|_| None)?.map_err(Some)
}
