//! The apps and their keys, as the store has them. `tring app …` changes the store from another process; this looks
//! for changes once a second, so that a deleted app ends its calls and a new key holds without a restart.

use crate::records::store_health::{Part, StoreHealth};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tracing::{info, warn};
use tring_protocol::{ErrorCode, SdkAppId, Timestamp, UserKey};
use tring_store::{App, DEMO_APP, Store, StoreError};
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
    /// What clients are told.
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

/// What has changed in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppChange {
    /// Told before anybody can sign in to the app.
    Added(SdkAppId),
    /// Told after nobody can sign in to the app any more.
    Deleted(SdkAppId),
}

type AppMap = HashMap<SdkAppId, App>;

/// All apps. Cheap to clone. Read at each sign-in, replaced as a whole when the store has changed.
#[derive(Clone)]
pub(crate) struct Apps {
    current: Arc<RwLock<Arc<AppMap>>>,
    /// Whether the demo app is served: it stays in the store after a start with `demo`, and its users are whoever asks.
    demo: bool,
    health: StoreHealth,
}

impl Apps {
    /// Reads the apps of a store. With `demo` off the demo app is left out.
    ///
    /// # Errors
    /// [`StoreError`]: the server does not start.
    pub(crate) async fn load(store: &Store, demo: bool, health: StoreHealth) -> Result<Self, StoreError> {
        Ok(Self::of(read(store, demo).await?, demo, health))
    }

    /// These apps, until [`Self::replace`].
    pub(crate) fn of(apps: AppMap, demo: bool, health: StoreHealth) -> Self {
        Self { current: Arc::new(RwLock::new(Arc::new(apps))), demo, health }
    }

    fn current(&self) -> Arc<AppMap> {
        // The lock is held for the time of a pointer copy; a panic cannot leave the pointer half written.
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many apps are served.
    pub(crate) fn len(&self) -> usize {
        self.current().len()
    }

    /// One app, if there is one with this number.
    pub(crate) fn app(&self, id: SdkAppId) -> Option<App> {
        self.current().get(&id).cloned()
    }

    /// Checks who somebody is. Returns whether the app allows one device a user. `now` is the time of day, by which
    /// UserSigs are dated.
    ///
    /// # Errors
    /// [`SignInError`]; the client is told.
    pub(crate) fn sign_in(&self, who: &UserKey, user_sig: &str, now: Timestamp) -> Result<bool, SignInError> {
        let apps = self.current();
        let app = apps.get(&who.app).ok_or(SignInError::AppUnknown(who.app))?;
        tring_usersig::verify(&app.key, who.app.get(), who.user.as_str(), user_sig, now.as_secs())?;
        Ok(app.single_login)
    }

    /// Follows the store for as long as it is polled, and calls `tell` with each change.
    pub(crate) async fn follow(self, store: Store, mut tell: impl AsyncFnMut(AppChange)) {
        let mut seen = None;
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let counter = match store.change_counter().await {
                Ok(counter) => counter,
                Err(error) => {
                    self.health.failed(Part::Apps, &error);
                    continue;
                }
            };
            if seen.replace(counter) == Some(counter) {
                self.health.works(Part::Apps);
                continue;
            }
            let new = match read(&store, self.demo).await {
                Ok(new) => new,
                Err(error) => {
                    self.health.failed(Part::Apps, &error);
                    seen = None;
                    continue;
                }
            };
            self.health.works(Part::Apps);
            let old = self.current();
            for &id in new.keys().filter(|id| !old.contains_key(id)) {
                info!(app = %id, "app added");
                tell(AppChange::Added(id)).await;
            }
            let (old, new) = self.replace(new);
            for (id, app) in old.iter().filter(|(id, _)| !new.contains_key(id)) {
                if app.name == DEMO_APP {
                    warn!(app = %id, "the demo app was deleted: the demo page works again after a new start with --demo");
                }
                tell(AppChange::Deleted(*id)).await;
            }
        }
    }

    /// From here on sign-ins see the new apps. Gives the old ones and the new ones.
    pub(crate) fn replace(&self, new: AppMap) -> (Arc<AppMap>, Arc<AppMap>) {
        let new = Arc::new(new);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        (std::mem::replace(&mut *current, new.clone()), new)
    }
}

async fn read(store: &Store, demo: bool) -> Result<AppMap, StoreError> {
    let apps = store.list_apps().await?.into_iter().filter(|app| demo || app.name != DEMO_APP);
    Ok(apps.map(|app| (app.id, app)).collect())
}
