//! What is measured, how large and how long.

use clap::ValueEnum;
use std::time::Duration;

/// How long traffic is measured. A longer span makes a full run longer by ten times as much; a shorter one makes the exactness
/// of `/proc` (10 ms of CPU) visible in the figures.
const SPAN: Duration = Duration::from_secs(12);
const QUICK_SPAN: Duration = Duration::from_secs(3);

/// Users who are signed in and do nothing, in both sizes. More need more open files (`FILES` in `main.rs`).
const IDLE: [usize; 2] = [500, 2000];
const QUICK_IDLE: [usize; 2] = [100, 300];

/// Pairs of users who call each other again and again, in both sizes.
const PAIRS: [usize; 2] = [20, 200];
const QUICK_PAIRS: [usize; 2] = [5, 20];

/// A part of the table, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Figure {
    /// Call set-ups in the engine.
    Engine,
    /// Call set-ups through WebSockets.
    Setups,
    /// Memory of signed-in users.
    Idle,
    /// From `accept` to the first sound and picture, at 0 to 200 ms round trip.
    Accept,
    /// Voice calls that talk, and Janus on the same.
    Voice,
    /// Video calls that talk, the bare forwarder under the same load, and Janus on the same.
    Video,
    /// Calls of two phones through RTMP, on Tring and on nginx-rtmp.
    Streams,
    /// Calls of a phone and a browser.
    Bridge,
}

/// How large and how long.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Calls that talk at once, one size after another.
    pub(crate) calls: Vec<usize>,
    /// The same of voice calls.
    pub(crate) voice_calls: Vec<usize>,
    /// How long traffic is measured.
    pub(crate) span: Duration,
    /// Users who are signed in and do nothing, in both sizes.
    pub(crate) idle: [usize; 2],
    /// Pairs of users who call each other again and again, in both sizes.
    pub(crate) pairs: [usize; 2],
    /// Media workers of the server, and threads of the bare forwarder; at least one.
    pub(crate) workers: usize,
    /// Whether the run only shows that the bench works.
    pub(crate) quick: bool,
}

impl Plan {
    /// A full run, or a `quick` one. Without `workers` there is one a core.
    pub(crate) fn new(
        calls: Vec<usize>,
        voice_calls: Vec<usize>,
        workers: Option<usize>,
        quick: bool,
    ) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = workers.unwrap_or_else(cores).max(1);
        let (span, idle, pairs) =
            if quick { (QUICK_SPAN, QUICK_IDLE, QUICK_PAIRS) } else { (SPAN, IDLE, PAIRS) };
        Self { calls, voice_calls, span, idle, pairs, workers, quick }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_is_smaller_and_has_a_worker_at_least() {
        let (full, quick) =
            (Plan::new(vec![10], vec![10], Some(2), false), Plan::new(vec![10], vec![10], Some(0), true));
        assert!(quick.span < full.span && quick.idle < full.idle && quick.pairs < full.pairs);
        assert_eq!((full.workers, quick.workers), (2, 1));
    }
}
