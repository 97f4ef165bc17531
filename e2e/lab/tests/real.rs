//! The laboratory as others use it: the program, real sockets in its hosts, and known figures.
//!
//! A probe is this very test again in a role, run in a host. It works as root, or for an ordinary user where user
//! namespaces are allowed; elsewhere each test says that it was left out, and fails if `CI=true`.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const ROLE: &str = "TRING_LAB_ROLE";
const ARGUMENTS: &str = "TRING_LAB_ARGUMENTS";
/// Marks the lines of a role among those of the test harness.
const MARK: &str = "@@";
/// A receiver that hears nothing for this long has heard all: longer than any queue and delay of these tests.
const QUIET: Duration = Duration::from_millis(1500);
/// Longest wait for anything that must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// IPv4 and UDP headers, which links count too.
const HEADERS: usize = 28;

/// Bytes of a TCP stream: many segments, which the kernel would hand on as one where it may.
const BY_TCP: usize = 500_000;

/// A running `tring-lab`.
struct Lab {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    hosts: Value,
}

impl Lab {
    /// Nothing where namespaces are not allowed.
    fn start(topology: &Value) -> Option<Self> {
        let allowed = ["-n", "-Urn"].into_iter().any(|flags| {
            let tried = Command::new("unshare").args([flags, "ip", "link"]).output();
            tried.is_ok_and(|output| output.status.success())
        });
        if !allowed {
            let why = "left out: network namespaces are not allowed here (needs root, or unprivileged user namespaces)";
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
            println!("{why}");
            return None;
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_tring-lab"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut lab = Self { input: child.stdin.take(), child, output, hosts: Value::Null };
        let ready = lab.ask(topology);
        assert_eq!(ready["ready"], true, "{ready}");
        lab.hosts = ready["hosts"].clone();
        Some(lab)
    }

    fn say(&mut self, line: &str) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).expect("a line of JSON")
    }

    fn ask(&mut self, command: &Value) -> Value {
        self.say(&command.to_string())
    }

    fn done(&mut self, command: Value) {
        let answer = self.ask(&command);
        assert_eq!(answer["ok"], true, "{command}: {answer}");
    }

    /// A host's counts of a direction.
    fn counts(&mut self, host: &str, direction: &str) -> impl Fn(&str) -> u64 + use<> {
        let stats = self.ask(&json!({ "stats": true }));
        assert_eq!(stats["refused"], 0);
        let counts = stats["hosts"][host][direction].clone();
        move |name| counts[name].as_u64().expect(name)
    }

    fn pids(&self) -> Vec<u64> {
        self.hosts.as_object().unwrap().values().map(|host| host["pid"].as_u64().unwrap()).collect()
    }

    /// This test in a role, in a host.
    fn role(&self, host: &str, role: &str, arguments: &Value) -> Role {
        let enter: Vec<_> =
            self.hosts[host]["enter"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        let mut child = Command::new(enter[0])
            .args(&enter[1..])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "role", "--nocapture"])
            .env(ROLE, role)
            .env(ARGUMENTS, arguments.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Role { child, output }
    }

    /// Sends packets of so many bytes (of IP) from one host to another, and gives what arrived.
    fn send(
        &self,
        from: &str,
        to: &str,
        address: &str,
        packets: usize,
        bytes: usize,
        gap_us: u64,
    ) -> Vec<Arrival> {
        let at = format!("{address}:7000");
        let mut receiver = self.role(to, "receive", &json!({ "at": "0.0.0.0:7000" }));
        assert_eq!(receiver.hear(), json!("bound"));
        let payload = bytes - HEADERS;
        let mut sender = self.role(
            from,
            "send",
            &json!({ "to": at, "packets": packets, "bytes": payload, "gap_us": gap_us }),
        );
        assert_eq!(sender.hear(), json!("sent"));
        let arrivals = receiver.hear();
        let number = |value: &Value, n: usize| value[n].as_u64().unwrap();
        let arrival =
            |a: &Value| Arrival { number: number(a, 0), sent_us: number(a, 1), at_us: number(a, 2) };
        arrivals.as_array().unwrap().iter().map(arrival).collect()
    }

    /// Waits for its end, which must be a clean one.
    fn end(&mut self) {
        drop(self.input.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A packet that arrived.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    number: u64,
    sent_us: u64,
    at_us: u64,
}

impl Arrival {
    fn delay_us(self) -> u64 {
        self.at_us - self.sent_us
    }
}

fn numbers(arrivals: &[Arrival]) -> BTreeSet<u64> {
    arrivals.iter().map(|arrival| arrival.number).collect()
}

struct Role {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Role {
    fn hear(&mut self) -> Value {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            // The harness may have begun the line.
            if let Some((_, text)) = line.split_once(MARK) {
                return serde_json::from_str(text).unwrap();
            }
            line.clear();
        }
        panic!("a role has ended without a word");
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tell(line: &Value) {
    println!("{MARK}{line}");
    std::io::stdout().flush().unwrap();
}

/// The same clock in all hosts.
fn now_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

/// No test of its own: what the tests run in hosts.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let arguments: Value = serde_json::from_str(&std::env::var(ARGUMENTS).unwrap()).unwrap();
    let text = |name: &str| arguments[name].as_str().unwrap().to_owned();
    let number = |name: &str| arguments[name].as_u64().unwrap();
    match role.as_str() {
        "receive" => receive(&text("at")),
        "send" => send(&text("to"), number("packets"), number("bytes") as usize, number("gap_us")),
        "accept" => {
            let listener = TcpListener::bind(text("at")).unwrap();
            tell(&json!("bound"));
            let (mut stream, _) = listener.accept().unwrap();
            std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
        }
        "connect" => {
            let mut stream = TcpStream::connect_timeout(&text("to").parse().unwrap(), PATIENCE).unwrap();
            let sent: Vec<u8> = (0..BY_TCP).map(|n| (n / 7) as u8).collect();
            let (mut output, copy) = (stream.try_clone().unwrap(), sent.clone());
            let writer = std::thread::spawn(move || output.write_all(&copy).unwrap());
            let mut heard = vec![0; BY_TCP];
            stream.read_exact(&mut heard).unwrap();
            writer.join().unwrap();
            assert!(heard == sent, "what comes back is what was sent");
            tell(&json!("echoed"));
        }
        other => panic!("no role {other}"),
    }
}

fn receive(at: &str) {
    let socket = UdpSocket::bind(at).unwrap();
    tell(&json!("bound"));
    let mut arrivals = Vec::new();
    let mut buffer = [0; 2048];
    // The sender may take its time to start.
    let began = Instant::now();
    socket.set_read_timeout(Some(QUIET)).unwrap();
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let field = |at: usize| u64::from_be_bytes(buffer[at..at + 8].try_into().unwrap());
                assert!(length >= 16);
                arrivals.push(json!([field(0), field(8), now_us()]));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if !arrivals.is_empty() || began.elapsed() > 2 * QUIET {
                    return tell(&json!(arrivals));
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn send(to: &str, packets: u64, bytes: usize, gap_us: u64) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let mut payload = vec![0; bytes];
    for number in 0..packets {
        payload[..8].copy_from_slice(&number.to_be_bytes());
        payload[8..16].copy_from_slice(&now_us().to_be_bytes());
        socket.send_to(&payload, to).unwrap();
        if gap_us > 0 {
            std::thread::sleep(Duration::from_micros(gap_us));
        }
    }
    tell(&json!("sent"));
}

const B: &str = "10.9.0.3";

fn two(up: &str, down: &str) -> Value {
    json!({ "hosts": { "a": { "up": up }, "b": { "down": down } } })
}

#[test]
fn delays_add_up_and_nothing_is_early() {
    let Some(mut lab) = Lab::start(&two("delay=20ms", "delay=30ms jitter=5ms")) else { return };
    let out = lab.send("a", "b", B, 200, 200, 1000);
    assert_eq!(out.len(), 200);
    assert!(out.is_sorted_by_key(|arrival| arrival.number));
    let least = out.iter().map(|arrival| arrival.delay_us()).min().unwrap();
    // A busy machine is late with some packets, not with each.
    assert!((50_000..300_000).contains(&least), "{least} µs");
    assert!(lab.counts("b", "down")("longest_us") >= 30_000);
    // The way back is not delayed.
    let back = lab.send("b", "a", "10.9.0.2", 50, 200, 1000);
    let least = back.iter().map(|arrival| arrival.delay_us()).min().unwrap();
    assert!(least < 50_000, "{least} µs");
}

#[test]
fn loss_is_counted_has_its_share_and_is_the_seeds() {
    let mut runs = Vec::new();
    for (seed, text) in [(3, "loss=10%"), (3, "loss=10%"), (4, "loss=10%"), (3, "loss=10% burst=5")] {
        let mut topology = two(text, "");
        topology["seed"] = seed.into();
        let Some(mut lab) = Lab::start(&topology) else { return };
        let arrived = numbers(&lab.send("a", "b", B, 1000, 100, 200));
        let count = lab.counts("a", "up");
        assert_eq!((count("packets"), count("bytes")), (1000, 100_000));
        assert_eq!(arrived.len() as u64, count("delivered"));
        assert_eq!(count("lost") + count("delivered"), 1000);
        runs.push(arrived);
    }
    let lost: Vec<_> = runs.iter().map(|run| 1000 - run.len()).collect();
    // Of independent losses four standard deviations are 38; of bursts more.
    assert!(lost[..3].iter().all(|lost| (60..140).contains(lost)), "{lost:?}");
    assert!((40..220).contains(&lost[3]), "{lost:?}");
    assert_eq!(runs[0], runs[1], "the same seed loses the same packets");
    assert_ne!(runs[0], runs[2]);
    let bursts =
        |run: &BTreeSet<u64>| (1..1000).filter(|n| !run.contains(n) && run.contains(&(n - 1))).count();
    let mean = |n: usize| lost[n] as f64 / bursts(&runs[n]) as f64;
    assert!(mean(0) < 1.5 && mean(3) > 2.5, "runs of {} and {}", mean(0), mean(3));
}

#[test]
fn a_rate_holds_and_a_full_queue_drops_its_tail() {
    let Some(mut lab) = Lab::start(&two("", "rate=500kbps queue=20000ms")) else { return };
    let out = lab.send("a", "b", B, 150, 1000, 0);
    assert_eq!(out.len(), 150);
    let span = out[out.len() - 1].at_us - out[0].at_us;
    let kbps = 149.0 * 8000.0 * 1000.0 / span as f64;
    // The first may be late, so that the rest seems fast; that all are twice as late cannot be.
    assert!((250.0..550.0).contains(&kbps), "{kbps} kbit/s");

    lab.done(json!({ "set": "b", "down": { "rate_kbps": 500, "queue_bytes": 10_000 } }));
    let before = lab.counts("b", "down")("dropped");
    let out = lab.send("a", "b", B, 200, 1000, 0);
    let dropped = lab.counts("b", "down")("dropped") - before;
    assert_eq!(out.len() as u64 + dropped, 200);
    assert!(dropped > 50, "{dropped}");
    assert!((0..10).all(|number| numbers(&out).contains(&number)), "the queue holds the first ten");
}

#[test]
fn repeated_and_held_back_packets_are_those_that_are_counted() {
    let Some(mut lab) = Lab::start(&two("duplicate=10%", "reorder=10% hold=40ms")) else { return };
    let out = lab.send("a", "b", B, 500, 100, 500);
    let (twice, held) = (lab.counts("a", "up")("duplicated"), lab.counts("b", "down")("held"));
    assert!((20..90).contains(&twice) && (20..100).contains(&held), "{twice} {held}");
    assert_eq!(numbers(&out).len(), 500);
    assert_eq!(out.len() as u64, 500 + twice);
    let late = out.windows(2).filter(|two| two[1].number < two[0].number).count();
    assert!(late > 5, "{late} of {held} were overtaken");
}

#[test]
fn a_link_changes_in_mid_run_by_command_and_by_script() {
    let Some(mut lab) = Lab::start(&two("", "")) else { return };
    assert_eq!(lab.send("a", "b", B, 100, 100, 100).len(), 100);
    lab.done(json!({ "set": "a", "up": "down" }));
    assert_eq!(lab.send("a", "b", B, 100, 100, 100).len(), 0);
    assert_eq!(lab.counts("a", "up")("cut"), 100);
    let steps = json!([
        { "at_ms": 1000, "set": "a", "up": { "down": true } },
        { "at_ms": 0, "set": "a", "up": {} },
        { "at_ms": 1000, "set": "a", "up": "delay=1ms" },
    ]);
    lab.done(json!({ "script": steps }));
    let out = lab.send("a", "b", B, 200, 100, 10_000); // two seconds at least
    assert_eq!(out.len(), 200, "of two steps at one time the later one counts");
    let (first, last) = (out[0].at_us, out[199].at_us);
    assert!(last - first > 1_500_000 && out[199].delay_us() >= 1000);
    let shape = lab.ask(&json!({ "stats": true }))["hosts"]["a"]["up_shape"]["delay_ms"].clone();
    assert_eq!(shape, 1.0);
}

#[test]
fn udp_alone_is_blocked_and_tcp_is_carried_whole() {
    let Some(mut lab) = Lab::start(&two("block_udp", "")) else { return };
    assert_eq!(lab.send("a", "b", B, 50, 100, 100).len(), 0);
    assert_eq!(lab.counts("a", "up")("blocked"), 50);
    for to in ["10.9.0.3:7001", "[fd09::3]:7001"] {
        let mut server = lab.role("b", "accept", &json!({ "at": to }));
        assert_eq!(server.hear(), json!("bound"));
        assert_eq!(lab.role("a", "connect", &json!({ "to": to })).hear(), json!("echoed"));
    }
}

#[test]
fn a_host_has_a_new_address_and_no_longer_the_old_one() {
    let Some(mut lab) = Lab::start(&two("delay=1ms", "")) else { return };
    let answer = lab.ask(&json!({ "address": "b", "new": "10.9.0.99" }));
    assert_eq!(answer["addresses"], json!(["fd09::3", "10.9.0.99"]));
    assert_eq!(lab.send("a", "b", "10.9.0.99", 50, 100, 100).len(), 50);
    assert_eq!(lab.send("b", "a", "10.9.0.2", 50, 100, 100).len(), 50, "its routes are kept");
    assert_eq!(lab.send("a", "b", B, 50, 100, 100).len(), 0);
    let stats = lab.ask(&json!({ "stats": true }));
    assert_eq!(stats["hosts"]["a"]["unroutable"], 50);
}

#[test]
fn what_cannot_be_done_is_said_and_the_rest_goes_on() {
    let Some(mut lab) = Lab::start(&two("", "")) else { return };
    for (line, says) in [
        ("nonsense", "not JSON"),
        ("[]", "not an object"),
        ("{}", "no such command"),
        (r#"{"set":"c"}"#, "there is no host `c`: the hosts are a, b"),
        (r#"{"set":"a","up":{"loss":2}}"#, "loss is 2"),
        (r#"{"set":"a","left":{}}"#, "unknown field `left`"),
        (r#"{"address":"a","new":"10.9.0.3"}"#, "b has it already"),
        (r#"{"address":"a","new":"10.9.0.1"}"#, "it is the gateway's"),
        (r#"{"address":"a","new":"127.0.0.1"}"#, "choose a unicast address"),
        (r#"{"address":"a","new":"somewhere"}"#, "invalid IP address"),
        (r#"{"script":1}"#, "a script is"),
        (r#"{"script":[{"set":"a"}]}"#, "needs at_ms"),
        (r#"{"script":[{"at_ms":0,"set":"a","up":"fast"}]}"#, "`fast` is no part"),
    ] {
        let answer = lab.say(line);
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(says)), "{line}: {answer}");
    }
    assert_eq!(lab.send("a", "b", B, 20, 100, 100).len(), 20);
}

#[test]
fn a_topology_that_cannot_be_is_refused() {
    for (line, says) in [
        (r#"{"hosts":{}}"#, "1 to 200 hosts"),
        (r#"{"hosts":{"a":{"up":"loss=2"}}}"#, "write loss=NUMBER%"),
        (r#"{"hosts":{"a":{"addresses":["10.9.0.5"]},"b":{"addresses":["10.9.0.5"]}}}"#, "a has it already"),
        ("{", "the topology"),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tring-lab"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(says) || said.contains("not allowed here"), "{line}: {said}");
    }
}

#[test]
fn nothing_is_left_behind_however_it_ends() {
    for killed in [false, true] {
        let Some(mut lab) = Lab::start(&two("", "")) else { return };
        let pids = lab.pids();
        let alive = |pid: &u64| Path::new(&format!("/proc/{pid}/ns/net")).metadata().is_ok();
        assert!(pids.len() == 2 && pids.iter().all(alive));
        if killed {
            lab.child.kill().unwrap();
            lab.child.wait().unwrap();
        } else {
            lab.end();
        }
        let began = Instant::now();
        while pids.iter().any(alive) {
            assert!(began.elapsed() < PATIENCE, "holders are left: {pids:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
