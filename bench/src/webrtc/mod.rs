//! Calls that talk: CPU per call and per join, forwarded packets per CPU-second, delay, memory per session.

use crate::harness::error::BenchError;
use crate::harness::report::{Report, Row, Verdict, count, kib, millis};
use crate::harness::server::Server;
use crate::{Plan, bare_forwarder, janus};
use std::path::Path;
use std::time::{Duration, Instant};
use tring_client::{CallId, Client, Delays, Event, Media, MediaOptions, MediaType, Pattern};

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
pub(crate) struct Talked {
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
        let limit = bare_forwarder::measure(plan, calls).await?;
        let other = Beside::measure(plan, calls, true).await;
        let (rate, bare) = (talked.rate(), limit.rate());
        let share = rate / bare.max(f64::EPSILON);
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 video calls".into(),
            size: format!("{calls} calls"),
            figure: format!(
                "{}; {:.0} % of the bare forwarder's {}{}",
                count(rate),
                share * 100.0,
                count(bare),
                other.beside(rate, Talked::rate, count)
            ),
            bar: Some((LIMIT_SHARE_BAR.into(), Verdict::Apart("congestion control is off here"))),
            conditions: format!(
                "{}; bare forwarder {} packets/s; {}",
                talked.traffic(),
                count(limit.pace()),
                other.describe()
            ),
        });
        talked.report("video", VIDEO_SESSION_BAR, &other, report);
    }
    Ok(())
}

/// Voice calls.
pub(crate) async fn voice(binary: &Path, plan: &Plan, report: &mut Report) -> Result<(), BenchError> {
    for &calls in &plan.calls {
        let talked = talk(binary, plan, calls, false).await?;
        let other = Beside::measure(plan, calls, false).await;
        report.add(Row {
            what: "forwarded packets per CPU-second, 1:1 voice calls".into(),
            size: format!("{calls} calls"),
            figure: format!("{}{}", count(talked.rate()), other.beside(talked.rate(), Talked::rate, count)),
            bar: None,
            conditions: format!("{}; {}", talked.traffic(), other.describe()),
        });
        talked.report("voice", VOICE_SESSION_BAR, &other, report);
    }
    Ok(())
}

/// Janus on the same calls, or why there is no figure of it. Its failure costs its own figures and no others.
struct Beside(Result<(Talked, String), String>);

impl Beside {
    async fn measure(plan: &Plan, calls: usize, video: bool) -> Self {
        let Some(version) = janus::version() else {
            return Self(Err(format!("Janus not measured: {} brings it", janus::HOW)));
        };
        let talked = janus::talk(plan, calls, video).await;
        Self(
            talked
                .map(|(t, profile)| (t, format!("{version}, {profile}")))
                .map_err(|e| format!("Janus not measured: {e}")),
        )
    }

    /// Its figure behind ours, and ours as a ratio of it.
    fn beside(&self, ours: f64, of: impl Fn(&Talked) -> f64, show: impl Fn(f64) -> String) -> String {
        let Ok((theirs, _)) = &self.0 else { return String::new() };
        let theirs = of(theirs);
        format!("; Janus {}: ×{:.2}", show(theirs), ours / theirs.max(f64::EPSILON))
    }

    fn describe(&self) -> String {
        match &self.0 {
            Ok((talked, version)) => format!("Janus {version}: {}", talked.traffic()),
            // One line of the table.
            Err(why) => why.replace(['\n', '|'], " "),
        }
    }
}

#[allow(clippy::cast_precision_loss)] // counts far below 2^52
impl Talked {
    /// From what was counted before and after. `grown`: memory of all together; a session is a person.
    pub(crate) fn new(
        calls: usize,
        join: Duration,
        grown: u64,
        (cpu, seconds): (Duration, f64),
        (before, after): (&Sum, &Sum),
    ) -> Self {
        Self {
            calls,
            join,
            session_bytes: grown as f64 / (calls * 2).max(1) as f64,
            cpu,
            seconds,
            sent: after.sent - before.sent,
            forwarded: after.received - before.received,
            delays: after.delays.since(&before.delays),
        }
    }

    fn traffic(&self) -> String {
        format!("{} packets/s, {:.2} % lost", count(self.pace()), self.lost() * 100.0)
    }

    /// Share of a core that one call takes, in hundredths.
    fn core_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.seconds / self.calls as f64 * 100.0
    }

    fn quantiles(&self) -> (Duration, Duration) {
        let quantile = |share| self.delays.quantile(share).unwrap_or_default();
        (quantile(0.5), quantile(0.99))
    }

    /// Joins per CPU-second.
    fn joins(&self) -> f64 {
        1.0 / self.join.as_secs_f64().max(f64::EPSILON)
    }

    fn rate(&self) -> f64 {
        self.forwarded as f64 / self.cpu.as_secs_f64().max(f64::EPSILON)
    }

    fn pace(&self) -> f64 {
        self.forwarded as f64 / self.seconds
    }

    fn lost(&self) -> f64 {
        (1.0 - self.forwarded as f64 / self.sent.max(1) as f64).max(0.0)
    }

    fn report(&self, kind: &str, session_bar: f64, other: &Beside, report: &mut Report) {
        let size = format!("{} calls", self.calls);
        let share = |s: f64| format!("{s:.2} %");
        report.add(Row {
            what: format!("server CPU per {kind} call"),
            size: size.clone(),
            figure: format!(
                "{} of a core{}",
                share(self.core_share()),
                other.beside(self.core_share(), Self::core_share, share)
            ),
            bar: None,
            conditions: "both directions".into(),
        });
        let (p50, p99) = self.quantiles();
        let met = p50 <= DELAY_BAR.0 && p99 <= DELAY_BAR.1;
        let barred = self.calls == DELAY_CALLS && kind == "video";
        let theirs = match &other.0 {
            Ok((t, _)) => {
                let (q50, q99) = t.quantiles();
                let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64().max(f64::EPSILON);
                let (r50, r99) = (ratio(p50, q50), ratio(p99, q99));
                format!("; Janus {} / {}: ×{r50:.2} / ×{r99:.2}", millis(q50), millis(q99))
            }
            Err(_) => String::new(),
        };
        report.add(Row {
            what: format!("forward delay p50 / p99, {kind} calls"),
            size: size.clone(),
            figure: format!("{} / {}{theirs}", millis(p50), millis(p99)),
            bar: barred.then(|| ("≤ 0.1 / 1 ms".into(), Verdict::of(met))),
            conditions: "from a client's payload to the other's, both clients' SRTP, socket and scheduler on the same \
                         cores included"
                .into(),
        });
        let joins = self.calls * 2;
        report.add(Row {
            what: format!("joins per CPU-second, {kind}"),
            size: format!("{joins} joins"),
            figure: format!(
                "{}, {} each{}",
                count(self.joins()),
                millis(self.join),
                other.beside(self.joins(), Self::joins, count)
            ),
            bar: Some(("≤ 1.5 ms each".into(), Verdict::of(self.join <= JOIN_BAR))),
            conditions: "offer and answer through the WebSocket, ICE, DTLS; one call after another; Janus: a person's two \
                         connections, one to send and one to receive"
                .into(),
        });
        report.add(Row {
            what: format!("memory per {kind} session"),
            size: format!("{joins} sessions"),
            figure: format!(
                "{}{}",
                kib(self.session_bytes),
                other.beside(self.session_bytes, |t| t.session_bytes, kib)
            ),
            bar: Some((
                format!("≤ {:.0} KiB", session_bar / 1024.0),
                Verdict::of(self.session_bytes <= session_bar),
            )),
            conditions: "growth from calls connected without media to the end of the traffic, beyond a first call that \
                         had talked; a session is a person: of Janus two connections, from rooms entered without media"
                .into(),
        });
    }
}

async fn talk(binary: &Path, plan: &Plan, calls: usize, video: bool) -> Result<Talked, BenchError> {
    let server = Server::start(binary, plan.workers).await?;
    let process = server.process();
    let first = pair(&server, "first", video).await?;
    let first = connect(&first, video).await?;
    warm(&first, video).await;
    let mut clients = Vec::new();
    for i in 0..calls {
        clients.push(pair(&server, &i.to_string(), video).await?);
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
    for (i, media) in (0..).zip(&sessions) {
        media.play(pattern(i, video)).await;
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
    Ok(Talked::new(calls, join, grown, (cpu, seconds), (&before, &after)))
}

/// Two people in an answered call.
type Pair = (Client, Client, CallId);

async fn pair(server: &Server, name: &str, video: bool) -> Result<Pair, BenchError> {
    let (a, b) = (server.client(&format!("a{name}")).await?, server.client(&format!("b{name}")).await?);
    let kind = if video { MediaType::Video } else { MediaType::Audio };
    let call = a.call(b.user().as_str(), kind).await?;
    wait(&b, |e| matches!(e, Event::Invited { .. })).await?;
    b.accept(&call).await?;
    wait(&a, |e| matches!(e, Event::Accepted { .. })).await?;
    Ok((a, b, call))
}

/// Their media, connected.
async fn connect((a, b, call): &Pair, video: bool) -> Result<[Media; 2], BenchError> {
    let options = || if video { MediaOptions::video() } else { MediaOptions::voice() };
    let (a, b) = tokio::try_join!(Media::connect(a, call, options()), Media::connect(b, call, options()))?;
    let both = async { tokio::try_join!(a.connected(), b.connected()) };
    tokio::time::timeout(STEP, both).await.map_err(|_| BenchError::Late("a join"))??;
    Ok([a, b])
}

/// The first call of a server brings the code of the whole way into memory, and what there is one of. That is not divided
/// among the calls that are measured: it talks for a moment and then stays, in silence.
pub(crate) async fn warm(sessions: &[Media], video: bool) {
    for (i, media) in (0..).zip(sessions) {
        media.play(pattern(i, video)).await;
    }
    tokio::time::sleep(WARM_UP / 2).await;
    for media in sessions {
        media.stop().await;
    }
}

/// What person `i` sends.
pub(crate) fn pattern(i: u32, video: bool) -> Pattern {
    if video { Pattern::video_call(i) } else { Pattern::voice_call(i) }
}

/// All sessions together.
#[derive(Default)]
pub(crate) struct Sum {
    sent: u64,
    received: u64,
    delays: Delays,
}

impl Sum {
    pub(crate) fn of<'a>(sessions: impl IntoIterator<Item = &'a Media>) -> Self {
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
