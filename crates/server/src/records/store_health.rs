//! Whether the database takes what the server writes: for `/healthz`, for the log, and for who must not wait.
//!
//! A database that takes nothing ends no call and refuses none: what is to be written waits. So this is no reason to stop a
//! server, but one to look at its disk.

use crate::clock::Clock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{error, info};
use tring_protocol::Timestamp;
use tring_store::{StoreError, Trouble};

/// How often the log says again what is still so. Higher: a shorter log. Lower: seen sooner by who looks at its end.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// Who wants something of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The records of calls, and the time when the server was last alive.
    CallRecords,
    /// Who got a UserSig.
    Signatures,
    /// The apps, which are read.
    Apps,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CallRecords => "call records wait to be written",
            Self::Signatures => "the list of signatures waits to be written",
            Self::Apps => "changes of apps are not seen",
        })
    }
}

/// Shared by everything that uses the store.
#[derive(Clone)]
pub(crate) struct StoreHealth {
    clock: Clock,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    troubles: Mutex<BTreeMap<Part, Noticed>>,
    /// When it was last said that records are lost.
    lost_said: Mutex<Option<Timestamp>>,
    waiting: AtomicUsize,
    lost: AtomicU64,
}

/// What is wrong, and when the log last said so.
#[derive(Debug, Clone, Copy)]
struct Noticed {
    trouble: Trouble,
    said: Timestamp,
}

impl StoreHealth {
    /// All is well.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, shared: Arc::default() }
    }

    fn troubles(&self) -> MutexGuard<'_, BTreeMap<Part, Noticed>> {
        self.shared.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database did not do what this part asked.
    pub(crate) fn failed(&self, part: Part, why: &StoreError) {
        let (now, trouble) = (self.clock.now(), why.trouble());
        let mut troubles = self.troubles();
        let known = troubles.get(&part).filter(|known| known.trouble == trouble);
        if known.is_some_and(|known| now.since(known.said) < REMIND_EVERY) {
            return;
        }
        troubles.insert(part, Noticed { trouble, said: now });
        error!(error = %why, waiting = self.waiting(), "{part}: {}", advice(trouble));
    }

    /// The database did what this part asked.
    pub(crate) fn works(&self, part: Part) {
        if self.troubles().remove(&part).is_some() {
            info!(waiting = self.waiting(), "the database does its work again; before, {part}");
        }
    }

    /// Whether the database did not do what this part asked last.
    pub(crate) fn is_failing(&self, part: Part) -> bool {
        self.troubles().contains_key(&part)
    }

    /// Says that so many calls wait to be written.
    pub(crate) fn set_waiting(&self, calls: usize) {
        self.shared.waiting.store(calls, Ordering::Relaxed);
        metrics::gauge!("tring_records_waiting").set(calls as f64);
    }

    /// How many calls wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Says that so many records will not be written.
    pub(crate) fn lost(&self, records: u64) {
        if records == 0 {
            return;
        }
        let all = self.shared.lost.fetch_add(records, Ordering::Relaxed) + records;
        metrics::counter!("tring_records_lost_total").increment(records);
        let now = self.clock.now();
        let mut said = self.shared.lost_said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| now.since(at) >= REMIND_EVERY) {
            *said = Some(now);
            error!(
                lost = all,
                "call records are lost: more came than the database takes, or it takes nothing"
            );
        }
    }

    /// The fields of `/healthz`. They name no path and no error of the system's: anybody may read them.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Value)> {
        let worst = self.troubles().iter().next().map(|(part, noticed)| (*part, noticed.trouble));
        let mut fields = vec![("store", json!(if worst.is_some() { "degraded" } else { "ok" }))];
        if let Some((part, trouble)) = worst {
            fields.push(("storeAdvice", json!(format!("{part}: {}", advice(trouble)))));
            fields.push(("recordsWaiting", json!(self.waiting())));
        }
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost > 0 {
            fields.push(("recordsLost", json!(lost)));
        }
        fields
    }
}

/// What is wrong, and what to do.
const fn advice(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::DiskFull => {
            "the disk of the data folder is full. Free some of it; all goes on by itself, and calls are carried meanwhile"
        }
        Trouble::ReadOnly => {
            "the database cannot be written. Give the server's user the right to write in the data folder, and see that its disk is not mounted read-only"
        }
        Trouble::Locked => {
            "another program holds the database. Find the one that has the data folder open, and end it"
        }
        _ => "the database fails. The server's log says how; see whether the disk of the data folder is well",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> StoreError {
        StoreError::AppUnknown("stands for any".into())
    }

    #[test]
    fn the_first_part_that_fails_is_named_until_it_works() {
        let health = StoreHealth::new(Clock::start());
        let text = |health: &StoreHealth| serde_json::to_string(&health.fields()).unwrap();
        assert_eq!(text(&health), r#"[["store","ok"]]"#);
        health.failed(Part::Apps, &full());
        health.failed(Part::CallRecords, &full());
        health.set_waiting(3);
        let said = text(&health);
        assert!(said.contains("degraded") && said.contains("call records wait"), "{said}");
        assert!(said.contains(r#"["recordsWaiting",3]"#), "{said}");
        assert!(health.is_failing(Part::Apps) && !health.is_failing(Part::Signatures));
        health.works(Part::CallRecords);
        assert!(text(&health).contains("changes of apps"));
        health.works(Part::Apps);
        health.works(Part::Apps);
        health.lost(0);
        assert_eq!(text(&health), r#"[["store","ok"]]"#);
        health.lost(2);
        health.lost(5);
        assert_eq!(text(&health), r#"[["store","ok"],["recordsLost",7]]"#);
    }
}
