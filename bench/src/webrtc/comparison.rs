//! Janus on the same calls, beside Tring's figures.

use crate::harness::plan::Plan;
use crate::janus;
use crate::load::measured::Measured;

/// What Janus came to and its version, or why there is no figure of it. A failure of Janus costs its own figures and no others.
pub(super) struct Janus(Result<(Measured, String), String>);

impl Janus {
    /// Measures Janus where it is installed.
    pub(super) async fn measure(plan: &Plan, calls: usize, video: bool) -> Self {
        let Some(version) = janus::version() else {
            return Self(Err(format!("Janus not measured: {} brings it", janus::INSTALL_COMMAND)));
        };
        let measured = janus::measure(plan, calls, video).await;
        Self(
            measured
                .map(|(measured, profile)| (measured, format!("{version}, {profile}")))
                .map_err(|e| format!("Janus not measured: {e}")),
        )
    }

    /// No figure of it, for there are too many calls.
    pub(super) fn left_out() -> Self {
        Self(Err("Janus not measured with so many".into()))
    }

    /// What it came to, if it was measured.
    pub(super) fn measured(&self) -> Option<&Measured> {
        self.0.as_ref().ok().map(|(measured, _)| measured)
    }

    /// A figure of Janus and Tring's as a ratio of it, to be appended to Tring's; empty if Janus was not measured.
    pub(super) fn beside(
        &self,
        tring: f64,
        figure: impl Fn(&Measured) -> f64,
        show: impl Fn(f64) -> String,
    ) -> String {
        let Some(janus) = self.measured().map(figure) else { return String::new() };
        format!("; Janus {}: ×{:.2}", show(janus), tring / janus.max(f64::EPSILON))
    }

    /// Version, profile and traffic for the column of conditions, or why it was not measured.
    pub(super) fn describe(&self) -> String {
        match &self.0 {
            Ok((measured, version)) => format!("Janus {version}: {}", measured.traffic.describe()),
            // One line of the table.
            Err(why) => why.replace(['\n', '|'], " "),
        }
    }
}
