//! `tring usersig …`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use crate::common::{Place, tring};

const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
/// Signed by the npm library in 2023 for 180 days.
const OLD: &str = "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwhWZiflZpXlQqeKU7MSCgswUJStDEwMogMiUZOamKlkZmqOKplYUZBaBxE1NTY3gosWZ6UpWSj5ljuYp*p7l5unBxXnF2WVhVU4uAf7Ozi5JpX7O5SbuHuUhzgZJmQXaTia2SrUAohcx8g__";
const NUMBER_AND_KEY: [&str; 4] = ["--sdkappid", "1400000000", "--key", KEY];

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [args, more].concat()
}

#[test]
fn what_is_signed_verifies_and_is_explained() {
    let place = Place::new();
    let id = place.create("shop")["sdkAppID"].to_string();
    let sig = place.run(&["usersig", "sign", "--app", "shop", "--user", "用户", "--expire", "600"]).done();
    let sig = sig.trim();
    let verified = place.run(&["usersig", "verify", sig, "--app", &id, "--user", "用户"]).done();
    assert!(verified.starts_with("valid for \"用户\""), "{verified}");
    let explained = place.run(&["usersig", "explain", sig]).done();
    for part in [id.as_str(), "用户", "600 s", "not checked", "fine now"] {
        assert!(explained.contains(part), "{part} in {explained}");
    }
    let json = place.run(&["usersig", "explain", sig, "--json"]).json();
    assert_eq!(json["sdkAppID"].to_string(), id);
    assert_eq!(json["expire"], 600);
    assert_eq!(json["timeProblem"], serde_json::Value::Null);
}

#[test]
fn a_user_sig_comes_from_stdin_with_its_line_break() {
    let place = Place::new();
    place.create("shop");
    let sig = place.run(&["usersig", "sign", "--app", "shop", "--user", "alice"]).done();
    assert!(sig.ends_with('\n'));
    let json =
        place.run_with_stdin(&["usersig", "verify", "-", "--app", "shop", "--user", "alice", "--json"], &sig);
    assert_eq!(json.json()["valid"], true);
    let broken = sig.replacen("eJ", "eJ\n", 1);
    place
        .run_with_stdin(&["usersig", "verify", "-", "--app", "shop", "--user", "alice"], &broken)
        .failed(&["character 3 is white space", "one line"]);
    place.run_with_stdin(&["usersig", "explain", "-"], &"A".repeat(100_000)).failed(&["the limit is 2048"]);
    place.run_with_stdin(&["usersig", "explain", "-"], "").failed(&["it is empty"]);
}

#[test]
fn a_number_and_a_key_do_without_a_database() {
    let place = Place::new();
    let args = with(&["usersig", "sign", "--user", "alice", "--json"], &NUMBER_AND_KEY);
    let signed = place.run(&args).json();
    let sig = signed["userSig"].as_str().unwrap();
    assert_eq!(signed["sdkAppID"], 1_400_000_000);
    place.run(&with(&["usersig", "verify", sig, "--user", "alice"], &NUMBER_AND_KEY)).done();
    let by_variable = tring()
        .args(["usersig", "verify", sig, "--user", "alice", "--sdkappid", "1400000000"])
        .env("TRING_KEY", KEY)
        .output()
        .unwrap();
    assert_eq!(by_variable.status.code(), Some(0));
    assert!(!place.data().exists());
}

#[test]
fn room_rights_are_made_and_shown() {
    let place = Place::new();
    place.create("shop");
    let sign = ["usersig", "sign", "--app", "shop", "--user", "alice"];
    let sig = place.run(&with(&sign, &["--room", "12345", "--rights", "42"])).done();
    let json = place.run(&["usersig", "explain", sig.trim(), "--json"]).json();
    assert_eq!(json["rights"]["room"], 12_345);
    assert_eq!(json["rights"]["names"], serde_json::json!(["join", "receive-audio", "receive-video"]));
    let sig = place.run(&with(&sign, &["--string-room", "lobby"])).done();
    let shown = place.run(&["usersig", "verify", sig.trim(), "--app", "shop", "--user", "alice"]).done();
    assert!(shown.contains("\"lobby\"") && shown.contains("rights     255"), "{shown}");
    place.run(&with(&sign, &["--rights", "42"])).failed(&["--room"]);
    place.run(&with(&sign, &["--room", "0"])).failed(&["room"]);
    place.run(&with(&sign, &["--room", "1", "--string-room", "x"])).misused();
}

#[test]
fn rights_that_are_foreign_expired_or_broken_are_not_called_valid() {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    use tring_usersig::{Key, PrivateMapKey, Privileges, Room, sign_with_userbuf};
    let place = Place::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let rights = |app, user, until| {
        PrivateMapKey::new(app, user, Room::Number(7), Privileges::ALL, until).unwrap().encode().unwrap()
    };
    let verify = |userbuf: &[u8]| {
        let (key, life) = (Key::parse(KEY).unwrap(), Duration::from_secs(600));
        let sig = sign_with_userbuf(&key, 1_400_000_000, "alice", life, now, userbuf).unwrap();
        place.run(&with(&["usersig", "verify", &sig, "--user", "alice"], &NUMBER_AND_KEY))
    };
    let good = rights(1_400_000_000, "alice", now + 600);
    assert!(verify(&good).done().contains("rights     255"));
    verify(&rights(1_400_000_001, "alice", now + 600)).failed(&["PrivateMapKey", "another app or user"]);
    verify(&rights(1_400_000_000, "bob", now + 600)).failed(&["PrivateMapKey", "another app or user"]);
    verify(&rights(1_400_000_000, "alice", now - 60)).failed(&["PrivateMapKey", "expired"]);
    verify(&good[..good.len() - 1]).failed(&["PrivateMapKey", "cut short"]);
    verify(&[&good[..], b"x"].concat()).failed(&["PrivateMapKey", "too many"]);
    assert!(verify(b"own bytes").done().contains("9 bytes of the app's own"));
}

#[test]
fn each_way_to_be_wrong_has_its_own_sentence() {
    let place = Place::new();
    place.create("shop");
    place.create("other");
    let sig = place.run(&["usersig", "sign", "--app", "shop", "--user", "alice"]).done();
    let sig = sig.trim();
    let verify = |text, app, user| place.run(&["usersig", "verify", text, "--app", app, "--user", user]);
    verify("undefined", "shop", "alice").failed(&["no UserSig", "copy it whole"]);
    verify(&sig[..sig.len() - 8], "shop", "alice").failed(&["no UserSig"]);
    verify(sig, "other", "alice").failed(&["sdkAppID"]);
    verify(sig, "shop", "bob").failed(&["\"alice\"", "\"bob\""]);
    let other_key = KEY.replace('5', "6");
    let expired = with(&["usersig", "verify", OLD, "--user", "xiaojun"], &NUMBER_AND_KEY);
    place.run(&expired).failed(&["expired", "make a new one"]);
    let bad =
        ["usersig", "verify", OLD, "--user", "xiaojun", "--sdkappid", "1400000000", "--key", &other_key];
    place.run(&bad).failed(&["signature", "secret key"]);
    place.run(&["app", "rotate-key", "shop"]).done();
    verify(sig, "shop", "alice").failed(&["rotated"]);
    let explained = place.run(&["usersig", "explain", OLD]).done();
    assert!(explained.contains("expired") && explained.contains("2023-11-14"), "{explained}");
}

#[test]
fn nothing_is_signed_for_a_placeholder_an_unknown_app_or_with_a_bad_key() {
    let place = Place::new();
    place.create("shop");
    let sign = |more: &[&str]| place.run(&with(&["usersig", "sign"], more));
    for user in ["", "0", "undefined"] {
        sign(&["--app", "shop", "--user", user]).failed(&["login()"]);
    }
    sign(&["--app", "shop", "--user", "a\nb"]).failed(&["control character"]);
    sign(&["--app", "nosuch", "--user", "alice"]).failed(&["tring app list"]);
    sign(&["--app", "shop", "--user", "alice", "--expire", "0"]).failed(&["1 to"]);
    sign(&["--sdkappid", "1", "--user", "alice", "--key", "abc"]).failed(&["64 characters"]);
    let mistyped = KEY.replace("0f", "0g");
    sign(&["--sdkappid", "1", "--user", "alice", "--key", &mistyped]).failed(&["character 8"]);
    sign(&["--sdkappid", "0", "--user", "alice", "--key", KEY]).failed(&["sdkAppID is 0"]);
    sign(&["--sdkappid", "1", "--user", "alice"]).failed(&["--key", "TRING_KEY"]);
    assert!(sign(&["--user", "alice"]).misused().contains("--app"));
    assert!(sign(&["--user", "alice", "--app", "shop", "--sdkappid", "1"]).misused().contains("--sdkappid"));
    assert!(sign(&["--app", "shop"]).misused().contains("--user"));
}

#[test]
fn no_answer_and_no_error_holds_the_key() {
    let place = Place::new();
    let key = place.create("shop")["secretKey"].as_str().unwrap().to_owned();
    let sig = place.run(&["usersig", "sign", "--app", "shop", "--user", "alice"]).done();
    for args in [
        &["usersig", "sign", "--app", "shop", "--user", "alice", "--json"][..],
        &["usersig", "verify", sig.trim(), "--app", "shop", "--user", "alice", "--json"],
        &["usersig", "verify", sig.trim(), "--app", "shop", "--user", "bob"],
        &["usersig", "explain", sig.trim(), "--json"],
        &["usersig", "sign", "--user", "alice", "--sdkappid", "0", "--key", &key],
    ] {
        let said = place.run(args);
        assert!(!said.out.contains(&key) && !said.err.contains(&key), "{args:?} gave {said:?}");
    }
}
