//! `tring doctor` and `tring health` on one machine: each thing that can be wrong is named with what to do, by the doctor
//! and, where the server sees it too, at its start. Networks with address translation: see `reach.rs`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use crate::common::serve::Running;
use crate::common::{Place, Said, tring};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Ports of a server that is to be, free a moment ago.
struct Ports {
    http: u16,
    rtmp: u16,
    udp: u16,
}

impl Ports {
    fn free() -> Self {
        let tcp = [0, 0].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let [http, rtmp] = tcp.each_ref().map(|l| l.local_addr().unwrap().port());
        Self { http, rtmp, udp: udp.local_addr().unwrap().port() }
    }
}

/// One server's place and options.
struct Scene {
    place: Place,
    ports: Ports,
    more: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        Self { place: Place::new(), ports: Ports::free(), more: Vec::new() }
    }

    fn with(more: &[&str]) -> Self {
        Self { more: more.iter().map(|&m| m.to_owned()).collect(), ..Self::new() }
    }

    fn command(&self, name: &str) -> Command {
        let mut command = tring();
        command.arg(name).arg("--data").arg(self.place.data());
        command.args(["--listen", &format!("127.0.0.1:{}", self.ports.http)]);
        command.args(["--rtmp-listen", &format!("127.0.0.1:{}", self.ports.rtmp)]);
        command.args(["--media-port", &self.ports.udp.to_string(), "--media-workers", "1"]);
        command.args(&self.more);
        command
    }

    fn doctor(&self, more: &[&str]) -> Said {
        self.command("doctor").args(more).output().unwrap().into()
    }

    /// Starts the server.
    fn serve(&self) -> Running {
        Running::start(self.command("serve").args(["--log", "info"]))
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }
}

/// Something is wrong, and one line marked so has all these texts.
#[track_caller]
fn wrong(said: &Said, texts: &[&str]) {
    assert_eq!(said.code, 1, "{said:?}");
    let mut lines = said.out.lines().filter(|line| line.starts_with("WRONG"));
    assert!(lines.any(|line| texts.iter().all(|t| line.contains(t))), "{texts:?} in {}", said.out);
}

#[test]
fn a_machine_on_which_nothing_runs_yet_is_looked_at_and_left_as_it_was() {
    let scene = Scene::new();
    let said = scene.doctor(&[]);
    assert_eq!(said.code, 0, "{said:?}");
    for text in [
        "no database yet",
        "no Tring server runs",
        &format!("TCP {}: free", scene.ports.http),
        &format!("UDP {}: free", scene.ports.udp),
    ] {
        assert!(said.out.contains(text), "{text:?} in {}", said.out);
    }
    // Where this machine gives reason for a warning (a container's address, few open files), the last line says so.
    let warned = said.out.lines().any(|line| line.starts_with("warn"));
    let last = said.out.trim_end().lines().last().unwrap();
    assert_eq!(last == "Nothing is wrong.", !warned, "{}", said.out);
    assert_eq!(last.contains("may be wrong: see the line"), warned, "{}", said.out);
    assert!(!scene.place.data().exists(), "the doctor makes no database");
    assert_eq!(std::fs::read_dir(scene.place.path()).unwrap().count(), 0, "and leaves no file");
}

#[test]
fn beside_a_running_server_its_ports_are_known_to_be_its_own_and_a_call_is_heard() {
    let scene = Scene::new();
    scene.place.create("shop");
    let _running = scene.serve();
    let said = scene.doctor(&["--media"]);
    assert_eq!(said.code, 0, "{said:?}");
    for text in [
        "apps: 1",
        &format!("TCP {}: held by Tring", scene.ports.http),
        &format!("TCP {}: held by Tring", scene.ports.rtmp),
        &format!("UDP {}: held by Tring", scene.ports.udp),
        "sound arrives both ways",
        "answers RTMP's handshake",
        "the server saw us at",
    ] {
        assert!(said.out.contains(text), "{text:?} in {}", said.out);
    }
    let json = scene.doctor(&["--media", "--json"]).json();
    assert_eq!(json["ok"], true);
    let probes = json["media"]["probes"].as_array().unwrap();
    assert!(!probes.is_empty());
    for probe in probes {
        assert_eq!(probe["reached"], "yes", "{probe}");
        assert!(probe["there"]["received"].as_u64().unwrap() >= 20, "{probe}");
        assert!(probe["back"]["received"].as_u64().unwrap() >= 20, "{probe}");
        assert_eq!(probe["seenFrom"], probe["local"], "{probe}");
    }
}

#[test]
fn a_port_that_another_program_has_is_named_with_the_program() {
    let scene = Scene::new();
    let _tcp = TcpListener::bind(("127.0.0.1", scene.ports.http)).unwrap();
    let _udp = UdpSocket::bind(("0.0.0.0", scene.ports.udp)).unwrap();
    let said = scene.doctor(&[]);
    let own = format!("process {}", std::process::id());
    wrong(&said, &[&format!("TCP {}", scene.ports.http), "another program", &own, "--listen"]);
    wrong(&said, &[&format!("UDP {}", scene.ports.udp), "another program", &own, "--media-port"]);
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let scene = Scene::new();
    let config = scene.place.path().join("tring.toml");
    std::fs::write(&config, "[media]\nworkers = 99\n").unwrap();
    let with_config = |args: &[&str]| -> Said {
        let mut command = tring();
        command.args(["doctor", "--config"]).arg(&config).args(args).output().unwrap().into()
    };
    wrong(&with_config(&[]), &["media.workers is 99", "1 to 64"]);
    std::fs::write(&config, "lisen = 1\n").unwrap();
    let said = with_config(&[]);
    assert!(said.code == 1 && said.out.contains("lisen"), "{said:?}");
    let file = scene.place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let said: Said = tring().args(["doctor", "--data"]).arg(&file).output().unwrap().into();
    wrong(&said, &["data folder", &file.display().to_string(), "--data"]);
}

#[test]
fn a_wrong_address_is_named_by_the_doctor_and_at_the_start() {
    let scene = Scene::with(&["--advertise", "198.51.100.9"]);
    let texts = ["media.advertise", "198.51.100.9", "no client reaches it", "Give ip or ip:port"];
    wrong(&scene.doctor(&[]), &texts);
    scene.serve().logs(&[&["ERROR"][..], &texts].concat());
    let other = Scene::with(&["--advertise", "8.8.4.4:40000"]);
    let said = other.doctor(&[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("UDP port 40000 of it are forwarded"), "{}", said.out);
    // What a compose file passes on when nothing was set.
    let unset: Said = scene_without(&scene).env("TRING_ADVERTISE", "").output().unwrap().into();
    assert!(!unset.out.contains("is no address"), "{}", unset.out);
}

fn scene_without(scene: &Scene) -> Command {
    let mut command = tring();
    command.args(["doctor", "--media-port", "0", "--data"]).arg(scene.place.data());
    command
}

#[test]
fn a_certificate_that_is_not_there_is_named() {
    let scene = Scene::new();
    let config = scene.place.path().join("tring.toml");
    std::fs::write(&config, "[tls]\ncert = \"/nonexistent/cert.pem\"\nkey = \"/nonexistent/key.pem\"\n")
        .unwrap();
    wrong(
        &scene.doctor(&["--config", config.to_str().unwrap()]),
        &["https", "tls.cert", "/nonexistent/cert.pem"],
    );
    std::fs::write(&config, "[tls]\ncert = \"cert.pem\"\n").unwrap();
    let said = scene.doctor(&["--config", config.to_str().unwrap()]);
    wrong(&said, &["tls.cert is given without tls.key"]);
}

#[test]
fn a_clock_behind_the_data_is_named_by_the_doctor_and_at_the_start() {
    let scene = Scene::new();
    scene.place.create("shop");
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3600 + 60);
    let file = std::fs::File::create(scene.place.data().join("written-tomorrow")).unwrap();
    file.set_modified(tomorrow).unwrap();
    let texts = ["clock", "written-tomorrow was written 24 hours in the future", "UserSigs"];
    wrong(&scene.doctor(&[]), &texts);
    scene.serve().logs(&texts);
}

#[test]
fn health_is_told_by_the_exit_code() {
    let scene = Scene::new();
    let health = || -> Said { scene.command("health").output().unwrap().into() };
    health().failed(&["cannot be reached", &scene.ports.http.to_string()]);
    let _running = scene.serve();
    assert_eq!(health().done(), "ok\n");
    let by_url: Said = tring().args(["health", "--server", &scene.url()]).output().unwrap().into();
    assert_eq!(by_url.done(), "ok\n");
}

#[test]
fn a_key_that_is_another_is_named() {
    let scene = Scene::new();
    let app = scene.place.create("shop");
    let other = scene.place.create("other");
    let _running = scene.serve();
    let key = scene.place.path().join("key");
    std::fs::write(&key, other["secretKey"].as_str().unwrap()).unwrap();
    let (url, id, path) = (scene.url(), app["sdkAppID"].to_string(), key.to_str().unwrap());
    let ask = |more: &[&str]| -> Said {
        tring().args(["doctor", "--media", "--server", &url]).args(more).output().unwrap().into()
    };
    wrong(&ask(&["--app", &id, "--key-file", path]), &["sign-in", "--key-file"]);
    wrong(&ask(&[]), &["sign-in", "--usersig"]);
    let sign = |user: &str| {
        let args = ["usersig", "sign", "--app", &id, "--user", user];
        format!("{user}={}", scene.place.run(&args).done().trim())
    };
    let said = ask(&["--app", &id, "--usersig", &sign("a"), "--usersig", &sign("b")]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("sound arrives both ways"), "{}", said.out);
}

#[test]
fn over_https_the_doctor_calls_too_and_says_why_a_certificate_is_not_taken() {
    let tls = Ports::free().http;
    let scene = Scene::with(&["--tls-listen", &format!("127.0.0.1:{tls}")]);
    let app = scene.place.create("shop");
    let _running = scene.serve();
    let key = scene.place.path().join("key");
    std::fs::write(&key, app["secretKey"].as_str().unwrap()).unwrap();
    let id = app["sdkAppID"].to_string();
    let ca = scene.place.data().join("ca/ca.crt");
    let ask = |url: &str, more: &[&str]| -> Said {
        let mut command = tring();
        command.args(["doctor", "--media", "--server", url, "--app", &id]).args(more);
        command.arg("--key-file").arg(&key).output().unwrap().into()
    };
    let secure = format!("https://127.0.0.1:{tls}");
    wrong(&ask(&secure, &[]), &["https", "from nobody that this machine trusts", "--ca"]);
    let with_ca = ask(&secure, &["--ca", ca.to_str().unwrap()]);
    assert_eq!(with_ca.code, 0, "{with_ca:?}");
    assert!(with_ca.out.contains("sound arrives both ways"), "{}", with_ca.out);
    wrong(&ask(&format!("https://127.0.0.1:{}", scene.ports.http), &[]), &["no TLS", "http://"]);
}

/// A proxy that changes heads on their way: of requests, and of answers. Serves until the test ends.
fn proxy(
    to: SocketAddr,
    request: impl Fn(String) -> String + Send + Sync + 'static,
    answer: impl Fn(String) -> String + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let change = std::sync::Arc::new((request, answer));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let change = change.clone();
            std::thread::spawn(move || {
                let server = TcpStream::connect(to).unwrap();
                let (mut from_client, mut to_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                let up = change.clone();
                std::thread::spawn(move || pass(&mut from_client, &mut to_server, &up.0));
                let (mut from_server, mut to_client) = (server, client);
                pass(&mut from_server, &mut to_client, &change.1);
            });
        }
    });
    url
}

/// Passes on a head with changes, and what follows as it is.
fn pass(from: &mut TcpStream, to: &mut TcpStream, change: &dyn Fn(String) -> String) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match from.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let _ = to.write_all(change(String::from_utf8(head).unwrap()).as_bytes());
    let _ = std::io::copy(from, to);
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn a_server_whose_clock_is_a_day_off_is_named() {
    let scene = Scene::new();
    let _running = scene.serve();
    let to = SocketAddr::from(([127, 0, 0, 1], scene.ports.http));
    // The day before: any day of the month but the first has one, and for that a day of last month will do.
    let a_day_off = |head: String| {
        let mut lines: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
        let date = lines.iter_mut().find(|line| line.to_lowercase().starts_with("date:")).unwrap();
        let day: u32 = date[11..13].parse().unwrap();
        let other = if day > 1 { day - 1 } else { day + 1 };
        date.replace_range(11..13, &format!("{other:02}"));
        lines.join("\r\n")
    };
    let said: Said =
        tring().args(["doctor", "--server", &proxy(to, |h| h, a_day_off)]).output().unwrap().into();
    assert_eq!(said.code, 1, "{said:?}");
    let named = said.out.contains("24 hours behind")
        || said.out.contains("24 hours ahead of")
        || said.out.contains("23 hours ahead of");
    assert!(named && said.out.contains("timedatectl"), "{}", said.out);
    let right: Said = tring().args(["doctor", "--server", &proxy(to, |h| h, |h| h)]).output().unwrap().into();
    assert_eq!(right.code, 0, "{right:?}");
    assert!(right.out.contains("clock and this machine's agree"), "{}", right.out);
}

#[test]
fn a_proxy_that_passes_no_websocket_is_named_with_what_it_must_pass() {
    let scene = Scene::new();
    let app = scene.place.create("shop");
    let _running = scene.serve();
    let key = scene.place.path().join("key");
    std::fs::write(&key, app["secretKey"].as_str().unwrap()).unwrap();
    let to = SocketAddr::from(([127, 0, 0, 1], scene.ports.http));
    let without_upgrade = |head: String| {
        let lines = head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("upgrade:"));
        lines.collect::<Vec<_>>().join("\r\n")
    };
    let url = proxy(to, without_upgrade, |h| h);
    let id = app["sdkAppID"].to_string();
    let args = ["doctor", "--media", "--server", &url, "--app", &id, "--key-file", key.to_str().unwrap()];
    let said: Said = tring().args(args).output().unwrap().into();
    wrong(&said, &["websocket", "/v1/socket", "Upgrade", "proxy"]);
}

#[test]
fn what_is_no_tring_server_is_told_from_what_does_not_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    });
    let ask = || -> Said { tring().args(["doctor", "--server", &url]).output().unwrap().into() };
    wrong(&ask(), &["is no Tring server"]);
    other.join().unwrap();
    wrong(&ask(), &["cannot be reached", "TCP"]);
}

#[test]
fn each_command_has_a_help_text_of_its_own() {
    let help = |args: &[&str]| -> String {
        let said: Said = tring().args(args).arg("--help").output().unwrap().into();
        said.done()
    };
    for (command, texts) in [
        ("doctor", ["Without --server it looks at this machine", "WRONG", "Exit code: 0 nothing is WRONG"]),
        (
            "health",
            ["It prints `ok`", "the same settings on this machine", "Exit code: 0 it can carry calls"],
        ),
        ("serve", ["Everything has a default", "on UDP ports from 7700", "Options win over"]),
    ] {
        let text = help(&[command]).replace('\n', " ");
        for wanted in texts {
            assert!(text.contains(wanted), "tring {command} --help: {wanted:?} in {text}");
        }
    }
    assert!(!help(&["health"]).contains("Say what is wrong"));
    // What they share with the server is apart, below what they do themselves.
    for command in ["doctor", "health"] {
        let text = help(&[command]);
        let (own, servers) = text.split_once("Settings of the server that is looked at").unwrap();
        assert!(own.contains("--server") && !own.contains("--demo "), "{own}");
        assert!(
            servers.contains("--demo") && servers.contains("--config") && !servers.contains("--server "),
            "{servers}"
        );
    }
}
