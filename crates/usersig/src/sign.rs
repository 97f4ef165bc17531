//! Making a UserSig.

use crate::content::{Content, signature_text};
use crate::envelope::{Envelope, VERSION};
use crate::{Key, PrivateMapKey, Privileges, Room, SignError};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::time::Duration;

/// Longest userID that is signed for, in bytes of UTF-8. The guide's documents say 32; a WeChat openid has 28.
pub const MAX_USER_BYTES: usize = 64;

/// Longest user buffer, in bytes. Its base64 text must fit [`crate::MAX_TEXT_BYTES`] together with the rest even if it
/// cannot be compressed.
pub const MAX_USERBUF_BYTES: usize = 768;

/// Longest lifetime. Higher: a lost UserSig harms for longer. Lower: long-lived devices must fetch more often.
pub const MAX_LIFETIME: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Signs for one user of one app, valid from `now_s` (seconds since the Unix epoch) for `lifetime` (whole seconds).
/// Errors: [`SignError`].
pub fn sign(key: &Key, app: u32, user: &str, lifetime: Duration, now_s: u64) -> Result<String, SignError> {
    write(key, app, user, lifetime, now_s, None)
}

/// Like [`sign`], with bytes of the app's own inside, at most [`MAX_USERBUF_BYTES`]. Errors: [`SignError`].
pub fn sign_with_userbuf(
    key: &Key,
    app: u32,
    user: &str,
    lifetime: Duration,
    now_s: u64,
    userbuf: &[u8],
) -> Result<String, SignError> {
    write(key, app, user, lifetime, now_s, Some(userbuf))
}

/// Signs a PrivateMapKey: what one user may do in one room. It has the form of a UserSig and is given beside one.
/// Errors: [`SignError`].
pub fn sign_map_key(
    key: &Key,
    app: u32,
    user: &str,
    room: &Room,
    privileges: Privileges,
    lifetime: Duration,
    now_s: u64,
) -> Result<String, SignError> {
    let expires_at = now_s.saturating_add(lifetime.as_secs());
    let rights = PrivateMapKey::new(app, user, room.clone(), privileges, expires_at)?;
    write(key, app, user, lifetime, now_s, Some(&rights.encode()?))
}

fn write(
    key: &Key,
    app: u32,
    user: &str,
    lifetime: Duration,
    now_s: u64,
    userbuf: Option<&[u8]>,
) -> Result<String, SignError> {
    if app == 0 {
        return Err(SignError::App);
    }
    if user.is_empty() {
        return Err(SignError::UserEmpty);
    }
    if user.len() > MAX_USER_BYTES {
        return Err(SignError::UserTooLong { len: user.len(), max: MAX_USER_BYTES });
    }
    if user.chars().any(char::is_control) {
        return Err(SignError::UserControl);
    }
    let lifetime_s = lifetime.as_secs();
    if !(1..=MAX_LIFETIME.as_secs()).contains(&lifetime_s) {
        return Err(SignError::Lifetime { found: lifetime_s, max: MAX_LIFETIME.as_secs() });
    }
    if let Some(bytes) = userbuf
        && bytes.len() > MAX_USERBUF_BYTES
    {
        return Err(SignError::UserbufTooLong { len: bytes.len(), max: MAX_USERBUF_BYTES });
    }
    let userbuf = userbuf.map(|bytes| BASE64_STANDARD.encode(bytes));
    let app = u64::from(app);
    let content = Content { app, user, issued_at: now_s, lifetime_s, userbuf: userbuf.as_deref() };
    let signature = signature_text(content.signature(key));
    let version = VERSION.to_owned();
    let user = user.to_owned();
    Ok(Envelope { version, user, app, issued_at: now_s, lifetime_s, userbuf, signature }.to_text())
}
