//! The call records that wait for the database. Pure.

use std::collections::{HashMap, VecDeque};
use tring_calls::CallRecord;
use tring_protocol::{CallId, SdkAppId};

/// Calls whose records wait for the database, some 400 bytes each. What is beyond is lost, and counted. Higher: a longer
/// time without a disk loses nothing. Lower: less memory meanwhile.
pub(super) const WAITING_CALLS: usize = 65_536;

type Key = (SdkAppId, CallId);

fn key(record: &CallRecord) -> Key {
    (record.room.app, record.call.clone())
}

/// The newest record of each call that waits. A newer one takes the place of an older, so what waits is bounded by calls, and
/// a call is never written as it was before.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    records: HashMap<Key, CallRecord>,
    /// Oldest first.
    order: VecDeque<Key>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes a record. False: there is no place for it.
    pub(super) fn push(&mut self, record: CallRecord) -> bool {
        let key = key(&record);
        if let Some(known) = self.records.get_mut(&key) {
            *known = record;
        } else if self.records.len() < WAITING_CALLS {
            self.order.push_back(key.clone());
            self.records.insert(key, record);
        } else {
            return false;
        }
        true
    }

    /// Takes out the oldest ones.
    pub(super) fn pop(&mut self, most: usize) -> Vec<CallRecord> {
        let count = most.min(self.order.len());
        let keys: Vec<Key> = self.order.drain(..count).collect();
        keys.iter().filter_map(|key| self.records.remove(key)).collect()
    }

    /// Takes back what [`Self::pop`] gave and was not written. It is the oldest again, unless a newer record of its call has
    /// come.
    pub(super) fn put_back(&mut self, records: Vec<CallRecord>) {
        for record in records.into_iter().rev() {
            let key = key(&record);
            if !self.records.contains_key(&key) {
                self.order.push_front(key.clone());
                self.records.insert(key, record);
            }
        }
    }
}
