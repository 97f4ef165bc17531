//! The rows of one size of calls that talk: CPU, delay, joins and memory.

use super::comparison::Janus;
use crate::harness::report::{Report, Row, Verdict, count, kib, millis};
use crate::load::measured::Measured;
use std::time::Duration;

/// CPU of one join that is met.
const JOIN_BAR: Duration = Duration::from_millis(1);

/// Median and 99th percentile of the forward delay that are met, and the number of video calls at which they are judged.
const DELAY_BAR: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(1));
const DELAY_CALLS: usize = 40;

/// How much more one call may cost among many than among few.
const FLAT_BAR: f64 = 1.15;

/// Adds the row that says whether a voice call costs the same among many.
pub(super) fn add_flat(sizes: &[Measured], report: &mut Report) {
    let Some((first, rest)) = sizes.split_first().filter(|(_, rest)| !rest.is_empty()) else { return };
    let share = |m: &Measured| m.core_share() / first.core_share().max(f64::EPSILON);
    let list = |f: &dyn Fn(&Measured) -> String| sizes.iter().map(f).collect::<Vec<_>>().join(" / ");
    report.add(Row {
        what: "server CPU per voice call, among few and among many".into(),
        size: format!("{} calls", list(&|m| m.calls.to_string())),
        figure: format!(
            "{} % of a core: {}",
            list(&|m| format!("{:.2}", m.core_share())),
            list(&|m| format!("×{:.2}", share(m)))
        ),
        bar: Some((
            format!("≤ ×{FLAT_BAR:.2} at any size"),
            Verdict::of(rest.iter().all(|m| share(m) <= FLAT_BAR)),
        )),
        conditions: "less is met: packets that come together share their wake-ups and system calls".into(),
    });
}

/// Adds the rows of one size. `kind`: voice or video; `session_bar`: bytes of one session that are met.
pub(super) fn add(tring: &Measured, kind: &str, session_bar: f64, janus: &Janus, report: &mut Report) {
    let size = format!("{} calls", tring.calls);
    let share = |s: f64| format!("{s:.2} %");
    report.add(Row {
        what: format!("server CPU per {kind} call"),
        size: size.clone(),
        figure: format!(
            "{} of a core{}",
            share(tring.core_share()),
            janus.beside(tring.core_share(), Measured::core_share, share)
        ),
        bar: None,
        conditions: "both directions".into(),
    });
    let (p50, p99) = tring.traffic.delays();
    let met = p50 <= DELAY_BAR.0 && p99 <= DELAY_BAR.1;
    let barred = tring.calls == DELAY_CALLS && kind == "video";
    let beside = match janus.measured() {
        Some(t) => {
            let (q50, q99) = t.traffic.delays();
            let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64().max(f64::EPSILON);
            let (r50, r99) = (ratio(p50, q50), ratio(p99, q99));
            format!("; Janus {} / {}: ×{r50:.2} / ×{r99:.2}", millis(q50), millis(q99))
        }
        None => String::new(),
    };
    report.add(Row {
        what: format!("forward delay p50 / p99, {kind} calls"),
        size: size.clone(),
        figure: format!("{} / {}{beside}", millis(p50), millis(p99)),
        bar: barred.then(|| ("≤ 0.1 / 1 ms".into(), Verdict::of(met))),
        conditions:
            "from just before a client seals and sends a packet until just after the other has read it; both clients' \
             system calls and their thread's turn on the same cores included"
                .into(),
    });
    let joins = tring.calls * 2;
    report.add(Row {
            what: format!("joins per CPU-second, {kind}"),
            size: format!("{joins} joins"),
            figure: format!(
                "{}, {} each{}",
                count(tring.joins()),
                millis(tring.join),
                janus.beside(tring.joins(), Measured::joins, count)
            ),
            bar: Some(("≤ 1.0 ms each".into(), Verdict::of(tring.join <= JOIN_BAR))),
            conditions: "offer and answer through the WebSocket, ICE, DTLS; one call after another; Janus: a person's two \
                         connections, one to send and one to receive"
                .into(),
        });
    report.add(Row {
            what: format!("memory per {kind} session"),
            size: format!("{joins} sessions"),
            figure: format!(
                "{}{}",
                kib(tring.session_bytes),
                janus.beside(tring.session_bytes, |t| t.session_bytes, kib)
            ),
            bar: Some((
                format!("≤ {:.0} KiB", session_bar / 1024.0),
                Verdict::of(tring.session_bytes <= session_bar),
            )),
            conditions: "growth from calls connected without media to the end of the traffic, beyond a first call that \
                         had talked; a session is a person: of Janus two connections, from rooms entered without media"
                .into(),
        });
}
