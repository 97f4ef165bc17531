//! The data folder and the file in it.

use super::*;

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
    .execute(&store.pool)
    .await
    .unwrap();
    let error = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Migrate { .. }), "{error:?}");
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let (folder, store) = fresh().await;
    let app = store.create_app("shop").await.unwrap().app;
    store.close().await;
    let store = Store::open_existing(folder.path()).await.unwrap();
    assert_eq!(store.list_apps().await.unwrap(), [app]);
}

#[tokio::test]
async fn only_where_a_database_is_can_one_be_opened_without_making_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open_existing(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Absent { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_make_the_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let opens = (0..8).map(|n| {
        let path = folder.path().to_owned();
        tokio::spawn(async move {
            let store = Store::open(&path).await.unwrap();
            store.create_app(&format!("app-{n}")).await.unwrap();
            store.ensure_demo_app().await.unwrap().id
        })
    });
    let mut demo = Vec::new();
    for open in opens.collect::<Vec<_>>() {
        demo.push(open.await.unwrap());
    }
    demo.dedup();
    assert_eq!(demo.len(), 1, "one demo app");
    assert_eq!(Store::open(folder.path()).await.unwrap().list_apps().await.unwrap().len(), 9);
}
