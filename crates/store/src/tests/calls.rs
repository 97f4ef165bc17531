//! Call records.

use super::*;

#[tokio::test]
async fn a_call_comes_back_as_it_was_written() {
    for database in databases() {
        let store = database.open().await;
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
}

#[tokio::test]
async fn every_reason_comes_back_as_itself() {
    use EndReason::*;
    for database in databases() {
        let store = database.open().await;
        let all =
            [Hangup, Cancel, Reject, Busy, NoResponse, Timeout, AnsweredElsewhere, Kicked, Lost, Server];
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
}

#[tokio::test]
async fn the_newest_calls_of_one_app_are_listed_and_no_more_than_asked_for() {
    for database in databases() {
        let store = database.open().await;
        for n in 0..5 {
            write(&store, &call(1, &format!("c{n}"), n)).await;
            write(&store, &call(2, &format!("c{n}"), 100 + n)).await;
        }
        let listed = store.list_call_records(app(1), 2).await.unwrap();
        assert_eq!(listed, [call(1, "c4", 4), call(1, "c3", 3)]);
        assert!(store.list_call_records(app(1), 0).await.unwrap().is_empty());
        assert!(store.list_call_records(app(3), u32::MAX).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_call_written_twice_is_kept_once_as_it_was_first() {
    for database in databases() {
        let store = database.open().await;
        write(&store, &call(1, "a", 1000)).await;
        write(&store, &CallRecordRow { caller: user("mallory"), ..call(1, "a", 9) }).await;
        assert_eq!(store.list_call_records(app(1), 10).await.unwrap(), [call(1, "a", 1000)]);
    }
}

#[tokio::test]
async fn a_call_is_written_down_as_it_goes_on_and_what_comes_after_its_end_changes_nothing() {
    for database in databases() {
        let store = database.open().await;
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
}

#[tokio::test]
async fn many_calls_are_written_at_once_all_or_none() {
    for database in databases() {
        let store = database.open().await;
        let calls: Vec<_> = (0..1000).map(|n| call(1, &format!("c{n}"), n)).collect();
        store.write_call_records(run(), &calls).await.unwrap();
        store.write_call_records(run(), &[]).await.unwrap();
        let mut found = listed(&store, 1).await;
        found.reverse();
        assert_eq!(found, calls);

        let more: Vec<_> = (0..450).map(|n| call(2, &format!("c{n}"), n)).collect();
        // All have one room: the last is refused.
        store
            .execute(
                "CREATE UNIQUE INDEX no ON calls (app, room) WHERE app = 2 AND call_id IN ('c0', 'c449')",
            )
            .await;
        store.write_call_records(run(), &more).await.unwrap_err();
        assert_eq!(listed(&store, 2).await, []);
    }
}

#[tokio::test]
async fn old_records_go_away_with_their_callees_and_calls_that_go_on_stay() {
    for database in databases() {
        let store = database.open().await;
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
        assert_eq!(store.numbers("SELECT COUNT(*) FROM call_callees").await, [6]);
    }
}

#[tokio::test]
async fn the_calls_of_a_deleted_app_can_still_be_written_and_read() {
    for database in databases() {
        let store = database.open().await;
        let id = store.create_app("shop").await.unwrap().app.id;
        store.delete_app(id).await.unwrap();
        write(&store, &call(id.get(), "a", 1)).await;
        assert_eq!(store.list_call_records(id, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_wait_for_each_other() {
    for database in databases() {
        let store = database.open().await;
        let other = database.open().await;
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
}

#[tokio::test]
async fn the_names_of_earlier_versions_are_still_listed() {
    for database in databases() {
        let store = database.open().await;
        let record = CallRecordRow { caller: user("alice"), ..call(1, "a", 1000) };
        write(&store, &record).await;
        store.execute("UPDATE calls SET caller = ' bob\u{200b} '").await;
        store.execute("UPDATE call_callees SET callee = ' bob\u{200b} '").await;
        let listed = store.list_call_records(app(1), 10).await.unwrap();
        assert_eq!(listed[0].caller.as_str(), " bob\u{200b} ");
        assert!(listed[0].callees.iter().all(|(callee, _)| callee.as_str() == " bob\u{200b} "));
    }
}
