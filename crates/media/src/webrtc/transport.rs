//! One WebRTC session of the server: the library's ICE-lite and DTLS 1.2, and RTP of our own behind them.

use super::headers::has_application_data;
use super::line::Line;
use super::rtp_session::{Out, Refused, RtpSession};
use super::{Certificate, answer, config, dtls};
use crate::datagram::Datagram;
use crate::ice::path::Path;
use crate::ice::ufrag::{Kind, kind};
use crate::room::network_level::Sample;
use crate::rtp::codec::Codec;
use crate::rtp::packet::Packet;
use crate::trains::{Hop, TrainHint, Trains};
use crate::webrtc::offer::{Offer, OfferError};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::change::SdpOffer;
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event as RtcEvent, Input, Output as RtcOutput, Rtc, RtcError};
use tring_protocol::MediaKind;
use tring_protocol::log::Untrusted;

/// Most rounds of output that one input may cause. A session that produces more is broken and is dropped; a handshake has
/// some ten.
const MAX_OUTPUTS: usize = 256;

/// How often one drain may let the library's clock turn: once sends what was written, the second lets timers that were set
/// at this very moment move on, two more take what a handshake tells step by step.
const MAX_TURNS: usize = 5;

/// Shortest wait for a timer of the library. Higher: fewer wake-ups. Lower: an overdue timer is retried sooner.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

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
pub(crate) enum Event {
    /// ICE and DTLS are done.
    Connected,
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
    /// The peer's DTLS offers no SRTP, or none that is spoken here.
    #[error("the handshake agreed on no SRTP profile: AES-GCM or AES-CM with SHA-1 is spoken")]
    NoSrtp,
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
    pub(crate) packet: &'a Packet<'a>,
}

/// What a datagram was.
#[derive(Debug)]
pub(crate) enum Received<'p> {
    /// Nothing that the session could use, and perhaps not the peer's at all.
    Garbage,
    /// An ICE check that proved the password.
    Check,
    /// DTLS, or an ICE check that proved nothing.
    Handshake,
    /// RTCP, or RTP with nothing to forward, that the peer's keys opened.
    Opened,
    /// A packet to forward.
    Packet(Packet<'p>),
}

/// A WebRTC session.
pub(crate) struct Transport {
    rtc: Rtc,
    rtp: RtpSession,
    lines: Vec<Line>,
    /// The keys of a handshake that the library has not confirmed yet.
    exported: Option<dtls::ExportedKeys>,
    /// The video codec that came first in the answer.
    preferred: Codec,
    /// Where everything but the answers to checks goes. None: nobody has checked yet.
    path: Option<Path>,
    /// The port that the present datagram reached.
    via: u8,
    /// Where the present datagram came from.
    asked_from: Option<SocketAddr>,
    /// The present datagram was an ICE check that proved the password.
    check_accepted: bool,
    hint: TrainHint,
    /// When the library wants time to pass.
    library_due: Instant,
    /// Makes the session fail inside its next call, as a bug would.
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
        let mut rtc = config::base(c.certificate, creds, &c.video, (red, numbered))
            .set_crypto_provider(dtls::provider_without_srtp())
            .set_ice_lite(true)
            .build(now);
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
        let lines: Vec<Line> =
            offer.lines.iter().map(|l| Line::negotiated(&mut rtc, &l.mid, l.kind)).collect();
        let audio = lines.iter().any(|l| l.kind == MediaKind::Audio && l.takes(Codec::Opus));
        if !audio {
            return Err(invalid("the offer has no Opus audio: offer opus/48000/2".into()));
        }
        // Negotiated, and ours from here on: a line that the library keeps has timers, and reports that pile up unsent.
        for line in &offer.lines {
            rtc.direct_api().remove_media(Mid::from(&*line.mid));
        }
        let answer = answer::finish(&answer.to_sdp_string(), c.candidates, offer);
        let rtp = RtpSession::new(offer, &lines, answer::cname(&answer).to_owned(), now);
        let transport = Self {
            rtc,
            rtp,
            lines,
            exported: None,
            preferred: c.video[0],
            path: None,
            via: 0,
            asked_from: None,
            check_accepted: false,
            hint: TrainHint::default(),
            library_due: now,
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
        self.rtp.due().map_or(self.library_due, |due| due.min(self.library_due))
    }

    /// Where everything but the answers to checks goes from now on.
    pub(crate) fn set_path(&mut self, path: Path) {
        self.path = Some(path);
    }

    /// Retransmissions that were asked for beyond the budget, since the last call.
    pub(crate) fn take_rtx_refused(&mut self) -> u64 {
        std::mem::take(&mut self.rtp.rtx_refused)
    }

    /// Takes a datagram that reached the port `via`.
    ///
    /// # Errors
    /// The session cannot go on: drop it.
    pub(crate) fn receive<'p>(
        &mut self,
        d: Datagram<'p>,
        via: u8,
        now: Instant,
        sink: &mut Sink<'_>,
    ) -> Result<Received<'p>, Broken> {
        (self.via, self.asked_from, self.check_accepted) = (via, Some(d.source), false);
        self.guarded(move |t| match kind(d.contents) {
            Kind::Rtp => Ok(t.receive_media(d.contents, now, sink)),
            // Data channels are not spoken, but the library would take an association from whoever brings one.
            Kind::Dtls if has_application_data(d.contents) => Ok(Received::Garbage),
            Kind::Dtls | Kind::Stun => t.receive_handshake(&d, now, sink),
            Kind::Other => Ok(Received::Garbage),
        })
    }

    /// RTP or RTCP, which share a transport (RFC 5761).
    fn receive_media<'p>(
        &mut self,
        contents: &'p mut [u8],
        now: Instant,
        sink: &mut Sink<'_>,
    ) -> Received<'p> {
        let Some(hop) = self.media_hop() else { return Received::Garbage };
        let Self { rtp, lines, hint, .. } = self;
        let mut out = Out { hop, hint, trains: sink.trains };
        let is_control = contents.get(1).is_some_and(|second| (192..=223).contains(second));
        let received = if is_control {
            match rtp.receive_control(contents, lines, now, &mut out, sink.events) {
                Ok(()) | Err(Refused::Useless) => Received::Opened,
                Err(Refused::Invalid) => Received::Garbage,
            }
        } else {
            match rtp.receive(contents, lines, now) {
                Ok(packet) => Received::Packet(packet),
                Err(Refused::Useless) => Received::Opened,
                Err(Refused::Invalid) => Received::Garbage,
            }
        };
        if !matches!(received, Received::Garbage) {
            rtp.notice(now, &mut out, sink.events);
        }
        received
    }

    /// DTLS or STUN, which the library reads.
    fn receive_handshake<'p>(
        &mut self,
        d: &Datagram<'_>,
        now: Instant,
        sink: &mut Sink<'_>,
    ) -> Result<Received<'p>, Broken> {
        let Ok(input) = Receive::new(Protocol::Udp, d.source, d.destination, d.contents) else {
            return Ok(Received::Garbage);
        };
        // An error of one datagram (a bad DTLS record, say) must not cost the session: anybody can send one from a faked
        // address. What is fatal shows in `is_alive`.
        let taken = self.rtc.handle_input(Input::Receive(now, input));
        if let Err(error) = &taken
            && !self.rtc.is_alive()
        {
            tracing::debug!(error = %Untrusted(error), "a datagram ended the session");
        }
        self.drain(now, sink)?;
        if !self.rtc.is_alive() {
            sink.events.push(Event::Closed);
        }
        Ok(match taken {
            Err(_) => Received::Garbage,
            Ok(()) if self.check_accepted => Received::Check,
            Ok(()) => Received::Handshake,
        })
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// The session cannot go on: drop it.
    pub(crate) fn advance(&mut self, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken> {
        self.guarded(|t| {
            if let Some(hop) = t.media_hop() {
                let Self { rtp, lines, hint, .. } = t;
                rtp.advance(lines, now, &mut Out { hop, hint, trains: sink.trains }, sink.events);
            }
            if t.library_due > now {
                return Ok(());
            }
            t.rtc.handle_input(Input::Timeout(now))?;
            t.drain(now, sink)
        })
    }

    /// Sends an RTP packet into a slot. Does nothing if the slot does not take its codec.
    ///
    /// # Errors
    /// The session cannot go on: drop it.
    pub(crate) fn send(&mut self, w: &Write<'_>, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken> {
        self.guarded(|t| {
            if let Some(hop) = t.media_hop() {
                let Self { rtp, lines, hint, .. } = t;
                rtp.send(w, lines, now, &mut Out { hop, hint, trains: sink.trains });
            }
            Ok(())
        })
    }

    /// Asks the peer for a key frame on a line. `false` if nothing has come on it yet: its first frame will be one.
    ///
    /// # Errors
    /// The session cannot go on: drop it.
    pub(crate) fn request_keyframe(&mut self, line: usize, sink: &mut Sink<'_>) -> Result<bool, Broken> {
        self.guarded(|t| {
            let Some(hop) = t.media_hop() else { return Ok(false) };
            let Self { rtp, hint, .. } = t;
            Ok(rtp.request_keyframe(line, &mut Out { hop, hint, trains: sink.trains }))
        })
    }

    /// Says goodbye (RTCP BYE, DTLS close notify); the caller then drops the transport.
    pub(crate) fn close(&mut self, now: Instant, sink: &mut Sink<'_>) {
        let closed = self.guarded(|t| {
            if let Some(hop) = t.media_hop() {
                let Self { rtp, hint, .. } = t;
                rtp.close(&mut Out { hop, hint, trains: sink.trains });
            }
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
            assert!(!std::mem::take(&mut self.fails), "a bug, for the test");
            f(self)
        }))
        .unwrap_or(Err(Broken::Panic))
    }

    /// Where media goes.
    fn media_hop(&self) -> Option<Hop> {
        self.path.map(|p| Hop { destination: p.peer, source: p.local, via: p.via })
    }

    /// Lets the library come to rest, as its contract wants after each mutation.
    fn drain(&mut self, now: Instant, sink: &mut Sink<'_>) -> Result<(), Broken> {
        let mut turns = 0;
        for _ in 0..MAX_OUTPUTS {
            let (output, exported) = dtls::exporting(|| self.rtc.poll_output());
            self.exported = exported.or(self.exported.take());
            match output? {
                RtcOutput::Timeout(due) if due <= now && turns < MAX_TURNS => {
                    turns += 1;
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
                RtcOutput::Timeout(due) => {
                    self.library_due = due.max(now + MIN_TIMEOUT);
                    return Ok(());
                }
                RtcOutput::Transmit(t) => self.transmit(&t, sink),
                RtcOutput::Event(RtcEvent::Connected) => {
                    // The library has compared the peer's certificate with the offer's fingerprint by now.
                    let exported = self.exported.take().ok_or(Broken::NoSrtp)?;
                    if !self.rtp.set_keys(&exported, now) {
                        return Err(Broken::NoSrtp);
                    }
                    sink.events.push(Event::Connected);
                }
                RtcOutput::Event(RtcEvent::Closed) => sink.events.push(Event::Closed),
                RtcOutput::Event(_) => {}
            }
        }
        Err(Broken::Endless)
    }

    /// Sends what the library sends: answers to checks where they came from, DTLS on the way that we chose.
    fn transmit(&mut self, t: &str0m::net::Transmit, sink: &mut Sink<'_>) {
        let contents: &[u8] = &t.contents;
        let answer = Hop { destination: t.destination, source: t.source.ip(), via: self.via };
        let hop = if kind(contents) == Kind::Stun {
            // A Binding success response (RFC 8489 §5): the library gives one where the password was right.
            self.check_accepted |= contents.starts_with(&[1, 1]) && self.asked_from == Some(t.destination);
            answer
        } else {
            self.media_hop().unwrap_or(answer)
        };
        sink.trains.push(hop, &mut self.hint, |buffer| {
            buffer.extend_from_slice(contents);
            true
        });
    }
}
