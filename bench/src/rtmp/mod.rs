//! Calls between two phones through RTMP, on Tring and on nginx-rtmp by the same load: delay, first picture, CPU and
//! memory of a call.
//!
//! | module | subject |
//! |---|---|
//! | `chunks`, `client` | a small RTMP client of the bench's own |
//! | `phone` | what a phone pushes |
//! | `load` | all phones at once: one thread pushes, another plays |
//! | `joins` | the first picture of who joins |
//! | `nginx` | nginx with its RTMP module, as a child process |
//! | `measured` | what one server came to |
//! | `rows` | the figures of both servers side by side |
//!
//! To read it, begin with `load`.

mod chunks;
pub(crate) mod client;
mod joins;
pub(crate) mod load;
mod measured;
mod nginx;
pub(crate) mod phone;
mod rows;

use crate::harness::calls::answered_call;
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::process::Process;
use crate::harness::report::Report;
use crate::harness::server::Server;
use client::stream_addresses;
use load::{Players, Pushers, Stream};
use measured::Measured;
use nginx::Nginx;
use std::path::Path;
use std::time::{Duration, Instant};
use tring_client::MediaType;

/// Traffic before it is measured: all phones have begun, and sent a second key frame.
const WARM_UP: Duration = Duration::from_secs(5);

/// Measures at all sizes, on both.
pub(crate) async fn measure(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    let version = nginx::version();
    for &calls in &plan.calls {
        let tring = on_tring(binary, plan, plan.workers, calls).await?;
        let nginx = match &version {
            Some(_) => Some(on_nginx(plan, calls).await?),
            None => None,
        };
        // nginx's streams live in one process, and fewer threads are woken less often.
        let alone = if plan.workers > 1 { Some(on_tring(binary, plan, 1, calls).await?) } else { None };
        rows::add(&tring, alone.as_ref(), nginx.as_ref().zip(version.as_deref()), report);
    }
    Ok(())
}

async fn on_tring(binary: &Path, plan: &Plan, workers: usize, calls: usize) -> Result<Measured, BenchError> {
    let server = Server::start(binary, workers).await?;
    let (mut clients, mut streams) = (Vec::new(), Vec::new());
    for i in 0..calls {
        let (a, b, call) = answered_call(&server, &i.to_string(), MediaType::Video).await?;
        let ((push_a, play_b), (push_b, play_a)) =
            (stream_addresses(&a, &call).await?, stream_addresses(&b, &call).await?);
        streams.push(Stream { push: push_a, play: play_a });
        streams.push(Stream { push: push_b, play: play_b });
        clients.push((a, b));
    }
    let measured = run(server.process(), (workers, streams), plan).await;
    // Who has signed in stays so until the figures are there.
    drop(clients);
    measured
}

async fn on_nginx(plan: &Plan, calls: usize) -> Result<Measured, BenchError> {
    let nginx = Nginx::start()?;
    run(nginx.process(), (1, nginx.streams(calls)), plan).await
}

/// One load on one server.
async fn run(
    process: Process,
    (workers, streams): (usize, Vec<Stream>),
    plan: &Plan,
) -> Result<Measured, BenchError> {
    let (span, quick) = (plan.span, plan.quick);
    let load = move || {
        let epoch = Instant::now();
        let bytes = process.resident()?;
        let pushers = Pushers::start(&streams, None, epoch).map_err(BenchError::Load)?;
        let players = Players::start(&streams, epoch).map_err(BenchError::Load)?;
        std::thread::sleep(WARM_UP);
        let (cpu, start, pushed) = (process.cpu()?, Instant::now(), pushers.pushed());
        players.measure(true);
        std::thread::sleep(span);
        players.measure(false);
        let pushed = pushers.pushed() - pushed;
        let (cpu, seconds) = (process.cpu()?.saturating_sub(cpu), start.elapsed().as_secs_f64());
        let grown = process.resident()?.saturating_sub(bytes);
        let arrived = players.finish().map_err(BenchError::Load)?;
        let joins = joins::measure(&streams, quick).map_err(BenchError::Load)?;
        pushers.finish().map_err(BenchError::Load)?;
        let calls = streams.len() / 2;
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let call_bytes = grown as f64 / calls.max(1) as f64;
        Ok(Measured { workers, calls, cpu, seconds, call_bytes, pushed, arrived, joins })
    };
    tokio::task::spawn_blocking(load).await.map_err(|e| BenchError::Load(e.into()))?
}
