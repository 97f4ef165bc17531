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
use crate::harness::calls::answered_call;
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::process::Process;
use crate::harness::report::{Report, Row, Verdict, count, millis};
use crate::harness::server::Server;
use crate::load::measured::{Measured, Traffic, WARM_UP, pattern, warm_up};
use crate::load::{Load, light};
use comparison::Janus;
use std::path::Path;
use std::time::Instant;
use tring_client::MediaType;

/// The share of the bare forwarder's packets per CPU-second that is met.
const BARE_FORWARDER_BAR: f64 = 0.6;

/// Bytes of one person's session that are met.
const VOICE_SESSION_BAR: f64 = 100.0 * 1024.0;
const VIDEO_SESSION_BAR: f64 = 250.0 * 1024.0;

/// Most calls that Janus is measured with. More take minutes to join it: a person has two connections there.
const JANUS_CALLS: usize = 100;

/// Video calls, and the bare forwarder under the same load.
pub(crate) async fn video(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for &calls in &plan.calls {
        let talked = calls_that_talk(binary, plan, calls, true).await?;
        let bare_forwarder = bare_forwarder::measure(plan, calls, talked.threads).await?;
        let janus = Janus::measure(plan, calls, true).await;
        let (rate, bare) = (talked.traffic.rate(), bare_forwarder.rate());
        let share = rate / bare.max(f64::EPSILON);
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 video calls".into(),
            size: format!("{calls} calls"),
            figure: format!(
                "{}; {:.0} % of the bare forwarder's {}{}",
                count(rate),
                share * 100.0,
                count(bare),
                janus.beside(rate, |m| m.traffic.rate(), count)
            ),
            bar: Some((
                format!("≥ {:.0} % of the bare forwarder", BARE_FORWARDER_BAR * 100.0),
                Verdict::of(share >= BARE_FORWARDER_BAR),
            )),
            conditions: format!(
                "{}; {} of {} media workers in use; bare forwarder of as many threads {}, delay p50 / p99 {} / {}; {}",
                talked.traffic.describe(),
                talked.threads,
                plan.workers,
                bare_forwarder.describe(),
                millis(bare_forwarder.delays().0),
                millis(bare_forwarder.delays().1),
                janus.describe()
            ),
        });
        rows::add(&talked, "video", VIDEO_SESSION_BAR, &janus, report);
    }
    Ok(())
}

/// Voice calls.
pub(crate) async fn voice(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    let mut sizes = Vec::new();
    for &calls in &plan.voice_calls {
        let talked = calls_that_talk(binary, plan, calls, false).await?;
        let janus = match calls {
            0..=JANUS_CALLS => Janus::measure(plan, calls, false).await,
            _ => Janus::left_out(),
        };
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 voice calls".into(),
            size: format!("{calls} calls"),
            figure: format!(
                "{}{}",
                count(talked.traffic.rate()),
                janus.beside(talked.traffic.rate(), |m| m.traffic.rate(), count)
            ),
            bar: None,
            conditions: format!("{}; {}", talked.traffic.describe(), janus.describe()),
        });
        rows::add(&talked, "voice", VOICE_SESSION_BAR, &janus, report);
        sizes.push(talked);
    }
    rows::add_flat(&sizes, report);
    Ok(())
}

/// Video calls that talk, with something that is done as their traffic begins to be measured.
///
/// # Errors
///
/// Those of the server, the clients and `begin`: the figure cannot be measured.
pub(crate) async fn video_calls(
    binary: &Path,
    plan: &Plan,
    calls: usize,
    begin: impl FnOnce(Process) -> Result<(), BenchError>,
) -> Result<Measured, BenchError> {
    talk(binary, plan, calls, true, begin).await
}

/// Some calls that talk at once on a server of their own.
async fn calls_that_talk(
    binary: &Path,
    plan: &Plan,
    calls: usize,
    video: bool,
) -> Result<Measured, BenchError> {
    talk(binary, plan, calls, video, |_| Ok(())).await
}

async fn talk(
    binary: &Path,
    plan: &Plan,
    calls: usize,
    video: bool,
    begin: impl FnOnce(Process) -> Result<(), BenchError>,
) -> Result<Measured, BenchError> {
    let server = Server::start(binary, plan.workers).await?;
    let process = server.process();
    let kind = if video { MediaType::Video } else { MediaType::Audio };
    let first = answered_call(&server, "first", kind).await?;
    let first_load = Load::start()?;
    for (person, connected) in (0..).zip(light::connect(&first, video).await?) {
        first_load.add(connected.person(Some(pattern(person, video))));
    }
    warm_up(&first_load).await;
    let mut clients = Vec::new();
    for i in 0..calls {
        clients.push(answered_call(&server, &i.to_string(), kind).await?);
    }
    tokio::time::sleep(WARM_UP / 2).await;
    let bytes = process.resident()?;
    let cpu = process.cpu()?;
    let load = Load::start()?;
    let mut people = 0;
    for call in &clients {
        for connected in light::connect(call, video).await? {
            load.add(connected.person(Some(pattern(people, video))));
            people += 1;
        }
    }
    let join = process.cpu()?.saturating_sub(cpu) / people.max(1);
    load.play();
    tokio::time::sleep(WARM_UP).await;
    begin(process)?;
    let calls_before = server.socket_calls().await?;
    let (before, cpu, start) = (load.totals(), process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let (after, cpu, took) = (load.totals(), process.cpu()?.saturating_sub(cpu), start.elapsed());
    let calls_made = server.socket_calls().await?.since(&calls_before);
    let grown = process.resident()?.saturating_sub(bytes);
    let threads = server.workers_in_use().await?;
    if after.received == before.received {
        return Err(BenchError::Silent(server.last_words().await));
    }
    for (a, _, call) in &clients {
        a.hangup(call).await?;
    }
    let traffic = Traffic::between(&before, &after, cpu, took, calls_made);
    Ok(Measured::new(calls, join, grown, traffic, threads))
}
