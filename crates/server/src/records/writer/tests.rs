use super::*;
use crate::records::waiting::WAITING_CALLS;
use tempfile::TempDir;
use tring_protocol::{CallId, EndReason, MediaType, RoomId, RoomKey, SdkAppId, UserId};

const APP: u32 = 1_400_000_001;

fn app() -> SdkAppId {
    SdkAppId::new(APP).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn record(n: usize, at: Timestamp, reason: Option<EndReason>) -> CallRecord {
    CallRecord {
        call: CallId::new(&format!("c{n}")).unwrap(),
        room: RoomKey { app: app(), room: RoomId::new(7).unwrap() },
        caller: user("alice"),
        media: MediaType::Audio,
        started: at,
        accepted: None,
        at,
        reason,
        callees: vec![(user("bob"), reason)],
    }
}

fn names(records: &[CallRecord]) -> Vec<&str> {
    records.iter().map(|record| record.call.as_str()).collect()
}

#[test]
fn of_each_call_the_newest_record_waits_in_the_order_of_the_first() {
    let now = Timestamp::from_millis(1);
    let mut waiting = Waiting::default();
    for n in 0..3 {
        assert!(waiting.push(record(n, now, None)));
    }
    assert!(waiting.push(record(0, now, Some(EndReason::Hangup))));
    assert_eq!(waiting.len(), 3);
    let popped = waiting.pop(2);
    assert_eq!(names(&popped), ["c0", "c1"]);
    assert_eq!(popped[0].reason, Some(EndReason::Hangup));

    // While they were tried, one of them went on.
    assert!(waiting.push(record(1, now, Some(EndReason::Busy))));
    waiting.put_back(popped);
    let rest = waiting.pop(10);
    assert_eq!(names(&rest), ["c0", "c2", "c1"]);
    assert_eq!(rest[2].reason, Some(EndReason::Busy), "a call is never written as it was before");
    assert!(waiting.is_empty() && waiting.pop(1).is_empty());
}

#[test]
fn so_many_calls_wait_and_no_more_but_those_that_do_still_change() {
    let now = Timestamp::from_millis(1);
    let mut waiting = Waiting::default();
    assert!((0..WAITING_CALLS).all(|n| waiting.push(record(n, now, None))));
    assert!(!waiting.push(record(WAITING_CALLS, now, None)), "there is no place");
    assert!(waiting.push(record(5, now, Some(EndReason::Hangup))));
    assert_eq!(waiting.len(), WAITING_CALLS);
    waiting.pop(1);
    assert!(waiting.push(record(WAITING_CALLS, now, None)));
}

#[test]
fn a_record_that_finds_no_place_is_counted() {
    let (calls, mut inbox) = mpsc::channel(1);
    let health = StoreHealth::new(Clock::start());
    let recorder = Recorder::new(calls, health.clone());
    let lost = || health.fields().iter().find(|(name, _)| *name == "recordsLost").map(|(_, n)| n.clone());
    let now = Timestamp::from_millis(1);
    recorder.record(record(0, now, None));
    assert_eq!(lost(), None);
    recorder.record(record(1, now, None));
    recorder.record(record(2, now, None));
    assert_eq!(lost(), Some(2.into()));
    assert_eq!(inbox.try_recv().unwrap().call.as_str(), "c0");
}

struct Desk {
    writer: Writer,
    recorder: Recorder,
    audit: Audit,
    clock: Clock,
}

async fn open(dir: &TempDir) -> Desk {
    let clock = Clock::start();
    let store = Store::open(dir.path()).await.unwrap();
    let (writer, recorder, audit) =
        Writer::open(dir.path(), store, clock, StoreHealth::new(clock)).await.unwrap();
    Desk { writer, recorder, audit, clock }
}

async fn listed(dir: &TempDir) -> Vec<(RecordState, Timestamp)> {
    let store = Store::open(dir.path()).await.unwrap();
    let rows = store.list_call_records(app(), 10_000).await.unwrap();
    rows.iter().map(|row| (row.state, row.ended)).collect()
}

#[tokio::test]
async fn a_lost_call_is_known_to_have_lasted_until_its_server_was_last_alive() {
    let dir = tempfile::tempdir().unwrap();
    let Desk { mut writer, recorder, clock, audit: _audit } = open(&dir).await;
    let made = clock.now();
    recorder.record(record(1, made, None));
    writer.take().await;
    assert!(writer.write().await);
    assert_eq!(listed(&dir).await, [(RecordState::Running, made)]);
    while clock.now() == made {
        tokio::task::yield_now().await;
    }
    let later = clock.now();
    writer.alive_at = Instant::now();
    assert!(writer.write().await);
    assert!(writer.alive_at > Instant::now(), "not at each writing");

    let second = open(&dir).await;
    assert_eq!(listed(&dir).await, [(RecordState::Running, made)], "whoever serves beside it closes nothing");
    drop((writer, second));
    let third = open(&dir).await;
    let [(RecordState::LostServer, ended)] = listed(&dir).await[..] else { panic!("it is not closed") };
    assert!(ended >= later && ended <= third.clock.now(), "{ended:?} {later:?}");
}

#[tokio::test]
async fn when_the_switchboard_is_gone_everything_is_written_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let Desk { mut writer, recorder, clock, audit } = open(&dir).await;
    let count = 3 * WRITTEN_AT_ONCE;
    for n in 0..count {
        recorder.record(record(n, clock.now(), None));
        recorder.record(record(n, clock.now(), Some(EndReason::Hangup)));
    }
    let signature = Signature { app: app(), user: user("alice"), lifetime_s: 60, by: "api", at: clock.now() };
    for _ in 0..WRITTEN_AT_ONCE + 1 {
        audit.queue.try_send(signature.clone()).unwrap();
    }
    drop(recorder);
    // The handlers of HTTP, and with them the audit, may outlive it.
    writer.closed = false;
    tokio::time::timeout(Duration::from_secs(20), writer.run()).await.expect("it ends");
    let store = Store::open(dir.path()).await.unwrap();
    assert_eq!(
        store.list_signatures(app(), 10_000).await.unwrap().len(),
        1000,
        "as many as one listing gives"
    );
    let all = listed(&dir).await;
    assert_eq!(all.len(), 1000);
    assert!(all.iter().all(|(state, _)| *state == RecordState::Ended(EndReason::Hangup)));
    let mut deleted = 0;
    while let some @ 1.. = store.delete_old_calls(clock.now() + Duration::from_secs(1)).await.unwrap() {
        deleted += some;
    }
    assert_eq!(deleted, count as u64);
    drop(audit);
}

#[tokio::test]
async fn a_signature_is_written_before_it_is_given_out_and_waits_only_while_the_database_fails() {
    let dir = tempfile::tempdir().unwrap();
    let Desk { mut writer, recorder: _recorder, clock, audit } = open(&dir).await;
    let store = Store::open(dir.path()).await.unwrap();
    let signature = Signature { app: app(), user: user("alice"), lifetime_s: 60, by: "api", at: clock.now() };
    audit.write(signature.clone()).await.unwrap();
    let count = async || store.list_signatures(app(), 1000).await.unwrap().len();
    assert_eq!(count().await, 1);
    audit.health.failed(Part::CallRecords, &StoreError::AppUnknown("stands for any".into()));
    for _ in 0..WAITING_SIGNATURES {
        audit.write(signature.clone()).await.unwrap();
    }
    assert!(audit.write(signature.clone()).await.is_err(), "what cannot wait is not given out");
    assert_eq!(count().await, 1);
    assert!(writer.write().await);
    assert!(!audit.health.is_failing(Part::CallRecords));
    assert_eq!(count().await, 1000);
    audit.write(signature).await.unwrap();
}
