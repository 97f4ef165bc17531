//! Call records and the audit of signatures.

use super::*;
use crate::RecordState::{Ended, LostServer, Running};
use std::time::Duration;

fn app(n: u32) -> SdkAppId {
    SdkAppId::new(n).unwrap()
}

fn call(app_id: u32, id: &str, started: u64) -> CallRecordRow {
    CallRecordRow {
        app: app(app_id),
        call: CallId::new(id).unwrap(),
        room: RoomId::new(u32::MAX).unwrap(),
        caller: user("alice"),
        media: MediaType::Video,
        started: at(started),
        accepted: Some(at(started + 1500)),
        ended: at(started + 61_500),
        state: Ended(EndReason::Hangup),
        callees: vec![(user("用户"), Ended(EndReason::Hangup)), (user("bob"), Ended(EndReason::Timeout))],
    }
}

/// A call that was made, and rings.
fn made(app_id: u32, id: &str, started: u64) -> CallRecordRow {
    CallRecordRow {
        accepted: None,
        ended: at(started),
        state: Running,
        callees: vec![(user("用户"), Running), (user("bob"), Running)],
        ..call(app_id, id, started)
    }
}

/// It was answered by one, refused by the other, and goes on.
fn answered(app_id: u32, id: &str, started: u64) -> CallRecordRow {
    CallRecordRow {
        accepted: Some(at(started + 1500)),
        ended: at(started + 1500),
        callees: vec![(user("用户"), Running), (user("bob"), Ended(EndReason::Reject))],
        ..made(app_id, id, started)
    }
}

fn run() -> RunId {
    RunId::draw().unwrap()
}

async fn write(store: &Store, record: &CallRecordRow) {
    store.write_call_records(run(), std::slice::from_ref(record)).await.unwrap();
}

async fn listed(store: &Store, app_id: u32) -> Vec<CallRecordRow> {
    store.list_call_records(app(app_id), MAX_LISTED).await.unwrap()
}

#[tokio::test]
async fn a_call_comes_back_as_it_was_written() {
    let (_folder, store) = fresh().await;
    let unanswered = CallRecordRow {
        media: MediaType::Audio,
        accepted: None,
        state: Ended(EndReason::NoResponse),
        callees: vec![(user("bob"), Ended(EndReason::NoResponse))],
        ..call(1, "b", 2000)
    };
    write(&store, &call(1, "a", 1000)).await;
    write(&store, &unanswered).await;
    assert_eq!(store.list_call_records(app(1), 10).await.unwrap(), [unanswered, call(1, "a", 1000)]);
}

#[tokio::test]
async fn every_reason_comes_back_as_itself() {
    use EndReason::*;
    let (_folder, store) = fresh().await;
    let all = [Hangup, Cancel, Reject, Busy, NoResponse, Timeout, AnsweredElsewhere, Kicked, Lost, Server];
    let all: Vec<_> = all.map(Ended).into_iter().chain([Running, LostServer]).collect();
    for (n, &state) in (0..).zip(&all) {
        let record =
            CallRecordRow { state, callees: vec![(user("bob"), state)], ..call(1, &n.to_string(), n) };
        write(&store, &record).await;
    }
    let mut listed = listed(&store, 1).await;
    listed.reverse();
    let states: Vec<_> = listed.iter().map(|row| row.state).collect();
    assert_eq!(states, all);
    assert!(listed.iter().all(|row| row.callees[0].1 == row.state));
}

#[tokio::test]
async fn the_newest_calls_of_one_app_are_listed_and_no_more_than_asked_for() {
    let (_folder, store) = fresh().await;
    for n in 0..5 {
        write(&store, &call(1, &format!("c{n}"), n)).await;
        write(&store, &call(2, &format!("c{n}"), 100 + n)).await;
    }
    let listed = store.list_call_records(app(1), 2).await.unwrap();
    assert_eq!(listed, [call(1, "c4", 4), call(1, "c3", 3)]);
    assert!(store.list_call_records(app(1), 0).await.unwrap().is_empty());
    assert!(store.list_call_records(app(3), u32::MAX).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_call_written_twice_is_kept_once_as_it_was_first() {
    let (_folder, store) = fresh().await;
    write(&store, &call(1, "a", 1000)).await;
    write(&store, &CallRecordRow { caller: user("mallory"), ..call(1, "a", 9) }).await;
    assert_eq!(store.list_call_records(app(1), 10).await.unwrap(), [call(1, "a", 1000)]);
}

#[tokio::test]
async fn a_call_is_written_down_as_it_goes_on_and_what_comes_after_its_end_changes_nothing() {
    let (_folder, store) = fresh().await;
    let end = CallRecordRow {
        callees: vec![(user("用户"), Ended(EndReason::Hangup)), (user("bob"), Ended(EndReason::Reject))],
        ..call(1, "a", 1000)
    };
    for step in [&made(1, "a", 1000), &answered(1, "a", 1000), &end] {
        write(&store, step).await;
        assert_eq!(listed(&store, 1).await, std::slice::from_ref(step));
        write(&store, step).await;
        assert_eq!(listed(&store, 1).await, std::slice::from_ref(step));
    }
    write(&store, &answered(1, "a", 1000)).await;
    assert_eq!(listed(&store, 1).await, [end]);
}

#[tokio::test]
async fn many_calls_are_written_at_once_all_or_none() {
    let (_folder, store) = fresh().await;
    let calls: Vec<_> = (0..1000).map(|n| call(1, &format!("c{n}"), n)).collect();
    store.write_call_records(run(), &calls).await.unwrap();
    store.write_call_records(run(), &[]).await.unwrap();
    let mut found = listed(&store, 1).await;
    found.reverse();
    assert_eq!(found, calls);

    let more: Vec<_> = (0..450).map(|n| call(2, &format!("c{n}"), n)).collect();
    sqlx::query("CREATE TRIGGER no BEFORE INSERT ON calls WHEN new.call_id = 'c449' BEGIN SELECT RAISE(ABORT, 'no'); END")
        .execute(&store.pool)
        .await
        .unwrap();
    store.write_call_records(run(), &more).await.unwrap_err();
    assert_eq!(listed(&store, 2).await, []);
}

#[tokio::test]
async fn the_calls_of_a_server_that_died_are_closed_with_the_last_time_that_is_known() {
    let (_folder, store) = fresh().await;
    let (dead, silent, own) = (run(), run(), run());
    let records =
        [made(1, "rings", 1000), answered(1, "talks", 2000), call(1, "over", 3000), made(2, "late", 90_000)];
    store.write_call_records(dead, &records).await.unwrap();
    store.set_alive(dead, at(500), at(20_000)).await.unwrap();
    store.set_alive(dead, at(500), at(50_000)).await.unwrap();
    // This one died before it ever said that it was alive.
    store.write_call_records(silent, &[answered(3, "talks", 7000)]).await.unwrap();
    store.write_call_records(own, &[made(3, "own", 8000)]).await.unwrap();
    store.set_alive(own, at(60_000), at(60_000)).await.unwrap();

    assert_eq!(store.close_lost_calls(own).await.unwrap(), 4);
    let rings = CallRecordRow {
        ended: at(50_000),
        state: LostServer,
        callees: vec![(user("用户"), LostServer), (user("bob"), LostServer)],
        ..made(1, "rings", 1000)
    };
    let talks = CallRecordRow {
        ended: at(50_000),
        state: LostServer,
        callees: vec![(user("用户"), LostServer), (user("bob"), Ended(EndReason::Reject))],
        ..answered(1, "talks", 2000)
    };
    assert_eq!(listed(&store, 1).await, [call(1, "over", 3000), talks.clone(), rings]);
    let late = &listed(&store, 2).await[0];
    assert_eq!((late.state, late.ended), (LostServer, at(90_000)), "no call ends before it is made");
    let silent =
        CallRecordRow { app: app(3), started: at(7000), accepted: Some(at(8500)), ended: at(8500), ..talks };
    assert_eq!(listed(&store, 3).await, [made(3, "own", 8000), silent]);

    assert_eq!(store.close_lost_calls(own).await.unwrap(), 0, "once");
    let runs: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM server_runs").fetch_all(&store.pool).await.unwrap();
    assert_eq!(runs, [own.0]);
    // The last record of its call was lost: how long it lasted is known at the next start all the same.
    store.end_run(own).await.unwrap();
    let next = run();
    assert_eq!(store.close_lost_calls(next).await.unwrap(), 1);
    let closed = &listed(&store, 3).await[0];
    assert_eq!((closed.state, closed.ended), (LostServer, at(60_000)));
    // One whose calls have all ended leaves nothing.
    store.set_alive(next, at(70_000), at(70_000)).await.unwrap();
    store.write_call_records(next, &[call(3, "whole", 71_000)]).await.unwrap();
    store.end_run(next).await.unwrap();
    let runs: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM server_runs").fetch_all(&store.pool).await.unwrap();
    assert!(runs.is_empty());
}

#[tokio::test]
async fn a_crash_with_many_calls_is_closed_in_steps_and_a_call_taken_for_lost_has_the_last_word() {
    let (_folder, store) = fresh().await;
    let (dead, own) = (run(), run());
    let calls: Vec<_> = (0..1100).map(|n| made(1, &format!("c{n}"), n)).collect();
    store.write_call_records(dead, &calls).await.unwrap();
    assert_eq!(store.close_lost_calls(own).await.unwrap(), 1100);
    store.write_call_records(dead, &[call(1, "c1099", 1099)]).await.unwrap();
    let found = listed(&store, 1).await;
    assert_eq!(found[0], call(1, "c1099", 1099));
    assert!(found[1..].iter().all(|row| row.state == LostServer));
}

#[tokio::test]
async fn old_signatures_go_away_some_at_a_time_and_young_ones_stay() {
    let (_folder, store) = fresh().await;
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

#[tokio::test]
async fn old_records_go_away_with_their_callees_and_calls_that_go_on_stay() {
    let (_folder, store) = fresh().await;
    let calls: Vec<_> = (0..600).map(|n| call(1, &format!("c{n}"), n)).collect();
    let keep = [made(1, "goes-on", 3), call(1, "young", 900), call(2, "young", 900)];
    store.write_call_records(run(), &calls).await.unwrap();
    store.write_call_records(run(), &keep).await.unwrap();
    let mut steps = Vec::new();
    loop {
        match store.delete_old_calls(at(900)).await.unwrap() {
            0 => break,
            some => steps.push(some),
        }
    }
    assert_eq!(steps, [500, 100]);
    assert_eq!(listed(&store, 1).await, [keep[1].clone(), keep[0].clone()]);
    assert_eq!(listed(&store, 2).await, [keep[2].clone()]);
    let callees: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM call_callees").fetch_one(&store.pool).await.unwrap();
    assert_eq!(callees, 6);
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
            .fetch_all(&store.pool)
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
async fn the_calls_of_a_deleted_app_can_still_be_written_and_read() {
    let (_folder, store) = fresh().await;
    let id = store.create_app("shop").await.unwrap().app.id;
    store.delete_app(id).await.unwrap();
    write(&store, &call(id.get(), "a", 1)).await;
    assert_eq!(store.list_call_records(id, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn signatures_are_listed_newest_first_and_apart_by_app() {
    let (_folder, store) = fresh().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_wait_for_each_other() {
    let (folder, store) = fresh().await;
    let other = Store::open(folder.path()).await.unwrap();
    let writers = (0..40_u64).map(|n| {
        let store = if n % 2 == 0 { store.clone() } else { other.clone() };
        let record = call(1, &format!("c{n}"), n);
        tokio::spawn(async move { store.write_call_records(run(), &[record]).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(store.list_call_records(app(1), 100).await.unwrap().len(), 40);
}

#[tokio::test]
async fn the_names_of_earlier_versions_are_still_listed() {
    let (_folder, store) = fresh().await;
    let record = CallRecordRow { caller: user("alice"), ..call(1, "a", 1000) };
    write(&store, &record).await;
    for (table, column) in [("calls", "caller"), ("call_callees", "callee")] {
        let update = format!("UPDATE {table} SET {column} = $1");
        sqlx::query(sqlx::AssertSqlSafe(update)).bind(" bob\u{200b} ").execute(&store.pool).await.unwrap();
    }
    let listed = store.list_call_records(app(1), 10).await.unwrap();
    assert_eq!(listed[0].caller.as_str(), " bob\u{200b} ");
    assert!(listed[0].callees.iter().all(|(callee, _)| callee.as_str() == " bob\u{200b} "));
}
