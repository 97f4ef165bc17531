//! What a session sent, received and lost, second by second, as far as library and our own counting can tell.
//!
//! | | what the library says | what is counted here |
//! |---|---|---|
//! | sent, to a peer that confirms each packet (transport-wide feedback) | the share lost of what was sent within the last second and is confirmed; the newest round trip | packets sent |
//! | sent, to one that does not (a voice of Firefox) | its receiver reports: packets lost so far, highest sequence number | what that makes since the report before |
//! | received, with transport-wide numbers | the share lost since the second before, of all streams | packets received |
//! | received, without | | gaps in the stream's own numbers |

use crate::room::network_level::{Feedback, Sample, Tally};
use std::time::Duration;
use str0m::media::Mid;
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::stats::{MediaEgressStats, PeerStats};

/// Most streams that are followed by their own numbers. A peer has one or two of these.
const MAX_STREAMS: usize = 8;

/// A longer jump of a stream's numbers is another stream and no loss.
const MAX_GAP: u64 = 3_000;

/// Largest share lost of what came: something did.
const MAX_SHARE: f32 = 0.99;

/// What a receiver report said last of a line.
#[derive(Debug)]
struct Report {
    mid: Mid,
    highest: u64,
    lost: u64,
}

/// The counts of one session since the second before.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Packets sent that feedback is due for.
    sent: u32,
    /// Packets received that had a transport-wide number.
    received: u32,
    /// What was received by the streams' own numbers: (packets due, packets).
    plain: (u32, u32),
    /// The highest number of each of these streams.
    streams: Vec<(Ssrc, u64)>,
    /// The newest round trip that was told, which stays when there is no newer one.
    round_trip: Option<Duration>,
    reports: Vec<Report>,
    /// What receiver reports said.
    reported: Tally,
    reported_trip: Option<Duration>,
}

impl Traffic {
    /// A packet was sent to a peer that confirms each.
    pub(super) fn sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    /// A packet came that is no repetition.
    pub(super) fn received(&mut self, p: &RtpPacket) {
        if p.header.ext_vals.transport_cc.is_some() {
            self.received = self.received.saturating_add(1);
            return;
        }
        let (ssrc, number) = (p.header.ssrc, *p.seq_no);
        self.plain.1 = self.plain.1.saturating_add(1);
        let Some((_, highest)) = self.streams.iter_mut().find(|(s, _)| *s == ssrc) else {
            if self.streams.len() >= MAX_STREAMS {
                self.streams.clear();
            }
            self.streams.push((ssrc, number));
            self.plain.0 = self.plain.0.saturating_add(1);
            return;
        };
        let step = number.saturating_sub(*highest);
        *highest = number.max(*highest);
        let due = if step > MAX_GAP { 1 } else { u32::try_from(step).unwrap_or(0) };
        self.plain.0 = self.plain.0.saturating_add(due);
    }

    /// The library told of a line whose receiver does not confirm each packet.
    pub(super) fn reported(&mut self, s: &MediaEgressStats) {
        let Some(remote) = &s.remote else { return };
        let (highest, lost) = (*remote.maximum_sequence_number, remote.packets_lost);
        let Some(report) = self.reports.iter_mut().find(|r| r.mid == s.mid) else {
            // At most one for each line.
            self.reports.push(Report { mid: s.mid, highest, lost });
            return;
        };
        let expected = highest.saturating_sub(report.highest);
        if expected == 0 {
            return; // The report before, still.
        }
        let lost = lost.saturating_sub(report.lost).min(expected);
        if expected <= MAX_GAP {
            self.reported.expected += u32::try_from(expected).unwrap_or(0);
            self.reported.lost += u32::try_from(lost).unwrap_or(0);
        }
        self.reported_trip = s.rtt.or(self.reported_trip);
        *report = Report { mid: s.mid, highest, lost: remote.packets_lost };
    }

    /// A second has passed.
    pub(super) fn second(&mut self, s: &PeerStats) -> Sample {
        let (sent, received) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.received));
        // How much feedback came is not told. What is of the same length to the nanosecond is the same round trip.
        let newer = s.rtt.filter(|_| s.rtt != self.round_trip);
        self.round_trip = s.rtt;
        let feedback = Feedback::of(sent, s.egress_loss_fraction.is_some() || newer.is_some());
        let came = feedback == Feedback::Came;
        let reported = std::mem::take(&mut self.reported);
        let reported_trip = self.reported_trip.take();
        let (due, arrived) = std::mem::take(&mut self.plain);
        let numbered = s.ingress_loss_fraction.map(|share| of_arrived(received, share)).unwrap_or_default();
        Sample {
            sent: s.egress_loss_fraction.map_or(reported, |share| of_sent(sent, share)),
            received: Tally {
                expected: numbered.expected.saturating_add(due),
                lost: numbered.lost.saturating_add(due.saturating_sub(arrived)),
            },
            feedback,
            round_trip: if came { s.rtt } else { reported_trip },
            heard: false,
        }
    }
}

/// What of the packets sent did not arrive.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn of_sent(sent: u32, share: f32) -> Tally {
    let lost = (sent as f32 * share.clamp(0.0, 1.0)).round() as u32;
    Tally { expected: sent, lost: lost.min(sent) }
}

/// What did not arrive beside what did.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn of_arrived(arrived: u32, share: f32) -> Tally {
    let expected = (arrived as f32 / (1.0 - share.clamp(0.0, MAX_SHARE))).round() as u32;
    Tally { expected, lost: expected.saturating_sub(arrived) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use str0m::stats::RemoteIngressStats;

    fn stats(sent_lost: Option<f32>, received_lost: Option<f32>, rtt_ms: Option<u64>) -> PeerStats {
        PeerStats {
            peer_bytes_rx: 0,
            peer_bytes_tx: 0,
            bytes_rx: 0,
            bytes_tx: 0,
            timestamp: Instant::now(),
            bwe_tx: None,
            egress_loss_fraction: sent_lost,
            ingress_loss_fraction: received_lost,
            rtt: rtt_ms.map(Duration::from_millis),
            selected_candidate_pair: None,
        }
    }

    fn report(highest: u64, packets_lost: u64) -> MediaEgressStats {
        MediaEgressStats {
            mid: Mid::from("0"),
            rid: None,
            bytes: 1,
            packets: 1,
            firs: 0,
            plis: 0,
            nacks: 0,
            rtt: Some(Duration::from_millis(70)),
            loss: None,
            timestamp: Instant::now(),
            remote: Some(RemoteIngressStats {
                jitter: 0,
                maximum_sequence_number: highest.into(),
                packets_lost,
            }),
        }
    }

    fn sent(t: &mut Traffic, packets: u32) {
        (0..packets).for_each(|_| t.sent());
    }

    #[test]
    fn a_share_is_of_the_packets_of_its_second() {
        let mut t = Traffic::default();
        sent(&mut t, 200);
        t.received = 90;
        let s = t.second(&stats(Some(0.05), Some(0.1), Some(40)));
        assert_eq!(
            (s.sent, s.received),
            (Tally { expected: 200, lost: 10 }, Tally { expected: 100, lost: 10 })
        );
        assert_eq!((s.feedback, s.round_trip), (Feedback::Came, Some(Duration::from_millis(40))));
        let s = t.second(&stats(Some(0.0), None, Some(41)));
        assert_eq!(
            (s.sent, s.received),
            (Tally::default(), Tally::default()),
            "nothing was sent, nothing came"
        );
        for lie in [f32::NAN, f32::INFINITY, -3.0, 7.0] {
            sent(&mut t, 50);
            t.received = 50;
            let s = t.second(&stats(Some(lie), Some(lie), Some(1)));
            assert!(s.sent.lost <= s.sent.expected && s.received.lost <= s.received.expected, "{lie}: {s:?}");
        }
    }

    #[test]
    fn feedback_is_missed_where_media_was_sent_and_a_round_trip_of_before_is_none() {
        let mut t = Traffic::default();
        sent(&mut t, 50);
        // What takes longer than a second is confirmed too late to be counted, but it is confirmed.
        assert_eq!(t.second(&stats(None, None, Some(1_200))).feedback, Feedback::Came);
        sent(&mut t, 50);
        let s = t.second(&stats(None, None, Some(1_200)));
        assert_eq!((s.feedback, s.round_trip), (Feedback::Missing, None));
        assert_eq!(t.second(&stats(None, None, Some(1_200))).feedback, Feedback::NotDue);
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
            (report(u64::from(u32::MAX), 5), Tally::default()),
            (report(7, 5), Tally::default()),
        ];
        for (report, due) in tallies {
            t.reported(&report);
            let s = t.second(&stats(None, None, None));
            assert_eq!(s.sent, due, "{report:?}");
        }
    }
}
