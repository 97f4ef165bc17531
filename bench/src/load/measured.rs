//! What the people of a load sent and received, and what that cost the server: the same sums for Tring, the bare forwarder and
//! Janus.

use super::{Load, Totals};
use crate::harness::report::{count, millis};
use crate::harness::socket_calls::SocketCalls;
use std::time::Duration;
use tring_client::{Delays, Pattern};

/// Traffic before it is measured, so that connections, key frames and buffers have settled.
pub(crate) const WARM_UP: Duration = Duration::from_secs(2);

/// The traffic of the measured time.
pub(crate) struct Traffic {
    /// Server CPU meanwhile.
    cpu: Duration,
    /// How long it was measured.
    took: Duration,
    /// Packets that all people sent meanwhile.
    sent: u64,
    /// Packets that all people received meanwhile.
    forwarded: u64,
    delays: Delays,
    /// How late packets were sent.
    late: Delays,
    calls: SocketCalls,
}

#[allow(clippy::cast_precision_loss)] // counts far below 2^52
impl Traffic {
    /// From the totals before and after the measured time.
    pub(crate) fn between(
        before: &Totals,
        after: &Totals,
        cpu: Duration,
        took: Duration,
        calls: SocketCalls,
    ) -> Self {
        Self {
            cpu,
            took,
            sent: after.sent - before.sent,
            forwarded: after.received - before.received,
            delays: after.delays.since(&before.delays),
            late: after.late.since(&before.late),
            calls,
        }
    }

    /// Packets a second, the lost share of them, how they came and how late they were sent, for the column of conditions.
    pub(crate) fn describe(&self) -> String {
        let late = self.late.quantile(0.99).unwrap_or_default();
        format!(
            "{} packets/s, {:.2} % lost, {}, sent late by p99 {}",
            count(self.pace()),
            self.lost() * 100.0,
            self.calls.describe(),
            millis(late)
        )
    }

    /// Share of a core that all took, in percent.
    fn core_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.took.as_secs_f64() * 100.0
    }

    /// Median and 99th percentile of the delay; zero where no packet came.
    pub(crate) fn delays(&self) -> (Duration, Duration) {
        let quantile = |share| self.delays.quantile(share).unwrap_or_default();
        (quantile(0.5), quantile(0.99))
    }

    /// Forwarded packets per CPU-second.
    pub(crate) fn rate(&self) -> f64 {
        self.forwarded as f64 / self.cpu.as_secs_f64().max(f64::EPSILON)
    }

    /// Forwarded packets a second.
    fn pace(&self) -> f64 {
        self.forwarded as f64 / self.took.as_secs_f64()
    }

    /// Share of the sent packets that nobody received, from 0 to 1.
    fn lost(&self) -> f64 {
        (1.0 - self.forwarded as f64 / self.sent.max(1) as f64).max(0.0)
    }
}

/// What one server came to with some calls that talk at once.
pub(crate) struct Measured {
    /// Calls at once; each has two people.
    pub(crate) calls: usize,
    /// Server CPU of one join.
    pub(crate) join: Duration,
    /// Memory of one person's session, in bytes.
    pub(crate) session_bytes: f64,
    pub(crate) traffic: Traffic,
    /// Threads of the server that carried it.
    pub(crate) threads: usize,
}

#[allow(clippy::cast_precision_loss)] // counts far below 2^52
impl Measured {
    /// `grown`: by how many bytes the server's memory grew with all sessions.
    pub(crate) fn new(calls: usize, join: Duration, grown: u64, traffic: Traffic, threads: usize) -> Self {
        Self { calls, join, session_bytes: grown as f64 / (calls * 2).max(1) as f64, traffic, threads }
    }

    /// Share of a core that one call takes, in percent.
    pub(crate) fn core_share(&self) -> f64 {
        self.traffic.core_share() / self.calls as f64
    }

    /// Joins per CPU-second.
    pub(crate) fn joins(&self) -> f64 {
        1.0 / self.join.as_secs_f64().max(f64::EPSILON)
    }
}

/// What one person sends; the number is written into each payload, as that of the sender.
pub(crate) fn pattern(person: u32, video: bool) -> Pattern {
    if video { Pattern::video_call(person) } else { Pattern::voice_call(person) }
}

/// Lets the first call of a server talk for a moment and stay in silence. It brings the code of the whole way into memory, and
/// what there is one of; that shall not be divided among the calls that are measured.
pub(crate) async fn warm_up(load: &Load) {
    load.play();
    tokio::time::sleep(WARM_UP / 2).await;
    load.silence();
}
