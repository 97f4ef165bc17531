//! Who hears and sees whom: gates, devices, slots. Pure and deterministic; no transport is known here.

pub(crate) mod codecs;
pub(crate) mod keyframe_requests;
pub(crate) mod network_level;

use crate::key::Key;
use std::collections::BTreeMap;
use tring_protocol::MediaKind;
use tring_protocol::UserId;

/// Most devices of one callee that may connect while they ring: the upper end of `calls.preconnect_devices`. Higher: work
/// on a stranger's demand. Lower: the devices beyond connect after the answer, which takes a round trip more.
pub const MAX_PRECONNECT_DEVICES: usize = 8;

/// Most sessions of one user in one room: each ringing device's, and one that replaces it (a reloaded page, another
/// network). The oldest ringing one beyond this goes, with [`Notice::Evicted`](crate::Notice::Evicted).
pub const MAX_SESSIONS_PER_USER: usize = 2 * MAX_PRECONNECT_DEVICES;

/// Where packets of a track go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// The receiving session.
    pub(crate) to: Key,
    /// Index of its slot of that kind.
    pub(crate) slot: usize,
}

#[derive(Debug)]
struct Member {
    user: UserId,
    gate: bool,
    /// Microphone, camera.
    devices: [bool; 2],
    /// The user in each slot, by kind. A user stays in the slot that it got.
    slots: [Vec<Option<UserId>>; 2],
    /// Where its own tracks go. Empty unless both gates are open and the device is on.
    routes: [Vec<Route>; 2],
    /// Raised each time forwarding of a kind starts again.
    runs: [u32; 2],
    /// Order of joining, to name the oldest.
    joined: u64,
}

/// A new member.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) key: Key,
    pub(crate) user: UserId,
    pub(crate) devices: [bool; 2],
    /// Slots by kind.
    pub(crate) slots: [usize; 2],
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
            devices: j.devices,
            slots: j.slots.map(|n| vec![None; n]),
            routes: [Vec::new(), Vec::new()],
            runs: [0; 2],
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
        member.runs = member.runs.map(|r| r.wrapping_add(1));
        let user = member.user.clone();
        self.rebuild();
        self.members.iter().filter(|(k, m)| **k != key && m.user == user).map(|(&k, _)| k).collect()
    }

    /// Sets what may flow from a session. `true` if its camera came on.
    pub(crate) fn set_devices(&mut self, key: Key, devices: [bool; 2]) -> bool {
        let Some(m) = self.members.get_mut(&key) else { return false };
        for kind in MediaKind::ALL.map(MediaKind::index) {
            if devices[kind] && !m.devices[kind] {
                m.runs[kind] = m.runs[kind].wrapping_add(1);
            }
        }
        let video = MediaKind::Video.index();
        let came_on = devices[video] && !m.devices[video];
        m.devices = devices;
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

    /// Where a session's track goes, and the run of it (see [`crate::rtp::rewriter::Source`]).
    pub(crate) fn routes(&self, from: Key, kind: MediaKind) -> (&[Route], u32) {
        match self.members.get(&from) {
            Some(m) => (&m.routes[kind.index()], m.runs[kind.index()]),
            None => (&[], 0),
        }
    }

    /// Where a session's track would go if its device were on.
    pub(crate) fn routes_if_on(&self, from: Key, kind: MediaKind) -> Vec<Route> {
        self.members.get(&from).map_or(Vec::new(), |source| self.routes_of(source, kind))
    }

    /// Everybody whose video goes somewhere now.
    pub(crate) fn video_publishers(&self) -> impl Iterator<Item = Key> {
        self.members.iter().filter(|(_, m)| !m.routes[MediaKind::Video.index()].is_empty()).map(|(&k, _)| k)
    }

    /// Whose track goes into a slot of a session now. Nobody's, unless both may talk and the device is on: who rings
    /// steers no camera.
    pub(crate) fn source_of(&self, to: Key, kind: MediaKind, slot: usize) -> Option<Key> {
        let route = Route { to, slot };
        self.members.iter().find(|(_, m)| m.routes[kind.index()].contains(&route)).map(|(&k, _)| k)
    }

    /// Everybody in the room but a user's own sessions, ringing ones too.
    pub(crate) fn others(&self, user: &UserId) -> impl Iterator<Item = Key> {
        self.members.iter().filter(move |(_, m)| m.user != *user).map(|(&k, _)| k)
    }

    /// Everybody whose track of a kind goes to a session now.
    pub(crate) fn sources_of(&self, to: Key, kind: MediaKind) -> Vec<Key> {
        let sends = |m: &Member| m.routes[kind.index()].iter().any(|r| r.to == to);
        self.members.iter().filter(|(_, m)| sends(m)).map(|(&k, _)| k).collect()
    }

    /// Gives newly talking users their slots, frees those of users who left, and finds all routes again. The work grows
    /// with the square of the room, and happens only when somebody comes, goes or toggles a device.
    fn rebuild(&mut self) {
        let talking: Vec<(u64, UserId)> = {
            let mut t: Vec<_> =
                self.members.values().filter(|m| m.gate).map(|m| (m.joined, m.user.clone())).collect();
            t.sort_unstable();
            t
        };
        for m in self.members.values_mut() {
            for s in m.slots.iter_mut().flatten() {
                if s.as_ref().is_some_and(|u| talking.iter().all(|(_, t)| t != u)) {
                    *s = None;
                }
            }
            for (_, user) in talking.iter().filter(|(_, u)| *u != m.user) {
                give_slots(&mut m.slots, user);
            }
        }
        let keys: Vec<Key> = self.members.keys().copied().collect();
        for key in keys {
            let routes = MediaKind::ALL.map(|kind| self.find_routes(key, kind));
            if let Some(m) = self.members.get_mut(&key) {
                m.routes = routes;
            }
        }
    }

    fn find_routes(&self, from: Key, kind: MediaKind) -> Vec<Route> {
        match self.members.get(&from) {
            Some(source) if source.devices[kind.index()] => self.routes_of(source, kind),
            _ => Vec::new(),
        }
    }

    fn routes_of(&self, source: &Member, kind: MediaKind) -> Vec<Route> {
        if !source.gate {
            return Vec::new();
        }
        self.members
            .iter()
            .filter(|(_, to)| to.gate && to.user != source.user)
            .filter_map(|(&to, m)| {
                let slot = m.slots[kind.index()].iter().position(|s| s.as_ref() == Some(&source.user))?;
                Some(Route { to, slot })
            })
            .collect()
    }
}

/// Gives a user a slot of each kind, of the same number where it is free: those two are one stream for the browser.
fn give_slots([audio, video]: &mut [Vec<Option<UserId>>; 2], user: &UserId) {
    let in_audio = give_slot(audio, user, None);
    give_slot(video, user, in_audio);
}

fn give_slot(slots: &mut [Option<UserId>], user: &UserId, wish: Option<usize>) -> Option<usize> {
    let has = slots.iter().position(|s| s.as_ref() == Some(user));
    let free =
        || wish.filter(|&w| slots.get(w) == Some(&None)).or_else(|| slots.iter().position(Option::is_none));
    let index = has.or_else(free)?;
    slots[index] = Some(user.clone());
    Some(index)
}

#[cfg(test)]
mod tests;
