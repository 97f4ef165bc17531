//! `tring serve`: that it starts, that a running server and the command share a database, and each way not to start.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;
use common::{Place, Said, tring};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio_tungstenite::tungstenite::Message;

/// `tring serve` on ports that the system chooses. Warnings about the machine (its limit of open files) are not logged:
/// what is said here must be the failure alone.
fn serve(data: &Path) -> Command {
    serve_with_log(data, "error")
}

fn serve_with_log(data: &Path, log: &str) -> Command {
    let mut command = tring();
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--media-port",
        "0",
        "--rtmp-listen",
        "127.0.0.1:0",
        "--log",
        log,
    ]);
    command.arg("--data").arg(data);
    command
}

/// A server that is stopped with the test.
struct Running(Child);

impl Running {
    /// Starts, and waits until it says that it runs.
    fn start(mut command: Command) -> (Self, String) {
        let mut running = Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let mut out = BufReader::new(running.0.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            if out.read_line(&mut said).unwrap() == 0 {
                let mut err = String::new();
                running.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
                panic!("it ended before it ran: {said}{err}");
            }
        }
        (running, said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn fails(mut command: Command) -> Said {
    command.output().unwrap().into()
}

#[test]
fn with_demo_it_makes_its_app_and_says_where_to_click() {
    let place = Place::new();
    let mut command = serve(&place.data());
    command.arg("--demo");
    let (_running, said) = Running::start(command);
    let apps = place.run(&["app", "list", "--json"]).json();
    assert_eq!(apps.as_array().unwrap().len(), 1);
    assert_eq!(apps[0]["name"], "demo");
    assert!(said.contains("http://"), "{said}");
    assert!(said.contains(&apps[0]["sdkAppID"].to_string()), "{said}");
}

#[test]
fn a_terminal_that_is_gone_is_no_reason_to_fail() {
    let place = Place::new();
    // Nobody reads what it prints from here on.
    let (mut running, _) = Running::start(serve(&place.data()));
    let stopped = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn without_demo_there_is_no_app_until_one_is_made_beside_the_running_server() {
    let place = Place::new();
    let (_running, said) = Running::start(serve(&place.data()));
    assert!(said.contains("tring app create"), "{said}");
    assert_eq!(place.run(&["app", "list", "--json"]).json(), serde_json::json!([]));
    assert!(place.run(&["app", "list"]).done().contains("tring app create"));
    place.create("shop");
    assert_eq!(place.run(&["app", "list", "--json"]).json()[0]["name"], "shop");
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = tring();
    command
        .args([
            "serve",
            "--listen",
            &address,
            "--media-port",
            "0",
            "--rtmp-listen",
            "127.0.0.1:0",
            "--log",
            "error",
        ])
        .arg("--data")
        .arg(place.data());
    fails(command).failed(&[&address, "--listen"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
    let place = Place::new();
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    fails(serve(&file)).failed(&[&file.display().to_string(), "--data"]);
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_with_what_to_do() {
    let place = Place::new();
    let missing = place.path().join("nosuch.pem");
    let mut command = serve(&place.data());
    command.arg("--tls-cert").arg(&missing).arg("--tls-key").arg(&missing);
    fails(command).failed(&["tls.cert", "nosuch.pem", "tls.key", "Check the path"]);
    let mut command = serve(&place.data());
    command.arg("--tls-cert").arg(&missing);
    fails(command).failed(&["tls.cert is given without tls.key"]);
}

#[test]
fn a_wrong_setting_is_named() {
    let place = Place::new();
    let config = place.path().join("tring.toml");
    std::fs::write(&config, "[calls]\nring_grace_s = 0\n").unwrap();
    let with_config = |path: &Path| {
        let mut command = serve(&place.data());
        command.arg("--config").arg(path);
        fails(command)
    };
    with_config(&config).failed(&["calls.ring_grace_s", "1 to 120"]);
    with_config(&place.path().join("nosuch.toml")).failed(&["nosuch.toml", "--config"]);
    std::fs::write(&config, "lisen = 1\n").unwrap();
    let said = with_config(&config);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("lisen"), "{}", said.err);
    let mut command = serve(&place.data());
    command.args(["--media-workers", "0"]);
    fails(command).failed(&["media.workers is 0", "1 to 64"]);
    assert!(!place.data().exists());
}

#[test]
fn options_win_over_the_configuration_file() {
    let place = Place::new();
    let config = place.path().join("tring.toml");
    std::fs::write(&config, "listen = \"192.0.2.1:1\"\ndata = \"/dev/null/nowhere\"\n").unwrap();
    let mut command = serve(&place.data());
    command.arg("--config").arg(&config);
    let (_running, _) = Running::start(command);
    assert!(place.data().is_dir());
}

/// Asks the demo's signer. Returns the body.
fn post(address: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn no_user_sig_no_ticket_and_no_api_secret_is_in_the_log_whatever_is_logged() {
    let place = Place::new();
    let mut command = serve_with_log(&place.data(), "trace,tungstenite=trace,hyper=trace");
    command.arg("--demo");
    let (mut running, said) = Running::start(command);
    // Read as it comes: nobody writes into a full pipe.
    let mut err = running.0.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = err.read_to_string(&mut text);
        text
    });
    let address = said.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let shop = place.create("shop");
    let signed: Value =
        serde_json::from_str(&post(&address, "/demo/usersig", "", r#"{"userID":"alice"}"#)).unwrap();
    let api_secret = shop["apiSecret"].as_str().unwrap();
    post(
        &address,
        "/v1/usersig",
        &format!("Authorization: Bearer {api_secret}\r\n"),
        r#"{"sdkAppID":1,"userID":"a"}"#,
    );
    let sig = signed["userSig"].as_str().unwrap();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ticket = runtime.block_on(async {
        let mut login = signed.clone();
        login.as_object_mut().unwrap().extend(
            serde_json::json!({ "id": 1, "type": "login", "protocol": 1, "device": { "kind": "web" } })
                .as_object()
                .unwrap()
                .clone(),
        );
        let ask = async |text: String| -> Value {
            let url = format!("ws://{address}/v1/socket");
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            socket.send(Message::text(text)).await.unwrap();
            serde_json::from_str(&socket.next().await.unwrap().unwrap().into_text().unwrap()).unwrap()
        };
        let ticket = ask(login.to_string()).await["ok"]["ticket"].as_str().unwrap().to_owned();
        let resume =
            serde_json::json!({ "id": 2, "type": "resume", "protocol": 1, "ticket": ticket, "lastSeq": 0 });
        assert_eq!(ask(resume.to_string()).await["ok"]["resumed"], true);
        ask(login.to_string().replace(sig, &format!("{sig}x"))).await;
        ticket
    });
    drop(running);
    let log = log.join().unwrap();
    assert!(log.contains("signed in") && log.contains("resumed"), "it is logged: {log}");
    for secret in [sig, &ticket, api_secret] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
