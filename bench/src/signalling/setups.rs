//! Call set-ups (invite, delivered, accept, hang up) per CPU-second: in the engine, and through WebSockets.

use crate::harness::calls::wait_for;
use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::process::Process;
use crate::harness::report::{Report, Row, Verdict, count};
use crate::harness::server::Server;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tring_calls::{Engine, Input, Settings};
use tring_client::{Client, Event, MediaType};
use tring_protocol::{CallId, CallRequest, DeviceId, SdkAppId, Timestamp, UserId, UserKey};

/// Set-ups per CPU-second that are met, in the engine and through WebSockets.
const ENGINE_BAR: f64 = 20_000.0;
const SOCKET_BAR: f64 = 5_000.0;

/// Users of the engine's run: each size is half of them calling the other half.
const ENGINE_USERS: [u64; 2] = [100, 10_000];

/// Measures the engine alone, in this process, on one thread.
pub(crate) fn engine(plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for users in ENGINE_USERS {
        let (done, cpu) = engine_run(users, plan.span / 4)?;
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let rate = done as f64 / cpu.as_secs_f64().max(f64::EPSILON);
        report.add(Row {
            what: "call set-ups per CPU-second, engine".into(),
            size: format!("{users} users"),
            figure: count(rate),
            bar: Some(("≥ 20 k".into(), Verdict::of(rate >= ENGINE_BAR))),
            conditions: "call, delivered, accept, hang up; half the users call the other half, all calls under way at \
                         once; in this process, one thread"
                .into(),
        });
    }
    Ok(())
}

fn engine_run(users: u64, span: Duration) -> Result<(u64, Duration), BenchError> {
    let app = SdkAppId::new(1)?;
    let mut engine = Engine::new(Settings::default());
    let mut out = Vec::new();
    let mut now = Timestamp::from_secs(1_700_000_000);
    let names = (0..users).map(|i| UserId::new(&format!("user-{i}"))).collect::<Result<Vec<_>, _>>()?;
    let mut handle =
        |input, now| engine.handle(input, now, &mut out).map_err(BenchError::Engine).map(|_| out.clear());
    for (i, user) in (0..).zip(&names) {
        let owner = UserKey { app, user: user.clone() };
        handle(Input::DeviceOnline { device: DeviceId(i), owner, single_login: false, again: false }, now)?;
    }
    let mut done = 0;
    let cpu = Process::own().cpu()?;
    let until = Instant::now() + span;
    while Instant::now() < until {
        // A round: half the users call the other half; each step for all of them before the next.
        let calls = users / 2;
        now = now + Duration::from_millis(100);
        let id = |i: u64| CallId::from_random(u128::from(done + i));
        for i in 0..calls {
            let to = names[usize::try_from(i + calls).unwrap_or(0)].clone();
            let request = CallRequest {
                to: vec![to],
                media: MediaType::Video,
                timeout_s: None,
                fail_fast: false,
                data: None,
            };
            #[allow(clippy::cast_possible_truncation)] // a seed
            let room_seed = (done + i).wrapping_mul(2_654_435_761) as u32;
            handle(Input::Call { device: DeviceId(i), call: id(i), room_seed, request }, now)?;
        }
        for i in 0..calls {
            handle(Input::Delivered { device: DeviceId(i + calls), call: id(i) }, now)?;
        }
        for i in 0..calls {
            handle(Input::Accept { device: DeviceId(i + calls), call: id(i) }, now)?;
        }
        for i in 0..calls {
            handle(Input::Hangup { device: DeviceId(i), call: id(i) }, now)?;
        }
        done += calls;
    }
    Ok((done, Process::own().cpu()?.saturating_sub(cpu)))
}

/// Measures through WebSockets: pairs of users who call each other again and again.
pub(crate) async fn sockets(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for pairs in plan.pairs {
        let server = Server::start(binary, plan.workers).await?;
        let mut people = Vec::new();
        for i in 0..pairs {
            people.push((server.client(&format!("a{i}")).await?, server.client(&format!("b{i}")).await?));
        }
        let (count_done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for (a, b) in people {
            let (done, stop) = (count_done.clone(), stop.clone());
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    set_up(&a, &b).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), BenchError>(())
            });
        }
        tokio::time::sleep(plan.span / 6).await;
        let (cpu, before, start) =
            (server.process().cpu()?, count_done.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(plan.span / 2).await;
        let cpu = server.process().cpu()?.saturating_sub(cpu);
        let (done, seconds) = (count_done.load(Ordering::Relaxed) - before, start.elapsed().as_secs_f64());
        stop.store(true, Ordering::Relaxed);
        while let Some(task) = tasks.join_next().await {
            task.unwrap_or(Err(BenchError::Closed))?;
        }
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let (rate, pace) = (done as f64 / cpu.as_secs_f64().max(f64::EPSILON), done as f64 / seconds);
        report.add(Row {
            what: "call set-ups per CPU-second, through WebSockets".into(),
            size: format!("{pairs} pairs"),
            figure: count(rate),
            bar: Some(("≥ 5 k".into(), Verdict::of(rate >= SOCKET_BAR))),
            conditions: format!(
                "call, delivered, accept, hang up, every answer and event awaited, no media; call records written; \
                 {} set-ups a second",
                count(pace)
            ),
        });
    }
    Ok(())
}

/// One call from the invitation to both ends.
async fn set_up(a: &Client, b: &Client) -> Result<(), BenchError> {
    let call = a.call(b.user().as_str(), MediaType::Audio).await?;
    wait_for(b, |e| matches!(e, Event::Invited { .. })).await?;
    b.accept(&call).await?;
    a.hangup(&call).await?;
    wait_for(a, |e| matches!(e, Event::Ended { .. })).await?;
    wait_for(b, |e| matches!(e, Event::Ended { .. })).await
}
