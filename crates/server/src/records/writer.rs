//! Call records and signatures on their way to the database. One task writes them, many in one transaction, and again
//! after a pause if the database does not take them; nobody who carries calls waits for it.
//!
//! ```text
//!  switchboard ── Recorder ──┐                    ┌── calls: the newest record of each, in the order of their first
//!                            ├──▶ Writer, waiting ┤
//!  signing ────── Audit ─────┘                    └── signatures that could not be written at once
//! ```

use crate::clock::Clock;
use crate::records::queue::{Audit, Recorder, Signature};
use crate::records::store_health::{Part, StoreHealth};
use crate::records::waiting::Waiting;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::warn;
use tring_calls::CallRecord;
use tring_protocol::Timestamp;
use tring_store::{CallRecordRow, RecordState, RunId, ServeLock, Store, StoreError};

/// Records on their way to the task. Higher: larger bursts between two writings. Lower: less memory.
const INBOX: usize = 8192;

/// Signatures that wait for the database, some 150 bytes each. Who asks for one beyond is refused. Higher: people can sign
/// in for longer without a disk. Lower: less memory meanwhile.
const WAITING_SIGNATURES: usize = 8192;

/// From one writing to the next. Higher: fewer transactions. Lower: a server that is killed takes less with it.
const WRITE_EVERY: Duration = Duration::from_millis(100);

/// From a writing that failed to the next. Higher: less work for a sick disk. Lower: it is noticed sooner that it is well.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How often it is written that the server is alive: the calls of one that dies are known to have lasted until then.
/// Higher: fewer writings of an idle server. Lower: their durations are more exact.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// Calls, and signatures, of one transaction. Higher: a backlog is gone sooner. Lower: others write in between.
const WRITTEN_AT_ONCE: usize = 1000;

/// Writes call records and signatures to the database.
pub(crate) struct Writer {
    store: Store,
    clock: Clock,
    health: StoreHealth,
    run: RunId,
    started: Timestamp,
    /// Held until the last record is written. None: another server carries calls of this database too.
    _lock: Option<ServeLock>,
    inbox: mpsc::Receiver<CallRecord>,
    queue: mpsc::Receiver<Signature>,
    /// The switchboard is gone: nothing more will come.
    closed: bool,
    calls: Waiting,
    /// Calls that are being written now.
    writing: usize,
    /// Signatures of the last writing that the database did not take.
    signatures: VecDeque<Signature>,
    /// When it is next to be written that the server is alive.
    alive_at: Instant,
    /// The calls of a server that died are still to be closed.
    close_lost: bool,
}

impl Writer {
    /// Opens the ways to the writer, and closes the calls of a server that died in this data folder.
    ///
    /// # Errors
    /// [`StoreError`], with which the server does not start. A database that only takes nothing now is none.
    pub(crate) async fn open(
        folder: &Path,
        store: Store,
        clock: Clock,
        health: StoreHealth,
    ) -> Result<(Self, Recorder, Audit), StoreError> {
        let lock = store.serve_lock()?;
        if lock.is_none() {
            warn!(
                data = %folder.display(),
                "another server has this data folder: calls of servers that died stay open until one is started alone"
            );
        }
        let ((calls, inbox), (signatures, queue)) = (mpsc::channel(INBOX), mpsc::channel(WAITING_SIGNATURES));
        let recorder = Recorder::new(calls, health.clone());
        let audit = Audit::new(store.clone(), signatures, health.clone());
        let mut writer = Self {
            store,
            clock,
            health,
            run: RunId::draw()?,
            started: clock.now(),
            close_lost: lock.is_some(),
            _lock: lock,
            inbox,
            queue,
            closed: false,
            calls: Waiting::default(),
            writing: 0,
            signatures: VecDeque::new(),
            alive_at: Instant::now(),
        };
        // Before the first call, so that who reads the records after the start finds none that only seems to go on.
        writer.write().await;
        Ok((writer, recorder, audit))
    }

    /// Writes until the switchboard is gone and everything is written.
    pub(crate) async fn run(mut self) {
        loop {
            self.wait_for_work().await;
            let written = self.write().await;
            if self.closed && self.is_idle() {
                break;
            }
            if !written {
                self.pause().await;
            } else if !self.closed && self.calls.len() < WRITTEN_AT_ONCE {
                // What comes meanwhile is written together.
                tokio::time::sleep(WRITE_EVERY).await;
            }
        }
        if let Err(error) = self.store.end_run(self.run).await {
            // The next start takes it away.
            self.health.failed(Part::CallRecords, &error);
        }
    }

    fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.signatures.is_empty() && self.queue.is_empty()
    }

    async fn wait_for_work(&mut self) {
        while self.is_idle() && !self.closed {
            let alive_at = self.alive_at;
            tokio::select! {
                () = self.take() => {}
                () = tokio::time::sleep_until(alive_at) => return,
            }
        }
    }

    /// Takes the records that have come, or waits for some. May be dropped at any time.
    async fn take(&mut self) {
        if self.closed {
            return std::future::pending().await;
        }
        let mut records = Vec::new();
        self.closed = self.inbox.recv_many(&mut records, INBOX).await == 0;
        let lost = records.into_iter().map(|record| self.calls.push(record)).filter(|kept| !kept).count();
        self.health.lost(lost as u64);
        self.tell_waiting();
    }

    fn tell_waiting(&self) {
        self.health.set_waiting(self.calls.len() + self.writing);
    }

    /// Waits until the database may be asked again, or until the end has come.
    async fn pause(&mut self) {
        let (until, closed) = (Instant::now() + RETRY_AFTER, self.closed);
        while self.closed == closed {
            tokio::select! {
                () = self.take() => {}
                () = tokio::time::sleep_until(until) => return,
            }
        }
    }

    /// Writes some of what waits, and takes what comes meanwhile. False: the database did not take it.
    async fn write(&mut self) -> bool {
        let now = Instant::now();
        while self.signatures.len() < WRITTEN_AT_ONCE
            && let Ok(signature) = self.queue.try_recv()
        {
            self.signatures.push_back(signature);
        }
        let batch = Batch {
            run: self.run,
            close_lost: self.close_lost,
            alive: (now >= self.alive_at).then(|| (self.started, self.clock.now())),
            calls: self.calls.pop(WRITTEN_AT_ONCE),
            signatures: std::mem::take(&mut self.signatures),
        };
        let is_alive = batch.alive.is_some();
        self.writing = batch.calls.len();
        let mut writing = tokio::spawn(batch.write(self.store.clone()));
        let written = loop {
            tokio::select! {
                written = &mut writing => break written,
                () = self.take() => {}
            }
        };
        let calls = std::mem::take(&mut self.writing);
        let Ok((left, result)) = written else {
            // A panic: what it had is gone.
            self.health.lost(calls as u64);
            return false;
        };
        self.close_lost = left.close_lost;
        if is_alive && left.alive.is_none() {
            self.alive_at = now + ALIVE_EVERY;
        }
        self.calls.put_back(left.calls);
        self.signatures = left.signatures;
        self.tell_waiting();
        match result {
            Ok(()) => {
                self.health.works(Part::CallRecords);
                self.health.works(Part::Signatures);
                true
            }
            Err((part, error)) => {
                if part == Part::Signatures {
                    self.health.works(Part::CallRecords);
                }
                self.health.failed(part, &error);
                false
            }
        }
    }
}

/// What is written in one go. What an error leaves is still in it.
struct Batch {
    run: RunId,
    close_lost: bool,
    /// When the server started, and now.
    alive: Option<(Timestamp, Timestamp)>,
    calls: Vec<CallRecord>,
    signatures: VecDeque<Signature>,
}

impl Batch {
    async fn write(mut self, store: Store) -> (Self, Result<(), (Part, StoreError)>) {
        let result = self.try_write(&store).await;
        (self, result)
    }

    async fn try_write(&mut self, store: &Store) -> Result<(), (Part, StoreError)> {
        let of_calls = |error| (Part::CallRecords, error);
        if self.close_lost {
            let closed = store.close_lost_calls(self.run).await.map_err(of_calls)?;
            self.close_lost = false;
            if closed > 0 {
                warn!(
                    calls = closed,
                    "the server died the last time it ran: its calls are closed as lost_server"
                );
            }
        }
        if !self.calls.is_empty() {
            let rows: Vec<_> = self.calls.iter().map(row).collect();
            store.write_call_records(self.run, &rows).await.map_err(of_calls)?;
            self.calls.clear();
        }
        if let Some((started, now)) = self.alive {
            store.set_alive(self.run, started, now).await.map_err(of_calls)?;
            self.alive = None;
        }
        while let Some(signature) = self.signatures.front() {
            signature.write(store).await.map_err(|error| (Part::Signatures, error))?;
            self.signatures.pop_front();
        }
        Ok(())
    }
}

fn row(record: &CallRecord) -> CallRecordRow {
    let state = |reason: Option<_>| reason.map_or(RecordState::Running, RecordState::Ended);
    CallRecordRow {
        app: record.room.app,
        call: record.call.clone(),
        room: record.room.room,
        caller: record.caller.clone(),
        media: record.media,
        started: record.started,
        accepted: record.accepted,
        ended: record.at,
        state: state(record.reason),
        callees: record.callees.iter().map(|(user, reason)| (user.clone(), state(*reason))).collect(),
    }
}

#[cfg(test)]
mod tests;
