//! The figures of both servers side by side.

use super::measured::{Measured, beside};
use super::nginx;
use crate::harness::durations::Durations;
use crate::harness::report::{Report, Row, Verdict, kib};
use std::time::Duration;

/// 99th percentiles of the delay and of the first picture that are met, besides what nginx reaches.
const DELAY_BAR: Duration = Duration::from_millis(30);
const FIRST_PICTURE_BAR: Duration = Duration::from_millis(300);

/// Adds the rows of one size. `alone`: Tring with one worker, if `tring` has more. `other`: what nginx came to, and its version.
pub(super) fn add(
    tring: &Measured,
    alone: Option<&Measured>,
    other: Option<(&Measured, &str)>,
    report: &mut Report,
) {
    let size = format!("{} calls", tring.calls);
    let measured = other.map(|(m, _)| m);
    let name = match other {
        Some((_, version)) => format!("nginx {version} with its RTMP module"),
        None => format!("nginx-rtmp not measured: {} brings it", nginx::INSTALL_COMMAND),
    };
    for m in std::iter::once(tring).chain(alone) {
        let (ours, theirs) = (m.cpu_share(), measured.map(Measured::cpu_share));
        let workers =
            if m.workers == 1 { "one media worker".into() } else { format!("{} media workers", m.workers) };
        report.add(Row {
            what: "server CPU per call of two phones, RTMP".into(),
            size: format!("{size}, {workers}"),
            figure: beside(
                &format!("{ours:.2} % of a core"),
                theirs.map(|t| format!("{t:.2} %")),
                ratio(ours, theirs),
            ),
            bar: Some(less(ours, theirs)),
            conditions: format!("both directions; {name}; {}", m.tally(measured)),
        });
    }
    let mut row = |what: &str, figure: String, bar: (String, Verdict), conditions: String| {
        report.add(Row { what: what.into(), size: size.clone(), figure, bar: Some(bar), conditions });
    };

    for (what, of) in [
        ("delay p50 / p99, phone to phone, sound", (|m| &m.arrived.sound) as fn(&Measured) -> &Durations),
        ("delay p50 / p99, phone to phone, picture", |m| &m.arrived.picture),
    ] {
        let theirs = measured.map(of);
        let met = of(tring).p99() <= DELAY_BAR;
        row(
            what,
            beside(&of(tring).quantiles(), theirs.map(Durations::quantiles), String::new()),
            ("p99 ≤ 30 ms".into(), Verdict::of(met)),
            "Tring reads pushers every 8 ms; from before a frame is written to a socket until it was read whole; both clients' threads, sockets and \
             scheduler on the same cores included"
                .into(),
        );
    }
    let (joins, theirs) = (&tring.joins.connected, measured.map(|m| &m.joins.connected));
    let met = joins.p99() <= FIRST_PICTURE_BAR && theirs.is_none_or(|t| joins.p99() <= t.p99());
    row(
        "first picture of who joins p50 / p99, RTMP",
        beside(&joins.quantiles(), theirs.map(Durations::quantiles), String::new()),
        (bar("p99 ≤ 300 ms", measured), Verdict::of(met)),
        format!(
            "from the beginning of the TCP connection to a whole key frame, its header before it; {} joins, at any moment \
             between two key frames; from `play` {}",
            joins.count(),
            beside(
                &tring.joins.asked.quantiles(),
                measured.map(|m| m.joins.asked.quantiles()),
                String::new()
            )
        ),
    );
    let (ours, theirs) = (tring.call_bytes, measured.map(|m| m.call_bytes));
    report.add(Row {
        what: "memory per call of two phones, RTMP".into(),
        size,
        figure: beside(&kib(ours), theirs.map(kib), ratio(ours, theirs)),
        bar: None,
        conditions: "growth from calls connected without media to the end of the traffic: four connections, and up to 220 \
                     KiB of pictures a phone for who joins, for whom nginx-rtmp keeps none"
            .into(),
    });
}

/// A bar, and nginx's figure as another where it was measured.
fn bar(own: &str, other: Option<&Measured>) -> String {
    if other.is_some() { format!("{own} and ≤ nginx-rtmp's") } else { own.into() }
}

fn ratio(ours: f64, theirs: Option<f64>) -> String {
    theirs.map_or_else(String::new, |t| format!(": {:.0} %", ours / t.max(f64::EPSILON) * 100.0))
}

fn less(ours: f64, theirs: Option<f64>) -> (String, Verdict) {
    let verdict = match theirs {
        Some(theirs) => Verdict::of(ours < theirs),
        None => Verdict::Apart("it is not installed"),
    };
    ("less than nginx-rtmp".into(), verdict)
}
