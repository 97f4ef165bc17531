//! Old rows of the database go away, some at a time, while the server runs.

use crate::clock::Clock;
use crate::config::RetentionSettings;
use std::time::Duration;
use tokio::time::sleep;
use tracing::{info, warn};
use tring_protocol::Timestamp;
use tring_store::{Store, StoreError};

/// How often old rows are looked for, from the start on. Higher: fewer questions. Lower: rows live less beyond their time.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// From one deletion to the next. Higher: others write in between. Lower: a backlog is gone sooner.
const PAUSE: Duration = Duration::from_millis(50);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Deletes what is too old for as long as it is polled. Ages count by the clock of calls, which nobody sets while the server
/// runs.
pub(crate) async fn run(store: Store, clock: Clock, settings: RetentionSettings) {
    loop {
        if let Err(error) = sweep(&store, clock.now(), settings).await {
            // Nothing is lost by it; whether the database takes anything is told by who writes.
            warn!(%error, "old rows could not be deleted; they are tried again in an hour");
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn sweep(store: &Store, now: Timestamp, settings: RetentionSettings) -> Result<(), StoreError> {
    let signatures = Rows::Signatures.delete(store, before(now, settings.signatures_days)).await?;
    let calls = Rows::Calls.delete(store, before(now, settings.calls_days)).await?;
    if signatures + calls > 0 {
        info!(signatures, calls, "old rows were deleted");
    }
    Ok(())
}

/// What grows old.
#[derive(Debug, Clone, Copy)]
enum Rows {
    Signatures,
    Calls,
}

impl Rows {
    /// Deletes some, again and again, until none is older. Gives how many there were.
    async fn delete(self, store: &Store, before: Option<Timestamp>) -> Result<u64, StoreError> {
        let Some(before) = before else { return Ok(0) };
        let mut all = 0;
        loop {
            let deleted = match self {
                Self::Signatures => store.delete_old_signatures(before).await?,
                Self::Calls => store.delete_old_calls(before).await?,
            };
            if deleted == 0 {
                return Ok(all);
            }
            all += deleted;
            sleep(PAUSE).await;
        }
    }
}

/// What is older than so many days. None: nothing is.
fn before(now: Timestamp, days: u32) -> Option<Timestamp> {
    (days > 0).then(|| {
        let age = u64::try_from((DAY * days).as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(now.as_millis().saturating_sub(age))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_protocol::{SdkAppId, UserId};

    const DAY_MS: u64 = 24 * 3600 * 1000;

    #[tokio::test]
    async fn what_is_older_than_its_days_goes_and_with_0_days_nothing_does() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let (app, user) = (SdkAppId::new(7).unwrap(), UserId::new("alice").unwrap());
        let now = Timestamp::from_millis(1_000 * DAY_MS);
        for age in [0, 89, 91, 400] {
            let at = Timestamp::from_millis(now.as_millis() - age * DAY_MS);
            store.audit_signature(app, &user, 60, "api", at).await.unwrap();
        }
        let left = async || store.list_signatures(app, 10).await.unwrap().len();
        let settings = RetentionSettings::default();
        sweep(&store, now, RetentionSettings { signatures_days: 0, ..settings }).await.unwrap();
        assert_eq!(left().await, 4);
        sweep(&store, now, settings).await.unwrap();
        assert_eq!(left().await, 2, "90 days by default");
        sweep(&store, now, RetentionSettings { signatures_days: 36_500, ..settings }).await.unwrap();
        assert_eq!(left().await, 2, "also where time began later than that");
    }
}
