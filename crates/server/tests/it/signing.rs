//! The signing service, as an app's own server uses it.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use serde_json::{Value, json};

async fn ask(server: &Server, secret: &str, body: Value) -> (u16, Value) {
    let headers = format!("Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n");
    let (status, body) = server.http("POST /v1/usersig", &headers, &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

#[tokio::test]
async fn a_signature_from_the_service_signs_its_user_in_and_is_written_down() {
    let server = Server::start().await;
    let created = server.create_app("app").await;
    let (app, secret) = (created.app, created.api_secret.expose().to_owned());
    let body = json!({ "sdkAppID": app.id, "userID": "用户", "expire": 3600 });
    let (status, reply) = ask(&server, &secret, body).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["expire"], 3600);
    let text = login_text(&app, "用户", reply["userSig"].as_str().unwrap());
    let mut socket = server.socket().await;
    use futures_util::SinkExt;
    socket.send(tokio_tungstenite::tungstenite::Message::text(text)).await.unwrap();
    answer(&mut socket).await.unwrap();
    let written = server.store.list_signatures(app.id, 10).await.unwrap();
    assert_eq!(written.len(), 1);
    assert_eq!(
        (written[0].user.as_str(), written[0].lifetime_s, written[0].door.as_str()),
        ("用户", 3600, "api")
    );
}

#[tokio::test]
async fn old_signatures_go_away_while_the_server_runs_and_young_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = tring_store::Store::open(dir.path()).await.unwrap();
    let app = store.create_app("app").await.unwrap().app;
    let user = tring_protocol::UserId::new("alice").unwrap();
    const DAY_S: u64 = 24 * 3600;
    for age_days in [400, 11, 9, 0] {
        let at = tring_protocol::Timestamp::from_secs(now_s() - age_days * DAY_S);
        store.audit_signature(app.id, &user, 60, "api", at).await.unwrap();
    }
    let mut config = config(&dir);
    config.retention.signatures_days = 10;
    let _running = tring_server::start(config).await.unwrap();
    let gone = async {
        while store.list_signatures(app.id, 10).await.unwrap().len() > 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the old ones go");
    let left = store.list_signatures(app.id, 10).await.unwrap();
    assert!(left.iter().all(|row| row.at.as_secs() > now_s() - 10 * DAY_S), "{left:?}");
}

#[tokio::test]
async fn bad_requests_are_told_apart_and_guessing_is_slowed() {
    let server = Server::start_with(|c| c.limits.signature_max_s = 7200).await;
    let created = server.create_app("app").await;
    let (id, secret) = (created.app.id, created.api_secret.expose().to_owned());
    let good = json!({ "sdkAppID": id, "userID": "a" });
    for (secret, body, status, code, named) in [
        (&*secret, json!({ "sdkAppID": id }), 400, "malformed", "`userID`"),
        (&*secret, json!({ "sdkAppID": id, "userID": 0 }), 400, "user_id_invalid", "`userID`"),
        (&*secret, json!({ "sdkAppID": id, "userID": "" }), 400, "user_id_invalid", "`userID`"),
        (&*secret, json!({ "sdkAppID": id, "userID": null }), 400, "user_id_invalid", "`userID`"),
        (&*secret, json!({ "sdkAppID": id, "userID": 1.5 }), 400, "user_id_invalid", "`userID`"),
        (&*secret, json!({ "sdkAppID": id, "userID": "undefined" }), 400, "user_id_invalid", "`userID`"),
        (&*secret, json!({ "sdkAppID": id.to_string(), "userID": "a" }), 400, "malformed", "`sdkAppID`"),
        (&*secret, json!({ "sdkAppID": id, "userID": "a", "expire": "60" }), 400, "malformed", "`expire`"),
        (
            &*secret,
            json!({ "sdkAppID": id, "userID": "a", "expire": 7201 }),
            400,
            "expire_out_of_range",
            "`expire`",
        ),
        (
            &*secret,
            json!({ "sdkAppID": id, "userID": "a", "expire": 1 }),
            400,
            "expire_out_of_range",
            "`expire`",
        ),
        (&*secret, json!({ "sdkAppID": 7, "userID": "a" }), 403, "secret_wrong", "secret"),
        ("wrong", good.clone(), 403, "secret_wrong", "secret"),
        (&*created.app.key.expose().to_owned(), good.clone(), 403, "secret_wrong", "secret"),
    ] {
        let (found, reply) = ask(&server, secret, body.clone()).await;
        assert_eq!((found, reply["error"]["code"].as_str()), (status, Some(code)), "{body}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{body}: {message}");
    }
    let (status, _) = server.http("POST /v1/usersig", "", &good.to_string()).await;
    assert_eq!(status, 401);
    let mut last = 0;
    for _ in 0..20 {
        last = ask(&server, "guess", good.clone()).await.0;
    }
    assert_eq!(last, 429, "guessing is slowed");
    assert_eq!(ask(&server, &secret, good).await.0, 200, "who knows the secret is not");
}

#[tokio::test]
async fn an_app_signs_no_faster_than_its_rate() {
    let server = Server::start_with(|c| {
        c.limits.signatures_burst = 3.0;
        c.limits.signatures_per_second = 1.0;
    })
    .await;
    let created = server.create_app("app").await;
    let body = json!({ "sdkAppID": created.app.id, "userID": "a" });
    let mut limited = false;
    for _ in 0..10 {
        limited |= ask(&server, created.api_secret.expose(), body.clone()).await.0 == 429;
    }
    assert!(limited);
}

#[tokio::test]
async fn without_demo_there_is_no_app_and_no_open_signer() {
    let server = Server::start().await;
    assert!(server.store.list_apps().await.unwrap().is_empty());
    assert_eq!(server.http("POST /demo/usersig", "", r#"{"userID":"a"}"#).await.0, 404);
    assert_eq!(server.http("GET /", "", "").await.0, 404);
}

#[tokio::test]
async fn the_demo_signs_for_its_own_app_only() {
    let server = Server::start_with(|c| c.demo = true).await;
    let (status, body) = server.http("POST /demo/usersig", "", r#"{"userID":"alice"}"#).await;
    assert_eq!(status, 200);
    let reply: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(reply["sdkAppID"], server.running.demo_app.unwrap().get());
    let (status, _) = server.http("POST /demo/usersig", "", r#"{"userID":""}"#).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_numeric_user_id_is_its_decimal_text_in_the_signature_and_at_sign_in() {
    let server = Server::start().await;
    let created = server.create_app("app").await;
    let (status, reply) =
        ask(&server, created.api_secret.expose(), json!({ "sdkAppID": created.app.id, "userID": 10086 }))
            .await;
    assert_eq!((status, reply["userID"].as_str()), (200, Some("10086")));
    let sig = reply["userSig"].as_str().unwrap();
    let text = login_text(&created.app, "10086", sig).replace("\"10086\"", "10086");
    let mut socket = server.socket().await;
    use futures_util::SinkExt;
    socket.send(tokio_tungstenite::tungstenite::Message::text(text)).await.unwrap();
    answer(&mut socket).await.unwrap();
}

#[tokio::test]
async fn the_demo_app_is_served_only_with_demo_also_after_a_start_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut with_demo = config(&dir);
    with_demo.demo = true;
    let running = tring_server::start(with_demo).await.unwrap();
    let demo = running.demo_app.unwrap();
    running.stop().await;

    let running = tring_server::start(config(&dir)).await.unwrap();
    let store = tring_store::Store::open(dir.path()).await.unwrap();
    let app = store.app(demo).await.expect("it stays in the store");
    let server = Server { running, store, dir };
    // A change of the store is read while the server runs: the demo app must not come in by it.
    server.app("other").await;
    let mut device = Device::connect(&server).await;
    let refused = device.login(&app, "alice").await.unwrap_err();
    assert_eq!(refused.code, tring_protocol::ErrorCode::AppUnknown);
    let secret = server.store.rotate_api_secret(demo).await.unwrap().api_secret;
    let (status, _) = ask(&server, secret.expose(), json!({ "sdkAppID": demo, "userID": "a" })).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_demo_app_that_was_deleted_is_an_error_that_says_so() {
    let server = Server::start_with(|c| c.demo = true).await;
    server.store.delete_app(server.running.demo_app.unwrap()).await.unwrap();
    let gone = async {
        loop {
            let (status, body) = server.http("POST /demo/usersig", "", r#"{"userID":"alice"}"#).await;
            if ![200, 429].contains(&status) {
                return (status, body);
            }
        }
    };
    let (status, body) = tokio::time::timeout(SOON, gone).await.unwrap();
    assert_eq!(status, 410, "{body}");
    assert!(body.contains("--demo"), "{body}");
}

#[tokio::test]
async fn a_user_sig_with_a_line_end_signs_in_and_with_one_inside_it_is_told_why() {
    use futures_util::SinkExt;
    let server = Server::start().await;
    let app = server.app("app").await;
    let sig = sign(&app, "alice");
    let ask = async |sig: String| {
        let mut socket = server.socket().await;
        let text = login_text(&app, "alice", &sig);
        socket.send(tokio_tungstenite::tungstenite::Message::text(text)).await.unwrap();
        answer(&mut socket).await
    };
    for (before, after) in [("", "\n"), ("", "\r\n"), (" ", " "), ("\n", "\t")] {
        ask(format!("{before}{sig}{after}")).await.unwrap();
    }
    let refused = ask(sig.replacen("eJ", "eJ\n", 1)).await.unwrap_err();
    assert_eq!(refused.code, tring_protocol::ErrorCode::SigMalformed);
    assert!(refused.message.contains("character 3 is white space"), "{}", refused.message);
}

#[tokio::test]
async fn a_name_that_looks_like_another_is_refused_and_the_character_is_named() {
    use futures_util::SinkExt;
    let server = Server::start().await;
    let created = server.create_app("app").await;
    for (user, said) in [(" bob ", "U+0020 (space)"), ("bo\u{200b}b", "U+200B"), ("bob\u{202e}", "U+202E")] {
        let mut socket = server.socket().await;
        let text = login_text(&created.app, user, &sign(&created.app, user));
        socket.send(tokio_tungstenite::tungstenite::Message::text(text)).await.unwrap();
        let refused = answer(&mut socket).await.unwrap_err();
        assert_eq!(refused.code, tring_protocol::ErrorCode::UserIdInvalid, "{user:?}");
        assert!(refused.message.contains(said), "{}", refused.message);
        let body = json!({ "sdkAppID": created.app.id, "userID": user });
        let (status, reply) = ask(&server, created.api_secret.expose(), body).await;
        assert_eq!((status, reply["error"]["code"].as_str()), (400, Some("user_id_invalid")));
        assert!(reply["error"]["message"].as_str().unwrap().contains(said), "{reply}");
    }
    for user in ["bob", "用户", "👩🏽\u{200d}💻"] {
        server.device(&created.app, user).await;
    }
}
