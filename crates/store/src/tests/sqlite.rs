//! What is SQLite's own: the data folder and the file in it, old files, locks, a full disk, query plans.

use super::*;
use crate::sqlite::{FILE_NAME, SqliteStore};
use std::path::Path;

/// A fresh data folder, and its database.
async fn fresh() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    (folder, store)
}

fn sqlite(store: &Store) -> &SqliteStore {
    let Backend::Sqlite(db) = &store.backend;
    db
}

#[tokio::test]
async fn a_missing_folder_is_made_and_kept_from_other_users() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    let store = Store::open(&deep).await.unwrap();
    store.create_app("shop").await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&deep), 0o700);
        for file in std::fs::read_dir(&deep).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    // A file in its place stands for all reasons: missing rights do not stop a test that runs as root.
    for path in [file.clone(), file.join("below")] {
        let error = Store::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Folder { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()) && text.contains("--data"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let text = "this is somebody's letter, not a database. ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains(FILE_NAME), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (folder, store) = fresh().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, X'00', 0)",
    )
    .execute(&sqlite(&store).pool)
    .await
    .unwrap();
    let error = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Migrate { .. }), "{error:?}");
}

#[tokio::test]
async fn only_where_a_database_is_can_one_be_opened_without_making_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open_existing(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Absent { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(!Store::exists(folder.path()));
    let app = Store::open(folder.path()).await.unwrap().create_app("shop").await.unwrap().app;
    assert!(Store::exists(folder.path()));
    assert_eq!(Store::open_existing(folder.path()).await.unwrap().list_apps().await.unwrap(), [app]);
}

/// A database as the first released version made it, with a call and a signature in it.
async fn released(folder: &Path) {
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join(FILE_NAME)).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let schema = include_str!("../../migrations/0001_apps_calls_signatures.sql");
    for sql in [
        schema,
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
         installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
         checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
        // The checksum with which it was released: an edited file does not fit it.
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (1, 'apps calls signatures', TRUE, X'FD40316F1088A0A0F62BEACE89CA99E05B510958D6571CFF6AA415931D4F5B8AE6C7A4484ED78E695B2CD479A57249E6', 0)",
        "INSERT INTO calls VALUES (7, 'c', 42, 'alice', 'video', 1000, 2000, 9000, 'hangup')",
        "INSERT INTO call_callees VALUES (7, 'c', 0, 'bob', 'hangup')",
        "INSERT INTO signatures VALUES (7, 'alice', 60, 'api', 900)",
    ] {
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

#[tokio::test]
async fn a_database_of_the_first_version_keeps_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    released(folder.path()).await;
    let store = Store::open(folder.path()).await.unwrap();
    let app = SdkAppId::new(7).unwrap();
    let old = CallRecordRow {
        app,
        call: CallId::new("c").unwrap(),
        room: RoomId::new(42).unwrap(),
        caller: user("alice"),
        media: MediaType::Video,
        started: at(1000),
        accepted: Some(at(2000)),
        ended: at(9000),
        state: Ended(EndReason::Hangup),
        callees: vec![(user("bob"), Ended(EndReason::Hangup))],
    };
    assert_eq!(store.list_call_records(app, 10).await.unwrap(), std::slice::from_ref(&old));
    assert_eq!(store.list_signatures(app, 10).await.unwrap().len(), 1);
    let run = RunId::draw().unwrap();
    assert_eq!(store.close_lost_calls(run).await.unwrap(), 0, "it has ended");
    let new = CallRecordRow { call: CallId::new("d").unwrap(), started: at(10_000), ..old.clone() };
    store.write_call_records(run, std::slice::from_ref(&new)).await.unwrap();
    assert_eq!(store.list_call_records(app, 10).await.unwrap(), [new, old]);
}

#[tokio::test]
async fn why_nothing_can_be_written_is_told_apart() {
    let (folder, store) = fresh().await;
    let app = SdkAppId::new(7).unwrap();
    let write = async |store: &Store| {
        let written = store.audit_signature(app, &user("alice"), 60, "api", at(1)).await;
        written.map_err(|e| e.trouble())
    };
    assert_eq!(write(&store).await, Ok(()));
    // Each connection of a pool has a bound of its own.
    let mut one = sqlite(&store).pool.acquire().await.unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&mut *one).await.unwrap();
    let full = sqlx::query("INSERT INTO signatures SELECT 1, printf('%01000000d', 1), 1, 'api', 1")
        .execute(&mut *one)
        .await;
    assert_eq!(StoreError::from(full.unwrap_err()).trouble(), Trouble::DiskFull);
    sqlx::raw_sql("PRAGMA query_only = 1").execute(&mut *one).await.unwrap();
    let read_only = sqlx::query("DELETE FROM signatures").execute(&mut *one).await;
    assert_eq!(StoreError::from(read_only.unwrap_err()).trouble(), Trouble::ReadOnly);
    drop(one);

    let other = Store::open(folder.path()).await.unwrap();
    let held = sqlite(&other).begin().await.unwrap();
    let mut one = sqlite(&store).pool.acquire().await.unwrap();
    sqlx::raw_sql("PRAGMA busy_timeout = 1; PRAGMA query_only = 0").execute(&mut *one).await.unwrap();
    let locked = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *one).await;
    assert_eq!(StoreError::from(locked.unwrap_err()).trouble(), Trouble::Locked);
    drop(held);
}

#[tokio::test]
async fn a_transaction_that_the_database_ended_by_itself_takes_no_connection_with_it() {
    let (_folder, store) = fresh().await;
    for n in 0..20 {
        let mut tx = sqlite(&store).begin().await.unwrap();
        // As SQLite does when the disk is full.
        sqlx::raw_sql("ROLLBACK").execute(&mut *tx).await.unwrap();
        assert!(tx.commit().await.is_err());
        store.create_app(&format!("app-{n}")).await.unwrap();
        assert!(store.create_app(&format!("app-{n}")).await.is_err());
    }
    assert_eq!(store.list_apps().await.unwrap().len(), 20);
}

#[tokio::test]
async fn each_question_asked_of_many_rows_uses_an_index() {
    let (_folder, store) = fresh().await;
    for sql in [
        "SELECT calls.app FROM calls LEFT JOIN server_runs ON server_runs.id = calls.run \
         WHERE calls.reason = 'running' AND calls.run <> 1 LIMIT 1",
        "SELECT MIN(app) FROM signatures WHERE app > 1",
        "DELETE FROM signatures WHERE app = 1 AND signed_ms < 1",
        "DELETE FROM call_callees WHERE app = 1 AND call_id IN \
         (SELECT call_id FROM calls WHERE app = 1 AND started_ms < 1 AND reason <> 'running')",
        "DELETE FROM calls WHERE app = 1 AND started_ms < 1 AND reason <> 'running'",
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let plan: Vec<String> = plan
            .fetch_all(&sqlite(&store).pool)
            .await
            .unwrap()
            .iter()
            .map(|row| sqlx::Row::get(row, "detail"))
            .collect();
        let walks = |step: &&String| step.starts_with("SCAN") && !step.contains("calls_running");
        assert_eq!(plan.iter().find(walks), None, "{sql}: {plan:?}");
    }
}

#[tokio::test]
async fn the_api_secret_is_not_in_the_file() {
    let (folder, store) = fresh().await;
    let created = store.create_app("shop").await.unwrap();
    store.close().await;
    let file = std::fs::read(folder.path().join(FILE_NAME)).unwrap();
    let holds = |secret: &str| file.windows(secret.len()).any(|w| w == secret.as_bytes());
    assert!(holds(created.app.key.expose()), "the search works");
    assert!(!holds(created.api_secret.expose()));
}
