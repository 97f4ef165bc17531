//! Call records and the audit of signatures.

use super::*;

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
        reason: EndReason::Hangup,
        callees: vec![(user("用户"), EndReason::Hangup), (user("bob"), EndReason::Timeout)],
    }
}

#[tokio::test]
async fn a_call_comes_back_as_it_was_written() {
    let (_folder, store) = fresh().await;
    let unanswered = CallRecordRow {
        media: MediaType::Audio,
        accepted: None,
        reason: EndReason::NoResponse,
        callees: vec![(user("bob"), EndReason::NoResponse)],
        ..call(1, "b", 2000)
    };
    store.insert_call_record(&call(1, "a", 1000)).await.unwrap();
    store.insert_call_record(&unanswered).await.unwrap();
    assert_eq!(store.list_call_records(app(1), 10).await.unwrap(), [unanswered, call(1, "a", 1000)]);
}

#[tokio::test]
async fn every_reason_comes_back_as_itself() {
    use EndReason::*;
    let (_folder, store) = fresh().await;
    let all = [Hangup, Cancel, Reject, Busy, NoResponse, Timeout, AnsweredElsewhere, Kicked, Lost, Server];
    for (n, reason) in (0..).zip(all) {
        let record =
            CallRecordRow { reason, callees: vec![(user("bob"), reason)], ..call(1, &n.to_string(), n) };
        store.insert_call_record(&record).await.unwrap();
    }
    let mut listed = store.list_call_records(app(1), 10).await.unwrap();
    listed.reverse();
    let reasons: Vec<_> = listed.iter().map(|row| row.reason).collect();
    assert_eq!(reasons, all);
    assert!(listed.iter().all(|row| row.callees[0].1 == row.reason));
}

#[tokio::test]
async fn the_newest_calls_of_one_app_are_listed_and_no_more_than_asked_for() {
    let (_folder, store) = fresh().await;
    for n in 0..5 {
        store.insert_call_record(&call(1, &format!("c{n}"), n)).await.unwrap();
        store.insert_call_record(&call(2, &format!("c{n}"), 100 + n)).await.unwrap();
    }
    let listed = store.list_call_records(app(1), 2).await.unwrap();
    assert_eq!(listed, [call(1, "c4", 4), call(1, "c3", 3)]);
    assert!(store.list_call_records(app(1), 0).await.unwrap().is_empty());
    assert!(store.list_call_records(app(3), u32::MAX).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_call_written_twice_is_kept_once_as_it_was_first() {
    let (_folder, store) = fresh().await;
    store.insert_call_record(&call(1, "a", 1000)).await.unwrap();
    store.insert_call_record(&CallRecordRow { caller: user("mallory"), ..call(1, "a", 9) }).await.unwrap();
    assert_eq!(store.list_call_records(app(1), 10).await.unwrap(), [call(1, "a", 1000)]);
}

#[tokio::test]
async fn the_calls_of_a_deleted_app_can_still_be_written_and_read() {
    let (_folder, store) = fresh().await;
    let id = store.create_app("shop").await.unwrap().app.id;
    store.delete_app(id).await.unwrap();
    store.insert_call_record(&call(id.get(), "a", 1)).await.unwrap();
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
        tokio::spawn(async move { store.insert_call_record(&call(1, &format!("c{n}"), n)).await })
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
    store.insert_call_record(&record).await.unwrap();
    for (table, column) in [("calls", "caller"), ("call_callees", "callee")] {
        let update = format!("UPDATE {table} SET {column} = $1");
        sqlx::query(sqlx::AssertSqlSafe(update)).bind(" bob\u{200b} ").execute(&store.pool).await.unwrap();
    }
    let listed = store.list_call_records(app(1), 10).await.unwrap();
    assert_eq!(listed[0].caller.as_str(), " bob\u{200b} ");
    assert!(listed[0].callees.iter().all(|(callee, _)| callee.as_str() == " bob\u{200b} "));
}
