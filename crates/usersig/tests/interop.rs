//! Other people's libraries sign and we verify; we sign and their platforms read the same fields and signature.
//!
//! The libraries are those that app servers use: npm and PyPI `tls-sig-api-v2`. `e2e/usersig/prepare.sh` (part of
//! `make test`) installs them; without them these tests fail and say so.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tring_usersig::*;

const APP: u32 = 1_400_000_000;
const NOW: u64 = 1_700_000_000;

/// Plain, as WeChat's openid, number-like, beyond ASCII, beyond 16 bits, and with what JSON must escape.
const USERS: [&str; 7] =
    ["xiaojun", "oABCDEFGHIJKLMNOPQRSTUV_-123", "10086", "用户", "🙂", "a\"b\\c/d e", "+*-/_="];

#[derive(Clone, Copy)]
enum Library {
    Npm,
    PyPi,
}

impl Library {
    fn command(self) -> Command {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/usersig");
        let (program, needed, script) = match self {
            Self::Npm => (PathBuf::from("node"), folder.join("node_modules/tls-sig-api-v2"), "run.js"),
            Self::PyPi => (folder.join(".venv/bin/python"), folder.join(".venv/prepared"), "run.py"),
        };
        assert!(
            needed.exists(),
            "the UserSig libraries of others are not installed: run e2e/usersig/prepare.sh (or make interop)"
        );
        let mut command = Command::new(program);
        command.arg(folder.join(script));
        command
    }

    /// Gives one answer per job.
    fn run(self, jobs: &[Value]) -> Vec<Value> {
        let mut command = self.command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?} does not start ({e}): run e2e/usersig/prepare.sh"));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(Value::from(jobs).to_string().as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command:?} failed; its error is above");
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answers.len(), jobs.len());
        answers
    }

    fn sign(self, jobs: &[Value]) -> Vec<String> {
        self.run(jobs).iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// The fields of each text, as this platform decodes them.
    fn read(self, texts: &[String]) -> Vec<Value> {
        let jobs: Vec<_> = texts.iter().map(|text| job("read", "", json!({ "text": text }))).collect();
        self.run(&jobs)
    }
}

fn key() -> Key {
    Key::from_random([0x5b; 32])
}

fn job(what: &str, user: &str, more: Value) -> Value {
    let mut job = json!({
        "what": what, "app": APP, "key": key().expose(), "user": user, "lifetime": 86_400, "now": NOW,
    });
    job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    job
}

const LIFETIME: Duration = Duration::from_secs(86_400);

/// Their texts verify here, and ours hold what theirs hold, read by them.
fn agree(library: Library, jobs: &[Value], users: &[&str], ours: &[String]) {
    let theirs = library.sign(jobs);
    for (user, text) in users.iter().zip(&theirs) {
        let claims = verify(&key(), APP, user, text, NOW).unwrap_or_else(|e| panic!("{user}: {e}"));
        assert_eq!((claims.issued_at_s, claims.expires_at_s), (NOW, NOW + 86_400));
        let someone = verify(&key(), APP, "someone", text, NOW);
        assert!(matches!(someone, Err(SigError::WrongUser { .. })), "{someone:?}");
        let other_key = verify(&Key::from_random([1; 32]), APP, user, text, NOW);
        assert_eq!(other_key, Err(SigError::BadSignature));
    }
    let (theirs, ours) = (library.read(&theirs), library.read(ours));
    for ((user, theirs), ours) in users.iter().zip(&theirs).zip(&ours) {
        assert_eq!(theirs, ours, "{user}");
        assert_eq!(ours["TLS.identifier"], *user);
        assert!(ours["TLS.sig"].is_string());
    }
}

fn plain(library: Library) {
    let jobs: Vec<_> = USERS.iter().map(|user| job("sign", user, json!({}))).collect();
    let ours: Vec<_> = USERS.iter().map(|user| sign(&key(), APP, user, LIFETIME, NOW).unwrap()).collect();
    agree(library, &jobs, &USERS, &ours);
}

fn with_userbuf(library: Library) {
    let userbuf: Vec<u8> = (0..=255).collect();
    let more = json!({ "userbuf": BASE64_STANDARD.encode(&userbuf) });
    let jobs: Vec<_> = USERS.iter().map(|user| job("sign_userbuf", user, more.clone())).collect();
    let ours: Vec<_> = USERS
        .iter()
        .map(|user| sign_with_userbuf(&key(), APP, user, LIFETIME, NOW, &userbuf).unwrap())
        .collect();
    agree(library, &jobs, &USERS, &ours);
}

#[test]
fn npm_and_we_sign_alike() {
    plain(Library::Npm);
}

#[test]
fn pypi_and_we_sign_alike() {
    plain(Library::PyPi);
}

#[test]
fn npm_and_we_sign_a_userbuf_alike() {
    with_userbuf(Library::Npm);
}

#[test]
fn pypi_and_we_sign_a_userbuf_alike() {
    with_userbuf(Library::PyPi);
}

#[test]
fn npm_and_we_write_room_rights_alike() {
    // The library writes the account as UTF-8 only where it is ASCII.
    let users = ["xiaojun", "10086"];
    for (what, room) in [
        ("sign_room", Room::Number(12_345)),
        ("sign_room", Room::Number(u32::MAX)),
        ("sign_string_room", Room::Text("room-abc".to_owned())),
    ] {
        for privileges in [Privileges::ALL, Privileges::WATCH] {
            let value = match &room {
                Room::Number(n) => json!(n),
                Room::Text(text) => json!(text),
            };
            let more = json!({ "room": value, "privileges": privileges.bits() });
            let jobs: Vec<_> = users.iter().map(|user| job(what, user, more.clone())).collect();
            let ours: Vec<_> = users
                .iter()
                .map(|user| sign_map_key(&key(), APP, user, &room, privileges, LIFETIME, NOW).unwrap())
                .collect();
            agree(Library::Npm, &jobs, &users, &ours);
            for (user, text) in users.iter().zip(Library::Npm.sign(&jobs)) {
                let rights = verify_map_key(&key(), APP, user, &text, NOW).unwrap();
                assert_eq!((rights.room(), rights.privileges()), (&room, privileges));
                assert_eq!(u64::from(rights.expires_at_s()), NOW + 86_400);
            }
        }
    }
}

#[test]
fn room_rights_that_npm_writes_for_names_beyond_ascii_are_taken() {
    let more = json!({ "room": 7, "privileges": 255 });
    let jobs: Vec<_> = USERS.iter().map(|user| job("sign_room", user, more.clone())).collect();
    for (user, text) in USERS.iter().zip(Library::Npm.sign(&jobs)) {
        let rights = verify_map_key(&key(), APP, user, &text, NOW).unwrap_or_else(|e| panic!("{user}: {e}"));
        assert_eq!(rights.room(), &Room::Number(7));
        assert!(!rights.is_for("someone"));
    }
}

/// The first block in this language of each documentation page.
fn examples(language: &str) -> Vec<String> {
    ["usersig.md", "usersig.zh-CN.md"]
        .into_iter()
        .map(|page| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
            let page = std::fs::read_to_string(path).unwrap();
            let (_, block) = page.split_once(&format!("```{language}\n")).unwrap();
            block.split_once("```").unwrap().0.to_owned()
        })
        .collect()
}

fn run_example(mut interpreter: Command, code: &str) -> String {
    let mut child = interpreter
        .arg("-")
        .env("SDKAPPID", APP.to_string())
        .env("SECRETKEY", key().expose())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the example failed; its error is above:\n{code}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_of_the_documents_sign_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/usersig");
    let interpreter = |library: Library| {
        let mut command = Command::new(library.command().get_program());
        command.env("NODE_PATH", folder.join("node_modules"));
        command
    };
    let in_js = examples("js").into_iter().map(|code| (Library::Npm, code));
    let in_python = examples("python").into_iter().map(|code| (Library::PyPi, code));
    for (library, code) in in_js.chain(in_python) {
        let text = run_example(interpreter(library), &code);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let claims = verify(&key(), APP, "alice", text.trim(), now).unwrap();
        assert_eq!(claims.expires_at_s - claims.issued_at_s, 86_400, "{code}");
    }
}
