//! Tests of the interface, on every database that can stand behind it. What is a database's own is tested beside it.

use super::*;
use crate::store::Backend;
use RecordState::{Ended, LostServer, Running};
use tempfile::TempDir;
use tring_protocol::{CallId, EndReason, MediaType, RoomId, SdkAppId, Timestamp, UserId};

mod apps;
mod calls;
mod opening;
mod runs;
mod signatures;
mod sqlite;

/// An empty database for one test.
enum Database {
    /// SQLite in a folder that goes with the test.
    Sqlite(TempDir),
}

/// One of each kind, for a test to run on in turn.
fn databases() -> [Database; 1] {
    [Database::Sqlite(tempfile::tempdir().unwrap())]
}

impl Database {
    /// Opens it, as one process does; again for another process.
    async fn open(&self) -> Store {
        match self {
            // The output of a test is shown when it fails: on which database it did.
            Self::Sqlite(folder) => {
                println!("SQLite in {}", folder.path().display());
                Store::open(folder.path()).await.unwrap()
            }
        }
    }
}

/// What a test does behind the interface: damage, and looks at rows that no method shows.
impl Store {
    async fn execute(&self, sql: &'static str) {
        match &self.backend {
            Backend::Sqlite(db) => drop(sqlx::query(sql).execute(&db.pool).await.unwrap()),
        }
    }

    async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        match &self.backend {
            Backend::Sqlite(db) => sqlx::query_scalar(sql).fetch_all(&db.pool).await.unwrap(),
        }
    }
}

fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn app(n: u32) -> SdkAppId {
    SdkAppId::new(n).unwrap()
}

fn run() -> RunId {
    RunId::draw().unwrap()
}

/// A call that has ended.
fn call(app_id: u32, id: &str, started: u64) -> CallRecordRow {
    CallRecordRow {
        app: app(app_id),
        call: CallId::new(id).unwrap(),
        room: RoomId::new(u32::MAX).unwrap(),
        caller: user("alice"),
        media: MediaType::Video,
        started: at(started),
        accepted: Some(at(started + 1500)),
        ended: at(started + 61_500),
        state: Ended(EndReason::Hangup),
        callees: vec![(user("用户"), Ended(EndReason::Hangup)), (user("bob"), Ended(EndReason::Timeout))],
    }
}

/// A call that was made, and rings.
fn made(app_id: u32, id: &str, started: u64) -> CallRecordRow {
    CallRecordRow {
        accepted: None,
        ended: at(started),
        state: Running,
        callees: vec![(user("用户"), Running), (user("bob"), Running)],
        ..call(app_id, id, started)
    }
}

/// A call that was answered by one, refused by the other, and goes on.
fn answered(app_id: u32, id: &str, started: u64) -> CallRecordRow {
    CallRecordRow {
        accepted: Some(at(started + 1500)),
        ended: at(started + 1500),
        callees: vec![(user("用户"), Running), (user("bob"), Ended(EndReason::Reject))],
        ..made(app_id, id, started)
    }
}

async fn write(store: &Store, record: &CallRecordRow) {
    store.write_call_records(run(), std::slice::from_ref(record)).await.unwrap();
}

async fn listed(store: &Store, app_id: u32) -> Vec<CallRecordRow> {
    store.list_call_records(app(app_id), MAX_LISTED).await.unwrap()
}
