//! `tring app …`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use crate::common::{Place, tring};

fn text<'a>(value: &'a serde_json::Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}

#[test]
fn creating_prints_number_key_and_secret_once() {
    let place = Place::new();
    let out = place.run(&["app", "create", "shop"]).done();
    let line = |name: &str| {
        let line =
            out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {out}"));
        line[name.len()..].trim().to_owned()
    };
    let (id, key, secret) = (line("sdkAppID"), line("secret key"), line("API secret"));
    assert!((1_400_000_000..2_000_000_000).contains(&id.parse::<u32>().unwrap()));
    assert!(key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()));
    for args in [
        &["app", "show", "shop"][..],
        &["app", "list"],
        &["app", "show", &id, "--json"],
        &["app", "list", "--json"],
    ] {
        let out = place.run(args).done();
        assert!(out.contains(&id) && out.contains("shop"), "{out}");
        assert!(!out.contains(&key) && !out.contains(&secret), "{args:?} shows a secret: {out}");
    }
    let revealed = place.run(&["app", "show", "shop", "--reveal-key"]).done();
    assert!(revealed.contains(&key) && !revealed.contains(&secret));
}

#[test]
fn apps_are_listed_by_name() {
    let place = Place::new();
    for name in ["zoo", "客服", "shop"] {
        place.create(name);
    }
    let listed = place.run(&["app", "list", "--json"]).json();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|app| text(app, "name")).collect();
    assert_eq!(names, ["shop", "zoo", "客服"]);
    assert_eq!(place.run(&["app", "list"]).done().lines().count(), 4);
}

#[test]
fn rotating_changes_the_key_and_nothing_else() {
    let place = Place::new();
    let old = place.create("shop");
    let new = place.run(&["app", "rotate-key", "shop", "--json"]).json();
    assert_eq!(new["sdkAppID"], old["sdkAppID"]);
    assert_ne!(text(&new, "secretKey"), text(&old, "secretKey"));
    assert!(new.get("apiSecret").is_none());
    let renewed = place.run(&["app", "rotate-api-secret", "shop", "--json"]).json();
    assert_ne!(text(&renewed, "apiSecret"), text(&old, "apiSecret"));
    let shown = place.run(&["app", "show", "shop", "--reveal-key", "--json"]).json();
    assert_eq!(shown["secretKey"], new["secretKey"]);
}

#[test]
fn single_login_is_set_at_creation_or_later() {
    let place = Place::new();
    let created = place.run(&["app", "create", "strict", "--single-login", "--json"]).json();
    assert_eq!(created["singleLogin"], true);
    place.run(&["app", "set", "strict", "--single-login", "false"]).done();
    assert_eq!(place.run(&["app", "show", "strict", "--json"]).json()["singleLogin"], false);
    place.run(&["app", "set", "strict", "--single-login", "true"]).done();
    assert_eq!(place.run(&["app", "show", "strict", "--json"]).json()["singleLogin"], true);
}

#[test]
fn deleting_asks_first_and_then_removes_one_app() {
    let place = Place::new();
    place.create("shop");
    place.create("other");
    place.run(&["app", "delete", "shop"]).failed(&["--yes"]);
    assert_eq!(place.run(&["app", "list", "--json"]).json().as_array().unwrap().len(), 2);
    assert!(place.run(&["app", "delete", "shop", "--yes"]).done().contains("deleted"));
    let left = place.run(&["app", "list", "--json"]).json();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["name"], "other");
}

#[test]
fn an_unknown_app_is_named_with_what_to_do() {
    let place = Place::new();
    place.create("shop");
    for command in ["show", "rotate-key", "rotate-api-secret", "delete"] {
        place.run(&["app", command, "nosuch"]).failed(&["\"nosuch\"", "tring app list"]);
        place.run(&["app", command, "1400000001"]).failed(&["1400000001", "tring app list"]);
    }
    place.run(&["app", "set", "nosuch", "--single-login", "true"]).failed(&["nosuch"]);
}

#[test]
fn a_bad_name_is_refused_with_the_reason() {
    let place = Place::new();
    place.create("shop");
    place.run(&["app", "create", "shop"]).failed(&["\"shop\"", "choose another name"]);
    place.run(&["app", "create", "demo"]).failed(&["--demo"]);
    place.run(&["app", "create", "123"]).failed(&["not only digits"]);
    place.run(&["app", "create", ""]).failed(&["1 to 64 bytes"]);
}

#[test]
fn a_folder_without_a_database_is_left_as_it_is() {
    let place = Place::new();
    place.run(&["app", "list"]).failed(&["no database", "--data"]);
    assert!(!place.data().exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
    let place = Place::new();
    std::fs::write(place.data(), "a file where the folder should be").unwrap();
    let data = place.data().display().to_string();
    place.run(&["app", "create", "shop"]).failed(&[&data, "--data"]);
}

#[test]
fn wrong_usage_has_its_own_exit_code_and_help_has_none() {
    let place = Place::new();
    assert!(place.run(&["app", "create"]).misused().contains("<NAME>"));
    assert!(place.run(&["app", "nosuch"]).misused().contains("nosuch"));
    assert!(place.run(&["app", "set", "shop", "--single-login", "perhaps"]).misused().contains("perhaps"));
    let help = place.run(&["--help"]).done();
    for command in ["serve", "app", "usersig"] {
        assert!(help.contains(command), "{help}");
    }
    assert_eq!(tring().output().unwrap().status.code(), Some(2));
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let place = Place::new();
    place.create("shop");
    let mut child = tring()
        .args(["app", "list", "--data"])
        .arg(place.data())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
