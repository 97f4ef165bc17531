//! What the peer says by RTCP.

use super::super::line::Line;
use super::super::transport::Event;
use super::outgoing::Way;
use super::{Out, RtpSession};
use crate::rtcp::compound::{Packet, packets};
use crate::rtcp::extended::XrBlock;
use crate::rtcp::ntp::{self, NtpTime};
use crate::rtcp::reports::ReportBlock;
use std::time::Instant;

impl RtpSession {
    /// Acts on a compound that was opened.
    pub(super) fn control(
        &mut self,
        compound: &[u8],
        lines: &[Line],
        now: Instant,
        out: &mut Out<'_>,
        events: &mut Vec<Event>,
    ) {
        for packet in packets(compound) {
            match packet {
                Packet::SenderReport { sender, ntp, rtp, blocks, .. } => {
                    if let Some(stream) = self.incoming.of_ssrc(sender) {
                        stream.report = Some((ntp.to_system(), rtp));
                        stream.reception.sender_report(ntp.middle(), now);
                    }
                    blocks.for_each(|block| self.reported(&block, lines, now));
                }
                Packet::ReceiverReport { blocks, .. } => {
                    blocks.for_each(|block| self.reported(&block, lines, now));
                }
                Packet::Nack { media, sequences, .. } => {
                    self.send_again(media, sequences, lines, now, out);
                }
                Packet::TransportFeedback(feedback) => {
                    let confirmed = self.sent.feedback(feedback.statuses(), now, |_| {});
                    self.traffic.confirmed(&confirmed);
                }
                Packet::PictureLoss { media } => self.wanted(media, events),
                Packet::FullIntra { media } => media.for_each(|wish| self.wanted(wish.ssrc, events)),
                Packet::ExtendedReport { sender, blocks } => {
                    for block in blocks {
                        match block {
                            XrBlock::ReceiverReferenceTime { ntp } => {
                                self.reports.asked_for_delay(sender, ntp.middle(), now);
                            }
                            XrBlock::DelaySinceLast(delay) => {
                                self.measured(ntp::round_trip(
                                    self.reports.ntp(now),
                                    delay.last_report,
                                    delay.since,
                                ));
                            }
                        }
                    }
                }
                // A stream that ends says nothing that its silence does not. What the receiver would take at most is
                // known from its feedback on each packet.
                Packet::Bye { .. } | Packet::Remb { .. } | Packet::Other => {}
            }
        }
    }

    /// A receiver has told of one stream.
    fn reported(&mut self, block: &ReportBlock, lines: &[Line], now: Instant) {
        let Some(stream) = self.outgoing.iter_mut().find(|s| s.ssrc == block.ssrc) else { return };
        stream.is_known = true;
        let confirmed = lines.get(stream.line).is_some_and(Line::is_confirmed);
        let round_trip = ntp::round_trip(self.reports.ntp(now), block.last_report, block.since_last_report);
        if !confirmed {
            self.traffic.reported(block);
        }
        self.measured(round_trip);
    }

    fn measured(&mut self, round_trip: Option<std::time::Duration>) {
        if let Some(measured) = round_trip {
            self.round_trip = round_trip;
            self.traffic.measured(measured);
        }
    }

    /// The receiver of a stream needs a key frame.
    fn wanted(&self, ssrc: u32, events: &mut Vec<Event>) {
        if let Some(stream) = self.outgoing.iter().find(|s| s.ssrc == ssrc) {
            events.push(Event::KeyframeWanted { line: stream.line });
        }
    }

    /// The receiver of a stream asks for packets again.
    fn send_again(
        &mut self,
        ssrc: u32,
        sequences: impl Iterator<Item = u16>,
        lines: &[Line],
        now: Instant,
        out: &mut Out<'_>,
    ) {
        let Self { keys: Some(keys), outgoing, sent, budget, round_trip, rtx_refused, .. } = self else {
            return;
        };
        let Some(stream) = outgoing.iter_mut().find(|s| s.ssrc == ssrc) else { return };
        let Some(line) = lines.get(stream.line) else { return };
        let mut way = Way { sealer: &mut keys.sealer, sent };
        let before = *rtx_refused;
        for seq in sequences {
            out.trains.push(out.hop, out.hint, |buffer| {
                stream.write_again(seq, line, &mut way, budget, *round_trip, now, rtx_refused, buffer)
            });
            if *rtx_refused != before {
                // What is asked for beyond the budget costs nothing more.
                break;
            }
        }
    }
}

impl super::control_out::Reports {
    /// Our clock as reports show it.
    pub(super) fn ntp(&self, now: Instant) -> NtpTime {
        self.clock.at(now)
    }
}
