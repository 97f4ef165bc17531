//! The ways to the writer: nobody who carries calls waits for the database, and nobody gets a UserSig that nothing tells of.

use crate::records::store_health::{Part, StoreHealth};
use tokio::sync::{Mutex, mpsc};
use tring_calls::CallRecord;
use tring_protocol::{SdkAppId, Timestamp, UserId};
use tring_store::{Store, StoreError};

/// Takes call records for the writer. The switchboard has it.
pub(crate) struct Recorder {
    calls: mpsc::Sender<CallRecord>,
    health: StoreHealth,
}

impl Recorder {
    /// `calls` leads to the writer.
    pub(crate) fn new(calls: mpsc::Sender<CallRecord>, health: StoreHealth) -> Self {
        Self { calls, health }
    }

    /// Hands a record over, and never waits.
    pub(crate) fn record(&self, record: CallRecord) {
        if self.calls.try_send(record).is_err() {
            self.health.lost(1);
        }
    }
}

/// A UserSig that was given out.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub(crate) app: SdkAppId,
    pub(crate) user: UserId,
    pub(crate) lifetime_s: u32,
    /// Who asked: `api` or `demo`.
    pub(crate) by: &'static str,
    pub(crate) at: Timestamp,
}

impl Signature {
    pub(super) async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let Self { app, user, lifetime_s, by, at } = self;
        store.audit_signature(*app, user, *lifetime_s, by, *at).await
    }
}

/// Takes signatures for the writer. The signing service has it.
pub(crate) struct Audit {
    store: Store,
    pub(super) queue: mpsc::Sender<Signature>,
    pub(super) health: StoreHealth,
    /// One at a time asks a database that may not answer for seconds; the others then know.
    asking: Mutex<()>,
}

/// The database takes nothing, and as many signatures wait for it as may.
#[derive(Debug)]
pub(crate) struct AuditFull;

impl Audit {
    pub(super) fn new(store: Store, queue: mpsc::Sender<Signature>, health: StoreHealth) -> Self {
        Self { store, queue, health, asking: Mutex::new(()) }
    }

    /// Writes a signature down before it is given out; or, if the database does not take it, keeps it for the time when
    /// it does.
    ///
    /// # Errors
    /// [`AuditFull`]: do not give the UserSig out.
    pub(crate) async fn write(&self, signature: Signature) -> Result<(), AuditFull> {
        let is_failing =
            || self.health.is_failing(Part::Signatures) || self.health.is_failing(Part::CallRecords);
        // Who is asked while it is known to fail does not wait for it to fail again.
        if !is_failing() {
            let _asking = self.asking.lock().await;
            if is_failing() {
                return self.queue.try_send(signature).map_err(|_| AuditFull);
            }
            match signature.write(&self.store).await {
                Ok(()) => return Ok(()),
                Err(error) => self.health.failed(Part::Signatures, &error),
            }
        }
        self.queue.try_send(signature).map_err(|_| AuditFull)
    }
}
