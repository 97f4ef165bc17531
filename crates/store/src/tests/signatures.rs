//! The audit of signatures.

use super::*;
use std::time::Duration;

#[tokio::test]
async fn old_signatures_go_away_some_at_a_time_and_young_ones_stay() {
    for database in databases() {
        let store = database.open().await;
        let old = Duration::from_millis(1);
        for n in 0..700 {
            store.audit_signature(app(1), &user("alice"), 60, "api", at(n)).await.unwrap();
        }
        store.audit_signature(app(1), &user("alice"), 60, "api", at(5000)).await.unwrap();
        store.audit_signature(app(2), &user("bob"), 60, "api", at(10)).await.unwrap();
        store.audit_signature(app(2), &user("bob"), 60, "api", at(5000)).await.unwrap();
        assert_eq!(store.delete_old_signatures(at(0)).await.unwrap(), 0, "of none is too old");
        let mut steps = Vec::new();
        loop {
            match store.delete_old_signatures(at(4999) + old).await.unwrap() {
                0 => break,
                some => steps.push(some),
            }
        }
        assert_eq!(steps, [500, 200, 1], "not all at once");
        for id in [1, 2] {
            let left = store.list_signatures(app(id), 10).await.unwrap();
            assert_eq!(left.iter().map(|row| row.at).collect::<Vec<_>>(), [at(5000)]);
        }
    }
}

#[tokio::test]
async fn signatures_are_listed_newest_first_and_apart_by_app() {
    for database in databases() {
        let store = database.open().await;
        store.audit_signature(app(1), &user("alice"), 60, "api", at(1000)).await.unwrap();
        store.audit_signature(app(1), &user("bob"), 90, "demo", at(2000)).await.unwrap();
        store.audit_signature(app(2), &user("eve"), 60, "api", at(3000)).await.unwrap();
        let row = |name: &str, lifetime_s, door: &str, ms| SignatureRow {
            user: name.to_owned(),
            lifetime_s,
            door: door.to_owned(),
            at: at(ms),
        };
        let listed = store.list_signatures(app(1), 10).await.unwrap();
        assert_eq!(listed, [row("bob", 90, "demo", 2000), row("alice", 60, "api", 1000)]);
        assert_eq!(store.list_signatures(app(1), 1).await.unwrap().len(), 1);
    }
}
