//! A real server on free ports, and clients of it.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tring_client::*;
use tring_server::{Config, Running};
use tring_store::{App, Store};
use tring_testkit::settings::ON_LOOPBACK;

/// Longest wait for something that must come.
pub const SOON: Duration = Duration::from_secs(10);

pub struct Server {
    pub running: Running,
    pub app: App,
    _dir: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tring.toml");
        std::fs::write(&file, ON_LOOPBACK).unwrap();
        let mut config = Config::load(Some(&file)).unwrap();
        config.data = dir.path().to_owned();
        change(&mut config);
        let store = Store::open(dir.path()).await.unwrap();
        let app = store.create_app("calls").await.unwrap().app;
        let running = tring_server::start(config).await.unwrap();
        Self { running, app, _dir: dir }
    }

    /// Waits until the server has dropped this many packets that nobody may have.
    pub async fn dropped(&self, packets: u64) {
        let dropped = async {
            while self.running.media_stats().counters.packets_dropped < packets {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, dropped).await.expect("the server drops what was sent");
    }

    /// Waits until the server has given this many kept key frames to who accepted; fails if it gave more.
    pub async fn gave_first_pictures(&self, pictures: u64) {
        let given = || self.running.media_stats().counters.first_pictures;
        let enough = async {
            while given() < pictures {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, enough).await.expect("the server gives what it has kept");
        assert_eq!(given(), pictures);
    }

    pub fn options(&self, user: &str) -> Options {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let id = self.app.id.get();
        let sig = tring_usersig::sign(&self.app.key, id, user, Duration::from_secs(600), now).unwrap();
        Options::new(&format!("ws://{}/v1/socket", self.running.address), id, user, sig).unwrap()
    }

    pub async fn client(&self, user: &str) -> Client {
        Client::connect(self.options(user)).await.unwrap()
    }
}

/// The next event that `wanted` takes; others are skipped.
pub async fn event<T>(client: &Client, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = client.next_event().await.expect("an open client");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(SOON, found).await.expect("the event")
}

pub async fn invited(client: &Client) -> CallId {
    event(client, |e| match e {
        Event::Invited { call_id, .. } => Some(call_id),
        _ => None,
    })
    .await
}

pub async fn ringing(client: &Client) {
    event(client, |e| matches!(e, Event::Ringing { .. }).then_some(())).await;
}

pub async fn ended(client: &Client) -> EndReason {
    event(client, |e| match e {
        Event::Ended { reason, .. } => Some(reason),
        _ => None,
    })
    .await
}

/// Waits for counts.
pub async fn until(media: &Media, what: &str, wished: impl FnMut(&Tally) -> bool) {
    match tokio::time::timeout(SOON, media.until(wished)).await {
        Ok(true) => {}
        Ok(false) => panic!("{what}: the media session is over: {:?}", media.state()),
        Err(_) => panic!("{what}: {:?} {:?}", media.state(), media.tally()),
    }
}
