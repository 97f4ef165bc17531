//! What we say by RTCP: reports each second, what arrived, what is missing, which pictures are lost.

use super::super::line::Line;
use super::super::transport::Event;
use super::{Out, RtpSession};
use crate::rtcp::extended::{Delay, write_delays, write_receiver_reference_time};
use crate::rtcp::feedback::{write_nack, write_picture_loss};
use crate::rtcp::ntp::{NtpTime, to_units};
use crate::rtcp::reports::{write_bye, write_cname, write_receiver_report, write_sender_report};
use crate::rtcp::transport_feedback::{FeedbackHead, write_transport_feedback};
use std::time::{Duration, Instant};

/// How often reports are sent (RFC 3550 §6.2 allows less than its five seconds where there is bandwidth). Higher: sound and
/// picture are put in step later, and a round trip is known later. Lower: more packets.
const REPORTS: Duration = Duration::from_secs(1);

/// How long arrivals are collected before they are told. Higher: fewer packets. Lower: the sender's congestion control reacts
/// sooner; browsers send theirs each 50 to 250 ms.
const FEEDBACK: Duration = Duration::from_millis(100);

/// What is due waits this long for media that leaves to the same peer: behind it, in one train, it costs no system call of its
/// own. Higher: it waits in vain for a peer that is sent nothing. Lower: a peer that is sent little is told by a call of its own.
const RIDE_WITHIN: Duration = Duration::from_millis(25);

/// Longest RTCP packet, in bytes, without what seals it. Fits every network that IPv6 allows (RFC 8200 §5), with its headers.
const LONGEST: usize = 1_100;

/// Peers' streams that a round trip is told to at a time. Higher: more bytes for who has many. Lower: some are told later.
const MOST_DELAYS: usize = 16;

/// Our clock on reports. It began when the session did: a receiver compares its times with each other only (RFC 3550 §4), and
/// no clock that somebody can set is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportClock {
    start: Instant,
}

impl ReportClock {
    /// Seconds that the clock is ahead: none of its times is zero, nor before the Unix epoch.
    const AHEAD: u64 = 3_000_000_000;

    pub(super) fn at(self, now: Instant) -> NtpTime {
        let passed = now.saturating_duration_since(self.start);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        NtpTime((Self::AHEAD + passed.as_secs()) << 32 | fraction)
    }
}

/// When what is said next is due, and what it needs.
#[derive(Debug)]
pub(super) struct Reports {
    pub(super) clock: ReportClock,
    /// The name that ties our streams together (RFC 3550 §6.5.1).
    cname: String,
    /// When reports are due; none before there are keys.
    due: Option<Instant>,
    /// When a second of traffic is over.
    second: Option<Instant>,
    /// Who has asked for the time since it said its own: SSRC, the middle of its time, and when it came.
    asked: Vec<(u32, u32, Instant)>,
    /// When what arrived is to be told; none while nothing has.
    feedback: Option<Instant>,
    /// Numbers to ask for again; kept for its memory.
    missing: Vec<u16>,
}

impl Reports {
    pub(super) fn new(cname: String, now: Instant) -> Self {
        let clock = ReportClock { start: now };
        Self { clock, cname, due: None, second: None, asked: Vec::new(), feedback: None, missing: Vec::new() }
    }

    /// There are keys.
    pub(super) fn begin(&mut self, now: Instant) {
        self.due = Some(now + REPORTS / 4);
        self.second = Some(now + REPORTS);
    }

    /// A packet arrived that is to be confirmed.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.feedback.get_or_insert(now + FEEDBACK);
    }

    /// A receiver has told its time, and is told at the next report how long ago that was.
    pub(super) fn asked_for_delay(&mut self, ssrc: u32, middle: u32, now: Instant) {
        if let Some(asked) = self.asked.iter_mut().find(|(s, ..)| *s == ssrc) {
            *asked = (ssrc, middle, now);
        } else if self.asked.len() < MOST_DELAYS {
            self.asked.push((ssrc, middle, now));
        }
    }
}

impl RtpSession {
    /// When [`RtpSession::advance`] has something to do, if no datagram comes before.
    pub(in crate::webrtc) fn due(&self) -> Option<Instant> {
        let nack = self.incoming.streams.iter().filter_map(|s| s.nack.as_ref()?.due());
        let others = [self.reports.feedback, self.reports.due, self.reports.second];
        nack.chain(others.into_iter().flatten().map(|due| due + RIDE_WITHIN)).min()
    }

    /// Media has left to the peer: what is due rides behind it.
    pub(super) fn ride_along(&mut self, lines: &[Line], now: Instant, out: &mut Out<'_>) {
        if self.reports.feedback.is_some_and(|due| due <= now) {
            self.reports.feedback = None;
            self.tell_arrivals(out);
        }
        if self.reports.due.is_some_and(|due| due <= now) {
            self.reports.due = Some(now + REPORTS);
            self.report(lines, now, out);
        }
    }

    /// A datagram of the peer's has come: what is missing may be due, and a second over.
    pub(in crate::webrtc) fn notice(&mut self, now: Instant, out: &mut Out<'_>, events: &mut Vec<Event>) {
        self.ask_again(now, out);
        if self.reports.second.is_some_and(|due| due <= now) {
            self.reports.second = Some(now + REPORTS);
            let received = self.incoming.streams.iter_mut().map(|s| s.reception.take_second());
            events.push(Event::Stats(self.traffic.second(received)));
        }
    }

    /// Time has passed: says what is due, and what nothing came along for.
    pub(in crate::webrtc) fn advance(
        &mut self,
        lines: &[Line],
        now: Instant,
        out: &mut Out<'_>,
        events: &mut Vec<Event>,
    ) {
        if self.keys.is_none() {
            return;
        }
        self.notice(now, out, events);
        self.ride_along(lines, now, out);
    }

    /// Asks the peer for a key frame on a line. `false` if nothing has come on it yet, and no stream of it was announced: its
    /// first picture will be one.
    pub(in crate::webrtc) fn request_keyframe(&mut self, line: usize, out: &mut Out<'_>) -> bool {
        let Some(media) = self.incoming.pictures_on(line) else { return false };
        let sender = self.own_ssrc();
        self.say(out, |buffer| write_picture_loss(buffer, sender, media))
    }

    /// Says that all streams end.
    pub(in crate::webrtc) fn close(&mut self, out: &mut Out<'_>) {
        let ssrcs: Vec<u32> = self.outgoing.iter().map(|s| s.ssrc).collect();
        let sender = self.own_ssrc();
        self.say(out, |buffer| {
            // A compound begins with a report (RFC 3550 §6.1).
            write_receiver_report(buffer, sender, []);
            write_bye(buffer, ssrcs);
        });
    }

    /// Says which packets arrived, and when.
    fn tell_arrivals(&mut self, out: &mut Out<'_>) {
        let sender = self.own_ssrc();
        let Some(media) = self.incoming.streams.first().map(|s| s.ssrc) else { return };
        let Self { keys: Some(keys), arrivals, .. } = self else { return };
        while arrivals.pending() > 0 {
            let mut told = 0;
            let sent = out.trains.push(out.hop, out.hint, |buffer| {
                let start = buffer.len();
                told = arrivals.take(|base, number, packets| {
                    let head = FeedbackHead { sender, media, base, number };
                    write_transport_feedback(buffer, head, packets, LONGEST)
                });
                told > 0 && keys.sealer.seal_rtcp(buffer, start)
            });
            if !sent {
                break;
            }
        }
    }

    /// Asks for what is missing.
    fn ask_again(&mut self, now: Instant, out: &mut Out<'_>) {
        let sender = self.own_ssrc();
        let Self { keys: Some(keys), incoming, reports, round_trip, .. } = self else { return };
        for stream in &mut incoming.streams {
            let Some(nack) = &mut stream.nack else { continue };
            if nack.due().is_none_or(|due| due > now) {
                continue;
            }
            reports.missing.clear();
            nack.take_due(*round_trip, now, &mut reports.missing);
            let missing = &reports.missing;
            if !missing.is_empty() {
                out.trains.push(out.hop, out.hint, |buffer| {
                    let start = buffer.len();
                    write_nack(buffer, sender, stream.ssrc, missing.iter().copied());
                    keys.sealer.seal_rtcp(buffer, start)
                });
            }
        }
    }

    /// Sender reports of what is sent, receiver reports of what is received, and how long ago who only receives asked.
    fn report(&mut self, lines: &[Line], now: Instant, out: &mut Out<'_>) {
        let ntp = self.reports.clock.at(now);
        let own = self.own_ssrc();
        let Self { keys: Some(keys), incoming, outgoing, reports, .. } = self else { return };
        let cname = &reports.cname;
        let mut blocks =
            incoming.streams.iter_mut().filter(|s| lines.get(s.line).is_some_and(|l| l.receives));
        let mut blocks = blocks.by_ref().filter_map(|s| s.reception.report(s.ssrc, now)).peekable();
        let mut sending = outgoing.iter().filter_map(|s| s.report(ntp, now)).peekable();
        if sending.peek().is_none() && blocks.peek().is_none() {
            return;
        }
        let receives_only = sending.peek().is_none();
        let delays = reports.asked.drain(..).map(|(ssrc, last_report, at)| Delay {
            ssrc,
            last_report,
            since: to_units(now.saturating_duration_since(at)),
        });
        out.trains.push(out.hop, out.hint, |buffer| {
            let start = buffer.len();
            match sending.next() {
                Some(info) => write_sender_report(buffer, &info, blocks),
                None => write_receiver_report(buffer, own, blocks),
            }
            for info in sending {
                write_sender_report(buffer, &info, []);
            }
            write_cname(buffer, own, cname);
            if receives_only {
                // Or a round trip to a peer that is sent nothing would never be known.
                write_receiver_reference_time(buffer, own, ntp);
            }
            let mut delays = delays.peekable();
            if delays.peek().is_some() {
                write_delays(buffer, own, delays);
            }
            keys.sealer.seal_rtcp(buffer, start)
        });
    }

    /// Sends one compound.
    fn say(&mut self, out: &mut Out<'_>, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Some(keys) = &mut self.keys else { return false };
        out.trains.push(out.hop, out.hint, |buffer| {
            let start = buffer.len();
            write(buffer);
            keys.sealer.seal_rtcp(buffer, start)
        })
    }

    /// The SSRC that we speak as.
    fn own_ssrc(&self) -> u32 {
        // Any that is nobody else's where nothing is sent (RFC 3550 §8.1): the answer announced none.
        self.outgoing.first().map_or(1, |s| s.ssrc)
    }
}
