//! Call records when the server dies, and when its disk is full: the real binary, real clients.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use crate::common::Place;
use crate::common::serve::{Running, ask, serve};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tring_client::{CallId, Client, EndReason, Event, MediaType, Options};
use tring_store::RecordState::{Ended, LostServer, Running as GoesOn};
use tring_store::{App, CallRecordRow, Store};
use tring_testkit::namespace::{inside, loopback};
use tring_testkit::test_name;

/// Longest wait for something that must come.
const SOON: Duration = Duration::from_secs(20);

/// How often a test looks again for what it waits for.
const AGAIN: Duration = Duration::from_millis(20);

/// A server with the demo, by a plain start.
struct Server(Running);

impl Server {
    fn start(place: &Place) -> Self {
        let mut command = serve(&place.data(), "warn");
        Self(Running::start(command.args(["--demo", "--media-workers", "1"])))
    }

    async fn client(&self, app: &App, user: &str) -> Client {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let sig = tring_usersig::sign(&app.key, app.id.get(), user, Duration::from_secs(600), now).unwrap();
        let url = format!("ws://{}/v1/socket", self.0.http());
        Client::connect(Options::new(&url, app.id.get(), user, sig).unwrap()).await.unwrap()
    }

    /// A plain request; gives the status and the body.
    fn http(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (head, body) = ask(self.0.http(), method, path, "", body);
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(&body).unwrap())
    }

    /// What `/healthz` says, once it is as wanted. It answers 200 all the time.
    async fn health(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = async {
            loop {
                let (status, health) = self.http("GET", "/healthz", "");
                assert_eq!((status, &health["status"]), (200, &json!("ok")), "{health}");
                last = health;
                if wanted(&last) {
                    return;
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        if tokio::time::timeout(SOON, found).await.is_err() {
            panic!("its health was never what was waited for, but {last}");
        }
        last
    }
}

/// The next event that `wanted` takes; others are skipped.
async fn event<T>(client: &Client, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(client.next_event().await.expect("an open client")) {
                return found;
            }
        }
    };
    tokio::time::timeout(SOON, found).await.expect("the event")
}

/// A call that rings.
async fn rings(from: &Client, to: &Client) -> CallId {
    let call = from.call(to.user().as_str(), MediaType::Video).await.unwrap();
    event(to, |e| matches!(e, Event::Invited { .. }).then_some(())).await;
    event(from, |e| matches!(e, Event::Ringing { .. }).then_some(())).await;
    call
}

/// A call that was answered.
async fn talks(from: &Client, to: &Client) -> CallId {
    let call = rings(from, to).await;
    to.accept(&call).await.unwrap();
    event(from, |e| matches!(e, Event::Joined { .. }).then_some(())).await;
    call
}

/// What the store has of an app's calls, once it is as wanted.
async fn records(store: &Store, app: &App, wanted: impl Fn(&[CallRecordRow]) -> bool) -> Vec<CallRecordRow> {
    let mut last = Vec::new();
    let found = async {
        loop {
            last = store.list_call_records(app.id, 100).await.unwrap();
            if wanted(&last) {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    if tokio::time::timeout(SOON, found).await.is_err() {
        panic!("the store never had what was waited for, but {last:#?}");
    }
    last
}

#[tokio::test]
async fn a_killed_server_has_written_down_the_calls_that_talked_and_rang() {
    let place = Place::new();
    let store = Store::open(&place.data()).await.unwrap();
    let app = store.create_app("shop").await.unwrap().app;
    let server = Server::start(&place);
    let mut people = Vec::new();
    for n in 0..6 {
        let (a, b) =
            (server.client(&app, &format!("a{n}")).await, server.client(&app, &format!("b{n}")).await);
        match n {
            0..4 => talks(&a, &b).await,
            _ => rings(&a, &b).await,
        };
        people.push((a, b));
    }
    let accepted = |all: &[CallRecordRow]| all.iter().filter(|r| r.accepted.is_some()).count();
    let before = records(&store, &app, |all| all.len() == 6 && accepted(all) == 4).await;
    assert!(before.iter().all(|r| r.state == GoesOn && r.callees[0].1 == GoesOn), "{before:?}");
    server.0.kill();
    let killed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    assert_eq!(store.list_call_records(app.id, 100).await.unwrap(), before, "it left what it had written");

    let server = Server::start(&place);
    // No waiting: they are closed before the server says that it runs.
    let after = store.list_call_records(app.id, 100).await.unwrap();
    assert_eq!(after.len(), 6);
    for (before, after) in before.iter().zip(&after) {
        let ended = CallRecordRow {
            ended: after.ended,
            state: LostServer,
            callees: vec![(before.callees[0].0.clone(), LostServer)],
            ..before.clone()
        };
        assert_eq!(*after, ended, "all else is as it was");
        assert!(after.ended >= after.accepted.unwrap_or(after.started), "{after:?}");
        assert!(u128::from(after.ended.as_millis()) <= killed, "{after:?} was killed at {killed}");
    }

    // A server that is told to stop ends its calls itself, and leaves none to be closed.
    let (x, y) = (server.client(&app, "x").await, server.client(&app, "y").await);
    let call = talks(&x, &y).await;
    server.0.stop();
    let all = store.list_call_records(app.id, 100).await.unwrap();
    let stopped = all.iter().find(|r| r.call == call).unwrap();
    assert_eq!((stopped.state, stopped.callees[0].1), (Ended(EndReason::Server), Ended(EndReason::Server)));
    drop(people);
}

/// Room for a database and its log, and little more.
const DISK: &str = "size=4m";

/// Writes a file until no byte more goes in.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    let error = file.write_all(b"x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
}

#[test]
fn on_a_full_disk_calls_go_on_and_their_records_are_written_when_there_is_room() {
    if !inside(test_name!(on_a_full_disk_calls_go_on_and_their_records_are_written_when_there_is_room)) {
        return;
    }
    let place = Place::new();
    std::fs::create_dir(place.data()).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "none"]).arg(place.data()).status().unwrap();
    assert!(mounted.success());
    // The network of its own has a loopback that is down.
    loopback([]);
    tokio::runtime::Runtime::new().unwrap().block_on(on_a_full_disk(&place));
    // Or the folder stays where it is mounted.
    assert!(Command::new("umount").arg("-l").arg(place.data()).status().unwrap().success());
}

async fn on_a_full_disk(place: &Place) {
    let server = Server::start(place);
    let store = Store::open(&place.data()).await.unwrap();
    let demo = store.list_apps().await.unwrap().remove(0);
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol", "dave"] {
        people.push(server.client(&demo, name).await);
    }
    let [alice, bob, carol, dave] = &people[..] else { unreachable!() };
    assert_eq!(server.health(|_| true).await["store"], "ok");
    let before = talks(alice, bob).await;
    records(&store, &demo, |all| all.iter().any(|r| r.call == before && r.accepted.is_some())).await;
    let audited = store.list_signatures(demo.id, 10).await.unwrap().len();

    let filler = place.data().join("filler");
    fill(&filler);
    let mut during = Vec::new();
    while server.http("GET", "/healthz", "").1["store"] != "degraded" {
        let call = talks(carol, dave).await;
        dave.hangup(&call).await.unwrap();
        event(carol, |e| matches!(e, Event::Ended { .. }).then_some(())).await;
        during.push(call);
        assert!(during.len() < 2000, "the disk is not full");
        tokio::time::sleep(AGAIN * 10).await;
    }
    // Calls are made, answered and ended as ever.
    alice.hangup(&before).await.unwrap();
    event(bob, |e| matches!(e, Event::Ended { .. }).then_some(())).await;
    let last = rings(carol, dave).await;
    dave.reject(&last).await.unwrap();
    event(carol, |e| matches!(e, Event::Ended { .. }).then_some(())).await;
    let goes_on = talks(bob, alice).await;
    let (status, signed) = server.http("POST", "/demo/usersig", r#"{"userID":"alice"}"#);
    assert_eq!(status, 200, "people can still sign in: {signed}");
    server.health(|health| health["recordsWaiting"].as_u64() >= Some(3)).await;

    // Whoever asks is told, and told what to do; nobody is told to end the server.
    let health = server.health(|_| true).await;
    let advice = health["storeAdvice"].as_str().unwrap();
    assert!(advice.contains("disk of the data folder is full") && advice.contains("Free"), "{health}");
    let url = format!("http://{}", server.0.http());
    let said = place.run(&["health", "--server", &url]).done();
    assert!(said.starts_with("ok, but database:") && said.contains("Free"), "{said}");
    let said = place.run(&["doctor", "--server", &url]).done();
    assert!(
        said.lines().any(|line| line.starts_with("warn") && line.contains("disk of the data folder")),
        "{said}"
    );

    // An app is made whole or not at all, and who makes it is told why not.
    place.run(&["app", "create", "shop"]).failed(&["full", "disk"]);
    assert_eq!(store.list_apps().await.unwrap().len(), 1);

    std::fs::remove_file(&filler).unwrap();
    let health = server.health(|health| health["store"] == "ok").await;
    assert_eq!(health["recordsLost"], Value::Null, "{health}");
    let wanted = |all: &[CallRecordRow]| all.len() == during.len() + 3;
    let all = records(&store, &demo, wanted).await;
    let state = |call: &CallId| {
        all.iter().find(|r| r.call == *call).unwrap_or_else(|| panic!("{call} is lost")).state
    };
    assert_eq!(state(&before), Ended(EndReason::Hangup));
    assert_eq!(state(&last), Ended(EndReason::Reject));
    assert_eq!(state(&goes_on), GoesOn);
    assert!(during.iter().all(|call| state(call) == Ended(EndReason::Hangup)));
    let found = async {
        while store.list_signatures(demo.id, 10).await.unwrap().len() != audited + 1 {
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::time::timeout(SOON, found).await.expect("what was signed meanwhile is written down");
    place.create("shop");
}
