//! What a session sent, received and lost, second by second.
//!
//! | | what is counted |
//! |---|---|
//! | sent, to a peer that confirms each packet (transport-wide feedback) | what the feedback of the second says |
//! | sent, to one that does not (a voice of Firefox) | its receiver reports: packets lost so far, highest sequence number, and what that makes since the report before |
//! | received | gaps in the numbers of each stream |

use super::twcc::Confirmed;
use crate::room::network_level::{Feedback, Sample, Tally};
use crate::rtcp::reports::ReportBlock;
use std::time::Duration;

/// A longer jump of a stream's numbers is another stream and no loss.
const MAX_GAP: u32 = 3_000;

/// Streams whose reports are remembered. A peer has a few of these.
const MAX_REPORTS: usize = 64;

/// What a receiver report said last of a stream.
#[derive(Debug)]
struct Report {
    ssrc: u32,
    highest: u32,
    lost: i32,
}

/// The counts of one session since the second before.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Packets sent that feedback is due for.
    sent: u32,
    /// What feedback said of packets.
    confirmed: Tally,
    /// Feedback came.
    came: bool,
    reports: Vec<Report>,
    /// What receiver reports said.
    reported: Tally,
    /// The newest round trip that was measured.
    round_trip: Option<Duration>,
}

impl Traffic {
    /// A packet was sent to a peer that confirms each.
    pub(super) fn sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    /// Transport-wide feedback came.
    pub(super) fn confirmed(&mut self, confirmed: &Confirmed) {
        self.came |= confirmed.received > 0 || confirmed.lost > 0;
        let expected = confirmed.received.saturating_add(confirmed.lost);
        self.confirmed.expected = self.confirmed.expected.saturating_add(expected);
        self.confirmed.lost =
            self.confirmed.lost.saturating_add(confirmed.lost).saturating_sub(confirmed.late);
    }

    /// A receiver that does not confirm each packet has told of a stream.
    pub(super) fn reported(&mut self, block: &ReportBlock) {
        let Some(report) = self.reports.iter_mut().find(|r| r.ssrc == block.ssrc) else {
            if self.reports.len() < MAX_REPORTS {
                self.reports.push(Report { ssrc: block.ssrc, highest: block.highest, lost: block.lost });
            }
            return;
        };
        let expected = block.highest.saturating_sub(report.highest);
        if expected == 0 {
            return; // The report before, still.
        }
        let lost = block.lost.saturating_sub(report.lost).max(0).unsigned_abs().min(expected);
        if expected <= MAX_GAP {
            self.reported.expected = self.reported.expected.saturating_add(expected);
            self.reported.lost = self.reported.lost.saturating_add(lost);
        }
        (report.highest, report.lost) = (block.highest, block.lost);
    }

    /// A round trip was measured.
    pub(super) fn measured(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
    }

    /// A second has passed. `received`: of each stream, the packets that were due and those that arrived.
    pub(super) fn second(&mut self, received: impl Iterator<Item = (u32, u32)>) -> Sample {
        let (sent, came) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.came));
        let (confirmed, reported) = (std::mem::take(&mut self.confirmed), std::mem::take(&mut self.reported));
        let received =
            received.filter(|(due, _)| *due <= MAX_GAP).fold(Tally::default(), |t, (due, arrived)| Tally {
                expected: t.expected.saturating_add(due),
                lost: t.lost.saturating_add(due.saturating_sub(arrived)),
            });
        Sample {
            sent: Tally {
                expected: confirmed.expected.saturating_add(reported.expected),
                lost: confirmed.lost.saturating_add(reported.lost),
            },
            received,
            feedback: Feedback::of(sent, came),
            round_trip: self.round_trip.take(),
            heard: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(highest: u32, lost: i32) -> ReportBlock {
        ReportBlock {
            ssrc: 7,
            fraction_lost: 0,
            lost,
            highest,
            jitter: 0,
            last_report: 0,
            since_last_report: 0,
        }
    }

    fn sent(t: &mut Traffic, packets: u32) {
        (0..packets).for_each(|_| t.sent());
    }

    #[test]
    fn a_second_has_what_was_told_in_it() {
        let mut t = Traffic::default();
        sent(&mut t, 200);
        t.confirmed(&Confirmed { received: 150, lost: 5, ..Confirmed::default() });
        t.confirmed(&Confirmed { received: 40, lost: 5, ..Confirmed::default() });
        t.measured(Duration::from_millis(40));
        let s = t.second([(60, 55), (40, 35)].into_iter());
        assert_eq!(
            (s.sent, s.received),
            (Tally { expected: 200, lost: 10 }, Tally { expected: 100, lost: 10 })
        );
        assert_eq!((s.feedback, s.round_trip), (Feedback::Came, Some(Duration::from_millis(40))));
        let s = t.second(std::iter::empty());
        assert_eq!((s.sent, s.received, s.round_trip), (Tally::default(), Tally::default(), None));
        let s = t.second([(MAX_GAP + 1, 1)].into_iter());
        assert_eq!(s.received, Tally::default(), "a jump is no loss");
    }

    #[test]
    fn feedback_is_missed_where_media_was_sent() {
        let mut t = Traffic::default();
        sent(&mut t, 50);
        t.confirmed(&Confirmed { received: 1, ..Confirmed::default() });
        assert_eq!(t.second(std::iter::empty()).feedback, Feedback::Came);
        sent(&mut t, 50);
        // What tells of nothing that was sent is none.
        t.confirmed(&Confirmed::default());
        assert_eq!(t.second(std::iter::empty()).feedback, Feedback::Missing);
        assert_eq!(t.second(std::iter::empty()).feedback, Feedback::NotDue);
    }

    #[test]
    fn receiver_reports_are_counted_once_each_and_never_beyond_what_they_can_know() {
        let mut t = Traffic::default();
        let tallies = [
            (report(1_000, 30), Tally::default()),
            (report(1_250, 55), Tally { expected: 250, lost: 25 }),
            (report(1_250, 55), Tally::default()),
            (report(1_260, 9_000_000), Tally { expected: 10, lost: 10 }),
            (report(1_270, 0), Tally { expected: 10, lost: 0 }),
            (report(1_280, i32::MIN), Tally { expected: 10, lost: 0 }),
            (report(u32::MAX, 5), Tally::default()),
            (report(7, 5), Tally::default()),
        ];
        for (report, due) in tallies {
            t.reported(&report);
            let s = t.second(std::iter::empty());
            assert_eq!(s.sent, due, "{report:?}");
        }
    }
}
