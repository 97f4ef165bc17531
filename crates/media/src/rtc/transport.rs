//! One WebRTC session of the server: ICE-lite, DTLS 1.2, SRTP, RTCP.

use super::config::{self, RTX_CACHE_AGE, RTX_CACHE_PACKETS, RTX_SHARE};
use super::{CODECS, Certificate, Codec, Packet};
use crate::offer::{MediaKind, Offer};
use crate::output::Transmit;
use crate::{Datagram, OfferError};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo, Ssrc};
use str0m::{Candidate, Event as RtcEvent, Input, Output as RtcOutput, Rtc, RtcError};

/// Most rounds of output that one input may cause. A session that produces more is broken and is dropped; a full
/// retransmission of the cache is a few hundred.
const MAX_OUTPUTS: usize = 4096;

/// How often one drain may let the library's clock turn: once sends what was written, the second lets timers that were
/// set at this very moment move on.
const MAX_TURNS: usize = 3;

/// Shortest wait for a timer. Higher: fewer wake-ups. Lower: an overdue timer is retried sooner.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// Most SSRCs whose line is remembered. A peer with 32 lines has at most 32 that matter.
const MAX_KNOWN_SSRCS: usize = 64;

/// What a transport is made from.
pub(crate) struct TransportConfig<'a> {
    pub(crate) certificate: &'a Certificate,
    /// Bound addresses, as the destination of a datagram shows them.
    pub(crate) local: &'a [SocketAddr],
    /// The candidates that go into the answer, as SDP lines without line ends.
    pub(crate) candidates: &'a [String],
    /// The local ufrag.
    pub(crate) ufrag: &'a str,
}

/// A media line as negotiated.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    mid: Mid,
    pub(crate) kind: MediaKind,
    /// The peer may send on it.
    pub(crate) receives: bool,
    /// The peer may receive on it: a slot.
    pub(crate) sends: bool,
    /// The payload type of each codec that the peer takes here.
    payload_types: [Option<u8>; CODECS],
}

impl Line {
    /// The peer takes this codec here.
    pub(crate) fn takes(&self, codec: Codec) -> bool {
        self.payload_types[codec.index()].is_some()
    }
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
    /// A second's loss and round trip.
    Stats {
        /// Fraction lost of what we sent, 0 to 1.
        sent_lost: Option<f32>,
        /// Fraction lost of what the peer sent.
        received_lost: Option<f32>,
        round_trip: Option<Duration>,
    },
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
    deadline: Instant,
}

/// Where the effects of a transport go.
pub(crate) struct Sink<'a> {
    pub(crate) transmits: &'a mut Vec<Transmit>,
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
        let mut rtc =
            config::base(c.certificate, creds, &[Codec::H264, Codec::Vp8]).set_ice_lite(true).build(now);
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
        let lines: Vec<Line> = offer.lines.iter().map(|l| line(&rtc, &l.mid, l.kind)).collect();
        for l in lines.iter().filter(|l| l.sends && l.kind == MediaKind::Video) {
            if let Some(stream) = rtc.direct_api().stream_tx_by_mid(l.mid, None) {
                stream.set_rtx_cache(RTX_CACHE_PACKETS, RTX_CACHE_AGE, Some(RTX_SHARE));
            }
        }
        let audio = lines.iter().any(|l| l.kind == MediaKind::Audio && l.takes(Codec::Opus));
        if !audio {
            return Err(invalid("the offer has no Opus audio: offer opus/48000/2".into()));
        }
        let answer = finish(&answer.to_sdp_string(), c.candidates);
        Ok((Self { rtc, lines, ssrcs: Vec::new(), announced: offer.ssrcs.clone(), deadline: now }, answer))
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// When [`Transport::advance`] is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Takes a datagram.
    pub(crate) fn receive(
        &mut self,
        d: Datagram<'_>,
        now: Instant,
        sink: &mut Sink<'_>,
    ) -> Result<Received, Broken> {
        self.guarded(|t| {
            if let (Some(announced), Some(ssrc)) = (&t.announced, rtp_ssrc(d.contents))
                && !announced.contains(&ssrc)
            {
                return Ok(Received { garbage: true, check: false });
            }
            let Ok(input) = Receive::new(Protocol::Udp, d.source, d.destination, d.contents) else {
                return Ok(Received { garbage: true, check: false });
            };
            let before = sink.transmits.len();
            // An error of one datagram (a bad DTLS record, say) must not cost the session: anybody can send one from a
            // faked address. What is fatal shows in `is_alive`.
            let taken = t.rtc.handle_input(Input::Receive(now, input));
            if let Err(error) = &taken
                && !t.rtc.is_alive()
            {
                tracing::debug!(%error, "a datagram ended the session");
            }
            t.drain(now, sink)?;
            let answered = &sink.transmits[before..];
            let check = answered.iter().any(|o| o.destination == d.source && o.answers_check());
            if !t.rtc.is_alive() {
                sink.events.push(Event::Closed);
            }
            Ok(Received { garbage: taken.is_err(), check })
        })
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
            let Some(payload_type) = line.payload_types[w.packet.codec.index()] else { return Ok(()) };
            let (mid, video) = (line.mid, line.kind == MediaKind::Video);
            let mut api = t.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { return Ok(()) };
            let pt = Pt::new_with_value(payload_type);
            stream.write_rtp(
                RtpWrite::new(pt, SeqNo::from(w.seq), w.timestamp, w.captured, w.packet.payload.clone())
                    .marker(w.packet.marker)
                    .nackable(video)
                    .ext_vals(w.packet.extensions.clone()),
            );
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
            tracing::debug!(%error, "the goodbye was not sent");
        }
    }

    fn guarded<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Broken>) -> Result<T, Broken> {
        catch_unwind(AssertUnwindSafe(|| f(self))).unwrap_or(Err(Broken::Panic))
    }

    /// What a bug of the library would do.
    #[cfg(test)]
    pub(crate) fn panic_inside(&mut self) -> Broken {
        let result: Result<(), Broken> = self.guarded(|_| panic!("a bug, for the test"));
        result.err().unwrap_or(Broken::Endless)
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
                RtcOutput::Transmit(t) => sink.transmits.push(Transmit {
                    destination: t.destination,
                    source: t.source.ip(),
                    contents: t.contents.into(),
                }),
                RtcOutput::Event(event) => self.translate(event, sink.events),
            }
        }
        Err(Broken::Endless)
    }

    fn translate(&mut self, event: RtcEvent, events: &mut Vec<Event>) {
        match event {
            RtcEvent::Connected => events.push(Event::Connected),
            RtcEvent::Closed => events.push(Event::Closed),
            RtcEvent::RtpPacket(p) => {
                let Some(line) = self.line_of_ssrc(p.header.ssrc) else { return };
                let pt = *p.header.payload_type;
                let known = |c: &Codec| self.lines[line].payload_types[c.index()] == Some(pt);
                if let Some(codec) = [Codec::Opus, Codec::H264, Codec::Vp8].into_iter().find(known) {
                    events.push(Event::Packet(Packet::new(line, codec, p)));
                }
            }
            RtcEvent::KeyframeRequest(r) => {
                if let Some(line) = self.line_of(r.mid) {
                    events.push(Event::KeyframeWanted { line });
                }
            }
            RtcEvent::PeerStats(s) => events.push(Event::Stats {
                sent_lost: s.egress_loss_fraction,
                received_lost: s.ingress_loss_fraction,
                round_trip: s.rtt,
            }),
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

fn line(rtc: &Rtc, mid: &str, kind: MediaKind) -> Line {
    let mid = Mid::from(mid);
    let mut payload_types = [None; CODECS];
    let media = rtc.media(mid);
    if let Some(media) = media {
        for p in rtc.codec_config().params() {
            if let Some(codec) = Codec::of(p.spec().codec)
                && media.remote_pts().contains(&p.pt())
            {
                payload_types[codec.index()] = Some(*p.pt());
            }
        }
    }
    let direction = media.map(str0m::media::Media::direction);
    Line {
        mid,
        kind,
        receives: direction.is_some_and(|d| d.is_receiving()),
        sends: direction.is_some_and(|d| d.is_sending()),
        payload_types,
    }
}

/// The SSRC of an RTP packet (RFC 3550 §5.1); `None` for RTCP (RFC 5761 §4) and everything else.
fn rtp_ssrc(datagram: &[u8]) -> Option<u32> {
    let header: &[u8; 12] = datagram.first_chunk()?;
    let rtcp = (64..96).contains(&(header[1] & 0x7f));
    if !(128..192).contains(&header[0]) || rtcp {
        return None;
    }
    Some(u32::from_be_bytes([header[8], header[9], header[10], header[11]]))
}

/// Finishes an answer of the library: our candidates, all of them and no other, go into the first media section (it
/// knows only the bound addresses; clients are told the advertised ones), and the n-th audio slot gets the same stream
/// name as the n-th video slot, since browsers keep in step what is in one stream (RFC 8830).
fn finish(answer: &str, candidates: &[String]) -> String {
    let mut text = String::with_capacity(answer.len() + candidates.len() * 96);
    let mut push = |line: &str| {
        text.push_str(line);
        text.push_str("\r\n");
    };
    let mut sections = 0;
    // Slots so far and the name of the section, by kind.
    let (mut slots, mut kind) = ([0usize; 2], MediaKind::Audio);
    for line in answer.lines() {
        if line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates") {
            continue;
        }
        if line.starts_with("m=") {
            sections += 1;
            kind = if line.starts_with("m=video") { MediaKind::Video } else { MediaKind::Audio };
        }
        let slot =
            |n: usize| format!("slot{n} {}{n}", if kind == MediaKind::Audio { "audio" } else { "video" });
        if line.starts_with("a=msid:") {
            push(&format!("a=msid:{}", slot(slots[kind.index()])));
            slots[kind.index()] += 1;
        } else if let Some((head, _)) = line.split_once(" msid:")
            && line.starts_with("a=ssrc:")
        {
            // These follow the section's own msid.
            push(&format!("{head} msid:{}", slot(slots[kind.index()].saturating_sub(1))));
        } else if line.starts_with("a=msid-semantic:") {
            push("a=msid-semantic: WMS *");
        } else {
            push(line);
        }
        // The attributes of the first section start after its c= line.
        if sections == 1 && line.starts_with("c=") {
            candidates.iter().for_each(|c| push(c));
            push("a=end-of-candidates");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=msid-semantic: WMS x y\r\nm=audio 9 X 1\r\nc=IN IP4 0.0.0.0\r\na=candidate:9 old\r\na=sendrecv\r\n\
        a=msid:x 1\r\na=ssrc:5 cname:c\r\na=ssrc:5 msid:x 1\r\nm=video 9 X 1\r\nc=IN IP4 0.0.0.0\r\na=msid:y 2\r\n\
        m=audio 9 X 1\r\na=msid:z 3\r\n";

    #[test]
    fn the_slots_of_one_person_are_one_stream() {
        let answer = finish(ANSWER, &[]);
        let msids: Vec<&str> = answer.lines().filter(|l| l.contains("msid:")).collect();
        assert_eq!(
            msids,
            [
                "a=msid:slot0 audio0",
                "a=ssrc:5 msid:slot0 audio0",
                "a=msid:slot0 video0",
                "a=msid:slot1 audio1"
            ]
        );
        assert!(answer.contains("a=ssrc:5 cname:c\r\n"), "as in the source description that is sent");
    }

    #[test]
    fn only_our_candidates_are_in_an_answer_and_in_its_first_section() {
        let answer = finish(ANSWER, &["a=candidate:1 ours".into()]);
        assert!(
            answer.contains("c=IN IP4 0.0.0.0\r\na=candidate:1 ours\r\na=end-of-candidates\r\na=sendrecv")
        );
        assert_eq!(answer.matches("a=candidate:").count(), 1);
    }

    #[test]
    fn the_ssrc_of_rtcp_and_short_packets_is_not_looked_at() {
        assert_eq!(rtp_ssrc(&[0x80, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9]), Some(0x0102_0304));
        assert_eq!(rtp_ssrc(&[0x80, 200, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9]), None);
        assert_eq!(rtp_ssrc(&[0x80, 111, 0]), None);
        assert_eq!(rtp_ssrc(&[22; 40]), None);
    }
}
