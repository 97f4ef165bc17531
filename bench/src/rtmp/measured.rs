//! What one server came to with some calls of two phones.

use super::joins::Joins;
use super::load::Arrived;
use std::time::Duration;

/// What one server came to at one size.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) workers: usize,
    pub(super) calls: usize,
    /// Server CPU while traffic was measured.
    pub(super) cpu: Duration,
    /// How long traffic was measured.
    pub(super) seconds: f64,
    /// Memory of one call, in bytes.
    pub(super) call_bytes: f64,
    /// Frames that all phones pushed meanwhile.
    pub(super) pushed: u64,
    pub(super) arrived: Arrived,
    pub(super) joins: Joins,
}

impl Measured {
    /// Share of a core that one call takes, in percent.
    #[allow(clippy::cast_precision_loss)] // a number of calls
    pub(super) fn cpu_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.seconds / self.calls.max(1) as f64 * 100.0
    }

    /// Frames a second and the lost share of them, beside those of `other`, for the column of conditions.
    pub(super) fn tally(&self, other: Option<&Self>) -> String {
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

/// A figure of Tring and that of nginx-rtmp, if there is one, with the ratio of both.
pub(super) fn beside(ours: &str, theirs: Option<String>, ratio: String) -> String {
    match theirs {
        Some(theirs) => format!("{ours}; nginx-rtmp {theirs}{ratio}"),
        None => ours.to_owned(),
    }
}
