//! From `accept` to the first sound and the first picture, both ways, at true round trips: the server is in one network
//! namespace and both clients in another, and the laboratory (`e2e/lab`) delays all that passes between them, signalling
//! and media.

use crate::harness::calls::{STEP, both_connected, wait_for};
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::report::{Report, Row, Verdict, millis};
use crate::harness::server::settings;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tring_client::{Client, Event, Media, MediaKind, MediaOptions, MediaType, Options, Pattern, Rtp};
use tring_lab::shape::Fields;
use tring_lab::{HostPlan, Lab, Topology};
use tring_store::Store;

/// Round trips between clients and server.
const ROUND_TRIPS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200)];

/// Time on top of one round trip within which the first sound is met.
const BAR: Duration = Duration::from_millis(80);

/// Calls at each round trip. More make the median exacter and the run longer by a second each.
const CALLS: usize = 15;

/// How long it rings at least, so that all that follows a handshake is over before the call is answered.
const RINGS: Duration = Duration::from_millis(300);

/// Packets that may wait for the reader; more than come in a call, so that none is lost.
const WAITING: usize = 4096;

/// The server's TCP port in its namespace.
const PORT: u16 = 8080;

/// What is measured, in the order of a line of the client's output.
const WHAT: [&str; 4] = [
    "the caller's sound at the callee",
    "the callee's sound at the caller",
    "the caller's picture at the callee",
    "the callee's picture at the caller",
];

/// Measures at all round trips.
pub(crate) fn measure(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    let calls = if plan.quick { 3 } else { CALLS };
    for round_trip in ROUND_TRIPS {
        let out = Command::new(std::env::current_exe().map_err(BenchError::Exe)?)
            .args(["lab-accept", "--round-trip-ms", &round_trip.as_millis().to_string()])
            .args(["--calls", &calls.to_string(), "--workers", &plan.workers.to_string(), "--server"])
            .arg(binary)
            .stdin(Stdio::null())
            .output()
            .map_err(BenchError::Lab)?;
        if !out.status.success() {
            let why = String::from_utf8_lossy(&out.stderr).into_owned();
            return Err(BenchError::Lab(std::io::Error::other(why)));
        }
        let text = String::from_utf8_lossy(&out.stdout);
        let mut found: [Vec<Duration>; 4] = Default::default();
        for line in text.lines() {
            for (to, us) in found.iter_mut().zip(line.split(' ')) {
                to.extend(us.parse().map(Duration::from_micros));
            }
        }
        for (what, mut times) in WHAT.into_iter().zip(found) {
            if times.len() != calls {
                return Err(BenchError::Late("a first packet"));
            }
            times.sort_unstable();
            let (p50, worst) = (times[(times.len() - 1) / 2], times[times.len() - 1]);
            let sound = what.contains("sound");
            report.add(Row {
                what: format!("accept → {what}, p50 / max"),
                size: format!("{} ms round trip", round_trip.as_millis()),
                figure: format!("{} / {}", millis(p50), millis(worst)),
                bar: sound.then(|| ("≤ 1 round trip + 80 ms".into(), Verdict::of(worst <= round_trip + BAR))),
                conditions: format!(
                    "{calls} calls, one after another; from before `accept` is sent to {}; both have connected while it \
                     rings, the caller sends since then and the callee from `accept` on; no devices are opened",
                    if sound { "the first packet" } else { "the last packet of the first whole key frame" }
                ),
            });
        }
    }
    Ok(())
}

/// Stops a program when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program of the child process that holds the laboratory. [`tring_lab::enter`] has returned before.
pub(crate) fn laboratory(
    binary: &Path,
    round_trip_ms: u32,
    calls: usize,
    workers: usize,
) -> Result<(), BenchError> {
    let failed = |e: &dyn std::fmt::Display| BenchError::Lab(std::io::Error::other(e.to_string()));
    let delay = Fields { delay_ms: f64::from(round_trip_ms) / 2.0, ..Fields::default() };
    let shape = delay.check().map_err(|e| failed(&e))?;
    let clients = HostPlan { up: shape.clone(), down: shape, ..HostPlan::default() };
    let hosts = [("server".to_owned(), HostPlan::default()), ("clients".to_owned(), clients)];
    let lab = Lab::start(Topology { hosts: hosts.into(), seed: 1 }).map_err(|e| failed(&e))?;
    let info = lab.info();
    let host = |name: &str| info.get(name).ok_or_else(|| failed(&format!("no host {name}")));
    let (server, clients) = (host("server")?, host("clients")?);
    let ip = server.addresses.iter().find(|a| a.is_ipv4()).ok_or_else(|| failed(&"no address"))?;
    let inside = |enter: &[String], program: &Path| {
        // What enters a namespace is a program with its arguments, never nothing.
        let (first, rest) = enter.split_first().map_or(("", enter), |(f, r)| (f.as_str(), r));
        let mut command = Command::new(first);
        command.args(rest).arg(program).stdin(Stdio::null());
        command
    };

    let dir = tempfile::tempdir().map_err(BenchError::Folder)?;
    let data = dir.path().join("data");
    let runtime = tokio::runtime::Runtime::new().map_err(BenchError::Runtime)?;
    let app = runtime.block_on(async {
        let store = Store::open(&data).await?;
        Ok::<_, BenchError>(store.create_app("bench").await?.app)
    })?;
    let config = dir.path().join("tring.toml");
    let listen = SocketAddr::new(*ip, PORT);
    std::fs::write(&config, settings(listen, &data, workers)).map_err(BenchError::Folder)?;
    let started = inside(&server.enter, binary)
        .args(["serve", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.path().join("log")).map_err(BenchError::Folder)?)
        .spawn()
        .map_err(|source| BenchError::Start { path: binary.to_owned(), source })?;
    let _server = Running(started);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let id = app.id.get();
    let mut command = inside(&clients.enter, &std::env::current_exe().map_err(BenchError::Exe)?);
    command.args(["lab-clients", "--url", &format!("ws://{listen}/v1/socket"), "--app", &id.to_string()]);
    command.args(["--calls", &calls.to_string()]);
    for user in ["a", "b"] {
        // A throw-away app in a throw-away network: nobody else can use what the process list shows.
        let sig = tring_usersig::sign(&app.key, id, user, Duration::from_secs(3600), now)?;
        command.args(["--sig", &sig]);
    }
    let mut child = Running(command.stdout(Stdio::piped()).spawn().map_err(BenchError::Lab)?);
    if let Some(out) = child.0.stdout.take() {
        for line in BufReader::new(out).lines() {
            println!("{}", line.map_err(BenchError::Lab)?);
        }
    }
    if !child.0.wait().map_err(BenchError::Lab)?.success() {
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
        return Err(failed(&format!("the clients failed; the server's log: {log}")));
    }
    Ok(())
}

/// The program in the clients' namespace. It prints a line for each call: microseconds in the order of [`WHAT`].
pub(crate) async fn clients(url: &str, app: u32, sigs: &[String], calls: usize) -> Result<(), BenchError> {
    let mut people = Vec::new();
    let until = Instant::now() + STEP;
    for (user, sig) in ["a", "b"].into_iter().zip(sigs) {
        loop {
            match Client::connect(Options::new(url, app, user, sig.clone())?).await {
                Ok(client) => break people.push(client),
                // The server is just coming up.
                Err(e) if Instant::now() > until => return Err(e.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
    let [a, b] = &people[..] else { return Err(BenchError::Closed) };
    for n in 0..calls {
        let times = one_call(a, b, u32::try_from(n).unwrap_or(0)).await?;
        println!("{}", times.map(|t| t.as_micros().to_string()).join(" "));
    }
    Ok(())
}

async fn one_call(a: &Client, b: &Client, n: u32) -> Result<[Duration; 4], BenchError> {
    let call = a.call(b.user().as_str(), MediaType::Video).await?;
    wait_for(b, |e| matches!(e, Event::Invited { .. })).await?;
    // The callee's device may connect once the server knows that it rings there.
    wait_for(a, |e| matches!(e, Event::Ringing { .. })).await?;
    let (to_a, at_a) = mpsc::channel(WAITING);
    let (to_b, at_b) = mpsc::channel(WAITING);
    let options = |packets| MediaOptions { packets: Some(packets), ..MediaOptions::video() };
    let (media_a, media_b) =
        tokio::try_join!(Media::connect(a, &call, options(to_a)), Media::connect(b, &call, options(to_b)))?;
    both_connected(&media_a, &media_b).await?;
    media_a.play(Pattern::video_call(1)).await;
    // Calls are answered at any moment between two packets and two pictures.
    tokio::time::sleep(RINGS + Duration::from_millis(u64::from(n * 7 % 40))).await;
    let begin = Instant::now();
    let (answered, _, heard) = tokio::join!(
        b.accept(&call),
        media_b.play(Pattern::video_call(2)),
        tokio::time::timeout(STEP, async { tokio::join!(first(at_b, begin), first(at_a, begin)) })
    );
    answered?;
    let ((sound_b, picture_b), (sound_a, picture_a)) =
        heard.map_err(|_| BenchError::Late("a first packet"))?;
    a.hangup(&call).await?;
    for client in [a, b] {
        wait_for(client, |e| matches!(e, Event::Ended { .. })).await?;
    }
    let times = [sound_b, sound_a, picture_b, picture_a];
    match times {
        [Some(a), Some(b), Some(c), Some(d)] => Ok([a, b, c, d]),
        _ => Err(BenchError::Closed),
    }
}

/// When the first sound came, and the last packet of the first whole key frame.
async fn first(mut packets: mpsc::Receiver<Rtp>, begin: Instant) -> (Option<Duration>, Option<Duration>) {
    let (mut sound, mut picture) = (None, None);
    // The sequence number that goes on with a key frame that has come from its beginning.
    let mut next = None;
    while sound.is_none() || picture.is_none() {
        let Some(rtp) = packets.recv().await else { break };
        if rtp.kind == MediaKind::Audio {
            sound.get_or_insert_with(|| begin.elapsed());
            continue;
        }
        // FU-A (RFC 6184 §5.8) of a picture that stands alone.
        let [_, header, ..] = *rtp.payload else { continue };
        let begins = header & 0x80 != 0;
        if header & 0x1f == 5 && (begins || next == Some(rtp.seq)) {
            next = Some(rtp.seq + 1);
            if rtp.marker {
                picture.get_or_insert_with(|| begin.elapsed());
            }
        } else {
            next = None;
        }
    }
    (sound, picture)
}
