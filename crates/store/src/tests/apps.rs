//! Apps and their secrets.

use super::*;
use sha2::{Digest, Sha256};

#[tokio::test]
async fn a_new_app_has_a_number_a_key_and_a_secret_of_its_own() {
    for database in databases() {
        let store = database.open().await;
        let one = store.create_app("one").await.unwrap();
        let two = store.create_app("two").await.unwrap();
        assert!(APP_ID_RANGE.contains(&one.app.id.get()));
        assert_ne!(one.app.id, two.app.id);
        assert_ne!(one.app.key, two.app.key);
        assert_ne!(one.api_secret.expose(), two.api_secret.expose());
        assert!(!one.app.single_login);
        let hash: [u8; 32] = Sha256::digest(one.api_secret.expose().as_bytes()).into();
        assert_eq!(one.app.api_secret_hash, hash);
        assert_eq!(store.app(one.app.id).await.unwrap(), one.app);
    }
}

#[tokio::test]
async fn an_app_is_found_by_number_and_by_name() {
    for database in databases() {
        let store = database.open().await;
        let app = store.create_app("客服").await.unwrap().app;
        assert_eq!(store.find_app("客服").await.unwrap(), app);
        assert_eq!(store.find_app(&app.id.to_string()).await.unwrap(), app);
        for other in ["shop", "", "0", "1", "99999999999999999999"] {
            let error = store.find_app(other).await.unwrap_err();
            assert!(matches!(error, StoreError::AppUnknown(_)), "{other:?} gave {error:?}");
            assert!(error.to_string().contains("tring app list"));
        }
    }
}

#[tokio::test]
async fn names_that_people_could_mix_up_are_refused() {
    for database in databases() {
        let store = database.open().await;
        store.create_app("shop").await.unwrap();
        let long = "n".repeat(65);
        for name in ["", " shop", "a\nb", "12345", long.as_str()] {
            let error = store.create_app(name).await.unwrap_err();
            assert!(matches!(error, StoreError::NameInvalid(_)), "{name:?} gave {error:?}");
        }
        assert!(matches!(store.create_app("shop").await, Err(StoreError::NameTaken(_))));
        assert!(matches!(store.create_app(DEMO_APP).await, Err(StoreError::NameReserved)));
        assert_eq!(store.list_apps().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_demo_app_is_made_once() {
    for database in databases() {
        let store = database.open().await;
        let first = store.ensure_demo_app().await.unwrap();
        let counter = store.change_counter().await.unwrap();
        assert_eq!(store.ensure_demo_app().await.unwrap(), first);
        assert_eq!(store.change_counter().await.unwrap(), counter);
        assert_eq!(first.name, DEMO_APP);
    }
}

#[tokio::test]
async fn a_new_key_and_a_new_secret_replace_only_themselves() {
    for database in databases() {
        let store = database.open().await;
        let old = store.create_app("shop").await.unwrap().app;
        let other = store.create_app("other").await.unwrap().app;
        let rotated = store.rotate_key(old.id).await.unwrap();
        assert_ne!(rotated.key, old.key);
        assert_eq!(rotated.api_secret_hash, old.api_secret_hash);
        let renewed = store.rotate_api_secret(old.id).await.unwrap();
        let hash: [u8; 32] = Sha256::digest(renewed.api_secret.expose().as_bytes()).into();
        assert_eq!(renewed.app.api_secret_hash, hash);
        assert_eq!(renewed.app.key, rotated.key);
        assert!(renewed.app.updated >= old.updated);
        assert_eq!(store.app(other.id).await.unwrap(), other);
    }
}

#[tokio::test]
async fn each_change_of_an_app_is_seen_from_another_process_and_nothing_else_is() {
    for database in databases() {
        let store = database.open().await;
        let server = database.open().await;
        let mut last = server.change_counter().await.unwrap();
        let id = store.create_app("shop").await.unwrap().app.id;
        for change in 0..5 {
            match change {
                0 => {}
                1 => drop(store.rotate_key(id).await.unwrap()),
                2 => drop(store.set_single_login(id, true).await.unwrap()),
                3 => drop(store.rotate_api_secret(id).await.unwrap()),
                _ => drop(store.delete_app(id).await.unwrap()),
            }
            let seen = server.change_counter().await.unwrap();
            assert_ne!(seen, last, "change {change}");
            last = seen;
        }
        server.audit_signature(id, &user("alice"), 60, "api", at(1)).await.unwrap();
        assert!(store.rotate_key(id).await.is_err());
        assert_eq!(server.change_counter().await.unwrap(), last);
    }
}

#[tokio::test]
async fn a_deleted_app_is_gone_and_its_number_retired() {
    for database in databases() {
        let store = database.open().await;
        let app = store.create_app("shop").await.unwrap().app;
        assert_eq!(store.delete_app(app.id).await.unwrap(), app);
        assert!(store.list_apps().await.unwrap().is_empty());
        for error in [
            store.app(app.id).await.unwrap_err(),
            store.rotate_key(app.id).await.unwrap_err(),
            store.set_single_login(app.id, true).await.unwrap_err(),
            store.delete_app(app.id).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::AppUnknown(_)), "{error:?}");
        }
        assert_eq!(store.numbers("SELECT id FROM retired_apps").await, [i64::from(app.id.get())]);
        store.create_app("shop").await.expect("the name is free again");
    }
}

#[tokio::test]
async fn single_login_is_remembered() {
    for database in databases() {
        let store = database.open().await;
        let id = store.create_app("shop").await.unwrap().app.id;
        assert!(store.set_single_login(id, true).await.unwrap().single_login);
        assert!(store.app(id).await.unwrap().single_login);
        assert!(!store.set_single_login(id, false).await.unwrap().single_login);
    }
}

#[tokio::test]
async fn a_damaged_row_is_an_error_that_names_the_app_and_no_secret() {
    for database in databases() {
        let store = database.open().await;
        let app = store.create_app("shop").await.unwrap().app;
        store.execute("UPDATE apps SET secret_key = 'short-secret'").await;
        let error = store.app(app.id).await.unwrap_err().to_string();
        assert!(error.contains(&app.id.to_string()) && !error.contains("short-secret"), "{error}");
        store.rotate_key(app.id).await.expect("a new key mends it");
        store.execute("UPDATE apps SET api_secret_hash = 'zz'").await;
        assert!(matches!(store.app(app.id).await, Err(StoreError::Corrupt { .. })));
    }
}

#[tokio::test]
async fn secrets_do_not_show_in_debug_texts() {
    for database in databases() {
        let store = database.open().await;
        let created = store.create_app("shop").await.unwrap();
        let text = format!("{created:?}");
        assert!(text.contains("shop"), "{text}");
        assert!(
            !text.contains(created.app.key.expose()) && !text.contains(created.api_secret.expose()),
            "{text}"
        );
    }
}
