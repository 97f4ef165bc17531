//! The signing service, as an app's own server uses it.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
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
async fn bad_requests_are_told_apart_and_guessing_is_slowed() {
    let server = Server::start_with(|c| c.limits.signature_max_s = 7200).await;
    let created = server.create_app("app").await;
    let (id, secret) = (created.app.id, created.api_secret.expose().to_owned());
    let good = json!({ "sdkAppID": id, "userID": "a" });
    for (secret, body, status, code) in [
        (&*secret, json!({ "sdkAppID": id }), 400, "malformed"),
        (&*secret, json!({ "sdkAppID": id, "userID": 0 }), 400, "malformed"),
        (&*secret, json!({ "sdkAppID": id, "userID": "undefined" }), 400, "user_id_invalid"),
        (&*secret, json!({ "sdkAppID": id, "userID": "a", "expire": 7201 }), 400, "expire_out_of_range"),
        (&*secret, json!({ "sdkAppID": id, "userID": "a", "expire": 1 }), 400, "expire_out_of_range"),
        (&*secret, json!({ "sdkAppID": 7, "userID": "a" }), 403, "secret_wrong"),
        ("wrong", good.clone(), 403, "secret_wrong"),
        (&*created.app.key.expose().to_owned(), good.clone(), 403, "secret_wrong"),
    ] {
        let (found, reply) = ask(&server, secret, body.clone()).await;
        assert_eq!((found, reply["error"]["code"].as_str()), (status, Some(code)), "{body}");
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
