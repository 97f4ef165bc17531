use super::*;
use tempfile::TempDir;
use tring_protocol::{CallId, EndReason, MediaType, RoomId, SdkAppId, Timestamp, UserId};
use tring_usersig::Key;

mod apps;
mod calls;

/// A fresh data folder, and its store.
pub(crate) async fn fresh() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    (folder, store)
}

pub(crate) fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

pub(crate) fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}
