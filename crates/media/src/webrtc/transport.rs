//! One WebRTC session of the server: ICE-lite, DTLS 1.2, SRTP, RTCP.

use super::config::{self, RTX_CACHE_AGE, RTX_CACHE_PACKETS};
use super::headers::{has_application_data, rtp_payload_type, rtp_ssrc};
use super::line::Line;
use super::traffic::Traffic;
use super::twcc_bounds::TransportSequenceBounds;
use super::{Certificate, answer, packets};
use crate::datagram::Datagram;
use crate::ice::path::Path;
use crate::ice::ufrag::{Kind, kind};
use crate::room::network_level::Sample;
use crate::rtp::codec::Codec;
use crate::rtp::packet::Packet;
use crate::trains::{Hop, TrainHint, Trains};
use crate::webrtc::offer::{Offer, OfferError};
use crate::webrtc::rtx_budget::RtxBudget;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo, Ssrc};
use str0m::{Candidate, Event as RtcEvent, Input, Output as RtcOutput, Rtc, RtcError};
use tring_limits::{Bucket, Rate};
use tring_protocol::MediaKind;
use tring_protocol::log::Untrusted;

/// Most rounds of output that one input may cause. A session that produces more is broken and is dropped; what one
/// request may bring back ([`crate::webrtc::rtx_budget`]) is some hundred.
const MAX_OUTPUTS: usize = 4096;

/// How often one drain may let the library's clock turn: once sends what was written, the second lets timers that were
/// set at this very moment move on.
const MAX_TURNS: usize = 3;

/// Shortest wait for a timer. Higher: fewer wake-ups. Lower: an overdue timer is retried sooner.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// Most SSRCs whose line is remembered. A peer with 32 lines has at most 32 that matter.
const MAX_KNOWN_SSRCS: usize = 64;

/// RTCP of one peer, in bytes, at once and a second. What it says of many packets costs far more than it weighs: the library
/// walks its list of sent packets for each report, and keeps each reception report until it has sent something itself. In a
/// call of nine a browser sends some 10 kB/s. Higher: larger calls. Lower: a liar takes less of a worker.
const RTCP: Rate = Rate { burst: 64_000.0, per_second: 24_000.0 };

/// SSRCs of a peer that announces none, at once and in the long run. The library keeps some kB for each. Higher: who changes
/// it often is still heard. Lower: who never stops costs less.
const NEW_SSRCS: Rate = Rate { burst: 64.0, per_second: 0.2 };

/// SRTP counts packets with 48 bits (RFC 3711 §3.3.1). The library takes a number from before the first for one far beyond,
/// which a peer can seal just so; nothing behind the wall could count on from there.
const SRTP_INDICES: u64 = 1 << 48;

/// What a transport is made from.
pub(crate) struct TransportConfig<'a> {
    pub(crate) certificate: &'a Certificate,
    /// Bound addresses, as the destination of a datagram shows them.
    pub(crate) local: &'a [SocketAddr],
    /// The candidates that go into the answer, as SDP lines without line ends.
    pub(crate) candidates: &'a [String],
    /// The local ufrag.
    pub(crate) ufrag: &'a str,
    /// The video codecs, the preferred one first.
    pub(crate) video: [Codec; 2],
    /// Sound may come with what was sent before (RFC 2198), if the offer has that.
    pub(crate) repeats: bool,
}

/// What happened inside a transport.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Nearly all are packets, and a box would be an allocation for each.
pub(crate) enum Event {
    /// ICE and DTLS are done.
    Connected,
    /// An RTP packet came.
    Packet(Packet),
    /// The receiver of a slot needs a key frame.
    KeyframeWanted {
        /// The slot's line.
        line: usize,
    },
    /// A second has passed.
    Stats(Sample),
    /// The peer said goodbye.
    Closed,
}

/// The transport cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("{0}")]
    Rtc(#[from] RtcError),
    /// A bug: counted apart.
    #[error("the session panicked")]
    Panic,
    #[error("the session would not come to rest")]
    Endless,
}

/// What to write into a slot.
pub(crate) struct Write<'a> {
    pub(crate) line: usize,
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    /// When it was captured, on the local clock.
    pub(crate) captured: Instant,
    /// How far back it may repeat what was sent before, in ticks.
    pub(crate) reach: u32,
    pub(crate) packet: &'a Packet,
}

/// What a datagram was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    /// Nothing that the session could use.
    pub(crate) garbage: bool,
    /// An ICE check that proved the password.
    pub(crate) check: bool,
}

/// A WebRTC session.
pub(crate) struct Transport {
    rtc: Rtc,
    lines: Vec<Line>,
    /// The line of each SSRC heard: asking the library each time would wake all its timers.
    ssrcs: Vec<(Ssrc, usize)>,
    /// The SSRCs that the offer announced. The library binds an SSRC to a line before it has authenticated the packet,
    /// so a packet faked with the peer's address and another SSRC would take its line away.
    announced: Option<Vec<u32>>,
    /// The announced SSRCs of retransmissions (RTX).
    rtx_ssrcs: Vec<u32>,
    new_ssrcs: Bucket,
    rtcp: Bucket,
    /// The payload types that retransmissions leave with.
    rtx_payload_types: Vec<u8>,
    rtx_budget: RtxBudget,
    /// The video codec that came first in the answer.
    preferred: Codec,
    /// Retransmissions that were asked for beyond the budget, since they were last taken.
    pub(crate) rtx_refused: u64,
    traffic: Traffic,
    sequence_bounds: TransportSequenceBounds,
    /// Where everything but the answers to checks goes. None: nobody has checked yet.
    path: Option<Path>,
    /// The port that the present datagram reached.
    via: u8,
    /// Where the present datagram came from.
    asked_from: Option<SocketAddr>,
    /// The present datagram was an ICE check that proved the password.
    check_accepted: bool,
    hint: TrainHint,
    deadline: Instant,
    /// Makes the library fail inside its next input, as a bug would.
    #[cfg(test)]
    pub(crate) fails: bool,
}

/// Where the effects of a transport go.
pub(crate) struct Sink<'a> {
    pub(crate) trains: &'a mut Trains,
    pub(crate) events: &'a mut Vec<Event>,
}

impl Transport {
    /// Answers an offer. Errors: the offer lacks something that only the library sees.
    pub(crate) fn answer(
        c: &TransportConfig<'_>,
        offer: &Offer,
        now: Instant,
    ) -> Result<(Self, String), OfferError> {
        catch_unwind(AssertUnwindSafe(|| Self::try_answer(c, offer, now))).unwrap_or_else(|_| {
            Err(OfferError::Invalid("the offer broke the session: it was refused".into()))
        })
    }

    fn try_answer(
        c: &TransportConfig<'_>,
        offer: &Offer,
        now: Instant,
    ) -> Result<(Self, String), OfferError> {
        let invalid = |why: String| OfferError::Invalid(why);
        let creds =
            super::credentials(c.ufrag).ok_or_else(|| invalid("the system gave no random numbers".into()))?;
        let red = c.repeats && answer::may_repeat(offer);
        let numbered = offer.transport_wide.is_some();
        let mut rtc =
            config::base(c.certificate, creds, &c.video, (red, numbered)).set_ice_lite(true).build(now);
        for &address in c.local {
            match Candidate::host(address, Protocol::Udp) {
                Ok(candidate) => {
                    rtc.add_local_candidate(candidate);
                }
                Err(error) => tracing::warn!(%address, %error, "a bound address cannot be an ICE candidate"),
            }
        }
        let sdp = SdpOffer::from_sdp_string(&offer.sdp)
            .map_err(|e| invalid(format!("the offer cannot be read: {e}")))?;
        let answer = rtc
            .sdp_api()
            .accept_offer(sdp)
            .map_err(|e| invalid(format!("the offer cannot be answered: {e}")))?;
        let lines: Vec<Line> = offer.lines.iter().map(|l| Line::negotiated(&rtc, &l.mid, l.kind)).collect();
        for l in lines.iter().filter(|l| l.sends && l.kind == MediaKind::Video) {
            if let Some(stream) = rtc.direct_api().stream_tx_by_mid(l.mid, None) {
                // What is sent again is held to a budget of our own: the library looks at its share every 50 ms only.
                stream.set_rtx_cache(RTX_CACHE_PACKETS, RTX_CACHE_AGE, None);
            }
        }
        let audio = lines.iter().any(|l| l.kind == MediaKind::Audio && l.takes(Codec::Opus));
        if !audio {
            return Err(invalid("the offer has no Opus audio: offer opus/48000/2".into()));
        }
        let answer = answer::finish(&answer.to_sdp_string(), c.candidates, &offer.rejected);
        let mut rtx_payload_types: Vec<u8> =
            lines.iter().flat_map(|l| l.rtx_payload_types).flatten().collect();
        rtx_payload_types.sort_unstable();
        rtx_payload_types.dedup();
        if numbered {
            // Or the library would keep what it has seen of the numbers for ever, where an offer has no feedback for them.
            rtc.direct_api().enable_twcc_feedback();
        }
        let sequence_bounds = TransportSequenceBounds::new(offer.transport_wide, now);
        let transport = Self {
            rtc,
            lines,
            ssrcs: Vec::new(),
            announced: offer.ssrcs.clone(),
            rtx_ssrcs: offer.rtx_ssrcs.clone(),
            new_ssrcs: Bucket::full(NEW_SSRCS, now),
            rtcp: Bucket::full(RTCP, now),
            rtx_payload_types,
            rtx_budget: RtxBudget::new(now),
            preferred: c.video[0],
            rtx_refused: 0,
            traffic: Traffic::default(),
            sequence_bounds,
            path: None,
            via: 0,
            asked_from: None,
            check_accepted: false,
            hint: TrainHint::default(),
            deadline: now,
            #[cfg(test)]
            fails: false,
        };
        Ok((transport, answer))
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The video codec that came first in the answer.
    pub(crate) fn preferred(&self) -> Codec {
        self.preferred
    }

    /// When [`Transport::advance`] is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Where everything but the answers to checks goes from now on.
    pub(crate) fn set_path(&mut self, path: Path) {
        self.path = Some(path);
    }

    /// Takes a datagram that reached the port `via`.
    pub(crate) fn receive(
        &mut self,
        d: Datagram<'_>,
        via: u8,
        now: Instant,
        sink: &mut Sink<'_>,
    ) -> Result<Received, Broken> {
        (self.via, self.asked_from, self.check_accepted) = (via, Some(d.source), false);
        self.guarded(|t| {
            if !t.expects(d.contents, now) {
                return Ok(Received { garbage: true, check: false });
            }
            let Ok(input) = Receive::new(Protocol::Udp, d.source, d.destination, d.contents) else {
                return Ok(Received { garbage: true, check: false });
            };
            // An error of one datagram (a bad DTLS record, say) must not cost the session: anybody can send one from a
            // faked address. What is fatal shows in `is_alive`.
            let taken = t.rtc.handle_input(Input::Receive(now, input));
            if let Err(error) = &taken
                && !t.rtc.is_alive()
            {
                tracing::debug!(error = %Untrusted(error), "a datagram ended the session");
            }
            t.drain(now, sink)?;
            if !t.rtc.is_alive() {
                sink.events.push(Event::Closed);
            }
            Ok(Received { garbage: taken.is_err(), check: t.check_accepted })
        })
    }

    /// The library may see it.
    fn expects(&mut self, datagram: &[u8], now: Instant) -> bool {
        match kind(datagram) {
            // Data channels are not spoken, but the library would take an association from whoever brings one.
            Kind::Dtls => !has_application_data(datagram),
            // SSRC 0 is how libwebrtc probes; the library makes a stream of its own for it, before it has authenticated
            // anything.
            Kind::Rtp => {
                let Some(ssrc) = rtp_ssrc(datagram) else {
                    #[allow(clippy::cast_precision_loss)] // a datagram's length
                    return self.rtcp.take_many(datagram.len() as f64, RTCP, now);
                };
                let is_rtx = self.rtx_ssrcs.contains(&ssrc)
                    || rtp_payload_type(datagram).is_some_and(|pt| self.rtx_payload_types.contains(&pt));
                ssrc != 0 && self.may_send_as(ssrc, now) && self.sequence_bounds.admits(datagram, is_rtx, now)
            }
            Kind::Stun | Kind::Other => true,
        }
    }

    /// The peer may send with this SSRC: it has announced it, or announces none and does not change it all the time.
    fn may_send_as(&mut self, ssrc: u32, now: Instant) -> bool {
        match &self.announced {
            Some(announced) => announced.contains(&ssrc),
            None => {
                self.ssrcs.iter().any(|(known, _)| **known == ssrc) || self.new_ssrcs.take(NEW_SSRCS, now)
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken> {
        self.guarded(|t| {
            t.rtc.handle_input(Input::Timeout(now))?;
            t.drain(now, sink)
        })
    }

    /// Sends an RTP packet into a slot. Does nothing if the slot does not take its codec.
    pub(crate) fn write(&mut self, w: &Write<'_>, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken> {
        self.guarded(|t| {
            let Some(line) = t.lines.get(w.line) else { return Ok(()) };
            let Some(own) = line.payload_types[w.packet.codec.index()] else { return Ok(()) };
            let repeating = line.red.and_then(|red| Some((red, w.packet.repeating(own, w.reach)?)));
            let (payload_type, payload) = repeating.unwrap_or_else(|| (own, w.packet.plain().clone()));
            let (mid, video, confirmed) = (line.mid, line.kind == MediaKind::Video, line.confirmed);
            let mut api = t.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { return Ok(()) };
            let pt = Pt::new_with_value(payload_type);
            stream.write_rtp(
                RtpWrite::new(pt, SeqNo::from(w.seq), w.timestamp, w.captured, payload)
                    .marker(w.packet.marker)
                    .nackable(video)
                    .ext_vals(packets::extension_values(w.packet.extensions)),
            );
            if confirmed {
                t.traffic.sent();
            }
            t.drain(now, sink)
        })
    }

    /// Asks the peer for a key frame on a line. `false` if nothing has come on it yet: its first frame will be one.
    pub(crate) fn request_keyframe(
        &mut self,
        line: usize,
        now: Instant,
        sink: &mut Sink<'_>,
    ) -> Result<bool, Broken> {
        self.guarded(|t| {
            let Some(mid) = t.lines.get(line).map(|l| l.mid) else { return Ok(false) };
            let mut api = t.rtc.direct_api();
            let Some(stream) = api.stream_rx_by_mid(mid, None) else { return Ok(false) };
            stream.request_keyframe(KeyframeRequestKind::Pli);
            t.drain(now, sink)?;
            Ok(true)
        })
    }

    /// Says goodbye (RTCP BYE, DTLS close notify); the caller then drops the transport.
    pub(crate) fn close(&mut self, now: Instant, sink: &mut Sink<'_>) {
        let closed = self.guarded(|t| {
            t.rtc.close()?;
            t.drain(now, sink)
        });
        if let Err(error) = closed {
            tracing::debug!(error = %Untrusted(error), "the goodbye was not sent");
        }
    }

    fn guarded<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Broken>) -> Result<T, Broken> {
        catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            assert!(!std::mem::take(&mut self.fails), "a bug of the library, for the test");
            f(self)
        }))
        .unwrap_or(Err(Broken::Panic))
    }

    /// Lets the library come to rest, as its contract wants after each mutation.
    fn drain(&mut self, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken> {
        let mut turns = 0;
        for _ in 0..MAX_OUTPUTS {
            match self.rtc.poll_output()? {
                RtcOutput::Timeout(due) if due <= now && turns < MAX_TURNS => {
                    turns += 1;
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
                RtcOutput::Timeout(due) => {
                    self.deadline = due.max(now + MIN_TIMEOUT);
                    return Ok(());
                }
                RtcOutput::Transmit(t) => self.transmit(t, now, sink),
                RtcOutput::Event(event) => self.translate(event, now, sink.events),
            }
        }
        Err(Broken::Endless)
    }

    /// Sends what the library sends: answers to checks where they came from, all else on the way that we chose, and
    /// retransmissions within their budget.
    fn transmit(&mut self, t: str0m::net::Transmit, now: Instant, sink: &mut Sink<'_>) {
        let contents: &[u8] = &t.contents;
        let answer = Hop { destination: t.destination, source: t.source.ip(), via: self.via };
        if kind(contents) == Kind::Stun {
            // A Binding success response (RFC 8489 §5): the library gives one where the password was right.
            self.check_accepted |= contents.starts_with(&[1, 1]) && self.asked_from == Some(t.destination);
            return self.push(answer, contents, sink);
        }
        if let Some(payload_type) = rtp_payload_type(contents) {
            if !self.rtx_payload_types.contains(&payload_type) {
                self.rtx_budget.sent(contents.len());
            } else if !self.rtx_budget.allows(contents.len(), now) {
                self.rtx_refused += 1;
                return self.forget_rtx();
            }
        }
        let chosen = self.path.map(|p| Hop { destination: p.peer, source: p.local, via: p.via });
        self.push(chosen.unwrap_or(answer), contents, sink);
    }

    fn push(&mut self, hop: Hop, contents: &[u8], sink: &mut Sink<'_>) {
        sink.trains.push(hop, &mut self.hint, |buffer| {
            buffer.extend_from_slice(contents);
            true
        });
    }

    /// What is asked for beyond the budget costs nothing more: with an empty cache the library skips all that it has
    /// queued. What is sent from now on can be repaired again, as the budget grows.
    fn forget_rtx(&mut self) {
        let mids: Vec<Mid> =
            self.lines.iter().filter(|l| l.sends && l.kind == MediaKind::Video).map(|l| l.mid).collect();
        for mid in mids {
            if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
                stream.set_rtx_cache(RTX_CACHE_PACKETS, RTX_CACHE_AGE, None);
            }
        }
    }

    fn translate(&mut self, event: RtcEvent, now: Instant, events: &mut Vec<Event>) {
        match event {
            RtcEvent::Connected => events.push(Event::Connected),
            RtcEvent::Closed => events.push(Event::Closed),
            RtcEvent::RtpPacket(p) => {
                self.sequence_bounds.received(&p.header, now);
                if *p.seq_no >= SRTP_INDICES {
                    return;
                }
                self.traffic.received(&p);
                let Some(line) = self.line_of_ssrc(p.header.ssrc) else { return };
                let (pt, of) = (*p.header.payload_type, &self.lines[line]);
                let known = |c: &Codec| of.payload_types[c.index()] == Some(pt);
                let packet = match (Codec::ALL.into_iter().find(known), of.payload_types[Codec::Opus.index()])
                {
                    (Some(codec), _) => Some(packets::from_library(line, codec, p)),
                    (None, Some(opus)) if of.red == Some(pt) => {
                        packets::from_library(line, Codec::Opus, p).redundant(opus)
                    }
                    _ => None,
                };
                events.extend(packet.map(Event::Packet));
            }
            RtcEvent::KeyframeRequest(r) => {
                if let Some(line) = self.line_of(r.mid) {
                    events.push(Event::KeyframeWanted { line });
                }
            }
            RtcEvent::PeerStats(s) => events.push(Event::Stats(self.traffic.second(&s))),
            RtcEvent::MediaEgressStats(s) if self.lines.iter().any(|l| l.mid == s.mid && !l.confirmed) => {
                self.traffic.reported(&s);
            }
            _ => {}
        }
    }

    fn line_of_ssrc(&mut self, ssrc: Ssrc) -> Option<usize> {
        if let Some((_, line)) = self.ssrcs.iter().find(|(s, _)| *s == ssrc) {
            return Some(*line);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let line = self.line_of(mid)?;
        if self.ssrcs.len() >= MAX_KNOWN_SSRCS {
            self.ssrcs.clear();
        }
        self.ssrcs.push((ssrc, line));
        Some(line)
    }

    fn line_of(&self, mid: Mid) -> Option<usize> {
        self.lines.iter().position(|l| l.mid == mid)
    }
}
