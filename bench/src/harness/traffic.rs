//! What the sessions of WebRTC calls send and receive, and what that cost the server: the same sums for Tring and for Janus.

use super::report::count;
use std::time::Duration;
use tring_client::{Delays, Media, Pattern};

/// Traffic before it is measured, so that connections, key frames and buffers have settled.
pub(crate) const WARM_UP: Duration = Duration::from_secs(2);

/// Counts of all sessions together, from their beginning.
#[derive(Default)]
pub(crate) struct Totals {
    sent: u64,
    received: u64,
    delays: Delays,
}

impl Totals {
    pub(crate) fn of<'a>(sessions: impl IntoIterator<Item = &'a Media>) -> Self {
        let mut totals = Self::default();
        for media in sessions {
            let tally = media.tally();
            totals.sent += tally.sent_audio + tally.sent_video;
            totals.received += tally.packets();
            totals.delays.merge(&tally.delays);
        }
        totals
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
    /// Server CPU while traffic was measured.
    cpu: Duration,
    /// How long traffic was measured.
    seconds: f64,
    /// Packets that all clients sent meanwhile.
    sent: u64,
    /// Packets that all clients received meanwhile.
    forwarded: u64,
    delays: Delays,
}

#[allow(clippy::cast_precision_loss)] // counts far below 2^52
impl Measured {
    /// From the totals before and after the measured time, in which the server used `cpu` in `seconds`. `grown`: by how many
    /// bytes the server's memory grew with all sessions.
    pub(crate) fn new(
        calls: usize,
        join: Duration,
        grown: u64,
        (cpu, seconds): (Duration, f64),
        (before, after): (&Totals, &Totals),
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

    /// Packets a second, and the lost share of them, for the column of conditions.
    pub(crate) fn traffic(&self) -> String {
        format!("{} packets/s, {:.2} % lost", count(self.pace()), self.lost() * 100.0)
    }

    /// Share of a core that one call takes, in percent.
    pub(crate) fn core_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.seconds / self.calls as f64 * 100.0
    }

    /// Median and 99th percentile of the delay; zero where no packet came.
    pub(crate) fn delays(&self) -> (Duration, Duration) {
        let quantile = |share| self.delays.quantile(share).unwrap_or_default();
        (quantile(0.5), quantile(0.99))
    }

    /// Joins per CPU-second.
    pub(crate) fn joins(&self) -> f64 {
        1.0 / self.join.as_secs_f64().max(f64::EPSILON)
    }

    /// Forwarded packets per CPU-second.
    pub(crate) fn rate(&self) -> f64 {
        self.forwarded as f64 / self.cpu.as_secs_f64().max(f64::EPSILON)
    }

    fn pace(&self) -> f64 {
        self.forwarded as f64 / self.seconds
    }

    /// Share of the sent packets that nobody received, from 0 to 1.
    fn lost(&self) -> f64 {
        (1.0 - self.forwarded as f64 / self.sent.max(1) as f64).max(0.0)
    }
}

/// What one person sends; the number is written into each payload, as that of the sender.
pub(crate) fn pattern(person: u32, video: bool) -> Pattern {
    if video { Pattern::video_call(person) } else { Pattern::voice_call(person) }
}

/// Lets the first call of a server talk for a moment and stay in silence. It brings the code of the whole way into memory, and
/// what there is one of; that shall not be divided among the calls that are measured.
pub(crate) async fn warm_up(sessions: &[Media], video: bool) {
    for (person, media) in (0..).zip(sessions) {
        media.play(pattern(person, video)).await;
    }
    tokio::time::sleep(WARM_UP / 2).await;
    for media in sessions {
        media.stop().await;
    }
}

/// Lets everybody talk from now on. People do not start to talk at the same moment.
pub(crate) async fn start_talking(sessions: &[Media], video: bool) {
    for (person, media) in (0..).zip(sessions) {
        media.play(pattern(person, video)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
