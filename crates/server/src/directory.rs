//! The apps and their keys, as the store has them. `tring app …` changes the store from another process; this looks
//! for changes once a second, so that a deleted app ends its calls and a new key holds without a restart.

use crate::switchboard::In;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{info, warn};
use tring_protocol::{ErrorCode, SdkAppId, Timestamp, UserKey};
use tring_store::{App, Store, StoreError};
use tring_usersig::SigError;

/// How often the store is asked whether it has changed. Higher: a deleted app lives longer. Lower: more queries.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a user cannot sign in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    #[error("no app has the sdkAppID {0} here: `tring app list` prints those that exist")]
    AppUnknown(SdkAppId),
    #[error(transparent)]
    Sig(#[from] SigError),
}

impl SignInError {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::AppUnknown(_) => ErrorCode::AppUnknown,
            Self::Sig(SigError::WrongApp { .. }) => ErrorCode::SigWrongApp,
            Self::Sig(SigError::WrongUser { .. }) => ErrorCode::SigWrongUser,
            Self::Sig(SigError::BadSignature) => ErrorCode::SigBad,
            Self::Sig(SigError::Expired { .. }) => ErrorCode::SigExpired,
            Self::Sig(SigError::NotYetValid { .. }) => ErrorCode::SigNotYetValid,
            Self::Sig(_) => ErrorCode::SigMalformed,
        }
    }
}

/// All apps, shared by every door. Read at each sign-in, replaced as a whole when the store has changed.
#[derive(Clone)]
pub(crate) struct Directory {
    apps: Arc<RwLock<Arc<HashMap<SdkAppId, App>>>>,
}

impl Directory {
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let apps = read(store).await?;
        Ok(Self { apps: Arc::new(RwLock::new(Arc::new(apps))) })
    }

    fn apps(&self) -> Arc<HashMap<SdkAppId, App>> {
        // The lock is held for the time of a pointer copy; a panic cannot leave the pointer half written.
        self.apps.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn app(&self, id: SdkAppId) -> Option<App> {
        self.apps().get(&id).cloned()
    }

    /// Checks who somebody is. Returns whether the app allows one device a user. Errors: [`SignInError`].
    pub(crate) fn sign_in(&self, who: &UserKey, user_sig: &str, now: Timestamp) -> Result<bool, SignInError> {
        let apps = self.apps();
        let app = apps.get(&who.app).ok_or(SignInError::AppUnknown(who.app))?;
        tring_usersig::verify(&app.key, who.app.get(), who.user.as_str(), user_sig, now.as_secs())?;
        Ok(app.single_login)
    }

    /// Follows the store until the switchboard is gone.
    pub(crate) async fn follow(self, store: Store, switchboard: mpsc::Sender<In>) {
        let mut seen = None;
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let counter = match store.change_counter().await {
                Ok(counter) => counter,
                Err(error) => {
                    warn!(%error, "cannot ask the database for changes; apps stay as they are");
                    continue;
                }
            };
            if seen.replace(counter) == Some(counter) {
                continue;
            }
            let new = match read(&store).await {
                Ok(new) => Arc::new(new),
                Err(error) => {
                    warn!(%error, "cannot read the apps; they stay as they are");
                    seen = None;
                    continue;
                }
            };
            let old = std::mem::replace(
                &mut *self.apps.write().unwrap_or_else(PoisonError::into_inner),
                new.clone(),
            );
            for id in old.keys().filter(|id| !new.contains_key(id)) {
                if switchboard.send(In::AppDeleted(*id)).await.is_err() {
                    return;
                }
            }
            for id in new.keys().filter(|id| !old.contains_key(id)) {
                info!(app = %id, "app added");
            }
        }
    }
}

async fn read(store: &Store) -> Result<HashMap<SdkAppId, App>, StoreError> {
    Ok(store.list_apps().await?.into_iter().map(|app| (app.id, app)).collect())
}
