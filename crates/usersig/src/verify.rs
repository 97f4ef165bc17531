//! Checking a UserSig.

use crate::content::{Content, parse_signature};
use crate::envelope::Envelope;
use crate::{Key, MalformedReason, MapKeyError, PrivateMapKey, SigError};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How far the clock of a signing machine may run ahead of ours. Higher: badly set clocks do no harm. Lower: a UserSig
/// dated ahead on purpose, which lives that much longer, is refused sooner. An expiry has no such tolerance.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// What a verified UserSig says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// When it was signed, seconds since the Unix epoch; at most [`CLOCK_SKEW`] ahead.
    pub issued_at_s: u64,
    /// The first second in which it is no longer valid, since the Unix epoch.
    pub expires_at_s: u64,
    /// The user buffer, if it has one: bytes of the app's own, or a [`PrivateMapKey`].
    pub userbuf: Option<Vec<u8>>,
}

/// Checks that `text` is a UserSig for this app and this user, signed with this key and valid at `now_s` (seconds since
/// the Unix epoch). Checks in this order: form, app, user, signature, time. Errors: [`SigError`].
pub fn verify(key: &Key, app: u32, user: &str, text: &str, now_s: u64) -> Result<Claims, SigError> {
    let (envelope, _) = Envelope::from_text(text)?;
    let userbuf = envelope.userbuf_bytes()?;
    let given = parse_signature(&envelope.signature).ok_or(MalformedReason::Signature)?;
    if envelope.app != u64::from(app) {
        return Err(SigError::WrongApp { found: envelope.app, expected: app });
    }
    if envelope.user != user {
        return Err(SigError::WrongUser { found: envelope.user, expected: user.to_owned() });
    }
    let content = Content {
        app: envelope.app,
        user: &envelope.user,
        issued_at: envelope.issued_at,
        lifetime_s: envelope.lifetime_s,
        userbuf: envelope.userbuf.as_deref(),
    };
    if !bool::from(content.signature(key).ct_eq(&given)) {
        return Err(SigError::BadSignature);
    }
    let expires_at_s = check_time(envelope.issued_at, envelope.lifetime_s, now_s)?;
    Ok(Claims { issued_at_s: envelope.issued_at, expires_at_s, userbuf })
}

/// Checks a UserSig that must be a PrivateMapKey, and gives the rights. Beyond [`verify`] it wants rights for the same
/// app and user, not yet expired by their own clock. Errors: [`SigError`].
pub fn verify_map_key(
    key: &Key,
    app: u32,
    user: &str,
    text: &str,
    now_s: u64,
) -> Result<PrivateMapKey, SigError> {
    let claims = verify(key, app, user, text, now_s)?;
    let userbuf = claims.userbuf.ok_or(MalformedReason::MapKey(MapKeyError::Absent))?;
    let rights = PrivateMapKey::decode(&userbuf).map_err(MalformedReason::MapKey)?;
    if rights.app() != app || !rights.is_for(user) {
        return Err(MalformedReason::MapKey(MapKeyError::Mismatch).into());
    }
    let expires_at_s = u64::from(rights.expires_at_s());
    if now_s >= expires_at_s {
        return Err(SigError::Expired { ago: Duration::from_secs(now_s - expires_at_s) });
    }
    Ok(rights)
}

/// Gives the first second in which it is no longer valid. Errors: [`SigError::Expired`], [`SigError::NotYetValid`].
pub(crate) fn check_time(issued_at: u64, lifetime_s: u64, now_s: u64) -> Result<u64, SigError> {
    let expires_at_s = issued_at.saturating_add(lifetime_s);
    if now_s >= expires_at_s {
        return Err(SigError::Expired { ago: Duration::from_secs(now_s - expires_at_s) });
    }
    let ahead = Duration::from_secs(issued_at.saturating_sub(now_s));
    if ahead > CLOCK_SKEW {
        return Err(SigError::NotYetValid { ahead });
    }
    Ok(expires_at_s)
}
