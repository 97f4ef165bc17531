//! Who hears and sees whom: gates, sources, slots. Pure and deterministic; no transport is known here.
//!
//! A *track* is one source of one user (a microphone, a screen). A receiver has *slots*, each of a kind: the lines of its
//! offer that it receives on. A track that may be sent to it has one of them, for as long as the room says. What is sent
//! where is a *route*, found anew only when somebody comes, goes, or turns a source on or off; a packet finds its routes by
//! (session, source). Layers of a track, when there are any, are a choice on each route and no track of their own.
//!
//! To read it, begin with `Room` in this file. Beside it are `codecs` (which video codec all can use), `keyframe_requests` (when a
//! publisher is asked for a key frame) and `network_level` (how good a session's network is).
//!
//! Imports `rtp` and nothing above it.

pub(crate) mod codecs;
pub(crate) mod keyframe_requests;
pub(crate) mod network_level;

use crate::key::Key;
use crate::rtp::by_kind::ByKind;
use std::collections::BTreeMap;
use tring_protocol::{MediaKind, Source, SourceMap, SourceSet, UserId};

/// Most devices of one callee that may connect while they ring: the upper end of `calls.preconnect_devices`. Higher: work
/// on a stranger's demand. Lower: the devices beyond connect after the answer, which takes a round trip more.
pub const MAX_PRECONNECT_DEVICES: usize = 8;

/// Most sessions of one user in one room: each ringing device's, and one that replaces it (a reloaded page, another
/// network). The oldest ringing one beyond this goes, with [`Notice::Evicted`](crate::Notice::Evicted).
pub const MAX_SESSIONS_PER_USER: usize = 2 * MAX_PRECONNECT_DEVICES;

/// The sources for which a user has slots from the moment it may talk, on or off: whoever mutes comes back to the same
/// slot, and no receiver has to learn of another. All other sources have slots while they are on.
const SLOTS_KEPT: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

/// Sound and picture that belong together: they get slots of one number where those are free, which are one stream for a
/// browser, played in step. The first pair has its slots before the second.
const STREAMS: [(Source, Source); 2] =
    [(Source::Microphone, Source::Camera), (Source::ScreenAudio, Source::Screen)];

/// Where packets of a track go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// The receiving session.
    pub(crate) to: Key,
    /// Index of the receiver's slot, among those of the source's kind.
    pub(crate) slot: usize,
}

/// What a slot is given to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Track {
    user: UserId,
    source: Source,
}

#[derive(Debug)]
struct Member {
    user: UserId,
    gate: bool,
    /// The sources that are on.
    on: SourceSet,
    /// The sources that it can be sent.
    takes: SourceSet,
    /// The track in each slot. A track stays in the slot that it got.
    slots: ByKind<Vec<Option<Track>>>,
    /// Where each source goes. Empty unless the source is on and both gates are open.
    routes: SourceMap<Vec<Route>>,
    /// Raised each time forwarding of a source starts again.
    runs: SourceMap<u32>,
    /// Order of joining, to name the oldest.
    joined: u64,
}

/// A new member.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) key: Key,
    pub(crate) user: UserId,
    /// The sources that are on.
    pub(crate) on: SourceSet,
    /// The sources of others that it can be sent.
    pub(crate) takes: SourceSet,
    /// How many slots it has.
    pub(crate) slots: ByKind<usize>,
}

/// A room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    members: BTreeMap<Key, Member>,
    joins: u64,
}

impl Room {
    /// Adds a session, its gate closed. Gives the sessions that must go because their user has too many.
    pub(crate) fn join(&mut self, j: Joining) -> Vec<Key> {
        self.joins += 1;
        let member = Member {
            user: j.user.clone(),
            gate: false,
            on: j.on,
            takes: j.takes,
            slots: ByKind::from_fn(|kind| vec![None; j.slots[kind]]),
            routes: SourceMap::default(),
            runs: SourceMap::default(),
            joined: self.joins,
        };
        self.members.insert(j.key, member);
        let mut same: Vec<(bool, u64, Key)> = self
            .members
            .iter()
            .filter(|(_, m)| m.user == j.user)
            .map(|(&k, m)| (m.gate, m.joined, k))
            .collect();
        // Ringing ones before a talking one, the oldest first.
        same.sort_unstable();
        let surplus = same.len().saturating_sub(MAX_SESSIONS_PER_USER);
        same.into_iter().map(|(.., k)| k).filter(|&k| k != j.key).take(surplus).collect()
    }

    /// Opens a gate. Gives the user's other sessions: one userID is in a room at most once, the newest talks.
    pub(crate) fn open_gate(&mut self, key: Key) -> Vec<Key> {
        let Some(member) = self.members.get_mut(&key) else { return Vec::new() };
        if member.gate {
            return Vec::new();
        }
        member.gate = true;
        member.runs.values_mut().for_each(|run| *run = run.wrapping_add(1));
        let user = member.user.clone();
        self.rebuild();
        self.members.iter().filter(|(k, m)| **k != key && m.user == user).map(|(&k, _)| k).collect()
    }

    /// Says which sources of a session are on. Gives those that were off.
    pub(crate) fn set_sources(&mut self, key: Key, on: SourceSet) -> SourceSet {
        let Some(m) = self.members.get_mut(&key) else { return SourceSet::EMPTY };
        let came_on = on - m.on;
        for source in came_on.iter() {
            m.runs[source] = m.runs[source].wrapping_add(1);
        }
        m.on = on;
        self.rebuild();
        came_on
    }

    /// Removes a session. `true` if the room is now empty.
    pub(crate) fn leave(&mut self, key: Key) -> bool {
        if self.members.remove(&key).is_some() {
            self.rebuild();
        }
        self.members.is_empty()
    }

    /// Everybody whose gate is open.
    pub(crate) fn talking(&self) -> impl Iterator<Item = Key> {
        self.members.iter().filter(|(_, m)| m.gate).map(|(&k, _)| k)
    }

    /// Whose session it is.
    #[cfg(feature = "bridge")]
    pub(crate) fn user(&self, key: Key) -> Option<&UserId> {
        self.members.get(&key).map(|m| &m.user)
    }

    /// Where a source of a session goes, and the run of it (see [`crate::rtp::rewriter::StreamRun`]).
    pub(crate) fn routes(&self, from: Key, source: Source) -> (&[Route], u32) {
        match self.members.get(&from) {
            Some(m) => (&m.routes[source], m.runs[source]),
            None => (&[], 0),
        }
    }

    /// A session says that a source is on, whoever may be sent it.
    pub(crate) fn is_on(&self, key: Key, source: Source) -> bool {
        self.members.get(&key).is_some_and(|m| m.on.contains(source))
    }

    /// Where a source of a session would go if it were on.
    pub(crate) fn routes_if_on(&self, from: Key, source: Source) -> Vec<Route> {
        self.members.get(&from).map_or(Vec::new(), |sender| self.routes_of(sender, source))
    }

    /// Each source of pictures that goes somewhere now, by the session that sends it.
    pub(crate) fn forwarded_video(&self) -> impl Iterator<Item = (Key, Source)> {
        self.members.iter().flat_map(|(&key, m)| {
            let forwarded = m.routes.sources(|routes| !routes.is_empty()).of_kind(MediaKind::Video);
            Source::ALL.into_iter().filter(move |&source| forwarded.contains(source)).map(move |s| (key, s))
        })
    }

    /// Which source of which session goes into a slot of a receiver now. None, unless both may talk and the source is on:
    /// who rings steers no camera.
    pub(crate) fn in_slot(&self, to: Key, kind: MediaKind, slot: usize) -> Option<(Key, Source)> {
        let route = Route { to, slot };
        self.members.iter().find_map(|(&key, m)| {
            let goes = |source: &Source| source.kind() == kind && m.routes[*source].contains(&route);
            Source::ALL.into_iter().find(goes).map(|source| (key, source))
        })
    }

    /// Everybody in the room but a user's own sessions, ringing ones too.
    pub(crate) fn others(&self, user: &UserId) -> impl Iterator<Item = Key> {
        self.members.iter().filter(move |(_, m)| m.user != *user).map(|(&k, _)| k)
    }

    /// Each source of a kind that goes to a receiver now, by the session that sends it.
    pub(crate) fn sent_to(&self, to: Key, kind: MediaKind) -> Vec<(Key, Source)> {
        let mut found = Vec::new();
        for (&key, m) in &self.members {
            let goes = |(source, routes): &(Source, &Vec<Route>)| {
                source.kind() == kind && routes.iter().any(|r| r.to == to)
            };
            found.extend(m.routes.iter().filter(goes).map(|(source, _)| (key, source)));
        }
        found
    }

    /// Gives tracks that may be sent their slots, frees those of tracks that are gone, and finds all routes again. The work
    /// grows with the square of the room, and happens only when somebody comes, goes or turns a source on or off.
    fn rebuild(&mut self) {
        let mut talking: Vec<(u64, UserId, SourceSet)> = self
            .members
            .values()
            .filter(|m| m.gate)
            .map(|m| (m.joined, m.user.clone(), m.on | SLOTS_KEPT))
            .collect();
        talking.sort_unstable_by_key(|&(joined, ..)| joined);
        for m in self.members.values_mut() {
            let has_slot = |t: &Track| {
                talking.iter().any(|(_, user, sources)| *user == t.user && sources.contains(t.source))
            };
            for slot in m.slots.values_mut().flatten() {
                slot.take_if(|track| !has_slot(track));
            }
            for stream in STREAMS {
                for (_, user, sources) in talking.iter().filter(|(_, user, _)| *user != m.user) {
                    give_slots(&mut m.slots, user, stream, *sources & m.takes);
                }
            }
        }
        let keys: Vec<Key> = self.members.keys().copied().collect();
        for key in keys {
            let routes = SourceMap::from_fn(|source| self.find_routes(key, source));
            if let Some(m) = self.members.get_mut(&key) {
                m.routes = routes;
            }
        }
    }

    fn find_routes(&self, from: Key, source: Source) -> Vec<Route> {
        match self.members.get(&from) {
            Some(sender) if sender.on.contains(source) => self.routes_of(sender, source),
            _ => Vec::new(),
        }
    }

    fn routes_of(&self, sender: &Member, source: Source) -> Vec<Route> {
        if !sender.gate {
            return Vec::new();
        }
        let is_it = |slot: &Option<Track>| {
            slot.as_ref().is_some_and(|track| track.user == sender.user && track.source == source)
        };
        self.members
            .iter()
            .filter(|(_, to)| to.gate && to.user != sender.user)
            .filter_map(|(&to, m)| {
                let slot = m.slots[source.kind()].iter().position(is_it)?;
                Some(Route { to, slot })
            })
            .collect()
    }
}

/// Gives those of a user's sound and picture that are among `sources` a slot each, of one number where it is free.
fn give_slots(
    slots: &mut ByKind<Vec<Option<Track>>>,
    user: &UserId,
    (sound, picture): (Source, Source),
    sources: SourceSet,
) {
    let track = |source| Track { user: user.clone(), source };
    let mut number = None;
    if sources.contains(sound) {
        number = give_slot(&mut slots[MediaKind::Audio], track(sound), None);
    }
    if sources.contains(picture) {
        give_slot(&mut slots[MediaKind::Video], track(picture), number);
    }
}

/// Gives a track the slot that it has, else the one of this number, else the first that is free.
fn give_slot(slots: &mut [Option<Track>], track: Track, wish: Option<usize>) -> Option<usize> {
    let has = slots.iter().position(|s| s.as_ref() == Some(&track));
    let free =
        || wish.filter(|&w| slots.get(w) == Some(&None)).or_else(|| slots.iter().position(Option::is_none));
    let index = has.or_else(free)?;
    slots[index] = Some(track);
    Some(index)
}

#[cfg(test)]
mod tests;
