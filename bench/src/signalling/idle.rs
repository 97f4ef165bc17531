//! Memory of users who are signed in and do nothing.

use crate::harness::error::BenchError;
use crate::harness::plan::Plan;
use crate::harness::report::{Report, Row, Verdict, kib};
use crate::harness::server::Server;
use std::path::Path;
use std::time::Duration;

/// Bytes of one idle user that are met.
const BAR: f64 = 16.0 * 1024.0;

/// Users before the count starts, so that what the server sets up once is not divided among the others.
const FIRST: usize = 50;

/// Pause before the memory of a server at rest is read.
const REST: Duration = Duration::from_secs(2);

/// Measures at both sizes, through plain sockets and through TLS, each on one server that grows.
pub(crate) async fn measure(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    let plain = Server::start(binary, plan.workers).await?;
    let bar = |each: f64| Some(("≤ 16 KiB".into(), Verdict::of(each <= BAR)));
    grow(&plain, ("memory per signed-in idle user", "plain WebSocket"), plan, bar, report).await?;
    drop(plain);
    let secure = Server::start_secure(binary, plan.workers).await?;
    let what =
        ("memory per signed-in idle user, TLS", "WebSocket through the server's own HTTPS port, TLS 1.3");
    grow(&secure, what, plan, |_| None, report).await
}

/// The rows of one kind of socket.
async fn grow(
    server: &Server,
    (what, socket): (&str, &str),
    plan: &Plan,
    bar: impl Fn(f64) -> Option<(String, Verdict)>,
    report: &mut Report,
) -> Result<(), BenchError> {
    let mut users = Vec::new();
    for i in 0..FIRST {
        users.push(server.client(&format!("idle-{i}")).await?);
    }
    tokio::time::sleep(REST).await;
    let empty = server.process().resident()?;
    for size in plan.idle {
        let cpu = server.process().cpu()?;
        let before = users.len();
        while users.len() < size + FIRST {
            users.push(server.client(&format!("idle-{}", users.len())).await?);
        }
        let cpu = server.process().cpu()?.saturating_sub(cpu);
        tokio::time::sleep(REST).await;
        let grown = server.process().resident()?.saturating_sub(empty);
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let each = grown as f64 / size as f64;
        let sign_ins = u32::try_from(users.len() - before).unwrap_or(u32::MAX).max(1);
        report.add(Row {
            what: what.into(),
            size: format!("{size} users"),
            figure: kib(each),
            bar: bar(each),
            conditions: format!(
                "{socket}, one device each; beyond the first {FIRST}; a sign-in takes {:.2} ms of CPU",
                (cpu / sign_ins).as_secs_f64() * 1e3
            ),
        });
    }
    Ok(())
}
