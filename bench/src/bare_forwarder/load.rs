//! Load for the bare forwarder: the load of the calls that it is compared with, but for connections, reports and feedback.

use super::crypto::{HEADER, Key, start};
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::process::Process;
use crate::harness::socket_calls::SocketCalls;
use crate::load::measured::{Traffic, WARM_UP, pattern};
use crate::load::{Endpoint, Load, Person, Received};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tring_client::{Due, MediaKind};

/// Measures the bare forwarder with that many video calls on that many threads: those that the server used.
///
/// # Errors
///
/// [`BenchError::BareForwarder`]: the figure cannot be measured.
pub(crate) async fn measure(plan: &Plan, calls: usize, threads: usize) -> Result<Traffic, BenchError> {
    let exe = std::env::current_exe().map_err(BenchError::Exe)?;
    let mut child = Command::new(exe)
        .arg("bare-forwarder")
        .arg("--workers")
        .arg(threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let process = Process(child.id().ok_or_else(gone)?);
    let mut input = child.stdin.take().ok_or_else(gone)?;
    let mut output = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
    let mut targets = Vec::new();
    for _ in 0..threads {
        let line = output.next_line().await.map_err(failed)?.ok_or_else(gone)?;
        let port: u16 = line.parse().map_err(|_| BenchError::BareForwarder(format!("not a port: {line}")))?;
        targets.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let load = Load::start()?;
    let mut number = 0;
    for call in 0..calls {
        let worker = call % threads;
        let mut addresses = [String::new(), String::new()];
        for address in &mut addresses {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
            socket.connect(targets[worker]).map_err(failed)?;
            *address = socket.local_addr().map_err(failed)?.to_string();
            let key = Key::new(number).map_err(|_| BenchError::BareForwarder("no key".into()))?;
            let endpoint = Box::new(End { key, ssrc: number, seq: 0 });
            load.add(Person { socket, endpoint, pattern: Some(pattern(number, true)) });
            number += 1;
        }
        let line = format!("{worker} {} {}\n", addresses[0], addresses[1]);
        input.write_all(line.as_bytes()).await.map_err(failed)?;
    }
    input.write_all(b"go\n").await.map_err(failed)?;
    load.play();
    tokio::time::sleep(WARM_UP).await;
    let calls_before = count(&mut input, &mut output).await?;
    let (before, cpu, from) = (load.totals(), process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let (after, cpu, took) = (load.totals(), process.cpu()?.saturating_sub(cpu), from.elapsed());
    let calls_made = count(&mut input, &mut output).await?.since(&calls_before);
    drop((load, input));
    child.wait().await.map_err(failed)?;
    Ok(Traffic::between(&before, &after, cpu, took, calls_made))
}

fn failed(e: io::Error) -> BenchError {
    BenchError::BareForwarder(e.to_string())
}

fn gone() -> BenchError {
    BenchError::BareForwarder("it has ended".into())
}

/// Asks the forwarder for its counts.
async fn count(
    input: &mut ChildStdin,
    output: &mut Lines<BufReader<ChildStdout>>,
) -> Result<SocketCalls, BenchError> {
    input.write_all(b"count\n").await.map_err(failed)?;
    let line = output.next_line().await.map_err(failed)?.ok_or_else(gone)?;
    let words = line.split(' ').filter_map(|w| w.split_once('='));
    Ok(SocketCalls::read(words.filter_map(|(name, value)| Some((name, value.parse().ok()?)))))
}

/// One end of a call.
struct End {
    key: Key,
    ssrc: u32,
    seq: u16,
}

/// Bytes of a payload from which on it is one of a picture: the packets have no payload type.
const PICTURE_BYTES: usize = 500;

impl Endpoint for End {
    fn seal(&mut self, due: &Due, out: &mut Vec<u8>) -> bool {
        self.seq = self.seq.wrapping_add(1);
        start(out, self.ssrc, self.seq, &due.payload);
        self.key.seal(out).is_ok()
    }

    fn receive<'a>(
        &mut self,
        datagram: &'a mut [u8],
        _now: Instant,
        _send: &mut dyn FnMut(&[u8]),
    ) -> Received<'a> {
        // The forwarder seals for this end with this end's own key.
        let Ok(length) = self.key.open(datagram) else { return Received::Nothing };
        let payload = &datagram[HEADER..length];
        let kind = if payload.len() < PICTURE_BYTES { MediaKind::Audio } else { MediaKind::Video };
        Received::Media(kind, payload)
    }

    fn advance(&mut self, _now: Instant, _send: &mut dyn FnMut(&[u8])) -> Option<Instant> {
        None
    }
}
