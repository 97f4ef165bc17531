//! Apps: each one a world of users, calls and rooms, with a key that signs for its users.

use crate::sqlite::{from_column, to_column};
use crate::{Store, StoreError};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, SqliteConnection, Transaction};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};
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

macro_rules! select_apps {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, secret_key, api_secret_hash, single_login, created_ms, updated_ms FROM apps ",
            $rest
        )
    };
}

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

    fn draw() -> Result<Self, StoreError> {
        Ok(Self(format!("{API_SECRET_PREFIX}{}", hex(&random()?))))
    }

    fn hash(&self) -> [u8; 32] {
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

impl Store {
    /// Makes an app with a number, a key and an API secret of its own. Errors: [`StoreError::NameInvalid`],
    /// [`StoreError::NameTaken`], [`StoreError::NameReserved`], [`StoreError::Database`].
    pub async fn create_app(&self, name: &str) -> Result<CreatedApp, StoreError> {
        check_name(name)?;
        if name == DEMO_APP {
            return Err(StoreError::NameReserved);
        }
        let mut tx = self.begin().await?;
        let created = insert(&mut tx, name).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// The app of `tring serve --demo`, made if it does not exist yet. Errors: [`StoreError::Database`].
    pub async fn ensure_demo_app(&self) -> Result<App, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(app) = select_by_name(&mut tx, DEMO_APP).await? {
            return Ok(app);
        }
        let created = insert(&mut tx, DEMO_APP).await?;
        tx.commit().await?;
        Ok(created.app)
    }

    /// All apps, by name. Errors: [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn list_apps(&self) -> Result<Vec<App>, StoreError> {
        let rows = sqlx::query(select_apps!("ORDER BY name")).fetch_all(&self.pool).await?;
        rows.iter().map(from_row).collect()
    }

    /// One app. Errors: [`StoreError::AppUnknown`], [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn app(&self, id: SdkAppId) -> Result<App, StoreError> {
        select(&mut *self.pool.acquire().await?, id).await
    }

    /// The app with this number or this name, as a person types it. Errors: those of [`Store::app`].
    pub async fn find_app(&self, text: &str) -> Result<App, StoreError> {
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let id = text.parse().ok().and_then(|n| SdkAppId::new(n).ok());
            return self.app(id.ok_or_else(|| StoreError::AppUnknown(text.to_owned()))?).await;
        }
        let app = select_by_name(&mut *self.pool.acquire().await?, text).await?;
        app.ok_or_else(|| StoreError::AppUnknown(format!("{text:?}")))
    }

    /// Gives an app a new key. The old one is void at once, and every UserSig made with it. Errors: those of
    /// [`Store::app`].
    pub async fn rotate_key(&self, id: SdkAppId) -> Result<App, StoreError> {
        let key = Key::from_random(random()?);
        let mut tx = self.begin().await?;
        let query = sqlx::query("UPDATE apps SET secret_key = $1, updated_ms = $2 WHERE id = $3")
            .bind(key.expose())
            .bind(to_column(now()))
            .bind(i64::from(id.get()));
        let changed = query.execute(&mut *tx).await?.rows_affected();
        self.commit_change(tx, id, changed).await
    }

    /// Gives an app a new API secret; the old one is void at once. Errors: those of [`Store::app`].
    pub async fn rotate_api_secret(&self, id: SdkAppId) -> Result<CreatedApp, StoreError> {
        let api_secret = ApiSecret::draw()?;
        let mut tx = self.begin().await?;
        let query = sqlx::query("UPDATE apps SET api_secret_hash = $1, updated_ms = $2 WHERE id = $3")
            .bind(hex(&api_secret.hash()))
            .bind(to_column(now()))
            .bind(i64::from(id.get()));
        let changed = query.execute(&mut *tx).await?.rows_affected();
        Ok(CreatedApp { app: self.commit_change(tx, id, changed).await?, api_secret })
    }

    /// Sets whether a user's second sign-in kicks the first. Errors: those of [`Store::app`].
    pub async fn set_single_login(&self, id: SdkAppId, on: bool) -> Result<App, StoreError> {
        let mut tx = self.begin().await?;
        let query = sqlx::query("UPDATE apps SET single_login = $1, updated_ms = $2 WHERE id = $3")
            .bind(on)
            .bind(to_column(now()))
            .bind(i64::from(id.get()));
        let changed = query.execute(&mut *tx).await?.rows_affected();
        self.commit_change(tx, id, changed).await
    }

    /// Removes an app and its key. Its call records and its audit stay, and its number is never given out again.
    /// Errors: those of [`Store::app`].
    pub async fn delete_app(&self, id: SdkAppId) -> Result<App, StoreError> {
        let mut tx = self.begin().await?;
        let app = select(&mut tx, id).await?;
        sqlx::query("DELETE FROM apps WHERE id = $1").bind(i64::from(id.get())).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO retired_apps (id, retired_ms) VALUES ($1, $2)")
            .bind(i64::from(id.get()))
            .bind(to_column(now()))
            .execute(&mut *tx)
            .await?;
        raise_revision(&mut tx).await?;
        tx.commit().await?;
        Ok(app)
    }

    async fn commit_change(
        &self,
        mut tx: Transaction<'static, Sqlite>,
        id: SdkAppId,
        changed: u64,
    ) -> Result<App, StoreError> {
        if changed == 0 {
            return Err(StoreError::unknown(id));
        }
        raise_revision(&mut tx).await?;
        let app = select(&mut tx, id).await?;
        tx.commit().await?;
        Ok(app)
    }
}

async fn raise_revision(tx: &mut Transaction<'static, Sqlite>) -> Result<(), StoreError> {
    sqlx::query("UPDATE revision SET number = number + 1 WHERE id = 1").execute(&mut **tx).await?;
    Ok(())
}

async fn select(connection: &mut SqliteConnection, id: SdkAppId) -> Result<App, StoreError> {
    let row = sqlx::query(select_apps!("WHERE id = $1"))
        .bind(i64::from(id.get()))
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(from_row).ok_or_else(|| StoreError::unknown(id))?
}

async fn select_by_name(connection: &mut SqliteConnection, name: &str) -> Result<Option<App>, StoreError> {
    let row = sqlx::query(select_apps!("WHERE name = $1")).bind(name).fetch_optional(connection).await?;
    row.as_ref().map(from_row).transpose()
}

async fn insert(tx: &mut Transaction<'static, Sqlite>, name: &str) -> Result<CreatedApp, StoreError> {
    if select_by_name(&mut *tx, name).await?.is_some() {
        return Err(StoreError::NameTaken(name.to_owned()));
    }
    let id = draw_id(tx).await?;
    let api_secret = ApiSecret::draw()?;
    // To the millisecond, as it will be read.
    let created = now();
    let app = App {
        id,
        name: name.to_owned(),
        key: Key::from_random(random()?),
        api_secret_hash: api_secret.hash(),
        single_login: false,
        created,
        updated: created,
    };
    sqlx::query(
        "INSERT INTO apps (id, name, secret_key, api_secret_hash, single_login, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(i64::from(id.get()))
    .bind(name)
    .bind(app.key.expose())
    .bind(hex(&app.api_secret_hash))
    .bind(app.single_login)
    .bind(to_column(created))
    .execute(&mut **tx)
    .await?;
    raise_revision(tx).await?;
    Ok(CreatedApp { app, api_secret })
}

/// A number that no app has or had.
async fn draw_id(tx: &mut Transaction<'static, Sqlite>) -> Result<SdkAppId, StoreError> {
    for _ in 0..DRAWS {
        let span = APP_ID_RANGE.end() - APP_ID_RANGE.start() + 1;
        // The bias of the remainder (2^64 against 6e8) does not matter: the number is no secret.
        let offset = u64::from_le_bytes(random()?) % u64::from(span);
        let number = APP_ID_RANGE.start() + u32::try_from(offset).unwrap_or(0);
        let taken: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM apps WHERE id = $1) \
             + (SELECT COUNT(*) FROM retired_apps WHERE id = $1)",
        )
        .bind(i64::from(number))
        .fetch_one(&mut **tx)
        .await?;
        if let (0, Ok(id)) = (taken, SdkAppId::new(number)) {
            return Ok(id);
        }
    }
    Err(StoreError::Corrupt { what: "list of app numbers", found: format!("{DRAWS} draws, all taken") })
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let fine = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name == name.trim()
        && !name.chars().any(char::is_control)
        // A name of digits would be taken for a number.
        && !name.bytes().all(|b| b.is_ascii_digit());
    if fine { Ok(()) } else { Err(StoreError::NameInvalid(name.chars().take(MAX_NAME_BYTES).collect())) }
}

fn from_row(row: &SqliteRow) -> Result<App, StoreError> {
    let id: i64 = row.try_get("id")?;
    let corrupt = |what| move || StoreError::Corrupt { what, found: format!("app {id}") };
    let key: &str = row.try_get("secret_key")?;
    let hash: &str = row.try_get("api_secret_hash")?;
    Ok(App {
        id: id_from_column(id)?,
        name: row.try_get("name")?,
        key: Key::parse(key).map_err(|_| corrupt("secret key")())?,
        api_secret_hash: unhex(hash).ok_or_else(corrupt("hash of an API secret"))?,
        single_login: row.try_get("single_login")?,
        created: from_column(row.try_get("created_ms")?),
        updated: from_column(row.try_get("updated_ms")?),
    })
}

/// A column's SDKAppID.
pub(crate) fn id_from_column(id: i64) -> Result<SdkAppId, StoreError> {
    let id_or_none = u32::try_from(id).ok().and_then(|n| SdkAppId::new(n).ok());
    id_or_none.ok_or_else(|| StoreError::Corrupt { what: "SDKAppID", found: id.to_string() })
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default() + since
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| (high << 4) | low).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}
