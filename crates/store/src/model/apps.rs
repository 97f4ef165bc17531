//! Apps: each one a world of users, calls and rooms, with a key that signs for its users.

use super::columns::hex;
use super::error::StoreError;
use super::random;
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::RangeInclusive;
use tring_protocol::{SdkAppId, Timestamp};
use tring_usersig::Key;

/// Numbers of new apps, drawn at random. Ten digits beginning with 14 to 19, like those of the guide's console, so
/// that pages which check the look of the number accept them.
pub const APP_ID_RANGE: RangeInclusive<u32> = 1_400_000_000..=1_999_999_999;

/// Longest name of an app, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 64;

/// The name of the app that `tring serve --demo` makes. Nothing else may have it, since anybody may sign in there.
pub const DEMO_APP: &str = "demo";

/// How often a new number is drawn before the store gives up: of 600 million few are taken.
const DRAWS: u32 = 16;

/// What an API secret begins with, so that nobody takes it for the secret key, which has 64 hexadecimal characters too.
const API_SECRET_PREFIX: &str = "tring-api-";

/// An app as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// Its number.
    pub id: SdkAppId,
    /// Its name, unique, for people.
    pub name: String,
    /// Signs and verifies the UserSigs of its users.
    pub key: Key,
    /// SHA-256 of the secret that the app's own server shows to the signing service.
    pub api_secret_hash: [u8; 32],
    /// Whether a user's second sign-in kicks the first, instead of all devices ringing together.
    pub single_login: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, single_login, created, updated, .. } = self;
        f.debug_struct("App")
            .field("id", id)
            .field("name", name)
            .field("single_login", single_login)
            .field("created", created)
            .field("updated", updated)
            .finish_non_exhaustive()
    }
}

/// The secret of one app for `POST /v1/usersig`. The store keeps only its hash: this value is the one chance to see it.
#[derive(Clone)]
pub struct ApiSecret(String);

impl ApiSecret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Draws a new one. Errors: [`StoreError::Random`].
    pub(crate) fn draw() -> Result<Self, StoreError> {
        Ok(Self(format!("{API_SECRET_PREFIX}{}", hex(&random()?))))
    }

    /// What the store keeps of the secret: SHA-256.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiSecret(hidden)")
    }
}

/// A new app, and its API secret.
#[derive(Debug, Clone)]
pub struct CreatedApp {
    /// The app.
    pub app: App,
    /// Shown once.
    pub api_secret: ApiSecret,
}

/// An app that is about to be made: all of it but the number, which only a transaction can know to be free.
pub(crate) struct NewApp {
    pub(crate) name: String,
    pub(crate) key: Key,
    pub(crate) api_secret_hash: [u8; 32],
    pub(crate) created: Timestamp,
}

impl NewApp {
    /// Draws a key and a secret for an app of this name. Errors: [`StoreError::Random`].
    pub(crate) fn draw(name: &str, created: Timestamp) -> Result<(Self, ApiSecret), StoreError> {
        let api_secret = ApiSecret::draw()?;
        let key = Key::from_random(random()?);
        Ok((Self { name: name.to_owned(), key, api_secret_hash: api_secret.hash(), created }, api_secret))
    }

    pub(crate) fn with_id(self, id: SdkAppId) -> App {
        let Self { name, key, api_secret_hash, created } = self;
        App { id, name, key, api_secret_hash, single_login: false, created, updated: created }
    }
}

/// What can change of an app.
pub(crate) enum AppChange {
    /// The key: every UserSig of the old one is void.
    Key(Key),
    /// The hash of a new API secret.
    ApiSecretHash([u8; 32]),
    /// Whether a user's second sign-in kicks the first.
    SingleLogin(bool),
}

impl AppChange {
    /// Draws a new key. Errors: [`StoreError::Random`].
    pub(crate) fn draw_key() -> Result<Self, StoreError> {
        Ok(Self::Key(Key::from_random(random()?)))
    }
}

/// Numbers for a new app, to be tried in turn. When none of them is free: [`no_id_is_free`]. Errors of an item:
/// [`StoreError::Random`].
pub(crate) fn candidate_ids() -> impl Iterator<Item = Result<SdkAppId, StoreError>> {
    (0..DRAWS).filter_map(|_| draw_id().transpose())
}

/// Every candidate was taken.
pub(crate) fn no_id_is_free() -> StoreError {
    StoreError::Corrupt { what: "list of app numbers", found: format!("{DRAWS} draws, all taken") }
}

fn draw_id() -> Result<Option<SdkAppId>, StoreError> {
    let span = APP_ID_RANGE.end() - APP_ID_RANGE.start() + 1;
    // The bias of the remainder (2^64 against 6e8) does not matter: the number is no secret.
    let offset = u64::from_le_bytes(random()?) % u64::from(span);
    let number = APP_ID_RANGE.start() + u32::try_from(offset).unwrap_or(0);
    Ok(SdkAppId::new(number).ok())
}

/// Whether a new app may have this name. Errors: [`StoreError::NameInvalid`].
pub(crate) fn check_name(name: &str) -> Result<(), StoreError> {
    let fine = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name == name.trim()
        && !name.chars().any(char::is_control)
        // A name of digits would be taken for a number.
        && !name.bytes().all(|b| b.is_ascii_digit());
    if fine { Ok(()) } else { Err(StoreError::NameInvalid(name.chars().take(MAX_NAME_BYTES).collect())) }
}
