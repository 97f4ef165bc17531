//! Calls that talk: CPU per call and per join, forwarded packets per CPU-second, delay, memory per session.

use crate::error::BenchError;
use crate::report::{Report, Row, Verdict, count, kib, millis};
use crate::server::Server;
use crate::{Plan, limit};
use std::path::Path;
use std::time::{Duration, Instant};
use tring_client::{Client, Delays, Event, Media, MediaOptions, MediaType, Pattern};

/// What must be reached (design, §7).
const LIMIT_SHARE_BAR: &str = "≥ 60 % of the bare forwarder, congestion control on";
const JOIN_BAR: Duration = Duration::from_micros(1500);
const DELAY_BAR: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(1));
const VOICE_SESSION_BAR: f64 = 150.0 * 1024.0;
const VIDEO_SESSION_BAR: f64 = 400.0 * 1024.0;

/// The size at which the delay has a bar.
const DELAY_CALLS: usize = 40;

/// Traffic before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// A step of one call may take this long.
const STEP: Duration = Duration::from_secs(20);

/// What one size came to.
struct Talked {
    calls: usize,
    /// Server CPU of one join.
    join: Duration,
    /// Memory of one session, in bytes.
    session_bytes: f64,
    /// Server CPU while it was measured.
    cpu: Duration,
    seconds: f64,
    sent: u64,
    forwarded: u64,
    delays: Delays,
}

/// Video calls, and the bare forwarder at the same rate.
pub(crate) async fn video(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for &calls in &plan.calls {
        let talked = talk(binary, plan, calls, true).await?;
        let limit = limit::measure(plan, calls).await?;
        let (rate, bare) = (talked.rate(), limit.rate());
        let share = rate / bare.max(f64::EPSILON);
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 video calls".into(),
            size: format!("{calls} calls"),
            figure: format!(
                "{}; {:.0} % of the bare forwarder's {}",
                count(rate),
                share * 100.0,
                count(bare)
            ),
            bar: Some((LIMIT_SHARE_BAR.into(), Verdict::Apart("congestion control is off here"))),
            conditions: format!(
                "{} packets/s; {:.2} % lost; bare forwarder {} packets/s",
                count(talked.pace()),
                talked.lost() * 100.0,
                count(limit.pace())
            ),
        });
        talked.report("video", VIDEO_SESSION_BAR, report);
    }
    Ok(())
}

/// Voice calls.
pub(crate) async fn voice(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for &calls in &plan.calls {
        let talked = talk(binary, plan, calls, false).await?;
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 voice calls".into(),
            size: format!("{calls} calls"),
            figure: count(talked.rate()),
            bar: None,
            conditions: format!("{} packets/s; {:.2} % lost", count(talked.pace()), talked.lost() * 100.0),
        });
        talked.report("voice", VOICE_SESSION_BAR, report);
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // counts far below 2^52
impl Talked {
    fn rate(&self) -> f64 {
        self.forwarded as f64 / self.cpu.as_secs_f64().max(f64::EPSILON)
    }

    fn pace(&self) -> f64 {
        self.forwarded as f64 / self.seconds
    }

    fn lost(&self) -> f64 {
        (1.0 - self.forwarded as f64 / self.sent.max(1) as f64).max(0.0)
    }

    fn report(&self, kind: &str, session_bar: f64, report: &mut Report) {
        let Self { calls, join, session_bytes, cpu, seconds, delays, .. } = self;
        let size = format!("{calls} calls");
        report.add(Row {
            what: format!("server CPU per {kind} call"),
            size: size.clone(),
            figure: format!("{:.2} % of a core", cpu.as_secs_f64() / seconds / *calls as f64 * 100.0),
            bar: None,
            conditions: "both directions".into(),
        });
        let quantile = |share| delays.quantile(share).unwrap_or_default();
        let (p50, p99) = (quantile(0.5), quantile(0.99));
        let met = p50 <= DELAY_BAR.0 && p99 <= DELAY_BAR.1;
        let barred = *calls == DELAY_CALLS && kind == "video";
        report.add(Row {
            what: format!("forward delay p50 / p99, {kind} calls"),
            size: size.clone(),
            figure: format!("{} / {}", millis(p50), millis(p99)),
            bar: barred.then(|| ("≤ 0.1 / 1 ms".into(), Verdict::of(met))),
            conditions: "from a client's payload to the other's, both clients' SRTP, socket and scheduler on the same \
                         cores included"
                .into(),
        });
        report.add(Row {
            what: format!("CPU per join, {kind}"),
            size: format!("{} joins", calls * 2),
            figure: millis(*join),
            bar: Some(("≤ 1.5 ms".into(), Verdict::of(*join <= JOIN_BAR))),
            conditions: "offer and answer through the WebSocket, ICE, DTLS; one call after another".into(),
        });
        report.add(Row {
            what: format!("memory per {kind} session"),
            size: format!("{} sessions", calls * 2),
            figure: kib(*session_bytes),
            bar: Some((
                format!("≤ {:.0} KiB", session_bar / 1024.0),
                Verdict::of(*session_bytes <= session_bar),
            )),
            conditions: "growth from calls connected without media to the end of the traffic".into(),
        });
    }
}

async fn talk(binary: &Path, plan: &Plan, calls: usize, video: bool) -> Result<Talked, BenchError> {
    let server = Server::start(binary, plan.workers).await?;
    let process = server.process();
    let kind = if video { MediaType::Video } else { MediaType::Audio };
    let mut clients = Vec::new();
    for i in 0..calls {
        let (a, b) = (server.client(&format!("a{i}")).await?, server.client(&format!("b{i}")).await?);
        let call = a.call(b.user().as_str(), kind).await?;
        wait(&b, |e| matches!(e, Event::Invited { .. })).await?;
        b.accept(&call).await?;
        wait(&a, |e| matches!(e, Event::Accepted { .. })).await?;
        clients.push((a, b, call));
    }
    tokio::time::sleep(WARM_UP / 2).await;
    let bytes = process.resident()?;
    let cpu = process.cpu()?;
    let mut sessions = Vec::new();
    for (a, b, call) in &clients {
        let options = || if video { MediaOptions::video() } else { MediaOptions::voice() };
        let (a, b) =
            tokio::try_join!(Media::connect(a, call, options()), Media::connect(b, call, options()))?;
        let both = async { tokio::try_join!(a.connected(), b.connected()) };
        tokio::time::timeout(STEP, both).await.map_err(|_| BenchError::Late("a join"))??;
        sessions.extend([a, b]);
    }
    let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX);
    let join = process.cpu()?.saturating_sub(cpu) / count;
    for (i, media) in (0..).zip(&sessions) {
        let pattern = if video { Pattern::video_call(i) } else { Pattern::voice_call(i) };
        media.play(pattern).await;
        // People do not start to talk at the same moment.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(WARM_UP).await;
    let before = Sum::of(&sessions);
    let (cpu, start) = (process.cpu()?, Instant::now());
    tokio::time::sleep(plan.span).await;
    let after = Sum::of(&sessions);
    let (cpu, seconds) = (process.cpu()?.saturating_sub(cpu), start.elapsed().as_secs_f64());
    let grown = process.resident()?.saturating_sub(bytes);
    for (a, _, call) in &clients {
        a.hangup(call).await?;
    }
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let session_bytes = grown as f64 / f64::from(count);
    Ok(Talked {
        calls,
        join,
        session_bytes,
        cpu,
        seconds,
        sent: after.sent - before.sent,
        forwarded: after.received - before.received,
        delays: after.delays.since(&before.delays),
    })
}

/// All sessions together.
#[derive(Default)]
struct Sum {
    sent: u64,
    received: u64,
    delays: Delays,
}

impl Sum {
    fn of(sessions: &[Media]) -> Self {
        let mut sum = Self::default();
        for media in sessions {
            let tally = media.tally();
            sum.sent += tally.sent_audio + tally.sent_video;
            sum.received += tally.packets();
            sum.delays.merge(&tally.delays);
        }
        sum
    }
}

/// Waits for an event.
pub(crate) async fn wait(client: &Client, wanted: impl Fn(&Event) -> bool) -> Result<(), BenchError> {
    let found = async {
        while let Some(event) = client.next_event().await {
            if wanted(&event) {
                return Ok(());
            }
        }
        Err(BenchError::Closed)
    };
    tokio::time::timeout(STEP, found).await.map_err(|_| BenchError::Late("a step of a call"))?
}
