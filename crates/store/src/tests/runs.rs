//! Starts of servers, and the calls of those that died.

use super::*;

#[tokio::test]
async fn the_calls_of_a_server_that_died_are_closed_with_the_last_time_that_is_known() {
    for database in databases() {
        let store = database.open().await;
        let (dead, silent, own) = (run(), run(), run());
        let records = [
            made(1, "rings", 1000),
            answered(1, "talks", 2000),
            call(1, "over", 3000),
            made(2, "late", 90_000),
        ];
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
        let silent = CallRecordRow {
            app: app(3),
            started: at(7000),
            accepted: Some(at(8500)),
            ended: at(8500),
            ..talks
        };
        assert_eq!(listed(&store, 3).await, [made(3, "own", 8000), silent]);

        assert_eq!(store.close_lost_calls(own).await.unwrap(), 0, "once");
        assert_eq!(store.numbers("SELECT id FROM server_runs").await, [own.0]);
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
        assert!(store.numbers("SELECT id FROM server_runs").await.is_empty());
    }
}

#[tokio::test]
async fn a_crash_with_many_calls_is_closed_in_steps_and_a_call_taken_for_lost_has_the_last_word() {
    for database in databases() {
        let store = database.open().await;
        let (dead, own) = (run(), run());
        let calls: Vec<_> = (0..1100).map(|n| made(1, &format!("c{n}"), n)).collect();
        store.write_call_records(dead, &calls).await.unwrap();
        assert_eq!(store.close_lost_calls(own).await.unwrap(), 1100);
        store.write_call_records(dead, &[call(1, "c1099", 1099)]).await.unwrap();
        let found = listed(&store, 1).await;
        assert_eq!(found[0], call(1, "c1099", 1099));
        assert!(found[1..].iter().all(|row| row.state == LostServer));
    }
}
