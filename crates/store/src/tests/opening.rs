//! Opening, closing, and several processes at once.

use super::*;
use std::sync::Arc;

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    for database in databases() {
        let store = database.open().await;
        let app = store.create_app("shop").await.unwrap().app;
        store.close().await;
        let store = database.open().await;
        assert_eq!(store.list_apps().await.unwrap(), [app]);
    }
}

#[tokio::test]
async fn one_server_at_a_time_serves_from_a_database() {
    for database in databases() {
        let (one, other) = (database.open().await, database.open().await);
        let first = one.serve_lock().unwrap();
        assert!(first.is_some());
        assert!(one.serve_lock().unwrap().is_none());
        assert!(other.serve_lock().unwrap().is_none());
        drop(first);
        assert!(other.serve_lock().unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_make_the_database_at_once() {
    for database in databases() {
        let database = Arc::new(database);
        let opens = (0..8).map(|n| {
            let database = database.clone();
            tokio::spawn(async move {
                let store = database.open().await;
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
        assert_eq!(database.open().await.list_apps().await.unwrap().len(), 9);
    }
}
