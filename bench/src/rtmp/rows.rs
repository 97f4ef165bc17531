//! The figures of both servers side by side.

use super::load::Ages;
use super::{Measured, nginx};
use crate::harness::report::{Report, Row, Verdict, kib, millis};
use std::time::Duration;

/// What must be reached besides what nginx reaches (design, §7).
const DELAY_BAR: Duration = Duration::from_millis(30);
const FIRST_PICTURE_BAR: Duration = Duration::from_millis(300);

/// Adds the rows of one size. `alone`: Tring with one worker, if `tring` has more. `other`: nginx, and its version.
pub(crate) fn add(
    tring: &Measured,
    alone: Option<&Measured>,
    other: Option<(&Measured, &str)>,
    report: &mut Report,
) {
    let size = format!("{} calls", tring.calls);
    let measured = other.map(|(m, _)| m);
    let name = match other {
        Some((_, version)) => format!("nginx {version} with its RTMP module"),
        None => format!("nginx-rtmp not measured: {} brings it", nginx::HOW),
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
        ("delay p50 / p99, phone to phone, sound", (|m| &m.arrived.sound) as fn(&Measured) -> &Ages),
        ("delay p50 / p99, phone to phone, picture", |m| &m.arrived.picture),
    ] {
        let theirs = measured.map(of);
        let met = worst(of(tring)) <= DELAY_BAR;
        row(
            what,
            beside(&quantiles(of(tring)), theirs.map(quantiles), String::new()),
            ("p99 ≤ 30 ms".into(), Verdict::of(met)),
            "Tring reads pushers every 8 ms; from before a frame is written to a socket until it was read whole; both clients' threads, sockets and \
             scheduler on the same cores included"
                .into(),
        );
    }
    let (joins, theirs) = (&tring.joins.connected, measured.map(|m| &m.joins.connected));
    let met = worst(joins) <= FIRST_PICTURE_BAR && theirs.is_none_or(|t| worst(joins) <= worst(t));
    row(
        "first picture of who joins p50 / p99, RTMP",
        beside(&quantiles(joins), theirs.map(quantiles), String::new()),
        (bar("p99 ≤ 300 ms", measured), Verdict::of(met)),
        format!(
            "from the beginning of the TCP connection to a whole key frame, its header before it; {} joins, at any moment \
             between two key frames; from `play` {}",
            joins.count(),
            beside(
                &quantiles(&tring.joins.asked),
                measured.map(|m| quantiles(&m.joins.asked)),
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

impl Measured {
    /// CPU of one call, in hundredths of a core.
    #[allow(clippy::cast_precision_loss)] // a number of calls
    fn cpu_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.seconds / self.calls.max(1) as f64 * 100.0
    }

    /// Frames a second, and what did not come.
    fn tally(&self, other: Option<&Self>) -> String {
        let lost = beside(&self.lost(), other.map(Self::lost), String::new());
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let pace = self.pushed as f64 / self.seconds;
        format!("{pace:.0} frames/s; lost: {lost}")
    }

    /// Share of the frames that did not come. Those at the ends of the time are counted in one and not in the other.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn lost(&self) -> String {
        let came = self.arrived.sound.count() + self.arrived.picture.count();
        let lost = 1.0 - came as f64 / self.pushed.max(1) as f64;
        format!("{:.2} %", lost.max(0.0) * 100.0)
    }
}

fn worst(ages: &Ages) -> Duration {
    // Nothing came: no bar is met.
    ages.quantile(0.99).unwrap_or(Duration::MAX)
}

pub(crate) fn quantiles(ages: &Ages) -> String {
    match (ages.quantile(0.5), ages.quantile(0.99)) {
        (Some(p50), Some(p99)) => format!("{} / {}", millis(p50), millis(p99)),
        _ => "none".into(),
    }
}

fn beside(ours: &str, theirs: Option<String>, ratio: String) -> String {
    match theirs {
        Some(theirs) => format!("{ours}; nginx-rtmp {theirs}{ratio}"),
        None => ours.to_owned(),
    }
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
