//! `tring serve`: that it starts, that a running server and the command share a database, and each way not to start.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use crate::common::serve::{Running, ask};
use crate::common::{self, Place, Said, tring};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use tokio_tungstenite::tungstenite::Message;

/// `tring serve` on this data folder; what it says is a failure alone.
fn serve(data: &Path) -> Command {
    common::serve::serve(data, "error")
}

/// Whether the last line of the start is there: what to open, or how to make an app.
fn has_ended(said: &str) -> bool {
    let Some((_, after)) = said.split_once("Ctrl-C") else { return false };
    let is_last =
        |line: &str| line.starts_with("http") && line.ends_with('/') || line.starts_with("tring app create");
    after.lines().any(|line| is_last(line.trim()))
}

/// Starts, and waits for the last line of the start.
fn start(mut command: Command) -> Running {
    Running::start_until(&mut command, has_ended)
}

fn fails(mut command: Command) -> Said {
    command.output().unwrap().into()
}

#[test]
fn with_demo_it_makes_its_app_and_says_where_to_click() {
    let place = Place::new();
    let mut command = serve(&place.data());
    command.arg("--demo");
    let running = start(command);
    let said = &running.said;
    let apps = place.run(&["app", "list", "--json"]).json();
    assert_eq!(apps.as_array().unwrap().len(), 1);
    assert_eq!(apps[0]["name"], "demo");
    assert!(said.contains("http://"), "{said}");
    assert!(said.contains(&apps[0]["sdkAppID"].to_string()), "{said}");
}

#[test]
fn what_to_open_is_below_the_log_of_the_start() {
    let place = Place::new();
    let config = place.path().join("tring.toml");
    std::fs::write(&config, "metrics_listen = \"127.0.0.1:0\"\n").unwrap();
    // Both streams into one, as in a terminal.
    let mut command = Command::new("sh");
    let server = common::serve::serve(&place.data(), "info");
    command.arg("-c").arg("exec \"$0\" \"$@\" 2>&1").arg(server.get_program()).args(server.get_args());
    for (name, _) in server.get_envs() {
        command.env_remove(name);
    }
    command.arg("--demo").arg("--config").arg(&config);
    let running = start(command);
    let (log, ending) = running.said.split_at(running.said.find("Tring is running.").unwrap());
    assert!(
        log.contains("a local CA was made") && log.contains("metrics page"),
        "the start is logged: {log}"
    );
    let last = ending.lines().last().unwrap().trim();
    assert!(last.starts_with("http://localhost:") && last.ends_with('/'), "{ending}");
    assert!(!ending.contains("INFO") && !ending.contains("WARN"), "{ending}");
    // It serves, and nothing of the start comes later.
    let address = last.trim_start_matches("http://").trim_end_matches('/');
    assert!(get(address, "/healthz").contains("ok"));
    assert_eq!(running.stop().out.trim(), "stopping: calls end, clients are told");
}

/// Each line of a text is an object; gives them.
#[track_caller]
fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?} in {text}"));
    let lines: Vec<Value> = text.lines().map(parse).collect();
    for line in &lines {
        for name in ["timestamp", "level", "target"] {
            assert!(line[name].is_string(), "{name} of {line}");
        }
        assert!(line["fields"].is_object(), "{line}");
    }
    lines
}

#[test]
fn with_log_json_all_that_a_running_server_says_is_json() {
    let place = Place::new();
    let mut command = common::serve::serve(&place.data(), "debug");
    let running = Running::start_until(command.args(["--demo", "--log-json"]), |said| said.ends_with('\n'));
    let mut said = running.said.clone();
    let first = &json_lines(&said)[0]["fields"];
    assert_eq!(first["message"], "running");
    assert_eq!(first["dataFolder"], place.data().display().to_string());
    assert_eq!(first["demoApp"], place.run(&["app", "list", "--json"]).json()[0]["sdkAppID"]);
    let address =
        first["open"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert!(get(&address, "/healthz").contains("ok"));
    // An RTMP client that speaks no RTMP, and a request that is none: what is logged of them is JSON too.
    let rtmp = first["rtmp"].as_str().unwrap();
    TcpStream::connect(rtmp).unwrap().write_all(&[9; 4000]).unwrap();
    TcpStream::connect(&address).unwrap().write_all(b"no HTTP\r\n\r\n").unwrap();
    let ended = running.stop();
    said += &ended.out;
    let messages: Vec<_> = json_lines(&said).iter().map(|l| l["fields"]["message"].clone()).collect();
    assert_eq!(messages, ["running", "stopping"]);
    let log = json_lines(&ended.log);
    assert!(log.iter().any(|line| line["fields"]["message"] == "a local CA was made"), "{log:?}");
}

#[test]
fn with_log_json_each_failure_to_start_is_json() {
    let place = Place::new();
    let config = place.path().join("wrong.toml");
    std::fs::write(&config, "lisen = 1\nlog = 2\n").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let config = config.to_str().unwrap();
    for (options, code, part) in [
        (&["--config", config][..], 1, "lisen"),
        (&["--config", "nosuch.toml"], 1, "nosuch.toml"),
        (&["--metrics"], 2, "--metrics"),
        (&["--media-port", "many"], 2, "many"),
        (&["--tls-cert", "nosuch.pem"], 1, "tls.key"),
        (&["--log", "tring=loud"], 1, "--log"),
    ] {
        let mut command = tring();
        command.args(["serve", "--log-json", "--listen", &taken]).args(options);
        command.arg("--data").arg(place.data());
        let said = fails(command);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{options:?}: {said:?}");
        let lines = json_lines(&said.err);
        let last = lines.last().unwrap();
        assert_eq!(last["level"], "ERROR");
        assert!(last["fields"]["message"].as_str().unwrap().contains(part), "{options:?}: {last}");
    }
    // The port, once all the rest is right.
    let mut command = tring();
    command.args([
        "serve",
        "--log-json",
        "--listen",
        &taken,
        "--media-port",
        "0",
        "--rtmp-listen",
        "127.0.0.1:0",
    ]);
    command.arg("--data").arg(place.data());
    let said = fails(command);
    let lines = json_lines(&said.err);
    assert!(lines.last().unwrap()["fields"]["message"].as_str().unwrap().contains(&taken), "{said:?}");
}

#[test]
fn a_server_without_an_app_names_its_folder_and_an_app_names_the_server_that_has_it() {
    let place = Place::new();
    let here = place.data().display().to_string();
    let other = place.path().join("other");
    let created: Said =
        tring().args(["app", "create", "shop"]).arg("--data").arg(&other).output().unwrap().into();
    let created = created.done();
    let other = other.display().to_string();
    assert!(created.contains(&format!("data folder   {other} (with a new database)")), "{created}");
    assert!(created.contains(&format!("tring serve --data {other}")), "{created}");

    let running = start(common::serve::serve(&place.data(), "warn"));
    let said = &running.said;
    assert!(said.contains(&format!("{here} (apps: 0)")), "{said}");
    assert!(said.trim_end().ends_with(&format!("tring app create NAME --data {here}")), "{said}");
    let log = running.kill();
    assert!(log.contains("nobody can sign in") && log.contains(&here), "{log}");

    // What was printed is what serves it.
    let running = start(serve(Path::new(&other)));
    let said = &running.said;
    assert!(said.contains(&format!("{other} (apps: 1)")) && !said.contains("app create"), "{said}");
}

#[test]
fn every_command_finds_the_data_folder_as_the_server_does() {
    let place = Place::new();
    let config = place.path().join("tring.toml");
    let folder = place.path().join("there");
    std::fs::write(&config, format!("data = {folder:?}\n")).unwrap();
    let run =
        |args: &[&str]| -> Said { tring().args(args).arg("--config").arg(&config).output().unwrap().into() };
    let created = run(&["app", "create", "shop", "--json"]).json();
    assert_eq!(created["dataFolder"], folder.display().to_string());
    assert_eq!(run(&["app", "list", "--json"]).json()[0]["name"], "shop");
    run(&["usersig", "sign", "--app", "shop", "--user", "alice"]).done();
    assert!(
        run(&["app", "create", "two"]).done().contains(&format!("tring serve --config {}", config.display()))
    );
    // By the variable; and the nearer one wins, as at the server.
    let by_variable = |data: Option<&Path>| -> Said {
        let mut command = tring();
        command.args(["app", "list", "--json"]).env("TRING_CONFIG", &config);
        if let Some(data) = data {
            command.env("TRING_DATA", data);
        }
        command.output().unwrap().into()
    };
    assert_eq!(by_variable(None).json().as_array().unwrap().len(), 2);
    by_variable(Some(&place.data())).failed(&[&place.data().display().to_string()]);
    let missing: Said = tring().args(["app", "list", "--config", "nosuch.toml"]).output().unwrap().into();
    missing.failed(&["nosuch.toml"]);
}

#[test]
fn the_printed_configuration_starts_a_server_as_it_is() {
    let place = Place::new();
    let printed = place.run(&["config"]).done();
    assert_eq!(printed, tring_server::SAMPLE_CONFIG);
    let config = place.path().join("tring.toml");
    std::fs::write(&config, printed).unwrap();
    let mut command = serve(&place.data());
    command.arg("--config").arg(&config);
    let running = start(command);
    let said = &running.said;
    assert!(said.contains("Tring is running"), "{said}");
}

#[test]
fn a_terminal_that_is_gone_is_no_reason_to_fail() {
    let place = Place::new();
    // Nobody reads what it prints from here on.
    let mut running = start(serve(&place.data()));
    running.close_output();
    running.stop();
}

#[test]
fn without_demo_there_is_no_app_until_one_is_made_beside_the_running_server() {
    let place = Place::new();
    let running = start(serve(&place.data()));
    let said = &running.said;
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
    let _running = start(command);
    assert!(place.data().is_dir());
}

/// Asks the demo's signer. Returns the body.
fn post(address: &str, path: &str, headers: &str, body: &str) -> String {
    ask(address, "POST", path, headers, body).1
}

fn get(address: &str, path: &str) -> String {
    ask(address, "GET", path, "", "").1
}

#[test]
fn the_demo_signs_for_pages_of_this_machine_and_of_no_other() {
    let place = Place::new();
    let mut command = serve(&place.data());
    command.arg("--demo");
    let running = start(command);
    let address = running.http();
    let from = |method: &str, origin: &str| {
        let origin = format!("Origin: {origin}\r\n");
        ask(address, method, "/demo/usersig", &origin, r#"{"userID":"carol"}"#).0
    };
    for method in ["POST", "OPTIONS"] {
        let local = from(method, "http://localhost:5173");
        assert!(local.starts_with("http/1.1 20"), "{local}");
        assert!(local.contains("\r\naccess-control-allow-origin: http://localhost:5173\r\n"), "{local}");
        for foreign in ["https://example.com", "null"] {
            let head = from(method, foreign);
            assert!(!head.contains("access-control-allow-origin"), "{method} {foreign}: {head}");
        }
    }
}

#[test]
fn no_user_sig_no_ticket_and_no_api_secret_is_in_the_log_whatever_is_logged() {
    let place = Place::new();
    let mut command = common::serve::serve(&place.data(), "trace,tungstenite=trace,hyper=trace");
    command.arg("--demo");
    let running = start(command);
    let address = running.http().to_owned();
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
    let log = running.kill();
    assert!(log.contains("signed in") && log.contains("resumed"), "it is logged: {log}");
    for secret in [sig, &ticket, api_secret] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
