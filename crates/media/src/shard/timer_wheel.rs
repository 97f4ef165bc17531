//! The deadlines of one worker's sessions: a hierarchical timer wheel. Setting, moving and cancelling a deadline costs the
//! same however many there are.
//!
//! Level 0 has a slot for each tick of the current 64, level 1 one for each 64 ticks, and so on. A deadline is in the
//! lowest level in which its slot is not the current one; when a slot of a higher level becomes current, its deadlines move
//! down. Slots are lists through an array with one entry for each key: nothing is allocated but for new keys.

use crate::key::Key;
use std::time::{Duration, Instant};

/// A tick, in milliseconds. Higher: deadlines are met later. Lower: more ticks, each with fewer deadlines.
const TICK_MS: u64 = 1;

/// Slots of a level: one for each bit of a word.
const SLOTS: usize = 64;
const SLOT_BITS: u32 = 6;

/// Levels: seven of them reach 139 years ahead.
const LEVELS: usize = 7;

/// The last tick there is. Whatever is due later is due then.
const LAST_TICK: u64 = (1 << (SLOT_BITS * LEVELS as u32)) - 1;

/// The list of what is due, behind those of the slots.
const DUE: u16 = (LEVELS * SLOTS) as u16;

/// In [`Entry::list`]: the key has no deadline.
const NO_LIST: u16 = u16::MAX;

/// In links: there is no other entry.
const END: u32 = u32::MAX;

/// The deadline of one key.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The first tick that is not before the deadline.
    tick: u64,
    previous: u32,
    next: u32,
    list: u16,
}

/// The ends of one list of entries.
#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
    /// No entry's tick is earlier. Exact until an entry is taken out.
    earliest: u64,
}

const EMPTY: List = List { first: END, last: END, earliest: u64::MAX };

/// Deadlines by key, at most one each.
#[derive(Debug)]
pub(crate) struct TimerWheel {
    start: Instant,
    /// Ticks since the start that have passed: all that was due by then is in the list of what is due.
    passed: u64,
    entries: Vec<Entry>,
    lists: Box<[List]>,
    /// Which slots of each level have entries.
    occupied: [u64; LEVELS],
}

impl TimerWheel {
    /// A wheel without deadlines. Times before `start` are taken for it.
    pub(crate) fn new(start: Instant) -> Self {
        let lists = vec![EMPTY; usize::from(DUE) + 1].into();
        Self { start, passed: 0, entries: Vec::new(), lists, occupied: [0; LEVELS] }
    }

    /// Sets the deadline of a key, in place of the one that it has, if any.
    pub(crate) fn set(&mut self, key: Key, at: Instant) {
        let index = key.0 as usize;
        if index >= self.entries.len() {
            let none = Entry { tick: 0, previous: END, next: END, list: NO_LIST };
            self.entries.resize(index + 1, none);
        }
        let tick = self.tick_after(at);
        if self.entries[index].list != NO_LIST {
            if self.entries[index].tick == tick {
                return;
            }
            self.unlink(key.0);
        }
        self.entries[index].tick = tick;
        self.link(key.0);
    }

    /// Takes away the deadline of a key, if it has one.
    pub(crate) fn cancel(&mut self, key: Key) {
        if self.entries.get(key.0 as usize).is_some_and(|e| e.list != NO_LIST) {
            self.unlink(key.0);
        }
    }

    /// When [`Self::pop_due`] is to be called next, if ever: at the next deadline or, after one was moved or cancelled,
    /// maybe before.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.lists[usize::from(DUE)].first != END {
            return Some(self.time_of(self.passed));
        }
        let (level, slot) = self.next_slot()?;
        Some(self.time_of(self.lists[level * SLOTS + slot].earliest))
    }

    /// Takes out a key whose deadline has passed, those of earlier ticks first. A deadline is never met before its time,
    /// and less than a tick late.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Key> {
        let passed = now.saturating_duration_since(self.start).as_millis() / u128::from(TICK_MS);
        let target = u64::try_from(passed).unwrap_or(LAST_TICK).min(LAST_TICK).max(self.passed);
        loop {
            let due = self.lists[usize::from(DUE)].first;
            if due != END {
                self.unlink(due);
                return Some(Key(due));
            }
            let Some((level, slot)) = self.next_slot() else { break };
            let begins = self.begin_of(level, slot);
            if begins > target {
                break;
            }
            self.passed = begins;
            self.occupied[level] &= !(1 << slot);
            let mut list = std::mem::replace(&mut self.lists[level * SLOTS + slot], EMPTY);
            while list.first != END {
                let index = list.first;
                list.first = self.entries[index as usize].next;
                self.link(index);
            }
        }
        self.passed = target;
        None
    }

    /// The slot whose entries are due first. All in one level come before all in the next, and none is behind the current.
    fn next_slot(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|o| *o != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// The first tick of a slot.
    fn begin_of(&self, level: usize, slot: usize) -> u64 {
        let shift = SLOT_BITS * level as u32;
        let above = shift + SLOT_BITS;
        (self.passed >> above << above) | (slot as u64) << shift
    }

    fn tick_after(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        let tick = nanos.div_ceil(u128::from(TICK_MS) * 1_000_000);
        u64::try_from(tick).unwrap_or(LAST_TICK).min(LAST_TICK)
    }

    fn time_of(&self, tick: u64) -> Instant {
        let since = Duration::from_millis(tick.min(LAST_TICK) * TICK_MS);
        self.start.checked_add(since).unwrap_or(self.start)
    }

    /// Appends an entry to the list that its tick belongs to.
    fn link(&mut self, index: u32) {
        let tick = self.entries[index as usize].tick;
        let number = if tick <= self.passed {
            DUE
        } else {
            let level = (63 - (tick ^ self.passed).leading_zeros()) / SLOT_BITS;
            let slot = (tick >> (SLOT_BITS * level)) & (SLOTS as u64 - 1);
            self.occupied[level as usize] |= 1 << slot;
            #[allow(clippy::cast_possible_truncation)] // Below DUE.
            let number = (level * SLOTS as u32) as u16 + slot as u16;
            number
        };
        let list = &mut self.lists[usize::from(number)];
        list.earliest = list.earliest.min(tick);
        let last = std::mem::replace(&mut list.last, index);
        if last == END {
            list.first = index;
        } else {
            self.entries[last as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        (entry.previous, entry.next, entry.list) = (last, END, number);
    }

    /// Takes an entry out of its list.
    fn unlink(&mut self, index: u32) {
        let Entry { previous, next, list: number, .. } = self.entries[index as usize];
        self.entries[index as usize].list = NO_LIST;
        let list = &mut self.lists[usize::from(number)];
        if previous == END {
            list.first = next;
        } else {
            self.entries[previous as usize].next = next;
        }
        if next == END {
            list.last = previous;
        } else {
            self.entries[next as usize].previous = previous;
        }
        if list.first == END {
            *list = EMPTY;
            if let Some(occupied) = self.occupied.get_mut(usize::from(number) / SLOTS) {
                *occupied &= !(1 << (usize::from(number) % SLOTS));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn wheel() -> (TimerWheel, Instant) {
        let start = Instant::now();
        (TimerWheel::new(start), start)
    }

    fn due(wheel: &mut TimerWheel, now: Instant) -> Vec<u32> {
        std::iter::from_fn(|| wheel.pop_due(now)).map(|key| key.0).collect()
    }

    #[test]
    fn nothing_is_due_without_a_deadline() {
        let (mut w, start) = wheel();
        assert_eq!((w.next(), w.pop_due(start + MS(1 << 40))), (None, None));
        w.set(Key(3), start);
        assert_eq!((w.next().is_some(), w.pop_due(start)), (true, Some(Key(3))), "a deadline is");
    }

    #[test]
    fn deadlines_are_met_in_order_never_early_and_less_than_a_tick_late() {
        let (mut w, start) = wheel();
        let micros = [70_500_000u64, 1, 999, 1_000, 1_001, 63_999, 64_000, 64_001, 4_096_000, 300_000_000];
        for (key, at) in (0..).zip(micros) {
            w.set(Key(key), start + Duration::from_micros(at));
        }
        let mut met = Vec::new();
        while let Some(at) = w.next() {
            let just_before = at - Duration::from_nanos(1);
            assert_eq!(w.pop_due(just_before), None);
            for key in due(&mut w, at) {
                let asked = start + Duration::from_micros(micros[key as usize]);
                assert!(at >= asked && at - asked < MS(1), "{key}");
                met.push(key);
            }
        }
        assert_eq!(met, [1, 2, 3, 4, 5, 6, 7, 8, 0, 9]);
    }

    #[test]
    fn the_next_deadline_is_exact_across_levels() {
        for ms in [1, 63, 64, 65, 4_095, 4_096, 300_000, 1 << 30, 1 << 40] {
            let (mut w, start) = wheel();
            w.set(Key(0), start + MS(ms));
            assert_eq!(w.next(), Some(start + MS(ms)));
            assert_eq!(due(&mut w, start + MS(ms - 1)), [] as [u32; 0], "{ms}");
            assert_eq!(w.next(), Some(start + MS(ms)));
            assert_eq!(due(&mut w, start + MS(ms)), [0], "{ms}");
            assert_eq!(w.next(), None);
        }
    }

    #[test]
    fn a_deadline_moves_either_way_and_goes() {
        let (mut w, start) = wheel();
        for at in [500, 20, 9_000, 30] {
            w.set(Key(7), start + MS(at));
        }
        w.set(Key(2), start + MS(30));
        w.set(Key(9), start + MS(10));
        w.cancel(Key(9));
        w.cancel(Key(9));
        w.cancel(Key(1_000));
        assert_eq!(due(&mut w, start + MS(29)), [] as [u32; 0]);
        assert_eq!(due(&mut w, start + MS(30)), [7, 2]);
        assert_eq!(due(&mut w, start + MS(100_000)), [] as [u32; 0]);
    }

    #[test]
    fn what_is_set_in_the_past_is_due_at_once_behind_the_others() {
        let (mut w, start) = wheel();
        (0..3).for_each(|key| w.set(Key(key), start + MS(5)));
        let now = start + MS(50);
        assert_eq!(w.pop_due(now), Some(Key(0)));
        w.set(Key(0), start);
        assert!(w.next().is_some_and(|at| at <= now));
        assert_eq!(due(&mut w, now), [1, 2, 0]);
        w.set(Key(4), start + MS(1));
        assert!(w.next().is_some_and(|at| at <= now));
        assert_eq!(due(&mut w, now), [4]);
    }

    #[test]
    fn times_that_cannot_be_are_taken() {
        let (mut w, start) = wheel();
        let centuries = start + Duration::from_secs(1 << 33);
        w.set(Key(0), centuries);
        assert!(w.next().is_some_and(|at| at > start + MS(1 << 41)));
        assert_eq!(w.pop_due(start + MS(1 << 41)), None);
        // The clock goes back.
        w.set(Key(1), start + MS((1 << 41) + 2));
        assert_eq!(w.pop_due(start), None);
        assert_eq!(w.pop_due(start + MS((1 << 41) + 2)), Some(Key(1)));
        assert_eq!(w.pop_due(centuries), Some(Key(0)));
        w.set(Key(0), centuries);
        assert_eq!(w.pop_due(centuries), Some(Key(0)));
    }

    #[test]
    fn nothing_is_allocated_for_keys_that_were_there_before() {
        let (mut w, start) = wheel();
        w.set(Key(99), start);
        let before = (w.entries.as_ptr(), w.entries.capacity());
        for n in 0..10_000u64 {
            w.set(Key((n % 100) as u32), start + MS(n * n % 70_000));
            w.pop_due(start + MS(n));
        }
        assert_eq!((w.entries.as_ptr(), w.entries.capacity()), before);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Set(u32, u64),
        Cancel(u32),
        Pass(u64),
        PassToNext,
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let micros = prop_oneof![0u64..3_000, 0u64..200_000, 0u64..20_000_000, 0u64..1 << 43];
        let act = prop_oneof![
            4 => (0u32..12, micros.clone()).prop_map(|(key, at)| Act::Set(key, at)),
            1 => (0u32..12).prop_map(Act::Cancel),
            2 => micros.prop_map(Act::Pass),
            2 => Just(Act::PassToNext),
        ];
        proptest::collection::vec(act, 1..200)
    }

    proptest! {
        /// The wheel does what a sorted set does, in ticks.
        #[test]
        fn it_is_a_sorted_set(acts in acts()) {
            let (mut w, start) = wheel();
            let mut now = start;
            // When each is due; and the same in ticks, in order.
            let mut at_most = BTreeMap::<u32, Instant>::new();
            let mut sorted = BTreeSet::<(u64, u32)>::new();
            let tick = |at: Instant| (at - start).as_micros().div_ceil(1_000) as u64;
            for act in acts {
                match act {
                    Act::Set(key, after) => {
                        let at = now + Duration::from_micros(after);
                        if let Some(before) = at_most.insert(key, at) {
                            sorted.remove(&(tick(before), key));
                        }
                        sorted.insert((tick(at), key));
                        w.set(Key(key), at);
                    }
                    Act::Cancel(key) => {
                        if let Some(before) = at_most.remove(&key) {
                            sorted.remove(&(tick(before), key));
                        }
                        w.cancel(Key(key));
                    }
                    Act::Pass(micros) => now += Duration::from_micros(micros),
                    Act::PassToNext => {
                        if let Some(next) = w.next() {
                            // Never later than the deadline, and what was found too early is not found again.
                            let (first, _) = *sorted.first().unwrap();
                            prop_assert!(next <= (start + MS(first)).max(now));
                            now = now.max(next);
                        }
                    }
                }
                prop_assert_eq!(w.next().is_none(), sorted.is_empty());
                let mut ticks = Vec::new();
                while let Some(key) = w.pop_due(now) {
                    let at = at_most.remove(&key.0).unwrap();
                    prop_assert!(at <= now && sorted.remove(&(tick(at), key.0)));
                    ticks.push(tick(at));
                }
                prop_assert!(ticks.is_sorted());
                // What is left is not due, and is waited for.
                let passed = (now - start).as_millis() as u64;
                prop_assert!(sorted.first().is_none_or(|&(first, _)| first > passed));
                prop_assert!(w.next().is_none_or(|next| next > now));
            }
        }
    }
}
