//! Which worker a room goes to. Pure: what the workers measured in, a worker's index out.
//!
//! A worker is filled before the next is used: a thread that has much to do finds more at each wake-up, and sends more at
//! once, so a packet costs less than on many threads that wake for every one. A room stays where it is for as long as it
//! has a session, however busy its worker becomes: its clients were told the worker's port, and talk to it alone. So a
//! worker that is too busy is only spared new rooms.

use std::collections::HashMap;
use tring_media::{RoomKey, SessionId};

/// Share of the last second that a worker's thread was busy, from which on it takes no new rooms. Higher: fewer wake-ups,
/// but the rooms of a full worker that grow, or begin to show pictures, find less room, and packets wait for each other.
/// Lower: more threads share the same packets, and each costs more.
const FULL: f64 = 0.6;

/// What a new session will take of a worker's time, until it shows in what is measured: twice that of a video call. Higher: a
/// rush of new rooms spreads sooner. Lower: it crowds on one worker, which is then too busy.
const SESSION_SHARE: f64 = 0.002;

/// What is left, a second later, of the share that is set aside for new sessions: half of it is gone after some 14 s, about
/// as long as it rings. Higher: what is measured already is set aside too. Lower: a call that rings is forgotten.
const STILL_SET_ASIDE: f64 = 0.95;

/// Part of a worker's places that is kept for the rooms that it has. Higher: rooms may grow more. Lower: more rooms.
const KEPT_FOR_OWN_ROOMS: usize = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Load {
    /// As measured last: 0 to 1.
    busy: f64,
    /// For sessions that do not show there yet.
    set_aside: f64,
    sessions: usize,
}

impl Load {
    fn share(&self) -> f64 {
        self.busy + self.set_aside
    }
}

#[derive(Debug, Clone, Copy)]
struct PlacedRoom {
    worker: usize,
    sessions: usize,
}

/// The rooms that have a session, and their workers.
#[derive(Debug)]
pub(crate) struct Placement {
    workers: Vec<Load>,
    rooms: HashMap<RoomKey, PlacedRoom>,
    sessions: HashMap<SessionId, (usize, RoomKey)>,
    /// Sessions of a worker from which on it takes no new rooms.
    most_sessions: usize,
}

impl Placement {
    /// Nothing is placed. `max_sessions`: places of each worker.
    pub(crate) fn new(workers: usize, max_sessions: usize) -> Self {
        Self {
            workers: vec![Load::default(); workers],
            rooms: HashMap::new(),
            sessions: HashMap::new(),
            most_sessions: max_sessions - max_sessions / KEPT_FOR_OWN_ROOMS,
        }
    }

    /// The worker of a new session: that of its room, or for a new room the first that is not full. Where all are, the one
    /// with places that is the least busy. A session that is known keeps its worker.
    pub(crate) fn place(&mut self, session: SessionId, room: RoomKey) -> usize {
        if let Some(worker) = self.worker_of(session) {
            return worker;
        }
        let worker = self.rooms.get(&room).map_or_else(|| self.for_new_room(), |r| r.worker);
        self.rooms.entry(room).or_insert(PlacedRoom { worker, sessions: 0 }).sessions += 1;
        self.sessions.insert(session, (worker, room));
        if let Some(load) = self.workers.get_mut(worker) {
            load.sessions += 1;
            load.set_aside += SESSION_SHARE;
        }
        worker
    }

    fn for_new_room(&self) -> usize {
        let out_of_places = |load: &Load| load.sessions >= self.most_sessions;
        let first = self.workers.iter().position(|load| load.share() < FULL && !out_of_places(load));
        first.unwrap_or_else(|| {
            let by_load = |(_, a): &(usize, &Load), (_, b): &(usize, &Load)| {
                out_of_places(a).cmp(&out_of_places(b)).then(a.share().total_cmp(&b.share()))
            };
            self.workers.iter().enumerate().min_by(by_load).map_or(0, |(worker, _)| worker)
        })
    }

    /// The worker of a session that has not ended.
    pub(crate) fn worker_of(&self, session: SessionId) -> Option<usize> {
        self.sessions.get(&session).map(|&(worker, _)| worker)
    }

    /// A session is gone. The last one of a room takes the room's place with it.
    pub(crate) fn ended(&mut self, session: SessionId) {
        let Some((worker, room)) = self.sessions.remove(&session) else { return };
        if let Some(load) = self.workers.get_mut(worker) {
            load.sessions = load.sessions.saturating_sub(1);
        }
        if let Some(placed) = self.rooms.get_mut(&room) {
            placed.sessions -= 1;
            if placed.sessions == 0 {
                self.rooms.remove(&room);
            }
        }
    }

    /// A second has passed, of which a worker's thread was busy for this share: 0 to 1.
    pub(crate) fn measured(&mut self, worker: usize, busy: f64) {
        if let Some(load) = self.workers.get_mut(worker) {
            load.busy = busy;
            load.set_aside *= STILL_SET_ASIDE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_protocol::{RoomId, SdkAppId};

    const PLACES: usize = 4_000;

    fn room(n: u32) -> RoomKey {
        RoomKey { app: SdkAppId::new(1_400_000_001).unwrap(), room: RoomId::new(n).unwrap() }
    }

    /// Places the two sessions of call `n`: both must be with one worker.
    fn call(p: &mut Placement, n: u32) -> usize {
        let [a, b] = [0, 1].map(|i| p.place(SessionId(u64::from(n) * 2 + i), room(n)));
        assert_eq!(a, b, "a room has one worker");
        a
    }

    fn end(p: &mut Placement, n: u32) {
        (0..2).for_each(|i| p.ended(SessionId(u64::from(n) * 2 + i)));
    }

    /// Time enough that what was set aside has gone, with these shares measured.
    fn settle(p: &mut Placement, busy: &[f64]) {
        for _ in 0..300 {
            busy.iter().enumerate().for_each(|(worker, &share)| p.measured(worker, share));
        }
    }

    #[test]
    fn the_first_worker_is_filled_then_the_next_and_the_first_again_when_it_has_room() {
        let mut p = Placement::new(4, PLACES);
        for n in 1..=20 {
            assert_eq!(call(&mut p, n), 0);
        }
        settle(&mut p, &[FULL - 0.01, 0.0, 0.0, 0.0]);
        assert_eq!(call(&mut p, 21), 0, "not full yet");
        settle(&mut p, &[FULL, 0.0, 0.0, 0.0]);
        assert_eq!(call(&mut p, 22), 1);
        settle(&mut p, &[FULL, FULL, 0.0, 0.0]);
        assert_eq!(call(&mut p, 23), 2);
        settle(&mut p, &[0.2, FULL, 0.1, 0.0]);
        assert_eq!(call(&mut p, 24), 0, "the lowest with room");
    }

    #[test]
    fn a_rush_that_no_measure_shows_yet_overflows() {
        let mut p = Placement::new(3, PLACES);
        let workers: Vec<usize> = (1..=400).map(|n| call(&mut p, n)).collect();
        assert!(workers.is_sorted() && workers[0] == 0 && workers[399] == 2, "{workers:?}");
        let of_first = workers.iter().filter(|&&w| w == 0).count();
        let expected = FULL / (2.0 * SESSION_SHARE);
        assert!((of_first as f64 - expected).abs() <= 1.0, "{of_first} of about {expected}");
        // They never spoke: their worker is as empty as it was.
        settle(&mut p, &[0.0; 3]);
        assert_eq!(call(&mut p, 401), 0);
    }

    #[test]
    fn when_all_are_full_the_least_busy_takes_it() {
        let mut p = Placement::new(3, PLACES);
        settle(&mut p, &[0.9, 0.7, 0.8]);
        assert_eq!(call(&mut p, 1), 1);
        settle(&mut p, &[0.9, 0.85, 0.8]);
        assert_eq!(call(&mut p, 2), 2);
    }

    #[test]
    fn a_room_with_sessions_stays_and_an_empty_one_is_forgotten() {
        let mut p = Placement::new(2, PLACES);
        assert_eq!(call(&mut p, 1), 0);
        settle(&mut p, &[0.99, 0.0]);
        assert_eq!(p.place(SessionId(1_000), room(1)), 0, "its clients talk to that port");
        assert_eq!(call(&mut p, 2), 1, "another room goes elsewhere");
        end(&mut p, 1);
        assert_eq!(p.place(SessionId(1_001), room(1)), 0, "one is left");
        p.ended(SessionId(1_000));
        p.ended(SessionId(1_001));
        p.ended(SessionId(1_001));
        assert_eq!((p.worker_of(SessionId(1_001)), p.rooms.len()), (None, 1));
        assert_eq!(call(&mut p, 1), 1, "a new room of that number is a new room");
        end(&mut p, 1);
        end(&mut p, 2);
        assert!(p.rooms.is_empty() && p.sessions.is_empty() && p.workers.iter().all(|w| w.sessions == 0));
    }

    #[test]
    fn a_session_that_is_known_keeps_its_worker_and_counts_once() {
        let mut p = Placement::new(2, PLACES);
        assert_eq!(p.place(SessionId(1), room(1)), 0);
        settle(&mut p, &[0.99, 0.0]);
        assert_eq!(p.place(SessionId(1), room(2)), 0);
        p.ended(SessionId(1));
        assert!(p.rooms.is_empty() && p.sessions.is_empty());
    }

    /// Sessions that send nothing cost no time, but each worker takes only so many.
    #[test]
    fn a_worker_without_places_takes_no_new_room_and_has_some_left_for_its_own() {
        let mut p = Placement::new(2, 16);
        let silent = |p: &mut Placement, n| {
            settle(p, &[0.0, 0.3]);
            call(p, n)
        };
        assert_eq!((1..=8).map(|n| silent(&mut p, n)).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 0, 1]);
        settle(&mut p, &[0.0, 0.99]);
        assert_eq!(call(&mut p, 9), 1, "busy, but it has places");
        assert_eq!(p.place(SessionId(1_000), room(1)), 0);
    }
}
