//! Load for the bare forwarder: packets of the sizes, rates and bursts of the calls it is compared with.

use super::crypto::{Key, start};
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::process::Process;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UdpSocket;
use tokio::process::Command;
use tokio::task::JoinSet;

/// A packet of sound each interval, and a picture of three packets each second interval: the packets of a video call.
const SOUND_INTERVAL: Duration = Duration::from_millis(20);
const SOUND_BYTES: usize = 80;
const FRAGMENTS: usize = 3;
const FRAGMENT_BYTES: usize = 1000;

/// Traffic before it is measured; as long as for the calls that it is compared with.
const WARM_UP: Duration = Duration::from_secs(2);

/// What the bare forwarder came to.
pub(crate) struct BareForwarder {
    forwarded: u64,
    cpu: Duration,
    seconds: f64,
}

#[allow(clippy::cast_precision_loss)] // counts far below 2^52
impl BareForwarder {
    /// Forwarded packets per CPU-second.
    pub(crate) fn rate(&self) -> f64 {
        self.forwarded as f64 / self.cpu.as_secs_f64().max(f64::EPSILON)
    }

    /// Forwarded packets a second.
    pub(crate) fn pace(&self) -> f64 {
        self.forwarded as f64 / self.seconds
    }
}

/// Measures the bare forwarder with that many calls.
pub(crate) async fn measure(plan: &Plan, calls: usize) -> Result<BareForwarder, BenchError> {
    let failed = |e: io::Error| BenchError::BareForwarder(e.to_string());
    let exe = std::env::current_exe().map_err(BenchError::Exe)?;
    let mut child = Command::new(exe)
        .arg("bare-forwarder")
        .arg("--workers")
        .arg(plan.workers.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let gone = || BenchError::BareForwarder("it has ended".into());
    let process = Process(child.id().ok_or_else(gone)?);
    let mut input = child.stdin.take().ok_or_else(gone)?;
    let mut ports = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
    let mut targets = Vec::new();
    for _ in 0..plan.workers {
        let line = ports.next_line().await.map_err(failed)?.ok_or_else(gone)?;
        let port: u16 = line.parse().map_err(|_| BenchError::BareForwarder(format!("not a port: {line}")))?;
        targets.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let mut sockets = Vec::new();
    for call in 0..calls {
        let worker = call % plan.workers;
        let mut addresses = [String::new(), String::new()];
        for address in &mut addresses {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
            socket.connect(targets[worker]).await.map_err(failed)?;
            *address = socket.local_addr().map_err(failed)?.to_string();
            sockets.push(socket);
        }
        let line = format!("{worker} {} {}\n", addresses[0], addresses[1]);
        input.write_all(line.as_bytes()).await.map_err(failed)?;
    }
    input.write_all(b"go\n").await.map_err(failed)?;
    input.flush().await.map_err(failed)?;

    let received = Arc::new(AtomicU64::new(0));
    let mut people = JoinSet::new();
    let apart = SOUND_INTERVAL / u32::try_from(sockets.len()).unwrap_or(1).max(1);
    let begin = tokio::time::Instant::now() + Duration::from_millis(50);
    for (i, socket) in (0..).zip(sockets) {
        let key = Key::new(i).map_err(|_| BenchError::BareForwarder("no key".into()))?;
        people.spawn(talk(socket, key, i, begin + apart * i, received.clone()));
    }
    tokio::time::sleep(WARM_UP).await;
    let (before, cpu, from) = (received.load(Ordering::Relaxed), process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let forwarded = received.load(Ordering::Relaxed) - before;
    let cpu = process.cpu()?.saturating_sub(cpu);
    let seconds = from.elapsed().as_secs_f64();
    people.abort_all();
    drop(input);
    child.wait().await.map_err(failed)?;
    Ok(BareForwarder { forwarded, cpu, seconds })
}

/// One end of a call: sends in the pattern of a video call, counts what comes.
async fn talk(socket: UdpSocket, key: Key, ssrc: u32, begin: tokio::time::Instant, received: Arc<AtomicU64>) {
    let mut ticks = tokio::time::interval_at(begin, SOUND_INTERVAL);
    let mut buffer = [0; 2048];
    let mut packet = Vec::new();
    let (mut seq, mut picture) = (0u16, false);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                picture = !picture;
                let fragments = if picture { FRAGMENTS } else { 0 };
                for bytes in std::iter::once(SOUND_BYTES).chain(std::iter::repeat_n(FRAGMENT_BYTES, fragments)) {
                    seq = seq.wrapping_add(1);
                    start(&mut packet, ssrc, seq, bytes);
                    // What cannot be sent is not counted by the other end.
                    if key.seal(&mut packet).is_ok() {
                        let _ = socket.try_send(&packet);
                    }
                }
            }
            came = socket.recv(&mut buffer) => {
                let mut n = u64::from(came.is_ok());
                while n < 32 && socket.try_recv(&mut buffer).is_ok() {
                    n += 1;
                }
                received.fetch_add(n, Ordering::Relaxed);
            }
        }
    }
}
