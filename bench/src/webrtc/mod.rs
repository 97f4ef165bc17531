//! WebRTC calls that talk: CPU per call and per join, forwarded packets per CPU-second, delay, memory per session.
//!
//! | module | subject |
//! |---|---|
//! | `rows` | the rows of one size |
//! | `comparison` | Janus on the same calls |
//!
//! To read it, begin with `rows`.

mod comparison;
mod rows;

use crate::bare_forwarder;
use crate::harness::calls::{Pair, answered_call, both_connected};
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::report::{Report, Row, Verdict, count};
use crate::harness::server::Server;
use crate::harness::traffic::{Measured, Totals, WARM_UP, start_talking, warm_up};
use comparison::Janus;
use std::path::Path;
use std::time::Instant;
use tring_client::{Media, MediaOptions, MediaType};

/// The share of the bare forwarder's packets per CPU-second that is met.
const BARE_FORWARDER_BAR: &str = "≥ 60 % of the bare forwarder, congestion control on";

/// Bytes of one person's session that are met.
const VOICE_SESSION_BAR: f64 = 150.0 * 1024.0;
const VIDEO_SESSION_BAR: f64 = 400.0 * 1024.0;

/// Video calls, and the bare forwarder at the same rate.
pub(crate) async fn video(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for &calls in &plan.calls {
        let talked = calls_that_talk(binary, plan, calls, true).await?;
        let bare_forwarder = bare_forwarder::measure(plan, calls).await?;
        let janus = Janus::measure(plan, calls, true).await;
        let (rate, bare) = (talked.rate(), bare_forwarder.rate());
        let share = rate / bare.max(f64::EPSILON);
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 video calls".into(),
            size: format!("{calls} calls"),
            figure: format!(
                "{}; {:.0} % of the bare forwarder's {}{}",
                count(rate),
                share * 100.0,
                count(bare),
                janus.beside(rate, Measured::rate, count)
            ),
            bar: Some((BARE_FORWARDER_BAR.into(), Verdict::Apart("congestion control is off here"))),
            conditions: format!(
                "{}; bare forwarder {} packets/s; {}",
                talked.traffic(),
                count(bare_forwarder.pace()),
                janus.describe()
            ),
        });
        rows::add(&talked, "video", VIDEO_SESSION_BAR, &janus, report);
    }
    Ok(())
}

/// Voice calls.
pub(crate) async fn voice(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for &calls in &plan.calls {
        let talked = calls_that_talk(binary, plan, calls, false).await?;
        let janus = Janus::measure(plan, calls, false).await;
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 voice calls".into(),
            size: format!("{calls} calls"),
            figure: format!("{}{}", count(talked.rate()), janus.beside(talked.rate(), Measured::rate, count)),
            bar: None,
            conditions: format!("{}; {}", talked.traffic(), janus.describe()),
        });
        rows::add(&talked, "voice", VOICE_SESSION_BAR, &janus, report);
    }
    Ok(())
}

/// Some calls that talk at once on a server of their own.
async fn calls_that_talk(
    binary: &Path,
    plan: &Plan,
    calls: usize,
    video: bool,
) -> Result<Measured, BenchError> {
    let server = Server::start(binary, plan.workers).await?;
    let process = server.process();
    let kind = if video { MediaType::Video } else { MediaType::Audio };
    let first = answered_call(&server, "first", kind).await?;
    let first = connect(&first, video).await?;
    warm_up(&first, video).await;
    let mut clients = Vec::new();
    for i in 0..calls {
        clients.push(answered_call(&server, &i.to_string(), kind).await?);
    }
    tokio::time::sleep(WARM_UP / 2).await;
    let bytes = process.resident()?;
    let cpu = process.cpu()?;
    let mut sessions = Vec::new();
    for call in &clients {
        sessions.extend(connect(call, video).await?);
    }
    let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX);
    let join = process.cpu()?.saturating_sub(cpu) / count;
    start_talking(&sessions, video).await;
    tokio::time::sleep(WARM_UP).await;
    let before = Totals::of(&sessions);
    let (cpu, start) = (process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let after = Totals::of(&sessions);
    let (cpu, seconds) = (process.cpu()?.saturating_sub(cpu), start.elapsed().as_secs_f64());
    let grown = process.resident()?.saturating_sub(bytes);
    for (a, _, call) in &clients {
        a.hangup(call).await?;
    }
    Ok(Measured::new(calls, join, grown, (cpu, seconds), (&before, &after)))
}

/// The media of both people, connected.
async fn connect((a, b, call): &Pair, video: bool) -> Result<[Media; 2], BenchError> {
    let options = || if video { MediaOptions::video() } else { MediaOptions::voice() };
    let (a, b) = tokio::try_join!(Media::connect(a, call, options()), Media::connect(b, call, options()))?;
    both_connected(&a, &b).await?;
    Ok([a, b])
}
