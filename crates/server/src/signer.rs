//! Signs UserSigs: so many of each app, each written down before it is given out.

use crate::clock;
use crate::config::LimitSettings;
use crate::limits::{Buckets, Rate, quota_key};
use crate::records::queue::{Audit, AuditFull, Signature};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tring_protocol::{SdkAppId, Timestamp, UserId};
use tring_store::App;

/// Wrong API secrets from one address before it must wait, and how many a second are forgiven. Higher: a guesser tries
/// more. Lower: an app's server with an old secret locks out its neighbours behind the same address sooner.
const WRONG_SECRETS: Rate = Rate { burst: 10.0, per_second: 0.2 };

/// Signs UserSigs, within the limits of each app.
pub(crate) struct Signer {
    audit: Audit,
    /// The app of `--demo`.
    pub(crate) demo_app: Option<SdkAppId>,
    apps: Mutex<Buckets<SdkAppId>>,
    /// Wrong secrets by address.
    wrong: Mutex<Buckets<IpAddr>>,
}

impl Signer {
    pub(crate) fn new(audit: Audit, demo_app: Option<SdkAppId>, limits: &LimitSettings) -> Self {
        let apps = Rate { burst: limits.signatures_burst, per_second: limits.signatures_per_second };
        let (apps, wrong) = (Buckets::new(apps).into(), Buckets::new(WRONG_SECRETS).into());
        Self { audit, demo_app, apps, wrong }
    }

    /// Takes one signature off what an app may have signed. False: it has to wait.
    pub(crate) fn may_sign(&self, app: SdkAppId, now: Timestamp) -> bool {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).take(app, now)
    }

    /// Takes one wrong secret off what an address may send. False: it has to wait.
    pub(crate) fn may_be_wrong(&self, from: IpAddr, now: Timestamp) -> bool {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).take(quota_key(from), now)
    }

    /// A UserSig of this app for this user. `by`: who asked, for the list of signatures: `api` or `demo`.
    ///
    /// # Errors
    /// [`SignError`]; the caller tells whoever asked.
    pub(crate) async fn sign(
        &self,
        app: &App,
        user: &UserId,
        lifetime: Duration,
        by: &'static str,
    ) -> Result<Signed, SignError> {
        let at = clock::wall();
        let user_sig = tring_usersig::sign(&app.key, app.id.get(), user.as_str(), lifetime, at.as_secs())
            .map_err(SignError::User)?;
        let lifetime_s = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        let signature = Signature { app: app.id, user: user.clone(), lifetime_s, by, at };
        // What cannot be written down is not given out.
        self.audit.write(signature).await.map_err(|AuditFull| SignError::StoreFull)?;
        Ok(Signed { user_sig, at })
    }
}

/// A UserSig, and from when on it holds.
pub(crate) struct Signed {
    pub(crate) user_sig: String,
    /// The time of day, as other machines have it.
    pub(crate) at: Timestamp,
}

/// Why nothing was signed.
#[derive(Debug)]
pub(crate) enum SignError {
    /// This user cannot be signed for.
    User(tring_usersig::SignError),
    /// The database takes nothing, and as many signatures as may wait for it already.
    StoreFull,
}

/// Whether this is the API secret of an app. Takes as long for a wrong one as for the right one.
pub(crate) fn secret_fits(app: &App, secret: &str) -> bool {
    let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    hash.ct_eq(&app.api_secret_hash).into()
}
